"""What stands below the curves: one further view at a time, computed when it is chosen."""

from __future__ import annotations

from functools import partial

import plotly.graph_objects as go
import streamlit as st

from raise_core.domain.errors import UserFacingError
from raise_core.domain.survival_report import SurvivalReport
from raise_core.figures import survival_check_words, survival_tables
from raise_core.figures.survival_page import figure_page
from raise_core.figures.table_export import CSV_MIME, frame_to_csv
from raise_core.ui import (
    address,
    survival_accuracy,
    survival_checks,
    survival_cuts,
    survival_how,
    survival_reading,
    survival_what_if,
)
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_choice import View
from raise_core.ui.table_view import download_row, show_table

NUMBERS, WHAT_IF, CUTS, ACCURACY, SUBGROUPS = "numbers", "whatif", "cuts", "accuracy", "subgroups"
CHECKS, HOW = "checks", "how"
DOWNLOADS_KEY, FORMAT_KEY = "survival_downloads", "survival_picture"
PICTURE_FORMATS = ("PNG", "SVG")
_VIEWS = {
    NUMBERS: "Numbers",
    WHAT_IF: "What if we cut here?",
    CUTS: "Every cut",
    ACCURACY: "Accuracy",
    SUBGROUPS: "Subgroups",
    CHECKS: "Does it hold?",
    HOW: "How computed?",
}


def picture_format() -> str:
    """Format of the camera button above the figure."""
    return str(st.session_state.get(FORMAT_KEY, PICTURE_FORMATS[0])).lower()


def below(page: PageContext, view: View, report: SurvivalReport, chart: go.Figure | None) -> None:
    """The switch between further views, and the one chosen; `chart` is the figure that can be taken away."""
    offered = dict(_VIEWS)
    cut = view.single_cut
    if cut is None:
        del offered[CUTS]
    if not report.cuts:
        del offered[ACCURACY]
    if not report.cuts or report.question.columns or any(len(one.thresholds) > 1 for one in report.cuts):
        del offered[WHAT_IF]
    if len(report.parts) != 2:
        del offered[SUBGROUPS]
    chosen = address.segmented(
        "More about these groups",
        offered,
        key="more",
        default=NUMBERS,
        label_visibility="collapsed",
        help="Numbers and downloads; what acting on the threshold would mean; every other threshold; subgroups; "
        "whether the conclusion depends on the method or on who is counted; settings, query and code.",
    )
    shown = {
        WHAT_IF: survival_what_if.what_if,
        CUTS: survival_cuts.every_cut,
        ACCURACY: survival_accuracy.accuracy,
        SUBGROUPS: survival_checks.subgroups,
        CHECKS: survival_checks.checks,
        HOW: survival_how.how,
    }
    try:
        if chosen == NUMBERS:
            _numbers(page, view, report, chart)
        else:
            shown[chosen](page, view, report)
    except UserFacingError as error:
        st.info(str(error), icon=":material/help:")


def _numbers(page: PageContext, view: View, report: SurvivalReport, chart: go.Figure | None) -> None:
    tables = (
        (survival_tables.groups_table(report, unit=page.unit), "survival-groups"),
        (survival_tables.risk_table(report, unit=page.unit), "patients-at-risk"),
        (survival_tables.excluded_table(report), "who-is-counted"),
    )
    show_table(tables[0][0])
    mean = survival_check_words.mean_words(report, unit=page.unit)
    if mean:
        st.markdown(plain(mean))
    for table, _ in tables[1:]:
        show_table(table)
    # A dozen buttons take the browser longer than the curves: they are made when somebody wants one.
    folded = st.expander("Downloads", icon=":material/download:", key=DOWNLOADS_KEY, on_change="rerun")
    if not folded.open:
        return
    with folded:
        for table, name in tables:
            st.markdown(f"**{plain(table.title)}**")
            download_row(table, name=name)
        _data_downloads(page, view, report)
        if chart is not None:
            _picture_downloads(page, report, chart)


def _picture_downloads(page: PageContext, report: SurvivalReport, chart: go.Figure) -> None:
    st.markdown("**Figure**")
    badge = "simulated-" if report.provenance.simulated else ""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        st.segmented_control(
            "Camera button above the figure", PICTURE_FORMATS, default=PICTURE_FORMATS[0], key=FORMAT_KEY,
            help="PNG for slides, SVG for print.", required=True,
        )  # fmt: skip
        st.download_button(
            "Figure (web page)",
            partial(figure_page, chart, report, unit=page.unit),
            file_name=f"{badge}{page.study.study_id}-survival.html",
            mime="text/html",
            help="Opens in any browser without a connection; points can be read off.",
            on_click="ignore",
            icon=":material/download:",
            key="download_figure",
        )


def _data_downloads(page: PageContext, view: View, report: SurvivalReport) -> None:
    """The curves and the patients behind them at full precision."""
    material = survival_reading.material(view.key)
    badge = "simulated-" if report.provenance.simulated else ""
    st.markdown("**Data at full precision**")
    with st.container(horizontal=True):
        for label, name, frame, purpose in (
            ("Curves (CSV)", "curves", survival_tables.curves_download(report), "Every step at full precision."),
            (
                "Patients behind it (CSV)",
                "patients",
                survival_tables.with_origin(material.table(), report),
                "Groups and values, time and event of each.",
            ),
            (
                "Patients left out (CSV)",
                "left-out",
                survival_tables.with_origin(material.excluded_patients, report),
                "Each with the reason.",
            ),
        ):
            st.download_button(
                label, partial(frame_to_csv, frame), file_name=f"{badge}{page.study.study_id}-{name}.csv",
                mime=CSV_MIME, help=purpose, on_click="ignore", icon=":material/download:", key=f"download_{name}",
            )  # fmt: skip
