"""Differences of restricted means against R, and by their properties."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.mean_difference import NO_EVENT, NO_TIME, restricted_mean_difference

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = json.loads((TESTS / "golden" / "mean_difference.json").read_text(encoding="utf-8"))
CASES = [
    pytest.param(study["data"], study["group"], golden, id=f"{study['data']}-{golden['horizon']:g}")
    for study in GOLDEN
    for golden in study["comparisons"]
]


def limits_of(estimate):
    return [estimate.value, estimate.low, estimate.high]


@pytest.mark.parametrize(("name", "group", "golden"), CASES)
def test_difference_and_ratio_are_those_of_r(name, group, golden):
    table = pd.read_csv(TESTS / "r" / "data" / f"{name}.csv")
    outcome = Outcome.of(time_weeks=table["time"], event=table["event"])
    found = restricted_mean_difference(outcome, group, horizon_weeks=golden["horizon"])
    if golden["std_errors"] == [0, 0]:
        assert found.p_difference is None
        assert found.reason == NO_EVENT
        return
    for ours, theirs in (
        ([mean.weeks for mean in found.means], golden["means"]),
        ([mean.std_error for mean in found.means], golden["std_errors"]),
        (limits_of(found.difference_weeks), golden["difference"]),
        (limits_of(found.ratio), golden["ratio"]),
        ([found.p_difference, found.p_ratio], [golden["p_difference"], golden["p_ratio"]]),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@given(
    st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.booleans()), min_size=2, max_size=40),
    st.integers(1, 12),
)
def test_exchanging_the_groups_turns_the_sign_and_inverts_the_ratio(rows, horizon):
    time, event, group = (np.array(column) for column in zip(*rows, strict=True))
    longest = [time[group == one].max(initial=0) for one in (False, True)]
    outcome = Outcome.of(time_weeks=time, event=event)
    if min(longest) < horizon:
        return
    one, other = (restricted_mean_difference(outcome, member, horizon_weeks=horizon) for member in (group, ~group))
    assert one.difference_weeks.value == pytest.approx(-other.difference_weeks.value, abs=1e-12)
    assert one.ratio.value == pytest.approx(1 / other.ratio.value)
    assert (one.p_difference is None) == (other.p_difference is None) == (one.difference_weeks.low is None)
    if one.p_difference is not None:
        assert one.p_difference == pytest.approx(other.p_difference)
        assert one.difference_weeks.low == pytest.approx(-other.difference_weeks.high, abs=1e-9)
        assert (one.difference_weeks.low <= 0 <= one.difference_weeks.high) == (one.p_difference >= 0.05)


def test_the_interval_covers_the_truth_in_95_of_100_trials():
    rng = np.random.default_rng(0)
    trials, horizon, covered = 400, 60.0, 0
    truth = 30 * (1 - np.exp(-horizon / 30)) - 50 * (1 - np.exp(-horizon / 50))
    for _ in range(trials):
        group = np.arange(200) % 2
        time, dropped = rng.exponential(np.where(group == 1, 30.0, 50.0)), rng.uniform(40, 300, 200)
        outcome = Outcome.of(time_weeks=np.minimum(time, dropped), event=time <= dropped)
        limits = restricted_mean_difference(outcome, group, horizon_weeks=horizon).difference_weeks
        covered += limits.low <= truth <= limits.high
    assert abs(covered / trials - 0.95) < 3 * np.sqrt(0.95 * 0.05 / trials)


def test_what_cannot_be_compared_is_said():
    outcome = Outcome.of(time_weeks=[5, 9, 6, 12], event=[0, 0, 0, 0])
    nothing = restricted_mean_difference(outcome, [0, 0, 1, 1], horizon_weeks=8)
    assert nothing.difference_weeks.value == 0
    assert (nothing.p_difference, nothing.p_ratio, nothing.reason) == (None, None, NO_EVENT)
    with pytest.raises(BadUsageError, match="last patient was seen at week 9"):
        restricted_mean_difference(outcome, [0, 0, 1, 1], horizon_weeks=10)
    with pytest.raises(BadUsageError, match="two groups"):
        restricted_mean_difference(outcome, [1, 1, 1, 1], horizon_weeks=8)


def test_a_group_gone_at_week_0_has_no_ratio():
    outcome = Outcome.of(time_weeks=[0, 0, 6, 12], event=[1, 1, 1, 1])
    found = restricted_mean_difference(outcome, [0, 0, 1, 1], horizon_weeks=8)
    assert found.difference_weeks.value == pytest.approx(7)
    assert found.ratio.value is None
    assert found.reason == NO_TIME
