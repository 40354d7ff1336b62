"""Background work in words: where a job stands, how fast it goes, what is left."""

from __future__ import annotations

from raise_core.domain.job import Job, JobState
from raise_core.figures import durations

STATES: dict[JobState, str] = {
    JobState.QUEUED: "waiting",
    JobState.RUNNING: "running",
    JobState.CANCELLING: "being stopped",
    JobState.INTERRUPTED: "interrupted, goes on by itself",
    JobState.FINISHED: "finished",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
MEASURING = "measuring the speed …"
_NOUNS = {
    "Extracting image features": "pictures",
    "Training networks": "sets of networks",
    "Preparing PET and CT": "patients",
    "Reading CT with the pretrained network": "scans",
    "Laboratory forests": "forests",
    "Asking what the networks looked at": "patients",
}
"""What is counted, by what the name of the stage begins with."""


def progress(job: Job, low_seconds: float | None = None, high_seconds: float | None = None) -> str:
    """What an open job is doing and how long that takes; how one that is over ended.

    Args:
        job: the job.
        low_seconds: least time left in its stage, None until measured.
        high_seconds: most time left.
    """
    if not job.state.is_open or job.stage is None:
        return job.message or ""
    left = "" if low_seconds is None or high_seconds is None else f", {left_in_step(low_seconds, high_seconds)}"
    return f"{job.stage}{counted(job)}{left}"


def counted(job: Job) -> str:
    """How far the stage is: ': 1,086 of 1,445', empty where it cannot be counted."""
    return f": {job.done:,} of {job.total:,}" if job.total else ""


def left_in_step(low_seconds: float, high_seconds: float) -> str:
    """Time left, as a range."""
    return f"{durations.duration_range(low_seconds, high_seconds)} left in this step"


def speed(job: Job) -> str:
    """Units per second, minute or hour, whichever gives a number that can be read."""
    stage = job.stage or ""
    noun = next((words for beginning, words in _NOUNS.items() if stage.startswith(beginning)), "items")
    if job.rate is None:
        return MEASURING if job.total else durations.MISSING
    for amount, unit in ((job.rate, "second"), (job.rate * 60, "minute")):
        if amount >= 2:
            return f"{amount:.0f} {noun} per {unit}"
    return f"{job.rate * 3600:.0f} {noun} per hour"


def memory(job: Job) -> str:
    """Memory now and, in brackets, at most; graphics memory where there is a card."""
    if job.memory_bytes is None:
        return durations.MISSING
    text = f"{durations.size(job.memory_bytes)} ({durations.size(job.peak_memory_bytes)})"
    card = job.gpu_memory_bytes
    return text if card is None else f"{text}; graphics card {durations.size(card)}"
