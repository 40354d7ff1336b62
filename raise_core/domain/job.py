"""Work that goes on in the background: what was asked for, how far it is, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """Where a job stands. An interrupted one goes back into the queue as soon as anybody looks."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    INTERRUPTED = "interrupted"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether something is still to come."""
        return self in OPEN_STATES


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING, JobState.INTERRUPTED)


@dataclass(frozen=True)
class Job:
    """One line of the ledger. Times are UTC, ISO 8601.

    Attributes:
        job_id: short random id.
        kind: what sort of work, for example `raise`.
        study_id: study worked on; empty for housekeeping.
        snapshot_id: data snapshot worked on; empty for housekeeping.
        settings: what was asked for, as JSON can hold it.
        identity: hash of kind, study, snapshot and settings: equal for equal results.
        device_asked: auto, cpu or cuda.
        requested_by: who started it first.
        state: where it stands.
        created_at: when it was asked for.
        started_at: when its first attempt began.
        ended_at: when it finished, failed or was cancelled.
        attempts: how often it was begun.
        worker: host and process mark of the worker that has it.
        process: mark of the process that does the work.
        heartbeat_at: last sign of life.
        stage: what it is doing, in plain words.
        done: units of the stage that are finished.
        total: units of the stage; 0 where it cannot be counted.
        rate: units per second of the stage, None until measured.
        rate_spread: how uncertain the rate is, as a share of it.
        device: where it computes, in words.
        memory_bytes: of the process and its children, now.
        peak_memory_bytes: the most it was.
        gpu_memory_bytes: held on the graphics card, None without one.
        result_id: the run it made.
        message: how it ended or why it waits, for people.
        log_file: where its log is, relative to the home.
    """

    job_id: str
    kind: str
    study_id: str
    snapshot_id: str
    settings: dict[str, Any]
    identity: str
    device_asked: str
    requested_by: str
    state: JobState
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None
    attempts: int = 0
    worker: str | None = None
    process: str | None = None
    heartbeat_at: str | None = None
    stage: str | None = None
    done: int = 0
    total: int = 0
    rate: float | None = None
    rate_spread: float | None = None
    device: str | None = None
    memory_bytes: int | None = None
    peak_memory_bytes: int | None = None
    gpu_memory_bytes: int | None = None
    result_id: str | None = None
    message: str | None = None
    log_file: str | None = None


@dataclass(frozen=True)
class StageTime:
    """How long one stage of one attempt took.

    Attributes:
        job_id: of which job.
        stage: in plain words.
        counted: units finished in `seconds`.
        seconds: that they took, the start of the stage left out where it could be.
        device: where it computed, in words.
        settings: of the job.
    """

    job_id: str
    stage: str
    counted: int
    seconds: float
    device: str
    settings: dict[str, Any]
