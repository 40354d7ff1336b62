"""Kaplan-Meier against R's survival package, against lifelines where that agrees with R, and by its properties."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.domain.survival_results import IntervalScale
from raise_core.evaluation.kaplan_meier import at_risk_at, kaplan_meier, quantile, restricted_mean, survival_at

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = json.loads((TESTS / "golden" / "survival_curves.json").read_text(encoding="utf-8"))


def outcome_of(name: str) -> Outcome:
    table = pd.read_csv(TESTS / "r" / "data" / f"{name}.csv")
    return Outcome.of(time_weeks=table["time"], event=table["event"])


def curves():
    found = []
    for study in GOLDEN:
        found.append(pytest.param(study["data"], None, study["whole"], id=study["data"]))
        for number, (group, golden) in enumerate(
            zip(sorted(set(study["group"])), study["by_group"], strict=True), start=1
        ):
            rows = np.asarray(study["group"]) == group
            found.append(pytest.param(study["data"], rows, golden, id=f"{study['data']}-{number}"))
    return found


def numbers_of(values) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def same(ours, golden) -> None:
    """Equal to R to 1e-9; R's NA and NaN are None or NaN here."""
    ours = np.array([np.nan if value is None else value for value in np.atleast_1d(ours)], dtype=float)
    np.testing.assert_allclose(ours, numbers_of(golden), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "rows", "golden"), curves())
@pytest.mark.parametrize("scale", IntervalScale)
def test_curve_limits_and_quantiles_are_those_of_r(name, rows, golden, scale):
    outcome = outcome_of(name) if rows is None else outcome_of(name).take(rows)
    curve = kaplan_meier(outcome, scale=scale)
    assert curve.n == golden["n"]
    for ours, theirs in (
        (curve.time_weeks, "time"),
        (curve.at_risk, "at_risk"),
        (curve.events, "events"),
        (curve.censored, "censored"),
        (curve.survival, "survival"),
    ):
        same(ours, golden[theirs])
    assert np.isinf(curve.log_std_error[curve.survival == 0]).all()  # JSON has no infinity: null there
    same(np.where(curve.survival == 0, np.nan, curve.log_std_error), golden["log_std_error"])
    limits = next(one for one in golden["scales"] if one["scale"] == scale)
    same(curve.low, limits["low"])
    same(curve.high, limits["high"])
    found = [quantile(curve, share) for share in golden["probabilities"]]
    same([one.value for one in found], limits["quantile"])
    # R names the limits after the curve's: its lower limit passes first.
    same([one.low for one in found], limits["quantile_low"])
    same([one.high for one in found], limits["quantile_high"])


@pytest.mark.parametrize(("name", "rows", "golden"), curves())
def test_restricted_means_are_those_of_r(name, rows, golden):
    curve = kaplan_meier(outcome_of(name) if rows is None else outcome_of(name).take(rows))
    for mean in golden["means"]:
        ours = restricted_mean(curve, mean["horizon"])
        same([ours.weeks, ours.std_error], [mean["mean"], mean["std_error"]])


@pytest.mark.parametrize("name", ["rossi", "veteran", "whas500", "gbsg2"])
def test_lifelines_draws_the_same_curve(name):
    outcome = outcome_of(name)
    curve = kaplan_meier(outcome)
    fitter = KaplanMeierFitter().fit(outcome.time_weeks, outcome.event)
    np.testing.assert_allclose(
        fitter.survival_function_at_times(curve.time_weeks).to_numpy(), curve.survival, rtol=1e-9
    )


outcomes = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=40).map(
    lambda rows: Outcome.of(time_weeks=[time for time, _ in rows], event=[event for _, event in rows])
)


@given(outcomes)
def test_a_curve_never_rises_and_its_limits_enclose_it(outcome):
    for scale in IntervalScale:
        curve = kaplan_meier(outcome, scale=scale)
        assert (np.diff(curve.survival, prepend=1.0) <= 0).all()
        known = ~np.isnan(curve.low)
        assert (curve.low[known] <= curve.survival[known] + 1e-12).all()
        assert (curve.high[known] >= curve.survival[known] - 1e-12).all()
        assert curve.events.sum() + curve.censored.sum() == curve.n
        assert curve.n_events == outcome.n_events


@given(outcomes)
def test_without_censoring_it_is_the_share_of_patients_left(outcome):
    everybody = Outcome.of(time_weeks=outcome.time_weeks, event=np.ones(len(outcome)))
    curve = kaplan_meier(everybody)
    left = [(outcome.time_weeks > week).mean() for week in curve.time_weeks]
    np.testing.assert_allclose(curve.survival, left, atol=1e-12)
    horizon = float(outcome.time_weeks.max())
    if horizon > 0:
        assert restricted_mean(curve, horizon).weeks == pytest.approx(outcome.time_weeks.mean())


@given(outcomes, st.integers(0, 13))
def test_survival_at_a_week_is_the_last_step_before_it(outcome, week):
    curve = kaplan_meier(outcome)
    found = survival_at(curve, week)
    if week > outcome.time_weeks.max():
        assert found.value in (None, 0.0)
        return
    passed = curve.survival[curve.time_weeks <= week]
    assert found.value == (passed[-1] if len(passed) else 1.0)


@given(outcomes)
def test_at_risk_counts_those_whose_time_has_not_come(outcome):
    curve = kaplan_meier(outcome)
    np.testing.assert_array_equal(at_risk_at(outcome, curve.time_weeks), curve.at_risk)


def test_nobody_has_no_curve():
    with pytest.raises(BadUsageError, match="at least one patient"):
        kaplan_meier(Outcome.of(time_weeks=[], event=[]))


def test_a_mean_beyond_the_last_patient_is_refused():
    curve = kaplan_meier(Outcome.of(time_weeks=[5, 9], event=[1, 0]))
    with pytest.raises(BadUsageError, match="last patient was seen at week 9"):
        restricted_mean(curve, 10)
    ended = kaplan_meier(Outcome.of(time_weeks=[5, 9], event=[1, 1]))
    assert restricted_mean(ended, 20).weeks == pytest.approx(7)
