"""Work under way: step, speed, time left, memory, the end of the log; and the button that stops it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import streamlit as st

from raise_core.domain.errors import UserFacingError
from raise_core.domain.job import Job, JobState
from raise_core.figures import durations, job_words, numbers
from raise_core.jobs import desk, log
from raise_core.jobs.estimate import remaining_in_stage
from raise_core.jobs.kinds import description_of, label_of
from raise_core.store.home import Home
from raise_core.store.ledger import seconds_since
from raise_core.ui import runs_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext

SILENCE_SECONDS = 15.0
SECONDS_TO_WONDER = 30.0
NON_BREAKING_HYPHEN = "\N{NON-BREAKING HYPHEN}"
_SEEN = "_jobs_seen"


@st.fragment(run_every=runs_reading.POLL_SECONDS)
def live(page: PageContext, *, kinds: Collection[str] | None = None) -> None:
    """What goes on in a sentence, and everything that runs or waits, drawn anew each second without the rest.

    Args:
        page: where the page stands.
        kinds: only these kinds of work; None for all.
    """
    found = runs_reading.jobs(page.home_path)
    _redraw_page_when_something_ended(found)
    shown = [job for job in found if job.state.is_open and (kinds is None or job.kind in kinds)]
    waiting = [job.job_id for job in found if job.state is JobState.QUEUED]
    if kinds is None:
        st.markdown(f"**{_headline(page, found)}**")
    for job in shown:
        with st.container(border=True):
            _head(page, job, place=waiting.index(job.job_id) + 1 if job.job_id in waiting else 0)
            if job.state in (JobState.RUNNING, JobState.CANCELLING):
                _progress(page, job)


def _headline(page: PageContext, found: tuple[Job, ...]) -> str:
    running = [job for job in found if job.state in (JobState.RUNNING, JobState.CANCELLING)]
    waiting = sum(job.state in (JobState.QUEUED, JobState.INTERRUPTED) for job in found)
    finished = len(runs_reading.records(page.home_path, page.study.study_id)) + len(
        runs_reading.prrt_records(page.home_path, page.study.study_id)
    )
    now = "Nothing is running" if not running else f"Under way: {_briefly(running[0])}"
    if waiting:
        now += f", {waiting} {'waits' if waiting == 1 else 'wait'}"
    runs = "no run is" if not finished else "1 run is" if finished == 1 else f"{finished} runs are"
    return f"{now}; {runs} finished on this study."


def _briefly(job: Job) -> str:
    """'extracting image features (42 %)'."""
    stage = job.stage or "starting"
    share = f" ({numbers.percent(job.done / job.total)})" if job.total else ""
    return f"{stage[0].lower()}{stage[1:]}{share}"


def _redraw_page_when_something_ended(found: tuple[Job, ...]) -> None:
    """Tables and estimates below depend on what is finished; they are drawn again when that changes."""
    now = [job.job_id for job in found if not job.state.is_open]
    before = st.session_state.get(_SEEN)
    st.session_state[_SEEN] = now
    if before is not None and now != before:
        runs_reading.forget()
        st.rerun(scope="app")


def _head(page: PageContext, job: Job, *, place: int) -> None:
    words, button = st.columns([5, 1], vertical_alignment="center")
    state = f"waiting, number {place} of the queue" if place else job_words.STATES[job.state]
    study = f" of {plain(job.study_id)}" if job.study_id else ""
    words.markdown(f"**{label_of(job)}**{study} · {state}")
    when = durations.moment(job.created_at).replace("-", NON_BREAKING_HYPHEN)
    asked = f"started by {plain(job.requested_by or 'somebody')} at {when} UTC"
    words.caption(f"{description_of(job, unit=page.unit)} · {asked} · job {job.job_id}")
    nobody = place == 1 and not any(other.worker for other in runs_reading.jobs(page.home_path) if other.state.is_open)
    if nobody and seconds_since(job.created_at) > SECONDS_TO_WONDER:
        words.caption(
            f":material/warning: Nobody has taken it yet; {log.FOLDER}/{log.WORKER_LOG} in {plain(page.home_path)} may "
            "say why."
        )
    if job.message and place:
        words.caption(f":material/restart_alt: {plain(job.message)} It goes on with what was finished.")
    button.button(
        "Stopping …" if job.state is JobState.CANCELLING else "Cancel",
        key=f"cancel_{job.job_id}",
        icon=":material/stop_circle:",
        width="stretch",
        disabled=job.state is JobState.CANCELLING,
        help="Stops within two seconds. What is finished is kept and used again.",
        on_click=_cancel,
        args=(page.home_path, job.job_id),
    )


def _cancel(home_path: str, job_id: str) -> None:
    try:
        desk.cancel(Home.at(home_path), job_id)
    except UserFacingError as error:
        st.toast(str(error), icon=":material/error:")
    runs_reading.jobs.clear()


def _progress(page: PageContext, job: Job) -> None:
    share = job.done / job.total if job.total else 0.0
    st.progress(min(share, 1.0), text=f"{job.stage or 'Starting'}{job_words.counted(job)}")
    facts = [
        ("Speed", job_words.speed(job)),
        ("Left in this step", _left(job)),
        ("Steps after it", _after(page, job)),
        ("Computing on", job.device or durations.MISSING),
        ("Memory (peak)", job_words.memory(job)),
    ]
    for column, (label, value) in zip(st.columns(len(facts)), facts, strict=True):
        column.markdown(f"{label}  \n**{plain(value)}**")
    silent = seconds_since(job.heartbeat_at)
    if silent > SILENCE_SECONDS:
        st.caption(f":material/warning: No sign of life for {durations.duration(silent)}.")
    with st.expander("Log", icon=":material/subject:"):
        lines = log.tail(Home.at(page.home_path), job)
        st.code("\n".join(lines) or "Nothing has been written yet.", language=None, wrap_lines=True)


def _left(job: Job) -> str:
    span = remaining_in_stage(job)
    if span is not None:
        return durations.duration_range(span.low, span.high)
    return job_words.MEASURING if job.total else durations.MISSING


def _after(page: PageContext, job: Job) -> str:
    """Time of the steps that follow, asked once a step: the job without what changes each second is the cache's key."""
    steady = replace(
        job, done=0, total=0, rate=None, rate_spread=None, heartbeat_at=None, memory_bytes=None,
        peak_memory_bytes=None, gpu_memory_bytes=None,
    )  # fmt: skip
    span = runs_reading.left_after_stage(page.home_path, steady)
    if span is None:
        return "not known yet"
    return "none" if span.high == 0 else durations.duration_range(span.low, span.high)
