"""Any marker by arm on the cohort page: spread at a week, course over the visits, and the way to a patient."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from raise_core.domain.errors import UserFacingError
from raise_core.domain.marker_name import MarkerKind, parse_marker
from raise_core.domain.marker_results import LevelDistribution
from raise_core.figures import cohort_words
from raise_core.figures.distribution import level_figure, number_figure
from raise_core.figures.template import toolbar
from raise_core.figures.trajectories import trajectory_figure
from raise_core.ui import address, cohort_reading
from raise_core.ui.cohort_reading import Asked
from raise_core.ui.navigation import PATIENT
from raise_core.ui.navigation import go as open_page_of
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext

SPREAD, COURSE = "spread", "course"
PREFERRED = ("ratio:CGA", "lab:CGA", "sldr", "sld", "age")


def markers(page: PageContext) -> None:
    """A marker of the reader's choice."""
    asked = Asked.by(page)
    labels = cohort_reading.marker_labels(asked.everybody())
    if not labels:
        st.info("This study has no marker that differs between patients.", icon=":material/info:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        name = address.select(
            "Marker",
            labels,
            key="marker",
            default=next((name for name in PREFERRED if name in labels), next(iter(labels))),
            help="Characteristics, tumour size, laboratory values and what is computed from them.",
            width=420,
            label_visibility="collapsed",
        )
        marker = parse_marker(name)
        repeated = marker.kind is not MarkerKind.CHARACTERISTIC and marker.key != "tgr0"
        repeated = repeated and len(cohort_reading.visit_weeks(page)) > 1
        view = SPREAD
        if repeated:
            view = address.segmented(
                "Shown as",
                {SPREAD: "Spread at a visit", COURSE: "Course over the visits"},
                key="show",
                default=COURSE,
                help="All values at one visit, or medians and quartiles over all of them.",
                label_visibility="collapsed",
            )
    try:
        if view == COURSE:
            _course(page, asked, name)
        else:
            _spread(page, asked, name, dated=marker.kind is not MarkerKind.CHARACTERISTIC)
    except UserFacingError as error:
        st.info(plain(str(error)), icon=":material/info:")


def _spread(page: PageContext, asked: Asked, name: str, *, dated: bool) -> None:
    place = st.container()
    week: float | None = None
    if dated:
        weeks = cohort_reading.marker_weeks(asked.everybody(), name, cohort_reading.visit_weeks(page))
        options = {f"{week:g}": "baseline" if week == 0 else page.unit.visit(week) for week in weeks}
        if not options:
            place.info("Nobody has a value of this marker at a visit.", icon=":material/info:")
            return
        week = float(
            address.select(
                "Visit", options, key="week", default=next(iter(options)), help="Which visit's values.", width=220
            )
        )
    found = cohort_reading.distribution(asked, name, week)
    origin = cohort_reading.origin(page)
    if isinstance(found, LevelDistribution):
        place.markdown(f"**{plain(cohort_words.level_headline(found))}**")
        place.plotly_chart(
            level_figure(found, theme=page.theme), theme=None, key="marker_levels", config=_toolbar(page, name),
            alt=cohort_words.level_alternative(found),
        )  # fmt: skip
        place.caption(plain(cohort_words.level_footnote(found, origin)))
        return
    place.markdown(f"**{plain(cohort_words.distribution_headline(found, page.unit))}**")
    with place:
        _clickable(
            number_figure(found, marks=cohort_reading.marks(page), theme=page.theme),
            key="marker_spread", config=_toolbar(page, name),
            alt=cohort_words.distribution_alternative(found, page.unit),
        )  # fmt: skip
    place.caption(plain(cohort_words.distribution_footnote(found, origin, page.unit)))


def _course(page: PageContext, asked: Asked, name: str) -> None:
    place = st.container()
    individual = address.switch(
        "Individual patients",
        key="lines",
        default=False,
        help="Every patient's own line on the actual dates; click a point to open the patient.",
    )
    found = cohort_reading.course(asked, name, cohort_reading.visit_weeks(page))
    place.markdown(f"**{plain(cohort_words.trajectory_headline(found, page.unit))}**")
    figure = trajectory_figure(
        found, marks=cohort_reading.marks(page), individual=individual, theme=page.theme, unit=page.unit
    )
    with place:
        _clickable(
            figure, key=f"marker_course_{int(individual)}", config=_toolbar(page, name),
            alt=cohort_words.trajectory_alternative(found, page.unit),
        )  # fmt: skip
    note = cohort_words.trajectory_footnote(found, cohort_reading.origin(page), page.unit, individual=individual)
    place.caption(plain(note))


def _clickable(figure: go.Figure, *, key: str, config: dict[str, Any], alt: str) -> None:
    """The figure; a click on a patient's point opens the patient."""
    event = st.plotly_chart(
        figure, theme=None, key=key, config=config, alt=alt, on_select="rerun", selection_mode="points"
    )
    for point in event["selection"]["points"]:
        who = point.get("customdata")
        patient = who[0] if isinstance(who, list) and who else who
        if isinstance(patient, str) and patient:
            open_page_of(PATIENT, patient=patient)


def _toolbar(page: PageContext, name: str) -> dict[str, Any]:
    return toolbar(f"{page.study.study_id}-{name.replace(':', '-')}")
