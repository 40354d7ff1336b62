"""Which pictures are wanted, and the key under which the vector of each is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raise_core.features.encoder import FeatureEncoder
from raise_core.imaging.plan import SliceImagePlan, Variant
from raise_core.imaging.slices import SLICE_IMAGE_VERSION

FEATURE_VERSION = "features-1"
"""Raise this whenever the same picture and weights would give another vector: stored features are found by it."""


@dataclass(frozen=True)
class ImageRequest:
    """One picture of one annotated lesion.

    Attributes:
        scan_file: image in HU.
        scan_sha256: its content's hash.
        lesion_mask_file: mask or label map of the lesion on the scan's grid.
        lesion_mask_sha256: its content's hash.
        variant: what of the slice is shown.
        lesion_label: value of the lesion's voxels in a label map; None: every voxel that is not 0.
        liver_mask_file: mask of the liver on the scan's grid; None where there is none (then `liver` fails).
        liver_mask_sha256: its content's hash.
        liver_label: value of the liver's voxels in a label map, lesions included; None: every voxel that is not 0.
        slice_index: annotated slice along the file's third axis; None: the one with the largest lesion area.
    """

    scan_file: Path
    scan_sha256: str
    lesion_mask_file: Path
    lesion_mask_sha256: str
    variant: Variant
    lesion_label: int | None = None
    liver_mask_file: Path | None = None
    liver_mask_sha256: str | None = None
    liver_label: int | None = None
    slice_index: int | None = None


def feature_key(
    request: ImageRequest, *, plan: SliceImagePlan, encoder: FeatureEncoder, half_precision: bool = False
) -> str:
    """SHA-256 (hexadecimal) over everything that determines the vector, and nothing else.

    Two lesions on one slice have the same `liver` picture, so the lesion counts there only as far as it chooses the
    slice. A `binary` picture comes from the contour alone, so the scan's densities do not count.

    Args:
        request: the picture.
        plan: how pictures are made.
        encoder: by its name and weights.
        half_precision: whether the network runs in half precision (autocast), which changes vectors visibly.
    """
    picture: dict[str, Any] = {"variant": request.variant.value, "slice_index": request.slice_index}
    if request.variant is not Variant.LIVER or request.slice_index is None:
        picture["lesion"] = [request.lesion_mask_sha256, request.lesion_label]
    if request.variant is Variant.LIVER:
        picture["liver"] = [request.liver_mask_sha256, request.liver_label]
    if request.variant is not Variant.BINARY:
        picture["scan"] = request.scan_sha256
    determined_by = {
        "versions": [SLICE_IMAGE_VERSION, FEATURE_VERSION],
        "picture": picture,
        "plan": plan.to_dict(),
        "encoder": [encoder.name, encoder.weights_sha256],
        "half_precision": half_precision,
    }
    text = json.dumps(determined_by, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
