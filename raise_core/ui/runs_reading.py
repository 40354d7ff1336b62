"""What the pages on runs and on the cache read: the ledger each second for everybody together, records, estimates."""

from __future__ import annotations

import json

import streamlit as st

from raise_core.domain.job import Job
from raise_core.jobs import desk, housekeeping
from raise_core.jobs.encoders import EncoderStatus, encoders
from raise_core.jobs.estimate import Estimate, Span, estimate, remaining_after_stage
from raise_core.jobs.housekeeping import Kept
from raise_core.jobs.prrt_estimate import PrrtEstimate, estimate_prrt
from raise_core.store.artifact import Housekeeping
from raise_core.store.home import Home
from raise_core.studies.prrt_runs import PrrtRunSummary, all_prrt_runs
from raise_core.studies.prrt_settings import PrrtSettings
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.run_record import RunRecord, run_records
from raise_core.ui import reading

POLL_SECONDS = 1.0


@st.cache_data(ttl=0.7 * POLL_SECONDS, max_entries=4, show_spinner=False)
def jobs(home_path: str) -> tuple[Job, ...]:
    """Jobs as the ledger has them; looking also notices dead workers. However many look, the ledger is read once."""
    return desk.look(Home.at(home_path))


@st.cache_data(ttl=5, max_entries=16, show_spinner=False)
def records(home_path: str, study_id: str | None) -> tuple[RunRecord, ...]:
    """Finished runs (of a study, on any of its snapshots), newest first."""
    return run_records(Home.at(home_path), study_id=study_id)


@st.cache_data(ttl=60, max_entries=2, show_spinner="Looking for the encoders' weights …")
def encoder_statuses() -> tuple[EncoderStatus, ...]:
    """Encoders and whether their weights are on this machine."""
    return encoders()


@st.cache_data(ttl=30, max_entries=256, show_spinner="Counting what is kept already …")
def needed(home_path: str, study_id: str, snapshot_id: str, settings: str, device: str) -> Estimate:
    """What a run with these settings (as JSON) needs. Raises what the run would raise."""
    chosen = RaiseSettings.from_document(json.loads(settings))
    return estimate(Home.at(home_path), study_id, chosen, snapshot_id=snapshot_id, device=device)


@st.cache_data(ttl=30, max_entries=256, show_spinner="Counting what is kept already …")
def needed_prrt(home_path: str, study_id: str, snapshot_id: str, settings: str, device: str) -> PrrtEstimate:
    """What a PRRT run with these settings (as JSON) needs. Raises what the run would raise."""
    chosen = PrrtSettings.from_document(json.loads(settings))
    return estimate_prrt(Home.at(home_path), study_id, chosen, snapshot_id=snapshot_id, device=device)


@st.cache_data(ttl=5, max_entries=16, show_spinner=False)
def prrt_records(home_path: str, study_id: str) -> tuple[PrrtRunSummary, ...]:
    """Finished PRRT runs of a study on any of its snapshots, newest first."""
    return all_prrt_runs(Home.at(home_path), study_id=study_id)


@st.cache_data(ttl=30, max_entries=64, show_spinner=False)
def left_after_stage(home_path: str, job: Job) -> Span | None:
    """Time that the steps after the present one will take; the job as it was when the step began."""
    return remaining_after_stage(Home.at(home_path), job)


@st.cache_data(ttl=5, max_entries=4, show_spinner="Adding up what is kept …")
def kept(home_path: str) -> tuple[Kept, ...]:
    """What is kept, with sizes."""
    return housekeeping.kept(Home.at(home_path))


@st.cache_data(ttl=5, max_entries=32, show_spinner="Looking what would go …")
def would_go(home_path: str, kinds: tuple[str, ...], older_than_days: float, spare_runs: bool) -> Housekeeping:  # noqa: FBT001 - part of the cache key
    """What clearing would remove."""
    return housekeeping.clear(
        Home.at(home_path), kinds=kinds, older_than_days=older_than_days, spare_runs=spare_runs, dry_run=True
    )


def forget() -> None:
    """Something has begun, ended or gone: look at everything anew."""
    for cached in (jobs, records, prrt_records, needed, needed_prrt, kept, would_go, reading.known_runs):
        cached.clear()
