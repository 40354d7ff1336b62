"""The ledger of background work: one job for one piece of work, each taken once, whoever writes at the same time."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.job import JobState
from raise_core.store import ledger
from raise_core.store.home import Home
from raise_core.store.ledger import Progressed

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path) -> Home:
    return Home.at(tmp_path / "ledger-home")


def added(home: Home, identity: str = "same", **more):
    values = {"kind": "raise", "study_id": "s", "snapshot_id": "1", "settings": {"splits": 8}, "device": "cpu"}
    return ledger.add(home, **(values | more), identity=identity, requested_by="somebody")


def report(done: int, total: int = 10, *, stage: str = "Stage", counted: int | None = None, seconds: float = 1.0):
    return Progressed(
        stage=stage,
        done=done,
        total=total,
        counted=done if counted is None else counted,
        seconds=seconds,
        rate=2.0,
        rate_spread=0.1,
        device="processor",
        gpu_memory_bytes=None,
    )


def test_reading_an_empty_home_makes_nothing(home):
    assert ledger.jobs(home) == ()
    assert ledger.seat(home) is None
    assert ledger.stage_times(home, "raise") == ()
    with pytest.raises(NotInStoreError, match="jobs list"):
        ledger.find(home, "nosuch")
    assert not home.path.exists()


def test_the_same_work_is_one_job_until_it_is_over(home):
    first, shared = added(home)
    again, shared_again = added(home)
    assert (shared, shared_again) == (False, True)
    assert again == first
    assert first.settings == {"splits": 8}
    job = ledger.claim(home, "w")
    assert added(home)[0].job_id == first.job_id
    ledger.finish(home, job, "result", "done")
    anew, shared = added(home)
    assert not shared
    assert anew.job_id != first.job_id
    assert ledger.find(home, first.job_id).result_id == "result"


def test_jobs_are_taken_in_the_order_they_were_asked_for(home):
    asked = [added(home, str(number))[0].job_id for number in range(3)]
    taken = [ledger.claim(home, "w") for _ in range(4)]
    assert [job.job_id for job in taken[:3]] == asked
    assert taken[3] is None
    assert all(job.state is JobState.RUNNING and job.attempts == 1 for job in taken[:3])


def test_a_process_that_was_given_up_cannot_write_over_its_successor(home):
    added(home)
    old = ledger.claim(home, "w1")
    ledger.interrupt(home, old, "killed", counts=True)
    ledger.take_up(home, most_attempts=3)
    new = ledger.claim(home, "w2")
    assert new.attempts == 2
    ledger.progressed(home, new, report(7))
    ledger.progressed(home, old, report(2))
    ledger.finish(home, old, "wrong")
    found = ledger.find(home, new.job_id)
    assert (found.state, found.done, found.result_id) == (JobState.RUNNING, 7, None)


def test_work_begun_three_times_has_failed_and_says_why(home):
    added(home)
    for attempt in range(1, 4):
        job = ledger.claim(home, "w")
        assert job.attempts == attempt
        ledger.interrupt(home, job, "It was killed.", counts=True)
        ledger.take_up(home, most_attempts=3)
    found = ledger.find(home, job.job_id)
    assert found.state is JobState.FAILED
    assert found.message == "It was killed. It was begun 3 times and is not tried again."
    assert ledger.claim(home, "w") is None


def test_a_worker_that_leaves_politely_costs_no_attempt(home):
    added(home)
    job = ledger.claim(home, "w")
    ledger.interrupt(home, job, "told to end", counts=False)
    ledger.take_up(home, most_attempts=3)
    assert ledger.claim(home, "w").attempts == 1


def test_cancelling_a_waiting_job_is_immediate_a_running_one_is_asked(home):
    waiting, running = added(home, "a")[0], added(home, "b")[0]
    assert ledger.ask_cancel(home, waiting.job_id).state is JobState.CANCELLED
    job = ledger.claim(home, "w")
    assert job.job_id == running.job_id
    assert ledger.ask_cancel(home, job.job_id).state is JobState.CANCELLING
    ledger.cancelled(home, job, "stopped")
    assert ledger.ask_cancel(home, job.job_id).state is JobState.CANCELLED
    with pytest.raises(NotInStoreError):
        ledger.ask_cancel(home, "nosuch")


def test_open_jobs_come_first_then_the_newest(home):
    for name in "abc":
        added(home, name)
    for _ in range(2):
        ledger.finish(home, ledger.claim(home, "w"), None)
        time.sleep(0.002)
    identities = [job.identity for job in ledger.jobs(home)]
    assert identities == ["c", "b", "a"]
    assert [job.identity for job in ledger.jobs(home, only_open=True)] == ["c"]


def test_measured_stages_are_kept_by_attempt(home):
    added(home)
    job = ledger.claim(home, "w")
    ledger.progressed(home, job, report(0, counted=0))
    assert ledger.stage_times(home, "raise") == ()
    ledger.progressed(home, job, report(4, seconds=2.0))
    ledger.progressed(home, job, report(9, seconds=3.0))
    (stage,) = ledger.stage_times(home, "raise")
    assert (stage.counted, stage.seconds, stage.device, stage.settings) == (9, 3.0, "processor", {"splits": 8})


def test_peak_memory_is_the_most_it_was(home):
    added(home)
    job = ledger.claim(home, "w")
    for amount in (5, 9, 7):
        ledger.alive(home, job, memory_bytes=amount)
    ledger.alive(home, job, memory_bytes=None)
    found = ledger.find(home, job.job_id)
    assert (found.memory_bytes, found.peak_memory_bytes) == (7, 9)


def test_one_worker_is_started_at_a_time(home):
    assert ledger.reserve_seat(home, instead_of=None, within_seconds=60)
    starting = ledger.seat(home)
    assert starting.worker is None
    assert not ledger.reserve_seat(home, instead_of=starting, within_seconds=60)
    assert ledger.reserve_seat(home, instead_of=starting, within_seconds=0), "one that never came is given up"
    ledger.take_seat(home, "w")
    assert not ledger.reserve_seat(home, instead_of=None, within_seconds=60)
    added(home)
    assert not ledger.leave_seat(home, "w", if_idle=True), "a job came in at the last moment"
    assert ledger.leave_seat(home, "w", if_idle=False)
    assert ledger.seat(home) is None


def test_many_threads_ask_take_and_report_at_once(home):
    barrier = threading.Barrier(8)

    def ask(number: int) -> tuple[str, bool]:
        barrier.wait()
        job, shared = added(home, f"work {number % 2}")
        return job.job_id, shared

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
        assert len({job_id for job_id, _ in answers}) == 2
        assert sum(not shared for _, shared in answers) == 2
        taken = [job for job in pool.map(lambda _: ledger.claim(home, "w"), range(8)) if job is not None]
        assert len(taken) == 2
        list(pool.map(lambda done: ledger.progressed(home, taken[0], report(done)), range(1, 41)))
    assert ledger.find(home, taken[0].job_id).state is JobState.RUNNING


def test_two_processes_asking_at_the_first_moment_get_one_job(home):
    code = (
        "import sys\nfrom raise_core.store import ledger\nfrom raise_core.store.home import Home\n"
        "sys.stdin.readline()\n"
        "job, shared = ledger.add(Home.at(sys.argv[1]), kind='raise', study_id='s', snapshot_id='1', settings={},"
        " identity='x', device='cpu', requested_by='p')\nprint(job.job_id, shared)"
    )
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(home.path)],
            cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    answers = [process.communicate("go\n", timeout=60)[0].split() for process in asking]
    assert len({job_id for job_id, _ in answers}) == 1
    assert sorted(shared for _, shared in answers) == ["False", "True", "True", "True"]


def test_a_sign_of_progress_costs_milliseconds(home):
    added(home)
    job = ledger.claim(home, "w")
    began = time.perf_counter()
    for done in range(50):
        ledger.progressed(home, job, report(done))
    each = (time.perf_counter() - began) / 50
    print(f"one progress write: {1000 * each:.1f} ms")
    assert each < 0.1
