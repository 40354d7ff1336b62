"""Confusion at a threshold, Wilson's limits, pooling over repeats."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

from raise_core.domain.class_accuracy import NOBODY_CALLED
from raise_core.evaluation.class_threshold import confusion, pooled_score, wilson
from tests.evaluation.class_case import outcome_of, output_of


@pytest.mark.parametrize(("count", "n"), [(0, 5), (3, 7), (42, 42), (50, 116)])
def test_wilson_limits_are_those_of_scipy(count, n):
    found = wilson(count, n, if_empty="")
    expected = binomtest(count, n).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.73])
def test_counts_are_those_of_scikit_learn(threshold):
    rng = np.random.default_rng(1)
    score, long = np.round(rng.random(80), 2), rng.random(80) < 0.6
    found = confusion(score, long, threshold=threshold)
    (right, alarm), (missed, hit) = confusion_matrix(long, score >= threshold)
    assert (found.short_called_short, found.short_called_long) == (right, alarm)
    assert (found.long_called_short, found.long_called_long) == (missed, hit)
    assert found.sensitivity.value == hit / (hit + missed)
    assert found.npv.value == right / (right + missed)
    assert found.n == 80


def test_whoever_lies_on_the_threshold_is_called_long():
    found = confusion([0.5, 0.49], [True, False], threshold=0.5)
    assert (found.long_called_long, found.short_called_short) == (1, 1)


def test_a_threshold_beyond_everybody_has_no_predictive_value():
    found = confusion([0.2, 0.3], [True, False], threshold=0.9)
    assert found.ppv.value is None
    assert found.ppv.reason == NOBODY_CALLED
    assert found.sensitivity.value == 0.0


def test_scores_are_pooled_over_the_repeats_that_have_one():
    rng = np.random.default_rng(2)
    outcome = outcome_of(rng)
    output = output_of(rng, outcome, repeats=3)
    output.value[0, 0] = np.nan
    output.value[:, 1] = np.nan
    found = pooled_score(output)
    assert found[0] == pytest.approx(output.value[1:, 0].mean())
    assert np.isnan(found[1])
    assert found[2] == pytest.approx(output.value[:, 2].mean())
    risk = output_of(rng, outcome, model="cox:pet", repeats=3)
    np.testing.assert_allclose(pooled_score(risk), -risk.mean_risk)
