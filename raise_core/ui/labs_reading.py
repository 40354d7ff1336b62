"""What the page on laboratory values reads: analyses that are kept. None of it reads session state."""

from __future__ import annotations

import streamlit as st

from raise_core.domain.importance_results import ImportanceReport
from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.store.home import Home
from raise_core.studies.lab_importance import has_importance, importance_weeks, kept_importance
from raise_core.ui.cohort_reading import Asked


@st.cache_data(max_entries=64, show_spinner="Counting patients …")
def weeks_offered(asked: Asked, endpoint: str, model: ImportanceModel) -> tuple[float, ...]:
    """Visits at which the values of some patients can be analysed."""
    return importance_weeks(asked.source(), endpoint, model=model)


def report(asked: Asked, settings: ImportanceSettings) -> ImportanceReport | None:
    """An analysis that is kept; None where it has to be computed first."""
    home = Home.at(asked.home_path)
    if not has_importance(home, asked.study_id, asked.snapshot_id, settings, filter_text=asked.filter_text):
        return None
    return _kept(asked, settings)


@st.cache_resource(max_entries=48, show_spinner="Reading the analysis …")
def _kept(asked: Asked, settings: ImportanceSettings) -> ImportanceReport | None:
    return kept_importance(
        Home.at(asked.home_path), asked.study_id, asked.snapshot_id, settings, filter_text=asked.filter_text
    )
