"""What stands below the curves: one further view at a time, computed when it is chosen."""

from __future__ import annotations

from functools import partial

import streamlit as st

from raise_core.domain.errors import UserFacingError
from raise_core.domain.survival_report import SurvivalReport
from raise_core.figures import survival_tables
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
DOWNLOADS_KEY = "survival_downloads"
_VIEWS = {
    NUMBERS: "Numbers",
    WHAT_IF: "What if we cut here?",
    CUTS: "Every cut",
    ACCURACY: "Accuracy",
    SUBGROUPS: "Subgroups",
    CHECKS: "Does it hold?",
    HOW: "How computed?",
}


def below(page: PageContext, view: View, report: SurvivalReport) -> None:
    """The switch between further views, and the one chosen."""
    offered = dict(_VIEWS)
    cut = view.single_cut
    if cut is None:
        del offered[CUTS]
    if not report.cuts:
        del offered[ACCURACY]
    if cut is None or len(report.parts) != 2:
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
        NUMBERS: _numbers,
        WHAT_IF: survival_what_if.what_if,
        CUTS: survival_cuts.every_cut,
        ACCURACY: survival_accuracy.accuracy,
        SUBGROUPS: survival_checks.subgroups,
        CHECKS: survival_checks.checks,
        HOW: survival_how.how,
    }[chosen]
    try:
        shown(page, view, report)
    except UserFacingError as error:
        st.info(str(error), icon=":material/help:")


def _numbers(page: PageContext, view: View, report: SurvivalReport) -> None:
    tables = (
        (survival_tables.groups_table(report, unit=page.unit), "survival-groups"),
        (survival_tables.risk_table(report, unit=page.unit), "patients-at-risk"),
        (survival_tables.excluded_table(report), "who-is-counted"),
    )
    for table, _ in tables:
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


def _data_downloads(page: PageContext, view: View, report: SurvivalReport) -> None:
    """The curves and the patients behind them at full precision."""
    material = survival_reading.material(view.key)
    badge = "simulated-" if report.provenance.simulated else ""
    st.markdown("**Data at full precision**")
    with st.container(horizontal=True):
        for label, name, frame, purpose in (
            ("Curves (CSV)", "curves", survival_tables.curves_download(report), "Every step at full precision."),
            ("Patients behind it (CSV)", "patients", material.table(), "Groups and values, time and event of each."),
            ("Patients left out (CSV)", "left-out", material.excluded_patients, "Each with the reason."),
        ):
            st.download_button(
                label, partial(frame_to_csv, frame), file_name=f"{badge}{page.study.study_id}-{name}.csv",
                mime=CSV_MIME, help=purpose, on_click="ignore", icon=":material/download:", key=f"download_{name}",
            )  # fmt: skip
