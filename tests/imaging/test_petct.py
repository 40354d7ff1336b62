from __future__ import annotations

import itertools

import numpy as np
import pytest

from raise_core.domain.errors import BadInputError, BadUsageError
from raise_core.domain.volume import Geometry, Volume
from raise_core.imaging.petct import LesionMask, prepare_petct, scaled_suv
from raise_core.imaging.petct_plan import PetCtPlan, SuvScaling
from raise_core.imaging.read import read_volume
from raise_core.imaging.window import LIVER, apply_window
from tests.imaging import petct_case as case

PLAN = PetCtPlan()
MARGIN = np.array([220.0, 170.0, 330.0])
LOW, HIGH = case.BODY_CENTRE - MARGIN, case.BODY_CENTRE + MARGIN
BALL = case.BODY_CENTRE + np.array([60.0, -30.0, 120.0])
RADIUS = 28.0


def hottest_mm(image, values):
    k, j, i = np.unravel_index(int(values.argmax()), values.shape)
    return image.geometry.index_to_mm([i, j, k])


def suv(image, plan=PLAN):
    return image.pet**2 * plan.suv_maximum


@pytest.mark.parametrize(
    ("axes", "flips", "pet_spacing", "ct_spacing"),
    [
        ((0, 1, 2), (False, False, False), (4, 4, 3), (3, 3, 5)),
        ((0, 1, 2), (True, True, False), (5, 4, 6), (2.5, 3, 4)),
        ((2, 0, 1), (False, True, True), (4, 5, 4), (4, 3, 3)),
        ((1, 2, 0), (True, False, True), (6, 4, 4), (3, 4, 5)),
    ],
)
def test_a_hot_ball_lands_where_it_lies_in_both_modalities(axes, flips, pet_spacing, ct_spacing):
    """Whatever the spacing, order and direction of the files' axes, and PET and CT unlike each other."""
    direction = case.turned(axes, flips)
    pet = case.pet_of(case.covering(LOW, HIGH, pet_spacing, direction), BALL, RADIUS)
    ct = case.ct_of(case.covering(LOW + 20, HIGH + np.array([0, 0, 30]), ct_spacing), BALL, RADIUS)
    mask = case.ball_mask(ct.geometry, BALL, RADIUS)
    image = prepare_petct(pet, ct, plan=PLAN, lesions=[LesionMask(mask)])
    assert image.geometry.size == (48, 48, 48)
    assert image.geometry.spacing_mm == (10, 8, 20)
    reach = np.asarray(image.geometry.spacing_mm) / 2 + 5
    for values in (image.pet, image.ct, image.lesion.astype(float)):
        hot = values >= 0.8 * values.max()
        k, j, i = (axis.mean() for axis in np.nonzero(hot))
        assert (np.abs(image.geometry.index_to_mm([i, j, k]) - BALL) <= reach).all()
    assert suv(image)[image.lesion].mean() > 12 * case.SUV_BODY
    assert image.ct[image.lesion].mean() > image.ct[suv(image) > 0.9].mean()


def test_axis_order_of_the_files_changes_nothing():
    straight = case.covering(LOW, HIGH, (4, 4, 4))
    images = []
    for axes, flips in (((0, 1, 2), (False,) * 3), ((2, 1, 0), (True, False, True))):
        geometry = case.covering(LOW, HIGH, (4, 4, 4), case.turned(axes, flips))
        assert geometry.same_grid(straight)
        images.append(prepare_petct(case.pet_of(geometry, BALL, RADIUS), case.ct_of(geometry, BALL, RADIUS), plan=PLAN))
    np.testing.assert_allclose(images[0].pet, images[1].pet, atol=1e-5)
    np.testing.assert_allclose(images[0].ct, images[1].ct, atol=1e-5)


def test_the_same_scans_give_the_same_voxels():
    geometry = case.covering(LOW, HIGH, (5, 5, 5))
    pet, ct = case.pet_of(geometry, BALL, RADIUS), case.ct_of(geometry, BALL, RADIUS)
    first, again = (prepare_petct(pet, ct, plan=PLAN) for _ in range(2))
    assert first.pet.tobytes() == again.pet.tobytes()
    assert first.ct.tobytes() == again.ct.tobytes()
    assert first.geometry == again.geometry


