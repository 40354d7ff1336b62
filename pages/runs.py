"""Runs: start image extraction and training, watch them, stop them, and compare what has been run."""

import streamlit as st

from raise_core.ui import runs_live, runs_start, runs_view
from raise_core.ui.navigation import RUNS
from raise_core.ui.shell import open_page

page = open_page(RUNS, title="What is running, and what has been run?")
runs_live.live(page)
runs_view.last_ending(page)
st.subheader("Start a run", anchor=False)
wish = runs_start.form(page)
start = st.container()
records = runs_view.finished(page)
runs_view.side_by_side(page, records)
runs_view.earlier_jobs(page)
runs_start.estimate_and_start(page, wish, place=start)
