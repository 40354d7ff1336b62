"""AUROC and average precision by fold against scikit-learn, their chance level, missing folds, ties and weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from raise_core.domain.class_results import NOT_FITTED, ONE_CLASS
from raise_core.evaluation import class_scores
from raise_core.evaluation.class_scores import (
    fold_scores,
    long_score,
    random_average_precision,
    repeated_score,
    resampled_scores,
    weighted_auroc_auprc,
)
from tests.evaluation.class_case import folds_of, outcome_of, output_of


@st.composite
def scored_patients(draw):
    """Scores with many ties, both classes, whole weights of which each class keeps some."""
    n = draw(st.integers(2, 25))
    score = draw(arrays.arrays(float, n, elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9])))
    long = np.array(
        draw(st.permutations([True, False, *draw(st.lists(st.booleans(), min_size=n - 2, max_size=n - 2))]))
    )
    weights = draw(arrays.arrays(float, (3, n), elements=st.sampled_from([0.0, 1.0, 2.0, 5.0])))
    return score, long, weights


@given(scored_patients())
def test_scores_are_those_of_scikit_learn_with_ties_and_weights(case):
    score, long, weights = case
    auroc, auprc = weighted_auroc_auprc(score, long, weights)
    for row, weight in enumerate(weights):
        if not weight[long].sum() or not weight[~long].sum():
            assert np.isnan(auroc[row])
            assert np.isnan(auprc[row])
            continue
        assert auroc[row] == pytest.approx(roc_auc_score(long, score, sample_weight=weight), abs=1e-12)
        kept = weight > 0
        expected = average_precision_score(long[kept], score[kept], sample_weight=weight[kept])
        assert auprc[row] == pytest.approx(expected, abs=1e-12)


@given(scored_patients())
def test_turning_the_score_around_turns_the_auroc_around(case):
    score, long, weights = case
    forward, backward = (weighted_auroc_auprc(sign * score, long, weights)[0] for sign in (1, -1))
    np.testing.assert_allclose(forward, 1 - backward, atol=1e-12)


def test_many_weightings_at_once_are_each_of_them_alone(monkeypatch):
    rng = np.random.default_rng(0)
    score, long, weights = rng.normal(size=40), rng.random(40) < 0.6, rng.integers(0, 4, (50, 40)).astype(float)
    whole = weighted_auroc_auprc(score, long, weights)
    monkeypatch.setattr(class_scores, "_CELLS", 100)
    for together, apart in zip(whole, weighted_auroc_auprc(score, long, weights), strict=True):
        np.testing.assert_array_equal(together, apart)


@pytest.mark.parametrize(("n_long", "n"), [(1, 1), (2, 3), (3, 5), (1, 4), (5, 7)])
def test_the_random_average_precision_is_the_mean_over_every_order(n_long, n):
    found = []
    for places in itertools.combinations(range(n), n_long):
        long = np.isin(np.arange(n), places)
        found.append(1.0 if n_long == n else average_precision_score(long, -np.arange(n)))
    assert random_average_precision(n_long, n) == pytest.approx(np.mean(found), abs=1e-12)


def test_a_random_score_in_a_fold_of_39_is_expected_above_the_prevalence():
    assert random_average_precision(25, 39) == pytest.approx(0.672, abs=0.001)
    assert 25 / 39 < 0.645


def test_each_fold_is_scored_alone_and_the_mean_is_over_folds_then_repeats():
    rng = np.random.default_rng(1)
    outcome = outcome_of(rng)
    output = output_of(rng, outcome, signal=1.0, repeats=4)
    long = outcome.time_weeks > 52.5
    found = fold_scores(long_score(output), output.fold, long, folds=3)
    for repeat, one in itertools.product(range(4), range(3)):
        tested = output.fold[repeat] == one
        assert found.auroc[repeat, one] == pytest.approx(roc_auc_score(long[tested], output.value[repeat, tested]))
        assert found.auprc[repeat, one] == pytest.approx(
            average_precision_score(long[tested], output.value[repeat, tested])
        )
    one = repeated_score(found.auroc, found.auroc[None], not_fitted=found.not_fitted)
    assert one.value == pytest.approx(found.auroc.mean())
    assert one.sd == pytest.approx(found.auroc.mean(axis=1).std(ddof=1))
    assert (one.scored, one.folds) == (12, 12)


def test_folds_without_a_class_or_an_output_are_missing_and_counted():
    long = np.array([True, True, True, False, False, True])
    fold = np.array([[0, 0, 1, 1, 2, 2]], dtype=np.int8)
    score = np.array([[0.9, 0.8, 0.7, 0.2, 0.4, np.nan]])
    found = fold_scores(score, fold, long, folds=3)
    assert np.isnan(found.auroc[0, [0, 2]]).all()
    assert found.auroc[0, 1] == 1.0
    assert found.not_fitted.tolist() == [[False, False, True]]
    summary = repeated_score(found.auroc, found.auroc[None], not_fitted=found.not_fitted)
    assert (summary.value, summary.sd, summary.scored) == (1.0, None, 1)
    assert repeated_score(found.auroc[:, :1], found.auroc[None, :, :1], not_fitted=np.array([[False]])).reason == (
        ONE_CLASS
    )
    nothing = repeated_score(np.full((1, 2), np.nan), np.full((1, 1, 2), np.nan), not_fitted=np.ones((1, 2), bool))
    assert (nothing.value, nothing.reason) == (None, NOT_FITTED)


def test_resamples_keep_to_their_fold():
    rng = np.random.default_rng(2)
    long = rng.random(60) < 0.6
    fold = folds_of(rng, long, repeats=2)
    score = rng.random((2, 60))
    weights = rng.integers(0, 3, (5, 60)).astype(float)
    auroc, _ = resampled_scores(score, fold, long, weights, folds=3)
    tested = fold[1] == 2
    expected = roc_auc_score(long[tested], score[1, tested], sample_weight=weights[3, tested])
    assert auroc[3, 1, 2] == pytest.approx(expected)
