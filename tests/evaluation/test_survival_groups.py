"""Patients divided into groups: everybody in exactly one, thresholds on the lower side, names that say what divides."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.outcome import Outcome
from raise_core.domain.results import Provenance
from raise_core.domain.survival_question import ByColumn, ByCut, SurvivalQuestion
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.survival_groups import SurvivalMaterial, divide, subset


def material_of(values, levels=None):
    n = len(values)
    numbers = np.asarray(values, dtype=float)
    places = np.arange(n) % 2 if levels is None else np.asarray(levels)
    return SurvivalMaterial(
        endpoint="PFS",
        week=LandmarkWeek(12.0),
        patient_ids=tuple(f"P{i}" for i in range(n)),
        outcome=Outcome.of(time_weeks=np.arange(n) + 1.0, event=np.arange(n) % 3 > 0),
        levels={"arm": ("Placebo", "Drug")},
        level_of={"arm": places},
        marker_values={"sldr": numbers},
        medians={"sldr": float(np.median(numbers))} if n else {},
        excluded={"marker missing: sldr": 2},
        excluded_patients=pd.DataFrame({"patient_id": ["X", "Y"], "reason": "marker missing: sldr"}),
        n_study=n + 2,
        provenance=Provenance("s", "S", "0" * 32, simulated=False),
    )


def test_a_value_on_the_threshold_belongs_below():
    groups = divide(material_of([0.9, 1.0, 1.0, 1.1]), [ByCut("sldr", (1.0,))])
    assert groups.group_of.tolist() == [0, 0, 0, 1]
    assert groups.labels == ("sldr ≤ 1", "sldr > 1")


def test_without_a_threshold_the_median_divides():
    assert divide(material_of([1, 2, 3, 4]), [ByCut("sldr")]).labels == ("sldr ≤ 2.5", "sldr > 2.5")


def test_two_thresholds_make_three_groups():
    groups = divide(material_of([1, 2, 3, 4, 5]), [ByCut("sldr", (2.0, 4.0))])
    assert groups.group_of.tolist() == [0, 0, 1, 1, 2]
    assert groups.labels == ("sldr ≤ 2", "sldr > 2 to 4", "sldr > 4")


def test_crossed_groups_nobody_is_in_are_not_made():
    groups = divide(material_of([1, 2, 3, 4], levels=[0, 0, 1, 1]), [ByColumn("arm"), ByCut("sldr", (2.0,))])
    assert groups.labels == ("Placebo, sldr ≤ 2", "Drug, sldr > 2")
    assert groups.group_of.tolist() == [0, 0, 1, 1]


@given(
    st.lists(st.floats(-10, 10).map(lambda v: round(v, 1)), min_size=2, max_size=30),
    st.floats(-9, 9).map(lambda v: round(v, 1)),
)
def test_everybody_is_in_exactly_one_group(values, threshold):
    material = material_of(values)
    below = sum(value <= threshold for value in values)
    if below in (0, len(values)):
        with pytest.raises(BadUsageError, match="values reach from"):
            divide(material, [ByCut("sldr", (threshold,))])
        return
    groups = divide(material, [ByColumn("arm"), ByCut("sldr", (threshold,))])
    counts = np.bincount(groups.group_of, minlength=len(groups.parts))
    assert counts.sum() == len(values)
    assert (counts > 0).all()
    low = [place for place, parts in enumerate(groups.parts) if parts[1].up_to is not None]
    assert counts[low].sum() == below


def test_a_panel_keeps_only_its_level_and_counts_the_others():
    whole = material_of([1, 2, 3, 4, 5])
    part = subset(whole, "arm", 1)
    assert part.patient_ids == ("P1", "P3")
    assert part.medians == whole.medians, "panels are cut at the same value"
    assert part.n + sum(part.excluded.values()) == part.n_study
    assert len(part.excluded_patients) == sum(part.excluded.values())


def test_the_table_holds_what_divides_and_what_happened():
    table = material_of([1, 2]).table()
    assert table["arm"].tolist() == ["Placebo", "Drug"]
    assert table["counted_from_week"].tolist() == [13.0, 13.0]
    assert set(table["event"]) <= {0, 1}


def test_nobody_left_says_why():
    with pytest.raises(NotInStoreError, match=r"marker missing: sldr \(2\)"):
        divide(material_of([]), [ByColumn("arm")])


def test_a_marker_needs_a_landmark():
    with pytest.raises(BadUsageError, match="only from the week"):
        SurvivalQuestion("PFS", (ByCut("sldr"),))


@pytest.mark.parametrize("thresholds", [(2.0, 1.0), (1.0, 1.0), (1.0, 2.0, 3.0)])
def test_thresholds_ascend_and_are_at_most_two(thresholds):
    with pytest.raises(BadUsageError, match="threshold"):
        ByCut("sldr", thresholds)
