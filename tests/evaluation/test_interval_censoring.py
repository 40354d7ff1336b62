"""Turnbull's estimate against R and lifelines, by the conditions of its maximum, and the intervals it is made from."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

from raise_core.domain.errors import BadInputError, BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.domain.sensitivity_results import IntervalOutcome, MedianInterval
from raise_core.evaluation.interval_censoring import (
    TOLERANCE,
    detection_outcome,
    interval_sensitivity,
    intervals_between_visits,
    midpoint_outcome,
    turnbull,
)
from raise_core.evaluation.kaplan_meier import kaplan_meier

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = json.loads((TESTS / "golden" / "interval_censoring.json").read_text(encoding="utf-8"))


def intervals_of(golden) -> IntervalOutcome:
    right = [np.inf if end is None else end for end in golden["right"]]
    return IntervalOutcome.of(left_weeks=golden["left"], right_weeks=right)


def survival_after(curve, weeks):
    """Probability of an event later than each week, which lies in no innermost interval."""
    return np.array([curve.mass[(curve.left_weeks >= week) & (curve.right_weeks > week)].sum() for week in weeks])


CASES = [
    pytest.param(study, number, golden, id=f"{name}-{('both', 'first', 'second')[number]}")
    for name, study in GOLDEN.items()
    for number, golden in enumerate(study["groups"])
]


@pytest.mark.parametrize(("study", "number", "golden"), CASES)
def test_curve_is_that_of_r(study, number, golden):
    intervals = intervals_of(study)
    if number:
        intervals = intervals.take(np.asarray(study["arm"]) == number - 1)
    curve = turnbull(intervals)
    assert curve.n == golden["n"]
    assert curve.shortfall <= TOLERANCE
    assert curve.log_likelihood >= golden["log_likelihood"] - TOLERANCE
    ours = survival_after(curve, golden["times"])
    # A shortfall of 1e-8 in the log likelihood allows an error of that order's root in the curve.
    np.testing.assert_allclose(ours, golden["survival"], atol=1e-6)
    # survfit stops when a round moves the curve by less than 5e-5, which is not yet the maximum.
    np.testing.assert_allclose(ours, golden["survfit"], atol=1e-3)


@pytest.mark.parametrize("name", GOLDEN)
def test_midpoint_test_is_that_of_r(name):
    study = GOLDEN[name]
    found = interval_sensitivity(intervals_of(study), study["arm"], ("first", "second"))
    assert found.at_midpoint.log_rank.chi2 == pytest.approx(study["midpoint"]["chi2"], rel=1e-9)
    assert found.at_midpoint.log_rank.p == pytest.approx(study["midpoint"]["p"], rel=1e-9)
    for group, median in zip(found.at_midpoint.groups, study["midpoint"]["median"], strict=True):
        assert group.median_weeks.value == pytest.approx(median)
    assert found.labels == ("first", "second")
    right, left = (np.array([np.inf if end is None else end for end in study[side]]) for side in ("right", "left"))
    assert found.n_interval == int((np.isfinite(right) & (right > left)).sum())
    assert found.longest_interval_weeks == pytest.approx((right - left)[np.isfinite(right)].max())


@pytest.mark.parametrize("name", GOLDEN)
def test_lifelines_finds_the_same_curve(name):
    intervals = intervals_of(GOLDEN[name])
    intervals = intervals.take(intervals.left_weeks < intervals.right_weeks)  # it draws exact times a step late
    curve = turnbull(intervals)
    closed = intervals.left_weeks + 1e-6  # its intervals hold both ends
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of its own slow convergence
        fitter = KaplanMeierFitter().fit_interval_censoring(closed, intervals.right_weeks, tol=1e-10)
    weeks = curve.right_weeks[:-1]
    lower = fitter.survival_function_["NPMLE_estimate_lower"]
    theirs = lower.to_numpy()[np.searchsorted(lower.index.to_numpy(), weeks, side="right") - 1]
    np.testing.assert_allclose(survival_after(curve, weeks), theirs, atol=2e-3)


patients = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 5), st.sampled_from(["interval", "exact", "censored"])),
    min_size=1,
    max_size=40,
).map(
    lambda rows: IntervalOutcome.of(
        left_weeks=[left for left, _, _ in rows],
        right_weeks=[
            {"interval": left + length, "exact": left, "censored": np.inf}[kind] for left, length, kind in rows
        ],
    )
)


@given(patients)
def test_it_is_the_maximum(intervals):
    """No mass has a derivative above n, and none above 0 falls short of it (Gentleman & Geyer 1994)."""
    curve = turnbull(intervals)
    assert curve.shortfall <= TOLERANCE
    assert curve.mass.sum() == pytest.approx(1)
    assert (curve.mass >= 0).all()
    assert (np.diff(curve.survival, prepend=1) <= 1e-12).all()
    exact = intervals.left_weeks == intervals.right_weeks
    left, right = curve.left_weeks, curve.right_weeks
    inside = (left >= intervals.left_weeks[:, None]) & (right <= intervals.right_weeks[:, None])
    single = left == right
    inside &= np.where(
        exact[:, None], single, ~(single & (left == intervals.left_weeks[:, None]))
    )  # an interval does not hold its own left end
    probability = inside @ curve.mass
    assert np.log(probability).sum() == pytest.approx(curve.log_likelihood, abs=1e-9)
    derivative = (inside / probability[:, None]).sum(axis=0)
    assert derivative.max() <= len(intervals) + 1e-7
    assert derivative[curve.mass > 1e-3] == pytest.approx(len(intervals), rel=1e-3)


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=40))
def test_with_exact_times_it_is_kaplan_meier(rows):
    outcome = Outcome.of(time_weeks=[time for time, _ in rows], event=[event for _, event in rows])
    curve = turnbull(
        IntervalOutcome.of(
            left_weeks=outcome.time_weeks, right_weeks=np.where(outcome.event, outcome.time_weeks, np.inf)
        ),
        tolerance=1e-12,
    )
    usual = kaplan_meier(outcome)
    np.testing.assert_allclose(survival_after(curve, usual.time_weeks), usual.survival, atol=1e-5)
    assert curve.n_events == outcome.n_events


@given(patients)
def test_detection_is_never_before_the_midpoint(intervals):
    middle, detected = midpoint_outcome(intervals), detection_outcome(intervals)
    assert (middle.time_weeks <= detected.time_weeks).all()
    assert (middle.time_weeks >= intervals.left_weeks).all()
    np.testing.assert_array_equal(middle.event, detected.event)
    assert detected.n_events == intervals.n_events


def test_the_median_lies_in_an_interval():
    half = turnbull(IntervalOutcome.of(left_weeks=[0, 0, 12, 24], right_weeks=[12, 12, 24, np.inf]))
    assert half.survival.tolist() == pytest.approx([0.5, 0.25, 0])
    assert half.median() == MedianInterval(0, 12)  # exactly a half from week 12, where it starts to fall again
    flat = turnbull(IntervalOutcome.of(left_weeks=[0, 0, 20, 24], right_weeks=[12, 12, 24, np.inf]))
    assert flat.median() == MedianInterval(0, 20)
    below = turnbull(IntervalOutcome.of(left_weeks=[0, 12, 12], right_weeks=[12, 24, 24]))
    assert below.median() == MedianInterval(12, 24)
    above = turnbull(IntervalOutcome.of(left_weeks=[0, 12, 24], right_weeks=[12, np.inf, np.inf]))
    assert above.median() == MedianInterval(None, None)


def test_intervals_run_from_the_scan_before_to_the_one_that_showed_it():
    outcome = Outcome.of(time_weeks=[24, 24, 30, 36, 10, 20], event=[1, 1, 1, 0, 1, 1])
    visits = {0: [-2, 12, 23.6, 36], 1: [12, 22.5], 2: [12, 24], 3: [12, 24], 4: [-1], 5: []}
    patient = [who for who, weeks in visits.items() for _ in weeks]
    found = intervals_between_visits(
        outcome,
        visit_patient=patient,
        visit_weeks=[week for weeks in visits.values() for week in weeks],
        exact=[0, 0, 1, 0, 0, 0],
    )
    # its own scan 0.4 weeks before; another scan 1.5 weeks before; a death; censored; only a baseline; no scan at all
    assert found.left_weeks.tolist() == [12, 22.5, 30, 36, 0, 0]
    assert found.right_weeks.tolist() == [24, 24, 30, np.inf, 10, 20]
    strict = intervals_between_visits(outcome, visit_patient=[0], visit_weeks=[23.6], tolerance_weeks=0)
    assert strict.left_weeks[0] == 23.6


def test_the_curve_is_unbiased_where_dating_at_the_scan_is_not():
    rng = np.random.default_rng(2)
    n, week = 4000, 30.0
    time = rng.exponential(40.0, n)
    visits = np.sort(rng.uniform(0, 100, (n, 8)), axis=1)
    left = np.where(visits < time[:, None], visits, 0.0).max(axis=1)
    right = np.where(visits >= time[:, None], visits, np.inf).min(axis=1)
    intervals = IntervalOutcome.of(left_weeks=left, right_weeks=right)
    truth = np.exp(-week / 40)
    assert survival_after(turnbull(intervals), [week])[0] == pytest.approx(truth, abs=0.04)
    usual = kaplan_meier(detection_outcome(intervals))
    assert usual.survival[np.searchsorted(usual.time_weeks, week) - 1] > truth + 0.06


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ([1, 2], [3], "same length"),
        ([np.inf], [np.inf], "finite"),
        ([-1], [3], "not negative"),
        ([5], [3], "before left_weeks"),
        ([5], [np.nan], "missing"),
    ],
)
def test_impossible_intervals_are_refused(left, right, message):
    with pytest.raises(BadInputError, match=message):
        IntervalOutcome.of(left_weeks=left, right_weeks=right)


def test_what_has_no_curve_is_said():
    nobody = IntervalOutcome.of(left_weeks=[], right_weeks=[])
    with pytest.raises(BadUsageError, match="at least one patient"):
        turnbull(nobody)
    outcome = Outcome.of(time_weeks=[5], event=[1])
    with pytest.raises(BadUsageError, match="between 0 and 0"):
        intervals_between_visits(outcome, visit_patient=[1], visit_weeks=[2])
    with pytest.raises(BadUsageError, match="one length"):
        intervals_between_visits(outcome, visit_patient=[0, 0], visit_weeks=[2])
