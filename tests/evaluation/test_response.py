"""Responses of a cohort: the same readings as the patient page's, best responses and rates counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from raise_core.domain.cohort import Cohort, Study
from raise_core.domain.recist import RecistVersion, Response
from raise_core.domain.response_results import ResponseSettings
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.patient_course import patient_course
from raise_core.evaluation.response import cohort_response, exact_share, lanes, visit_responses

COLUMNS = ["patient_id", "week", "lesion_id", "diameter_mm", "organ", "target", "status"]
V1_1 = RecistVersion.V1_1


def lesion(who, week, mm, lesion_id="T1", *, organ="liver", target=True, status="measured"):
    return (who, float(week), lesion_id, mm, organ, target, status)


def sums(who, **weeks):
    """One target lesion at weeks w0, w12, …."""
    return [lesion(who, float(week[1:]), float(mm)) for week, mm in weeks.items()]


def source(lesions, *, outcomes=()):
    ids = list(dict.fromkeys(row[0] for row in lesions))
    arms = ["Drug" if place % 2 == 0 else "Placebo" for place in range(len(ids))]
    return MarkerSource(
        Cohort(
            study=Study("s", "0" * 12, "S", True, "Placebo", "2026-01-01T00:00:00Z"),
            patients=pd.DataFrame({"patient_id": ids, "arm": arms}),
            outcomes=pd.DataFrame(outcomes, columns=["patient_id", "endpoint", "time_weeks", "event"]),
            labs=pd.DataFrame(
                columns=["patient_id", "week", "test", "value", "unit", "lower_limit", "upper_limit"]
            ).astype({"week": float, "value": float}),
            lesions=pd.DataFrame(lesions, columns=COLUMNS).astype({"diameter_mm": float}),
            scans=pd.DataFrame(columns=["scan_id", "patient_id", "week", "modality", "phase"]),
            masks=pd.DataFrame(columns=["scan_id", "kind"]),
        )
    )


def responses(found, who):
    rows = found.visits[(found.visits["patient_id"] == who) & found.visits["response"].notna()]
    return rows["response"].tolist()


def best(found):
    return dict(zip(found.patients["patient_id"], found.patients["best"], strict=True))


def test_best_responses_and_rates_are_those_counted_by_hand():
    cohort = source(
        [
            *sums("A", w0=50, w12=30, w24=32, w36=40),  # PR, PR, PD
            *sums("B", w0=50, w12=52, w24=70),  # SD, PD
            *sums("C", w0=50, w12=0, w24=0),  # CR, CR
            *sums("D", w0=50, w12=70),  # PD
            *sums("E", w0=50),  # never seen again
            *sums("F", w12=50),  # no baseline
            *sums("G", w0=50, w12=20, w24=45),  # PR, PD
        ]
    )
    found = cohort_response(cohort, ResponseSettings())
    assert best(found) == {"A": "PR", "B": "SD", "C": "CR", "D": "PD", "E": "NE", "F": None, "G": "PR"}
    drug, placebo = found.arms
    assert (drug.arm, drug.n, drug.objective.patients, drug.control.patients) == ("Drug", 4, 3, 3)
    assert (placebo.arm, placebo.n, placebo.objective.patients, placebo.control.patients) == ("Placebo", 2, 0, 1)
    assert (found.n, found.never_seen_again, found.without_baseline) == (6, 1, 1)
    confirmed = cohort_response(cohort, ResponseSettings(confirm=True))
    assert best(confirmed) == {**best(found), "G": "SD"}


def test_best_change_is_that_up_to_progression():
    found = cohort_response(source(sums("A", w0=100, w12=80, w24=100, w36=50)), ResponseSettings())
    row = found.patients.iloc[0]
    assert responses(found, "A") == ["SD", "PD", "PR"]
    assert row["best_change_percent"] == pytest.approx(-20.0)
    assert (row["best_change_week"], row["progression_week"]) == (12.0, 24.0)
    assert np.isnan(row["response_week"])


def test_a_response_lasts_to_progression_or_the_last_visit():
    cohort = source([*sums("A", w0=100, w12=60, w24=75, w36=90), *sums("B", w0=100, w12=90, w24=60, w36=60)])
    rows = cohort_response(cohort, ResponseSettings()).patients.set_index("patient_id")
    assert rows.loc["A", ["response_week", "response_end_week"]].tolist() == [12.0, 24.0], "75 is 25 % over 60"
    assert rows.loc["B", ["response_week", "response_end_week"]].tolist() == [24.0, 36.0]


def test_nodes_count_by_their_short_axis_in_1_1():
    rows = [
        *(lesion("A", week, mm) for week, mm in ((0, 30.0), (12, 0.0), (24, 0.0))),
        *(lesion("A", week, mm, "N1", organ="Lymph node") for week, mm in ((0, 14.0), (12, 9.0), (24, 11.0))),
    ]
    found = cohort_response(source(rows), ResponseSettings(V1_1))
    assert responses(found, "A") == ["CR", "PD"], "a node of 10 mm or more is disease again"
    assert found.small_nodes == 1
    assert responses(cohort_response(source(rows), ResponseSettings()), "A") == ["PR", "PD"], "1.0: 11 over 9 mm"


def test_the_measured_rest_may_show_progression():
    rows = [
        lesion("A", 0, 20.0), lesion("A", 0, 30.0, "T2"),
        lesion("A", 12, 25.0), lesion("A", 12, None, "T2", status="not evaluable"),
        lesion("A", 24, 65.0),
    ]  # fmt: skip
    found = cohort_response(source(rows), ResponseSettings())
    assert responses(found, "A") == ["NE", "PD"]
    assert found.visits["sld_mm"].isna().tolist() == [False, True, True]


def test_other_lesions_hold_back_a_complete_response():
    rows = [
        *sums("A", w0=30, w12=0, w24=0),
        lesion("A", 0, 12.0, "X", target=False),
        lesion("A", 12.5, 8.0, "X", target=False),
        lesion("A", 24, 0.0, "X", target=False, status="absent"),
    ]
    found = cohort_response(source(rows), ResponseSettings())
    assert responses(found, "A") == ["PR", "CR"]
    assert found.other_lesions == 1


def test_responses_at_a_week_are_the_latest_readings_around_it():
    cohort = source([*sums("A", w0=50, w12=30, w24=20), *sums("B", w0=50, w11=70)])
    found = cohort_response(cohort, ResponseSettings())
    counts = {(at.arm, at.week): at.counts for at in visit_responses(found, [12.0, 24.0])}
    assert counts["Drug", 12.0][Response.PARTIAL] == 1
    assert counts["Placebo", 12.0][Response.PROGRESSIVE] == 1
    assert sum(counts["Placebo", 24.0].values()) == 0


def test_lanes_end_with_the_endpoint_and_go_on_to_the_last_date_alive():
    cohort = source(
        [*sums("A", w0=100, w12=60, w24=80), *sums("B", w0=100, w12=100)],
        outcomes=[
            ("A", "PFS", 24.0, True), ("A", "OS", 60.0, True), ("B", "PFS", 20.0, False), ("B", "OS", 20.0, False),
        ],
    )  # fmt: skip
    first, second = lanes(cohort, cohort_response(cohort, ResponseSettings()), "PFS")
    assert (first.end_week, first.event, first.response, first.progression_week) == (24.0, True, (12.0, 24.0), 24.0)
    assert (first.death_week, first.known_alive_week) == (60.0, 60.0)
    assert (second.end_week, second.event, second.known_alive_week) == (20.0, False, None)
    without = lanes(cohort, cohort_response(cohort, ResponseSettings()), None)
    assert [lane.end_week for lane in without] == [24.0, 12.0]
    assert without[0].event is None


@pytest.mark.parametrize(("patients", "of"), [(0, 10), (10, 10), (1, 103), (40, 77), (51, 73), (1, 1)])
def test_intervals_are_exact(patients, of):
    expected = binomtest(patients, of).proportion_ci(0.95, method="exact")
    found = exact_share(patients, of)
    assert (found.ci_low, found.ci_high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert exact_share(0, 0).share is None


WEEKS = (0.0, 6.0, 12.0, 12.6, 24.0, 36.0)
measured = st.sampled_from([0.0, 4.0, 9.0, 15.0, 20.0, 24.0, 30.0, None])


@st.composite
def courses(draw):
    """Two targets and one lesion that may be new, at any of six visits, two of them days apart."""
    rows = []
    for who in ("A", "B"):
        for lesion_id, target in (("T1", True), ("T2", True), ("N1", False)):
            for week in WEEKS:
                if target and week == 0.0:
                    rows.append(lesion(who, week, draw(st.sampled_from([12.0, 30.0])), lesion_id))
                elif draw(st.booleans()) and (target or week > 0):
                    mm = draw(measured)
                    status = "measured" if mm is not None else "not evaluable"
                    rows.append(lesion(who, week, mm, lesion_id, target=target, status=status))
    return rows


@settings(max_examples=25)
@given(rows=courses(), version=st.sampled_from(list(RecistVersion)))
def test_the_patient_page_reads_the_same(rows, version):
    cohort = source(rows)
    found = cohort_response(cohort, ResponseSettings(version))
    for who in cohort.patient_ids:
        mine = found.visits[found.visits["patient_id"] == who]
        theirs = patient_course(cohort, who, recist=version).sizes
        assert mine["week"].tolist() == [visit.week for visit in theirs]
        assert mine["new_lesions"].tolist() == [visit.new_lesions for visit in theirs]
        for column, name in (("sld_mm", "sld_mm"), ("sldr", "sldr"), ("nadir_mm", "nadir_mm")):
            wanted = [getattr(visit, name) for visit in theirs]
            assert [None if np.isnan(value) else value for value in mine[column]] == pytest.approx(wanted)
        for response, visit in zip(mine["response"], theirs, strict=True):
            assert response == (None if visit.response is None else visit.response.value)
