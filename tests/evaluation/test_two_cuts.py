"""Two cuts at once: statistics by their definition, the null by all permutations, and no finds in noise."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.cut_results import ThreeGroupTest
from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.cut_points import log_rank_scores
from raise_core.evaluation.log_rank import log_rank
from raise_core.evaluation.two_cuts import MOST_CUTS, scan_two_cuts


def noise(rng, n=138):
    time = np.ceil(rng.exponential(40.0, n) / 12) * 12
    return Outcome.of(time_weeks=np.minimum(time, 96), event=time <= 96), rng.normal(size=n)


def by_definition(outcome, group, test):
    """Quadratic form of the group sums of scores in the inverse of their covariance over permutations."""
    scores = log_rank_scores(outcome)
    member = np.eye(3)[group] if test is ThreeGroupTest.ANY_DIFFERENCE else group[:, None].astype(float)
    centred = member - member.mean(axis=0)
    covariance = scores.var(ddof=1) * centred.T @ centred
    return float(scores @ member @ np.linalg.pinv(covariance) @ member.T @ scores)


rows = st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.integers(0, 6)), min_size=6, max_size=40)


@given(rows, st.sampled_from(ThreeGroupTest))
def test_every_pair_has_the_statistic_of_its_definition(rows, test):
    time, event, marker = (np.array(column) for column in zip(*rows, strict=True))
    outcome = Outcome.of(time_weeks=time, event=event)
    try:
        scan = scan_two_cuts(outcome, marker, test=test, permutations=3)
    except BadUsageError:
        return
    least = max(1, len(time) // 10)
    allowed = 0
    for lower, low in enumerate(scan.cuts):
        for upper, high in enumerate(scan.cuts):
            group = (marker > low).astype(int) + (marker > high)
            counts = np.bincount(group, minlength=3)
            if low >= high or counts.min() < least:
                assert np.isnan(scan.chi2[lower, upper])
                continue
            allowed += 1
            expected = by_definition(outcome, group, test)
            assert scan.chi2[lower, upper] == pytest.approx(expected, rel=1e-7, abs=1e-9)
            assert scan.place(low, high) == (lower, upper)
    assert allowed == (~np.isnan(scan.chi2)).sum() > 0
    assert scan.chi2[scan.best] == np.nanmax(scan.chi2)


def test_the_statistic_is_nearly_the_usual_log_rank():
    """Only the variance differs: over permutations here, at each event time there."""
    outcome, marker = noise(np.random.default_rng(0), n=2000)
    scan = scan_two_cuts(outcome, marker, permutations=1)
    pairs = np.argwhere(scan.chi2 > 2)[::50]
    ratios = []
    for lower, upper in pairs:
        group = (marker > scan.cuts[lower]).astype(int) + (marker > scan.cuts[upper])
        ratios.append(scan.chi2[lower, upper] / log_rank(outcome, group).chi2)
    assert len(ratios) > 10
    assert np.median(ratios) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("test", ThreeGroupTest)
def test_adjusted_p_is_that_of_all_permutations(test):
    time, event = [3, 5, 6, 8, 9, 11, 12], [1, 1, 0, 1, 1, 0, 1]
    outcome = Outcome.of(time_weeks=time, event=event)
    marker = np.array([3.0, 1, 2, 2, 5, 4, 5])
    scan = scan_two_cuts(outcome, marker, test=test, permutations=20_000, seed=1)
    best = np.nanmax(scan.chi2)
    exact = [
        np.nanmax(scan_two_cuts(outcome, shuffled, test=test, permutations=0).chi2)
        for shuffled in set(permutations(marker))
    ]
    share = np.mean(np.array(exact) >= best * (1 - 1e-9))
    assert scan.adjusted_p(best) == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 20_000))


@pytest.mark.parametrize("test", ThreeGroupTest)
def test_the_best_pair_in_noise_is_significant_in_five_of_a_hundred_trials(test):
    rng = np.random.default_rng(3)
    trials, adjusted, naive = 300, 0, 0
    for trial in range(trials):
        outcome, marker = noise(rng)
        scan = scan_two_cuts(outcome, marker, test=test, permutations=99, seed=trial)
        adjusted += scan.adjusted_p(np.nanmax(scan.chi2)) <= 0.05
        group = (marker > scan.best_cuts[0]).astype(int) + (marker > scan.best_cuts[1])
        naive += log_rank(outcome, group).p < 0.05
    assert abs(adjusted / trials - 0.05) < 3 * np.sqrt(0.05 * 0.95 / trials)
    assert naive / trials > 0.2


def test_true_cuts_are_found():
    rng = np.random.default_rng(4)
    marker = rng.uniform(0, 3, 400)
    time = rng.exponential(np.choose(np.digitize(marker, [1.0, 2.0]), [90.0, 30.0, 8.0]))
    outcome = Outcome.of(time_weeks=np.minimum(time, 100), event=time <= 100)
    for test in ThreeGroupTest:
        scan = scan_two_cuts(outcome, marker, test=test)
        assert scan.best_cuts == pytest.approx((1.0, 2.0), abs=0.25)
        assert scan.adjusted_p(np.nanmax(scan.chi2)) == pytest.approx(1 / 1001)


def test_thresholds_are_placed_among_the_pairs_that_make_the_same_groups():
    outcome = Outcome.of(time_weeks=np.arange(1, 11), event=np.ones(10))
    scan = scan_two_cuts(outcome, np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], 2), permutations=5)
    assert scan.cuts.tolist() == [1, 2, 3, 4]
    asked = [(1, 2), (1.5, 3.9), (0.5, 2), (2, 2.5), (3, 5)]
    assert [scan.place(low, high) for low, high in asked] == [(0, 1), (0, 2), None, None, None]


def test_many_possible_cuts_are_thinned_and_very_many_patients_drawn_from_the_normal():
    rng = np.random.default_rng(5)
    outcome, marker = noise(rng, n=3000)
    shuffled = scan_two_cuts(outcome, marker, permutations=400)
    assert len(shuffled.cuts) == MOST_CUTS
    assert shuffled.place(*shuffled.best_cuts) == shuffled.best
    many, values = noise(rng, n=20_001)
    drawn = scan_two_cuts(many, values, permutations=400)
    levels = [0.5, 0.9]
    np.testing.assert_allclose(np.quantile(drawn.null, levels), np.quantile(shuffled.null, levels), rtol=0.12)


@pytest.mark.parametrize(
    ("time", "event", "values", "message"),
    [
        (range(1, 11), [0] * 10, range(10), "no patient had the event"),
        (range(1, 11), [1] * 10, [1] * 5 + [2] * 5, "each group"),
        ([4] * 10, [1] * 10, range(10), "at the same time"),
    ],
)
def test_what_cannot_be_cut_is_said(time, event, values, message):
    with pytest.raises(BadUsageError, match=message):
        scan_two_cuts(Outcome.of(time_weeks=list(time), event=event), list(values))


def test_the_same_seed_gives_the_same_p():
    outcome, marker = noise(np.random.default_rng(6))
    first, again = (scan_two_cuts(outcome, marker, permutations=300, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first.null, again.null)
