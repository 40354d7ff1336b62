"""Accuracy of a cut at a horizon: against R, against plain shares without censoring, and by simulation."""

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

from raise_core.domain import horizon_results as words
from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.horizon_accuracy import (
    accuracy_of_cut,
    cut_accuracies,
    every_cut_accuracy,
    group_at_horizon,
    threshold_accuracy,
)
from raise_core.evaluation.kaplan_meier import kaplan_meier, survival_at

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = json.loads((TESTS / "golden" / "horizon.json").read_text(encoding="utf-8"))


def outcome_of(name: str) -> Outcome:
    table = pd.read_csv(TESTS / "r" / "data" / f"{name}.csv")
    return Outcome.of(time_weeks=table["time"], event=table["event"])


def at_horizons():
    return [
        pytest.param(study["data"], np.array(study["marker"], dtype=float), at, id=f"{study['data']}-{at['horizon']}")
        for study in GOLDEN
        for at in study["horizons"]
    ]


def same(estimate, golden) -> None:
    expected = [golden[key] for key in ("risk" if "risk" in golden else "value", "low", "high")]
    assert [one is None for one in (estimate.value, estimate.low, estimate.high)] == [one is None for one in expected]
    for ours, theirs in zip((estimate.value, estimate.low, estimate.high), expected, strict=True):
        if theirs is not None:
            assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("name", "marker", "golden"), at_horizons())
def test_predictive_values_and_bayes_are_those_of_r(name, marker, golden):
    outcome = outcome_of(name)
    same(group_at_horizon(outcome, golden["horizon"]).risk, golden["everybody"])
    for cut in golden["cuts"]:
        found = threshold_accuracy(outcome, marker > cut["cut"], golden["horizon"])
        assert found.high.n == cut["n_high"]
        same(found.high.risk, cut["high"])
        same(found.low.risk, cut["low"])
        same(found.ppv, cut["high"])
        if cut["low"]["risk"] is not None:
            assert found.npv.value == pytest.approx(1 - cut["low"]["risk"], rel=1e-9)
        if cut["bayes"]["sensitivity"]["value"] is not None:
            same(found.sensitivity, cut["bayes"]["sensitivity"])
            same(found.specificity, cut["bayes"]["specificity"])


trials = st.integers(2, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 9), min_size=n, max_size=n),
        st.lists(st.booleans(), min_size=n, max_size=n),
        st.lists(st.integers(-3, 3), min_size=n, max_size=n),
    )
)


def parts(trial):
    times, events, values = trial
    return Outcome.of(time_weeks=times, event=events), np.array(values, dtype=float)


@given(trials, st.integers(1, 10))
def test_every_cut_equals_its_cut_alone_and_the_curves_of_both_groups(trial, horizon):
    outcome, values = parts(trial)
    cuts, found = every_cut_accuracy(outcome, values, horizon)
    assert cuts.tolist() == sorted(set(values.tolist()))[:-1]
    for place, cut in enumerate(cuts):
        one = accuracy_of_cut(found, place)
        assert one == threshold_accuracy(outcome, values > cut, horizon)
        for group, member in ((one.high, values > cut), (one.low, values <= cut)):
            assert group.n == member.sum()
            inside = outcome.take(member)
            gone = inside.time_weeks <= horizon
            assert group.events == (gone & inside.event).sum()
            assert group.left_earlier == ((inside.time_weeks < horizon) & ~inside.event).sum()
            survival = survival_at(kaplan_meier(inside), horizon)
            if survival.value is None:
                assert group.risk.value is None
                assert group.risk.reason == words.NOT_FOLLOWED
                continue
            assert group.risk.value == pytest.approx(1 - survival.value, abs=1e-12)
            if survival.low is not None:
                assert group.risk.low == pytest.approx(1 - survival.high, abs=1e-12)
                assert group.risk.high == pytest.approx(1 - survival.low, abs=1e-12)


