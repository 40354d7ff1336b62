from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save
from sklearn.metrics import roc_auc_score
from sksurv.metrics import concordance_index_censored

from raise_core.domain.errors import BadInputError, BadUsageError
from raise_core.domain.fusion_model import Head, parse_fusion_model
from raise_core.evaluation.fusion_folds import compute_fold, fold_network, kfold_assignment, lab_out_of_fold
from raise_core.features import resnet152_ct_3d
from raise_core.features.encoder import Weights
from raise_core.features.residual_network_3d import ResidualNetwork3d
from raise_core.models import lab_forest
from raise_core.models.network_settings import NetworkSettings
from raise_core.models.training_target import TOO_FEW_OF_A_CLASS
from raise_core.models.volume_network import build_branch
from tests.evaluation.planted_volumes import planted_volumes, planted_work

FAST = NetworkSettings(
    channels=(4, 8), branch_features=8, epochs=3, fusion_epochs=30, ct_components=5, fused_units=6, learning_rate=0.01
)
ALL = ("pet", "ct", "pet+ct+lab", "pet+ct-pretrained", "pet+ct-pretrained+lab", "ct-pretrained")


def small(texts=ALL, **more):
    return planted_work(tuple(texts), **{"n": 30, "side": 16, "settings": FAST, **more})


def same(one, two):
    assert one.keys() == two.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, two[name], err_msg=name)


def test_planted_signal_is_learnt_by_the_branch_and_by_fusions_that_read_it():
    work = planted_work(("pet", "ct", "pet+ct", "pet+ct+lab"))
    found = compute_fold(work)
    auroc = {model: roc_auc_score(work.long[work.test], value) for model, value in found.value.items()}
    assert not found.failures
    assert auroc["pet"] > 0.9
    assert auroc["pet+ct"] > 0.8
    assert auroc["pet+ct+lab"] > 0.8
    assert all(((value >= 0) & (value <= 1)).all() for value in found.value.values())


def test_planted_hazard_is_ranked_and_centred_on_training_patients():
    work = planted_work(("cox:pet", "cox:pet+lab"), head=Head.COX)
    found = compute_fold(work)
    test = work.test
    for text in ("cox:pet", "cox:pet+lab"):
        c = concordance_index_censored(work.event[test], work.time_weeks[test], found.value[text])[0]
        assert c > 0.65
        network = fold_network(found.weights, parse_fusion_model(text), work.settings)
        with torch.inference_mode():
            log_hazard = network(pet=torch.from_numpy(work.pet[:, None]), labs=torch.from_numpy(work.labs))
        assert abs(float(log_hazard[torch.from_numpy(~test)].mean())) < 1e-5
        np.testing.assert_allclose(log_hazard.numpy()[test], found.value[text], atol=1e-4)


@pytest.mark.parametrize("head", list(Head))
def test_test_patients_influence_nothing_that_is_fitted(head):
    prefix = "" if head is Head.CLASS else "cox:"
    work = small([prefix + text for text in ALL], head=head)
    test = work.test
    volumes, labs, features = work.pet.copy(), work.labs.copy(), work.ct_features.copy()
    volumes[test], labs[test], features[test] = 1.0 - volumes[test], 1e30, -1e20
    changed = replace(
        work,
        pet=volumes,
        ct=np.where(test[:, None, None, None], np.float32(1e6), work.ct),
        labs=labs,
        ct_features=features,
        long=np.where(test, ~work.long, work.long),
        time_weeks=np.where(test, 999.0, work.time_weeks),
        event=np.where(test, ~work.event, work.event),
    )
    one, two = compute_fold(work), compute_fold(changed)
    assert {"pet.output.weight", "lab-block.median", "ct-pretrained-block.loadings", "pet-block.scale"} <= set(
        one.weights
    )
    same(one.weights, two.weights)
    assert one.epochs == two.epochs
    for text, fused in one.fused.items():
        np.testing.assert_array_equal(fused[~test], two.fused[text][~test], err_msg=text)
        assert not np.array_equal(one.value[text], two.value[text])


