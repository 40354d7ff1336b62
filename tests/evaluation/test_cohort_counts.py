"""Headline numbers agree with those counted by the database."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

from raise_core.evaluation.cohort_counts import count_cohort, median_follow_up_weeks
from raise_core.store.home import Home
from raise_core.store.queries import load_cohort
from raise_core.store.summary import summarise


@pytest.mark.slow
def test_numbers_are_those_of_the_database(small_home):
    home = Home.at(small_home)
    found, summary = count_cohort(load_cohort(home, "demo-raise")), summarise(home, "demo-raise")
    assert found.patients == summary.patients
    assert found.arms == {arm.arm: arm.patients for arm in summary.arms}
    assert found.lesions == summary.lesions.lesions
    assert found.lesion_visits == summary.lesions.visits
    assert sum(found.scans.values()) == sum(scan.scans for scan in summary.scans)
    for row in summary.endpoints:
        if row.arm == "*":
            counted = found.endpoints[row.endpoint]
            assert (counted.patients, counted.events) == (row.patients, row.events)
            assert counted.median_follow_up_weeks == pytest.approx(row.median_follow_up_weeks)


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=40))
def test_follow_up_is_the_reverse_kaplan_meier_median(rows):
    time = np.array([float(t) for t, _ in rows])
    event = np.array([e for _, e in rows])
    curve = KaplanMeierFitter().fit(time, ~event).survival_function_["KM_estimate"]
    found = median_follow_up_weeks(time, event)
    if found is None:
        assert curve.min() > 0.5
    else:
        assert curve[curve.index >= found].max() <= 0.5 + 1e-9
        assert curve[curve.index < found].min() >= 0.5 - 1e-9