@given(trials, st.integers(1, 8))
def test_without_censoring_all_are_shares_of_patients(trial, horizon):
    outcome, values = parts(trial)
    outcome = Outcome.of(time_weeks=outcome.time_weeks, event=np.ones(len(outcome)))
    case, high = outcome.time_weeks <= horizon, values > 0
    found = threshold_accuracy(outcome, high, horizon)
    assert found.high.events == (case & high).sum()
    for estimate, numerator, denominator in (
        (found.ppv, case & high, high),
        (found.npv, ~case & ~high, ~high),
        (found.sensitivity, case & high, case),
        (found.specificity, ~case & ~high, ~case),
    ):
        if high.all() or not high.any():
            continue
        if denominator.any():
            assert estimate.value == pytest.approx(numerator.sum() / denominator.sum(), abs=1e-12)
        else:
            assert estimate.value is None
            assert estimate.reason
    if found.true_positives_per_100 is not None and found.missed_per_100 is not None:
        assert found.true_positives_per_100 == pytest.approx(100 * (case & high).mean())
        assert found.false_alarms_per_100 == pytest.approx(100 * (~case & high).mean())
        assert found.missed_per_100 == pytest.approx(100 * (case & ~high).mean())


@given(trials, st.integers(1, 9))
def test_estimates_lie_within_0_and_1_and_within_their_limits(trial, horizon):
    outcome, values = parts(trial)
    found = threshold_accuracy(outcome, values > 0, horizon)
    for one in (found.ppv, found.npv, found.sensitivity, found.specificity):
        if one.value is None:
            assert one.reason
            continue
        assert 0 <= one.value <= 1
        if one.low is None:
            assert one.high is None
            assert one.reason
        else:
            assert 0 <= one.low <= one.value <= one.high <= 1


@given(trials, st.integers(1, 9), st.integers(0, 99))
def test_the_order_of_patients_and_of_time_after_the_horizon_do_not_matter(trial, horizon, seed):
    outcome, values = parts(trial)
    shuffled = np.random.default_rng(seed).permutation(len(outcome))
    found = threshold_accuracy(outcome, values > 0, horizon)
    assert threshold_accuracy(outcome.take(shuffled), values[shuffled] > 0, horizon) == found
    after = Outcome(np.where(outcome.time_weeks > horizon, 500.0, outcome.time_weeks), outcome.event)
    assert threshold_accuracy(after, values > 0, horizon) == found


def test_what_cannot_be_estimated_says_why():
    outcome = Outcome.of(time_weeks=[4, 6, 8, 30, 30, 30], event=[1, 0, 0, 0, 1, 0])
    nobody = threshold_accuracy(outcome, np.zeros(6, bool), 20)
    assert (nobody.ppv.value, nobody.ppv.reason) == (None, words.NO_PATIENT)
    assert (nobody.true_positives_per_100, nobody.false_alarms_per_100) == (0.0, 0.0)
    early = threshold_accuracy(outcome, [True, True, True, False, False, False], 20)
    assert (early.ppv.value, early.ppv.reason) == (None, words.NOT_FOLLOWED)
    assert early.sensitivity.reason == words.NOT_FOLLOWED
    assert early.true_positives_per_100 is None
    assert (early.npv.value, early.npv.low, early.npv.reason) == (1.0, None, words.NO_EVENT)
    none_yet = threshold_accuracy(outcome, [True, False] * 3, 2)
    assert (none_yet.sensitivity.value, none_yet.sensitivity.reason) == (None, words.NO_CASE)
    assert none_yet.specificity.value == 0.5
    over = Outcome.of(time_weeks=[1, 2, 3, 4], event=[1, 1, 1, 1])
    everybody = threshold_accuracy(over, [True, False] * 2, 10)
    assert (everybody.specificity.value, everybody.specificity.reason) == (None, words.NO_CONTROL)
    assert (everybody.ppv.value, everybody.ppv.reason) == (1.0, words.NOBODY_LEFT)


def test_a_patient_censored_at_the_horizon_got_there():
    outcome = Outcome.of(time_weeks=[5, 52, 52, 52], event=[1, 0, 0, 1])
    found = threshold_accuracy(outcome, [True, True, False, False], 52)
    assert (found.high.followed, found.low.followed) == (1, 1)
    assert found.ppv.value == 0.5
    assert found.everybody.events == 2


