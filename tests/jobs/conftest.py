"""A home of a test's own, with a study, whose worker ends with the test."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress

import pytest

from raise_core.jobs import processes
from raise_core.store import ledger
from raise_core.store.home import Home


def end_worker(home: Home) -> None:
    """Ask the home's worker to leave and wait until it has."""
    deadline = time.monotonic() + 30
    while (seat := ledger.seat(home)) is not None and time.monotonic() < deadline:
        if seat.worker is not None:
            if not processes.lives(seat.worker):
                return
            with suppress(ProcessLookupError):
                os.kill(processes.pid_of(seat.worker), signal.SIGTERM)
        time.sleep(0.1)


@pytest.fixture
def job_home(small_home, tmp_path):
    """A copy of the small home that a test may change; images are linked, nothing writes into them."""
    home = Home.at(tmp_path / "jobs-home")
    home.path.mkdir()
    for part in ("studies", "artifacts"):
        shutil.copytree(small_home / part, home.path / part)
    home.images.symlink_to(small_home / "images")
    yield home
    end_worker(home)
