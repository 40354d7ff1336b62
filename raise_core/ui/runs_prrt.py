"""Finished PRRT runs of the study, newest first."""

from __future__ import annotations

import streamlit as st

from raise_core.figures.table_export import CSV_MIME
from raise_core.ui import navigation, runs_reading, runs_tables
from raise_core.ui.navigation import PRRT
from raise_core.ui.runs_tables import ID_LETTERS
from raise_core.ui.shell import PageContext


def finished(page: PageContext) -> None:
    """Every finished run, with where its time went."""
    st.subheader("What has been run", anchor=False)
    records = runs_reading.prrt_records(page.home_path, page.study.study_id)
    if not records:
        st.markdown("No PRRT run on this study is finished yet. Choose models above, and press Start.")
        return
    table = runs_tables.prrt_runs_table(records, snapshot_id=page.study.snapshot_id)
    st.dataframe(table, hide_index=True)
    badge = "simulated-" if page.study.simulated else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "CSV",
            runs_tables.as_csv(runs_tables.prrt_runs_download(records, page.study, table)),
            file_name=f"{badge}{page.study.study_id}-prrt-runs.csv",
            mime=CSV_MIME,
            help="This table for a spreadsheet or a program; every line names its study and snapshot.",
            on_click="ignore",
            icon=":material/download:",
            key="download_prrt_runs",
        )
        newest = next((record for record in records if record.snapshot_id == page.study.snapshot_id), None)
        if newest is not None:
            navigation.link(PRRT, "What the newest says", run=newest.run_id[:ID_LETTERS])
    st.caption("Scans, features and networks kept from earlier runs are reused. Time is that of the last attempt.")
