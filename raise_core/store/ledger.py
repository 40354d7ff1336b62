"""The ledger of background work: who asked for what, how far it is, how it ended. All its SQL is here.

Any process may read and write. Each change is one transaction that names the state it expects, so that two processes
never both take a job, and a process that was given up cannot write over its successor.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.job import Job, JobState, StageTime
from raise_core.store.home import Home
from raise_core.store.workspace import FILE_NAME, workspace

MOST_LISTED = 500
_ENDED = "ended_at = :now, process = NULL, worker = NULL"
_BACK = "process = NULL, worker = NULL, stage = NULL, done = 0, total = 0, rate = NULL, rate_spread = NULL"


@dataclass(frozen=True)
class Progressed:
    """Where a job stands, as the process that does it reports.

    Attributes:
        stage: in plain words.
        done: units finished.
        total: units of the stage, 0 where it cannot be counted.
        counted: units finished in `seconds`, from which the speed is known.
        seconds: that they took.
        rate: units per second, None until measured.
        rate_spread: uncertainty of the rate, as a share of it.
        device: where it computes, None until known.
        gpu_memory_bytes: held on the graphics card, None without one.
    """

    stage: str
    done: int
    total: int
    counted: int
    seconds: float
    rate: float | None
    rate_spread: float | None
    device: str | None
    gpu_memory_bytes: int | None


@dataclass(frozen=True)
class Seat:
    """The place of the home's one worker.

    Attributes:
        worker: host and process mark; None while one is being started.
        since: since when, UTC, ISO 8601.
        heartbeat_at: last sign of life.
    """

    worker: str | None
    since: str
    heartbeat_at: str


def now() -> str:
    """This moment as the ledger writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def add(
    home: Home,
    *,
    kind: str,
    study_id: str,
    snapshot_id: str,
    settings: Mapping[str, Any],
    identity: str,
    device: str,
    requested_by: str,
) -> tuple[Job, bool]:
    """Put a job into the queue; the one with the same identity that is not over yet is returned instead.

    Returns:
        The job, and whether it was there already.
    """
    with workspace(home) as connection:
        known = connection.execute("SELECT * FROM open_job WHERE identity = ?", (identity,)).fetchone()
        if known is not None:
            return _job(known), True
        job_id = secrets.token_hex(4)
        connection.execute(
            "INSERT INTO job (job_id, kind, study_id, snapshot_id, settings, identity, device_asked, requested_by,"
            " state, created_at, log_file) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?)",
            (
                job_id,
                kind,
                study_id,
                snapshot_id,
                json.dumps(settings, sort_keys=True),
                identity,
                device,
                requested_by,
                now(),
                f"logs/{job_id}.log",
            ),
        )
        return _job(_row(connection, job_id)), False


def find(home: Home, job_id: str) -> Job:
    """One job by its id.

    Raises:
        NotInStoreError: no such job.
    """
    if _is_empty(home):
        raise NotInStoreError(f"there is no job {job_id[:40]!r}; see: jobs list")
    with workspace(home, writes=False) as connection:
        return _job(_row(connection, job_id))


def jobs(home: Home, *, only_open: bool = False, limit: int = MOST_LISTED) -> tuple[Job, ...]:
    """Jobs: what is not over first, in the order of the queue; then the rest, newest first."""
    if _is_empty(home):
        return ()
    with workspace(home, writes=False) as connection:
        rows = connection.execute("SELECT * FROM open_job ORDER BY created_at LIMIT ?", (limit,)).fetchall()
        if not only_open:
            rows += connection.execute(
                "SELECT * FROM job WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, rowid DESC LIMIT ?", (limit,)
            ).fetchall()
    return tuple(_job(row) for row in rows)


