"""Area under the ROC curve at a horizon: against R, scikit-survival, counting of pairs, and by simulation."""

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
from sksurv.metrics import cumulative_dynamic_auc
from sksurv.util import Surv

from raise_core.domain import horizon_results as words
from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.horizon_weights import HorizonWeights
from raise_core.evaluation.time_dependent_auc import auc_difference, roc_at_horizon, time_dependent_auc

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = json.loads((TESTS / "golden" / "horizon.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("study", GOLDEN, ids=[study["data"] for study in GOLDEN])
def test_areas_are_those_of_rs_weighted_concordance(study):
    table = pd.read_csv(TESTS / "r" / "data" / f"{study['data']}.csv")
    outcome = Outcome.of(time_weeks=table["time"], event=table["event"])
    found = time_dependent_auc(outcome, study["marker"], [at["horizon"] for at in study["horizons"]])
    for ours, golden in zip(found, study["horizons"], strict=True):
        if golden.get("auc") is None:
            assert ours.auc.value is None
            assert ours.auc.reason == words.NO_CASE
        else:
            assert ours.auc.value == pytest.approx(golden["auc"], rel=1e-9)


def simulated(n: int, rng: np.random.Generator) -> tuple[Outcome, np.ndarray]:
    """Log hazard rises by 0.8 per sd of the marker; about a third are censored before week 40; no ties."""
    marker = rng.normal(size=n)
    time, censored = rng.exponential(60 / np.exp(0.8 * marker)), rng.uniform(5, 90, size=n)
    return Outcome.of(time_weeks=np.minimum(time, censored), event=time <= censored), marker


def test_scikit_survival_agrees_without_ties_of_events_and_censorings():
    outcome, marker = simulated(300, np.random.default_rng(1))
    marker = np.round(marker, 1)  # but ties of the marker
    y = Surv.from_arrays(outcome.event, outcome.time_weeks)
    horizons = [8.0, 20.0, 40.0, 70.0]
    theirs, _ = cumulative_dynamic_auc(y, y, marker, horizons)
    ours = [found.auc.value for found in time_dependent_auc(outcome, marker, horizons)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_scikit_survival_weighs_ties_otherwise():
    """G(t) in place of G(t-): where an event and a censoring share a time it differs, and R is followed."""
    outcome, marker = simulated(200, np.random.default_rng(5))
    visits = Outcome.of(time_weeks=np.ceil(outcome.time_weeks / 12) * 12, event=outcome.event)
    y = Surv.from_arrays(visits.event, visits.time_weeks)
    (theirs,), _ = cumulative_dynamic_auc(y, y, marker, [40.0])
    (ours,) = time_dependent_auc(visits, marker, [40.0])
    assert ours.auc.value == pytest.approx(slow_area(visits, marker, 40.0, np.ones(200)))
    assert abs(theirs - ours.auc.value) > 5e-4


rows = st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.integers(-2, 2)), min_size=2, max_size=30)


def parts(found):
    times, events, risk = zip(*found, strict=True)
    return Outcome.of(time_weeks=times, event=events), np.array(risk, dtype=float)


@given(rows, st.integers(1, 8))
def test_area_is_the_weighted_share_of_pairs_in_order(found, horizon):
    outcome, risk = parts(found)
    (at,) = time_dependent_auc(outcome, risk, [horizon])
    weights = HorizonWeights.of(outcome, horizon)
    total = order = 0.0
    for case in np.flatnonzero(weights.case):
        for control in np.flatnonzero(weights.control):
            weight = weights.weight[case] * weights.weight[control]
            total += weight
            order += weight * ((risk[case] > risk[control]) + 0.5 * (risk[case] == risk[control]))
    assert (at.cases, at.controls) == (weights.case.sum(), weights.control.sum())
    if not total:
        assert at.auc.value is None
        assert at.auc.reason in (words.NO_CASE, words.NO_CONTROL)
        return
    assert at.auc.value == pytest.approx(order / total)
    if at.auc.low is not None:
        assert 0 <= at.auc.low <= at.auc.value <= at.auc.high <= 1
    (turned,) = time_dependent_auc(outcome, -risk, [horizon])
    assert turned.auc.value == pytest.approx(1 - at.auc.value)
    (stretched,) = time_dependent_auc(outcome, np.exp(risk), [horizon])
    assert stretched.auc.value == pytest.approx(at.auc.value)


@given(rows, st.integers(1, 8))
def test_area_below_the_curve_is_the_area(found, horizon):
    outcome, risk = parts(found)
    roc = roc_at_horizon(outcome, risk, horizon)
    if roc.at.auc.value is None:
        assert len(roc.cut) == 0
        return
    assert (roc.sensitivity[0], roc.false_positive_share[0]) == (0, 0)
    assert (roc.sensitivity[-1], roc.false_positive_share[-1]) == pytest.approx((1, 1))
    assert (np.diff(roc.cut) < 0).all()
    area = np.trapezoid(roc.sensitivity, roc.false_positive_share)
    assert area == pytest.approx(roc.at.auc.value)


def slow_area(outcome: Outcome, risk: np.ndarray, horizon: float, counts: np.ndarray) -> float:
    """The area when patients count `counts` times each."""
    time, event = outcome.time_weeks, outcome.event
    case, control = event & (time <= horizon), (time > horizon) | ((time == horizon) & ~event)
    total = order = 0.0
    for i in np.flatnonzero(case):
        g = 1.0
        for u in np.unique(time[(time < time[i]) & ~event]):
            leaving = counts[(time == u) & ~event].sum()
            g *= 1 - leaving / (counts[time > u].sum() + leaving)
        for j in np.flatnonzero(control):
            weight = counts[i] * counts[j] / g
            total += weight
            order += weight * ((risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j]))
    return order / total


