"""Where work is asked for, watched and cancelled: what pages and the command line call."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from raise_core.domain.job import Job
from raise_core.jobs import recovery
from raise_core.jobs.kinds import kind_named
from raise_core.jobs.order import Order
from raise_core.jobs.worker import start_worker
from raise_core.store import ledger
from raise_core.store.home import Home

MOST_SHOWN = 100


@dataclass(frozen=True)
class Submission:
    """What became of a request.

    Attributes:
        job: the job in the queue; None when there is nothing to do.
        shared: somebody had asked for the same already, and this is that job.
        result_id: the result that was there already.
    """

    job: Job | None
    shared: bool = False
    result_id: str | None = None


def submit(
    home: Home,
    *,
    kind: str,
    settings: dict[str, Any],
    study_id: str = "",
    snapshot_id: str | None = None,
    device: str = "auto",
    requested_by: str = "",
) -> Submission:
    """Ask for work. The same work is done once: who asks again gets the job that is there, or its result.

    Args:
        home: where everything is kept.
        kind: what sort of work.
        settings: of the work, as JSON can hold it.
        study_id: study to work on; empty for housekeeping.
        snapshot_id: data snapshot; the study's current one if none is named.
        device: auto, cpu or cuda.
        requested_by: who asks.

    Raises:
        UserFacingError: whatever the work itself would refuse: unknown study, marker, week, setting.
    """
    from raise_core.store.snapshot import current_snapshot

    snapshot = snapshot_id or (current_snapshot(home, study_id) if study_id else "")
    order = Order(home, kind, study_id, snapshot, settings, device)
    existing = kind_named(kind).existing(order)
    if existing is not None:
        return Submission(None, result_id=existing)
    job, shared = ledger.add(
        home,
        kind=kind,
        study_id=study_id,
        snapshot_id=snapshot,
        settings=settings,
        identity=order.identity,
        device=device,
        requested_by=requested_by,
    )
    look(home)
    return Submission(job, shared)


def look(home: Home, *, limit: int = MOST_SHOWN) -> tuple[Job, ...]:
    """Jobs, what is not over first, then the newest. Whoever looks also notices a dead worker and sees to a new one."""
    recovery.recover(home)
    found = ledger.jobs(home, limit=limit)
    if any(job.state.is_open for job in found):
        start_worker(home)
    return found


def find(home: Home, job_id: str) -> Job:
    """One job.

    Raises:
        NotInStoreError: no such job.
    """
    recovery.recover(home)
    return ledger.find(home, job_id)


def cancel(home: Home, job_id: str) -> Job:
    """Ask for a job to be stopped; its worker does so within two seconds. What is finished is kept.

    Raises:
        NotInStoreError: no such job.
    """
    ledger.ask_cancel(home, job_id)
    recovery.recover(home)
    return ledger.find(home, job_id)


def wait_until_over(home: Home, job_id: str, *, seconds: float) -> Job:
    """The job once it is over, or as it is after so many seconds."""
    deadline = time.monotonic() + seconds
    while (job := find(home, job_id)).state.is_open and time.monotonic() < deadline:
        time.sleep(0.05)
    return job
