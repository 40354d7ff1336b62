"""Predicted survival against R's survfit of a Cox model, by its properties, and by simulation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.domain.survival_results import IntervalScale
from raise_core.evaluation.kaplan_meier import kaplan_meier, quantile, survival_at
from raise_core.evaluation.predicted_survival import BaselineHazard, baseline_hazard, predicted_curve
from raise_core.models.cox import fit_cox

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = [
    pytest.param(study, id=study["data"])
    for study in json.loads((TESTS / "golden" / "predicted_survival.json").read_text(encoding="utf-8"))
]


def fitted(outcome: Outcome, x: np.ndarray) -> BaselineHazard:
    fits = fit_cox(x, outcome.time_weeks, outcome.event, rows=np.ones((1, len(outcome)), bool))
    return baseline_hazard(outcome, x, fits.coef[0], fits.covariance[0])


def numbers_of(values) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in np.atleast_1d(values)], dtype=float)


@pytest.mark.parametrize("golden", GOLDEN)
def test_curves_errors_limits_and_medians_are_those_of_r(golden):
    table = pd.read_csv(TESTS / "r" / "data" / f"{golden['data']}.csv")
    outcome = Outcome.of(time_weeks=table["time"], event=table["event"])
    baseline = fitted(outcome, table[golden["markers"]].to_numpy(float))
    np.testing.assert_allclose(baseline.coef, golden["coef"], rtol=1e-7)  # two ways of stopping Newton's steps
    for number, covariates in enumerate(golden["new"]):
        for limits in golden["limits"]:
            curve = predicted_curve(baseline, covariates, scale=IntervalScale(limits["scale"]))
            np.testing.assert_allclose(curve.time_weeks, golden["time"])
            np.testing.assert_array_equal(curve.at_risk, golden["at_risk"])
            np.testing.assert_array_equal(curve.events, golden["events"])
            for ours, theirs in (
                (curve.survival, golden["survival"][number]),
                (curve.log_std_error, golden["log_std_error"][number]),
                (curve.low, limits["low"][number]),
                (curve.high, limits["high"][number]),
            ):
                np.testing.assert_allclose(ours, numbers_of(theirs), rtol=1e-7, atol=1e-9)
            middle = quantile(curve)
            found = numbers_of([middle.value, middle.low, middle.high])
            theirs = numbers_of([limits[name][number] for name in ("median", "median_low", "median_high")])
            np.testing.assert_allclose(found, theirs)


def _cohort(seed: int) -> tuple[Outcome, np.ndarray]:
    rng = np.random.default_rng(seed)
    outcome = Outcome.of(time_weeks=rng.integers(1, 12, 40), event=rng.random(40) < 0.7)
    return outcome, rng.normal(size=(40, 2)).round(2)


cohorts = st.integers(0, 10_000).map(_cohort)
places = st.tuples(st.floats(-4, 4), st.floats(-4, 4))


@given(cohorts, places, st.sampled_from([IntervalScale.LOG, IntervalScale.LOG_LOG]))
def test_it_falls_from_one_and_lies_within_its_limits(cohort, place, scale):
    outcome, x = cohort
    curve = predicted_curve(fitted(outcome, x), place, scale=scale)
    assert (np.diff(np.r_[1.0, curve.survival]) <= 0).all()
    assert (curve.survival >= 0).all()
    known = ~np.isnan(curve.low)
    assert (curve.low[known] <= curve.survival[known]).all()
    assert (curve.high[known] >= curve.survival[known]).all()
    assert (curve.high[known] <= 1).all()
    assert (curve.low[known] >= 0).all()


@given(cohorts, places, st.floats(-50, 50), st.floats(0.1, 10))
def test_units_and_origin_of_a_marker_do_not_matter(cohort, place, shift, unit):
    outcome, x = cohort
    plain = predicted_curve(fitted(outcome, x), place)
    moved = predicted_curve(fitted(outcome, x * unit + shift), np.asarray(place) * unit + shift)
    np.testing.assert_allclose(plain.survival, moved.survival, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(plain.log_std_error, moved.log_std_error, rtol=1e-6, atol=1e-12)


@given(cohorts, places, places)
def test_a_higher_risk_lies_below_everywhere(cohort, one, other):
    outcome, x = cohort
    baseline = fitted(outcome, x)
    first, second = np.asarray(one) @ baseline.coef, np.asarray(other) @ baseline.coef
    assume(abs(first - second) > 1e-9)
    higher, lower = (one, other) if first > second else (other, one)
    assert (predicted_curve(baseline, higher).survival <= predicted_curve(baseline, lower).survival).all()


def test_without_an_effect_it_is_the_curve_of_the_cohort():
    rng = np.random.default_rng(2)
    outcome = Outcome.of(time_weeks=rng.permutation(60) + 1.0, event=rng.random(60) < 0.6)
    baseline = baseline_hazard(outcome, np.zeros((60, 1)), [0.0], [[0.0]])
    curve, cohort = predicted_curve(baseline, [0.0]), kaplan_meier(outcome)
    steps = cohort.events / cohort.at_risk
    np.testing.assert_allclose(curve.survival, np.exp(-np.cumsum(steps)), rtol=1e-12)  # Nelson-Aalen's, near to KM's
    np.testing.assert_allclose(curve.log_std_error**2, np.cumsum(steps / cohort.at_risk), rtol=1e-12)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(11)
    place, week, trials, hit = np.array([1.0, -0.5]), 30.0, 400, 0
    coef = np.array([0.7, 0.4])
    truth = np.exp(-week / 60 * np.exp(place @ coef))
    for _ in range(trials):
        x = rng.normal(size=(150, 2))
        time = rng.exponential(60 * np.exp(-x @ coef))
        end = rng.uniform(30, 100, 150)
        outcome = Outcome.of(time_weeks=np.minimum(time, end), event=time <= end)
        found = survival_at(predicted_curve(fitted(outcome, x), place, scale=IntervalScale.LOG_LOG), week)
        hit += found.low <= truth <= found.high
    assert abs(hit / trials - 0.95) < 3 * np.sqrt(0.05 * 0.95 / trials)


def test_a_value_far_outside_gives_a_curve_and_no_overflow():
    outcome = Outcome.of(time_weeks=[1, 2, 3, 4, 5, 6], event=[1, 0, 1, 1, 0, 1])
    baseline = fitted(outcome, np.array([[0.1], [0.4], [0.2], [0.9], [0.3], [0.5]]))
    for value in (-1e6, 1e6):
        curve = predicted_curve(baseline, [value])
        assert np.isfinite(curve.survival).all()


def test_what_does_not_belong_together_is_refused():
    outcome = Outcome.of(time_weeks=[1, 2, 3], event=[1, 0, 1])
    with pytest.raises(BadUsageError, match="do not belong to 3 patients"):
        baseline_hazard(outcome, np.zeros((3, 2)), [0.1], [[1.0]])
    with pytest.raises(BadUsageError, match="is not known"):
        baseline_hazard(outcome, np.zeros((3, 1)), [0.1], [[np.nan]])
