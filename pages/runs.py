"""Runs: start extraction and training, watch them, stop them, and compare what has been run."""

import streamlit as st

from raise_core.ui import prrt_start, run_request, runs_live, runs_prrt, runs_start, runs_view
from raise_core.ui.navigation import RUNS
from raise_core.ui.shell import open_page

page = open_page(RUNS, title="What is running, and what has been run?")
runs_live.live(page)
runs_view.last_ending(page)
run_request.answer()
st.subheader("Start a run", anchor=False)
protocol = run_request.protocol(page)
if protocol == run_request.PRRT:
    prrt_wish = prrt_start.form(page)
    start = st.container()
    runs_prrt.finished(page)
    runs_view.earlier_jobs(page)
    prrt_start.estimate_and_start(page, prrt_wish, place=start)
else:
    wish = runs_start.form(page)
    start = st.container()
    records = runs_view.finished(page)
    runs_view.side_by_side(page, records)
    runs_view.earlier_jobs(page)
    runs_start.estimate_and_start(page, wish, place=start)
