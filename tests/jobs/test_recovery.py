"""A worker that is there but stopped is given up; one that only slept with its machine is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from raise_core.domain.job import JobState
from raise_core.jobs import processes, recovery
from raise_core.store import ledger
from raise_core.store.home import Home


@pytest.fixture
def worker(monkeypatch):
    """A process that stands for a worker, and the process of its job; both end with the test."""
    monkeypatch.setattr(recovery, "SECONDS_OF_SILENCE", 0.3)
    monkeypatch.setattr(recovery, "SECONDS_TO_WAKE", 0.5)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def home(tmp_path, worker) -> Home:
    home = Home.at(tmp_path / "h")
    ledger.take_seat(home, processes.mark_of(worker.pid))
    ledger.add(
        home, kind="verify", study_id="", snapshot_id="", settings={}, identity="x", device="cpu", requested_by=""
    )
    return home


def test_a_stopped_worker_is_ended_with_its_job_s_process_and_the_job_waits_again(home, worker):
    job = ledger.claim(home, processes.mark_of(worker.pid))
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True,
        env={**os.environ, processes.JOB_VARIABLE: job.job_id},
    )  # fmt: skip
    ledger.begun(home, job, processes.mark_of(child.pid))
    recovery.recover(home)
    assert ledger.find(home, job.job_id).state is JobState.RUNNING
    worker.send_signal(signal.SIGSTOP)
    time.sleep(0.4)
    recovery.recover(home)
    assert worker.wait(timeout=5) == -signal.SIGKILL
    assert child.wait(timeout=5) == -signal.SIGKILL
    found = ledger.find(home, job.job_id)
    assert (found.state, found.attempts) == (JobState.QUEUED, 1)
    assert not recovery.is_taken(ledger.seat(home))


def test_a_worker_that_beats_again_is_left_alone(home, worker):
    time.sleep(0.4)
    awake = threading.Timer(0.2, ledger.keep_seat, (home, processes.mark_of(worker.pid)))
    awake.start()
    recovery.recover(home)
    awake.join()
    assert worker.poll() is None
    assert recovery.is_taken(ledger.seat(home))


def test_a_worker_never_ends_itself(home):
    ledger.take_seat(home, processes.mark_of())
    time.sleep(0.4)
    recovery.recover(home)
    assert recovery.is_taken(ledger.seat(home))
