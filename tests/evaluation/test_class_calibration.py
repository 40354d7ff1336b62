"""Calibration of probabilities: truth recovered, scikit-learn's logistic fit and Brier score, what cannot be given."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from raise_core.domain.errors import BadUsageError
from raise_core.domain.horizon_results import CERTAIN_RISK, NO_FINITE_SLOPE, NO_SPREAD
from raise_core.evaluation.class_calibration import class_calibration


def drawn(rng, n, *, slope=1.0, intercept=0.0):
    """Predictions and classes drawn so that the logit of the truth is intercept + slope x logit of the prediction."""
    predicted = expit(rng.normal(0.6, 1.0, n))
    return predicted, rng.random(n) < expit(intercept + slope * logit(predicted))


def test_true_probabilities_are_calibrated():
    predicted, long = drawn(np.random.default_rng(1), 4000)
    found = class_calibration(predicted, long, model="lab", bootstraps=100)
    assert found.intercept.low < 0 < found.intercept.high
    assert found.slope.low < 1 < found.slope.high
    inside = (found.smooth_at > 0.2) & (found.smooth_at < 0.9)
    np.testing.assert_allclose(found.smooth[inside, 0], found.smooth_at[inside], atol=0.06)
    for one in found.bins:
        assert one.observed.low - 0.02 < one.predicted < one.observed.high + 0.02
    assert sum(one.n for one in found.bins) == found.n == 4000
    assert sum(one.n_long for one in found.bins) == found.n_long


def test_extreme_predictions_have_a_slope_below_one():
    rng = np.random.default_rng(2)
    predicted, long = drawn(rng, 2000, slope=0.4, intercept=-0.5)
    found = class_calibration(predicted, long, model="lab", bootstraps=50)
    assert found.slope.high < 0.6
    assert found.intercept.high < 0
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(predicted)[:, None], long)
    assert found.slope.value == pytest.approx(fit.coef_[0, 0], rel=1e-4)


def test_the_brier_score_is_that_of_scikit_learn():
    predicted, long = drawn(np.random.default_rng(3), 116)
    found = class_calibration(predicted, long, model="lab")
    assert found.brier.value == pytest.approx(brier_score_loss(long, predicted))
    assert found.null_brier == pytest.approx(brier_score_loss(long, np.full(116, long.mean())))
    assert found.scaled_brier.value == pytest.approx(1 - found.brier.value / found.null_brier)
    assert found.brier.low < found.brier.value < found.brier.high
    assert found.scaled_brier.low < found.scaled_brier.value < found.scaled_brier.high
    assert (found.smooth[:, 1] <= found.smooth[:, 0]).all()
    assert (found.smooth[:, 0] <= found.smooth[:, 2]).all()


def test_what_cannot_be_given_says_why():
    long = np.r_[np.ones(20, bool), np.zeros(20, bool)]
    flat = class_calibration(np.full(40, 0.6), long, model="lab", bootstraps=20)
    assert flat.slope.reason == NO_SPREAD
    assert flat.intercept.value == pytest.approx(-logit(0.6))
    assert len(flat.bins) == 1
    assert not len(flat.smooth_at)
    certain = class_calibration(np.r_[1.0, np.full(39, 0.5)], long, model="lab", bootstraps=20)
    assert certain.slope.reason == CERTAIN_RISK
    apart = class_calibration(np.where(long, 0.7, 0.2), long, model="lab", bootstraps=20)
    assert apart.slope.reason == NO_FINITE_SLOPE
    with pytest.raises(BadUsageError, match="probabilities"):
        class_calibration([np.nan, 0.2], [True, False], model="lab")
    with pytest.raises(BadUsageError, match="no patient"):
        class_calibration([], [], model="lab")
