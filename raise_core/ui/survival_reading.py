"""What the survival page reads, cached by everything that determines it; thresholds are not part of it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from raise_core.domain.cut_results import TwoCutScan
from raise_core.domain.marker_name import MarkerKind, parse_marker
from raise_core.domain.results import CindexSettings
from raise_core.domain.survival_question import ByCut, SurvivalQuestion
from raise_core.evaluation.cut_points import CutScan
from raise_core.evaluation.marker_values import MOST_CATEGORIES, MarkerSource
from raise_core.evaluation.survival_groups import SurvivalMaterial
from raise_core.studies.patient import CohortRisks
from raise_core.studies.questions import offered_weeks
from raise_core.studies.survival import scan_of
from raise_core.studies.survival_material import survival_material
from raise_core.ui import reading

MOST_LEVELS = 8  # of a column whose curves can still be told apart


@dataclass(frozen=True)
class MaterialKey:
    """Everything that determines the patients and values of a survival figure, but no threshold.

    Attributes:
        home_path: home directory.
        study_id: study.
        snapshot_id: data snapshot.
        filter_text: cohort filter.
        question: with every cut at the median.
        facet: column of the panels; empty for none.
        settings: of the splits, where a model's held-out risk is cut.
        run_id: run whose networks the model uses.
    """

    home_path: str
    study_id: str
    snapshot_id: str
    filter_text: str
    question: SurvivalQuestion
    facet: str = ""
    settings: CindexSettings | None = None
    run_id: str | None = None


def without_thresholds(question: SurvivalQuestion) -> SurvivalQuestion:
    """The question with every cut at the median, so that a slider meets the same cache entry."""
    dividers = tuple(ByCut(one.model) if isinstance(one, ByCut) else one for one in question.dividers)
    return SurvivalQuestion(question.endpoint, dividers, question.week)


@st.cache_resource(max_entries=64, show_spinner="Collecting patients at risk …")
def material(key: MaterialKey) -> SurvivalMaterial:
    """Patients, times and values behind a figure."""
    source = reading.study_source(key.home_path, key.study_id, key.snapshot_id, key.filter_text)
    risks = {cut.model: held_out(key, cut.model) for cut in key.question.cuts if cut.is_risk}
    columns = (key.facet,) if key.facet else ()
    return survival_material(source, key.question, further_columns=columns, risks=risks)


def held_out(key: MaterialKey, model: str) -> CohortRisks:
    """Held-out risks of a model at the question's week."""
    return reading.cohort_risks_of(
        key.home_path,
        key.study_id,
        key.snapshot_id,
        filter_text=key.filter_text,
        model=model,
        weeks=(key.question.week.week if key.question.week is not None else 0.0,),
        settings=key.settings or CindexSettings(endpoint=key.question.endpoint),
        run_id=key.run_id,
    )


@st.cache_resource(max_entries=128, show_spinner="Trying every cut …")
def scan(key: MaterialKey, model: str) -> CutScan | None:
    """Every cut of a marker, tested once; None where none can be."""
    found = scan_of(material(key), model)
    return found if isinstance(found, CutScan) else None


@st.cache_resource(max_entries=32, show_spinner="Trying every pair of cuts …")
def pairs(key: MaterialKey, model: str) -> TwoCutScan | None:
    """Every pair of cuts of a marker; None where none can be tested."""
    found = scan_of(material(key), model, thresholds=2)
    return found if isinstance(found, TwoCutScan) else None


@st.cache_data(max_entries=32, show_spinner=False)
def comparable_columns(home_path: str, study_id: str, snapshot_id: str) -> tuple[str, ...]:
    """Columns of the whole study whose levels can be compared as curves, the arm first."""
    cohort = reading.whole_source(home_path, study_id, snapshot_id).cohort
    patients, left_out = cohort.patients, {"patient_id", *cohort.study.after_baseline}
    found = [
        str(column)
        for column in patients.columns
        if column not in left_out and 2 <= patients[column].nunique() <= min(MOST_LEVELS, MOST_CATEGORIES)
    ]
    return tuple(sorted(found, key=lambda column: column != "arm"))


@st.cache_data(max_entries=32, show_spinner=False)
def number_markers(home_path: str, study_id: str, snapshot_id: str) -> tuple[str, ...]:
    """Markers of the whole study that are numbers, sizes and CgA first."""
    source = reading.whole_source(home_path, study_id, snapshot_id)
    found = [marker.text for marker in source.predictors() if _is_number(source, marker.text)]
    first = [name for name in ("sldr", "sldn", "dlog:CGA", "ratio:CGA") if name in found]
    return tuple(dict.fromkeys([*first, *found]))


def _is_number(source: MarkerSource, text: str) -> bool:
    marker = parse_marker(text)
    if marker.kind is not MarkerKind.CHARACTERISTIC:
        return True
    column = source.cohort.patients[marker.key]
    return bool(column.dtype.kind in "if" and column.nunique() > 2)


@st.cache_data(max_entries=32, show_spinner=False)
def risk_models(home_path: str, study_id: str, snapshot_id: str, variants: tuple[str, ...]) -> tuple[str, ...]:
    """Models with a risk of their own: networks, and several markers joined; a single marker is cut as it is."""
    offered = reading.offered_models(home_path, study_id, snapshot_id, variants)
    return tuple(model for model in offered if ByCut(model).is_risk)


@st.cache_data(max_entries=64, show_spinner=False)
def weeks_ahead(home_path: str, study_id: str, snapshot_id: str, endpoint: str) -> tuple[float, ...]:
    """Visit weeks of the whole study with events ahead."""
    return offered_weeks(reading.whole_source(home_path, study_id, snapshot_id), endpoint)
