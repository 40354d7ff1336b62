from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from raise_core.domain.device import DevicePlan, plan_for
from raise_core.domain.errors import BadInputError
from raise_core.domain.fusion_model import Head
from raise_core.models.branch_training import DIVERGED, as_arrays, branch_outputs, fit_branch
from raise_core.models.network_settings import NetworkSettings
from raise_core.models.training_target import TrainingTarget
from raise_core.models.volume_network import build_branch, load_weights

TINY = NetworkSettings(channels=(4, 8), branch_features=6, epochs=4, least_epochs=1, epochs_per_view=2)
CPU = DevicePlan("cpu", autocast=False, pin_memory=False, non_blocking=False, channels_last=True, compile=False)


def cohort(n=24, side=16, seed=0):
    rng = np.random.default_rng(seed)
    volumes = rng.random((n, side, side, side), dtype=np.float32)
    target = TrainingTarget(Head.CLASS, np.arange(n) % 2 == 0, rng.exponential(50, n), np.arange(n) % 3 > 0)
    train = np.arange(n) < 18
    return volumes, target, train, target.stopping_part(train, share=0.2, seed=0)


def fit(volumes, target, train, stopping, *, settings=TINY, seed=1, plan=CPU, **more):
    return fit_branch(volumes, target, train, stopping=stopping, settings=settings, seed=seed, device_plan=plan, **more)


def test_branch_has_the_promised_shapes_at_any_side():
    network = build_branch(NetworkSettings()).eval()
    for side in (16, 21, 48):
        features, output = network(torch.rand(2, 1, side, side, side))
        assert features.shape == (2, NetworkSettings().branch_features)
        assert output.shape == (2,)


def test_a_patient_is_judged_alone():
    """Normalisation within a patient: nobody's output depends on who shares the batch."""
    network = build_branch(TINY)
    volumes = cohort()[0]
    together = branch_outputs(network, volumes, device_plan=CPU, settings=TINY)
    alone = branch_outputs(network, volumes[7:8], device_plan=CPU, settings=TINY)
    np.testing.assert_allclose(together[0][7], alone[0][0], atol=1e-5)
    np.testing.assert_allclose(together[1][7], alone[1][0], atol=1e-5)


def test_the_number_of_threads_and_the_state_of_the_generator_change_no_bit():
    case = cohort()
    torch.manual_seed(0)
    one = fit(*case)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        torch.manual_seed(99)
        expected = torch.rand(1)
        torch.manual_seed(99)
        two = fit(*case)
        assert torch.equal(torch.rand(1), expected), "training drew from the caller's generator"
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(one.output, two.output)
    assert not np.array_equal(fit(*case, seed=2).output, one.output)


def test_stopping_patients_decide_when_to_stop_and_nothing_else():
    volumes, target, train, stopping = cohort()
    one = fit(volumes, target, train, stopping, settings=replace(TINY, epochs=1))
    flipped = replace(target, long=np.where(stopping, ~target.long, target.long))
    two = fit(volumes, flipped, train, stopping, settings=replace(TINY, epochs=1))
    np.testing.assert_array_equal(one.output, two.output)


def test_training_ends_when_validation_no_longer_gains():
    volumes, target, train, stopping = cohort()
    found = fit(
        volumes,
        target,
        train,
        stopping,
        settings=replace(TINY, epochs=60, least_epochs=5, patience=3, learning_rate=0.02),
    )
    assert 1 <= found.epochs < 57


def test_training_volumes_are_changed_as_often_as_asked_and_only_those():
    volumes, target, train, stopping = cohort()
    seen = []

    def halved(batch, *, generator):
        seen.append((len(batch), float(torch.rand(1, generator=generator))))
        return batch * 0.5

    found = fit(volumes, target, train, stopping, augment=halved, settings=replace(TINY, batch_size=64))
    assert [n for n, _ in seen] == [(train & ~stopping).sum()] * 2  # 4 epochs, 2 epochs a view
    assert seen[0][1] != seen[1][1]
    assert not np.array_equal(found.output, fit(volumes, target, train, stopping).output)


def test_the_device_plan_is_followed(monkeypatch):
    """Half precision, page-locked memory and layout are entered where the plan says so, here on the CPU."""
    entered, pinned = [], []

    @dataclass(frozen=True)
    class Watched(DevicePlan):
        def autocast_context(self):
            entered.append(self.autocast)
            return torch.autocast("cpu", dtype=torch.bfloat16) if self.autocast else contextlib.nullcontext()

    def watch_pin(tensor):
        pinned.append(tensor.shape)
        return tensor

    monkeypatch.setattr(torch.Tensor, "pin_memory", watch_pin)
    case = cohort()
    flags = {"non_blocking": True, "compile": False}
    plain = fit(*case, plan=Watched("cpu", autocast=False, pin_memory=False, channels_last=False, **flags))
    assert not pinned
    assert entered
    assert not any(entered)
    entered.clear()
    half = fit(*case, plan=Watched("cpu", autocast=True, pin_memory=True, channels_last=True, **flags))
    assert pinned
    assert all(entered)
    assert not np.array_equal(plain.output, half.output)
    np.testing.assert_allclose(plain.output, half.output, atol=0.2)
    assert half.features.dtype == np.float32


def test_where_there_is_a_graphics_card_it_learns_the_same():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    volumes, target, train, stopping = cohort()
    found = fit(volumes, target, train, stopping, plan=plan_for("cuda"))
    assert np.isfinite(found.output).all()


def test_weights_to_begin_from_are_loaded_and_checked():
    network = build_branch(TINY)
    given = as_arrays(build_branch(TINY))
    load_weights(network, given, source="a.safetensors")
    np.testing.assert_array_equal(as_arrays(network)["stages.0.conv.weight"], given["stages.0.conv.weight"])
    load_weights(network, {name: v for name, v in given.items() if not name.startswith("output.")}, source="a")
    with pytest.raises(BadInputError, match=r"a\.safetensors.*not known"):
        load_weights(network, {**given, "other": np.zeros(1, np.float32)}, source="a.safetensors")
    with pytest.raises(BadInputError, match=r"missing.*stages\.0\.conv\.weight"):
        load_weights(network, {n: v for n, v in given.items() if n != "stages.0.conv.weight"}, source="a")
    with pytest.raises(BadInputError, match="instead of"):
        load_weights(network, {**given, "output.bias": np.zeros(3, np.float32)}, source="a")


def test_divergence_is_a_failure_and_not_a_value():
    found = fit(*cohort(), settings=replace(TINY, learning_rate=1e30))
    assert found.failure == DIVERGED
    assert np.isnan(found.output).all()
    assert np.isnan(found.features).all()


def test_what_cannot_be_trained_on_is_refused():
    volumes, target, train, stopping = cohort()
    with pytest.raises(BadInputError, match="must be training patients"):
        fit(volumes, target, train, ~train)
    with pytest.raises(BadInputError, match="depth"):
        fit(volumes[:, 0], target, train, stopping)
