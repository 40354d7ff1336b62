"""Which run the attention page is about: PET and CT networks before lesion pictures, unless the reader chooses."""

from __future__ import annotations

import streamlit as st

from raise_core.domain.errors import UserFacingError
from raise_core.figures import durations
from raise_core.ui import address, prrt_reading, reading
from raise_core.ui.attention_lesions import lesion_attention
from raise_core.ui.attention_start import explain_no_run
from raise_core.ui.attention_view import prrt_attention
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import SNAPSHOT_LETTERS, PageContext


def attention(page: PageContext) -> None:
    """The page of the newest run, or of the one the address names."""
    volumes = prrt_reading.known_prrt_runs(page.home_path, page.study.snapshot_id)
    crops = reading.known_runs(page.home_path, page.study.snapshot_id)
    if not volumes and not crops:
        explain_no_run(page)
        return
    named = {run.run_id[:SNAPSHOT_LETTERS]: f"PET and CT · {durations.moment(run.finished_at)}" for run in volumes} | {
        run.run_id[:SNAPSHOT_LETTERS]: f"Lesion pictures · {durations.moment(run.finished_at)}" for run in crops
    }
    newest = next(iter(named))
    if len(named) > 1:
        with st.sidebar:
            code = address.select(
                "Run", named, key="run", default=newest, help="Whose networks are asked; times are UTC."
            )
    else:
        code = address.value("run", default=newest, valid=named.__contains__, what="run")
        code = code if code in named else newest
    address.pin("run", code)
    try:
        for summary in volumes:
            if summary.run_id.startswith(code):
                prrt_attention(page, prrt_reading.run(page.home_path, summary.run_id))
                return
        lesion_attention(page, next(run for run in crops if run.run_id.startswith(code)))
    except UserFacingError as error:
        st.warning(plain(str(error)), icon=":material/help:")
