"""Standardised differences against formulas worked out by hand, and what must hold for any data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from raise_core.evaluation.standardised_difference import chance_limit, of_categories, of_numbers

NUMBERS = st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=2, max_size=30)
COUNTS = st.integers(2, 5).flatmap(lambda k: st.tuples(*[st.lists(st.integers(0, 40), min_size=k, max_size=k)] * 2))


def test_numbers_by_hand():
    # means 2 and 4, variances 1 and 4: 2 / sqrt(2.5)
    assert of_numbers([1, 2, 3], [2, 4, 6]) == pytest.approx(2 / math.sqrt(2.5), rel=1e-12)


def test_two_levels_are_the_difference_of_proportions_over_the_pooled_spread():
    # 33 of 69 against 35 of 69 men, as in the paper's Table 2
    p, q = 33 / 69, 35 / 69
    expected = abs(p - q) / math.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    assert of_categories([33, 36], [35, 34]) == pytest.approx(expected, rel=1e-12)


def test_four_levels_by_hand():
    """Origin of the tumour in the paper's Table 2: T' inverse(S) T with S written out as Yang & Dalton do."""
    first, second = np.array([26, 24, 9, 10]), np.array([30, 28, 3, 8])
    p, q = first / 69, second / 69
    covariance = np.empty((3, 3))
    for k in range(3):
        for m in range(3):
            a, b = k + 1, m + 1
            covariance[k, m] = (
                (p[a] * (1 - p[a]) + q[a] * (1 - q[a])) / 2 if a == b else -(p[a] * p[b] + q[a] * q[b]) / 2
            )
    gap = (p - q)[1:]
    expected = math.sqrt(gap @ np.linalg.inv(covariance) @ gap)
    assert of_categories(first, second) == pytest.approx(expected, rel=1e-9)


@given(NUMBERS, NUMBERS)
def test_numbers_are_symmetric_and_zero_for_the_same(one, two):
    assert of_numbers(one, one) == pytest.approx(0.0, abs=1e-9)
    forward, back = of_numbers(one, two), of_numbers(two, one)
    assert (forward is None) == (back is None)
    if forward is not None:
        assert forward == pytest.approx(back, rel=1e-12)
        assert forward >= 0


@given(NUMBERS, NUMBERS, st.floats(0.01, 100), st.floats(-100, 100), st.booleans())
def test_numbers_do_not_depend_on_unit_or_origin(one, two, scale, shift, turned):
    assume(np.std(one) > 1e-3 and np.std(two) > 1e-3)
    factor = -scale if turned else scale
    moved = of_numbers(np.array(one) * factor + shift, np.array(two) * factor + shift)
    assert moved == pytest.approx(of_numbers(one, two), rel=1e-6, abs=1e-6)


@given(COUNTS, st.randoms())
def test_categories_are_symmetric_and_do_not_depend_on_the_order_of_levels(pair, random):
    one, two = pair
    assume(sum(one) > 0 and sum(two) > 0)
    assert of_categories(one, one) == pytest.approx(0.0, abs=1e-9)
    forward = of_categories(one, two)
    order = list(range(len(one)))
    random.shuffle(order)
    shuffled = of_categories([one[i] for i in order], [two[i] for i in order])
    back = of_categories(two, one)
    assert (forward is None) == (back is None) == (shuffled is None)
    if forward is not None:
        assert back == pytest.approx(forward, rel=1e-6, abs=1e-9)
        assert shuffled == pytest.approx(forward, rel=1e-6, abs=1e-9)


@given(COUNTS, st.integers(2, 9))
def test_only_proportions_matter(pair, times):
    one, two = pair
    assume(sum(one) > 0 and sum(two) > 0)
    small, large = of_categories(one, two), of_categories([times * n for n in one], two)
    assert (small is None) == (large is None)
    if small is not None:
        assert large == pytest.approx(small, rel=1e-6, abs=1e-9)


def test_what_cannot_be_scaled_is_missing():
    assert of_categories([10, 0], [0, 10]) is None, "no level in common"
    assert of_categories([5, 5, 0], [0, 0, 9]) is None
    assert of_categories([0, 0], [3, 4]) is None, "an empty group"
    assert of_categories([7, 0], [9, 0]) == 0.0, "one level, the same"
    assert of_numbers([1.0], [2.0, 3.0]) is None
    assert of_numbers([2.0, 2.0], [3.0, 3.0]) is None
    assert of_numbers([0.1, 0.1, 0.1], [0.1, 0.1]) == 0.0


def test_chance_stays_below_the_limit_in_95_of_100_randomisations():
    rng = np.random.default_rng(0)
    below = [of_numbers(rng.normal(size=69), rng.normal(size=69)) < chance_limit(69, 69) for _ in range(4000)]
    assert np.mean(below) == pytest.approx(0.95, abs=0.015)
    assert chance_limit(69, 69) == pytest.approx(1.96 * math.sqrt(2 / 69), abs=1e-4)
    assert chance_limit(1, 50) is None
