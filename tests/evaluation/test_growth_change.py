"""Growth rate before and during treatment: the markers' own values, and medians with exact intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from raise_core.domain.errors import NotInStoreError
from raise_core.evaluation.growth_change import growth_change, median_change
from raise_core.evaluation.marker_values import MarkerSource
from tests.evaluation.small_cohort import make_cohort, two_arms

MONTH_WEEKS = 30.4375 / 7


def test_rates_are_those_of_the_markers_and_pairs_are_patients_with_both():
    rows = [
        ("p000", -MONTH_WEEKS, "T1", 20.0, "liver"), ("p000", 0, "T1", 22.0, "liver"),
        ("p000", 12, "T1", 11.0, "liver"), ("p001", 0, "T1", 20.0, "liver"), ("p001", 12, "T1", 20.0, "liver"),
    ]  # fmt: skip
    found = growth_change(MarkerSource(make_cohort(two_arms(2), lesions=rows)), 12.0)
    before, during = 100 * (1.1**3 - 1), 100 * (0.5 ** (3 * MONTH_WEEKS / 12) - 1)
    assert found.before is not None
    assert found.during is not None
    assert found.before.arms[0].values.tolist() == pytest.approx([before])
    assert found.during.arms[0].values.tolist() == pytest.approx([during])
    assert found.paired["Drug"].median == pytest.approx(during - before)
    assert (found.paired["Drug"].n, found.paired["Placebo"].n) == (1, 0)


def test_without_growth_rates_it_says_what_they_need():
    rows = [("p000", 0, "T1", 20.0, "liver")]
    with pytest.raises(NotInStoreError, match="at baseline, and another before or after"):
        growth_change(MarkerSource(make_cohort(two_arms(2), lesions=rows)), 12.0)


@pytest.mark.parametrize(("n", "rank"), [(5, 0), (6, 1), (9, 2), (20, 6), (50, 18), (100, 40)])
def test_limits_are_the_order_statistics_of_the_sign_test(n, rank):
    found = median_change(np.arange(1.0, n + 1))
    assert found.n == n
    if rank == 0:
        assert found.ci_low is None
    else:
        assert (found.ci_low, found.ci_high) == (rank, n + 1 - rank)
        assert binom.cdf(rank - 1, n, 0.5) <= 0.025 < binom.cdf(rank, n, 0.5)


@given(st.lists(st.floats(min_value=-1e3, max_value=1e3), max_size=40))
def test_the_median_lies_within_its_limits_and_turns_with_the_sign(values):
    found = median_change(np.array(values))
    turned = median_change(-np.array(values))
    if found.ci_low is not None and found.ci_high is not None and found.median is not None:
        assert found.ci_low <= found.median <= found.ci_high
        assert (turned.ci_low, turned.ci_high) == (-found.ci_high, -found.ci_low)
