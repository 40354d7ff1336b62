"""How numbers are written: one rule each, the same on every page."""

from __future__ import annotations

MISSING = "–"


def cindex(value: float | None) -> str:
    """A c-index or AUROC: two decimals."""
    return MISSING if value is None else f"{value:.2f}"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """An estimate with its interval: 0.47 (0.30–0.73)."""
    if value is None:
        return MISSING
    if low is None or high is None:
        return f"{value:.2f}"
    return f"{value:.2f} ({low:.2f}–{high:.2f})"


def difference(value: float | None, low: float | None = None, high: float | None = None, *, digits: int = 2) -> str:
    """A signed difference with its interval: +0.03 (−0.02 to 0.08)."""
    if value is None:
        return MISSING
    text = _signed(value, digits)
    return text if low is None or high is None else f"{text} ({_minus(low, digits)} to {_minus(high, digits)})"


def decimal(value: float | None, digits: int) -> str:
    """A number with so many decimals and a true minus sign; a rounded zero has none."""
    return MISSING if value is None else _minus(value, digits)


def p_value(p: float | None) -> str:
    """A p-value: 0.04, 0.003, < 0.001."""
    if p is None:
        return MISSING
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.01 else f"{p:.2f}"


def p_equals(p: float) -> str:
    """A p-value as it follows the letter: '= 0.04', '< 0.001'."""
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"


def percent(share: float | None) -> str:
    """A share as a whole percentage."""
    return MISSING if share is None else f"{100 * share:.0f} %"


def week(value: float) -> str:
    """A visit week: whole where it is whole."""
    return f"{value:g}"


def _minus(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return (text.lstrip("-") if float(text) == 0 else text).replace("-", "−")


def _signed(value: float, digits: int) -> str:
    text = _minus(value, digits)
    return text if text.startswith("−") or float(text) == 0 else f"+{text}"
