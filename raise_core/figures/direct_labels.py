"""Names at line ends, pushed apart where they would overlap."""

from __future__ import annotations

import itertools
from collections.abc import Sequence


def spread(heights: Sequence[float], *, gap: float, ceiling: float, floor: float = float("-inf")) -> list[float]:
    """Move heights apart to at least `gap`, keeping their order; the ceiling counts more than the floor.

    Args:
        heights: of the names, in the axis' unit.
        gap: least distance of two.
        ceiling: of the highest.
        floor: of the lowest.
    """
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    placed = [max(height, floor) for height in heights]
    for before, after in itertools.pairwise(order):
        placed[after] = max(placed[after], placed[before] + gap)
    for position in reversed(order):
        placed[position] = min(placed[position], ceiling)
        ceiling = placed[position] - gap
    return placed
