"""What pages read, cached by snapshot and cohort filter: studies, runs, evaluations. None reads session state."""

from __future__ import annotations

import streamlit as st

from raise_core.domain.cohort import Study
from raise_core.domain.cohort_filter import parse_filter
from raise_core.domain.results import CindexSettings
from raise_core.evaluation.cohort_counts import CohortCounts, count_cohort
from raise_core.evaluation.cohort_filter import FilteredPatients, matching, restrict
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.store.home import Home
from raise_core.store.saved_views import SavedView, named_views
from raise_core.studies.cindex import CindexResult, cindex_by_week, parse_models
from raise_core.studies.deep_predictions import DeepPredictions
from raise_core.studies.opening import default_home, open_study, snapshots, studies
from raise_core.studies.patient import CohortRisks, cohort_risks, model_choices
from raise_core.studies.runs import RunSummary, list_runs, load_predictions


def home() -> Home:
    """The home this dashboard serves."""
    return Home.at(default_home())


@st.cache_data(ttl=5, max_entries=4, show_spinner=False)
def known_studies(home_path: str) -> tuple[Study, ...]:
    """Studies of the home; looked up again after five seconds, so that a new import appears without a restart."""
    return studies(Home.at(home_path))


@st.cache_data(ttl=5, max_entries=16, show_spinner=False)
def known_snapshots(home_path: str, study_id: str) -> tuple[Study, ...]:
    """Every snapshot of a study, newest first."""
    return snapshots(Home.at(home_path), study_id)


@st.cache_resource(max_entries=24, show_spinner="Opening the study …")
def whole_source(home_path: str, study_id: str, snapshot_id: str) -> MarkerSource:
    """Every patient of one snapshot; shared between sessions and never changed."""
    return open_study(Home.at(home_path), study_id, snapshot_id)


@st.cache_resource(max_entries=24, show_spinner="Opening the study …")
def study_source(home_path: str, study_id: str, snapshot_id: str, filter_text: str) -> MarkerSource:
    """The patients of one snapshot who meet the cohort filter; shared between sessions and never changed."""
    whole = whole_source(home_path, study_id, snapshot_id)
    if not filter_text:
        return whole
    kept = filtered(home_path, study_id, snapshot_id, filter_text)
    return MarkerSource(restrict(whole.cohort, kept.patient_ids, chosen=parse_filter(filter_text)))


@st.cache_resource(max_entries=256, show_spinner=False)
def filtered(home_path: str, study_id: str, snapshot_id: str, filter_text: str) -> FilteredPatients:
    """Who meets a cohort filter, counted condition by condition."""
    return matching(whole_source(home_path, study_id, snapshot_id), parse_filter(filter_text))


@st.cache_resource(max_entries=64, show_spinner="Counting patients …")
def counts(home_path: str, study_id: str, snapshot_id: str, filter_text: str) -> CohortCounts:
    """Headline numbers of the patients who meet the cohort filter."""
    return count_cohort(study_source(home_path, study_id, snapshot_id, filter_text).cohort)


@st.cache_data(ttl=5, max_entries=16, show_spinner=False)
def known_runs(home_path: str, snapshot_id: str) -> tuple[RunSummary, ...]:
    """Finished runs on a snapshot, newest first."""
    return list_runs(Home.at(home_path), snapshot_id)


@st.cache_data(ttl=5, max_entries=4, show_spinner=False)
def saved_views(home_path: str) -> tuple[SavedView, ...]:
    """Named views, newest first; looked up again after five seconds."""
    return named_views(Home.at(home_path))


@st.cache_resource(max_entries=4, show_spinner="Reading the run's predictions …")
def predictions(home_path: str, run_id: str) -> DeepPredictions:
    """Network outputs of one run."""
    return load_predictions(Home.at(home_path), run_id)


@st.cache_resource(max_entries=128, show_spinner="Fitting and scoring the models …")
def evaluation(
    *,
    home_path: str,
    study_id: str,
    snapshot_id: str,
    filter_text: str,
    models: tuple[str, ...],
    weeks: tuple[float, ...],
    settings: CindexSettings,
    run_id: str | None,
) -> CindexResult:
    """C-index by week of `models`; every argument is part of the cache key."""
    source = study_source(home_path, study_id, snapshot_id, filter_text)
    deep = predictions(home_path, run_id) if run_id is not None else None
    return cindex_by_week(source, parse_models(models), weeks, settings, deep=deep)


@st.cache_resource(max_entries=64, show_spinner="Fitting the model in every split …")
def cohort_risks_of(
    home_path: str,
    study_id: str,
    snapshot_id: str,
    *,
    filter_text: str,
    model: str,
    weeks: tuple[float, ...],
    settings: CindexSettings,
    run_id: str | None,
) -> CohortRisks:
    """Out-of-sample risks of a cohort; every argument is part of the cache key."""
    source = study_source(home_path, study_id, snapshot_id, filter_text)
    deep = predictions(home_path, run_id) if run_id is not None else None
    return cohort_risks(source, model, weeks=weeks, settings=settings, deep=deep)


@st.cache_data(max_entries=32, show_spinner=False)
def offered_models(home_path: str, study_id: str, snapshot_id: str, variants: tuple[str, ...]) -> tuple[str, ...]:
    """Models whose risk can be shown, of the whole study."""
    return model_choices(whole_source(home_path, study_id, snapshot_id), variants)
