"""The parts of the cohort page: which section, the flow of participants, Tables 1 and 2."""

from __future__ import annotations

import streamlit as st

from raise_core.figures import cohort_tables, cohort_words
from raise_core.figures.flow_diagram import MOST_WEEKS, flow_diagram
from raise_core.figures.identity import endpoint_name
from raise_core.figures.template import toolbar
from raise_core.studies.overview import main_endpoint
from raise_core.ui import address, cohort_reading
from raise_core.ui.cohort_reading import Asked
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.table_view import download_row, show_table

FLOW, VISITS, BASELINE, MARKERS, COMPARE = "flow", "visits", "baseline", "markers", "compare"
SECTIONS = {
    FLOW: "Who was counted",
    VISITS: "At each visit",
    BASELINE: "At baseline",
    MARKERS: "Markers",
    COMPARE: "Saved cohorts",
}
EVERY, ANNOTATED = "all", "annotated"
ARMS, IMAGES = "arms", "images"


def section() -> str:
    """Which part of the page is shown."""
    return address.segmented(
        "Section",
        SECTIONS,
        key="tab",
        default=FLOW,
        help="Flow of participants, counts at each visit, characteristics at baseline, any marker, saved cohorts.",
        label_visibility="collapsed",
    )


def flow(page: PageContext) -> None:
    """The flow of participants (Figure 1 of the RAISE paper) for the patients shown."""
    asked, place = Asked.by(page), st.container()
    endpoint = _choose_endpoint(page)
    weeks = _choose_weeks(page, asked, endpoint)
    found = cohort_reading.flow(asked, weeks, endpoint)
    origin = cohort_reading.origin(page)
    with place:
        st.markdown(f"**{plain(cohort_words.flow_headline(found, page.unit))}**")
        st.plotly_chart(
            flow_diagram(found, marks=cohort_reading.marks(page), theme=page.theme, unit=page.unit),
            theme=None,
            key="flow_figure",
            config=toolbar(f"flow-{page.study.study_id}"),
            alt=cohort_words.flow_alternative(found, page.unit),
        )
        st.caption(plain(cohort_words.flow_footnote(found, origin, page.unit)))
    table = cohort_tables.flow_table(found, origin, unit=page.unit)
    with st.expander("Every count by arm, and downloads", icon=":material/table:"):
        show_table(table)
        download_row(table, name="flow")


def visits(page: PageContext) -> None:
    """Table 1: at risk, used in imaging models, censored and events at each visit."""
    asked, place = Asked.by(page), st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        who = _choose_who(asked)
        endpoint = _choose_endpoint(page)
    weeks = cohort_reading.visit_weeks(page)
    found = cohort_reading.visits(asked, weeks, endpoint, annotated_only=who == ANNOTATED)
    step = found.steps[-1]
    only = f"{step.total} {step.title}" if who == ANNOTATED else ""
    table = cohort_tables.visit_table(found, cohort_reading.origin(page, only=only), unit=page.unit)
    with place:
        st.markdown(f"**{plain(cohort_words.visit_headline(found, page.unit))}**")
        show_table(table)
    download_row(table, name="visits")


def baseline(page: PageContext) -> None:
    """Table 2: characteristics by arm, or of those with images against those without."""
    asked, place = Asked.by(page), st.container()
    annotated, patients = cohort_reading.annotated_patients(asked), len(page.source().patient_ids)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        groups = ARMS
        if 0 < annotated < patients:
            groups = address.segmented(
                "Compare",
                {ARMS: "Arms", IMAGES: "Analysed and left out"},
                key="by",
                default=ARMS,
                help="Whether those with readable annotations differ from those who had to be left out is a check of "
                "every result on images.",
            )
        who = _choose_who(asked) if groups == ARMS else EVERY
    names = _choose_rows(page)
    if not names:
        place.info("Choose at least one row below.", icon=":material/touch_app:")
        return
    if groups == IMAGES:
        found = cohort_reading.annotated_or_not(asked, names)
    else:
        found = cohort_reading.baseline(asked, names, annotated_only=who == ANNOTATED)
    only = f"{found.n} with readable annotations" if who == ANNOTATED else ""
    table = cohort_tables.characteristics_table(
        found, cohort_reading.origin(page, only=only), randomised=groups == ARMS
    )
    with place:
        st.markdown(f"**{plain(cohort_words.baseline_headline(found))}**")
        show_table(table)
    download_row(table, name="baseline")


def _choose_endpoint(page: PageContext) -> str | None:
    """The outcome that says who is at risk; asked only where there are several."""
    source = page.whole_source()
    main = main_endpoint(source)
    endpoints = sorted(source.cohort.outcomes["endpoint"].unique())
    if main is None or len(endpoints) < 2:
        return main
    return address.select(
        "Outcome",
        {name: endpoint_name(name) for name in endpoints},
        key="endpoint",
        default=main,
        help="Whose events and censorings count.",
        width=320,
    )


def _choose_weeks(page: PageContext, asked: Asked, endpoint: str | None) -> tuple[float, ...]:
    """Visits side by side; asked only where there are more than fit."""
    every = cohort_reading.visit_weeks(page)
    whole = cohort_reading.flow(asked, every, endpoint)
    seen = [visit.week for visit in whole.visits if visit.at_risk is None or any(visit.at_risk)] or [every[0]]
    if len(every) <= MOST_WEEKS:
        return tuple(seen)
    options = {f"{week:g}": page.unit.visit(week) for week in every}
    picked = address.multiselect(
        "Visits",
        options,
        key="weeks",
        default=[f"{week:g}" for week in seen[:MOST_WEEKS]],
        max_selections=MOST_WEEKS,
        help=f"At most {MOST_WEEKS} fit side by side; the table below has those chosen too.",
    )
    return tuple(sorted(float(week) for week in picked)) or tuple(seen[:1])


def _choose_who(asked: Asked) -> str:
    """Everybody shown, or as in the paper those with readable annotations; asked only where that differs."""
    annotated = cohort_reading.annotated_patients(asked)
    if not annotated:
        return EVERY
    return address.segmented(
        "Patients",
        {ANNOTATED: f"With readable annotations ({annotated})", EVERY: "All patients shown"},
        key="who",
        default=ANNOTATED,
        help="The RAISE paper describes the patients whose liver lesions could be annotated on CT.",
    )


def _choose_rows(page: PageContext) -> tuple[str, ...]:
    """Rows of Table 2: characteristics, and any marker that has a value at baseline."""
    labels, default = cohort_reading.row_labels(Asked.by(page).everybody())
    return address.multiselect(
        "Rows",
        labels,
        key="rows",
        default=default,
        help="Characteristics, and sizes and laboratory values at baseline.",
    )
