"""Spread of a marker by arm and how far the arms lie apart."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import parse_marker
from raise_core.evaluation.distribution import hodges_lehmann, level_distribution, number_distribution
from raise_core.evaluation.marker_values import MarkerSource
from tests.evaluation.small_cohort import make_cohort, two_arms


def labs(values, week=12.0):
    return [(f"p{i:03d}", week, "CGA", value, 98.0) for i, value in enumerate(values) if value is not None]


def test_values_at_a_week_by_arm_with_who_has_none():
    source = MarkerSource(make_cohort(two_arms(6), labs=labs([1.0, 2.0, 3.0, 5.0, None, 4.0])))
    found = number_distribution(source, parse_marker("lab:CGA"), 12.0)
    assert [(arm.arm, arm.n, arm.without, arm.median) for arm in found.arms] == [
        ("Drug", 2, 1, 2.0),
        ("Placebo", 3, 0, 4.0),
    ]
    assert found.arms[0].patient_ids == ("p000", "p002")
    assert found.n == 5


def test_a_long_tail_is_read_on_a_log_scale_and_as_a_ratio():
    values = [10.0, 20.0, 12.0, 24.0, 11.0, 22.0, 1000.0, 2000.0]
    source = MarkerSource(make_cohort(two_arms(8), labs=labs(values)))
    found = number_distribution(source, parse_marker("lab:CGA"), 12.0)
    assert found.scale.logarithmic
    assert found.shift.is_ratio
    assert found.shift.estimate == pytest.approx(0.5)
    assert [(r.value, r.short) for r in found.scale.references] == [(98.0, "ULN")]


def test_a_narrow_laboratory_value_and_its_log_stay_linear():
    source = MarkerSource(make_cohort(two_arms(4), labs=labs([40.0, 41.0, 42.0, 43.0])))
    for name in ("lab:CGA", "log:CGA", "ratio:CGA"):
        assert not number_distribution(source, parse_marker(name), 12.0).scale.logarithmic


def test_a_category_is_no_number_and_a_week_must_be_named():
    source = MarkerSource(make_cohort(two_arms(4, columns={"sex": ["m", "f"] * 2}), labs=labs([1.0, 2.0])))
    with pytest.raises(BadUsageError, match="category"):
        number_distribution(source, parse_marker("sex"), None)
    with pytest.raises(BadUsageError, match="name a week"):
        number_distribution(source, parse_marker("lab:CGA"), None)
    with pytest.raises(NotInStoreError):
        number_distribution(source, parse_marker("lab:CGA"), 48.0)
    with pytest.raises(BadUsageError, match="no category"):
        level_distribution(source, parse_marker("lab:CGA"))


def test_levels_by_arm_add_up():
    source = MarkerSource(make_cohort(two_arms(5, columns={"sex": ["m", "f", None, "f", "f"]})))
    found = level_distribution(source, parse_marker("sex"))
    assert found.levels == ("F", "M")
    assert found.counts == ((1, 1), (2, 0))
    assert found.without == (1, 0)


def test_characteristics_keep_their_own_values():
    source = MarkerSource(make_cohort(two_arms(2, columns={"probability_long": [0.2, 0.9]})))
    found = number_distribution(source, parse_marker("probability_long"), None)
    assert [arm.values.tolist() for arm in found.arms] == [[0.2], [0.9]]


def test_hodges_lehmann_is_the_median_of_all_differences():
    first, second = np.array([3.0, 8.0, 1.0]), np.array([2.0, 5.0])
    estimate, low, high = hodges_lehmann(first, second)
    assert estimate == np.median([3 - 2, 3 - 5, 8 - 2, 8 - 5, 1 - 2, 1 - 5])
    assert (low, high) == (None, None), "three and two values allow no 95 % interval"
    assert hodges_lehmann(first, np.array([])) is None


def test_hodges_lehmann_turns_round_and_moves_with_the_data():
    rng = np.random.default_rng(1)
    first, second = rng.exponential(size=40), rng.exponential(size=30)
    estimate, low, high = hodges_lehmann(first, second)
    back = hodges_lehmann(second, first)
    np.testing.assert_allclose(back, (-estimate, -high, -low), atol=1e-12)
    np.testing.assert_allclose(hodges_lehmann(first + 5, second), (estimate + 5, low + 5, high + 5), rtol=1e-12)


def test_the_interval_covers_the_true_shift_in_95_of_100_samples():
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(2000):
        _, low, high = hodges_lehmann(rng.standard_t(3, size=35) + 0.7, rng.standard_t(3, size=25))
        covered.append(low <= 0.7 <= high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_week_0_is_the_baseline():
    source = MarkerSource(make_cohort(two_arms(3), labs=[*labs([10.0, 12.0], week=-20.0), *labs([99.0], week=0.5)]))
    found = number_distribution(source, parse_marker("lab:CGA"), 0.0)
    assert [(arm.values.tolist(), arm.without) for arm in found.arms] == [([10.0], 1), ([12.0], 0)]
    with pytest.raises(NotInStoreError, match="change from baseline"):
        number_distribution(source, parse_marker("dlog:CGA"), 0.0)
