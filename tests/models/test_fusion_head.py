from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sksurv.metrics import concordance_index_censored

from raise_core.domain.errors import BadInputError
from raise_core.domain.fusion_model import Head
from raise_core.models.fusion_head import fit_fusion
from raise_core.models.network_settings import NetworkSettings
from raise_core.models.training_target import TrainingTarget

SETTINGS = NetworkSettings(fusion_epochs=120)


def cohort(n=150, seed=0, head=Head.CLASS):
    """A wide block of noise beside a narrow one that tells half, and labs that tell the other half."""
    rng = np.random.default_rng(seed)
    blocks = {
        "pet": rng.normal(size=(n, 20)).astype(np.float32),
        "ct": rng.normal(size=(n, 2)).astype(np.float32),
        "lab": rng.normal(size=(n, 3)).astype(np.float32),
    }
    risk = blocks["ct"][:, 0] + blocks["lab"][:, 1]
    long = risk + 0.4 * rng.normal(size=n) < 0.3
    target = TrainingTarget(head, long, rng.exponential(40 * np.exp(-1.5 * risk)), rng.random(n) < 0.7)
    train = rng.random(n) < 0.67
    return blocks, target, train


def fit(blocks, target, train, *, settings=SETTINGS, seed=0):
    stopping = target.stopping_part(train, share=0.2, seed=1)
    return fit_fusion(blocks, target, train, stopping=stopping, settings=settings, seed=seed)


def test_what_two_inputs_tell_together_is_learnt():
    blocks, target, train = cohort()
    found = fit(blocks, target, train)
    test = ~train
    joint = roc_auc_score(target.long[test], found.output[test])
    alone = {
        name: roc_auc_score(target.long[test], fit({name: block}, target, train).output[test])
        for name, block in blocks.items()
    }
    assert joint > 0.8
    assert joint > max(alone.values())
    assert found.fused.shape == (150, SETTINGS.fused_units)


def test_hazards_are_ranked():
    blocks, target, train = cohort(seed=1, head=Head.COX)
    found = fit(blocks, target, train)
    test = ~train
    assert concordance_index_censored(target.event[test], target.time_weeks[test], found.output[test])[0] > 0.7


def test_censored_patients_take_part_in_hazards():
    blocks, target, train = cohort(head=Head.COX)
    later = replace(target, time_weeks=np.where(target.event, target.time_weeks, 500.0))
    assert not np.array_equal(fit(blocks, target, train).output, fit(blocks, later, train).output)


def test_same_seed_same_bits():
    case = cohort()
    one = fit(*case)
    np.testing.assert_array_equal(one.output, fit(*case).output)
    assert not np.array_equal(one.output, fit(*case, seed=1).output)


def test_blocks_with_missing_values_or_none_are_refused():
    blocks, target, train = cohort()
    with pytest.raises(BadInputError, match="got none"):
        fit({}, target, train)
    blocks["ct"][0, 0] = np.nan
    with pytest.raises(BadInputError, match="'ct'"):
        fit(blocks, target, train)
