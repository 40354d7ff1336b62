"""Asking for the maps of a finished run: the button, the work under way, and what to do where there is no run."""

from __future__ import annotations

from typing import Any

import streamlit as st

from raise_core.domain.errors import UserFacingError
from raise_core.jobs import attention_job, desk
from raise_core.store.home import Home
from raise_core.ui import navigation, runs_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.runs_live import live
from raise_core.ui.shell import PageContext

_ANSWER = "_attention_answer"


def explain_no_run(page: PageContext) -> None:
    """Neither kind of run is there: what to do."""
    st.info(
        "These data have no finished run, so there is no network to ask. Train the networks first: on the page Runs, "
        "or in a terminal. This page finds the run within seconds.",
        icon=":material/visibility_off:",
    )
    study = page.study.study_id
    with_pet = bool((page.whole_source().cohort.scans["modality"] == "PT").any())
    st.code(f"python -m raise_core run {'prrt' if with_pet else 'raise'} --study {study}", language="bash")
    navigation.link(navigation.RUNS, "Start a run")


def offer(page: PageContext, settings: dict[str, Any], *, label: str, why: str, key: str) -> None:
    """A button that starts the work, or the work while it goes on.

    Args:
        page: where the page stands.
        settings: of the work.
        label: on the button.
        why: what is missing and how long it takes, in a sentence.
        key: name of the button.
    """
    _say_answer()
    asked = (attention_job.NAME, page.study.study_id, settings)
    open_jobs = [job for job in runs_reading.jobs(page.home_path) if job.state.is_open]
    if any((job.kind, job.study_id, job.settings) == asked for job in open_jobs):
        st.info("The maps are being made; this page can be closed meanwhile.", icon=":material/hourglass_top:")
        live(page, kinds=(attention_job.NAME,))
        return
    st.info(why, icon=":material/visibility:")
    st.button(label, icon=":material/play_arrow:", type="primary", key=key, on_click=_ask, args=(page, settings))


def _ask(page: PageContext, settings: dict[str, Any]) -> None:
    try:
        found = desk.submit(
            Home.at(page.home_path),
            kind=attention_job.NAME,
            study_id=page.study.study_id,
            snapshot_id=page.study.snapshot_id,
            settings=settings,
            device="cpu",
            requested_by=page.user.name,
        )
    except UserFacingError as error:
        st.session_state[_ANSWER] = str(error)
        return
    runs_reading.forget()
    st.session_state[_ANSWER] = "" if found.job is not None else "The maps are there already; reload the page."


def _say_answer() -> None:
    said = st.session_state.pop(_ANSWER, "")
    if said:
        st.warning(plain(said), icon=":material/help:")
