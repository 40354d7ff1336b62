"""What a radiologist would draw around a lesion: a 2-D contour on its widest slice, nearly but not quite right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raise_core.demo.outline import TABLE, lobes
from raise_core.demo.scanner import GRID
from raise_core.demo.tables import Phase
from raise_core.demo.tumour import Tumour, longest_diameter

CONTOUR_NOISE: dict[Phase, float] = {"portal": 0.02, "arterial": 0.035}
"""Relative error of the drawn outline and of its size; the arterial edge is harder to see."""
CONTOUR_SHIFT_MM = 0.4


def draw_contour(
    tumour: Tumour,
    *,
    diameter_mm: float,
    shift_mm: tuple[float, float],
    pixel_mm: float,
    phase: Phase,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """The filled contour on the lesion's annotated slice, shape (rows, columns).

    A pixel belongs to it when its centre lies inside; a lesion never vanishes between pixels.
    """
    error = CONTOUR_NOISE[phase]
    drawn = tumour.outline * lobes(rng, amount=error, first=1, last=5)
    radius = drawn * (diameter_mm * float(np.exp(error * rng.normal())) / longest_diameter(drawn))
    wobble = rng.normal(0.0, CONTOUR_SHIFT_MM, 2)
    at_x = tumour.centre_mm[0] + shift_mm[0] + wobble[0]
    at_y = tumour.centre_mm[1] + shift_mm[1] + wobble[1]
    columns = (np.arange(GRID[2]) - (GRID[2] - 1) / 2) * pixel_mm - at_x
    rows = (np.arange(GRID[1]) - (GRID[1] - 1) / 2) * pixel_mm - at_y
    turn = np.arctan2(rows[:, None], columns[None, :]) * (TABLE / (2 * np.pi))
    inside = np.hypot(rows[:, None], columns[None, :]) <= radius[np.round(turn).astype(np.int64) % TABLE]
    if not inside.any():
        inside[int(np.argmin(np.abs(rows))), int(np.argmin(np.abs(columns)))] = True
    return np.asarray(inside)
