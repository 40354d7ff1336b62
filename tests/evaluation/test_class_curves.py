"""Averaged curves: their area is the mean score, they rise or lie where they must, ties, folds without a class."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.outcome import Outcome
from raise_core.domain.week import WEEKS_PER_YEAR
from raise_core.evaluation.class_curves import class_curves
from raise_core.evaluation.class_scores import fold_scores, long_score
from tests.evaluation.class_case import outcome_of, output_of


def curves(output, outcome):
    return class_curves(output, outcome, horizon_weeks=WEEKS_PER_YEAR, folds=3)


@pytest.mark.parametrize("digits", [None, 1])
def test_the_areas_are_the_mean_scores(digits):
    """Also with many ties, where straight ROC segments are what one half means."""
    rng = np.random.default_rng(1)
    outcome = outcome_of(rng)
    output = output_of(rng, outcome, signal=1.0)
    if digits is not None:
        output.value[:] = np.round(output.value, digits)
    found = curves(output, outcome)
    scores = fold_scores(long_score(output), output.fold, outcome.time_weeks > WEEKS_PER_YEAR, folds=3)
    assert np.trapezoid(found.roc.mean, found.roc.at) == pytest.approx(scores.auroc.mean(), abs=0.005)
    assert np.trapezoid(found.precision_recall.mean, found.precision_recall.at) == pytest.approx(
        scores.auprc.mean(), abs=0.02
    )


def test_every_roc_curve_rises_to_one_and_precision_ends_at_the_prevalence():
    rng = np.random.default_rng(2)
    outcome = outcome_of(rng)
    output = output_of(rng, outcome, signal=0.5, repeats=2)
    found = curves(output, outcome)
    assert found.roc.each.shape == (6, len(found.roc.at))
    assert (np.diff(found.roc.each, axis=1) >= -1e-12).all()
    assert (found.roc.each[:, -1] == 1).all()
    assert found.precision_recall.mean[-1] >= 74 / 116 - 0.02
    assert (found.roc.sd >= 0).all()


def test_a_perfect_score_is_a_corner():
    outcome = outcome_of(np.random.default_rng(3))
    output = output_of(np.random.default_rng(3), outcome, signal=100.0)
    found = curves(output, outcome)
    assert (found.roc.mean == 1).all()
    assert (found.precision_recall.mean == 1).all()


def test_no_fold_with_both_classes_has_no_curve():
    rng = np.random.default_rng(4)
    outcome = outcome_of(rng, n=30, n_short=0)
    found = curves(output_of(rng, outcome), Outcome.of(time_weeks=outcome.time_weeks, event=outcome.event))
    assert found.roc is None
    assert found.precision_recall is None
