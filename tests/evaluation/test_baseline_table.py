"""Table 2: what is summarised, missing counts, order of levels, cohorts side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from raise_core.domain.characteristics import NO, YES, RowKind, is_ordered
from raise_core.domain.cohort_filter import EVERYBODY
from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.evaluation.baseline_table import baseline_table, compare_cohorts, compare_groups, table_markers
from raise_core.evaluation.cohort_filter import restrict
from raise_core.evaluation.marker_values import MarkerSource
from tests.evaluation.small_cohort import make_cohort, two_arms


def source_of(n: int = 6, *, labs=(), lesions=(), **columns) -> MarkerSource:
    return MarkerSource(make_cohort(two_arms(n, columns=columns), labs=labs, lesions=lesions))


def row(table, marker):
    return next(row for row in table.rows if row.marker == marker)


def test_numbers_by_hand():
    table = baseline_table(source_of(age_years=[50.0, 60.0, 54.0, np.nan, 58.0, 70.0]))
    age = row(table, "age")
    drug, placebo = age.groups
    assert (drug.n, drug.missing, drug.mean, drug.sd, drug.median) == (3, 0, 54.0, 4.0, 54.0)
    assert (drug.lower_quartile, drug.upper_quartile) == (52.0, 56.0)
    assert (placebo.n, placebo.missing, placebo.mean) == (2, 1, 65.0)
    assert (age.overall.n, age.overall.missing) == (5, 1)
    assert age.difference == pytest.approx(11 / np.sqrt((16 + 50) / 2))


def test_categories_count_missing_apart_and_add_up_to_the_arm():
    table = baseline_table(source_of(origin=["Pancreas", "Midgut", "Other", None, "Pancreas", "Midgut"]))
    origin = row(table, "origin")
    assert origin.kind is RowKind.CATEGORY
    assert origin.levels == ("Midgut", "Pancreas", "Other")
    assert [group.counts for group in origin.groups] == [(0, 2, 1), (2, 0, 0)]
    assert [group.n + group.missing for group in origin.groups] == list(table.sizes)


@pytest.mark.parametrize("values", [[True, False] * 3, ["true", "false"] * 3, ["Yes", "no"] * 3])
def test_yes_and_no_are_one_row_however_they_are_written(values):
    prior = row(baseline_table(source_of(prior_treatment=values)), "prior_treatment")
    assert prior.kind is RowKind.YES_NO
    assert prior.levels == (YES, NO)
    assert [group.counts for group in prior.groups] == [(3, 0), (0, 3)]
    assert prior.difference is None, "no level in common"


def test_levels_stand_in_their_own_order():
    load = row(baseline_table(source_of(load=["high", "low", "intermediate", "unknown", "none", "low"])), "load")
    assert load.levels == ("None", "Low", "Intermediate", "High", "Unknown")
    ages = row(baseline_table(source_of(ages=[">69", "<60", "60-69", "<60", ">69", "60-69"])), "ages")
    assert ages.levels == ("<60", "60-69", ">69")
    assert is_ordered(load.levels)
    assert is_ordered(("G1", "G2"))
    assert not is_ordered(("Midgut", "Pancreas"))


def test_sizes_and_labs_are_those_at_baseline():
    source = source_of(
        2,
        labs=[("p000", -3, "CGA", 50.0, 98.0), ("p000", 0, "CGA", 60.0, 98.0), ("p001", 1.5, "CGA", 70.0, 98.0),
              ("p001", 12, "CGA", 900.0, 98.0)],
        lesions=[("p000", 0, "a", 20.0, "liver"), ("p000", 12, "a", 99.0, "liver"), ("p001", 0, "a", 30.0, "liver")],
        age_years=[50.0, 60.0],
    )  # fmt: skip
    assert table_markers(source) == ("age", "sld", "lab:CGA")
    table = baseline_table(source)
    assert [group.mean for group in row(table, "sld").groups] == [20.0, 30.0]
    assert [group.mean for group in row(table, "lab:CGA").groups] == [60.0, 70.0]
    assert row(table, "lab:CGA").label == "CgA (µg/L)"


def test_a_change_has_no_baseline_and_is_refused():
    source = source_of(2, lesions=[("p000", 0, "a", 20.0, "liver"), ("p000", 12, "a", 22.0, "liver")])
    with pytest.raises(NotInStoreError, match="change from baseline"):
        baseline_table(source, ["sldr"])
    with pytest.raises(NotInStoreError, match="no such column"):
        baseline_table(source, ["nosuch"])


def test_what_a_filter_made_the_same_for_everybody_stays_in_the_table():
    table = baseline_table(source_of(sex=["male"] * 6))
    assert row(table, "sex").levels == ("Male",)
    assert row(table, "sex").difference == 0.0


def test_one_arm_has_no_differences():
    patients = two_arms(4, columns={"age_years": [1.0, 2.0, 3.0, 4.0]}).assign(arm="Drug")
    table = baseline_table(MarkerSource(make_cohort(patients)))
    assert table.compared == ("Drug",)
    assert table.rows[0].difference is None
    assert table.chance_limit is None


def test_three_arms_give_the_largest_difference_of_any_two():
    patients = two_arms(6, columns={"x": [1.0, 2.0, 1.0, 2.0, 9.0, 10.0]}).assign(
        arm=["A", "A", "B", "B", "Placebo", "Placebo"]
    )
    table = baseline_table(MarkerSource(make_cohort(patients)))
    assert table.rows[0].difference == pytest.approx(8 / np.sqrt(0.5))


def test_among_describes_some_of_the_patients():
    source = source_of(age_years=[50.0, 60.0, 54.0, 61.0, 58.0, 70.0])
    among = pd.Series([True, True, False, False, True, False], index=source.patient_ids)
    table = baseline_table(source, among=among)
    assert table.sizes == (2, 1)
    assert table.n == 3
    assert row(table, "age").overall.mean == pytest.approx(56.0)


def test_those_analysed_against_those_left_out():
    source = source_of(age_years=[50.0, 60.0, 54.0, 61.0, 58.0, 70.0])
    there = pd.Series([True, True, False, False, True, False], index=source.patient_ids)
    table = compare_groups(source, {"in": there, "out": ~there}, ["age", "arm"])
    assert table.sizes == (3, 3)
    assert [group.counts for group in table.rows[1].groups] == [(2, 1), (1, 2)]


def test_cohorts_side_by_side_with_what_they_share():
    whole = source_of(age_years=[50.0, 60.0, 54.0, 61.0, 58.0, 70.0])
    some = MarkerSource(restrict(whole.cohort, whole.patient_ids[:4], chosen=EVERYBODY))
    others = MarkerSource(restrict(whole.cohort, whole.patient_ids[2:], chosen=EVERYBODY))
    found = compare_cohorts({"everybody": whole, "some": some, "others": others})
    assert found.table.sizes == (6, 4, 4)
    assert found.table.n is None
    assert [(o.first, o.second, o.both, o.only_first, o.only_second) for o in found.overlaps] == [
        ("everybody", "some", 4, 2, 0),
        ("everybody", "others", 4, 2, 0),
        ("some", "others", 2, 2, 2),
    ]
    assert row(found.table, "age").groups[1].mean == pytest.approx(56.25)
    same = compare_cohorts({"a": some, "b": some})
    assert all(r.difference == pytest.approx(0.0) for r in same.table.rows)
    with pytest.raises(BadUsageError, match="2 to 4"):
        compare_cohorts({"one": whole})
