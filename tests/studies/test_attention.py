"""Maps of a run's networks, patient by patient: kept, read back, taken up again, out of fold."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from raise_core.domain.attention_results import AttributionMethod
from raise_core.domain.errors import BusyError, NotInStoreError
from raise_core.domain.volume import Geometry
from raise_core.evaluation.attribution import ExplainedNetwork
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.studies.attention import explain_model
from raise_core.studies.attention_store import (
    MAP_KIND,
    AttentionSettings,
    PreparedScan,
    load_attention,
    load_maps,
    map_key,
    models_with_maps,
    packed,
    unpacked,
)
from raise_core.studies.prrt_map import feature_map_key, has_feature_maps, load_feature_map, make_feature_maps

SIDE = 16
RUN = "a" * 64
IG, CAM = AttributionMethod.INTEGRATED, AttributionMethod.GRAD_CAM
QUICK = AttentionSettings(steps=4, shuffled_steps=4)


class Branch(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.net = nn.Sequential(nn.Conv3d(1, 3, 3, stride=2, padding=1), nn.Tanh(), nn.Flatten(), nn.LazyLinear(1))
        self.net(torch.zeros(1, 1, SIDE, SIDE, SIDE))
        self.eval()

    def forward(self, pet):
        return self.net(pet).squeeze(1)


class FakeNetworks:
    """Two repeats of networks; asks are counted, so that it is seen who was computed."""

    run_id, model, without_map = RUN, "pet+lab", {"ct": "a reason"}

    def __init__(self, patients: int = 5) -> None:
        self.patient_ids = tuple(f"P{number}" for number in range(patients))
        self.asked: list[str] = []
        self.networks = [Branch(seed) for seed in (1, 2)]

    def scan(self, patient_id):
        rng = np.random.default_rng(int(patient_id[1:]))
        pet = rng.uniform(0.1, 1, (SIDE, SIDE, SIDE)).astype(np.float32)
        pet[:3] = 0  # air
        lesion = np.zeros(pet.shape, dtype=bool)
        if patient_id != "P4":
            lesion[8:11, 4:7, 4:7] = True
        geometry = Geometry.of(size=[SIDE] * 3, spacing_mm=[10, 8, 20], origin_mm=[0, 0, 0], direction=np.eye(3))
        return PreparedScan(geometry, {"pet": pet, "ct": pet * 0.5}, lesion)

    def images(self, scan):
        return {"pet": scan.images["pet"]}

    def left_out(self, patient_id):
        self.asked.append(patient_id)
        return [ExplainedNetwork(network, lambda net, x: net(x["pet"])) for network in self.networks]

    def fused(self, repeat, fold):
        rng = np.random.default_rng(fold)
        tested = np.arange(len(self.patient_ids)) % 2 == fold
        return rng.normal(size=(len(self.patient_ids), 4)).astype(np.float32) * (fold != 1), tested


@pytest.fixture
def home(tmp_path):
    return Home.at(tmp_path / "home")


@pytest.fixture
def quick(monkeypatch):
    """The pages read maps of the default settings: here those are quick ones."""
    monkeypatch.setattr("raise_core.studies.attention_store.AttentionSettings", lambda **_: QUICK)


def test_every_patient_has_maps_and_numbers(home, quick):
    networks = FakeNetworks()
    explain_model(home, networks, settings=QUICK)
    found = load_attention(home, RUN, "pet+lab")
    assert models_with_maps(home, RUN, ["pet", "pet+lab"]) == ("pet+lab",)
    assert (found.patient_ids, found.images, found.repeats) == (networks.patient_ids, ("pet",), 2)
    assert found.without_map == {"ct": "a reason"}
    assert len(found.rows("pet", IG)) == len(found.rows("pet", CAM)) == 5
    share = found.share("pet", IG)
    assert (share.patients, share.without_lesion) == (4, 1)
    assert share.lesion_of_body.value == pytest.approx(27 / (13 * SIDE * SIDE))
    assert found.completeness("pet") < 0.2
    assert found.share("pet", IG, {"P0", "P1", "P2"}).patients == 3
    check = found.check("pet", IG)
    assert check.patients == 5
    assert check.repeatability is not None


def test_the_map_is_the_mean_over_the_networks_that_left_the_patient_out(home, quick):
    from raise_core.evaluation.attribution import integrated_gradients, smoothed

    networks = FakeNetworks(1)
    explain_model(home, networks, settings=QUICK)
    shown = load_maps(home, RUN, "pet+lab", "P0").maps["pet", IG]
    images = networks.images(networks.scan("P0"))
    each = [integrated_gradients(one, images, steps=QUICK.steps).maps["pet"] for one in networks.left_out("P0")]
    expected = smoothed(np.mean(each, axis=0))
    np.testing.assert_allclose(shown, expected, atol=np.abs(expected).max() / 127)
    assert set(load_maps(home, RUN, "pet+lab", "P0").maps) == {("pet", IG), ("pet", CAM)}


def test_a_stopped_run_goes_on_where_it_stood(home, quick):
    networks, told = FakeNetworks(), []
    with pytest.raises(BusyError, match="stopped after 2 of 5"):
        explain_model(
            home, networks, settings=QUICK, progress=lambda stage, done, total: told.append((done, total)),
            should_stop=lambda: len(told) > 2,
        )  # fmt: skip
    with pytest.raises(NotInStoreError, match="have been made yet"):
        load_attention(home, RUN, "pet+lab")
    explain_model(home, networks, settings=QUICK)
    assert networks.asked == ["P0", "P1", "P2", "P3", "P4"], "nobody twice"
    whole = load_attention(home, RUN, "pet+lab").numbers
    other = Home.at(home.path.parent / "other")
    explain_model(other, FakeNetworks(), settings=QUICK)
    again = load_attention(other, RUN, "pet+lab").numbers
    assert whole.equals(again), "the same numbers whether interrupted or not"


def test_a_damaged_part_is_told_and_made_again(home, quick):
    networks = FakeNetworks(2)
    explain_model(home, networks, settings=QUICK)
    ArtifactStore(home).remove(MAP_KIND, map_key(RUN, "pet+lab", "P1", QUICK))
    with pytest.raises(NotInStoreError, match="maps of patient P1"):
        load_maps(home, RUN, "pet+lab", "P1")


def test_packing_is_exact_to_half_a_level_and_small():
    rng = np.random.default_rng(0)
    values = np.zeros((48, 48, 48), dtype=np.float32)
    values[10:30, 10:30, 10:30] = rng.normal(size=(20, 20, 20))
    content, scale = packed(values)
    np.testing.assert_allclose(unpacked(content, scale=scale, shape=values.shape), values, atol=scale / 2 * 1.001)
    assert content.nbytes < values.astype(np.float16).nbytes / 10
    nothing, scale = packed(np.zeros((2, 2, 2), dtype=np.float32))
    assert not unpacked(nothing, scale=scale, shape=(2, 2, 2)).any()


@pytest.mark.slow
def test_patient_maps_are_one_a_network_and_say_who_was_left_out(home):
    networks = FakeNetworks(12)
    assert not has_feature_maps(home, RUN, "pet+lab", folds=2)
    make_feature_maps(home, networks, folds=2)
    assert has_feature_maps(home, RUN, "pet+lab", folds=2)
    found = load_feature_map(home, RUN, "pet+lab", 0)
    assert found.patient_ids == networks.patient_ids
    assert found.tested.tolist() == [True, False] * 6
    with pytest.raises(NotInStoreError, match="no feature varies"):
        load_feature_map(home, RUN, "pet+lab", 1)
    assert feature_map_key(RUN, "pet+lab", 0) != feature_map_key(RUN, "pet", 0)
