"""The parts of the page on runs besides its form: what goes on, what is finished, two runs side by side."""

from __future__ import annotations

import streamlit as st

from raise_core.domain.errors import UserFacingError
from raise_core.domain.job import Job, JobState
from raise_core.figures import durations, job_words, numbers
from raise_core.figures.identity import model_name
from raise_core.figures.table_export import CSV_MIME
from raise_core.jobs import log
from raise_core.jobs.kinds import label_of
from raise_core.store.home import Home
from raise_core.studies.run_record import RunRecord
from raise_core.ui import address, navigation, reading, runs_reading, runs_start, runs_tables
from raise_core.ui.navigation import CINDEX, RUNS
from raise_core.ui.plain_text import plain
from raise_core.ui.runs_tables import ID_LETTERS
from raise_core.ui.shell import PageContext


def last_ending(page: PageContext) -> None:
    """How the last job ended, if not well, where it cannot be overlooked."""
    ended = [job for job in runs_reading.jobs(page.home_path) if not job.state.is_open]
    if ended and ended[0].state is JobState.FAILED:
        job = ended[0]
        st.error(
            f"{label_of(job)} (job {job.job_id}) failed at {durations.moment(job.ended_at)} UTC. "
            f"{plain(job.message or '')}",
            icon=":material/error:",
        )


def finished(page: PageContext) -> tuple[RunRecord, ...]:
    """Every finished run of the study."""
    st.subheader("What has been run", anchor=False)
    records = runs_reading.records(page.home_path, page.study.study_id)
    if not records:
        st.markdown("No run on this study is finished yet. Choose above what the networks should see, and press Start.")
        return ()
    table = runs_tables.runs_table(records, snapshot_id=page.study.snapshot_id, unit=page.unit)
    st.dataframe(table, hide_index=True, column_config={"Pictures": st.column_config.NumberColumn(format="localized")})
    badge = "simulated-" if page.study.simulated else ""
    st.download_button(
        "CSV",
        runs_tables.as_csv(runs_tables.runs_download(records, page.study, table)),
        file_name=f"{badge}{page.study.study_id}-runs.csv",
        mime=CSV_MIME,
        help="This table for a spreadsheet or a program; every line names its study and snapshot.",
        on_click="ignore",
        icon=":material/download:",
        key="download_runs",
    )
    st.caption(
        "Pictures are counted once each; those kept from earlier runs are reused. Unusable ones are tried again by the "
        "next run. Time is that of the last attempt."
    )
    return records


def side_by_side(page: PageContext, records: tuple[RunRecord, ...]) -> None:
    """One run in full, or two next to each other."""
    if not records:
        return
    named = {record.run_id[:ID_LETTERS]: record for record in records}
    labels = {
        code: f"{durations.moment(r.finished_at)} · {r.settings.splits} splits · {code}" for code, r in named.items()
    }
    chosen = address.multiselect(
        "Look closer at a run, or compare two",
        labels,
        key="runs",
        default=(),
        max_selections=2,
        help="One run shows its settings and what failed; two are set side by side.",
        placeholder="Choose one or two runs",
    )
    picked = [named[code] for code in chosen]
    if not picked:
        return
    table = runs_tables.comparison_table(picked, unit=page.unit, results=_results(page, picked))
    st.table(table, border="horizontal", hide_index=True, alt="Settings and results of the chosen runs, one a column.")
    st.caption(
        "c-index: over the run's splits of the patients with all images; 95 % interval with the corrected standard "
        "error. That two runs give other numbers does not show that one predicts better."
    )
    for record in picked:
        _links(page, record)
        if record.failures:
            with st.expander(
                f"Pictures run {record.run_id[:ID_LETTERS]} could not use", icon=":material/broken_image:"
            ):
                st.dataframe(runs_tables.failures_table(record), hide_index=True)


def _results(page: PageContext, picked: list[RunRecord]) -> dict[str, list[str]]:
    """The c-index of the first image variant that all of them have, for runs on the data on screen."""
    shared = [variant for variant in picked[0].variants if all(variant in record.variants for record in picked)]
    if not shared or any(record.snapshot_id != page.study.snapshot_id for record in picked):
        return {}
    marker = f"dl:{shared[0]}"
    try:
        written = [_cindex(page, record, marker) for record in picked]
    except UserFacingError as error:
        st.caption(f":material/warning: {plain(str(error))}")
        return {}
    return {f"c-index, {model_name(marker)} ({page.unit.value}: c-index with 95 % interval)": written}


def _cindex(page: PageContext, record: RunRecord, marker: str) -> str:
    result = reading.evaluation(
        home_path=page.home_path,
        study_id=page.study.study_id,
        snapshot_id=page.study.snapshot_id,
        filter_text="",
        models=(marker,),
        weeks=record.settings.weeks,
        settings=record.settings.cindex,
        run_id=record.run_id,
    )
    return "; ".join(
        f"{page.unit.write(e.week)}: {numbers.interval(e.mean, e.ci_low, e.ci_high)}" for e in result.report.estimates
    )


def _links(page: PageContext, record: RunRecord) -> None:
    code = record.run_id[:ID_LETTERS]
    with st.container(horizontal=True):
        if record.snapshot_id == page.study.snapshot_id:
            navigation.link(CINDEX, f"What run {code} says", run=code)
        st.button(
            f"Run {code} again",
            key=f"again_{code}",
            icon=":material/replay:",
            on_click=runs_start.run_again,
            args=(page, record),
            help="With every setting it had, on the data it was made from. What is kept is not computed again.",
        )
        if st.button(
            f"Change run {code}",
            key=f"change_{code}",
            icon=":material/tune:",
            help="Fills the form above with what it can show of this run's settings.",
        ):
            navigation.go(RUNS, **runs_start.again(record))


def earlier_jobs(page: PageContext) -> None:
    """Jobs that are over, with the log of any of them, folded away."""
    ended = [job for job in runs_reading.jobs(page.home_path) if not job.state.is_open]
    if not ended:
        return
    with st.expander("Earlier jobs and their logs", icon=":material/history:"):
        st.dataframe(runs_tables.ended_jobs_table(ended, unit=page.unit), hide_index=True)
        codes = {"": "none"} | {job.job_id: _log_label(job) for job in ended}
        chosen = address.select("Log of", codes, key="log", default="", help="The last lines of a job's log.")
        for job in ended:
            if job.job_id == chosen:
                lines = log.tail(Home.at(page.home_path), job, lines=60)
                st.code("\n".join(lines) or "It wrote nothing.", language=None, wrap_lines=True)


def _log_label(job: Job) -> str:
    return f"{durations.moment(job.ended_at)} · {label_of(job)} · {job_words.STATES[job.state]}"