def test_uptake_times_volume_is_kept_when_the_grid_gets_coarser():
    pet = case.pet_of(case.covering(LOW, HIGH, (3, 3, 3)), BALL, 9.0)
    image = prepare_petct(pet, None, plan=PetCtPlan(suv_scaling=SuvScaling.LINEAR))
    after = float(image.pet.sum(dtype=float)) * 50 * np.prod(image.geometry.spacing_mm)
    before = float(pet.array.sum(dtype=float)) * 27
    assert image.ct is None
    assert after == pytest.approx(before, rel=2e-3)
    # 3 mL in voxels of 1.6 mL: where a plain linear sampling may step over it, its uptake is still there
    assert float(image.pet.max()) * 50 > 5 * case.SUV_BODY


@pytest.mark.parametrize("radius", [6.0, 12.0, 30.0])
@pytest.mark.parametrize("side", [32, 48, 96])
def test_the_volume_of_a_lesion_is_kept(radius, side):
    geometry = case.covering(LOW, HIGH, (4, 4, 4))
    fine = case.covering(BALL - 40, BALL + 40, (2, 2, 3))
    mask = case.ball_mask(fine, BALL, radius, label=3)
    plan = PetCtPlan(side_voxels=side)
    image = prepare_petct(case.pet_of(geometry, BALL, radius), None, plan=plan, lesions=[LesionMask(mask, 3)])
    voxel = np.prod(plan.spacing_mm)
    truth = np.count_nonzero(mask.array) * 12
    assert abs(image.lesion.sum() * voxel - truth) <= max(voxel, 0.02 * truth)
    assert image.lesion.any()


def test_lesions_of_one_label_map_and_parts_of_one_mask_each_show():
    geometry = case.covering(LOW, HIGH, (4, 4, 4))
    other = BALL - [100, 0, 200]
    both = case.ball_mask(geometry, BALL, 30).array + case.ball_mask(geometry, other, 5, label=2).array
    pet = case.pet_of(geometry, BALL, 30)
    labelled = Volume(both, geometry)
    one = prepare_petct(pet, None, plan=PLAN, lesions=[LesionMask(labelled, 2)]).lesion
    two = prepare_petct(pet, None, plan=PLAN, lesions=[LesionMask(labelled, 1), LesionMask(labelled, 2)]).lesion
    any_label = prepare_petct(pet, None, plan=PLAN, lesions=[LesionMask(labelled)]).lesion
    assert one.sum() == 1
    assert (two & one).sum() == 1
    np.testing.assert_array_equal(two, any_label)
    assert prepare_petct(pet, None, plan=PLAN).lesion is None


def test_values_are_windowed_densities_and_scaled_uptake():
    geometry = case.covering(LOW, HIGH, (4, 4, 4))
    pet, ct = case.pet_of(geometry, BALL, 60), case.ct_of(geometry, BALL, 60)
    for plan in (PLAN, PetCtPlan(window=LIVER, suv_maximum=20, suv_scaling=SuvScaling.LINEAR)):
        image = prepare_petct(pet, ct, plan=plan)
        i, j, k = image.geometry.mm_to_index(BALL).round().astype(int)
        assert image.pet[k, j, i] == pytest.approx(float(scaled_suv(np.float32(case.SUV_HOT), plan)), rel=0.01)
        assert image.ct[k, j, i] == pytest.approx(float(apply_window(case.HU_HOT, plan.window)), rel=0.01)
        assert image.ct.dtype == image.pet.dtype == np.float32
        assert image.pet.min() == image.ct.min() == 0


def test_the_field_is_centred_on_the_body_and_not_on_the_table_or_the_field_of_view():
    geometry = case.covering(LOW - [100, 0, 0], HIGH + np.array([0, 60, 0]), (4, 4, 4))
    ct = case.ct_of(geometry, BALL, RADIUS, table=True)
    image = prepare_petct(None, ct, plan=PLAN)
    middle = image.geometry.corners_mm().mean(axis=0)
    assert (np.abs(middle - case.BODY_CENTRE) <= [4, 4, 7]).all()
    with_table = prepare_petct(None, ct, plan=PetCtPlan(remove_table=False))
    k, j, i = image.geometry.mm_to_index([10, case.BODY_CENTRE[1] + 125, -400]).round().astype(int)[::-1]
    assert with_table.ct[k, j - 1 : j + 2, i].max() > 0.3
    assert image.ct[k, j - 1 : j + 2, i].max() == 0
    inside = image.geometry.mm_to_index(case.BODY_CENTRE).round().astype(int)[::-1]
    assert image.ct[tuple(inside)] == with_table.ct[tuple(inside)] > 0.4