def test_one_training_patient_influences_everything():
    """The test above could not fail if nothing reached the fit."""
    work = small()
    row = int(np.flatnonzero(~work.test)[0])
    changed = replace(
        work,
        pet=np.where(np.arange(len(work.test))[:, None, None, None] == row, np.float32(0.9), work.pet),
        labs=np.where(np.arange(len(work.test))[:, None] == row, 50.0, work.labs),
        ct_features=np.where(np.arange(len(work.test))[:, None] == row, np.float32(9), work.ct_features),
    )
    one, two = compute_fold(work).weights, compute_fold(changed).weights
    for name in ("pet.output.weight", "pet-block.mean", "lab-block.mean", "ct-pretrained-block.loadings"):
        assert not np.array_equal(one[name], two[name]), name
    same({k: v for k, v in one.items() if k.startswith("ct.")}, {k: v for k, v in two.items() if k.startswith("ct.")})


def test_a_model_does_not_depend_on_what_else_the_fold_trains():
    work = small()
    together = compute_fold(work)
    alone = compute_fold(replace(work, models=(parse_fusion_model("pet+ct+lab"),), ct_features=None))
    np.testing.assert_array_equal(alone.value["pet+ct+lab"], together.value["pet+ct+lab"])
    assert set(alone.weights) < set(together.weights)


@pytest.mark.slow
def test_the_same_fold_gives_the_same_bits_in_another_process_and_another_seed_does_not():
    work = small()
    here = compute_fold(work)
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(compute_fold, work).result()
    same(here.weights, there.weights)
    same(here.value, there.value)
    assert not np.array_equal(compute_fold(replace(work, seed=6)).value["pet"], here.value["pet"])


def test_rebuilt_networks_say_what_the_fold_said_and_can_be_followed_back_to_voxels():
    work = small()
    found = compute_fold(work)
    stored = load(save({name: np.ascontiguousarray(array) for name, array in found.weights.items()}))
    for model in work.models:
        network = fold_network(stored, model, work.settings)
        pet = torch.from_numpy(work.pet[work.test][:, None]).requires_grad_()
        ct = torch.from_numpy(work.ct[work.test][:, None]).requires_grad_()
        logit = network(
            pet=pet,
            ct=ct,
            ct_features=torch.from_numpy(work.ct_features[work.test]),
            labs=torch.from_numpy(work.labs[work.test]),
        )
        np.testing.assert_allclose(torch.sigmoid(logit).detach(), found.value[model.text], atol=1e-4)
        torch.autograd.backward(logit.sum()) if logit.requires_grad else None
        reads = set(model.inputs)
        assert (pet.grad is not None and bool(pet.grad.any())) == ("pet" in reads)
        assert (ct.grad is not None and bool(ct.grad.any())) == ("ct" in reads)


def test_a_network_says_which_input_it_lacks_and_which_model_it_never_had():
    work = small(("pet+ct+lab",))
    found = compute_fold(work)
    network = fold_network(found.weights, work.models[0], work.settings)
    with pytest.raises(BadUsageError, match="'ct'"):
        network(pet=torch.from_numpy(work.pet[:2, None]), labs=torch.from_numpy(work.labs[:2]))
    with pytest.raises(BadUsageError, match="was not trained"):
        fold_network(found.weights, parse_fusion_model("pet+ct"), work.settings)


