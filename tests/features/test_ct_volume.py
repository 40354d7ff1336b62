from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from raise_core.domain.device import DevicePlan, plan_for
from raise_core.domain.errors import BadInputError, BadUsageError, WeightsMissingError
from raise_core.domain.volume import Volume
from raise_core.features.ct_pictures import ct_pictures
from raise_core.features.ct_volume import extract_ct_features, pooled
from raise_core.features.ct_volume_plan import (
    AS_TRAINED,
    CtForm,
    CtSlicesPlan,
    CtVolumeRequest,
    ct_feature_count,
    ct_feature_key,
)
from raise_core.features.encoder import Normalisation
from raise_core.features.extraction import ExtractionStoppedError
from raise_core.features.registry import encoder_named
from raise_core.imaging.read import read_volume
from raise_core.imaging.window import ABDOMEN_SOFT_TISSUE, apply_window
from tests.imaging import petct_case as case
from tests.imaging.test_petct_batch import write

PLAN = CtSlicesPlan(slices=6, input_px=64, field_mm=384)
BALL = case.BODY_CENTRE + np.array([60.0, 30.0, 150.0])
MARGIN = np.array([200.0, 140.0, 330.0])
LOW, HIGH = case.BODY_CENTRE - MARGIN, case.BODY_CENTRE + MARGIN


AS_IT_IS = Normalisation(mean=(0.0, 0.0, 0.0), sd=(1.0, 1.0, 1.0))


class Quarters(torch.nn.Module):
    """Mean and brightest pixel of each quarter of a picture."""

    def forward(self, x):
        halves = [half for rows in x[:, 0].chunk(2, dim=1) for half in rows.chunk(2, dim=2)]
        return torch.stack([value for half in halves for value in (half.mean((1, 2)), half.amax((1, 2)))], dim=1)


@dataclass(frozen=True)
class TinyEncoder:
    """Small and fast; picklable for worker processes."""

    name: str = "tiny"
    weights_sha256: str = "0" * 64
    feature_count: int = 8
    normalisation: Normalisation = AS_IT_IS

    def network(self):
        return Quarters()


@pytest.fixture(scope="module")
def requests(tmp_path_factory):
    """Seven scans, the third not in HU."""
    folder = tmp_path_factory.mktemp("ct")
    made = []
    for number in range(7):
        ct = case.ct_of(case.covering(LOW, HIGH, (8, 8, 10)), BALL, 20.0 + 6 * number)
        if number == 2:
            ct = Volume(ct.array + np.int16(1024), ct.geometry)
        made.append(CtVolumeRequest(f"P{number}", write(folder / f"{number}.nii.gz", ct), f"sha{number}"))
    return made


@pytest.mark.parametrize(("axes", "flips"), [((0, 1, 2), (False,) * 3), ((2, 0, 1), (True, False, True))])
def test_slices_cover_the_body_and_are_turned_as_in_training(axes, flips):
    """The ball lies to the left, back and head of the body's middle: early rows, early columns, late slices."""
    ct = case.ct_of(case.covering(LOW, HIGH, (4, 4, 5), case.turned(axes, flips)), BALL, 40)
    pictures = ct_pictures(ct, replace(PLAN, window=ABDOMEN_SOFT_TISSUE))
    assert pictures.shape == (6, 64, 64)
    assert pictures.dtype == np.float32
    assert (pictures[:, 32, 32] > 0.4).all()  # the body reaches from the first slice to the last
    hot = pictures > 0.7
    assert hot.any(axis=(1, 2)).tolist() == [False, False, False, False, True, False]  # 150 mm above of +-300
    rows, columns = (axis.mean() for axis in np.nonzero(hot[4]))
    assert rows == pytest.approx(31.5 - 60 / 6, abs=1)
    assert columns == pytest.approx(31.5 - 30 / 6, abs=1)
    assert hot[4].sum() * 36 == pytest.approx(np.pi * 40**2, rel=0.2)


