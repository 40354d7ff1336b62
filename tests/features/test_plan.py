from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from raise_core.features import plan as feature_plan
from raise_core.features.plan import ImageRequest, feature_key
from raise_core.imaging.plan import SliceImagePlan, Variant
from raise_core.imaging.window import LIVER


@dataclass(frozen=True)
class Named:
    name: str = "encoder"
    weights_sha256: str = "w"


PLAN = SliceImagePlan(pixel_spacing_mm=0.8, input_px=128)
REQUEST = ImageRequest(
    scan_file=Path("scan.nii"),
    scan_sha256="s",
    lesion_mask_file=Path("lesion.nii"),
    lesion_mask_sha256="l",
    variant=Variant.LESION,
    lesion_label=1,
    liver_mask_file=Path("liver.nii"),
    liver_mask_sha256="v",
    slice_index=3,
)


def key(plan=PLAN, encoder=None, half_precision=False, **change):
    return feature_key(replace(REQUEST, **change), plan=plan, encoder=encoder or Named(), half_precision=half_precision)


@pytest.mark.parametrize("variant", list(Variant))
def test_what_always_determines_the_vector_changes_the_key(variant, monkeypatch):
    keys = [
        key(variant=variant),
        key(variant=variant, slice_index=4),
        key(variant=variant, plan=replace(PLAN, pixel_spacing_mm=0.7)),
        key(variant=variant, plan=replace(PLAN, window=LIVER)),
        key(variant=variant, plan=replace(PLAN, input_px=224)),
        key(variant=variant, plan=replace(PLAN, lesion_crop_mm=90)),
        key(variant=variant, plan=replace(PLAN, liver_crop_mm=300)),
        key(variant=variant, encoder=Named(name="other")),
        key(variant=variant, encoder=Named(weights_sha256="other")),
        key(variant=variant, half_precision=True),
    ]
    monkeypatch.setattr(feature_plan, "SLICE_IMAGE_VERSION", "slice-image-next")
    keys.append(key(variant=variant))
    monkeypatch.setattr(feature_plan, "FEATURE_VERSION", "features-next")
    keys.append(key(variant=variant))
    assert len(set(keys)) == len(keys)
    assert len({key(variant=each) for each in Variant}) == 3


@pytest.mark.parametrize(
    ("variant", "slice_index", "counts"),
    [
        (Variant.LESION, 3, {"scan_sha256", "lesion_mask_sha256", "lesion_label"}),
        (Variant.BINARY, 3, {"lesion_mask_sha256", "lesion_label"}),
        (Variant.LIVER, 3, {"scan_sha256", "liver_mask_sha256", "liver_label"}),
        (
            Variant.LIVER,
            None,
            {"scan_sha256", "liver_mask_sha256", "liver_label", "lesion_mask_sha256", "lesion_label"},
        ),
    ],
)
def test_each_variant_depends_on_its_own_files_only(variant, slice_index, counts):
    start = key(variant=variant, slice_index=slice_index)
    fields = {
        "scan_sha256": "x",
        "lesion_mask_sha256": "x",
        "lesion_label": 9,
        "liver_mask_sha256": "x",
        "liver_label": 9,
    }
    changed = {
        field
        for field, value in fields.items()
        if key(variant=variant, slice_index=slice_index, **{field: value}) != start
    }
    assert changed == counts


def test_where_files_lie_does_not_matter():
    assert key(scan_file=Path("/elsewhere/a.nrrd"), lesion_mask_file=Path("b"), liver_mask_file=Path("c")) == key()