def test_a_checkpoint_is_where_the_ct_branch_begins():
    torch.manual_seed(0)
    initial = {name: value.numpy() for name, value in build_branch(FAST).state_dict().items()}
    frozen = replace(FAST, learning_rate=1e-12, weight_decay=0.0)
    work = small(("ct-pretrained", "pet+ct-pretrained"), ct_features=None, ct_initial=initial, settings=frozen)
    found = compute_fold(work)
    for name, value in initial.items():
        np.testing.assert_allclose(found.weights[f"ct-pretrained.{name}"], value, atol=1e-8)
    trained = compute_fold(replace(work, settings=FAST))
    assert not np.allclose(trained.weights["ct-pretrained.output.weight"], initial["output.weight"])
    network = fold_network(trained.weights, work.models[1], FAST)
    chosen = [torch.from_numpy(each[work.test][:, None]) for each in (work.pet, work.ct)]
    value = torch.sigmoid(network(pet=chosen[0], ct=chosen[1])).detach()
    np.testing.assert_allclose(value, trained.value["pet+ct-pretrained"], atol=1e-4)


@pytest.mark.slow
def test_the_pretrained_ct_network_itself_can_be_trained_further(monkeypatch, tmp_path):
    """The same code with the shortest network of that kind: one block a stage."""
    monkeypatch.setattr(resnet152_ct_3d, "LAYERS", (1, 1, 1, 1))
    torch.manual_seed(0)
    network = ResidualNetwork3d((1, 1, 1, 1))
    file = tmp_path / "ct.pt"
    torch.save(network.state_dict(), file)
    settings = replace(FAST, epochs=2, fine_tune_learning_rate=0.001)
    weights = Weights((file,), "", "test")
    work = small(("ct-pretrained", "ct-pretrained+lab"), n=12, ct_features=None, settings=settings, ct_weights=weights)
    found = compute_fold(work)
    assert not found.failures
    stored = found.weights["ct-pretrained.encoder.layer1.0.conv1.weight"]
    assert not np.array_equal(stored, network.layer1[0].conv1.weight.detach().numpy())
    kept = found.weights["ct-pretrained.encoder.bn1.running_mean"]
    np.testing.assert_array_equal(kept, network.bn1.running_mean.numpy())
    for model in work.models:
        rebuilt = fold_network(found.weights, model, settings)
        logit = rebuilt(ct=torch.from_numpy(work.ct[work.test][:, None]), labs=torch.from_numpy(work.labs[work.test]))
        np.testing.assert_allclose(torch.sigmoid(logit).detach(), found.value[model.text], atol=1e-4)


def test_a_fold_that_cannot_be_trained_says_why_and_gives_no_value():
    work = small(("pet", "pet+lab"))
    found = compute_fold(replace(work, long=np.ones_like(work.long)))
    assert found.failures == {"pet": TOO_FEW_OF_A_CLASS, "pet+lab": TOO_FEW_OF_A_CLASS}
    assert np.isnan(found.value["pet+lab"]).all()
    assert np.isnan(found.fused["pet"]).all()
    with pytest.raises(BadUsageError, match="not trained"):
        fold_network(found.weights, work.models[0], work.settings)


def test_work_that_does_not_hold_together_is_refused():
    work = small(("pet+lab",))
    with pytest.raises(BadInputError, match="PET volumes"):
        compute_fold(replace(work, pet=None))
    with pytest.raises(BadInputError, match="laboratory values"):
        compute_fold(replace(work, labs=work.labs[:-1]))
    with pytest.raises(BadUsageError, match="share its head"):
        compute_fold(replace(work, head=Head.COX))
    with pytest.raises(BadUsageError, match="read an image"):
        compute_fold(replace(work, models=(parse_fusion_model("lab"),)))
    with pytest.raises(BadInputError, match="test patients"):
        compute_fold(replace(work, test=np.zeros_like(work.test)))
    broken = work.pet.copy()
    broken[3, 0, 0, 0] = np.nan
    with pytest.raises(BadInputError, match="position 3"):
        compute_fold(replace(work, pet=broken))