def with_lungs(ct, base_mm):
    """Air from `base_mm` to 30 mm below the top of the body, and some gas in the bowel."""
    mm = case.positions(ct.geometry)
    away = (mm - case.BODY_CENTRE) / (0.75 * case.BODY_HALF)
    lung = (away[..., 0] ** 2 + away[..., 1] ** 2 <= 1) & (mm[..., 2] > base_mm) & (mm[..., 2] < -130)
    gas = case.in_ball(mm, case.BODY_CENTRE - [0, 0, 200], 25)
    return Volume(np.where(lung | gas, -850, ct.array).astype(np.int16), ct.geometry)


@pytest.mark.parametrize(("base", "low", "high"), [(-350.0, -570, -270), (-600.0, -700, -520)])
def test_slices_are_those_of_the_upper_abdomen_where_lungs_are_seen(base, low, high):
    """A hot ball at the middle of the stretch shows on the middle slices; the stretch ends with the body."""
    middle = np.array([case.BODY_CENTRE[0] + 60, case.BODY_CENTRE[1], (low + high) / 2])
    ct = with_lungs(case.ct_of(case.covering(LOW, HIGH, (5, 5, 4)), BALL, 1), base)
    mm = case.positions(ct.geometry)
    marked = Volume(np.where(case.in_ball(mm, middle, 20), 600, ct.array).astype(np.int16), ct.geometry)
    plan = replace(PLAN, slices=15)
    hot = np.flatnonzero((ct_pictures(marked, plan) > 0.7).any(axis=(1, 2)))
    assert (hot.min() + hot.max()) / 2 == pytest.approx(7, abs=0.6)
    assert hot.size == pytest.approx(40 / ((high - low) / 15), abs=1.1)
    np.testing.assert_array_equal(
        ct_pictures(marked, replace(plan, below_lungs_mm=1000, above_lungs_mm=1000)),
        ct_pictures(marked, replace(plan, whole_body=True)),
    )


def test_greys_are_those_of_the_training():
    ct = case.ct_of(case.covering(LOW, HIGH, (4, 4, 5)), BALL, 40)
    middle = ct_pictures(ct, PLAN)[2, 32, 32]
    assert middle == pytest.approx(float(apply_window(case.HU_BODY, AS_TRAINED)), abs=0.01) == 0.52


def test_thin_slices_and_thick_ones_give_about_the_same_pictures():
    thin, thick = (ct_pictures(case.ct_of(case.covering(LOW, HIGH, (4, 4, dz)), BALL, 40), PLAN) for dz in (1.5, 5))
    assert np.abs(thin - thick).mean() < 0.01


def test_a_vector_a_patient_or_a_reason(requests):
    calls = []
    found = {
        request.patient_id: (request, value)
        for request, value in extract_ct_features(
            requests,
            plan=PLAN,
            encoder=TinyEncoder(),
            device_plan=plan_for("cpu"),
            workers=0,
            progress=lambda stage, done, total: calls.append((done, total)),
        )
    }
    assert list(found) == [f"P{number}" for number in range(7)]
    assert calls == [(done, 7) for done in range(8)]
    assert "P2" in found["P2"][1]
    assert "rescale slope" in found["P2"][1]
    request, vector = found["P3"]
    assert vector.shape == (ct_feature_count(PLAN, TinyEncoder()),) == (16,)
    pictures = torch.from_numpy(ct_pictures(read_volume(request.scan_file), PLAN))[:, None]
    slices = Quarters()(pictures).numpy()
    np.testing.assert_allclose(vector, np.concatenate([slices.mean(0), slices.max(0)]), rtol=1e-5)
    assert not np.allclose(found["P0"][1], vector)


@pytest.mark.slow
def test_processes_give_the_same_vectors(requests):
    settings = {"plan": PLAN, "encoder": TinyEncoder(), "device_plan": plan_for("cpu")}
    alone = dict(extract_ct_features(requests, **settings, workers=0))
    shared = dict(extract_ct_features(requests, **settings, workers=2))
    assert alone.keys() == shared.keys()
    for request, value in alone.items():
        if isinstance(value, str):
            assert shared[request] == value
        else:
            np.testing.assert_allclose(shared[request], value, rtol=1e-5)


