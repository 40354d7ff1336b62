from __future__ import annotations

import pytest

from raise_core.domain.errors import BadUsageError
from raise_core.imaging.plan import SliceImagePlan, Variant
from raise_core.imaging.window import LIVER


def test_a_plan_round_trips_through_json():
    plan = SliceImagePlan(pixel_spacing_mm=0.703125, input_px=224, window=LIVER, lesion_crop_mm=90, liver_crop_mm=300)
    assert SliceImagePlan.from_json(plan.to_json()) == plan
    assert SliceImagePlan.from_json(plan.to_json()).to_json() == plan.to_json()


def test_crops_are_whole_pixels_of_the_cohort_spacing():
    plan = SliceImagePlan(pixel_spacing_mm=0.8, input_px=125, lesion_crop_mm=100, liver_crop_mm=300)
    assert plan.crop_pixels(Variant.LESION) == plan.crop_pixels(Variant.BINARY) == 125
    assert plan.mm_per_pixel(Variant.LESION) == pytest.approx(0.8)
    assert plan.mm_per_pixel(Variant.LIVER) == pytest.approx(2.4)


@pytest.mark.parametrize(
    "change",
    [
        {"pixel_spacing_mm": 0.0},
        {"pixel_spacing_mm": float("nan")},
        {"input_px": 4},
        {"lesion_crop_mm": 1.0},
        {"liver_crop_mm": 5000.0},
    ],
)
def test_settings_that_give_no_picture_are_refused(change):
    with pytest.raises(BadUsageError, match=next(iter(change))):
        SliceImagePlan(**({"pixel_spacing_mm": 0.8, "input_px": 128} | change))


@pytest.mark.parametrize("text", ['{"input_px": 128}', '{"window": {}}', '{"window": {"name": "x"}, "colour": 1}'])
def test_text_that_is_no_plan_is_refused(text):
    with pytest.raises(BadUsageError, match="plan"):
        SliceImagePlan.from_json(text)
