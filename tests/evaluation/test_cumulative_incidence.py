"""Competing events against R's survival package and scikit-survival, and by their properties."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sksurv.nonparametric import cumulative_incidence_competing_risks

from raise_core.domain.errors import BadInputError, BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.domain.survival_results import IntervalScale
from raise_core.evaluation.cumulative_incidence import cumulative_incidence, first_event
from raise_core.evaluation.kaplan_meier import kaplan_meier

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = [
    pytest.param(one, id=one["data"])
    for one in json.loads((TESTS / "golden" / "cumulative_incidence.json").read_text(encoding="utf-8"))
]
ARMS = ("first", "second")


def numbers_of(values) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def same(ours, golden) -> None:
    np.testing.assert_allclose(ours, numbers_of(golden), rtol=1e-9, atol=1e-12)


def names_of(golden):
    return [f"cause {k}" for k in range(1, golden["n_causes"] + 1)]


@pytest.mark.parametrize("golden", GOLDEN)
@pytest.mark.parametrize("scale", IntervalScale)
def test_incidences_errors_and_limits_are_those_of_r(golden, scale):
    found = cumulative_incidence(
        golden["time"], golden["cause"], names_of(golden), group=golden["group"], labels=ARMS, scale=scale
    )
    for ours, theirs in zip(found.groups, golden["by_group"], strict=True):
        assert ours.n == theirs["n"]
        same(ours.time_weeks, theirs["time"])
        same(ours.at_risk, theirs["at_risk"])
        same(ours.event_free, theirs["event_free"])
        for curve, cause in zip(ours.curves, theirs["causes"], strict=True):
            same(curve.incidence, cause["incidence"])
            same(curve.std_error, cause["std_error"])
            limits = next(one for one in cause["scales"] if one["scale"] == scale)
            begun = curve.incidence > 0  # R draws limits of 0 before the first event on the plain scale
            same(curve.low[begun], np.asarray(limits["low"])[begun])
            same(curve.high[begun], np.asarray(limits["high"])[begun])
            assert np.isnan(curve.low[~begun]).all()


@pytest.mark.parametrize("golden", GOLDEN)
def test_cause_specific_tests_are_those_of_r(golden):
    found = cumulative_incidence(golden["time"], golden["cause"], names_of(golden), group=golden["group"], labels=ARMS)
    for ours, theirs in zip(found.cause_specific, golden["tests"], strict=True):
        assert ours.chi2 == pytest.approx(theirs["chi2"], rel=1e-9)
        assert ours.p == pytest.approx(theirs["p"], rel=1e-9)


@pytest.mark.parametrize("golden", GOLDEN)
def test_scikit_survival_draws_the_same_curves(golden):
    ours = cumulative_incidence(golden["time"], golden["cause"], names_of(golden)).groups[0]
    times, theirs = cumulative_incidence_competing_risks(np.array(golden["cause"]), np.array(golden["time"], float))
    np.testing.assert_allclose(times, ours.time_weeks)
    for curve, incidence in zip(ours.curves, theirs[1:], strict=True):
        np.testing.assert_allclose(curve.incidence, incidence, rtol=1e-9, atol=1e-12)


rows_of_patients = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=40)


@given(rows_of_patients)
def test_incidences_and_event_free_share_add_up_to_one(rows):
    time, cause = zip(*rows, strict=True)
    group = cumulative_incidence(time, cause, ["progression", "death"]).groups[0]
    total = group.event_free + sum(curve.incidence for curve in group.curves)
    np.testing.assert_allclose(total, 1.0, atol=1e-12)
    for curve in group.curves:
        assert (np.diff(curve.incidence, prepend=0) >= -1e-15).all()
        assert curve.n_events == sum(code == 1 + group.curves.index(curve) for code in cause)
        known = ~np.isnan(curve.low)
        assert (curve.low[known] <= curve.incidence[known] + 1e-12).all()
        assert (curve.incidence[known] <= curve.high[known] + 1e-12).all()


@given(rows_of_patients)
def test_with_one_cause_it_is_one_minus_kaplan_meier(rows):
    time, cause = (np.array(column) for column in zip(*rows, strict=True))
    group = cumulative_incidence(time, (cause > 0).astype(int), ["any"], scale=IntervalScale.PLAIN).groups[0]
    curve = kaplan_meier(Outcome.of(time_weeks=time, event=cause > 0))
    np.testing.assert_allclose(group.curves[0].incidence, 1 - curve.survival, atol=1e-12)
    alive = curve.survival > 0
    greenwood = (curve.survival * np.where(alive, curve.log_std_error, 0.0))[alive]
    np.testing.assert_allclose(group.curves[0].std_error[alive], greenwood, atol=1e-9)


def test_first_events_of_the_two_tables_are_those_r_was_given():
    table = pd.read_csv(TESTS / "r" / "data" / "competing.csv")
    golden = GOLDEN[0].values[0]
    time, cause = first_event(
        Outcome.of(time_weeks=table["progression_time"], event=table["progression"]),
        Outcome.of(time_weeks=table["death_time"], event=table["death"]),
    )
    np.testing.assert_array_equal(time, golden["time"])
    np.testing.assert_array_equal(cause, golden["cause"])


def test_the_first_event_counts():
    progression = Outcome.of(time_weeks=[12, 24, 24, 36, 48], event=[1, 0, 1, 0, 0])
    death = Outcome.of(time_weeks=[40, 30, 24, 60, 20], event=[1, 1, 1, 0, 0])
    time, cause = first_event(progression, death)
    # progressed, then died; died after a clear scan; both at once; censored at the last scan (twice)
    assert time.tolist() == [12, 30, 24, 36, 48]
    assert cause.tolist() == [1, 2, 1, 0, 0]


def test_a_landmark_is_a_shift_of_the_clock():
    time, cause = np.array([6.0, 14, 20, 30, 31, 40]), np.array([1, 1, 2, 0, 1, 2])
    left = time > 12
    shifted = cumulative_incidence(time[left] - 12, cause[left], ["progression", "death"]).groups[0]
    assert shifted.n == 5
    assert shifted.time_weeks[0] == 2
    assert shifted.curves[0].incidence[0] == pytest.approx(1 / 5)


def test_what_cannot_be_is_refused():
    with pytest.raises(BadInputError, match=r"1 patients progressed after they died \(row 2"):
        first_event(
            Outcome.of(time_weeks=[5, 9], event=[1, 1]),
            Outcome.of(time_weeks=[8, 7], event=[0, 1]),
        )
    with pytest.raises(BadInputError, match="same patients"):
        first_event(Outcome.of(time_weeks=[5], event=[1]), Outcome.of(time_weeks=[8, 7], event=[0, 1]))
    with pytest.raises(BadInputError, match="codes from 0 to 3"):
        cumulative_incidence([1, 2], [0, 3], ["progression", "death"])
    with pytest.raises(BadUsageError, match="no patient is in the group second"):
        cumulative_incidence([1, 2], [0, 1], ["progression"], group=[0, 0], labels=ARMS)
