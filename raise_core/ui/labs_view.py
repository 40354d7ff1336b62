"""The views of the page on laboratory values: bars, hazard ratios, visits, tables; SHAP and what-if stand apart."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.importance_results import ImportanceReport
from raise_core.figures import importance_by_week, importance_tables, importance_words, lab_forest
from raise_core.figures.importance_bars import importance_figure
from raise_core.figures.table_export import CSV_MIME, frame_to_csv
from raise_core.ui import address, cohort_reading, labs_choice, labs_patients, labs_reading, labs_start, labs_what_if
from raise_core.ui.labs_choice import LabsChoice
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_bar import figure_bar
from raise_core.ui.table_view import download_row, show_table

View = Callable[[PageContext, LabsChoice, ImportanceReport], None]


def show(page: PageContext, choice: LabsChoice, report: ImportanceReport, *, place: DeltaGenerator) -> None:
    """The view that is asked for."""
    with place:
        _VIEWS[choice.view](page, choice, report)


def _bars(page: PageContext, choice: LabsChoice, report: ImportanceReport) -> None:  # noqa: ARG001 - shape of all views
    st.markdown(f"**{plain(importance_words.headline(report, unit=page.unit))}**")
    st.plotly_chart(
        importance_figure(report, theme=page.theme),
        theme=None,
        key="labs_bars",
        config=figure_bar(page, "lab-importance"),
        alt=importance_words.importance_alternative(report),
    )
    st.markdown(plain(importance_words.model_line(report)))
    st.caption(plain(importance_words.footnote(report, unit=page.unit)))


def _ratios(page: PageContext, choice: LabsChoice, report: ImportanceReport) -> None:  # noqa: ARG001 - as above
    st.markdown(f"**{plain(lab_forest.forest_words(report))}**")
    picture = st.container()
    doubling = (
        address.segmented(
            "Hazard ratio for", {"sd": "one standard deviation", "double": "twice the value"}, key="per", default="sd",
            help="Standard deviations make values comparable; a doubling is what a clinician sees in a report.",
        ) == "double"
    )  # fmt: skip
    picture.plotly_chart(
        lab_forest.lab_forest_figure(report, per_doubling=doubling, theme=page.theme),
        theme=None,
        key="labs_ratios",
        config=figure_bar(page, "lab-hazard-ratios"),
        alt=lab_forest.forest_alternative(report, per_doubling=doubling),
    )
    picture.caption(plain(lab_forest.forest_note(report, per_doubling=doubling)))


def _weeks(page: PageContext, choice: LabsChoice, report: ImportanceReport) -> None:
    found = [
        report if week == choice.settings.week else labs_reading.report(choice.asked, choice.settings.at_week(week))
        for week in choice.weeks
    ]
    reports = [one for one in found if one is not None]
    missing = [week for week, one in zip(choice.weeks, found, strict=True) if one is None]
    st.markdown(f"**{plain(importance_by_week.by_week_words(reports, unit=page.unit))}**")
    st.plotly_chart(
        importance_by_week.by_week_figure(reports, theme=page.theme, unit=page.unit),
        theme=None,
        key="labs_weeks",
        config=figure_bar(page, "lab-importance-by-visit"),
        alt=importance_by_week.by_week_words(reports, unit=page.unit),
    )
    st.caption(plain(importance_by_week.by_week_note(reports)))
    if missing:
        visits = "the other visit" if len(missing) == 1 else f"the other {len(missing)} visits"
        labs_start.start_button(page, choice, missing, label=f"Compute {visits}")


def _numbers(page: PageContext, choice: LabsChoice, report: ImportanceReport) -> None:  # noqa: ARG001 - as above
    st.markdown(f"**{plain(importance_words.headline(report, unit=page.unit))}**")
    table = importance_tables.importance_table(report, cohort_reading.origin(page), unit=page.unit)
    show_table(table)
    download_row(table, name="lab-importance")


_VIEWS: dict[str, View] = {
    labs_choice.BARS: _bars,
    labs_choice.RATIOS: _ratios,
    labs_choice.SHAP: labs_patients.shap,
    labs_choice.WEEKS: _weeks,
    labs_choice.WHAT_IF: labs_what_if.what_if_view,
    labs_choice.NUMBERS: _numbers,
}


def details(page: PageContext, report: ImportanceReport) -> None:
    """Who is counted, values that were not used, and the patients' numbers, folded away."""
    unused = [lab for lab in report.labs if not lab.used]
    with st.expander("Who is counted, and which values are not used", icon=":material/group:"):
        st.dataframe(importance_tables.excluded_table(report, unit=page.unit), hide_index=True)
        st.caption(f"They add up to the {report.n_study} patients shown.")
        for lab in unused:
            st.markdown(f"{plain(importance_words.lab_name(lab.lab))}: {plain(lab.reason)}.")
    badge = "simulated-" if report.provenance.simulated else ""
    with st.expander("Downloads", icon=":material/download:"):
        st.download_button(
            "Values, SHAP values and predictions of every patient (CSV)",
            lambda: frame_to_csv(importance_tables.explanations_frame(report)),
            file_name=f"{badge}{page.study.study_id}-lab-explanations.csv",
            mime=CSV_MIME,
            on_click="ignore",
            icon=":material/download:",
            key="labs_explanations",
            help="One line a patient, each by the model that was not trained on the patient.",
        )
