"""The parts of the page on what is kept: sizes, how much earlier work saved, checking, clearing."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from raise_core.domain.errors import UserFacingError
from raise_core.domain.job import JobState
from raise_core.figures import durations, numbers
from raise_core.figures.table_export import CSV_MIME
from raise_core.jobs import desk, housekeeping, verify_job
from raise_core.jobs.housekeeping import Kept
from raise_core.store.artifact import Housekeeping
from raise_core.store.home import Home
from raise_core.ui import address, runs_live, runs_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.runs_tables import ID_LETTERS, as_csv
from raise_core.ui.shell import PageContext

_SAID = "_cache_said"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def headline(page: PageContext) -> None:
    """One sentence on how much is kept and how much of it could be made again."""
    rows = runs_reading.kept(page.home_path)
    total = sum(row.size_bytes for row in rows)
    data = sum(row.size_bytes for row in rows if row.is_data)
    derived = sum(row.size_bytes for row in rows if row.can_be_cleared)
    st.markdown(
        f"**{durations.size(total)} are kept on this machine: {durations.size(data)} of imported data, "
        f"{durations.size(derived)} that can be computed again and {durations.size(total - data - derived)} of logs.**"
    )


def kept(page: PageContext) -> tuple[Kept, ...]:
    """Everything that is kept, by kind."""
    rows = runs_reading.kept(page.home_path)
    st.table(
        pd.DataFrame(
            [
                {
                    "What": row.name,
                    "Items": f"{row.items:,}",
                    "Size": durations.size(row.size_bytes).replace(" ", NO_BREAK_SPACE),
                    "Can be made again": _again(row),
                    "What it is for": row.purpose,
                }
                for row in rows
            ]
        ),
        border="horizontal",
        hide_index=True,
    )
    st.download_button(
        "CSV",
        as_csv(_for_download(page, rows)),
        file_name="kept.csv",
        mime=CSV_MIME,
        help="This table for a spreadsheet or a program, sizes in bytes.",
        on_click="ignore",
        icon=":material/download:",
        key="download_kept",
    )
    st.caption(f"Folder: {plain(page.home_path)}. All studies together; sizes in powers of ten, as disks are sold.")
    return rows


def _again(row: Kept) -> str:
    return "yes" if row.can_be_cleared else "no, it is data" if row.is_data else "no"


def _for_download(page: PageContext, rows: tuple[Kept, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "What": row.name,
                "Items": row.items,
                "Size (bytes)": row.size_bytes,
                "Can be made again": _again(row),
                "What it is for": row.purpose,
                "Folder": page.home_path,
            }
            for row in rows
        ]
    )


def hit_rates(page: PageContext) -> None:
    """How much of what runs asked for was there already."""
    st.subheader("How much did earlier work save?", anchor=False)
    records = runs_reading.records(page.home_path, None)
    asked = sum(record.pictures for record in records)
    if not asked:
        st.markdown("No run is finished yet, so nothing could be reused.")
        return
    reused = sum(record.pictures_reused for record in records)
    counted = [r for r in records if r.networks is not None and r.networks_computed is not None]
    networks = sum(r.networks or 0 for r in counted)
    trained = sum(r.networks_computed or 0 for r in counted)
    sentence = (
        f"{numbers.percent(reused / asked)} of the pictures that {_runs(len(records))} needed were there already "
        f"({reused:,} of {asked:,})"
    )
    if networks:
        sentence += (
            f"; of the sets of networks {numbers.percent(1 - trained / networks)} ({networks - trained} of {networks})"
        )
    st.markdown(f"{sentence}.")
    with st.expander("By run", icon=":material/table:"):
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "Run": record.run_id[:ID_LETTERS],
                        "Study": record.study_id,
                        "Finished (UTC)": durations.moment(record.finished_at),
                        "Pictures": record.pictures,
                        "Reused": record.pictures_reused,
                        "Share reused": numbers.percent(record.pictures_reused / record.pictures),
                        "Networks": record.networks,
                        "Networks trained": record.networks_computed,
                    }
                    for record in records
                ]
            ),
            hide_index=True,
        )


def _runs(count: int) -> str:
    return "the one finished run" if count == 1 else f"the {count} finished runs"


def verify(page: PageContext) -> None:
    """Read everything that is kept, imported images too, against its checksums, in the background."""
    st.subheader("Is it all as it was written?", anchor=False)
    checks = [job for job in runs_reading.jobs(page.home_path) if job.kind == verify_job.NAME]
    last = next((job for job in checks if job.state is JobState.FINISHED), None)
    if last is None:
        st.markdown(
            "It has not been checked yet. Damaged items are also found whenever they are read, and made "
            "again; a damaged image must be imported again."
        )
    else:
        st.markdown(f"{plain(last.message or '')} Checked at {durations.moment(last.ended_at)} UTC.")
    runs_live.live(page, kinds=(verify_job.NAME,))
    st.button(
        "Check now",
        icon=":material/fact_check:",
        disabled=any(job.state.is_open for job in checks),
        on_click=_verify,
        args=(page,),
        help="Reads every item and every imported image against its checksum. Goes on when this page is closed; waits "
        "for a run under way.",
    )


def _verify(page: PageContext) -> None:
    try:
        desk.submit(Home.at(page.home_path), kind=verify_job.NAME, settings={}, requested_by=page.user.name)
    except UserFacingError as error:
        st.session_state[_SAID] = ("error", str(error))
    runs_reading.jobs.clear()


def prune(page: PageContext, rows: tuple[Kept, ...]) -> None:
    """Choose what to clear, see what would go, then confirm."""
    st.subheader("Clear what is not needed", anchor=False)
    offered = {row.code: f"{row.name} ({durations.size(row.size_bytes)})" for row in rows if row.can_be_cleared}
    if not offered:
        st.markdown("There is nothing to clear: no run has left anything that could be made again.")
        return
    kinds = address.multiselect(
        "Clear",
        offered,
        key="clear",
        default=(),
        help="Only what can be made again is offered; imported data are never cleared.",
        placeholder="Choose what to clear",
    )
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        days = address.slider(
            "Older than (days)",
            key="older",
            minimum=0,
            maximum=365,
            default=0,
            step=1,
            help="Only what was made longer ago; 0 for everything.",
        )
    with right:
        spare = address.switch(
            "Spare finished runs", key="spare", default=True, help="Keeps each finished run and its networks, so that "
            "every figure stays as it is."
        )  # fmt: skip
    _say()
    if not kinds:
        return
    found = runs_reading.would_go(page.home_path, kinds, days, spare)
    if not found.removed:
        st.markdown("Nothing of this would go with these settings.")
        return
    st.markdown(
        f"**{len(found.removed):,} of {found.checked:,} items would go, {durations.size(found.freed_bytes)}.** "
        "They are computed again when they are needed; no data are lost."
    )
    st.dataframe(_by_kind(found, rows), hide_index=True, column_config={"Size (MB)": _MEGABYTES})
    busy = any(job.state in (JobState.RUNNING, JobState.CANCELLING) for job in runs_reading.jobs(page.home_path))
    if busy:
        st.caption(":material/hourglass_top: Clearing waits until nothing runs: a run may be about to read this.")
    if st.button(f"Clear {durations.size(found.freed_bytes)} …", icon=":material/delete_sweep:", disabled=busy):
        _confirm(page, kinds, days, spare, found)


_MEGABYTES = st.column_config.NumberColumn(format="%.1f")


def _by_kind(found: Housekeeping, rows: tuple[Kept, ...]) -> pd.DataFrame:
    names = {row.code: row.name for row in rows}
    frame = pd.DataFrame([{"What": names[entry.kind], "bytes": entry.size_bytes} for entry in found.removed])
    sums = frame.groupby("What", sort=False)["bytes"].agg(["size", "sum"]).reset_index()
    return pd.DataFrame({"What": sums["What"], "Items that would go": sums["size"], "Size (MB)": sums["sum"] / 1e6})


@st.dialog("Clear this for good?")
def _confirm(page: PageContext, kinds: tuple[str, ...], days: float, spare: bool, found: Housekeeping) -> None:  # noqa: FBT001 - as chosen
    st.markdown(
        f"{len(found.removed):,} items, {durations.size(found.freed_bytes)}. What needs them later takes the time to "
        "compute them again."
    )
    if st.button("Clear", type="primary", icon=":material/delete:"):
        try:
            done = housekeeping.clear(
                Home.at(page.home_path), kinds=kinds, older_than_days=days, spare_runs=spare, dry_run=False
            )
        except UserFacingError as error:
            st.session_state[_SAID] = ("error", str(error))
        else:
            words = f"{len(done.removed):,} items cleared, {durations.size(done.freed_bytes)} freed."
            st.session_state[_SAID] = ("success", words)
        runs_reading.forget()
        st.rerun()


def _say() -> None:
    said = st.session_state.pop(_SAID, None)
    if said is not None:
        kind, words = said
        (st.error if kind == "error" else st.success)(plain(words))