def test_air_inside_the_body_stays_and_the_skin_is_not_eaten():
    geometry = case.covering(LOW, HIGH, (3, 3, 5))
    ct = case.ct_of(geometry, BALL, 30)
    mm = case.positions(geometry)
    with_lung = Volume(np.where(case.in_ball(mm, case.BODY_CENTRE, 60), -850, ct.array).astype(np.int16), geometry)
    plain, masked = (prepare_petct(None, with_lung, plan=PetCtPlan(remove_table=remove)).ct for remove in (False, True))
    np.testing.assert_allclose(plain, masked, atol=0.02)


def test_a_long_body_begins_at_its_top():
    plan = PetCtPlan(field_mm=(480, 384, 400))
    geometry = case.covering(LOW, HIGH, (5, 5, 5))
    image = prepare_petct(None, case.ct_of(geometry, BALL, RADIUS), plan=plan)
    top = image.geometry.corners_mm()[:, 2].max() + plan.spacing_mm[2] / 2
    assert top == pytest.approx(case.BODY_CENTRE[2] + case.BODY_HALF[2], abs=7)


def test_a_short_ct_does_not_move_the_field_of_a_long_pet_and_is_air_elsewhere():
    pet = case.pet_of(case.covering(LOW, HIGH, (4, 4, 4)), BALL, RADIUS)
    short = case.covering([LOW[0], LOW[1], -350], [HIGH[0], HIGH[1], -200], (3, 3, 3))
    both = prepare_petct(pet, case.ct_of(short, BALL, RADIUS), plan=PLAN)
    alone = prepare_petct(pet, None, plan=PLAN)
    np.testing.assert_allclose(both.geometry.origin_mm, alone.geometry.origin_mm, atol=6)
    z = both.geometry.index_to_mm([[0, 0, k] for k in range(48)])[:, 2]
    assert both.ct[(z < -375) | (z > -175)].max() == 0
    assert both.ct[(z > -330) & (z < -220)].max() > 0.3


def test_an_oblique_scan_is_straightened():
    a = np.deg2rad(12)
    tilted = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    pet = case.pet_of(case.covering(LOW - 60, HIGH + 60, (5, 5, 5), tilted), BALL, RADIUS)
    ct = case.ct_of(case.covering(LOW, HIGH, (4, 4, 4)), BALL, RADIUS)
    image = prepare_petct(pet, ct, plan=PLAN)
    assert (np.abs(hottest_mm(image, image.pet) - BALL) <= [10, 8, 20]).all()
    assert (np.abs(hottest_mm(image, image.ct) - BALL) <= [RADIUS + 10] * 3).all()


GEOMETRY = case.covering(LOW, HIGH, (8, 8, 8))


def wrong(pet=None, ct=None):
    return prepare_petct(pet, ct, plan=PLAN)


def changed(volume, change):
    return Volume(change(volume.array.astype(np.float32)), volume.geometry)


def moved(volume, shift):
    values = volume.geometry.to_dict()
    values["origin_mm"] = (np.asarray(values["origin_mm"]) + shift).tolist()
    return Volume(volume.array, Geometry.from_dict(values))


def test_what_is_not_suv_or_hu_is_refused_with_its_remedy():
    pet, ct = case.pet_of(GEOMETRY, BALL, RADIUS), case.ct_of(GEOMETRY, BALL, RADIUS)
    with pytest.raises(BadInputError, match=r"Bq/mL.*convert the PET to SUV"):
        wrong(changed(pet, lambda suv: suv * 4000), ct)
    with pytest.raises(BadInputError, match=r"not HU.*rescale slope and intercept"):
        wrong(pet, changed(ct, lambda hu: hu + 1024))
    with pytest.raises(BadInputError, match="not HU"):
        wrong(pet, changed(ct, lambda hu: apply_window(hu, PLAN.window)))
    with pytest.raises(BadInputError, match="no body is found on the PET"):
        wrong(changed(pet, np.zeros_like), ct)
    with pytest.raises(BadInputError, match="no body is found on the CT"):
        wrong(pet, changed(ct, lambda hu: np.full_like(hu, -1000)))


