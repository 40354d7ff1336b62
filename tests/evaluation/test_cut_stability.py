"""Bootstrap of a cut and out-of-fold groups: equal to their loops, right in noise, found in truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.cut_points import log_rank_scores, scan_cuts
from raise_core.evaluation.cut_stability import bootstrap_cut, out_of_fold_groups, weighted_scores


def noise(rng, n=138):
    time = np.ceil(rng.exponential(40.0, n) / 12) * 12
    return Outcome.of(time_weeks=np.minimum(time, 96), event=time <= 96), rng.normal(size=n)


def signal(rng, n=300):
    marker = rng.uniform(0, 2, n)
    time = rng.exponential(np.where(marker > 1.2, 12.0, 60.0))
    return Outcome.of(time_weeks=np.minimum(time, 80), event=time <= 80), marker


def best_of(outcome, marker, cuts):
    """The best of given cuts by the statistic of `scan_cuts`, one by one."""
    scores, n = log_rank_scores(outcome), len(marker)
    found = []
    for cut in cuts:
        low = marker <= cut
        spread = np.sqrt(low.sum() * (~low).sum() / (n * (n - 1.0)) * np.sum(scores**2))
        found.append(-scores[low].sum() / spread if spread > 0 else 0.0)
    best = int(np.argmax(np.round(np.abs(found), 9)))
    return cuts[best], found[best]


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 3)), min_size=2, max_size=30))
def test_weighted_scores_are_those_of_the_patients_drawn(rows):
    time, event, weight = (np.array(column) for column in zip(*rows, strict=True))
    outcome = Outcome.of(time_weeks=time, event=event)
    scores = weighted_scores(outcome, np.array([weight, np.ones(len(weight))], dtype=float))
    drawn = np.repeat(np.arange(len(time)), weight)
    np.testing.assert_allclose(scores[0][drawn], log_rank_scores(outcome.take(drawn)), atol=1e-12)
    np.testing.assert_allclose(scores[1], log_rank_scores(outcome), atol=1e-12)


@pytest.mark.parametrize("steps", [4, 1000])
def test_the_bootstrap_is_its_loop(steps):
    rng = np.random.default_rng(0)
    outcome, marker = noise(rng, n=60)
    marker = np.round(marker * steps) / steps
    found = bootstrap_cut(outcome, marker, resamples=200, seed=5)
    scan = scan_cuts(outcome, marker, permutations=0)
    drawing = np.random.default_rng(5)
    expected, higher_worse = [], []
    for drawn in drawing.integers(0, 60, (200, 60)):
        cut, statistic = best_of(outcome.take(drawn), marker[drawn], scan.cuts)
        expected.append(cut)
        higher_worse.append(statistic > 0)
    np.testing.assert_allclose(found.share, [np.mean(np.array(expected) == cut) for cut in scan.cuts], atol=1e-12)
    np.testing.assert_allclose(found.quantiles, np.quantile(expected, found.quantile_levels, method="inverted_cdf"))
    agree = np.mean(np.array(higher_worse) == (scan.statistic[scan.best] > 0))
    assert found.same_direction == pytest.approx(agree)
    assert found.best == scan.cuts[scan.best]
    assert (found.resamples, found.failed) == (200, 0)


def test_a_true_cut_is_stable_and_one_in_noise_is_not():
    rng = np.random.default_rng(1)
    true = bootstrap_cut(*signal(rng))
    assert true.quantiles[0] > 1.0
    assert true.quantiles[-1] < 1.4
    assert true.same_direction == 1
    assert true.share.sum() == pytest.approx(1)
    lost = bootstrap_cut(*noise(rng))
    assert np.mean(lost.cuts < lost.quantiles[0]) < 0.2
    assert np.mean(lost.cuts < lost.quantiles[-1]) > 0.8


def test_resamples_without_an_event_are_counted():
    event = np.zeros(12)
    event[4] = 1
    outcome = Outcome.of(time_weeks=np.arange(1, 13), event=event)
    found = bootstrap_cut(outcome, np.arange(12.0), resamples=500)
    assert found.resamples + found.failed == 500
    assert found.failed / 500 == pytest.approx((11 / 12) ** 12, abs=0.08)


def test_out_of_fold_groups_are_their_loop():
    outcome, marker = signal(np.random.default_rng(2), n=80)
    marker = np.round(marker, 1)
    found = out_of_fold_groups(outcome, marker, folds=5, permutations=10, seed=3)
    cuts = scan_cuts(outcome, marker, permutations=0).cuts
    assert np.bincount(found.fold).tolist() == [16] * 5
    events = [outcome.event[found.fold == fold].sum() for fold in range(5)]
    assert max(events) - min(events) <= 1
    for fold in range(5):
        outside = found.fold != fold
        cut, statistic = best_of(outcome.take(outside), marker[outside], cuts)
        assert found.cut[fold] == cut
        assert found.higher_does_worse[fold] == (statistic > 0)
        np.testing.assert_array_equal(found.high[~outside], marker[~outside] > cut)
        np.testing.assert_array_equal(found.worse[~outside], (marker[~outside] > cut) == (statistic > 0))
    assert found.directions_agree
    np.testing.assert_array_equal(found.high, found.worse)


def test_a_true_cut_holds_out_of_fold():
    found = out_of_fold_groups(*signal(np.random.default_rng(4)))
    assert np.abs(found.cut - 1.2).max() < 0.1
    assert found.p_permutation == pytest.approx(1 / 1001)
    assert found.log_rank.p < 1e-6


def test_lower_values_that_do_worse_are_found_as_well():
    outcome, marker = signal(np.random.default_rng(4))
    found = out_of_fold_groups(outcome, -marker, permutations=200)
    assert not found.higher_does_worse.any()
    np.testing.assert_array_equal(found.worse, ~found.high)
    assert found.p_permutation == pytest.approx(1 / 201)


def test_folds_belong_to_patients_and_not_to_rows():
    outcome, marker = noise(np.random.default_rng(6))
    names = [f"P{number:03d}" for number in range(138)]
    order = np.random.default_rng(7).permutation(138)
    first = out_of_fold_groups(outcome, marker, permutations=1, patients=names)
    again = out_of_fold_groups(
        outcome.take(order), marker[order], permutations=1, patients=[names[position] for position in order]
    )
    np.testing.assert_array_equal(first.fold[order], again.fold)
    np.testing.assert_array_equal(first.worse[order], again.worse)


@pytest.mark.slow
def test_out_of_fold_noise_is_significant_in_five_of_a_hundred_trials_only_by_permutation():
    rng = np.random.default_rng(8)
    trials, honest, naive, best = 500, 0, 0, 0
    for trial in range(trials):
        outcome, marker = noise(rng)
        found = out_of_fold_groups(outcome, marker, permutations=99, seed=trial)
        honest += found.p_permutation <= 0.05
        naive += found.log_rank is not None and found.log_rank.p < 0.05
        scan = scan_cuts(outcome, marker, permutations=0)
        best += np.abs(scan.statistic[scan.best]) > 1.96
    error = np.sqrt(0.05 * 0.95 / trials)
    assert abs(honest / trials - 0.05) < 3 * error
    assert naive / trials > 0.05 + 3 * error, "the folds are not independent"
    assert naive / trials < best / trials


def test_what_cannot_be_cut_is_said():
    with pytest.raises(BadUsageError, match="no patient had the event"):
        bootstrap_cut(Outcome.of(time_weeks=range(1, 11), event=[0] * 10), range(10))
    with pytest.raises(BadUsageError, match="for 20 folds"):
        out_of_fold_groups(Outcome.of(time_weeks=range(1, 11), event=[1] * 10), range(10), folds=20)
