"""Noticing workers that were killed, and putting their jobs back into the queue."""

from __future__ import annotations

import time

from raise_core.domain.job import Job, JobState
from raise_core.jobs import processes
from raise_core.store import ledger
from raise_core.store.home import Home
from raise_core.store.ledger import Seat, seconds_since

MOST_ATTEMPTS = 3
SECONDS_TO_START = 20.0
SECONDS_OF_SILENCE = 60.0
"""A worker that gave no sign of life for so long is given up: one elsewhere at once, one of this machine, which may
only have slept with it, after another `SECONDS_TO_WAKE`. One whose process is gone is given up without waiting."""

SECONDS_TO_WAKE = 5.0


def recover(home: Home) -> None:
    """Take up jobs whose worker is gone; those begun three times have failed."""
    _end_stuck_worker(home)
    found = ledger.jobs(home, only_open=True)
    for job in found:
        if job.state in (JobState.RUNNING, JobState.CANCELLING) and _is_lost(job):
            _give_up(home, job)
    if any(job.state is not JobState.QUEUED for job in found):
        ledger.take_up(home, most_attempts=MOST_ATTEMPTS)


def _end_stuck_worker(home: Home) -> None:
    """Kill this machine's worker if it is there but does nothing: stopped, or hung. It beats once a second."""
    seat = ledger.seat(home)
    if seat is None or seat.worker is None or seconds_since(seat.heartbeat_at) < SECONDS_OF_SILENCE:
        return
    here = processes.is_here(seat.worker) and seat.worker != processes.mark_of()
    deadline = time.monotonic() + SECONDS_TO_WAKE
    while here and processes.lives(seat.worker):
        if ledger.seat(home) != seat:
            return
        if time.monotonic() >= deadline:
            processes.end(seat.worker)
        time.sleep(0.05)


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
        processes.end_group(job.process, job_id=job.job_id)
    if job.state is JobState.CANCELLING:
        ledger.cancelled(home, job, "Cancelled. What was finished is kept and will be used again.")
    else:
        ledger.interrupt(home, job, "The worker was killed or the machine went down.", counts=True)