def claim(home: Home, worker: str) -> Job | None:
    """Take the oldest job of the queue; None when it is empty."""
    with workspace(home) as connection:
        row = connection.execute(
            "SELECT job_id FROM job WHERE state = 'queued' ORDER BY created_at, rowid LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        moment = now()
        connection.execute(
            "UPDATE job SET state = 'running', attempts = attempts + 1, worker = :worker, heartbeat_at = :now,"
            " started_at = coalesce(started_at, :now), message = NULL WHERE job_id = :job",
            {"worker": worker, "now": moment, "job": row["job_id"]},
        )
        return _job(_row(connection, row["job_id"]))


def begun(home: Home, job: Job, process: str) -> None:
    """Note which process does a job."""
    _change(home, job, "process = :process", process=process)


def progressed(home: Home, job: Job, report: Progressed) -> None:
    """Note how far a job is, and the speed of its stage."""
    values = {
        "stage": report.stage,
        "done": report.done,
        "total": report.total,
        "counted": report.counted,
        "seconds": report.seconds,
        "rate": report.rate,
        "spread": report.rate_spread,
        "device": report.device,
        "gpu": report.gpu_memory_bytes,
        "job": job.job_id,
        "attempt": job.attempts,
        "now": now(),
    }
    with workspace(home) as connection:
        changed = connection.execute(
            "UPDATE job SET stage = :stage, done = :done, total = :total, rate = :rate, rate_spread = :spread,"
            " device = coalesce(:device, device), gpu_memory_bytes = :gpu, heartbeat_at = :now"
            " WHERE job_id = :job AND attempts = :attempt AND state IN ('running', 'cancelling')",
            values,
        )
        if changed.rowcount and report.counted:
            connection.execute(
                "INSERT INTO job_stage (job_id, attempt, stage, counted, seconds)"
                " VALUES (:job, :attempt, :stage, :counted, :seconds)"
                " ON CONFLICT DO UPDATE SET counted = :counted, seconds = :seconds",
                values,
            )


def alive(home: Home, job: Job, *, memory_bytes: int | None) -> JobState:
    """Note a sign of life and the memory held; where the job stands now."""
    with workspace(home) as connection:
        connection.execute(
            "UPDATE job SET heartbeat_at = :now, memory_bytes = coalesce(:memory, memory_bytes),"
            " peak_memory_bytes = max(coalesce(peak_memory_bytes, 0), coalesce(:memory, 0))"
            " WHERE job_id = :job AND attempts = :attempt AND state IN ('running', 'cancelling')",
            {"now": now(), "memory": memory_bytes, "job": job.job_id, "attempt": job.attempts},
        )
        connection.execute("UPDATE worker SET heartbeat_at = ? WHERE worker = ?", (now(), job.worker))
        return JobState(_row(connection, job.job_id)["state"])


def state(home: Home, job_id: str) -> JobState:
    """Where a job stands."""
    return find(home, job_id).state


def finish(home: Home, job: Job, result_id: str | None, message: str | None = None) -> None:
    """The job is done."""
    _change(home, job, f"state = 'finished', result_id = :result, message = :message, {_ENDED}",
            result=result_id, message=message)  # fmt: skip


def fail(home: Home, job: Job, message: str) -> None:
    """The job cannot be done."""
    _change(home, job, f"state = 'failed', message = :message, {_ENDED}", message=message)


def cancelled(home: Home, job: Job, message: str) -> None:
    """The job has been stopped as somebody asked."""
    _change(home, job, f"state = 'cancelled', message = :message, {_ENDED}", message=message)


def interrupt(home: Home, job: Job, message: str, *, counts: bool) -> None:
    """The job was cut off and can be taken up again; `counts` says whether that was an attempt."""
    back = "" if counts else ", attempts = attempts - 1"
    _change(home, job, f"state = 'interrupted', message = :message, {_BACK}{back}", message=message)


def take_up(home: Home, *, most_attempts: int) -> None:
    """Put interrupted jobs back into their place of the queue; those begun too often have failed."""
    with workspace(home) as connection:
        connection.execute(
            "UPDATE job SET state = 'failed', ended_at = ?, message = message || ? WHERE state = 'interrupted'"
            " AND attempts >= ?",
            (now(), f" It was begun {most_attempts} times and is not tried again.", most_attempts),
        )
        connection.execute("UPDATE job SET state = 'queued' WHERE state = 'interrupted'")


def ask_cancel(home: Home, job_id: str) -> Job:
    """Ask for a job to be stopped: at once when it waits, else its worker does it. One that is over stays as it is.

    Raises:
        NotInStoreError: no such job.
    """
    find(home, job_id)
    with workspace(home) as connection:
        connection.execute(
            "UPDATE job SET state = 'cancelled', ended_at = ?, message = 'Cancelled before it began.'"
            " WHERE job_id = ? AND state IN ('queued', 'interrupted')",
            (now(), job_id),
        )
        connection.execute("UPDATE job SET state = 'cancelling' WHERE job_id = ? AND state = 'running'", (job_id,))
        return _job(_row(connection, job_id))


def seat(home: Home) -> Seat | None:
    """Who takes jobs; None when nobody does."""
    if _is_empty(home):
        return None
    with workspace(home, writes=False) as connection:
        row = connection.execute("SELECT worker, since, heartbeat_at FROM worker").fetchone()
    return None if row is None else Seat(**row)


def reserve_seat(home: Home, *, instead_of: Seat | None, within_seconds: float) -> bool:
    """Claim the right to start a worker, if the seat is as it was seen and no other start is under way."""
    with workspace(home) as connection:
        row = connection.execute("SELECT worker, since, heartbeat_at FROM worker").fetchone()
        found = None if row is None else Seat(**row)
        if found is not None:
            starting = found.worker is None and seconds_since(found.since) < within_seconds
            replaced = instead_of is not None and found.worker == instead_of.worker
            if starting or not replaced:
                return False
        _sit(connection, None)
        return True


def take_seat(home: Home, worker: str) -> None:
    """Say that this worker takes jobs from now on; it must hold the worker's lock."""
    with workspace(home) as connection:
        _sit(connection, worker)


def keep_seat(home: Home, worker: str) -> None:
    """A worker's sign of life."""
    with workspace(home) as connection:
        connection.execute("UPDATE worker SET heartbeat_at = ? WHERE worker = ?", (now(), worker))


def leave_seat(home: Home, worker: str, *, if_idle: bool) -> bool:
    """Stop taking jobs; with `if_idle` only when none is waiting, so that no job is left behind."""
    with workspace(home) as connection:
        if if_idle and connection.execute("SELECT 1 FROM job WHERE state = 'queued' LIMIT 1").fetchone():
            return False
        connection.execute("DELETE FROM worker WHERE worker = ?", (worker,))
        return True


def stage_times(home: Home, kind: str) -> tuple[StageTime, ...]:
    """Measured stages of a kind of job, newest first."""
    if _is_empty(home):
        return ()
    with workspace(home, writes=False) as connection:
        rows = connection.execute(
            "SELECT s.job_id, s.stage, s.counted, s.seconds, j.device, j.settings FROM job_stage s"
            " JOIN job j USING (job_id) WHERE j.kind = ? AND s.seconds > 0 ORDER BY j.rowid DESC LIMIT ?",
            (kind, MOST_LISTED),
        ).fetchall()
    return tuple(
        StageTime(
            row["job_id"],
            row["stage"],
            row["counted"],
            row["seconds"],
            row["device"] or "",
            json.loads(row["settings"]),
        )
        for row in rows
    )


def seconds_since(moment: str | None) -> float:
    """Seconds from a moment of the ledger to now; infinite when there was none."""
    if moment is None:
        return float("inf")
    return (datetime.now(UTC) - datetime.fromisoformat(moment)) / timedelta(seconds=1)


def _change(home: Home, job: Job, assignments: str, **values: str | None) -> None:
    with workspace(home) as connection:
        connection.execute(
            f"UPDATE job SET {assignments}"  # noqa: S608 - callers in this file give constants
            " WHERE job_id = :job AND attempts = :attempt AND state IN ('running', 'cancelling')",
            {**values, "now": now(), "job": job.job_id, "attempt": job.attempts},
        )


def _sit(connection: sqlite3.Connection, worker: str | None) -> None:
    connection.execute(
        "INSERT INTO worker (seat, worker, since, heartbeat_at) VALUES (1, :worker, :now, :now)"
        " ON CONFLICT DO UPDATE SET worker = :worker, since = :now, heartbeat_at = :now",
        {"worker": worker, "now": now()},
    )


def _is_empty(home: Home) -> bool:
    """Reading makes no file."""
    return not (home.path / FILE_NAME).exists()


def _row(connection: sqlite3.Connection, job_id: str) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute("SELECT * FROM job WHERE job_id = ?", (job_id,)).fetchone()
    if row is None:
        raise NotInStoreError(f"there is no job {job_id[:40]!r}; see: jobs list")
    return row


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    return Job(**{**values, "settings": json.loads(values["settings"]), "state": JobState(values["state"])})
