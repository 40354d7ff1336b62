"""The log of a job: its stages and whatever it wrote to standard error; its last lines; removing old ones."""

from __future__ import annotations

import os
from pathlib import Path

from raise_core.domain.job import Job
from raise_core.store import ledger
from raise_core.store.home import Home

FOLDER = "logs"
WORKER_LOG = "worker.log"
EARLIER_WORKER_LOG = "worker-earlier.log"
MOST_LOGS = 200
LONGEST_WORKER_LOG_BYTES = 1_000_000
LONGEST_TAIL_BYTES = 16_384


def log_folder(home: Home) -> Path:
    """Where logs are kept; made when it is not there."""
    folder = home.path / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def log_path(home: Home, job: Job) -> Path:
    """The log of a job."""
    return log_folder(home) / f"{job.job_id}.log"


def tail(home: Home, job: Job, *, lines: int = 12) -> tuple[str, ...]:
    """The last lines of a job's log, oldest first; empty when it has written none. Reads the end of the file only."""
    path = home.path / FOLDER / f"{job.job_id}.log"
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LONGEST_TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ()
    found = [line.rpartition("\r")[2].rstrip() for line in text.splitlines()]
    if size > LONGEST_TAIL_BYTES:
        found = found[1:]  # most likely cut in the middle
    return tuple(found[-lines:])


def remove_old(home: Home, *, keep: int = MOST_LOGS) -> int:
    """Remove the logs of all jobs but those not over and the `keep` that ended last; the number removed."""
    kept = {f"{job.job_id}.log" for job in ledger.jobs(home, limit=keep)}
    kept |= {f"{job.job_id}.log" for job in ledger.jobs(home, only_open=True)}
    kept |= {WORKER_LOG, EARLIER_WORKER_LOG}
    removed = [file for file in (home.path / FOLDER).glob("*.log") if file.name not in kept]
    for file in removed:
        file.unlink(missing_ok=True)
    return len(removed)


def turn_over(home: Home, *, longest_bytes: int = LONGEST_WORKER_LOG_BYTES) -> None:
    """Put a long log of the workers aside, in place of the one put aside before."""
    current = log_folder(home) / WORKER_LOG
    if current.is_file() and current.stat().st_size > longest_bytes:
        current.replace(current.with_name(EARLIER_WORKER_LOG))
