"""Paired comparison of models: its error under noise, its power, pairing over unequal repeats, Holm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from raise_core.domain.class_results import OTHER_FOLDS, Measure
from raise_core.domain.week import WEEKS_PER_YEAR
from raise_core.evaluation.class_comparison import compare_models
from raise_core.evaluation.class_scores import fold_scores, long_score
from raise_core.evaluation.resampling import corrected_standard_error_kfold
from tests.evaluation.class_case import folds_of, outcome_of, output_of


def compared(outputs, outcome, measure=Measure.AUROC):
    long = outcome.time_weeks > WEEKS_PER_YEAR
    scores = {one.model.text: fold_scores(long_score(one), one.fold, long, folds=3) for one in outputs}
    return compare_models(outputs, scores, folds=3, measure=measure), scores


def pair(rng, *, signals=(0.0, 0.0), repeats=(3, 3), models=("lab", "pet")):
    outcome = outcome_of(rng)
    fold = folds_of(rng, outcome.time_weeks > WEEKS_PER_YEAR, repeats=max(repeats))
    outputs = [
        output_of(rng, outcome, model=model, signal=signal, fold=fold[:count])
        for model, signal, count in zip(models, signals, repeats, strict=True)
    ]
    return outputs, outcome


def test_two_models_without_signal_differ_no_more_often_than_they_may():
    """The plain t-test over folds, beside it, finds far too many."""
    corrected, plain, trials = 0, 0, 300
    for seed in range(trials):
        outputs, outcome = pair(np.random.default_rng(seed))
        (found,), scores = compared(outputs, outcome)
        corrected += found.p_corrected < 0.05
        difference = (scores["lab"].auroc - scores["pet"].auroc).ravel()
        plain += abs(difference.mean()) / (difference.std(ddof=1) / 3) > 2.306
    assert corrected / trials <= 0.085
    assert plain / trials > 0.15


def test_the_standard_error_is_that_of_repeated_folds():
    outputs, outcome = pair(np.random.default_rng(1), signals=(1.0, 0.5))
    (found,), scores = compared(outputs, outcome)
    difference = (scores["lab"].auroc - scores["pet"].auroc).ravel()
    error = corrected_standard_error_kfold(difference.std(ddof=1), folds=3, repeats=3)
    assert found.difference == pytest.approx(difference.mean())
    assert found.ci_high - found.difference == pytest.approx(2.3060041 * error, rel=1e-6)  # t with 8 df


def test_a_large_difference_is_found():
    outputs, outcome = pair(np.random.default_rng(2), signals=(4.0, 0.0))
    (found,), _ = compared(outputs, outcome)
    assert found.difference > 0.3
    assert found.p_corrected < 0.001


def test_unequal_repeats_are_compared_on_those_both_have():
    outputs, outcome = pair(np.random.default_rng(3), signals=(1.0, 1.0), repeats=(10, 3))
    (found,), scores = compared(outputs, outcome)
    assert (found.repeats, found.folds_scored) == (3, 9)
    assert found.difference == pytest.approx((scores["lab"].auroc[:3] - scores["pet"].auroc).mean())


def test_other_folds_or_patients_are_not_paired():
    (first, second), outcome = pair(np.random.default_rng(4))
    for odd in (
        replace(second, fold=np.roll(second.fold, 1, axis=1)),
        replace(second, patient_ids=tuple(f"Q{i}" for i in range(116))),
    ):
        (found,), _ = compared([first, odd], outcome)
        assert (found.difference, found.p_corrected, found.reason) == (None, None, OTHER_FOLDS)


def test_holm_runs_over_the_pairs_that_could_be_compared():
    rng = np.random.default_rng(5)
    outputs, outcome = pair(rng, signals=(3.0, 0.0, 0.0), repeats=(3, 3, 3), models=("lab", "pet", "ct"))
    found, _ = compared(outputs, outcome, Measure.AUPRC)
    assert [(one.model_a, one.model_b) for one in found] == [("lab", "pet"), ("lab", "ct"), ("pet", "ct")]
    lowest = min(found, key=lambda one: one.p_corrected)
    assert lowest.p_holm == pytest.approx(3 * lowest.p_corrected)
    assert {one.measure for one in found} == {Measure.AUPRC}
    assert compared(outputs[:1], outcome)[0] == ()
