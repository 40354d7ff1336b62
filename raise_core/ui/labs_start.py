"""Computing an analysis of laboratory values in the background, and what stands on the page meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.errors import UserFacingError
from raise_core.domain.importance_results import ImportanceReport
from raise_core.domain.importance_settings import ImportanceModel
from raise_core.figures.importance_words import model_in_sentence, when
from raise_core.jobs import desk, importance_job
from raise_core.store.home import Home
from raise_core.ui import labs_reading, runs_live, runs_reading
from raise_core.ui.labs_choice import LabsChoice
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext

_SAID = "_labs_said"


def found_or_start(page: PageContext, choice: LabsChoice | None, *, place: DeltaGenerator) -> ImportanceReport | None:
    """The analysis where it is kept; else what it is, a button that computes it, and its progress."""
    if choice is None:
        return None
    report = labs_reading.report(choice.asked, choice.settings)
    if report is not None:
        return report
    with place:
        model, settings = model_in_sentence(choice.settings.model), choice.settings
        st.markdown(
            f"**Not computed yet for the values {when(settings.week, page.unit)} with the model “{model}”.** It fits "
            f"{settings.folds * settings.repeats} models, each on four fifths of the patients, and shuffles every "
            f"laboratory value among the others; {_duration(choice)}. Every view of this page is made from it, and it "
            "is kept."
        )
        start_button(page, choice, (settings.week,), label="Compute")
    return None


def _duration(choice: LabsChoice) -> str:
    quick = choice.settings.model is ImportanceModel.COX
    return "that takes some seconds" if quick else "that usually takes less than a minute"


def start_button(page: PageContext, choice: LabsChoice, weeks: Sequence[float], *, label: str) -> None:
    """A button that asks for the analysis of some visits, and the work under way."""
    wanted = importance_job.order_settings(choice.settings, weeks, filter_text=choice.asked.filter_text)
    open_jobs = [
        job for job in runs_reading.jobs(page.home_path)
        if job.state.is_open and job.kind == importance_job.NAME and job.study_id == page.study.study_id
    ]  # fmt: skip
    st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        key="labs_compute",
        disabled=any(job.settings == wanted for job in open_jobs),
        on_click=_submit,
        args=(page, wanted),
    )
    said = st.session_state.pop(_SAID, None)
    if said is not None:
        st.warning(plain(said), icon=":material/help:")
    if open_jobs:
        runs_live.live(page, kinds=(importance_job.NAME,))


def _submit(page: PageContext, wanted: dict[str, object]) -> None:
    try:
        desk.submit(
            Home.at(page.home_path),
            kind=importance_job.NAME,
            study_id=page.study.study_id,
            snapshot_id=page.study.snapshot_id,
            settings=wanted,
            device="cpu",
            requested_by=page.user.name,
        )
    except UserFacingError as error:
        st.session_state[_SAID] = str(error)
    runs_reading.forget()
