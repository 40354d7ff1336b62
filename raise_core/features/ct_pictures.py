"""Axial slices of a CT as the pretrained CT network was trained to see them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from raise_core.domain.errors import BadInputError
from raise_core.domain.volume import Volume
from raise_core.features.ct_volume_plan import LEAST_STRETCH_MM, CtSlicesPlan, CtVolumeRequest
from raise_core.imaging.area_mean import Lattice, along_patient_axes, mean_over
from raise_core.imaging.body import Body, lung_base_mm
from raise_core.imaging.ct_values import AIR_HU, CtValues, checked_body
from raise_core.imaging.read import read_volume
from raise_core.imaging.window import apply_window

Pictures = NDArray[np.float32]


def ct_pictures(ct: Volume, plan: CtSlicesPlan) -> Pictures:
    """Slices evenly spaced over the upper abdomen or the whole body, centred on it.

    Rows run from the patient's left to the right and columns from back to front: the network's training read its
    scans so (axes right, front, head), and a network knows a liver by where it lies.

    Args:
        ct: in HU, on any grid.
        plan: which slices, and how they are shown.

    Returns:
        (slices, input_px, input_px), 0 to 1, from the feet to the head.

    Raises:
        BadInputError: the values are not HU or not finite, or no body is found.
    """
    with threadpool_limits(limits=1):  # the result must not depend on the number of cores
        ct = along_patient_axes(ct, outside=AIR_HU)
        body = checked_body(ct, above_hu=plan.body_hu)
        pixel_mm = plan.field_mm / plan.input_px
        low_mm, high_mm = _stretch(ct, body, plan)
        gap_mm = (high_mm - low_mm) / plan.slices
        x, y = (middle - (plan.field_mm - pixel_mm) / 2 for middle in body.centre_mm)
        lattice = Lattice(
            counts=(plan.input_px, plan.input_px, plan.slices),
            first_mm=(x, y, low_mm + gap_mm / 2),
            step_mm=(pixel_mm, pixel_mm, gap_mm),
            extent_mm=(pixel_mm, pixel_mm, plan.slab_mm),
        )
        densities = mean_over(ct, lattice, outside=AIR_HU, slice_values=CtValues(body))
    if not np.isfinite(densities).all():
        raise BadInputError("the CT holds values that are not numbers; export it again.")
    grey = apply_window(densities, plan.window).astype(np.float32)
    return np.ascontiguousarray(grey.transpose(0, 2, 1)[:, ::-1, ::-1])


def _stretch(ct: Volume, body: Body, plan: CtSlicesPlan) -> tuple[float, float]:
    """Lowest and highest z shown, in mm."""
    base = None if plan.whole_body else lung_base_mm(ct, body)
    if base is None:
        return body.z_mm
    low, high = max(body.z_mm[0], base - plan.below_lungs_mm), min(body.z_mm[1], base + plan.above_lungs_mm)
    return (low, high) if high - low >= LEAST_STRETCH_MM else body.z_mm


def pictures_of(request: CtVolumeRequest, *, plan: CtSlicesPlan) -> Pictures | str:
    """Slices of one patient's CT file, or why there are none; the reason names the patient."""
    try:
        return ct_pictures(read_volume(request.scan_file), plan)
    except BadInputError as error:
        return f"patient {request.patient_id}: {error}"
