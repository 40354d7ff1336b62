"""Real workers on a real study: asked for, shared, killed at any moment, cancelled; and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from raise_core.domain.errors import BadUsageError, BusyError, NotInStoreError
from raise_core.domain.job import Job, JobState
from raise_core.jobs import desk, log, processes
from raise_core.jobs.estimate import FEATURE_STAGE, NETWORK_STAGE, estimate
from raise_core.store import ledger
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.studies.raise_run import run_raise
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.run_record import run_records
from raise_core.studies.runs import RUN_KIND, UNIT_KIND
from raise_core.ui import runs_start

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).resolve().parents[2]
STUDY = "demo-raise"
KNOWN = RaiseSettings(weeks=(12.0, 24.0), encoder="efficientnet-lite0-imagenet", splits=8, input_px=64)
"""The small home's run: everything of it is kept."""

NEW_PICTURES = replace(KNOWN, input_px=48, weeks=(12.0,))
"""Other pictures, so that all of them must be made."""


def asked(home: Home, settings: RaiseSettings, by: str = "somebody") -> desk.Submission:
    return desk.submit(
        home, kind="raise", study_id=STUDY, settings=settings.to_document(), device="cpu", requested_by=by
    )


def wait_for(home: Home, job_id: str, condition: Callable[[Job], bool], *, seconds: float = 90) -> Job:
    """Look at the ledger as the page does until the condition holds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = next(job for job in desk.look(home) if job.job_id == job_id)
        if condition(job):
            return job
        assert job.state is not JobState.FAILED, (job.message, log.tail(home, job))
        time.sleep(0.02)
    raise AssertionError(f"waited in vain; the job is {job}; {log.tail(home, job)}")


def over(job: Job) -> bool:
    return not job.state.is_open


def test_a_job_killed_twice_resumes_and_finishes_with_what_it_had(job_home):
    began = time.monotonic()
    job = asked(job_home, NEW_PICTURES).job
    first = wait_for(job_home, job.job_id, lambda job: job.stage is not None)
    print(f"from Start to the first sign of progress: {time.monotonic() - began:.2f} s")
    assert (first.state, first.attempts) == (JobState.RUNNING, 1)

    # The process that does the work is killed while it makes pictures; the worker sees it at once.
    wait_for(job_home, job.job_id, lambda job: job.stage == FEATURE_STAGE and job.done >= 300)
    child = ledger.find(job_home, job.job_id).process
    os.kill(processes.pid_of(child), signal.SIGKILL)
    wait_for(job_home, job.job_id, lambda job: job.attempts == 2 and job.state is JobState.RUNNING)

    # The worker is killed while networks are trained; whoever looks sees it, and its child ends with it.
    running = wait_for(job_home, job.job_id, lambda job: job.stage == NETWORK_STAGE and job.process is not None)
    assert running.attempts == 2
    worker = ledger.seat(job_home).worker
    os.kill(processes.pid_of(worker), signal.SIGKILL)
    wait_for(job_home, job.job_id, lambda job: job.attempts == 3 and job.state is JobState.RUNNING)
    assert not processes.lives(worker)
    assert not processes.lives(running.process)

    finished = wait_for(job_home, job.job_id, over)
    assert finished.state is JobState.FINISHED
    (record,) = [record for record in run_records(job_home) if record.run_id == finished.result_id]
    assert record.pictures_computed == 0, "the third attempt found every picture of the first two"
    assert record.pictures_reused == record.pictures
    text = (job_home.path / finished.log_file).read_text()
    counts = [int(line.rpartition(" of ")[2]) for line in text.splitlines() if f"{FEATURE_STAGE}: 0 of " in line]
    assert counts[0] == record.pictures
    assert counts[1] <= record.pictures - 256, "the second attempt had the first one's pictures"
    assert finished.peak_memory_bytes > 100e6
    assert finished.device == "processor"
    assert asked(job_home, NEW_PICTURES).result_id == finished.result_id
    assert estimate(job_home, STUDY, NEW_PICTURES, snapshot_id=finished.snapshot_id, device="cpu").seconds is None


def test_a_job_is_shared_cancelled_within_seconds_and_keeps_what_it_made(job_home):
    settings = replace(KNOWN, input_px=56)
    job = asked(job_home, settings, "one").job
    again = asked(job_home, settings, "two")
    assert (again.job.job_id, again.shared) == (job.job_id, True)
    waiting = asked(job_home, replace(settings, seed=5)).job
    assert waiting.state is JobState.QUEUED, "one heavy job at a time"
    assert desk.cancel(job_home, waiting.job_id).state is JobState.CANCELLED

    running = wait_for(job_home, job.job_id, lambda job: job.stage == FEATURE_STAGE and job.done >= 100)
    asked_at = time.monotonic()
    desk.cancel(job_home, job.job_id)
    cancelled = wait_for(job_home, job.job_id, over)
    took = time.monotonic() - asked_at
    print(f"cancelled while pictures were made, after {took:.2f} s")
    assert cancelled.state is JobState.CANCELLED
    assert took < 5
    assert not processes.lives(running.process)
    work = estimate(job_home, STUDY, settings, snapshot_id=job.snapshot_id, device="cpu").work
    assert 100 <= work.pictures_kept < work.pictures
    assert work.networks_kept is None, "not known before every picture has its features"

    job = asked(job_home, settings).job
    assert job.job_id != cancelled.job_id
    wait_for(job_home, job.job_id, lambda job: job.state is JobState.RUNNING and job.stage is not None)
    asked_at = time.monotonic()
    desk.cancel(job_home, job.job_id)
    cancelled = wait_for(job_home, job.job_id, over)
    took = time.monotonic() - asked_at
    print(f"cancelled soon after its start, after {took:.2f} s")
    assert cancelled.state is JobState.CANCELLED
    assert took < 5


def test_two_processes_that_start_the_same_at_once_share_one_job_and_one_worker(job_home):
    code = (
        "import json, sys\nfrom raise_core.jobs import desk\nfrom raise_core.store.home import Home\n"
        "sys.stdin.readline()\n"
        "found = desk.submit(Home.at(sys.argv[1]), kind='verify', settings={}, requested_by='p')\n"
        "print(json.dumps([found.job.job_id, found.shared]))"
    )
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(job_home.path)],
            cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for process in asking:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in asking]
    job_ids = {job_id for job_id, _ in answers}
    assert len(job_ids) == sum(not shared for _, shared in answers)
    finished = wait_for(job_home, answers[0][0], over)
    assert finished.state is JobState.FINISHED
    assert finished.message.endswith("all are as they were written.")
    worker_log = (job_home.path / "logs" / "worker.log").read_text()
    assert worker_log.count(" takes jobs of ") == 1


def test_a_damaged_artifact_is_found_by_a_check_in_the_background(job_home):
    store = ArtifactStore(job_home)
    entry = store.entries(RUN_KIND)[0]
    document = store.folder(RUN_KIND, entry.key) / "document.json"
    document.write_bytes(document.read_bytes().replace(b"2", b"3", 1))
    job = desk.submit(job_home, kind="verify", settings={}).job
    finished = wait_for(job_home, job.job_id, over)
    assert "1 had changed and were removed" in finished.message
    assert not store.has(RUN_KIND, entry.key)
    assert asked(job_home, KNOWN).job is not None, "a run that lost its record is made again"


def test_a_run_the_form_cannot_show_is_asked_for_again_as_it_was(job_home):
    odd = replace(KNOWN, weeks=(12.0,), models=("dl:lesion-portal+dl:lesion-arterial",), splits=4, inner_folds=3)
    removed = []

    def remove_one(stage: str, done: int, total: int) -> None:
        if stage == NETWORK_STAGE and 0 < total == done and not removed:
            removed.extend(ArtifactStore(job_home).entries(UNIT_KIND))
            for entry in removed:
                ArtifactStore(job_home).remove(UNIT_KIND, entry.key)

    with pytest.raises(BusyError, match="removed while it was made"):
        run_raise(job_home, STUDY, odd, device="cpu", progress=remove_one)
    made = run_raise(job_home, STUDY, odd, device="cpu")
    record = next(record for record in run_records(job_home) if record.run_id == made.run_id)
    assert record.settings == odd
    page = SimpleNamespace(
        home_path=str(job_home.path), study=SimpleNamespace(study_id=STUDY), user=SimpleNamespace(name="ada")
    )
    runs_start.run_again(page, record)
    assert ledger.jobs(job_home) == (), "it is whole"
    for key in (entry.key for entry in ArtifactStore(job_home).entries(UNIT_KIND)):
        ArtifactStore(job_home).remove(UNIT_KIND, key)
    runs_start.run_again(page, record)
    (job,) = ledger.jobs(job_home)
    assert job.settings == odd.to_document()
    assert wait_for(job_home, job.job_id, over).result_id == record.run_id


def test_mistakes_are_said_before_anything_is_queued(job_home):
    with pytest.raises(NotInStoreError, match="nosuch"):
        desk.submit(job_home, kind="raise", study_id="nosuch", settings=KNOWN.to_document())
    with pytest.raises(BadUsageError, match="resnet50"):
        asked(job_home, replace(KNOWN, encoder="resnet9000"))
    with pytest.raises(BadUsageError, match="raise"):
        desk.submit(job_home, kind="nonsense", settings={})
    assert asked(job_home, KNOWN).result_id is not None
    assert ledger.jobs(job_home) == ()


def test_a_job_that_cannot_be_done_says_why_and_is_not_tried_again(job_home):
    many = replace(KNOWN, train_fraction=0.05)
    job = asked(job_home, many).job
    deadline = time.monotonic() + 60
    while desk.find(job_home, job.job_id).state.is_open and time.monotonic() < deadline:
        time.sleep(0.05)
    failed = desk.find(job_home, job.job_id)
    assert failed.state is JobState.FAILED
    assert "too few to train on 0.05 of them" in failed.message
    assert failed.attempts == 1
    assert "Traceback" not in (job_home.path / failed.log_file).read_text()


def test_a_worker_asked_to_leave_puts_its_job_back(job_home):
    job = asked(job_home, replace(KNOWN, input_px=52)).job
    wait_for(job_home, job.job_id, lambda job: job.process is not None)
    worker = ledger.seat(job_home).worker
    os.kill(processes.pid_of(worker), signal.SIGTERM)
    deadline = time.monotonic() + 15
    while processes.lives(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = ledger.find(job_home, job.job_id)
    assert (left.state, left.attempts) == (JobState.QUEUED, 0)
    assert left.message == "The worker was told to end."
    assert ledger.seat(job_home) is None
    assert desk.cancel(job_home, job.job_id).state is JobState.CANCELLED
