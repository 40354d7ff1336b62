"""PET and CT of one patient on one grid in mm, as a 3-D network sees them.

Conventions, stated once:

* The grid runs along the patient's own axes (LPS); `array[k, j, i]` has k to the head, j to the back, i to the left.
* It has the plan's field, the same for everybody, centred on the body (`PetCtPlan.field_mm`). The middle in x and y
  comes from CT where there is one; the lowest and highest point of the body from both scans, so that a CT of the
  abdomen does not move the field of a longer PET.
* Each voxel is the mean of a scan over the voxel's extent (`area_mean`); HU are windowed and SUV are clipped and
  scaled after that. What a scan does not cover is air on CT and no uptake on PET.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from raise_core.domain.errors import BadInputError
from raise_core.domain.volume import Geometry, Volume
from raise_core.imaging.area_mean import Lattice, along_patient_axes, mean_over
from raise_core.imaging.body import Body, body_on_pet
from raise_core.imaging.ct_values import AIR_HU, CtValues, checked_body
from raise_core.imaging.lesion_grid import LesionMask, lesions_on
from raise_core.imaging.petct_plan import PETCT_VERSION, PetCtPlan, SuvScaling
from raise_core.imaging.window import apply_window

__all__ = ["PETCT_VERSION", "LesionMask", "PetCtImage", "prepare_petct", "scaled_suv"]

MOST_MEDIAN_SUV = 200.0
"""A body whose median is higher is not in SUV (its mean is about 1 by definition) but in Bq/mL, thousands."""

LEAST_OVERLAP = 0.25
"""Share of the smaller field of view that both scans must show."""

SUV_REMEDY = "convert the PET to SUV (by body weight) first; DICOM import does that from the series' own tags."


@dataclass(frozen=True, eq=False)
class PetCtImage:
    """One patient's volumes, all on the same grid, arrays (k, j, i).

    Attributes:
        geometry: the grid, along the patient's axes (LPS).
        pet: scaled SUV, 0 to 1; None without PET.
        ct: windowed HU, 0 to 1; None without CT.
        lesion: voxels of annotated lesions; None where no lesion was given.
    """

    geometry: Geometry
    pet: NDArray[np.float32] | None
    ct: NDArray[np.float32] | None
    lesion: NDArray[np.bool_] | None


def prepare_petct(
    pet: Volume | None, ct: Volume | None, *, plan: PetCtPlan, lesions: Sequence[LesionMask] = ()
) -> PetCtImage:
    """PET and CT of one patient on the grid of a plan. The same scans give the same voxels on every run.

    Args:
        pet: SUV, on any grid; None where there is none.
        ct: HU, on any grid; None where there is none.
        plan: settings.
        lesions: masks, each on any grid. A lesion takes as many voxels as its volume comes to, at least one; what
            lies outside the field of the grid is not shown.

    Raises:
        BadInputError: there is neither PET nor CT, values are not SUV or not HU or not finite, no body is found, the
            scans do not show the same part of the body, or a lesion mask is empty.
    """
    if pet is None and ct is None:
        raise BadInputError("there is neither a PET nor a CT of this patient; at least one is needed.")
    with threadpool_limits(limits=1):  # the result must not depend on the number of cores
        pet = None if pet is None else along_patient_axes(pet, outside=0.0)
        ct = None if ct is None else along_patient_axes(ct, outside=AIR_HU)
        if pet is not None and ct is not None:
            _require_overlap(pet.geometry, ct.geometry)
        pet_body = None if pet is None else _checked_pet_body(pet, plan)
        ct_body = None if ct is None else checked_body(ct, above_hu=plan.body_hu)
        geometry = _field(plan, pet_body, ct_body)
        boxes = Lattice.of(geometry)
        return PetCtImage(
            geometry=geometry,
            pet=None if pet is None else scaled_suv(_finite(mean_over(pet, boxes, outside=0.0), "PET"), plan),
            ct=None if ct is None or ct_body is None else _windowed(ct, ct_body, boxes, plan),
            lesion=lesions_on(geometry, lesions) if lesions else None,
        )


def scaled_suv(suv: NDArray[np.float32], plan: PetCtPlan) -> NDArray[np.float32]:
    """SUV of any shape as values from 0 to 1."""
    share = np.clip(suv / np.float32(plan.suv_maximum), 0.0, 1.0)
    scaled: NDArray[np.float32] = np.sqrt(share) if plan.suv_scaling is SuvScaling.SQUARE_ROOT else share
    return scaled


def _windowed(ct: Volume, body: Body, boxes: Lattice, plan: PetCtPlan) -> NDArray[np.float32]:
    prepare = CtValues(body if plan.remove_table else None)
    means = _finite(mean_over(ct, boxes, outside=AIR_HU, slice_values=prepare), "CT")
    return apply_window(means, plan.window).astype(np.float32)


def _checked_pet_body(pet: Volume, plan: PetCtPlan) -> Body:
    body = body_on_pet(pet, above_suv=plan.body_suv)
    median = float(np.median(body.values))
    if median > MOST_MEDIAN_SUV:
        raise BadInputError(
            f"the PET's median in the body is {median:.0f}: these are not SUV but most likely Bq/mL; {SUV_REMEDY}"
        )
    return body


def _finite(values: NDArray[np.float32], modality: str) -> NDArray[np.float32]:
    if not np.isfinite(values).all():
        raise BadInputError(f"the {modality} holds values that are not numbers; export it again.")
    return values


def _require_overlap(pet: Geometry, ct: Geometry) -> None:
    boxes = []
    for geometry in (pet, ct):
        half = np.asarray(geometry.spacing_mm) / 2
        corners = geometry.corners_mm()
        boxes.append((corners.min(axis=0) - half, corners.max(axis=0) + half))
    (low_a, high_a), (low_b, high_b) = boxes
    common = float(np.prod(np.clip(np.minimum(high_a, high_b) - np.maximum(low_a, low_b), 0.0, None)))
    smaller = float(min(np.prod(high_a - low_a), np.prod(high_b - low_b)))
    if common < LEAST_OVERLAP * smaller:
        raise BadInputError(
            f"PET and CT show different parts of space ({100 * common / smaller:.0f} % of the smaller field of view "
            "is common); give two scans of one examination, with the positions of the scanner in their headers."
        )


def _field(plan: PetCtPlan, pet: Body | None, ct: Body | None) -> Geometry:
    """The plan's grid, centred on the body."""
    bodies = [body for body in (ct, pet) if body is not None]
    x, y = bodies[0].centre_mm
    low, high = min(body.z_mm[0] for body in bodies), max(body.z_mm[1] for body in bodies)
    length = plan.field_mm[2]
    z = (low + high) / 2 if high - low <= length else high - length / 2
    half = (np.asarray(plan.field_mm) - np.asarray(plan.spacing_mm)) / 2
    return Geometry.of(
        size=[plan.side_voxels] * 3,
        spacing_mm=plan.spacing_mm,
        origin_mm=np.asarray([x, y, z]) - half,
        direction=np.eye(3),
    )
