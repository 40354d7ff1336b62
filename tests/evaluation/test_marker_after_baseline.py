"""Characteristics known only after baseline: described everywhere, refused wherever they would predict or divide."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from raise_core.domain.cohort import Study
from raise_core.domain.cohort_filter import parse_filter
from raise_core.domain.errors import BadUsageError
from raise_core.domain.marker_name import parse_marker, parse_model
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.baseline_table import baseline_table
from raise_core.evaluation.cohort_filter import matching
from raise_core.evaluation.landmark import build_landmark_set
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.overview import characteristics, completeness
from raise_core.studies.individual import default_markers
from raise_core.studies.patient import model_choices
from raise_core.studies.survival_material import column_levels
from tests.evaluation.small_cohort import STUDY, make_cohort

REFUSAL = "PRRT cycles is known only after baseline: it can be described, not used to predict"


@pytest.fixture
def source() -> MarkerSource:
    patients = pd.DataFrame(
        {
            "patient_id": [f"{number:02d}" for number in range(12)],
            "age_years": [float(50 + number) for number in range(12)],
            "prrt_cycles": [1, 2, 3, 4] * 3,
        }
    )
    study = replace(STUDY, reference_arm=None, after_baseline=("prrt_cycles",))
    outcomes = [(who, 9 + number, True) for number, who in enumerate(patients["patient_id"])]
    return MarkerSource(
        make_cohort(
            patients, outcomes=outcomes, labs=[(who, 0, "CGA", 90, 100) for who in patients["patient_id"]], study=study
        )
    )


def test_a_study_names_none_unless_told():
    assert Study("s", "0" * 32, "S", True, None, "2026-01-01T00:00:00Z").after_baseline == ()


def test_it_is_listed_to_describe_and_not_to_predict(source):
    assert [marker.text for marker in source.markers()][:2] == ["age", "prrt_cycles"]
    for offered in (
        [marker.text for marker in source.predictors()],
        completeness(source, [0.0], endpoint="PFS"),
        default_markers(source),
        model_choices(source),
    ):
        assert "prrt_cycles" not in offered
        assert len(offered) > 0


def test_it_is_described_with_a_word_of_warning(source):
    labels = {row.marker: row.label for row in baseline_table(source).rows}
    assert labels["age"] == "Age (years)"
    assert labels["prrt_cycles"] == "PRRT cycles (known only after baseline)"
    assert "PRRT cycles (known only after baseline)" in {row.label for row in characteristics(source)}
    source.require(parse_marker("prrt_cycles"))


def test_it_is_refused_where_it_would_predict_or_divide(source):
    marker = parse_marker("prrt_cycles")
    with pytest.raises(BadUsageError, match=REFUSAL):
        source.require_predictor(marker)
    with pytest.raises(BadUsageError, match=REFUSAL):
        source.at(marker, LandmarkWeek(0.0))
    with pytest.raises(BadUsageError, match=REFUSAL):
        build_landmark_set(source, [parse_model("age+prrt_cycles")], LandmarkWeek(0.0))
    with pytest.raises(BadUsageError, match=REFUSAL):
        column_levels(source, "prrt_cycles")
    with pytest.raises(BadUsageError, match=REFUSAL):
        matching(source, parse_filter("prrt_cycles>=3"))


def test_others_are_as_before(source):
    source.require_predictor(parse_marker("age"))
    assert build_landmark_set(source, [parse_model("age")], LandmarkWeek(0.0)).n == 12
    assert len(matching(source, parse_filter("age>=55")).patient_ids) == 7
