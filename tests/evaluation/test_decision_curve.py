"""Net benefit: against a slow version one patient after the other, its landmarks, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from raise_core.domain import horizon_results as words
from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.decision_curve import decision_curve, net_benefit
from raise_core.evaluation.kaplan_meier import kaplan_meier, survival_at


def slow_net_benefit(outcome: Outcome, treated: np.ndarray, horizon: float, threshold: float) -> float | None:
    """Vickers et al. 2008, step by step."""
    if not treated.any():
        return 0.0
    survival = survival_at(kaplan_meier(outcome.take(treated)), horizon).value
    if survival is None:
        return None
    share = treated.mean()
    return (1 - survival) * share - survival * share * threshold / (1 - threshold)


trials = st.lists(
    st.tuples(st.integers(0, 8), st.booleans(), st.sampled_from([0.05, 0.2, 0.3, 0.55, 0.9])), min_size=1, max_size=40
)


@given(trials, st.integers(1, 8))
def test_curves_are_those_of_the_slow_version(trial, horizon):
    times, events, risk = (np.array(column) for column in zip(*trial, strict=True))
    outcome = Outcome.of(time_weeks=times, event=events)
    thresholds = [0.05, 0.1, 0.3, 0.5, 0.89, 0.95]
    curve = decision_curve(outcome, {"a": risk, "b": 1 - risk}, horizon, risk_thresholds=thresholds)
    for place, threshold in enumerate(thresholds):
        for model, values in ((0, risk), (1, 1 - risk)):
            treated = values >= threshold
            expected = slow_net_benefit(outcome, treated, horizon, threshold)
            ours = curve.net_benefit[model, place, 0]
            assert np.isnan(ours) if expected is None else ours == pytest.approx(expected, abs=1e-12)
            assert curve.flagged[model, place] == treated.mean()
        everybody = slow_net_benefit(outcome, np.ones(len(risk), bool), horizon, threshold)
        ours = curve.treat_all[place, 0]
        assert np.isnan(ours) if everybody is None else ours == pytest.approx(everybody, abs=1e-12)


@given(trials, st.integers(1, 8), st.sampled_from([0.1, 0.25, 0.6]))
def test_one_cut_is_a_point_of_the_curve(trial, horizon, threshold):
    times, events, risk = (np.array(column) for column in zip(*trial, strict=True))
    outcome = Outcome.of(time_weeks=times, event=events)
    found = net_benefit(outcome, risk >= threshold, horizon, risk_threshold=threshold)
    curve = decision_curve(outcome, {"a": risk}, horizon, risk_thresholds=[threshold])
    for ours, theirs in ((found.marker, curve.net_benefit[0, 0]), (found.treat_all, curve.treat_all[0])):
        numbers = [np.nan if one is None else one for one in (ours.value, ours.low, ours.high)]
        np.testing.assert_allclose(numbers, theirs, equal_nan=True)
        assert (ours.low is None) == bool(ours.reason)
    if found.spared_per_100 is not None:
        gain = found.marker.value - found.treat_all.value
        assert found.spared_per_100 == pytest.approx(100 * gain * (1 - threshold) / threshold)


def test_treating_everybody_breaks_even_at_the_risk_of_all():
    outcome = Outcome.of(time_weeks=[3, 5, 20, 20, 20, 20, 20, 20, 20, 20], event=[1, 1] + [0] * 8)
    found = net_benefit(outcome, [True] * 10, 12, risk_threshold=0.2)
    assert found.treat_all.value == pytest.approx(0)
    assert found.marker == found.treat_all
    perfect = net_benefit(outcome, [True] * 2 + [False] * 8, 12, risk_threshold=0.2)
    assert perfect.marker.value == pytest.approx(0.2)
    assert perfect.spared_per_100 == pytest.approx(80)  # all needless treatments, no event missed
    assert (perfect.marker.low, perfect.marker.reason) == (None, words.NOBODY_LEFT)


def test_what_cannot_be_estimated_says_why():
    outcome = Outcome.of(time_weeks=[4, 6, 8, 30, 30, 30], event=[1, 0, 0, 0, 1, 0])
    early = net_benefit(outcome, [True] * 3 + [False] * 3, 20, risk_threshold=0.3)
    assert (early.marker.value, early.marker.reason) == (None, words.NOT_FOLLOWED)
    assert early.spared_per_100 is None
    nobody = net_benefit(outcome, [False] * 6, 20, risk_threshold=0.3)
    assert (nobody.marker.value, nobody.marker.low, nobody.marker.high) == (0, 0, 0)


def test_intervals_hold_the_truth_95_times_in_100():
    rng, trials, threshold, horizon, cut = np.random.default_rng(2), 1500, 0.35, 40.0, 0.2

    def risk(x):
        return -np.expm1(-horizon / 60 * np.exp(0.8 * x))

    found_events = quad(lambda x: norm.pdf(x) * risk(x), cut, 9)[0]
    of_all = quad(lambda x: norm.pdf(x) * risk(x), -9, 9)[0]
    odds = threshold / (1 - threshold)
    truth = [found_events - odds * (norm.sf(cut) - found_events), of_all - odds * (1 - of_all)]
    inside, values = np.zeros(2), []
    for _ in range(trials):
        marker = rng.normal(size=138)
        time, censored = rng.exponential(60 / np.exp(0.8 * marker)), rng.uniform(5, 90, size=138)
        outcome = Outcome.of(time_weeks=np.minimum(time, censored), event=time <= censored)
        found = net_benefit(outcome, marker > cut, horizon, risk_threshold=threshold)
        pair = (found.marker, found.treat_all)
        values.append([one.value for one in pair])
        inside += [one.low <= true <= one.high for one, true in zip(pair, truth, strict=True)]
    assert (inside / trials >= 0.93).all(), inside / trials
    assert (inside / trials <= 0.965).all(), inside / trials
    np.testing.assert_allclose(np.mean(values, axis=0), truth, atol=0.006)


def test_what_is_no_threshold_or_prediction_is_refused():
    outcome = Outcome.of(time_weeks=[4, 8], event=[1, 0])
    for threshold in (0, 1, -0.2, np.nan):
        with pytest.raises(BadUsageError, match="between 0 and 1"):
            net_benefit(outcome, [True, False], 5, risk_threshold=threshold)
    with pytest.raises(BadUsageError, match="ascending"):
        decision_curve(outcome, {"a": [0.1, 0.2]}, 5, risk_thresholds=[0.4, 0.2])
    with pytest.raises(BadUsageError, match="of marker x must be probabilities"):
        decision_curve(outcome, {"marker x": [0.1, 1.2]}, 5)
