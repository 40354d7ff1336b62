"""Where the body lies on a CT or a PET: found coarsely, which is enough to centre a field on it and drop the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from raise_core.domain.errors import BadInputError
from raise_core.domain.volume import Volume
from raise_core.imaging.area_mean import Lattice, mean_over

CT_STEP_MM = 6.0
"""About how far apart the voxels of CT are that are looked at."""

PET_STEP_MM = 8.0
"""PET is averaged to this: about its resolution, and noise in the air then stays below the body's uptake."""

LEAST_BODY_ML = 100.0
"""Less is no part of a body."""

LUNG_BELOW_HU = -500.0
LEAST_LUNG_ML = 400.0
"""One lung holds 1 to 3 litres; the gas in a bowel rarely so much in one piece."""

LUNG_BASE_SHARE = 0.1

WITHIN_SLICES = np.stack([np.zeros((3, 3)), ndimage.generate_binary_structure(2, 1), np.zeros((3, 3))]).astype(bool)
"""Neighbours of a voxel in its own axial slice."""

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Body:
    """The largest connected part of a scan that is body.

    Attributes:
        mask: (k, j, i) on a coarser grid: True where body is, with the air inside it and a margin of one voxel.
        steps: how many voxels of the scan a voxel of the mask stands for along k, j, i.
        centre_mm: centre of mass of the body along x and y.
        z_mm: its lowest and highest point.
        values: what the scan holds in the body, at the places looked at.
    """

    mask: BoolArray
    steps: tuple[int, int, int]
    centre_mm: tuple[float, float]
    z_mm: tuple[float, float]
    values: NDArray[np.float32]


def body_on_ct(ct: Volume, *, above_hu: float) -> Body:
    """The body on a CT along the patient's axes, without the table.

    What is thinner than about 12 mm (the shell of a table, blankets, tubes) is taken off before the largest connected
    part is chosen; the part then gets its skin back. Arms that lie apart from the trunk are not part of it.

    Args:
        ct: in HU.
        above_hu: densities above are body.

    Raises:
        BadInputError: nothing large enough is denser than `above_hu`.
    """
    i, j, k = (max(1, round(CT_STEP_MM / mm)) for mm in ct.geometry.spacing_mm)
    values = ct.array[::k, ::j, ::i].astype(np.float32)
    x, y, z = (mm * step for mm, step in zip(ct.geometry.spacing_mm, (i, j, k), strict=True))
    dense = values > above_hu
    padded = np.pad(dense, 1, mode="edge")  # a body that is cut by the edge of the field is not thin there
    opened = ndimage.binary_opening(padded, iterations=1)[1:-1, 1:-1, 1:-1]
    core = _largest(opened, voxel_ml=x * y * z / 1000)
    if core is None:
        raise BadInputError(
            f"no body is found on the CT: nothing larger than {LEAST_BODY_ML:.0f} mL is denser than {above_hu:g} HU; "
            "check that the file is a CT in HU with its right spacing."
        )
    body = ndimage.binary_dilation(core, iterations=2) & dense
    filled = _without_holes(body)
    return _described(ct, filled, (k, j, i), values[filled])


def body_on_pet(pet: Volume, *, above_suv: float) -> Body:
    """The body on a PET along the patient's axes.

    Args:
        pet: SUV.
        above_suv: mean uptake above is body.

    Raises:
        BadInputError: nothing large enough takes up more than `above_suv`.
    """
    i, j, k = (max(1, round(PET_STEP_MM / mm)) for mm in pet.geometry.spacing_mm)
    spacing, origin = np.asarray(pet.geometry.spacing_mm), np.asarray(pet.geometry.origin_mm)
    steps = np.asarray([i, j, k])
    counts = -(-np.asarray(pet.geometry.size) // steps)
    first = origin + (steps - 1) / 2 * spacing
    wide = (float(spacing[0] * i), float(spacing[1] * j), float(spacing[2] * k))
    lattice = Lattice(
        (int(counts[0]), int(counts[1]), int(counts[2])),
        (float(first[0]), float(first[1]), float(first[2])),
        wide,
        wide,
    )
    values = mean_over(pet, lattice, outside=0.0)
    core = _largest(values > above_suv, voxel_ml=wide[0] * wide[1] * wide[2] / 1000)
    if core is None:
        raise BadInputError(
            f"no body is found on the PET: nothing larger than {LEAST_BODY_ML:.0f} mL has an SUV above {above_suv:g}; "
            "check that the file is a PET in SUV with its right spacing."
        )
    filled = _without_holes(core)
    return _described(pet, filled, (k, j, i), values[filled])


def lung_base_mm(ct: Volume, body: Body) -> float | None:
    """Height of the lower end of the lungs along z, which the upper abdomen hangs from.

    Lungs are the largest connected air inside the body; their lower end is where a tenth of their widest area is
    reached, so that a thin recess does not count.

    Args:
        ct: in HU, along the patient's axes.
        body: from `body_on_ct` of this scan.

    Returns:
        z in mm; None where the scan shows no lungs, or they reach down to its lowest slice.
    """
    k, j, i = body.steps
    inside = ndimage.binary_erosion(body.mask, iterations=3)  # the mask has a margin, which is air
    air = inside & (ct.array[::k, ::j, ::i] < LUNG_BELOW_HU)
    x, y, z = (mm * step for mm, step in zip(ct.geometry.spacing_mm, (i, j, k), strict=True))
    lungs = _largest(air, voxel_ml=x * y * z / 1000, least_ml=LEAST_LUNG_ML)
    if lungs is None:
        return None
    areas = lungs.sum(axis=(1, 2))
    lowest = int(np.flatnonzero(areas >= LUNG_BASE_SHARE * areas.max())[0])
    return None if lowest == 0 else ct.geometry.origin_mm[2] + lowest * z


def _largest(mask: BoolArray, *, voxel_ml: float, least_ml: float = LEAST_BODY_ML) -> BoolArray | None:
    """The largest connected part, None where there is none of at least `least_ml`."""
    labels, found = ndimage.label(mask)
    if not found:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = int(sizes.argmax())
    return None if sizes[largest] * voxel_ml < least_ml else labels == largest


def _without_holes(mask: BoolArray) -> BoolArray:
    """The mask with everything that it surrounds within an axial slice (lung, bowel gas)."""
    around = np.pad(~mask, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    labels, _ = ndimage.label(around, structure=WITHIN_SLICES)
    filled: BoolArray = (labels != labels[:, :1, :1])[:, 1:-1, 1:-1]
    return filled


def _described(scan: Volume, mask: BoolArray, steps: tuple[int, int, int], values: NDArray[np.float32]) -> Body:
    per_axis = [mask.sum(axis=tuple(other for other in range(3) if other != axis)) for axis in range(3)]
    geometry = scan.geometry
    centres = []
    for axis, index_axis in ((2, 0), (1, 1)):
        along = geometry.origin_mm[index_axis] + geometry.spacing_mm[index_axis] * steps[axis] * np.arange(
            mask.shape[axis]
        )
        centres.append(float(np.average(along, weights=per_axis[axis])))
    slices = np.flatnonzero(per_axis[0])
    z_step = geometry.spacing_mm[2]
    lowest = geometry.origin_mm[2] + z_step * (slices[0] * steps[0] - 0.5)
    last = min(geometry.size[2] - 1, int(slices[-1] + 1) * steps[0] - 1)
    highest = geometry.origin_mm[2] + z_step * (last + 0.5)
    margin = ndimage.binary_dilation(mask, iterations=1)
    return Body(margin, steps, (centres[0], centres[1]), (float(lowest), float(highest)), values)
