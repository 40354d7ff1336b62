"""Ticks of a log axis of ratios, wide or narrow."""

from __future__ import annotations

import math

from raise_core.figures.marker_axis import log_ticks

LEAST_TICKS, SEVERAL_TICKS = 3, 4


def ratio_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Ticks within a range: at 1, 2 and 5 of each decade, or evenly in a range too narrow for three of them.

    Args:
        low: smallest ratio drawn, above 0.
        high: largest, above `low`.
    """
    values, texts = log_ticks(low, high)
    within = [place for place, value in enumerate(values) if low <= value <= high]
    if len(within) >= LEAST_TICKS:
        return [values[place] for place in within], [texts[place] for place in within]
    rough = (high - low) / SEVERAL_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(size * power for size in (1.0, 2.0, 5.0) if size * power <= rough * (1 + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    even = [place * step for place in range(first, last + 1)]
    decimals = max(0, -math.floor(math.log10(step)))
    return even, [f"{value:.{decimals}f}" for value in even]
