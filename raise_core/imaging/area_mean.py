"""Volumes on another grid: each new voxel is the mean of the old picture over the new voxel's own extent.

The old picture is the linear interpolation between voxel centres, with the outermost half voxel constant. Where the
new grid is finer this is nearly linear interpolation; where it is coarser nothing is skipped: a small hot lesion is
diluted but never missed, and uptake times volume is the same before and after. One rule, without a switch in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from raise_core.domain.volume import Geometry, Triple, Volume

Float32 = NDArray[np.float32]
FloatArray = NDArray[np.float64]

OBLIQUE_TOLERANCE = 1e-3
"""Directions this close to the patient's axes count as along them: half a millimetre over half a metre."""

sitk: Any = SimpleITK  # the library carries no types


@dataclass(frozen=True)
class Lattice:
    """Boxes in the patient, along x, y and z; the boxes may overlap or leave gaps.

    Attributes:
        counts: boxes along x, y, z.
        first_mm: middle of the first box.
        step_mm: from one middle to the next.
        extent_mm: size of each box.
    """

    counts: tuple[int, int, int]
    first_mm: Triple
    step_mm: Triple
    extent_mm: Triple

    @classmethod
    def of(cls, geometry: Geometry) -> Lattice:
        """The voxels of a grid whose axes are the patient's."""
        return cls(geometry.size, geometry.origin_mm, geometry.spacing_mm, geometry.spacing_mm)


def along_patient_axes(volume: Volume, *, outside: float) -> Volume:
    """The volume on a grid whose axes are x, y and z; a view where they are already, else resampled linearly.

    Args:
        volume: any grid.
        outside: value of voxels beyond the old grid.

    Returns:
        A volume in patient order with the spacing of the old one along the nearest axes; float32 where resampled.
    """
    ordered = volume.in_patient_order()
    grid = ordered.geometry
    if np.abs(np.asarray(grid.direction) - np.eye(3)).max() <= OBLIQUE_TOLERANCE:
        return Volume(ordered.array, Geometry.of(**{**_parts(grid), "direction": np.eye(3)}))
    corners = grid.corners_mm()
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = np.ceil((high - low) / np.asarray(grid.spacing_mm)).astype(int) + 1
    straight = Geometry.of(size=size, spacing_mm=grid.spacing_mm, origin_mm=low, direction=np.eye(3))
    image = sitk.GetImageFromArray(np.ascontiguousarray(ordered.array, dtype=np.float32))
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(np.asarray(grid.direction).ravel().tolist())
    moved = sitk.Resample(
        image,
        [int(n) for n in straight.size],
        sitk.Transform(),
        sitk.sitkLinear,
        straight.origin_mm,
        straight.spacing_mm,
        np.eye(3).ravel().tolist(),
        float(outside),
        sitk.sitkFloat32,
    )
    return Volume(sitk.GetArrayFromImage(moved), straight)


def mean_over(
    volume: Volume,
    lattice: Lattice,
    *,
    outside: float,
    slice_values: Callable[[Float32, int, slice, slice], Float32] | None = None,
) -> Float32:
    """Means of a volume over boxes.

    Args:
        volume: along the patient's axes (`along_patient_axes`).
        lattice: the boxes.
        outside: value of the space beyond the volume; a box that lies partly outside takes its share.
        slice_values: changes an axial slice before it counts; gets its values as float32, its index k and which rows
            and columns of it are given.

    Returns:
        shape (boxes along z, y, x), float32.
    """
    grid = volume.geometry
    across, down, up = (
        _shares(grid.size[axis], grid.origin_mm[axis], grid.spacing_mm[axis], lattice, axis) for axis in range(3)
    )
    rows, columns = _used(down), _used(across)
    stacked = np.zeros((up.shape[0], rows.stop - rows.start, columns.stop - columns.start), dtype=np.float32)
    for k in np.flatnonzero(up.any(axis=0)):
        values = volume.array[k, rows, columns].astype(np.float32)
        if slice_values is not None:
            values = slice_values(values, int(k), rows, columns)
        for box in np.flatnonzero(up[:, k]):
            stacked[box] += up[box, k] * values
    inside = (down[:, rows] @ stacked) @ across[:, columns].T
    z, y, x = (np.asarray(shares.sum(axis=1)) for shares in (up, down, across))
    covered = z[:, None, None] * y[None, :, None] * x[None, None, :]
    means: Float32 = (inside + (1.0 - covered) * np.float32(outside)).astype(np.float32)
    return means


def _parts(geometry: Geometry) -> dict[str, Any]:
    return {"size": geometry.size, "spacing_mm": geometry.spacing_mm, "origin_mm": geometry.origin_mm}


def _used(shares: Float32) -> slice:
    """The stretch of old voxels that any box touches."""
    touched = np.flatnonzero(shares.any(axis=0))
    return slice(int(touched[0]), int(touched[-1]) + 1) if touched.size else slice(0, 0)


def _shares(count: int, origin_mm: float, spacing_mm: float, lattice: Lattice, axis: int) -> Float32:
    """Share (boxes, voxels) that each old voxel has in the mean over each box, along one axis.

    A row sums to the part of the box that lies inside the old picture.
    """
    middles = (
        lattice.first_mm[axis] + lattice.step_mm[axis] * np.arange(lattice.counts[axis]) - origin_mm
    ) / spacing_mm
    half = lattice.extent_mm[axis] / spacing_mm / 2
    starts, ends = (np.clip(edge, -0.5, count - 0.5) for edge in (middles - half, middles + half))
    taps = np.arange(-1, count + 1)
    parts = (_hat_integral(ends[:, None] - taps) - _hat_integral(starts[:, None] - taps)) / (2 * half)
    parts[:, 1] += parts[:, 0]  # the outermost half voxel is constant
    parts[:, -2] += parts[:, -1]
    shares: Float32 = parts[:, 1:-1].astype(np.float32)
    return shares


def _hat_integral(x: FloatArray) -> FloatArray:
    """Integral up to x of the hat that is 1 at 0 and falls to 0 at -1 and 1."""
    inside = np.clip(x, -1.0, 1.0)
    total: FloatArray = np.where(inside < 0, 0.5 * (1 + inside) ** 2, 1 - 0.5 * (1 - inside) ** 2)
    return total