def test_values_that_are_no_numbers_are_refused():
    pet, ct = case.pet_of(GEOMETRY, BALL, RADIUS), case.ct_of(GEOMETRY, BALL, RADIUS)
    middle = tuple(n // 2 for n in pet.array.shape)

    def spoilt(values):
        values[middle] = np.nan
        return values

    with pytest.raises(BadInputError, match="PET holds values that are not numbers"):
        wrong(changed(pet, spoilt), ct)
    with pytest.raises(BadInputError, match="CT holds values that are not numbers"):
        wrong(pet, changed(ct, spoilt))


def test_scans_of_different_places_nothing_at_all_and_empty_masks_are_refused():
    pet, ct = case.pet_of(GEOMETRY, BALL, RADIUS), case.ct_of(GEOMETRY, BALL, RADIUS)
    with pytest.raises(BadInputError, match="different parts of space"):
        wrong(pet, moved(ct, [0, 0, 5000]))
    with pytest.raises(BadInputError, match="neither a PET nor a CT"):
        wrong()
    empty = Volume(np.zeros_like(ct.array), ct.geometry)
    with pytest.raises(BadInputError, match="no voxel of label 4"):
        prepare_petct(pet, ct, plan=PLAN, lesions=[LesionMask(empty, 4)])


def test_padding_and_metal_do_not_spoil_means():
    ct = case.ct_of(case.covering(LOW, HIGH, (4, 4, 4)), BALL, RADIUS)
    mm = case.positions(ct.geometry)
    padded = np.where(np.abs(mm[..., 0] - 10) > 200, -3024.0, ct.array)
    padded[tuple(n // 2 for n in padded.shape)] = 60000
    image = prepare_petct(None, Volume(padded, ct.geometry), plan=PetCtPlan(remove_table=False))
    plain = prepare_petct(None, ct, plan=PetCtPlan(remove_table=False))
    assert np.count_nonzero(np.abs(image.ct - plain.ct) > 1e-3) <= 8


def test_plans_survive_json_and_impossible_ones_are_refused():
    plan = PetCtPlan(side_voxels=64, suv_scaling=SuvScaling.LINEAR, window=LIVER, field_mm=(400, 300, 700.5))
    assert PetCtPlan.from_dict(plan.to_dict()) == plan
    assert PetCtPlan.from_dict(PLAN.to_dict()).to_json() == PLAN.to_json()
    with pytest.raises(BadUsageError, match="no plan of PET/CT"):
        PetCtPlan.from_dict({"side_voxels": 48})
    for settings in (
        {"side_voxels": 8},
        {"field_mm": (480, 384)},
        {"field_mm": (480, 384, 9)},
        {"suv_maximum": 0},
        {"body_hu": 100},
        {"body_suv": 0},
    ):
        with pytest.raises(BadUsageError):
            PetCtPlan(**settings)


@pytest.mark.shared_data
def test_a_real_pair_with_its_mask(shared_data):
    """A sarcoma in the buttock, PET and CT cut to different boxes; the tumour is the hottest thing on PET."""
    folder = shared_data / "petct_pair"
    pet, ct, mask = (
        read_volume(folder / modality / "nifti" / kind / f"{kind}.nii.gz")
        for modality, kind in (("PET", "image"), ("CT", "image"), ("CT", "mask"))
    )
    for plan in (PLAN, PetCtPlan(side_voxels=80, field_mm=(240, 240, 240))):
        image = prepare_petct(pet, ct, plan=plan, lesions=[LesionMask(mask)])
        uptake = suv(image, plan)
        assert 5 < uptake.max() <= 21.7
        assert uptake[image.lesion].mean() > 4 * uptake[(uptake > 0.3) & ~image.lesion].mean()
        volume_ml = image.lesion.sum() * np.prod(plan.spacing_mm) / 1000
        assert volume_ml == pytest.approx(53.3, rel=0.03)
        assert 0.2 < image.ct[image.lesion].mean() < 0.7
        assert all(low < high for low, high in itertools.pairwise([0, image.ct.mean(), image.ct.max()]))