def test_it_stops_when_asked_and_what_was_finished_was_handed_on(requests):
    kept = []
    results = extract_ct_features(
        requests,
        plan=PLAN,
        encoder=TinyEncoder(),
        device_plan=plan_for("cpu"),
        workers=0,
        should_stop=lambda: len(kept) == 2,
    )
    kept += [next(results)[0].patient_id for _ in range(2)]
    with pytest.raises(ExtractionStoppedError, match="2 of 7"):
        next(results)
    assert kept == ["P0", "P1"]


def test_the_3d_form_is_for_a_graphics_card_and_for_the_ct_network(requests):
    run = {"plan": replace(PLAN, form=CtForm.VOLUME), "encoder": TinyEncoder(), "workers": 0}
    with pytest.raises(BadUsageError, match="graphics card"):
        next(extract_ct_features(requests, **run, device_plan=plan_for("cpu")))
    card = DevicePlan("cuda", autocast=True, pin_memory=True, non_blocking=True, channels_last=True, compile=False)
    with pytest.raises(BadUsageError, match="no 3-D form"):
        next(extract_ct_features(requests, **run, device_plan=card))


def test_pooling_is_mean_then_maximum():
    np.testing.assert_array_equal(pooled(np.array([[1, 5], [3, 1]], dtype=np.float32)), [2, 3, 3, 5])


def test_the_key_counts_what_determines_the_vector_and_nothing_else(requests):
    request = requests[0]

    def key(request=request, plan=PLAN, encoder=TinyEncoder(), half=False):
        return ct_feature_key(request, plan=plan, encoder=encoder, half_precision=half)

    assert key(replace(request, patient_id="x", scan_file=Path("y"))) == key()
    others = [
        key(replace(request, scan_sha256="z")),
        key(plan=replace(PLAN, slices=7)),
        key(plan=replace(PLAN, form=CtForm.VOLUME)),
        key(plan=replace(PLAN, window=ABDOMEN_SOFT_TISSUE)),
        key(encoder=replace(TinyEncoder(), weights_sha256="1" * 64)),
        key(half=True),
    ]
    assert len({key(), *others}) == 7


def test_plans_survive_a_dictionary_and_impossible_ones_are_refused():
    for plan in (CtSlicesPlan(), CtSlicesPlan.in_3d(), PLAN):
        assert isinstance(plan.to_dict(), Mapping)
        assert CtSlicesPlan.from_dict(plan.to_dict()) == plan
    with pytest.raises(BadUsageError, match="no plan of CT slices"):
        CtSlicesPlan.from_dict({"slices": 3})
    for wrong in (
        {"slices": 0},
        {"input_px": 8},
        {"field_mm": 5},
        {"slab_mm": 0},
        {"body_hu": 50},
        {"below_lungs_mm": 0},
    ):
        with pytest.raises(BadUsageError):
            CtSlicesPlan(**wrong)


def test_a_ct_with_nan_is_refused():
    ct = case.ct_of(case.covering(LOW, HIGH, (8, 8, 10)), BALL, 40)
    values = ct.array.astype(np.float32)
    values[:, values.shape[1] // 2, values.shape[2] // 2] = np.nan
    with pytest.raises(BadInputError, match="not numbers"):
        ct_pictures(Volume(values, ct.geometry), PLAN)


@pytest.mark.slow
@pytest.mark.shared_data
def test_a_real_ct_through_the_deflated_network(shared_data):
    try:
        encoder = encoder_named("resnet152-ct", download=False)
    except WeightsMissingError as error:
        pytest.skip(f"weights of resnet152-ct are not installed: {error}")
    file = shared_data / "petct_pair" / "CT" / "nifti" / "image" / "image.nii.gz"
    request = CtVolumeRequest("STS", file, "sha")
    plan = replace(CtSlicesPlan(), slices=4)
    ((_, vector),) = extract_ct_features([request], plan=plan, encoder=encoder, device_plan=plan_for("cpu"), workers=0)
    assert vector.shape == (4096,)
    assert np.isfinite(vector).all()
    assert vector.std() > 0.05
    assert (vector[2048:] >= vector[:2048]).all()
