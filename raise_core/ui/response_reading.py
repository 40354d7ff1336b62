"""What the response page computes, cached by snapshot, cohort filter and settings. Nothing here reads session state."""

from __future__ import annotations

import streamlit as st

from raise_core.domain.response_results import CohortResponse, GrowthChange, Lane, ResponseSettings, VisitResponses
from raise_core.evaluation.growth_change import growth_change
from raise_core.evaluation.response import cohort_response, lanes, visit_responses
from raise_core.ui.cohort_reading import Asked


@st.cache_resource(max_entries=64, show_spinner="Reading the responses …")
def responses(asked: Asked, settings: ResponseSettings) -> CohortResponse:
    """Every patient's responses."""
    return cohort_response(asked.source(), settings)


@st.cache_resource(max_entries=64, show_spinner=False)
def at_visits(asked: Asked, settings: ResponseSettings, weeks: tuple[float, ...]) -> tuple[VisitResponses, ...]:
    """Responses at nominal weeks by arm."""
    return visit_responses(responses(asked, settings), weeks)


@st.cache_resource(max_entries=64, show_spinner=False)
def time_on_study(asked: Asked, settings: ResponseSettings, endpoint: str | None) -> tuple[Lane, ...]:
    """Every patient's time on study."""
    return lanes(asked.source(), responses(asked, settings), endpoint)


@st.cache_resource(max_entries=64, show_spinner="Reading the growth rates …")
def growth(asked: Asked, week: float) -> GrowthChange:
    """Growth rates before and during treatment."""
    return growth_change(asked.source(), week)
