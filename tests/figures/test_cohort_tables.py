"""Tables 1 and 2 as printed: the engine's counts, sensible digits, why there are no p-values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from raise_core.domain.cohort_filter import EVERYBODY
from raise_core.domain.time_unit import TimeUnit
from raise_core.evaluation.baseline_table import baseline_table, compare_cohorts
from raise_core.evaluation.cohort_filter import restrict
from raise_core.evaluation.flow import participant_flow, visit_counts
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.figures import cohort_tables, cohort_words
from raise_core.figures.table_export import Origin
from tests.evaluation.small_cohort import make_cohort, two_arms

ORIGIN = Origin("s", "A study", "0123456789abcdef", "", simulated=True, patients=6)
COLUMNS = {"age_years": [50.0, 60.0, 54.0, np.nan, 58.0, 70.0], "sex": ["male", "female"] * 3}


def source() -> MarkerSource:
    outcomes = [("p000", 10, True), ("p001", 50, True), ("p002", 11, False), ("p003", 50, False), ("p004", 50, True)]
    scans = [("a", "p001", 12.0, "portal")]
    return MarkerSource(make_cohort(two_arms(6, columns=COLUMNS), outcomes=outcomes, scans=scans, masks=["a"]))


def cells(table) -> dict[tuple[str, str], list]:
    return {(row.section, row.cells[0]): list(row.cells[1:]) for row in table.rows}


def test_visits_as_in_table_1():
    flow = visit_counts(source(), (12,), endpoint="PFS", annotated_only=False)
    table = cohort_tables.visit_table(flow, ORIGIN)
    assert table.columns == ("Visit", "Drug (n = 3)", "Placebo (n = 3)", "All (n = 6)")
    found = cells(table)
    assert found["Week 12", "At risk (used in imaging models)"] == ["1 (0)", "2 (1)", "3 (1)"]
    assert found["Week 12", "Censored"] == [1, 0, 1]
    assert found["Week 12", "Progressions or deaths"] == [1, 0, 1]
    assert found["Week 12", "No outcome recorded"] == [0, 1, 1]
    assert "1 week after it" in table.notes[0]
    assert "PFS" in table.notes[0]


def test_visits_in_months():
    flow = visit_counts(source(), (12,), endpoint="PFS", annotated_only=False)
    assert cohort_tables.visit_table(flow, ORIGIN, unit=TimeUnit.MONTHS).rows[0].cells[0] == "Month 2.8"


def test_characteristics_as_in_table_2():
    table = cohort_tables.characteristics_table(baseline_table(source()), ORIGIN)
    assert table.columns == (
        "Characteristic",
        "Drug (n = 3)",
        "Placebo (n = 3)",
        "All (n = 6)",
        "Standardised difference",
    )
    found = cells(table)
    assert found["Age (years)", "Mean (SD)"][:2] == ["54.0 (4.0)", "65.0 (7.1)"]
    assert found["Age (years)", "Median [IQR]"][0] == "54.0 [52.0–56.0]"
    assert found["Age (years)", "Not known"] == [0, 1, 1, ""]
    assert found["Sex, n (%)", "Male"] == ["3 (100)", "0 (0)", "3 (50)", ""]
    assert found["Sex, n (%)", "Sex, n (%)"] == ["", "", "", "–"], "no level in common: the difference has no size"
    assert any("No p-values" in note for note in table.notes)
    assert any("Yang & Dalton 2012" in note for note in table.notes)


def test_one_group_has_no_difference_column_and_needs_no_word_on_p_values():
    patients = two_arms(4, columns={"age_years": [1.0, 2.0, 3.0, 4.0]})[["patient_id", "age_years"]]
    table = cohort_tables.characteristics_table(baseline_table(MarkerSource(make_cohort(patients))), ORIGIN)
    assert table.columns == ("Characteristic", "All patients (n = 4)")
    assert not any("p-values" in note for note in table.notes)


def test_cohorts_and_what_they_share():
    whole = source()
    some = MarkerSource(restrict(whole.cohort, whole.patient_ids[:4], chosen=EVERYBODY))
    found = compare_cohorts({"everybody": whole, "some": some})
    table = cohort_tables.comparison_table(found, ORIGIN)
    assert table.columns[1:3] == ("everybody (n = 6)", "some (n = 4)")
    assert not any("p-values" in note for note in table.notes), "cohorts are not randomised against each other"
    assert cohort_tables.overlap_table(found, ORIGIN).rows[0].cells == ("everybody and some", 4, 2, 0)
    assert cohort_words.comparison_headline(found).startswith("4 patients are in both everybody and some.")


def test_the_flow_table_holds_every_count_of_the_flow():
    flow = participant_flow(source(), (12,), endpoint="PFS")
    rows = pd.DataFrame([row.cells for row in cohort_tables.flow_table(flow, ORIGIN).rows])
    assert rows.loc[0].tolist() == ["Randomised", 3, 3, 6]
    for step in flow.steps:
        for part in step.left:
            assert [f"left out: {part.reason}", *part.counts, part.total] in rows.to_numpy().tolist()
