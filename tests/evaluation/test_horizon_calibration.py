"""Calibration at a horizon: against R, and by simulation with predictions that are right, too low, too extreme."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain import horizon_results as words
from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.horizon_calibration import calibration_at_horizon

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = [
    pytest.param(study["data"], at, id=f"{study['data']}-{at['horizon']}")
    for study in json.loads((TESTS / "golden" / "horizon.json").read_text(encoding="utf-8"))
    for at in study["horizons"]
    if "brier" in at
]
Z = 1.959963984540054


def same(estimate, golden, key="value") -> None:
    for ours, theirs in ((estimate.value, golden[key]), (estimate.low, golden["low"]), (estimate.high, golden["high"])):
        assert (ours is None) == (theirs is None)
        if theirs is not None:
            assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("name", "golden"), GOLDEN)
def test_groups_ratio_and_slope_are_those_of_r(name, golden):
    table = pd.read_csv(TESTS / "r" / "data" / f"{name}.csv")
    outcome = Outcome.of(time_weeks=table["time"], event=table["event"])
    found = calibration_at_horizon(outcome, 1 - np.array(golden["survival"]), golden["horizon"], groups=5)
    assert len(found.groups) == len(golden["calibration"])
    for ours, theirs in zip(found.groups, golden["calibration"], strict=True):
        assert ours.observed.n == theirs["n"]
        assert ours.predicted == pytest.approx(theirs["predicted"], rel=1e-9)
        same(ours.observed.risk, theirs, "risk")
    same(found.observed_to_expected, golden["observed_to_expected"])
    slope, error = golden["slope"]["value"], golden["slope"]["std_error"]
    np.testing.assert_allclose(
        [found.slope.value, found.slope.low, found.slope.high],
        [slope, slope - Z * error, slope + Z * error],
        rtol=1e-6, atol=1e-6,  # R's coxph stops at a relative change of the likelihood of 1e-9
    )  # fmt: skip


def simulated(n: int, rng: np.random.Generator) -> tuple[Outcome, np.ndarray]:
    """An outcome and the true risk at week 40."""
    marker = np.clip(rng.normal(size=n), -3.5, 3.5)  # so that no risk rounds to 1
    time, censored = rng.exponential(60 / np.exp(0.8 * marker)), rng.uniform(5, 90, size=n)
    return Outcome.of(time_weeks=np.minimum(time, censored), event=time <= censored), -np.expm1(
        -40 / 60 * np.exp(0.8 * marker)
    )


def test_true_risks_are_well_calibrated_and_wrong_ones_are_not():
    outcome, risk = simulated(20_000, np.random.default_rng(0))
    right = calibration_at_horizon(outcome, risk, 40)
    for group in right.groups:
        assert group.observed.risk.value == pytest.approx(group.predicted, abs=0.02)
    assert right.observed_to_expected.value == pytest.approx(1, abs=0.02)
    assert right.slope.value == pytest.approx(1, abs=0.04)
    hazard = -np.log1p(-risk)
    low = calibration_at_horizon(outcome, -np.expm1(-0.5 * hazard), 40)
    assert low.observed_to_expected.value > 1.4
    assert low.slope.value == pytest.approx(1, abs=0.04)
    extreme = calibration_at_horizon(outcome, -np.expm1(-(hazard**2) / 20), 40)
    assert extreme.slope.value == pytest.approx(0.5, abs=0.02)


@pytest.mark.slow
def test_intervals_of_ratio_and_slope_hold_the_truth_95_times_in_100():
    rng, trials = np.random.default_rng(7), 1000
    expected = simulated(400_000, rng)[1].mean()
    inside = np.zeros(2)
    for _ in range(trials):
        outcome, risk = simulated(138, rng)
        found = calibration_at_horizon(outcome, risk, 40)
        # The ratio's interval takes the predictions as given, so it is judged with their true mean.
        ratio = found.mean_predicted / expected
        inside += [
            found.observed_to_expected.low * ratio <= 1 <= found.observed_to_expected.high * ratio,
            found.slope.low <= 1 <= found.slope.high,
        ]
    assert (inside / trials >= 0.93).all(), inside
    assert (inside / trials <= 0.97).all(), inside


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.booleans(), st.sampled_from([0.1, 0.2, 0.4, 0.8])), min_size=1, max_size=60
    ),
    st.integers(1, 6),
)
def test_groups_divide_the_patients_and_keep_equal_risks_together(rows, groups):
    times, events, risk = (np.array(column) for column in zip(*rows, strict=True))
    found = calibration_at_horizon(Outcome.of(time_weeks=times, event=events), risk, 5, groups=groups)
    assert sum(group.observed.n for group in found.groups) == len(risk)
    assert len(found.groups) <= groups
    for before, after in zip(found.groups[:-1], found.groups[1:], strict=True):
        assert before.predicted_high < after.predicted_low
    assert found.mean_predicted == pytest.approx(risk.mean())


@pytest.mark.parametrize(("n", "groups"), [(12, 1), (45, 2), (138, 5), (1000, 5)])
def test_few_patients_make_few_groups(n, groups):
    outcome, risk = simulated(n, np.random.default_rng(1))
    found = calibration_at_horizon(outcome, risk, 40)
    assert len(found.groups) == groups
    assert min(group.observed.n for group in found.groups) >= min(n, 20)


def test_what_cannot_be_estimated_says_why():
    outcome = Outcome.of(time_weeks=[4, 8, 12, 20], event=[1, 1, 0, 0])
    assert calibration_at_horizon(outcome, [0.5] * 4, 10).slope.reason == words.NO_SPREAD
    assert calibration_at_horizon(outcome, [0.0, 0.5, 0.5, 1.0], 10).slope.reason == words.CERTAIN_RISK
    assert calibration_at_horizon(outcome, [0.0] * 4, 10).observed_to_expected.reason == words.CERTAIN_RISK
    assert calibration_at_horizon(outcome, [0.1, 0.5, 0.6, 0.7], 2).slope.reason == words.NO_CASE
    assert calibration_at_horizon(outcome, [0.9, 0.8, 0.2, 0.1], 10).slope.reason == words.NO_FINITE_SLOPE
    late = calibration_at_horizon(outcome, [0.1, 0.5, 0.6, 0.7], 30)
    assert late.observed_to_expected.reason == words.NOT_FOLLOWED
    assert late.groups[0].observed.risk.reason == words.NOT_FOLLOWED


def test_what_is_no_prediction_is_refused():
    outcome = Outcome.of(time_weeks=[4, 8], event=[1, 0])
    with pytest.raises(BadUsageError, match="outside 0 to 1"):
        calibration_at_horizon(outcome, [0.5, 1.2], 5)
    with pytest.raises(BadUsageError, match="shape"):
        calibration_at_horizon(outcome, [0.5], 5)
    with pytest.raises(BadUsageError, match="1 or more"):
        calibration_at_horizon(outcome, [0.5, 0.2], 5, groups=0)
