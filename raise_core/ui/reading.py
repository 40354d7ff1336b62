"""What pages read, cached by snapshot: an open study, its runs, evaluations. Nothing here reads session state."""

from __future__ import annotations

import streamlit as st

from raise_core.domain.cohort import Study
from raise_core.domain.results import CindexSettings
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.store.home import Home
from raise_core.studies.cindex import CindexResult, cindex_by_week, parse_models
from raise_core.studies.deep_predictions import DeepPredictions
from raise_core.studies.opening import default_home, open_study, studies
from raise_core.studies.overview import CohortOverview, cohort_overview
from raise_core.studies.runs import RunSummary, list_runs, load_predictions


def home() -> Home:
    """The home this dashboard serves."""
    return Home.at(default_home())


@st.cache_data(ttl=5, max_entries=4, show_spinner=False)
def known_studies(home_path: str) -> tuple[Study, ...]:
    """Studies of the home; looked up again after five seconds, so that a new import appears without a restart."""
    return studies(Home.at(home_path))


@st.cache_resource(max_entries=6, show_spinner="Opening the study …")
def study_source(home_path: str, study_id: str, snapshot_id: str) -> MarkerSource:
    """The cohort of one snapshot; shared between sessions and never changed."""
    return open_study(Home.at(home_path), study_id, snapshot_id)


@st.cache_resource(max_entries=16, show_spinner="Counting patients …")
def overview(home_path: str, study_id: str, snapshot_id: str) -> CohortOverview:
    """Counts and characteristics of one snapshot."""
    return cohort_overview(Home.at(home_path), study_id, snapshot_id)


@st.cache_data(ttl=5, max_entries=16, show_spinner=False)
def known_runs(home_path: str, snapshot_id: str) -> tuple[RunSummary, ...]:
    """Finished runs on a snapshot, newest first."""
    return list_runs(Home.at(home_path), snapshot_id)


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
    models: tuple[str, ...],
    weeks: tuple[float, ...],
    settings: CindexSettings,
    run_id: str | None,
) -> CindexResult:
    """C-index by week of `models`; every argument is part of the cache key."""
    source = study_source(home_path, study_id, snapshot_id)
    deep = predictions(home_path, run_id) if run_id is not None else None
    return cindex_by_week(source, parse_models(models), weeks, settings, deep=deep)