def test_the_interval_rests_on_the_influence_of_each_patient():
    rng = np.random.default_rng(8)
    outcome = Outcome.of(time_weeks=rng.integers(1, 12, 40), event=rng.random(40) < 0.6)
    risk = rng.integers(0, 6, 40).astype(float)
    influence, step = np.empty(40), 1e-5
    for patient in range(40):
        up, down = np.ones(40), np.ones(40)
        up[patient] += step
        down[patient] -= step
        influence[patient] = (slow_area(outcome, risk, 6, up) - slow_area(outcome, risk, 6, down)) / (2 * step)
    (at,) = time_dependent_auc(outcome, risk, [6])
    error = np.sqrt(np.sum(influence**2)) / (at.auc.value * (1 - at.auc.value))
    middle = np.log(at.auc.value / (1 - at.auc.value))
    limits = 1 / (1 + np.exp(-(middle + np.array([-1, 1]) * norm.ppf(0.975) * error)))
    np.testing.assert_allclose([at.auc.low, at.auc.high], limits, rtol=1e-6)


def true_area(horizon: float) -> float:
    def left(x):
        return np.exp(-horizon / 60 * np.exp(0.8 * x))

    controls = quad(lambda x: norm.pdf(x) * left(x), -9, 9)[0]
    grid = np.linspace(-9, 9, 20001)
    density = norm.pdf(grid) * left(grid)
    below = np.r_[0, np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(grid))] / controls
    case = norm.pdf(grid) * (1 - left(grid))
    return float(np.trapezoid(case * below, grid) / np.trapezoid(case, grid))


def test_intervals_hold_the_true_area_and_difference_95_times_in_100():
    rng, horizon, trials = np.random.default_rng(11), 40.0, 1200
    truth = true_area(horizon)
    areas, differences = [], []
    for _ in range(trials):
        outcome, marker = simulated(138, rng)
        (at,) = time_dependent_auc(outcome, marker, [horizon])
        areas.append((at.auc.value, at.auc.low, at.auc.high))
        blurred = [marker + 0.7 * rng.normal(size=138) for _ in range(2)]  # two readings, equally good
        gap = auc_difference(outcome, *blurred, horizon)
        differences.append((gap.value, gap.low, gap.high))
    for found, expected in ((areas, truth), (differences, 0.0)):
        value, low, high = np.array(found).T
        assert value.mean() == pytest.approx(expected, abs=0.006)
        assert 0.93 <= np.mean((low <= expected) & (expected <= high)) <= 0.97  # Monte Carlo standard error 0.006


def test_noise_has_an_area_of_one_half():
    outcome, marker = simulated(2000, np.random.default_rng(2))
    (at,) = time_dependent_auc(outcome, np.random.default_rng(3).normal(size=2000), [40])
    assert at.auc.low < 0.5 < at.auc.high
    assert auc_difference(outcome, marker, marker, 40).value == 0


def test_what_cannot_be_estimated_says_why():
    outcome = Outcome.of(time_weeks=[4, 8, 12, 20], event=[1, 1, 0, 0])
    perfect, early, late = time_dependent_auc(outcome, [4, 3, 2, 1], [10, 2, 30])
    assert (perfect.auc.value, perfect.auc.low, perfect.auc.reason) == (1.0, None, words.SEPARATED)
    assert (early.auc.value, early.auc.reason) == (None, words.NO_CASE)
    assert (late.auc.value, late.auc.reason) == (None, words.NO_CONTROL)
    assert auc_difference(outcome, [4, 3, 2, 1], [1, 2, 3, 4], 30).reason == words.NO_CONTROL


def test_risks_that_are_missing_are_refused():
    outcome = Outcome.of(time_weeks=[4, 8], event=[1, 0])
    with pytest.raises(BadUsageError, match="missing or infinite"):
        time_dependent_auc(outcome, [1.0, np.nan], [5])
    with pytest.raises(BadUsageError, match="one risk each"):
        roc_at_horizon(outcome, [1.0], 5)
