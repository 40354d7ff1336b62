"""The patient figure draws what the course holds, and its labels stay apart."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.patient_course import (
    LabCourse,
    LesionCourse,
    OutcomeAt,
    PatientCourse,
    ScanDate,
    SizeVisit,
    Visit,
)
from raise_core.domain.patient_risk import NoRisk, PatientRisk, RiskAtWeek
from raise_core.domain.recist import RecistVersion, Response
from raise_core.domain.results import CindexEstimate, CindexSettings, Provenance
from raise_core.domain.time_unit import WEEKS_PER_MONTH, TimeUnit
from raise_core.figures import patient_tables, patient_words
from raise_core.figures.arm_marks import arm_marks
from raise_core.figures.identity import CONTROL_ARM, model_marks
from raise_core.figures.patient_course import patient_figure
from raise_core.figures.patient_panels import LINE_PX, TimeAxis, spread
from raise_core.figures.patient_risk import KEY_PX, RISK_PX, CohortAtWeek, RiskView

MODEL = "sldr+dlog:CGA"
ARMS = arm_marks(("Lanreotide", "Placebo"), reference="Placebo")


def lesion(name, values, *, new=False, target=True):
    weeks = np.array([0.0, 12.0, 24.0])[-len(values) :]
    return LesionCourse(name, "liver", target, new, weeks, np.array(values, dtype=float))


def lab(test, values, upper=98.1, lower=np.nan, unit="µg/L"):
    count = len(values)
    return LabCourse(
        test, unit, np.array([0.0, 12.0, 24.0])[:count], np.array(values, dtype=float),
        np.full(count, lower), np.full(count, upper),
    )  # fmt: skip


def course(**changes):
    whole = {
        "patient_id": "P-1",
        "characteristics": {"sex": "female", "age_years": 61.25, "grade": "G2", "prior_treatment": False},
        "arm": "Placebo",
        "outcomes": {
            "PFS": OutcomeAt("PFS", 24.1, event=True),
            "PROGRESSION": OutcomeAt("PROGRESSION", 24.1, event=True),
            "DEATH": OutcomeAt("DEATH", 24.1, event=False),
            "OS": OutcomeAt("OS", 80.0, event=True),
        },
        "visits": tuple(Visit(week, ("laboratory values",)) for week in (0.0, 12.0, 24.0)),
        "scans": (
            ScanDate(0.0, "CT portal", "portal", annotated=True),
            ScanDate(12.0, "CT arterial", "arterial", False),
        ),
        "lesions": (
            lesion("T1", [30.0, 20.0, 25.0]),
            lesion("T2", [20.0, 15.0, 25.0]),
            lesion("N1", [8.0], new=True, target=False),
        ),
        "sizes": (
            SizeVisit(0.0, 50.0, None, None, None, (), None),
            SizeVisit(12.0, 35.0, 0.7, 50.0, 60.0, (), Response.PARTIAL),
            SizeVisit(24.0, 50.0, 1.0, 35.0, 42.0, ("N1",), Response.PROGRESSIVE),
        ),
        "baseline_week": 0.0,
        "baseline_mm": 50.0,
        "recist": RecistVersion.V1_0,
        "labs": {"CGA": lab("CGA", [50.0, 900.0, 2000.0]), "LDH": lab("LDH", [200.0, 210.0], 240.0, 125.0, "U/L")},
    }
    return PatientCourse(**{**whole, **changes})


RISK = PatientRisk(12.0, 0.8, 0.5, 1.2, 77.4, 70.0, 85.0, 21)
VIEW = RiskView(
    patient_words.panel_name(MODEL),
    model_marks((MODEL,), theme="light")[MODEL],
    (CohortAtWeek(12.0, 100, (-1.5, -0.6, 0.1, 0.7, 1.6)), CohortAtWeek(24.0, 80, (-1.4, -0.5, 0.0, 0.8, 1.7))),
    (RISK,),
    {24.0: "after the event"},
)


def drawn(patient=None, **settings):
    asked = {"labs": ["CGA", "LDH"], "visit_weeks": [12, 24, 36, 72], "endpoint": "PFS", "arm_mark": ARMS["Placebo"]}
    return patient_figure(patient or course(), **{**asked, **settings})


def texts(figure):
    return [annotation.text for annotation in figure.layout.annotations]


def said(figure):
    return " ".join(texts(figure))


def test_every_part_of_the_course_has_its_mark_and_its_words():
    figure = drawn(risk=VIEW)
    words = said(figure)
    for expected in (
        "Progression, week 24", "Death, week 80", "<b>Placebo</b>", "liver T1", "new: liver N1", "sum (SLD)",
        "−30 % from baseline", "+20 % over smallest", "RECIST 1.0", "PR", "<b>PD</b>", "CgA", "log axis",
        "upper limit 98.1", "lower limit 125", "77 %", "after the event", "median patient",
    ):  # fmt: skip
        assert expected in words, expected
    bars = [trace for trace in figure.data if trace.line.width == 9]
    assert (bars[0].line.color, list(bars[0].x)) == (CONTROL_ARM, [0.0, 24.1])
    lines = {(shape.x0, shape.line.dash) for shape in figure.layout.shapes}
    assert lines == {(24.1, "solid"), (80.0, "solid")}


def test_numbers_stand_where_they_are_measured():
    figure = drawn(risk=VIEW)
    by_y = {tuple(trace.y): trace for trace in figure.data if trace.y is not None}
    assert list(by_y[(50.0, 35.0, 50.0)].x) == [0.0, 12.0, 24.0]
    assert list(by_y[(1.0, 0.7, 1.0)].x) == [0.0, 12.0, 24.0]
    limit = by_y[(1.2, 1.2, 0.84)]
    assert limit.line.shape == "vh", "the limit of a visit holds from the visit before"
    assert by_y[(0.7, 0.7)].line.dash == "dot"
    assert (0.8,) in by_y
    assert by_y[(0.8,)].error_y.array[0] == pytest.approx(0.4)
    assert "70–85 %" in by_y[(0.8,)].hovertext[0]
    assert "20.4 × upper limit" in by_y[(50.0, 900.0, 2000.0)].hovertext[2]
    assert "25.0 mm" in by_y[(30.0, 20.0, 25.0)].hovertext[2]


def test_months_change_every_time_and_nothing_else():
    weeks, months = drawn(risk=VIEW), drawn(risk=VIEW, unit=TimeUnit.MONTHS)
    for one, other in zip(weeks.data, months.data, strict=True):
        np.testing.assert_allclose(np.array(other.x, float), np.array(one.x, float) / WEEKS_PER_MONTH)
        assert one.y == other.y
    assert "Progression, month 5.5" in said(months)
    assert "week" not in said(months).lower()
    assert "week" not in " ".join(text for trace in months.data for text in trace.hovertext or ())
    last = months.layout[f"xaxis{len([a for a in months.layout if str(a).startswith('xaxis')])}"]
    assert last.title.text == "Months from randomisation"


def test_what_is_not_there_has_no_panel():
    bare = course(lesions=(), sizes=(), labs={}, scans=(), arm=None, baseline_week=None, baseline_mm=None, outcomes={})
    figure = drawn(bare, labs=["CGA"], arm_mark=None, endpoint=None)
    assert not any("SLD" in text or "CgA" in text for text in texts(figure))
    sentences = " ".join(patient_words.missing_course(bare, ["CGA"]))
    assert "No lesion measurements" in sentences
    assert "No laboratory values" in sentences
    assert patient_words.missing_course(course(labs={"CGA": lab("CGA", [1.0])}), ["CGA", "AP"]) == (
        "Not measured in this patient: alkaline phosphatase.",
    )


def test_a_single_target_is_the_sum_and_drawn_once():
    one = course(lesions=(lesion("SUM", [50.0, 35.0, 50.0]),))
    assert "SUM" not in said(drawn(one))


def test_text_is_large_enough():
    figure = drawn(risk=VIEW)
    assert min(annotation.font.size for annotation in figure.layout.annotations) >= 14
    assert figure.layout.font.size >= 14


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=9))
def test_labels_do_not_overlap_and_keep_their_order(heights):
    placed = spread(heights, gap=10.0, low=0.0, high=100.0)
    ordered = sorted(zip(heights, placed, strict=True))
    assert all(b[1] - a[1] >= 10.0 - 1e-9 for a, b in itertools.pairwise(ordered) if b[0] > a[0])
    assert max(placed) <= 95.0 + 1e-9
    assert min(placed) >= 5.0 - 1e-9


@given(st.floats(-60.0, 0.0), st.floats(1.0, 700.0), st.sampled_from(list(TimeUnit)), st.lists(st.integers(1, 200)))
def test_ticks_are_few_apart_and_inside(first, last, unit, visits):
    axis = TimeAxis(first, last, tuple(float(week) for week in visits), unit)
    values, words = axis.ticks()
    assert len(values) == len(words)
    assert all(unit.of_weeks(first) <= value <= unit.of_weeks(last) for value in values)
    assert all(b - a >= 0.04 * unit.of_weeks(axis.span) for a, b in itertools.pairwise(values))


def estimate(week, mean):
    return CindexEstimate(
        model=MODEL, week=week, n=100, events=40, mean=mean, sd=0.1, se_naive=0.01, se_corrected=0.04, ci_low=0.6,
        ci_high=0.8, uno=0.7, uno_tau_weeks=60.0, nan_splits=0, nan_reasons={}, splits=100, events_per_variable=20.0,
    )  # fmt: skip


def test_the_patient_in_words():
    patient = course()
    assert (
        patient_words.outcome_sentence(patient, "PFS", unit=TimeUnit.WEEKS)
        == "Progression at week 24; death at week 80"
    )
    censored = course(outcomes={"PFS": OutcomeAt("PFS", 96.0, event=False)})
    assert (
        patient_words.outcome_sentence(censored, "PFS", unit=TimeUnit.WEEKS)
        == "Free of progression and under observation until week 96"
    )
    assert patient_words.characteristics(patient) == ("female", "61.25 years", "G2", "prior treatment: no")
    assert patient_words.headline(patient, model=MODEL, risks=[RISK], at_risk={12.0: 100}, unit=TimeUnit.WEEKS) == (
        "Sum of target lesions unchanged from baseline at week 24 with 1 new lesion, CgA 2\u2009000 µg/L (20.4 × upper "
        "limit) at week 24. At week 12, size and CgA put this patient’s risk above 77 % of the 99 others at risk "
        "(70–85 % over the splits)."
    )


def test_why_there_is_no_risk_is_said_once_with_its_weeks():
    at = [
        RiskAtWeek(0.0, None, NoRisk.NO_IMAGES, ("sldr",), "no scan is dated near this visit"),
        RiskAtWeek(12.0, RISK),
        RiskAtWeek(24.0, None, NoRisk.AFTER_EVENT),
        RiskAtWeek(36.0, None, NoRisk.AFTER_EVENT),
        RiskAtWeek(48.0, None, NoRisk.NEVER_TESTED),
    ]
    assert patient_words.gap_sentences(at, settings=CindexSettings(), estimates=[], unit=TimeUnit.WEEKS) == (
        (
            "Week 0: no annotated images, because no scan is dated near this visit; no size ratio to baseline (SLDr) "
            "either."
        ),
        "Weeks 24, 36: not at risk any more: the event came before the visit or at most 1 week after it.",
        "Week 48: none of the 100 splits tests this patient; more splits would.",
    )
    assert [patient_words.gap_word(one.reason, endpoint="PFS") for one in at if one.risk is None] == [
        "no images", "after the event", "after the event", "never tested",
    ]  # fmt: skip


def test_the_footnote_states_patients_splits_run_and_filter():
    note = patient_words.risk_footnote(
        [RiskAtWeek(12.0, RISK)],
        n_cohort=41,
        settings=CindexSettings(),
        provenance=Provenance("s", "S", "a" * 32, True, "b" * 64, "resnet50-imagenet", "G2: 41 of 138 patients"),
        estimates=[estimate(12.0, 0.7)],
        unit=TimeUnit.WEEKS,
    )
    for expected in (
        "41 patients", "100 and 40 (week 12)", "100 Monte Carlo splits", "test this patient: 21 (week 12)",
        "Run bbbbbbbb", "ResNet50 (ImageNet)", "G2: 41 of 138", "refitted", "whole-cohort run",
        "not a confidence interval",
    ):  # fmt: skip
        assert expected in note, expected


def test_tables_and_the_file_hold_the_same_numbers():
    patient, at = course(), [RiskAtWeek(12.0, RISK), RiskAtWeek(24.0, None, NoRisk.AFTER_EVENT)]
    visits = patient_tables.visits_table(patient, unit=TimeUnit.WEEKS)
    assert visits["Sum of target lesions (mm)"].tolist() == [50.0, 35.0, 50.0]
    assert visits["New lesions"].tolist() == ["", "", "N1"]
    lesions = patient_tables.lesions_table(patient, unit=TimeUnit.WEEKS)
    assert lesions["Week 24"].tolist() == [25.0, 25.0, 8.0]
    assert lesions["Kind"].tolist() == ["target", "target", "new"]
    assert patient_tables.labs_table(patient, unit=TimeUnit.WEEKS)["CgA (µg/L)"].tolist() == [50.0, 900.0, 2000.0]
    risks = patient_tables.risk_table(at, {12.0: 100}, unit=TimeUnit.WEEKS)
    assert risks["Range over splits"].tolist() == ["70–85 %", "–"]
    file = patient_tables.download_table(
        patient, at, model=MODEL, provenance=Provenance("s", "S", "a" * 32, simulated=True)
    )
    assert file["simulated_data"].all()
    assert set(file["patient_id"]) == {"P-1"}
    one = file[(file["kind"] == "risk") & (file["name"] == "percentile")]
    assert one["value"].tolist() == [77.4]
    assert file.loc[file["kind"] == "new lesion", "value"].tolist() == [8.0]


def test_the_panel_says_what_its_whiskers_are_above_all_that_is_drawn():
    figure = drawn(risk=VIEW)
    (key,) = [note for note in figure.layout.annotations if "whiskers: range over splits" in note.text]
    axis = figure.layout[f"yaxis{key.yref.split()[0].removeprefix('y')}"]
    free = (axis.range[1] - max(RISK.high, 1.7)) / (axis.range[1] - axis.range[0]) * RISK_PX
    assert free > KEY_PX + LINE_PX, "the key and the number over the whisker"
    nobody = drawn(risk=replace(VIEW, patient=()))
    assert not [note for note in nobody.layout.annotations if "whiskers" in note.text]
