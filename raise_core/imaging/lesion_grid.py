"""Lesion masks on a coarser grid, each with the volume it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from raise_core.domain.errors import BadInputError
from raise_core.domain.volume import Geometry, Volume
from raise_core.imaging.area_mean import Lattice, along_patient_axes, mean_over

MOST_PARTS = 200
"""A mask in more pieces is speckle: it is then treated as one lesion, or every speck would become a whole voxel."""

SMALLEST_SHARE = 1e-4
"""Smaller shares of a voxel are rounding at the edge."""

BoolArray = NDArray[np.bool_]
WITH_DIAGONALS = np.ones((3, 3, 3), dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class LesionMask:
    """An annotated lesion.

    Attributes:
        volume: mask or label map on any grid.
        label: voxels of this value are the lesion; None: every voxel that is not 0, each connected part a lesion.
    """

    volume: Volume
    label: int | None = None


def lesions_on(geometry: Geometry, lesions: Sequence[LesionMask]) -> BoolArray:
    """Voxels of a grid that lesions take.

    A lesion takes the voxels it fills most, as many as its volume comes to and at least one. (A threshold of one half
    would lose every lesion that is smaller than a voxel, and many that lie across the border of two.)

    Args:
        geometry: the new grid, along the patient's axes.
        lesions: masks on any grids; several may share one label map.

    Returns:
        (k, j, i), True in a lesion; parts outside the grid are not shown.

    Raises:
        BadInputError: a mask is empty.
    """
    boxes = Lattice.of(geometry)
    union = np.zeros(geometry.size[::-1], dtype=np.bool_)
    for volume, labels in _by_volume(lesions):
        ordered = volume.in_patient_order()
        for label in labels:
            for part in _parts(ordered, label):
                shares = mean_over(along_patient_axes(part, outside=0.0), boxes, outside=0.0)
                union |= _filled_most(shares)
    return union


def _by_volume(lesions: Sequence[LesionMask]) -> Iterator[tuple[Volume, list[int | None]]]:
    """Label maps with the labels wanted of each."""
    grouped: dict[int, tuple[Volume, list[int | None]]] = {}
    for lesion in lesions:
        grouped.setdefault(id(lesion.volume), (lesion.volume, []))[1].append(lesion.label)
    yield from grouped.values()


def _parts(ordered: Volume, label: int | None) -> Iterator[Volume]:
    """Each lesion of a mask, cut out with nothing around it."""
    chosen: BoolArray = ordered.array != 0 if label is None else ordered.array == label
    spans = [np.flatnonzero(chosen.any(axis=tuple(other for other in range(3) if other != axis))) for axis in range(3)]
    if not spans[0].size:
        named = "" if label is None else f" of label {label}"
        raise BadInputError(f"the lesion mask has no voxel{named}; correct the mask or leave the lesion out.")
    box = tuple(slice(int(span[0]), int(span[-1]) + 1) for span in spans)
    inside = chosen[box]
    if label is not None:
        yield _cut(ordered.geometry, inside, [each.start for each in box])
        return
    labels, found = ndimage.label(inside, structure=WITH_DIAGONALS)
    if found > MOST_PARTS:
        yield _cut(ordered.geometry, inside, [each.start for each in box])
        return
    for number, part in enumerate(ndimage.find_objects(labels), start=1):
        start = [outer.start + inner.start for outer, inner in zip(box, part, strict=True)]
        yield _cut(ordered.geometry, labels[part] == number, start)


def _cut(geometry: Geometry, mask: BoolArray, start: Sequence[int]) -> Volume:
    """A part of a mask as a volume with a border of nothing, so that its edge is where the mask's is."""
    k, j, i = (first - 1 for first in start)
    values: NDArray[Any] = np.pad(mask.astype(np.float32), 1)
    size = values.shape[::-1]
    return Volume(
        values,
        Geometry.of(
            size=size,
            spacing_mm=geometry.spacing_mm,
            origin_mm=geometry.index_to_mm([i, j, k]),
            direction=geometry.direction,
        ),
    )


def _filled_most(shares: NDArray[np.float32]) -> BoolArray:
    """As many voxels as the shares add up to, those with the largest; of equal ones the first."""
    flat = shares.ravel()
    total = float(flat.sum(dtype=np.float64))
    taken = np.zeros(flat.size, dtype=np.bool_)
    if total > SMALLEST_SHARE:
        count = min(max(1, round(total)), int((flat > SMALLEST_SHARE).sum()))
        taken[np.argsort(-flat, kind="stable")[:count]] = True
    return taken.reshape(shares.shape)
