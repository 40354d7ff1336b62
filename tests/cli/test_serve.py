"""serve sees to dead workers while it runs, says what it could not see to, and ends as it always did on Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raise_core.domain.job import JobState
from raise_core.jobs import processes
from raise_core.store import ledger
from raise_core.store.home import Home
from raise_core.store.workspace import FILE_NAME

pytestmark = [pytest.mark.slow, pytest.mark.alone]
REPOSITORY = Path(__file__).resolve().parents[2]
SERVE = (
    "import sys\nfrom raise_core.cli import app, study_verbs\nstudy_verbs.SECONDS_BETWEEN_LOOKS = 0.5\n"
    "sys.argv = ['raise_core', *sys.argv[1:]]\napp.main()"
)


def serve(home: Home) -> subprocess.Popen:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return subprocess.Popen(
        [sys.executable, "-c", SERVE, "--home", str(home.path), "serve", "--port", str(port)],
        cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, text=True,
    )  # fmt: skip


def ctrl_c(server: subprocess.Popen) -> tuple[int, str]:
    """As a terminal does it: everybody in the group gets the signal. Exit code and what was said."""
    os.killpg(server.pid, signal.SIGINT)
    said = server.communicate(timeout=30)[1]
    return server.returncode, said


def test_a_killed_worker_s_job_is_taken_up_though_nobody_looks_at_a_page(tmp_path):
    home = Home.at(tmp_path / "h")
    dead = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    mark = processes.mark_of(dead.pid)
    ledger.take_seat(home, mark)
    ledger.add(
        home, kind="verify", study_id="", snapshot_id="", settings={}, identity="x", device="cpu", requested_by=""
    )
    job = ledger.claim(home, mark)
    dead.kill()
    dead.wait()
    server = serve(home)
    deadline = time.monotonic() + 60
    while ledger.find(home, job.job_id).state.is_open and time.monotonic() < deadline:
        time.sleep(0.1)
    found = ledger.find(home, job.job_id)
    assert (found.state, found.attempts) == (JobState.FINISHED, 2)
    worker = ledger.seat(home).worker
    code, said = ctrl_c(server)
    assert code == 130
    assert "Traceback" not in said
    assert processes.lives(worker), "the work goes on without the dashboard"
    os.kill(processes.pid_of(worker), signal.SIGTERM)


def test_what_cannot_be_looked_after_is_said_once_and_the_dashboard_stays(tmp_path):
    home = Home.at(tmp_path / "h")
    home.path.mkdir()
    (home.path / FILE_NAME).write_bytes(b"not a database at all" * 100)
    server = serve(home)
    time.sleep(6)
    assert server.poll() is None
    code, said = ctrl_c(server)
    assert code == 130
    assert said.count("could not be looked after") == 1
