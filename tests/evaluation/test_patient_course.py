"""One patient's course, on tables small enough to read."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from raise_core.domain.cohort import Cohort, Study
from raise_core.domain.errors import NotInStoreError
from raise_core.domain.recist import RecistVersion, Response
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.patient_course import patient_course

LESION_COLUMNS = ["patient_id", "week", "lesion_id", "diameter_mm", "organ", "target", "status"]
LAB_COLUMNS = ["patient_id", "week", "test", "value", "unit", "lower_limit", "upper_limit"]
SCAN_COLUMNS = ["scan_id", "patient_id", "week", "modality", "phase"]


def source(*, lesions=(), labs=(), scans=(), masks=(), outcomes=(("P", "PFS", 40.0, True),), patients=None):
    return MarkerSource(
        Cohort(
            study=Study("s", "0" * 12, "S", True, "Placebo", "2026-01-01T00:00:00Z"),
            patients=pd.DataFrame(
                patients or {"patient_id": ["P", "Q"], "arm": ["Placebo", None], "grade": ["G1", "G2"]}
            ),
            outcomes=pd.DataFrame(outcomes, columns=["patient_id", "endpoint", "time_weeks", "event"]),
            labs=pd.DataFrame(labs, columns=LAB_COLUMNS),
            lesions=pd.DataFrame(lesions, columns=LESION_COLUMNS),
            scans=pd.DataFrame(scans, columns=SCAN_COLUMNS),
            masks=pd.DataFrame(masks, columns=["scan_id", "kind"]),
        )
    )


def lesion(week, mm, lesion_id="T1", *, target=True, status="measured"):
    return ("P", week, lesion_id, mm, "liver", target, status)


def test_sums_responses_and_the_running_limit_of_progression():
    found = patient_course(
        source(lesions=[lesion(w, mm) for w, mm in ((-12, 52.0), (0, 50.0), (12, 30.0), (24, 33.0), (36, 36.0))]), "P"
    )
    assert (found.baseline_week, found.baseline_mm) == (0.0, 50.0)
    assert [visit.sld_mm for visit in found.sizes] == [52.0, 50.0, 30.0, 33.0, 36.0]
    assert [visit.sldr for visit in found.sizes] == [None, None, 0.6, 0.66, 0.72]
    assert [visit.nadir_mm for visit in found.sizes] == [None, None, 50.0, 30.0, 30.0]
    assert [visit.progression_mm for visit in found.sizes][2:] == pytest.approx([60.0, 36.0, 36.0])
    assert [visit.response for visit in found.sizes] == [
        None, None, Response.PARTIAL, Response.PARTIAL, Response.PROGRESSIVE,
    ]  # fmt: skip


def test_recist_1_1_also_wants_five_millimetres():
    grown = source(lesions=[lesion(0, 20.0), lesion(12, 24.0), lesion(24, 25.0)])
    assert patient_course(grown, "P").sizes[1].response is Response.PROGRESSIVE
    newer = patient_course(grown, "P", recist=RecistVersion.V1_1)
    assert [visit.response for visit in newer.sizes[1:]] == [Response.STABLE, Response.PROGRESSIVE]
    assert newer.sizes[1].progression_mm == 25.0


def test_a_lesion_first_seen_after_baseline_is_new_and_means_progression_wherever_it_is_seen():
    found = patient_course(
        source(
            lesions=[
                *(lesion(w, 20.0) for w in (0, 12, 24, 36)),
                lesion(0, None, "E", target=False, status="not evaluable"),
                lesion(24, 8.0, "E", target=False),
                lesion(0, None, "N", target=False, status="absent"),
                lesion(24.5, 7.0, "N", target=False),
                lesion(36, 9.0, "N", target=False),
            ]
        ),
        "P",
    )
    assert [one.lesion_id for one in found.new_lesions] == ["N"], "E was there at baseline, if not evaluable"
    assert [(visit.week, visit.new_lesions) for visit in found.sizes] == [
        (0.0, ()), (12.0, ()), (24.0, ("N",)), (36.0, ("N",)),
    ]  # fmt: skip
    assert [visit.response for visit in found.sizes[1:]] == [
        Response.STABLE, Response.PROGRESSIVE, Response.PROGRESSIVE,
    ]  # fmt: skip
    assert found.lesions[0].target, "targets come first"


def test_a_missing_target_leaves_the_sum_open_and_a_vanished_one_counts_nothing():
    found = patient_course(
        source(
            lesions=[
                lesion(0, 20.0), lesion(0, 10.0, "T2"),
                lesion(12, 18.0), lesion(12, None, "T2", status="not evaluable"),
                lesion(24, 18.0), lesion(24, None, "T2", status="absent"),
            ]
        ),
        "P",
    )  # fmt: skip
    assert [visit.sld_mm for visit in found.sizes] == [30.0, None, 18.0]
    assert [visit.response for visit in found.sizes] == [None, Response.NOT_EVALUABLE, Response.PARTIAL]
    second = next(one for one in found.lesions if one.lesion_id == "T2")
    assert math.isnan(second.diameter_mm[1])
    assert second.diameter_mm[2] == 0.0


def test_without_a_baseline_nothing_is_new_and_nothing_is_read():
    found = patient_course(source(lesions=[lesion(12, 20.0), lesion(24, 30.0)]), "P")
    assert found.baseline_week is None
    assert found.new_lesions == ()
    assert [visit.response for visit in found.sizes] == [None, None]
    assert [visit.sldr for visit in found.sizes] == [None, None]


def test_labs_keep_their_unit_and_limits_and_drop_other_units():
    found = patient_course(
        source(
            labs=[
                ("P", 12, "CgA", 150.0, "µg/L", None, 98.1),
                ("P", 0, "CGA", 100.0, "µg/L", None, 98.1),
                ("P", 24, "CGA", 3.0, "nmol/L", None, 2.0),
                ("P", 24, "ALT", None, "U/L", None, 45.0),
                ("Q", 0, "LDH", 200.0, "U/L", 125.0, 240.0),
            ]
        ),
        "P",
    )
    assert list(found.labs) == ["CGA"]
    cga = found.labs["CGA"]
    assert (cga.weeks.tolist(), cga.value.tolist(), cga.unit) == ([0.0, 12.0], [100.0, 150.0], "µg/L")
    assert cga.upper_limit.tolist() == [98.1, 98.1]
    assert cga.other_unit_values == 1


def test_days_of_one_visit_are_put_together():
    found = patient_course(
        source(
            lesions=[lesion(0.3, 20.0)],
            labs=[("P", 0, "CGA", 1.0, "", None, None), ("P", 12, "CGA", 1.0, "", None, None)],
            scans=[("s2", "P", 0.5, "CT", "portal"), ("s1", "P", 0.5, "CT", "arterial"), ("s3", "P", 13.5, "PT", None)],
            masks=[("s2", "lesion"), ("s1", "liver")],
        ),
        "P",
    )
    assert [(visit.week, set(visit.done)) for visit in found.visits] == [
        (0.0, {"laboratory values", "lesions measured", "CT arterial", "CT portal"}),
        (12.0, {"laboratory values"}),
        (13.5, {"PT"}),
    ]
    assert [(scan.kind, scan.phase, scan.annotated) for scan in found.scans] == [
        ("CT arterial", "arterial", False), ("CT portal", "portal", True), ("PT", None, False),
    ]  # fmt: skip


def test_a_patient_with_nothing_recorded():
    found = patient_course(source(), "Q")
    assert (found.arm, found.outcomes, found.visits, found.lesions, found.labs) == (None, {}, (), (), {})
    assert found.characteristics == {"grade": "G2"}
    assert (found.first_week, found.last_week) == (0.0, 0.0)


def test_an_unknown_patient_is_named():
    with pytest.raises(NotInStoreError, match="'X': study s has no such patient"):
        patient_course(source(), "X")
