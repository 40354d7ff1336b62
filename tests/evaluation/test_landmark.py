"""The landmark rule, sentence by sentence, on patients small enough to check by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.cohort import Cohort, Study
from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import parse_marker, parse_model
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.landmark import build_landmark_set
from raise_core.evaluation.marker_values import MarkerSource


def cohort(outcomes, *, labs=(), lesions=(), patients=None, reference_arm="Placebo") -> Cohort:
    """outcomes: {patient: (time, event)}; labs: (patient, week, test, value, upper); lesions: (patient, week, mm)."""
    ids = list(outcomes) if patients is None else list(patients["patient_id"])
    return Cohort(
        study=Study("s", "0" * 12, "S", True, reference_arm, "2026-01-01T00:00:00Z"),
        patients=pd.DataFrame({"patient_id": ids}) if patients is None else patients,
        outcomes=pd.DataFrame(
            [(p, "PFS", float(t), bool(e)) for p, (t, e) in outcomes.items()],
            columns=["patient_id", "endpoint", "time_weeks", "event"],
        ),
        labs=pd.DataFrame(labs, columns=["patient_id", "week", "test", "value", "upper_limit"]).assign(unit="U/L"),
        lesions=pd.DataFrame(lesions, columns=["patient_id", "week", "diameter_mm"]).assign(
            lesion_id="a", organ="liver", target=True, status="measured"
        ),
        scans=pd.DataFrame(columns=["scan_id"]),
        masks=pd.DataFrame(columns=["scan_id"]),
    )


def landmark(data: Cohort, model: str = "lab:X", week: float = 12, **settings):
    return build_landmark_set(MarkerSource(data), [parse_model(model)], LandmarkWeek(week, **settings))


def complete_labs(patients, week=12):
    return [(patient, week, "X", 1.0 + index, 2.0) for index, patient in enumerate(patients)]


def test_at_risk_means_the_outcome_lies_after_week_plus_tolerance_and_the_clock_starts_there():
    outcomes = {"at": (13.0, 1), "after": (13.1, 1), "before": (5, 1), "gone": (12.5, 0), "late": (60, 0)}
    found = landmark(cohort(outcomes, labs=complete_labs(outcomes)))
    assert found.patient_ids == ["after", "late"]
    np.testing.assert_allclose(found.outcome.time_weeks, [0.1, 47.0])
    assert found.outcome.event.tolist() == [True, False]
    assert dict(found.excluded) == {"event by week 13": 2, "censored by week 13": 1}


def test_an_event_found_at_the_weeks_own_scan_is_not_at_risk():
    outcomes = {"progressed at the visit": (12.3, 1), "stable": (24.2, 1)}
    assert landmark(cohort(outcomes, labs=complete_labs(outcomes))).patient_ids == ["stable"]


def test_excluded_and_kept_add_up_to_the_study():
    patients = pd.DataFrame({"patient_id": list("abcdef")})
    outcomes = {"a": (50, 1), "b": (50, 0), "c": (3, 1), "d": (3, 0), "e": (50, 1)}
    data = cohort(outcomes, labs=complete_labs("abcd"), patients=patients)
    found = landmark(data)
    assert found.n + sum(found.excluded.values()) == found.n_study == 6
    assert found.excluded["no PFS recorded"] == 1
    assert found.excluded["marker missing: lab:X"] == 1
    assert set(found.excluded_patients["patient_id"]) == {"c", "d", "e", "f"}


def test_the_set_is_complete_for_all_models_of_the_call():
    outcomes = {"both": (50, 1), "only lab": (50, 1), "only size": (50, 0)}
    data = cohort(
        outcomes,
        labs=complete_labs(["both", "only lab"]),
        lesions=[("both", 0, 10), ("both", 12, 12), ("only size", 0, 10), ("only size", 12, 9)],
    )
    models = [parse_model("lab:X"), parse_model("sldr")]
    found = build_landmark_set(MarkerSource(data), models, LandmarkWeek(12))
    assert found.patient_ids == ["both"]
    assert dict(found.excluded) == {"marker missing: lab:X": 1, "marker missing: sldr": 1}


def test_visits_used_are_reported_with_their_dates():
    outcomes = {"p": (50, 1), "q": (50, 0)}
    data = cohort(outcomes, labs=[("p", 11.6, "X", 3.0, 2.0), ("p", 12.9, "X", 4.0, 2.0), ("q", 6.5, "X", 1.0, 2.0)])
    table = landmark(data).table().set_index("patient_id")
    assert table.loc["p", "visit_week lab:X"] == 12.9
    assert table.loc["q", "visit_week lab:X"] == 6.5
    assert table.loc["p", "weeks_after_landmark"] == 37


def test_deep_markers_need_a_prediction_of_the_run():
    outcomes = {"imaged": (50, 1), "not imaged": (50, 1)}
    found = build_landmark_set(
        MarkerSource(cohort(outcomes)),
        [parse_model("dl:lesion-portal")],
        LandmarkWeek(12),
        imaged_patients={"lesion-portal": frozenset({"imaged"})},
    )
    assert found.patient_ids == ["imaged"]
    assert dict(found.excluded) == {"marker missing: annotated images": 1}


def test_a_regrown_lesion_is_not_read_from_the_visit_before():
    data = cohort(
        {"p": (50, 1), "q": (50, 0)},
        lesions=[("p", 0, 20), ("p", 6, 0), ("p", 12, 15), ("q", 0, 10), ("q", 12, 12)],
    )
    source = MarkerSource(data)
    nadir_ratio = source.at(parse_marker("sldn"), LandmarkWeek(12))
    assert math.isnan(nadir_ratio.by_patient.loc["p"].item()), "a zero nadir makes the ratio missing"
    assert source.at(parse_marker("sldr"), LandmarkWeek(12)).by_patient.loc["p"].item() == 0.75


def test_lab_markers_of_a_week_come_from_one_visit():
    labs = [("p", 0, "X", 10.0, 20.0), ("p", 8, "X", 40.0, 20.0), ("p", 12, "X", 0.0, np.nan),
            ("q", 0, "X", 10.0, 20.0), ("q", 12, "X", 20.0, 20.0), ("r", -6, "X", 10.0, 20.0), ("r", 0, "X", 0.0, 20.0),
            ("r", 12, "X", 20.0, 20.0)]  # fmt: skip
    source = MarkerSource(cohort({"p": (50, 1), "q": (50, 0), "r": (50, 0)}, labs=labs))
    values = {
        name: source.at(parse_marker(f"{name}:X"), LandmarkWeek(12)).by_patient.iloc[:, 0]
        for name in ("lab", "log", "dlog", "ratio")
    }
    assert values["lab"]["p"] == 0
    assert all(math.isnan(values[name]["p"]) for name in ("log", "dlog", "ratio"))
    assert values["dlog"]["q"] == pytest.approx(math.log(2))
    assert math.isnan(values["dlog"]["r"]), "the baseline is the value at week 0, which has no log"


def test_growth_before_baseline_needs_no_later_visit():
    lesions = [("p", -12, 10), ("p", 0, 12), ("q", -12, 10), ("q", 0, 10), ("q", 12, 10)]
    found = MarkerSource(cohort({"p": (50, 1), "q": (50, 0)}, lesions=lesions)).at(
        parse_marker("tgr0"), LandmarkWeek(12)
    )
    assert found.by_patient.loc["p"].item() > 0
    assert found.visit_week.to_dict() == {"p": 0, "q": 0}


class TestLabTransforms:
    data = cohort(
        {"p": (50, 1), "q": (50, 0)},
        labs=[("p", -1, "CGA", 100.0, 50.0), ("p", 12, "cga", 200.0, 50.0), ("q", 12, "CGA", 0.0, np.nan)],
    )

    @pytest.mark.parametrize(
        ("marker", "expected"),
        [("lab:CGA", 200), ("log:CGA", math.log(200)), ("dlog:CGA", math.log(2)), ("ratio:CGA", 4)],
    )
    def test_value(self, marker, expected):
        found = MarkerSource(self.data).at(parse_marker(marker), LandmarkWeek(12))
        assert found.by_patient.loc["p"].item() == pytest.approx(expected)

    @pytest.mark.parametrize(("marker", "missing"), [("lab:CGA", False), ("log:CGA", True), ("ratio:CGA", True)])
    def test_zero_has_no_log_and_no_limit_no_ratio(self, marker, missing):
        found = MarkerSource(self.data).at(parse_marker(marker), LandmarkWeek(12))
        assert math.isnan(found.by_patient.loc["q"].item()) is missing

    def test_change_needs_a_value_after_the_baseline(self):
        with pytest.raises(NotInStoreError, match="week 0"):
            MarkerSource(self.data).at(parse_marker("dlog:CGA"), LandmarkWeek(0))

    def test_unknown_test_names_those_there_are(self):
        with pytest.raises(NotInStoreError, match="it has CGA"):
            MarkerSource(self.data).at(parse_marker("lab:NETEST"), LandmarkWeek(12))


class TestCharacteristics:
    patients = pd.DataFrame(
        {
            "patient_id": ["p", "q", "r"],
            "arm": ["Lanreotide", "Placebo", "Lanreotide"],
            "age_years": [50.0, 60.0, np.nan],
            "origin": ["Pancreas", "Midgut", None],
            "progressed_at_baseline": [True, False, None],
            "netest_score": [20, 40, 60],
        }
    )
    source = MarkerSource(cohort({"p": (50, 1), "q": (40, 0), "r": (30, 1)}, patients=patients))

    def column(self, name):
        return self.source.at(parse_marker(name), LandmarkWeek(0)).by_patient

    def test_arm_is_read_against_the_reference_arm(self):
        assert self.column("arm").to_dict("list") == {"arm=Lanreotide": [1, 0, 1]}

    def test_other_categories_against_their_first_level_missing_stays_missing(self):
        origin = self.column("origin")
        assert list(origin.columns) == ["origin=Pancreas"]
        assert origin["origin=Pancreas"].tolist()[:2] == [1, 0]
        assert math.isnan(origin["origin=Pancreas"]["r"])

    def test_short_names(self):
        assert self.column("age")["age"].tolist()[:2] == [50, 60]

    def test_yes_and_no(self):
        assert self.column("progressed_at_baseline").iloc[:, 0].tolist()[:2] == [1, 0]

    def test_a_new_biomarker_column_is_a_marker_without_code(self):
        assert self.column("netest_score").iloc[:, 0].tolist() == [20, 40, 60]
        assert "netest_score" in [marker.text for marker in self.source.markers()]

    def test_the_one_score_where_higher_is_better_becomes_a_risk(self):
        patients = pd.DataFrame({"patient_id": ["p", "q"], "probability_long": [0.9, 0.2]})
        source = MarkerSource(cohort({"p": (50, 1), "q": (40, 0)}, patients=patients))
        found = source.at(parse_marker("probability_long"), LandmarkWeek(0)).by_patient
        assert found.iloc[:, 0].tolist() == pytest.approx([0.1, 0.8])
        assert "risk" in found.columns[0]

    def test_unknown_column_suggests_a_close_one(self):
        with pytest.raises(NotInStoreError, match="netest_score"):
            self.column("netest_scores")

    def test_free_text_is_refused(self):
        ids = [f"p{i}" for i in range(30)]
        data = cohort(dict.fromkeys(ids, (50, 1)), patients=pd.DataFrame({"patient_id": ids, "comment": ids}))
        with pytest.raises(BadUsageError, match="30 different values"):
            MarkerSource(data).at(parse_marker("comment"), LandmarkWeek(0))
        assert "comment" not in [marker.text for marker in MarkerSource(data).markers()]


def test_unknown_endpoint_names_those_there_are():
    data = cohort({"p": (50, 1)}, labs=complete_labs("p"))
    with pytest.raises(NotInStoreError, match="has PFS"):
        build_landmark_set(MarkerSource(data), [parse_model("lab:X")], LandmarkWeek(12), endpoint="OS")


def test_a_week_nobody_was_seen_at_is_not_in_the_store():
    with pytest.raises(NotInStoreError, match="week 90"):
        landmark(cohort({"p": (500, 1)}, labs=complete_labs("p")), week=90)


def test_indicator_levels_nobody_has_are_left_out_of_the_design():
    patients = pd.DataFrame({"patient_id": ["p", "q", "r"], "origin": ["A", "B", "C"]})
    data = cohort({"p": (50, 1), "q": (40, 0), "r": (3, 1)}, patients=patients)
    covariates, names = landmark(data, "origin").covariates(parse_model("origin"))
    assert names == ("origin=B",)
    assert covariates[:, 0].tolist() == [0, 1]


@given(
    st.lists(st.tuples(st.floats(0, 120), st.booleans(), st.booleans()), min_size=1, max_size=25),
    st.floats(0, 60),
)
def test_every_patient_is_counted_exactly_once(rows, week):
    outcomes = {f"p{i:02d}": (time, event) for i, (time, event, _) in enumerate(rows)}
    labs = [(f"p{i:02d}", week, "X", 1.0, 2.0) for i, (_, _, seen) in enumerate(rows) if seen]
    labs.append(("p00", week, "X", 1.0, 2.0))
    found = landmark(cohort(outcomes, labs=labs), week=week)
    assert found.n + sum(found.excluded.values()) == len(rows)
    assert set(found.patient_ids) | set(found.excluded_patients["patient_id"]) == set(outcomes)
    assert (found.outcome.time_weeks > 0).all()
