"""From an annotated lesion to the picture a network sees.

Conventions, stated once:

* Pictures are axial slices in patient order (row 0 at the front, column 0 at the patient's right), whatever order and
  orientation the file has its axes in.
* `slice_index` counts the slices along the file's own third axis, from 0. If that axis does not run head to foot, a
  slice index means no axial slice; if it runs one way in the mask and the other way in the scan, it could mean either
  of two. Both are refused.
* Without a slice index the axial slice with the largest lesion area is taken; of equal ones the lowest in the body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import BadInputError
from raise_core.domain.volume import Geometry, Volume
from raise_core.imaging.plan import SliceImagePlan, Variant
from raise_core.imaging.resample import linear_at, nearest_at
from raise_core.imaging.window import apply_window

SLICE_IMAGE_VERSION = "slice-image-1"
"""Raise this whenever the same files and plan would give other pixels: stored features are found by it."""

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class _Placement:
    """Where the pixels of a finished picture lie on a slice, in pixels of the slice."""

    centre: tuple[float, float]
    spacing_mm: tuple[float, float]
    plan: SliceImagePlan
    variant: Variant

    def crop_positions(self) -> tuple[FloatArray, FloatArray]:
        """Rows and columns of the crop at the plan's pixel spacing."""
        count = self.plan.crop_pixels(self.variant)
        return self._on_slice(np.arange(count, dtype=np.float64))

    def resize_positions(self) -> FloatArray:
        """Positions of the finished pixels in pixels of the crop; the same for rows and columns."""
        count = self.plan.crop_pixels(self.variant)
        pixels = np.arange(self.plan.input_px, dtype=np.float64)
        positions: FloatArray = (pixels + 0.5) * (count / self.plan.input_px) - 0.5
        return positions

    def final_positions(self) -> tuple[FloatArray, FloatArray]:
        """Rows and columns of the finished pixels."""
        return self._on_slice(self.resize_positions())

    def _on_slice(self, crop_pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rows and columns of the slice, of positions given in pixels of the crop."""
        steps_mm = (crop_pixels - (self.plan.crop_pixels(self.variant) - 1) / 2) * self.plan.pixel_spacing_mm
        row, column = self.centre
        height_mm, width_mm = self.spacing_mm
        return row + steps_mm / height_mm, column + steps_mm / width_mm


def network_image(
    variant: Variant,
    *,
    plan: SliceImagePlan,
    scan: Volume | Geometry,
    lesion: Volume,
    label: int | None = None,
    liver: Volume | None = None,
    liver_label: int | None = None,
    slice_index: int | None = None,
) -> NDArray[np.float32]:
    """The picture of one annotated lesion, before the encoder's own normalisation.

    The slice is brought to the plan's pixel spacing in the square around the lesion's (for `liver`: the liver's)
    bounding box, windowed to 0..1 and resized. The mask is read from its own grid at the finished pixels, so pixels
    outside it are exactly 0 and none is a blend of tissue and background.

    Args:
        variant: what is shown.
        plan: settings.
        scan: densities in HU; its geometry alone is enough for `binary`.
        lesion: mask or label map on the scan's grid.
        label: voxels of this value are the lesion; None: every voxel that is not 0.
        liver: mask on the scan's grid, lesions included; needed for `liver`.
        liver_label: voxels of this value are liver; None: every voxel that is not 0.
        slice_index: annotated slice along the file's third axis, None for the one with the largest lesion area.

    Returns:
        shape (input_px, input_px), float32, 0..1.

    Raises:
        BadInputError: the grids differ, a mask is empty (on that slice), the liver mask is missing, the slice lies
            outside the scan, or densities are not finite.
    """
    grid = scan if isinstance(scan, Geometry) else scan.geometry
    _require_same_grid(grid, lesion, "lesion mask")
    if slice_index is not None and axial_index(grid, slice_index) != axial_index(lesion.geometry, slice_index):
        raise BadInputError(
            "the lesion mask counts its slices from the other end than the scan, so slice_index is ambiguous; save "
            "both with the same axes, or leave slice_index empty to take the slice with the largest lesion area."
        )
    k, shown_on = _annotated_slice(lesion, label, slice_index)
    if variant is Variant.LIVER:
        if liver is None:
            raise BadInputError("there is no liver mask for this scan; add one of kind 'liver', or leave out 'liver'.")
        _require_same_grid(grid, liver, "liver mask")
        shown_on = _labelled(liver.in_patient_order().array[k], liver_label)
        if not shown_on.any():
            raise BadInputError("the liver mask is empty on the lesion's slice; correct the mask.")
    spacing_i, spacing_j, _ = lesion.in_patient_order().geometry.spacing_mm
    place = _Placement(_bounding_box_centre(shown_on), (spacing_j, spacing_i), plan, variant)
    inside = nearest_at(shown_on, *place.final_positions())
    if not inside.any():
        raise BadInputError("the contour is smaller than one pixel of the finished picture; use a smaller crop.")
    if variant is Variant.BINARY:
        return inside.astype(np.float32)
    if not isinstance(scan, Volume):
        raise BadInputError(f"densities are needed for {variant.value}; a grid alone is enough for binary only.")
    crop = linear_at(scan.in_patient_order().array[k], *place.crop_positions())
    if not np.isfinite(crop).all():
        raise BadInputError("the scan holds densities that are not numbers around the lesion; export it again.")
    resize = place.resize_positions()
    grey = linear_at(apply_window(crop, plan.window), resize, resize)
    return np.where(inside, np.clip(grey, 0.0, 1.0), 0.0).astype(np.float32)


def axial_index(geometry: Geometry, slice_index: int) -> int:
    """Slice counted from the feet, of slice `slice_index` along the file's third axis.

    Raises:
        BadInputError: the third axis does not run head to foot, or the index lies outside the image.
    """
    (_, _, z), (_, _, upside_down) = geometry.patient_axes()
    if z != 2:
        raise BadInputError(
            "slice_index counts along the file's third axis, which here does not run head to foot; save the image "
            "with axial slices, or leave slice_index empty to take the slice with the largest lesion area."
        )
    count = geometry.size[2]
    if not 0 <= slice_index < count:
        raise BadInputError(f"slice_index {slice_index} lies outside the image, whose slices are 0 to {count - 1}.")
    return count - 1 - slice_index if upside_down else slice_index


def _annotated_slice(lesion: Volume, label: int | None, slice_index: int | None) -> tuple[int, BoolArray]:
    """The slice, counted from the feet, and the contour on it."""
    slices = lesion.in_patient_order().array
    named = "" if label is None else f" has no voxel of label {label}"
    if slice_index is not None:
        k = axial_index(lesion.geometry, slice_index)
        contour = _labelled(slices[k], label)
        if not contour.any():
            raise BadInputError(f"the lesion mask{named or ' is empty'} on slice {slice_index}; correct slice_index.")
        return k, contour
    areas = [int(np.count_nonzero(_labelled(one, label))) for one in slices]
    k = int(np.argmax(areas))
    if areas[k] == 0:
        raise BadInputError(f"the lesion mask{named or ' is empty'}; correct the mask.")
    return k, _labelled(slices[k], label)


def _labelled(values: NDArray[Any], label: int | None) -> BoolArray:
    chosen: BoolArray = values != 0 if label is None else values == label
    return chosen


def _require_same_grid(grid: Geometry, mask: Volume, what: str) -> None:
    if grid.same_grid(mask.geometry):
        return
    apart = grid.distance_in_voxels(mask.geometry)
    if not np.isfinite(apart):
        raise BadInputError(f"the {what} has {mask.geometry.size} voxels and the scan {grid.size}; they must match.")
    raise BadInputError(
        f"the {what} lies {apart:.2f} voxels beside the scan (by their headers); resample it to the scan's grid."
    )


def _bounding_box_centre(mask: BoolArray) -> tuple[float, float]:
    """Row and column in the middle of what the mask spans."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
