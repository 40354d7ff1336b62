"""What the cohort page computes, cached by snapshot, cohort filter and choice. Nothing here reads session state."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from raise_core.domain.characteristics import BaselineTable, CohortComparison
from raise_core.domain.errors import UserFacingError
from raise_core.domain.marker_name import parse_marker
from raise_core.domain.marker_results import LevelDistribution, NumberDistribution, Trajectories
from raise_core.domain.participant_flow import ParticipantFlow
from raise_core.evaluation.arms import arms_of
from raise_core.evaluation.baseline_table import baseline_table, compare_cohorts, compare_groups, table_markers
from raise_core.evaluation.distribution import level_distribution, number_distribution
from raise_core.evaluation.flow import has_annotation, participant_flow, visit_counts
from raise_core.evaluation.marker_history import has_baseline, is_category, known_weeks, titled
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.trajectories import trajectories
from raise_core.figures.arm_marks import ArmMark, arm_marks
from raise_core.figures.table_export import Origin
from raise_core.store.home import Home
from raise_core.store.saved_cohorts import SavedCohort, saved_cohorts
from raise_core.ui import reading
from raise_core.ui.shell import PageContext

ANNOTATED, LEFT_OUT = "With readable annotations", "Left out"


@dataclass(frozen=True)
class Asked:
    """Which patients: the part of every cache key that the page gives."""

    home_path: str
    study_id: str
    snapshot_id: str
    filter_text: str

    def everybody(self) -> Asked:
        """The same study without a filter."""
        return replace(self, filter_text="")

    @classmethod
    def by(cls, page: PageContext) -> Asked:
        """The patients a page shows."""
        return cls(page.home_path, page.study.study_id, page.study.snapshot_id, page.cohort_filter.text)

    def source(self) -> MarkerSource:
        """Their cohort."""
        return reading.study_source(self.home_path, self.study_id, self.snapshot_id, self.filter_text)


def origin(page: PageContext, *, only: str = "") -> Origin:
    """What a table or figure of the page was made from.

    Args:
        page: where the page stands.
        only: which of the patients shown the table is about, with their number; empty for all of them.
    """
    study, patients = page.study, len(page.source().patient_ids)
    words = page.cohort_words
    if only:
        words = f"{words or f'All {patients} patients'}, of them {only}"
    return Origin(study.study_id, study.title, study.snapshot_id, words, study.simulated, patients)


def marks(page: PageContext) -> dict[str, ArmMark]:
    """The mark of each arm of the whole study, so that a filter changes no colour."""
    arms = arms_of(page.whole_source())
    return dict(arm_marks([*arms.names], reference=arms.reference))


def visit_weeks(page: PageContext) -> tuple[float, ...]:
    """Visit weeks of the whole study; week 0 for one seen once."""
    return tuple(float(week) for week in page.whole_source().visit_weeks) or (0.0,)


@st.cache_resource(max_entries=64, show_spinner="Counting patients …")
def flow(asked: Asked, weeks: tuple[float, ...], endpoint: str | None) -> ParticipantFlow:
    """The flow of participants."""
    return participant_flow(asked.source(), weeks, endpoint=endpoint)


@st.cache_resource(max_entries=64, show_spinner="Counting patients …")
def visits(asked: Asked, weeks: tuple[float, ...], endpoint: str | None, *, annotated_only: bool) -> ParticipantFlow:
    """The counts of Table 1."""
    return visit_counts(asked.source(), weeks, endpoint=endpoint, annotated_only=annotated_only)


@st.cache_resource(max_entries=64, show_spinner=False)
def annotated_patients(asked: Asked) -> int:
    """How many patients have a readable annotation."""
    return int(has_annotation(asked.source()).sum())


@st.cache_resource(max_entries=64, show_spinner="Describing the patients …")
def baseline(asked: Asked, markers: tuple[str, ...], *, annotated_only: bool) -> BaselineTable:
    """Characteristics by arm, of everybody or of those with readable annotations."""
    source = asked.source()
    return baseline_table(source, markers, among=has_annotation(source) if annotated_only else None)


@st.cache_resource(max_entries=64, show_spinner="Describing the patients …")
def annotated_or_not(asked: Asked, markers: tuple[str, ...]) -> BaselineTable:
    """Characteristics of those with readable annotations against those without."""
    source = asked.source()
    there = has_annotation(source)
    return compare_groups(source, {ANNOTATED: there, LEFT_OUT: ~there}, markers)


@st.cache_resource(max_entries=256, show_spinner=False)
def marker_weeks(asked: Asked, marker: str, weeks: tuple[float, ...]) -> tuple[float, ...]:
    """Weeks at which anybody has a value of a marker."""
    return known_weeks(asked.source(), parse_marker(marker), weeks)


@st.cache_resource(max_entries=128, show_spinner="Reading the marker …")
def distribution(asked: Asked, marker: str, week: float | None) -> NumberDistribution | LevelDistribution:
    """A marker by arm at a week, or a category by arm."""
    source, name = asked.source(), parse_marker(marker)
    if is_category(source, name):
        return level_distribution(source, name)
    return number_distribution(source, name, week)


@st.cache_resource(max_entries=64, show_spinner="Reading the marker …")
def course(asked: Asked, marker: str, weeks: tuple[float, ...]) -> Trajectories:
    """A marker over the visits."""
    return trajectories(asked.source(), parse_marker(marker), weeks)


@st.cache_data(max_entries=32, show_spinner=False)
def marker_labels(asked: Asked) -> dict[str, str]:
    """Every marker of the tables with its plain name and unit, in the order in which it is offered."""
    source = asked.source()
    return {marker.text: titled(source, marker) for marker in source.markers()}


@st.cache_data(max_entries=32, show_spinner=False)
def predictor_labels(asked: Asked) -> dict[str, str]:
    """Likewise, of the markers that can be used to predict."""
    source = asked.source()
    return {marker.text: titled(source, marker) for marker in source.predictors()}


@st.cache_data(max_entries=32, show_spinner=False)
def row_labels(asked: Asked) -> tuple[dict[str, str], tuple[str, ...]]:
    """What can be a row of Table 2, with its plain name and unit; and what is one unless asked otherwise."""
    source = asked.source()
    default = table_markers(source)
    known = [marker.text for marker in source.markers() if has_baseline(marker) and marker.key != "arm"]
    names = dict.fromkeys([*default, *known])
    return {name: titled(source, parse_marker(name)) for name in names}, default


def _which_patients(source: MarkerSource) -> tuple[str, str, str]:
    """What tells one cohort from another: a snapshot never changes, and the filter says who of it."""
    cohort = source.cohort
    return cohort.study.study_id, cohort.study.snapshot_id, cohort.chosen.text


@st.cache_resource(max_entries=32, show_spinner="Comparing the cohorts …", hash_funcs={MarkerSource: _which_patients})
def comparison(cohorts: dict[str, MarkerSource]) -> CohortComparison:
    """Cohorts side by side."""
    return compare_cohorts(cohorts)


def why_not(asked: Asked) -> str:
    """Why nobody can be shown for a filter: what it needs is not in the snapshot, or nobody meets it; else empty."""
    try:
        found = reading.filtered(asked.home_path, asked.study_id, asked.snapshot_id, asked.filter_text)
    except UserFacingError as error:
        return str(error)
    return "" if len(found.patient_ids) else "nobody meets it"


def kept_cohorts(page: PageContext) -> tuple[SavedCohort, ...]:
    """Saved cohorts of the study; read anew each time, since anybody may save one."""
    return saved_cohorts(Home.at(page.home_path), page.study.study_id)
