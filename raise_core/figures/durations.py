"""How long something takes and how large it is, as people say it."""

from __future__ import annotations

from datetime import UTC, datetime

MISSING = "–"
_MINUTE, _HOUR = 60.0, 3600.0


def duration(seconds: float | None) -> str:
    """A measured time: 8 s, 2 min 5 s, 1 h 12 min."""
    if seconds is None:
        return MISSING
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if whole < _HOUR:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def duration_range(low_seconds: float, high_seconds: float) -> str:
    """An uncertain time, no finer than it is known: 20–40 s, 2–5 min, 1–3 h; "a few seconds" below ten."""
    if high_seconds < 10:
        return "a few seconds"
    if high_seconds < 90:
        return _between(_fives(low_seconds), max(_fives(high_seconds), 10), "s")
    if high_seconds < 90 * _MINUTE:
        return _between(_whole(low_seconds / _MINUTE), _whole(high_seconds / _MINUTE), "min")
    return _between(_whole(low_seconds / _HOUR), _whole(high_seconds / _HOUR), "h")


def size(number_of_bytes: float | None) -> str:
    """Bytes in the unit that suits: 12 kB, 3.4 MB, 1.2 GB (powers of ten, as disks are sold)."""
    if number_of_bytes is None:
        return MISSING
    value, unit = float(number_of_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 99.5 or unit in ("B", "kB") else f"{value:.1f} {unit}"


def moment(text: str | None) -> str:
    """A moment of the ledger or a record: 2026-11-22 14:05 (UTC)."""
    return MISSING if text is None else f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M}"


def _fives(seconds: float) -> int:
    return 5 * round(seconds / 5)


def _whole(amount: float) -> int:
    return max(1, round(amount)) if amount >= 0.75 else 0


def _between(low: int, high: int, unit: str) -> str:
    if low >= high:
        return f"about {high} {unit}"
    return f"up to {high} {unit}" if low == 0 else f"{low}–{high} {unit}"
