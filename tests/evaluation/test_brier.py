"""Brier score: against R, scikit-survival, plain squared errors without censoring, and by simulation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm
from sksurv.metrics import brier_score, integrated_brier_score
from sksurv.util import Surv

from raise_core.domain import horizon_results as words
from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.brier import ONE_HORIZON, brier_scores
from raise_core.evaluation.kaplan_meier import kaplan_meier, survival_at

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = [
    study
    for study in json.loads((TESTS / "golden" / "horizon.json").read_text(encoding="utf-8"))
    if "brier" in study["horizons"][0]
]


def golden_predictions(study) -> tuple[Outcome, np.ndarray, list[float]]:
    table = pd.read_csv(TESTS / "r" / "data" / f"{study['data']}.csv")
    outcome = Outcome.of(time_weeks=table["time"], event=table["event"])
    return (
        outcome,
        np.array([at["survival"] for at in study["horizons"]]).T,
        [at["horizon"] for at in study["horizons"]],
    )


@pytest.mark.parametrize("study", GOLDEN, ids=[study["data"] for study in GOLDEN])
def test_scores_of_a_cox_model_are_those_with_rs_weights(study):
    found = brier_scores(*golden_predictions(study))
    for ours, golden in zip(found.horizons, study["horizons"], strict=True):
        assert ours.brier.value == pytest.approx(golden["brier"], rel=1e-9)
        assert ours.null == pytest.approx(golden["brier_null"], rel=1e-9)
        assert ours.scaled.value == pytest.approx(golden["scaled"], rel=1e-9, abs=1e-11)


def simulated(n: int, rng: np.random.Generator) -> tuple[Outcome, np.ndarray]:
    marker = rng.normal(size=n)
    time, censored = rng.exponential(60 / np.exp(0.8 * marker)), rng.uniform(5, 90, size=n)
    return Outcome.of(time_weeks=np.minimum(time, censored), event=time <= censored), marker


def true_survival(marker, horizons) -> np.ndarray:
    return np.exp(-np.asarray(horizons) / 60 * np.exp(0.8 * np.asarray(marker))[:, None])


def test_scikit_survival_agrees_without_ties_of_events_and_censorings():
    outcome, marker = simulated(250, np.random.default_rng(0))
    horizons = np.array([8.0, 20.0, 33.0, 40.0, 70.0])
    predicted = true_survival(marker, horizons) ** 0.8
    y = Surv.from_arrays(outcome.event, outcome.time_weeks)
    found = brier_scores(outcome, predicted, horizons)
    _, theirs = brier_score(y, y, predicted, horizons)
    np.testing.assert_allclose([at.brier.value for at in found.horizons], theirs, rtol=1e-9)
    assert found.integrated.value == pytest.approx(integrated_brier_score(y, y, predicted, horizons), rel=1e-9)


def test_scikit_survival_weighs_ties_otherwise():
    """G(t) in place of G(t-): visits are scheduled, so events and censorings share times; R is followed."""
    study = next(study for study in GOLDEN if study["data"] == "scheduled_visits")
    outcome, predicted, horizons = golden_predictions(study)
    y = Surv.from_arrays(outcome.event, outcome.time_weeks)
    _, theirs = brier_score(y, y, predicted, horizons)
    assert np.abs(theirs - [at["brier"] for at in study["horizons"]]).max() > 1e-3


trials = st.lists(
    st.tuples(st.integers(0, 8), st.booleans(), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30
)


def parts(trial):
    times, events, *predicted = zip(*trial, strict=True)
    return Outcome.of(time_weeks=times, event=events), np.array(predicted).T


@given(trials)
def test_without_censoring_it_is_the_mean_squared_error(trial):
    outcome, predicted = parts(trial)
    outcome = Outcome.of(time_weeks=outcome.time_weeks, event=np.ones(len(outcome)))
    found = brier_scores(outcome, predicted, [3, 6])
    for place, week in enumerate((3, 6)):
        error = (((outcome.time_weeks > week) - predicted[:, place]) ** 2).mean()
        assert found.horizons[place].brier.value == pytest.approx(error, abs=1e-12)
    mean = (found.horizons[0].brier.value + found.horizons[1].brier.value) / 2
    assert found.integrated.value == pytest.approx(mean, abs=1e-12)


@given(trials, st.integers(1, 8))
def test_the_kaplan_meier_prediction_explains_nothing(trial, week):
    outcome, _ = parts(trial)
    survival = survival_at(kaplan_meier(outcome), week).value
    if survival is None:
        found = brier_scores(outcome, np.full((len(outcome), 1), 0.5), [week]).horizons[0]
        assert (found.brier.value, found.brier.reason) == (None, words.NOT_FOLLOWED)
        return
    found = brier_scores(outcome, np.full((len(outcome), 1), survival), [week]).horizons[0]
    assert found.brier.value == pytest.approx(survival * (1 - survival), abs=1e-12)
    assert found.null == pytest.approx(survival * (1 - survival), abs=1e-12)
    if found.scaled.value is None:
        assert found.scaled.reason in (words.NO_CASE, words.NOBODY_LEFT)
    else:
        assert found.scaled.value == pytest.approx(0, abs=1e-9)


def test_intervals_hold_the_truth_95_times_in_100():
    """Score, scaled score and their means over time, for predictions that are too flat."""
    rng, horizons, trials = np.random.default_rng(5), np.array([15.0, 30.0, 45.0]), 1200

    def mean(f):
        return quad(lambda x: norm.pdf(x) * f(x), -8, 8)[0]

    error, null = [], []
    for week in horizons:

        def left(x, week=week):
            return np.exp(-week / 60 * np.exp(0.8 * x))

        error.append(mean(lambda x: left(x) * (1 - left(x)) + (left(x) - left(x) ** 0.7) ** 2))
        null.append(mean(left) * (1 - mean(left)))
    over_time = [np.trapezoid(values, horizons) / 30 for values in (error, null)]
    truth = [error[2], 1 - error[2] / null[2], over_time[0], 1 - over_time[0] / over_time[1]]
    found = []
    for _ in range(trials):
        outcome, marker = simulated(138, rng)
        scores = brier_scores(outcome, true_survival(marker, horizons) ** 0.7, horizons)
        last = scores.horizons[2]
        estimates = (last.brier, last.scaled, scores.integrated, scores.integrated_scaled)
        found.append([(one.value, one.low, one.high) for one in estimates])
    value, low, high = np.array(found).transpose(2, 0, 1)
    covered = np.mean((low <= truth) & (truth <= high), axis=0)
    assert (covered >= 0.925).all(), covered  # Monte Carlo standard error 0.006
    assert (covered <= 0.97).all(), covered
    # The Kaplan-Meier prediction is made from the same patients, so the scaled score is a little low.
    np.testing.assert_allclose(value.mean(axis=0), truth, atol=0.015)


def test_what_cannot_be_estimated_says_why():
    outcome = Outcome.of(time_weeks=[4, 8, 12, 20], event=[1, 1, 0, 0])
    half = np.full((4, 2), 0.5)
    early = brier_scores(outcome, half, [2, 10])
    assert early.horizons[0].scaled.reason == words.NO_CASE
    assert early.integrated.value == pytest.approx(0.25)
    late = brier_scores(outcome, half, [10, 30])
    assert late.integrated.reason == words.NOT_FOLLOWED
    assert brier_scores(outcome, half[:, :1], [10]).integrated.reason == ONE_HORIZON


def test_what_is_no_prediction_is_refused():
    outcome = Outcome.of(time_weeks=[4, 8], event=[1, 0])
    with pytest.raises(BadUsageError, match=r"must be \(2, 1\)"):
        brier_scores(outcome, [0.5, 0.5], [5])
    with pytest.raises(BadUsageError, match="outside 0 to 1"):
        brier_scores(outcome, [[0.5], [1.5]], [5])
    with pytest.raises(BadUsageError, match="outside 0 to 1"):
        brier_scores(outcome, [[0.5], [np.nan]], [5])
    with pytest.raises(BadUsageError, match="ascend"):
        brier_scores(outcome, np.full((2, 2), 0.5), [5, 5])
