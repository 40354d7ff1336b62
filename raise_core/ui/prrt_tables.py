"""The PRRT page's tables and downloads."""

from __future__ import annotations

from functools import partial

import streamlit as st

from raise_core.domain.class_results import ClassReport, Measure
from raise_core.figures import prrt_tables
from raise_core.figures.table_export import CSV_MIME, frame_to_csv
from raise_core.ui import address
from raise_core.ui.plain_text import plain
from raise_core.ui.table_view import download_row, show_table

DOWNLOADS_KEY = "prrt_downloads"


def numbers(report: ClassReport) -> None:
    """Every score, every pair of models, who is counted; and all of it to take away."""
    scores, excluded = prrt_tables.scores_table(report), prrt_tables.excluded_table(report)
    show_table(scores)
    code = address.segmented(
        "Pairs compared by",
        {measure.value: measure.value.upper() for measure in Measure},
        key="measure",
        default=Measure.AUROC.value,
        help="Paired differences over the same folds.",
    )
    comparisons = prrt_tables.comparisons_table(report, Measure(code))
    if comparisons.rows:
        st.markdown(f"**{plain(comparisons.title)}**")
        show_table(comparisons)
    st.markdown(f"**{plain(excluded.title)}**")
    show_table(excluded)
    # A dozen buttons take the browser longer than the tables: they are made when somebody wants one.
    folded = st.expander("Downloads", icon=":material/download:", key=DOWNLOADS_KEY, on_change="rerun")
    if not folded.open:
        return
    with folded:
        for table, name in ((scores, "prrt-scores"), (comparisons, f"prrt-pairs-{code}"), (excluded, "prrt-counted")):
            st.markdown(f"**{plain(table.title)}**")
            download_row(table, name=name)
        _data(report)


def _data(report: ClassReport) -> None:
    badge = "simulated-" if report.provenance.simulated else ""
    st.markdown("**Data at full precision**")
    with st.container(horizontal=True):
        for label, name, frame, purpose in (
            ("Scores (CSV)", "prrt-scores-full", prrt_tables.scores_download(report), "Every estimate."),
            ("Scores by fold (CSV)", "prrt-folds", prrt_tables.folds_download(report), "Every repeat and fold."),
        ):
            st.download_button(
                label, partial(frame_to_csv, frame), file_name=f"{badge}{report.provenance.study_id}-{name}.csv",
                mime=CSV_MIME, help=purpose, on_click="ignore", icon=":material/download:", key=f"download_{name}",
            )  # fmt: skip
