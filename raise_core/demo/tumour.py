"""Liver lesions in space: where each one sits, its outline and how far it reaches above and below its widest slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import pdist

from raise_core.demo.outline import TABLE, heights
from raise_core.demo.scanner import GRID, Float32Array

IRREGULARITY_MEDIAN = 0.055
IRREGULARITY_LOG_SD = 0.5
"""Relative amplitude of the outline's lobes: exp(log sd × the patient's latent shape) around the median."""
ELONGATION_MAX = 0.22
LOBE_ORDERS = np.arange(2, 8)
FLATTENING = 0.8
"""Half-height over half-diameter."""
GAP_MM = 3.0
"""Wanted between lesions, and between a lesion and the liver's edge."""
CANDIDATES = 4000


@dataclass(frozen=True, eq=False)
class Tumour:
    """One liver lesion as it lies in the patient, the same at every visit but for its size.

    Attributes:
        lesion_id: name within the patient.
        centre_mm: x and y from the middle of the template (patient mm).
        slice_index: axial slice it is widest in, and annotated on.
        outline: radius by angle (shape `TABLE`), for a longest diameter of 1.
        texture_offset: persistent deviation of its own enhancement, standard normal.
    """

    lesion_id: str
    centre_mm: tuple[float, float]
    slice_index: int
    outline: Float32Array
    texture_offset: float

    def slice_sizes(self, diameter_mm: float) -> NDArray[np.float64]:
        """Size in each slice relative to the widest one, shape (slices,); 0 where the lesion does not reach."""
        away = heights() - heights()[self.slice_index]
        return np.asarray(np.sqrt(np.clip(1.0 - (away / (FLATTENING * diameter_mm / 2)) ** 2, 0.0, 1.0)))


def draw_outline(rng: np.random.Generator, *, irregularity: float) -> Float32Array:
    """A closed outline of longest diameter 1, the more lobed the higher the standardised `irregularity`."""
    theta = np.arange(TABLE) * 2 * np.pi / TABLE
    amplitude = IRREGULARITY_MEDIAN * np.exp(IRREGULARITY_LOG_SD * irregularity)
    # Slowly falling spectrum: lobes are seen, spikes are not.
    weights = rng.normal(size=len(LOBE_ORDERS)) / np.sqrt(LOBE_ORDERS / LOBE_ORDERS[0])
    phases = rng.uniform(0, 2 * np.pi, len(LOBE_ORDERS))
    lobed = (weights[:, None] * np.cos(LOBE_ORDERS[:, None] * theta + phases[:, None])).sum(axis=0)
    lobed *= amplitude / np.sqrt((weights**2).sum() / 2)
    stretch = rng.uniform(0.0, ELONGATION_MAX)
    radius = 1.0 / np.sqrt(1.0 + stretch * np.cos(2 * (theta - rng.uniform(0, np.pi))))
    radius = radius * np.clip(1.0 + lobed, 0.45, 1.6)
    return np.asarray(radius / longest_diameter(radius), dtype=np.float32)


def longest_diameter(radius: NDArray[np.floating]) -> float:
    """Longest distance between two points of the outline given by its radius at `TABLE` equal angles."""
    every = TABLE // 128
    theta = np.arange(0, TABLE, every) * 2 * np.pi / TABLE
    points = np.stack([np.cos(theta), np.sin(theta)], axis=1) * np.asarray(radius, dtype=np.float64)[::every, None]
    return float(pdist(points).max())


def place(
    rng: np.random.Generator,
    *,
    liver: Float32Array,
    pixel_mm: float,
    lesion_ids: Sequence[str],
    largest_mm: Sequence[float],
    irregularity: float,
) -> tuple[Tumour, ...]:
    """Find room for all lesions at the largest size they will reach, the biggest first.

    Where the liver is too full for the wanted gap, the least crowded place is taken.

    Args:
        rng: the patient's own generator.
        liver: shape `GRID`, share of the voxel that is liver, with the patient's middle in the image's middle.
        pixel_mm: in-plane pixel size (mm).
        lesion_ids: names.
        largest_mm: longest diameter each lesion will have (mm).
        irregularity: standardised irregularity of the patient's lesions.
    """
    room = np.stack([ndimage.distance_transform_edt(part, sampling=pixel_mm) for part in liver > 0.5])
    voxels = np.argwhere(room > 4.0)
    chosen = voxels[rng.choice(len(voxels), size=min(CANDIDATES, len(voxels)), replace=False)]
    x = (chosen[:, 2] - (GRID[2] - 1) / 2) * pixel_mm
    y = (chosen[:, 1] - (GRID[1] - 1) / 2) * pixel_mm
    edge = room[tuple(chosen.T)]
    slab = heights()

    def reach(diameter: float, level: NDArray[np.float64]) -> NDArray[np.float64]:
        away = (slab[None, :] - level[:, None]) / (FLATTENING * diameter / 2)
        return np.asarray(diameter / 2 * np.sqrt(np.clip(1.0 - away**2, 0.0, 1.0)))

    placed: list[tuple[float, float, NDArray[np.float64]]] = []
    tumours: dict[int, Tumour] = {}
    for number in np.argsort(-np.asarray(largest_mm, dtype=np.float64), kind="stable"):
        own = reach(float(largest_mm[number]), slab[chosen[:, 0]])
        gap = edge - largest_mm[number] / 2
        for other_x, other_y, other in placed:
            between = np.hypot(x - other_x, y - other_y)[:, None] - own - other[None, :]
            between = np.where((own > 0) & (other[None, :] > 0), between, np.inf)
            gap = np.minimum(gap, between.min(axis=1))
        free = np.flatnonzero(gap >= GAP_MM)
        best = int(free[0]) if len(free) else int(np.argmax(gap))
        placed.append((float(x[best]), float(y[best]), own[best]))
        tumours[int(number)] = Tumour(
            lesion_id=lesion_ids[int(number)],
            centre_mm=(float(x[best]), float(y[best])),
            slice_index=int(chosen[best, 0]),
            outline=draw_outline(rng, irregularity=irregularity),
            texture_offset=float(rng.normal()),
        )
    return tuple(tumours[number] for number in range(len(lesion_ids)))
