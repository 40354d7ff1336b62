from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from raise_core.domain.errors import BadInputError
from raise_core.domain.volume import Geometry, Volume
from raise_core.imaging.plan import SliceImagePlan, Variant
from raise_core.imaging.read import read_volume
from raise_core.imaging.slices import axial_index, network_image
from raise_core.imaging.window import ABDOMEN_SOFT_TISSUE, apply_window

SHARED_CT = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "ct_liver_lesion"


def volume(array, spacing=(1.0, 1.0, 5.0), direction=None) -> Volume:
    return Volume(
        array,
        Geometry.of(
            size=array.shape[::-1],
            spacing_mm=spacing,
            origin_mm=(0, 0, 0),
            direction=np.eye(3) if direction is None else direction,
        ),
    )


def disc(shape, centre_mm, diameter_mm, spacing):
    """2-D disc by pixel centres; centre as (y, x)."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (y * spacing[1] - centre_mm[0]) ** 2 + (x * spacing[0] - centre_mm[1]) ** 2 <= (diameter_mm / 2) ** 2


@pytest.fixture
def case():
    """A scan of 5 slices with a liver and two lesions, the larger one on slices 2 and 3, nothing symmetric."""
    shape, spacing = (5, 90, 110), (1.5, 1.2, 5.0)
    rng = np.random.default_rng(1)
    scan = rng.normal(60, 40, size=shape)
    lesion = np.zeros(shape, dtype=np.uint8)
    lesion[2][disc(shape[1:], (50, 60), 20, spacing)] = 1
    lesion[3][disc(shape[1:], (50, 60), 26, spacing)] = 1
    lesion[3][disc(shape[1:], (70, 90), 12, spacing)] = 2
    liver = np.zeros(shape, dtype=np.uint8)
    liver[1:4, 25:75, 20:80] = 1
    return volume(scan, spacing), volume(lesion, spacing), volume(liver, spacing)


PLAN = SliceImagePlan(pixel_spacing_mm=0.8, input_px=96, lesion_crop_mm=64, liver_crop_mm=160)


def picture(variant, case, **more):
    scan, lesion, liver = case
    return network_image(variant, plan=PLAN, scan=scan, lesion=lesion, liver=liver, **({"label": 1} | more))


@settings(max_examples=40, deadline=None)
@given(
    spacing=st.floats(0.5, 2.5), finest=st.floats(0.4, 2.0), px=st.sampled_from([64, 128, 224]), at=st.floats(55, 75)
)
def test_a_30_mm_disc_stays_30_mm(spacing, finest, px, at):
    shape = (round(130 / spacing), round(130 / spacing))
    mask = disc(shape, (at, at), 30, (spacing, spacing)).astype(np.uint8)[None]
    plan = SliceImagePlan(pixel_spacing_mm=finest, input_px=px, lesion_crop_mm=60)
    lesion = volume(mask, (spacing, spacing, 5.0))
    shown = network_image(Variant.BINARY, plan=plan, scan=lesion.geometry, lesion=lesion)
    pixel = plan.mm_per_pixel(Variant.BINARY)
    drawn_area = mask.sum() * spacing**2
    assert shown.sum() * pixel**2 == pytest.approx(drawn_area, rel=0.06)
    across = np.flatnonzero(shown.any(axis=0))
    assert (across[-1] - across[0] + 1) * pixel == pytest.approx(30, abs=2 * spacing + pixel)


@settings(max_examples=40, deadline=None)
@given(y=st.floats(40, 90), x=st.floats(40, 90), spacing=st.floats(0.6, 2.0))
def test_the_lesion_is_in_the_middle(y, x, spacing):
    mask = disc((round(130 / spacing), round(130 / spacing)), (y, x), 24, (spacing, spacing)).astype(np.uint8)[None]
    lesion = volume(mask, (spacing, spacing, 5.0))
    shown = network_image(Variant.BINARY, plan=PLAN, scan=lesion.geometry, lesion=lesion)
    for axis in (0, 1):
        span = np.flatnonzero(shown.any(axis=axis))
        assert abs((span[0] + span[-1]) / 2 - (PLAN.input_px - 1) / 2) <= 1.0


def test_outside_the_mask_is_exactly_zero_and_inside_is_the_windowed_scan(case):
    scan, lesion, liver = case
    bright = volume(np.full(scan.array.shape, 150.0), scan.geometry.spacing_mm)
    contour = picture(Variant.BINARY, case)
    assert set(np.unique(contour)) == {0.0, 1.0}
    shown = network_image(Variant.LESION, plan=PLAN, scan=bright, lesion=lesion, label=1)
    assert shown.dtype == np.float32
    assert (shown[contour == 0] == 0).all()
    assert np.allclose(shown[contour == 1], 0.75)  # no pixel is a blend of tissue and background
    whole = picture(Variant.LIVER, (bright, lesion, liver))
    assert set(np.unique(whole)) == {np.float32(0.0), np.float32(0.75)}


def test_at_the_scans_own_spacing_pixels_are_the_windowed_voxels(case):
    scan, _, _ = case
    square = volume(scan.array, (1.0, 1.0, 5.0))
    mask = np.zeros(scan.array.shape, dtype=np.uint8)
    mask[3, 30:50, 40:60] = 1
    plan = SliceImagePlan(pixel_spacing_mm=1.0, input_px=64, lesion_crop_mm=64)
    shown = network_image(Variant.LESION, plan=plan, scan=square, lesion=volume(mask))
    expected = apply_window(scan.array[3, 30:50, 40:60], ABDOMEN_SOFT_TISSUE)
    assert np.allclose(shown[22:42, 22:42], expected, atol=1e-6)
    assert np.count_nonzero(shown) == np.count_nonzero(expected)


def test_lesions_on_one_slice_give_the_same_liver_picture(case):
    first, second = (picture(Variant.LIVER, case, label=label, slice_index=3) for label in (1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(picture(Variant.LESION, case, label=1), picture(Variant.LESION, case, label=2))


def test_label_none_takes_every_voxel(case):
    both = picture(Variant.BINARY, case, label=None)
    assert both.sum() > picture(Variant.BINARY, case, label=1).sum()


def test_without_a_slice_index_the_largest_area_is_taken(case):
    assert np.array_equal(picture(Variant.LESION, case), picture(Variant.LESION, case, slice_index=3))
    assert not np.array_equal(picture(Variant.LESION, case), picture(Variant.LESION, case, slice_index=2))


def as_file(source: Volume, folder: Path, orientation: str, name: str) -> Path:
    image = SimpleITK.GetImageFromArray(source.array)
    image.SetSpacing(source.geometry.spacing_mm)
    path = folder / f"{name}-{orientation}.nii.gz"
    SimpleITK.WriteImage(SimpleITK.DICOMOrient(image, orientation), path)
    return path


AXIAL = ["".join(o) for o in itertools.product("LR", "AP", "SI")] + ["PLS", "ALI"]


@pytest.mark.parametrize("orientation", [*AXIAL, "SPL", "LSA", "AIR"])
def test_a_file_in_any_orientation_gives_the_same_picture(tmp_path, case, orientation):
    turned = tuple(
        read_volume(as_file(each, tmp_path, orientation, name))
        for each, name in zip(case, ("scan", "lesion", "liver"), strict=True)
    )
    for variant in Variant:
        assert np.allclose(picture(variant, turned), picture(variant, case), atol=1e-6)
    if orientation in AXIAL:  # the index counts the file's own third axis
        index = 4 - 2 if orientation.endswith("I") else 2
        for variant in Variant:
            expected = picture(variant, case, slice_index=2)
            assert np.allclose(picture(variant, turned, slice_index=index), expected, atol=1e-6)
    else:
        with pytest.raises(BadInputError, match="head to foot"):
            picture(Variant.LESION, turned, slice_index=2)


def test_masks_may_have_other_axes_than_their_scan(tmp_path, case):
    scan, lesion, liver = case
    for orientation in ("RAS", "RAI", "SPL"):
        turned = (scan, read_volume(as_file(lesion, tmp_path, orientation, "lesion")), liver)
        for variant in Variant:
            assert np.allclose(picture(variant, turned), picture(variant, case), atol=1e-6)
    in_plane = (scan, read_volume(as_file(lesion, tmp_path, "RAS", "lesion")), liver)
    assert np.allclose(
        picture(Variant.LESION, in_plane, slice_index=2), picture(Variant.LESION, case, slice_index=2), atol=1e-6
    )
    upside_down = (scan, read_volume(as_file(lesion, tmp_path, "LPI", "lesion")), liver)
    with pytest.raises(BadInputError, match="ambiguous"):
        picture(Variant.LESION, upside_down, slice_index=1)


def test_axial_index_counts_from_the_feet(case):
    upside_down = volume(case[0].array, direction=np.diag([1, 1, -1])).geometry
    assert [axial_index(upside_down, k) for k in range(5)] == [4, 3, 2, 1, 0]
    for outside in (-1, 5):
        with pytest.raises(BadInputError, match="0 to 4"):
            axial_index(upside_down, outside)


def test_every_unusable_annotation_has_its_reason(case):
    scan, lesion, liver = case
    nothing = volume(np.zeros(scan.array.shape, dtype=np.uint8), scan.geometry.spacing_mm)
    beside = volume(lesion.array, (1.5, 1.3, 5.0))
    smaller = volume(lesion.array[:4], scan.geometry.spacing_mm)
    holes = volume(np.full(scan.array.shape, np.nan), scan.geometry.spacing_mm)
    for change, word in [
        ({"lesion": nothing, "label": None}, "empty"),
        ({"label": 7}, "label 7"),
        ({"slice_index": 0}, "slice 0"),
        ({"lesion": beside}, "beside the scan"),
        ({"lesion": smaller}, "must match"),
        ({"liver": nothing}, "liver mask is empty"),
        ({"liver": None}, "no liver mask"),
        ({"liver": smaller}, "liver mask has"),
        ({"scan": holes}, "not numbers"),
    ]:
        settings_ = {"scan": scan, "lesion": lesion, "liver": liver, "label": 1} | change
        with pytest.raises(BadInputError, match=word):
            network_image(Variant.LIVER, plan=PLAN, **settings_)
    with pytest.raises(BadInputError, match="binary only"):
        network_image(Variant.LESION, plan=PLAN, scan=scan.geometry, lesion=lesion, label=1)


def test_a_lesion_at_the_border_of_the_scan_still_gives_a_picture(case):
    scan, _, _ = case
    mask = np.zeros(scan.array.shape, dtype=np.uint8)
    mask[2, :12, :10] = 1
    corner = volume(mask, scan.geometry.spacing_mm)
    shown = network_image(Variant.LESION, plan=PLAN, scan=scan, lesion=corner)
    contour = network_image(Variant.BINARY, plan=PLAN, scan=scan, lesion=corner)
    assert contour.sum() * PLAN.mm_per_pixel(Variant.BINARY) ** 2 == pytest.approx(12 * 1.2 * 10 * 1.5, rel=0.1)
    assert (shown[contour == 0] == 0).all()


@pytest.mark.shared_data
def test_a_real_tumour_is_darker_than_its_liver():
    if not SHARED_CT.is_dir():
        pytest.skip(f"real CT not found at {SHARED_CT}")
    scan, labels = read_volume(SHARED_CT / "image.nii.gz"), read_volume(SHARED_CT / "labels.nii.gz")
    plan = SliceImagePlan(pixel_spacing_mm=1.0, input_px=128, lesion_crop_mm=128, liver_crop_mm=128)
    shown = {
        variant: network_image(variant, plan=plan, scan=scan, lesion=labels, label=2, liver=labels)
        for variant in Variant
    }
    tumour = shown[Variant.LESION][shown[Variant.BINARY] == 1]
    liver = shown[Variant.LIVER][shown[Variant.LIVER] > 0]
    assert shown[Variant.BINARY].sum() == (labels.array == 2).sum(axis=(1, 2)).max()
    assert liver.size == (labels.array[int((labels.array == 2).sum(axis=(1, 2)).argmax())] > 0).sum()
    assert 0.4 < tumour.mean() < liver.mean() < 0.8  # 10 to 170 HU
