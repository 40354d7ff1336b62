"""Processes by their mark: none is taken for another, a family is measured and ended whole."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from raise_core.jobs import processes

FAMILY = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); {then}"


JOB = "1234abcd"


def started(then: str, *, job_id: str = JOB) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", FAMILY.format(then=then)], start_new_session=True, stdin=subprocess.DEVNULL,
        env={**os.environ, processes.JOB_VARIABLE: job_id},
    )  # fmt: skip


def group(pid: int) -> list[int]:
    return [status.pid for status in processes._all() if status.group == pid and status.state not in "ZX"]


def until(condition) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_this_process_lives_and_is_here():
    mark = processes.mark_of()
    assert processes.is_here(mark)
    assert processes.lives(mark)
    assert processes.pid_of(mark) == os.getpid()
    assert not processes.is_here(f"another-{socket.gethostname()}/1/2/3")


def test_a_later_process_with_the_same_number_is_not_the_same():
    host, pid, started_at, boot = processes.mark_of().split("/")
    assert not processes.lives(f"{host}/{pid}/{int(started_at) - 1}/{boot}")
    processes.end_group(f"{host}/{pid}/{int(started_at) - 1}/{boot}", job_id=JOB)  # would end this very test


def test_a_dead_process_that_nobody_buried_does_not_live():
    child = subprocess.Popen([sys.executable, "-c", ""])
    mark = processes.mark_of(child.pid)
    assert until(lambda: not processes.lives(mark))
    child.wait()


def test_a_family_is_measured_and_ended_together():
    child = started("time.sleep(60)")
    mark = processes.mark_of(child.pid)
    assert until(lambda: len(group(child.pid)) == 2)
    alone = processes._status(child.pid).resident_bytes
    assert processes.resident_bytes(child.pid) > alone
    processes.end_group(mark, job_id=JOB)
    child.wait(timeout=10)
    assert until(lambda: group(child.pid) == [])
    assert processes.resident_bytes(child.pid) is None


@pytest.mark.parametrize("buried", [True, False])
def test_children_are_ended_after_their_leader_is_gone(buried):
    child = started("time.sleep(1)")
    mark = processes.mark_of(child.pid)
    assert until(lambda: len(group(child.pid)) == 2)
    child.kill()
    if buried:
        child.wait()
    assert until(lambda: len(group(child.pid)) == 1)
    processes.end_group(mark, job_id=JOB)
    assert until(lambda: group(child.pid) == [])
    child.wait()


@pytest.mark.parametrize(("job_id", "boot"), [("another", None), (JOB, "00000000")])
def test_a_group_that_is_not_the_job_s_is_left_alone_after_its_leader_is_gone(job_id, boot):
    child = started("time.sleep(60)", job_id=job_id)
    mark = processes.mark_of(child.pid)
    assert until(lambda: len(group(child.pid)) == 2)
    child.kill()
    child.wait()
    (orphan,) = group(child.pid)
    processes.end_group(mark if boot is None else mark.rpartition("/")[0] + f"/{boot}", job_id=JOB)
    time.sleep(0.2)
    assert group(child.pid) == [orphan]
    os.kill(orphan, signal.SIGKILL)
    assert until(lambda: group(child.pid) == [])