def test_number_needed_to_evaluate_is_one_by_the_predictive_value():
    outcome = Outcome.of(time_weeks=[2, 4, 6, 30, 30, 30, 3, 30], event=[1, 1, 1, 0, 0, 0, 1, 0])
    found = threshold_accuracy(outcome, [True] * 5 + [False] * 3, 12)
    needed = found.number_needed_to_evaluate
    assert needed.value == pytest.approx(5 / 3)
    assert needed.low == pytest.approx(1 / found.ppv.high)
    assert needed.high == pytest.approx(1 / found.ppv.low)
    nothing = threshold_accuracy(outcome, [False] * 3 + [True] * 3 + [False] * 2, 12).number_needed_to_evaluate
    assert (nothing.value, nothing.reason) == (None, words.NO_EVENT)


@pytest.mark.parametrize("horizon", [0, -4, np.nan, np.inf])
def test_a_horizon_that_is_none_is_refused(horizon):
    with pytest.raises(BadUsageError, match="horizon"):
        threshold_accuracy(Outcome.of(time_weeks=[5], event=[1]), [True], horizon)


def test_lengths_that_differ_and_nobody_are_refused():
    with pytest.raises(BadUsageError, match="one flag a patient"):
        threshold_accuracy(Outcome.of(time_weeks=[5, 6], event=[1, 0]), [True], 4)
    with pytest.raises(BadUsageError, match="no patient"):
        threshold_accuracy(Outcome.of(time_weeks=[], event=[]), [], 4)
    with pytest.raises(BadUsageError, match="one a patient"):
        every_cut_accuracy(Outcome.of(time_weeks=[5, 6], event=[1, 0]), [1.0], 4)


def test_a_constant_marker_has_no_cut():
    cuts, found = every_cut_accuracy(Outcome.of(time_weeks=[5, 6], event=[1, 0]), [1.0, 1.0], 4)
    assert len(cuts) == len(found) == 0


def test_many_values_are_thinned_to_cuts_spread_over_the_patients():
    outcome, values = simulated(3000, np.random.default_rng(0))
    cuts, found = every_cut_accuracy(outcome, values, 40, most_cuts=50)
    assert len(cuts) == 50
    np.testing.assert_allclose(found.n[:, 0] / 3000, np.arange(1, 51) / 51, atol=0.01)
    whole = cut_accuracies(outcome, values > cuts[:, None], 40)
    np.testing.assert_array_equal(found.sensitivity, whole.sensitivity)


EFFECT, RATE, HORIZON, CUT = 0.8, 1 / 60, 40.0, 0.3


def simulated(n: int, rng: np.random.Generator, *, informative: bool = False) -> tuple[Outcome, np.ndarray]:
    """Exponential times, log hazard rising by EFFECT per sd of the marker; about a third censored before HORIZON."""
    values = rng.normal(size=n)
    time = rng.exponential(1 / (RATE * np.exp(EFFECT * values)))
    longest = np.where(values > CUT, 60.0, 140.0) if informative else 90.0
    censored = rng.uniform(5, longest, size=n)
    return Outcome.of(time_weeks=np.minimum(time, censored), event=time <= censored), values


def truth() -> dict[str, float]:
    def joint(low, high):
        return quad(lambda x: norm.pdf(x) * -np.expm1(-HORIZON * RATE * np.exp(EFFECT * x)), low, high)[0]

    case_high, case_low, share = joint(CUT, 9), joint(-9, CUT), norm.sf(CUT)
    return {
        "ppv": case_high / share,
        "npv": 1 - case_low / (1 - share),
        "sensitivity": case_high / (case_high + case_low),
        "specificity": (1 - share - case_low) / (1 - case_high - case_low),
    }


@pytest.mark.parametrize("informative", [False, True])
def test_intervals_hold_the_truth_95_times_in_100(informative):
    """138 patients; also when the high group is censored sooner, which the curve of all patients would not survive."""
    true, trials, rng = truth(), 1500, np.random.default_rng(4)
    estimates = {name: [] for name in true}
    for _ in range(trials):
        outcome, marker = simulated(138, rng, informative=informative)
        found = threshold_accuracy(outcome, marker > CUT, HORIZON)
        for name in true:
            estimate = getattr(found, name)
            if estimate.low is not None:
                estimates[name].append((estimate.value, estimate.low, estimate.high))
    for name, expected in true.items():
        value, low, high = np.array(estimates[name]).T
        assert len(value) > 0.98 * trials, name
        assert 0.935 <= np.mean((low <= expected) & (expected <= high)) <= 0.965, name  # Monte Carlo error 0.006
        assert value.mean() == pytest.approx(expected, abs=0.006), name
