"""Noticing workers that were killed, and putting their jobs back into the queue."""

from __future__ import annotations

from raise_core.domain.job import Job, JobState
from raise_core.jobs import processes
from raise_core.store import ledger
from raise_core.store.home import Home
from raise_core.store.ledger import Seat, seconds_since

MOST_ATTEMPTS = 3
SECONDS_TO_START = 20.0
SECONDS_OF_SILENCE = 60.0
"""A worker on another machine that shares the home is given up after this; processes of this machine are looked at."""


def recover(home: Home) -> None:
    """Take up jobs whose worker is gone; those begun three times have failed."""
    found = ledger.jobs(home, only_open=True)
    for job in found:
        if job.state in (JobState.RUNNING, JobState.CANCELLING) and _is_lost(job):
            _give_up(home, job)
    if any(job.state is not JobState.QUEUED for job in found):
        ledger.take_up(home, most_attempts=MOST_ATTEMPTS)


def is_taken(seat: Seat | None) -> bool:
    """Whether a worker is there or on its way."""
    if seat is None:
        return False
    if seat.worker is None:
        return seconds_since(seat.since) < SECONDS_TO_START
    return _is_alive(seat.worker, seat.heartbeat_at)


def _is_lost(job: Job) -> bool:
    return job.worker is None or not _is_alive(job.worker, job.heartbeat_at)


def _is_alive(worker: str, heartbeat_at: str | None) -> bool:
    if processes.is_here(worker):
        return processes.lives(worker)
    return seconds_since(heartbeat_at) < SECONDS_OF_SILENCE


def _give_up(home: Home, job: Job) -> None:
    """End what may be left of the job's process, then free the job."""
    if job.process is not None and processes.is_here(job.process):
        processes.end_group(job.process)
    if job.state is JobState.CANCELLING:
        ledger.cancelled(home, job, "Cancelled. What was finished is kept and will be used again.")
    else:
        ledger.interrupt(home, job, "The worker was killed or the machine went down.", counts=True)