def test_folds_are_balanced_and_belong_to_patients():
    rng = np.random.default_rng(0)
    long, ids = rng.random(116) < 0.64, [f"p{i}" for i in range(116)]
    fold = kfold_assignment(long, folds=3, repeats=5, seed=1, keys=ids)
    assert fold.dtype == np.int8
    assert fold.shape == (5, 116)
    for row in fold:
        assert np.ptp([(row == k).sum() for k in range(3)]) <= 1
        assert np.ptp([(long & (row == k)).sum() for k in range(3)]) <= 1
    assert len({row.tobytes() for row in fold}) == 5
    np.testing.assert_array_equal(kfold_assignment(long, folds=3, repeats=2, seed=1, keys=ids), fold[:2])
    turn = rng.permutation(116)
    turned = kfold_assignment(long[turn], folds=3, repeats=5, seed=1, keys=[ids[i] for i in turn])
    np.testing.assert_array_equal(turned, fold[:, turn])
    with pytest.raises(BadUsageError, match="at least 1"):
        kfold_assignment(long, folds=3, repeats=0, seed=1, keys=ids)
    with pytest.raises(BadUsageError, match="--folds"):
        kfold_assignment(long[:2], folds=3, repeats=1, seed=1, keys=ids[:2])


def test_lab_models_are_out_of_fold_and_find_the_planted_test(monkeypatch):
    monkeypatch.setattr(lab_forest, "TREES", 40)
    rng = np.random.default_rng(3)
    long = rng.random(90) < 0.6
    labs = rng.normal(size=(90, 5))
    labs[:, 2] += 3.0 * long
    time, event = np.where(long, 60 + rng.exponential(30, 90), rng.uniform(2, 50, 90)), rng.random(90) < 0.8
    fold = kfold_assignment(long, folds=3, repeats=2, seed=0, keys=range(90))
    calls = []
    value = lab_out_of_fold(
        labs, long, time, event, fold=fold, head=Head.CLASS, seed=0, progress=lambda *each: calls.append(each)
    )
    assert calls[-1][1:] == (6, 6)
    assert value.shape == (2, 90)
    assert min(roc_auc_score(long, row) for row in value) > 0.7
    assert not np.array_equal(value[0], value[1])
    # A patient's value is that of the forest that never saw the patient's class.
    other = long.copy()
    other[fold[0] == 1] = ~other[fold[0] == 1]
    again = lab_out_of_fold(labs, other, time, event, fold=fold[:1], head=Head.CLASS, seed=0)
    np.testing.assert_array_equal(again[0][fold[0] == 1], value[0][fold[0] == 1])
    risk = lab_out_of_fold(labs, long, time, event, fold=fold[:1], head=Head.COX, seed=0)
    assert concordance_index_censored(event, time, risk[0])[0] > 0.6
    assert np.isnan(lab_out_of_fold(labs, np.ones(90, bool), time, event, fold=fold, head=Head.CLASS, seed=0)).all()


@pytest.mark.slow
def test_with_shuffled_classes_no_model_is_better_than_chance():
    """Folds of many small cohorts whose class has nothing to do with anything: mean AUROC 0.5 within its interval."""
    models = ("pet", "ct", "pet+ct", "pet+ct+lab", "pet+ct-pretrained", "pet+ct-pretrained+lab")
    settings = replace(FAST, epochs=8)
    scores = {model: [] for model in (*models, "lab")}
    for seed in range(24):
        work = small(models, n=36, seed=seed, settings=settings)
        rng = np.random.default_rng(1000 + seed)
        noise = planted_volumes(rng.random(36), side=16, seed=seed)
        found = compute_fold(replace(work, pet=noise, seed=seed))
        for model in models:
            scores[model].append(roc_auc_score(work.long[work.test], found.value[model]))
        fold = work.test[None].astype(np.int8)
        labs = lab_out_of_fold(
            rng.normal(size=(36, 5)), work.long, work.time_weeks, work.event, fold=fold, head=Head.CLASS, seed=seed
        )
        scores["lab"].append(roc_auc_score(work.long[work.test], labs[0, work.test]))
    for model, found in scores.items():
        half = 3.0 * np.std(found, ddof=1) / np.sqrt(len(found))  # 3 standard errors: seven models are looked at
        assert half < 0.15, model
        assert abs(np.mean(found) - 0.5) < half, (model, np.mean(found), half)
