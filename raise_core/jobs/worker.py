"""The worker: one process a home that takes jobs from the queue, one at a time, each in a process of its own."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from raise_core.domain.job import Job, JobState
from raise_core.jobs import processes, recovery
from raise_core.jobs.log import WORKER_LOG, log_folder, log_path, remove_old, turn_over
from raise_core.jobs.order import STOP
from raise_core.store import ledger
from raise_core.store.home import Home
from raise_core.store.lock import clean_leftovers, held

_LOG = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = "jobs.lock"
IDLE_SECONDS = 30.0
POLL_SECONDS = 0.1
BEAT_SECONDS = 1.0
CANCEL_GRACE_SECONDS = 0.8
"""How long a cancelled job may take to put down what it has in hand before it is killed."""
LEAVE_GRACE_SECONDS = 3.0


def work(home: Home, *, idle_seconds: float = IDLE_SECONDS) -> None:
    """Take jobs until the queue has been empty for `idle_seconds`, or until told to end (SIGTERM).

    Raises:
        BusyError: another worker has this home.
    """
    lock = home.temporary / LOCK
    with held(lock, wait_seconds=10.0, busy="another worker takes this home's jobs."), _asked_to_end() as ending:
        worker = _Worker(home, ending)
        ledger.take_seat(home, worker.mark)
        _LOG.info("worker %s takes jobs of %s", worker.mark, home.path)
        try:
            worker.take_jobs(idle_seconds)
        finally:
            ledger.leave_seat(home, worker.mark, if_idle=False)
            _LOG.info("worker %s leaves", worker.mark)


@contextmanager
def _asked_to_end() -> Iterator[list[int]]:
    """A list that holds the signal once one asked this process to end."""
    received: list[int] = []
    before = {number: signal.signal(number, lambda number, _: received.append(number)) for number in _ENDING}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_ENDING = (signal.SIGTERM, signal.SIGINT)


class _Worker:
    """One worker's life. `ending` fills when it is asked to end."""

    def __init__(self, home: Home, ending: list[int]) -> None:
        self._home = home
        self._ending = ending
        self.mark = processes.mark_of()

    def take_jobs(self, idle_seconds: float) -> None:
        """The loop."""
        idle_since = last_beat = time.monotonic()
        recovery.recover(self._home)
        while not self._ending:
            job = ledger.claim(self._home, self.mark)
            if job is not None:
                self._do(job)
                recovery.recover(self._home)
                idle_since = last_beat = time.monotonic()
                continue
            moment = time.monotonic()
            if moment - idle_since >= idle_seconds and ledger.leave_seat(self._home, self.mark, if_idle=True):
                return
            if moment - last_beat >= BEAT_SECONDS:
                ledger.keep_seat(self._home, self.mark)
                last_beat = moment
            time.sleep(POLL_SECONDS)

    def _do(self, job: Job) -> None:
        _LOG.info("job %s (%s), attempt %d", job.job_id, job.kind, job.attempts)
        command = [sys.executable, "-m", "raise_core.jobs", "--home", str(self._home.path), "do", job.job_id]
        with log_path(self._home, job).open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - our own program
                command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, processes.JOB_VARIABLE: job.job_id},
            )  # fmt: skip
        mark = processes.mark_of(child.pid)
        try:
            ledger.begun(self._home, job, mark)
            self._watch(job, child)
        finally:
            processes.end_group(mark, job_id=job.job_id)  # its children may outlive it
            child.wait()
            if child.stdin is not None:
                with suppress(BrokenPipeError):
                    child.stdin.close()
        self._settle(job, child.returncode)
        clean_leftovers(self._home)  # half-written artifacts of a process that was killed
        remove_old(self._home)

    def _watch(self, job: Job, child: subprocess.Popen[bytes]) -> None:
        """Wait for the process to end; make it end when the job is cancelled, given away, or the worker must go."""
        kill_at: float | None = None
        last_beat = 0.0
        while child.poll() is None:
            moment = time.monotonic()
            if moment - last_beat >= BEAT_SECONDS:
                memory = processes.resident_bytes(child.pid)
                state = ledger.alive(self._home, job, memory_bytes=memory)
                last_beat = moment
            else:
                state = ledger.state(self._home, job.job_id)
            if kill_at is None and (state is JobState.CANCELLING or self._ending):
                kill_at = moment + (CANCEL_GRACE_SECONDS if state is JobState.CANCELLING else LEAVE_GRACE_SECONDS)
                _ask_to_stop(child)
            if (kill_at is not None and moment >= kill_at) or not state.is_open:
                return
            with suppress(subprocess.TimeoutExpired):
                child.wait(POLL_SECONDS)

    def _settle(self, job: Job, exit_code: int) -> None:
        """What the ledger says of a job whose process has ended without a word of its own."""
        state = ledger.state(self._home, job.job_id)
        if state is JobState.CANCELLING:
            ledger.cancelled(self._home, job, "Cancelled. What was finished is kept and will be used again.")
        elif state is JobState.RUNNING and self._ending:
            ledger.interrupt(self._home, job, "The worker was told to end.", counts=False)
        elif state is JobState.RUNNING:
            ledger.interrupt(self._home, job, _how_it_ended(exit_code), counts=True)


def _ask_to_stop(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        with suppress(BrokenPipeError):  # it has just ended
            child.stdin.write(STOP)
            child.stdin.flush()


def _how_it_ended(exit_code: int) -> str:
    if exit_code == -signal.SIGKILL:
        return "Its process was killed from outside, most often for want of memory."
    if exit_code < 0:
        return f"Its process was ended from outside ({signal.Signals(-exit_code).name})."
    return f"Its process ended unexpectedly (exit code {exit_code}); the log may say why."


def start_worker(home: Home) -> None:
    """Start a worker that outlives this process, if none is there or on its way."""
    found = ledger.seat(home)
    if recovery.is_taken(found) or not ledger.reserve_seat(
        home, instead_of=found, within_seconds=recovery.SECONDS_TO_START
    ):
        return
    worker = [sys.executable, "-m", "raise_core.jobs", "--home", str(home.path), "work"]
    turn_over(home)
    with (log_folder(home) / WORKER_LOG).open("ab") as stream:
        # The shell goes away at once, so the worker is nobody's child: nobody ends it or has to bury it.
        subprocess.run(  # noqa: S603 - our own program
            ["/bin/sh", "-c", '"$@" &', "sh", *worker],
            cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True, check=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
