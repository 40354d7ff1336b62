"""Cut-points against R's maxstat, and the promise that matters: looking for the best cut finds nothing in noise."""

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
from raise_core.evaluation.cut_points import log_rank_scores, scan_cuts
from raise_core.evaluation.log_rank import log_rank
from raise_core.evaluation.two_groups import OrderedOutcome, compare_two_groups

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = [
    pytest.param(one, id=one["marker"])
    for one in json.loads((TESTS / "golden" / "cut_points.json").read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("golden", GOLDEN)
def test_statistics_cut_and_approximation_are_those_of_maxstat(golden):
    table = pd.read_csv(TESTS / "r" / "data" / "untied.csv")
    scan = scan_cuts(Outcome.of(time_weeks=table["time"], event=table["event"]), golden["values"], permutations=10)
    np.testing.assert_allclose(scan.cuts, golden["cuts"])
    np.testing.assert_allclose(np.abs(scan.statistic), golden["statistics"], rtol=1e-9)
    assert scan.cuts[scan.best] == pytest.approx(golden["cut"])
    assert scan.approximate_p(scan.statistic[scan.best]) == pytest.approx(golden["p_lau94"], rel=1e-9)


def noise(rng, n=138):
    time = np.ceil(rng.exponential(40.0, n) / 12) * 12
    return Outcome.of(time_weeks=np.minimum(time, 96), event=time <= 96), rng.normal(size=n)


def test_the_best_cut_of_noise_is_significant_in_five_of_a_hundred_trials():
    rng = np.random.default_rng(1)
    trials, naive, adjusted, approximate = 500, 0, 0, 0
    for trial in range(trials):
        outcome, marker = noise(rng)
        scan = scan_cuts(outcome, marker, permutations=400, seed=trial)
        best = scan.statistic[scan.best]
        second = marker > scan.cuts[scan.best]
        naive += compare_two_groups(OrderedOutcome.of(outcome), second).p[0] < 0.05
        adjusted += scan.adjusted_p(best) < 0.05
        approximate += scan.approximate_p(best) < 0.05
    error = np.sqrt(0.05 * 0.95 / trials)
    assert naive / trials > 0.3
    assert abs(adjusted / trials - 0.05) < 3 * error
    assert approximate / trials < 0.05 + 3 * error


def test_a_true_difference_is_found_where_it_is():
    rng = np.random.default_rng(2)
    marker = rng.uniform(0, 2, 300)
    time = rng.exponential(np.where(marker > 1.2, 12.0, 60.0))
    scan = scan_cuts(Outcome.of(time_weeks=np.minimum(time, 80), event=time <= 80), marker)
    assert scan.cuts[scan.best] == pytest.approx(1.2, abs=0.05)
    assert scan.statistic[scan.best] > 0, "the higher group does worse"
    assert scan.adjusted_p(scan.statistic[scan.best]) == pytest.approx(1 / 1001)


def test_the_same_seed_gives_the_same_p_and_a_larger_statistic_a_smaller_one():
    outcome, marker = noise(np.random.default_rng(3))
    first, again = scan_cuts(outcome, marker, seed=4), scan_cuts(outcome, marker, seed=4)
    levels = np.linspace(0, 5, 40)
    adjusted = [first.adjusted_p(level) for level in levels]
    assert adjusted == [again.adjusted_p(level) for level in levels]
    assert (np.diff(adjusted) <= 0).all()
    assert adjusted[0] == 1.0


def test_a_threshold_is_placed_among_the_cuts_that_make_the_same_groups():
    outcome = Outcome.of(time_weeks=np.arange(1, 11), event=np.ones(10))
    scan = scan_cuts(outcome, np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], 2), permutations=5)
    assert scan.cuts.tolist() == [1, 2, 3, 4]
    assert [scan.place(threshold) for threshold in (0.5, 1, 1.5, 2, 4.9, 5)] == [None, 0, 0, 1, 3, None]


def test_large_cohorts_use_the_approximation():
    outcome, marker = noise(np.random.default_rng(5), n=20_001)
    scan = scan_cuts(outcome, marker)
    assert not len(scan.null)
    assert scan.adjusted_p(3.0) == scan.approximate_p(3.0)


@pytest.mark.parametrize(
    ("event", "values", "message"),
    [([0] * 10, range(10), "no patient had the event"), ([1] * 10, [1] * 10, "at least a tenth")],
)
def test_what_cannot_be_cut_is_said(event, values, message):
    with pytest.raises(BadUsageError, match=message):
        scan_cuts(Outcome.of(time_weeks=range(1, 11), event=event), list(values))


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_scores_add_up_to_observed_minus_expected(rows):
    time, event, second = (np.array(column) for column in zip(*rows, strict=True))
    outcome = Outcome.of(time_weeks=time, event=event)
    scores = log_rank_scores(outcome)
    test = log_rank(outcome, second.astype(int))
    if len(test.observed) == 2:
        assert scores[second].sum() == pytest.approx((test.observed - test.expected)[1], abs=1e-9)
    assert scores.sum() == pytest.approx(0, abs=1e-9)
