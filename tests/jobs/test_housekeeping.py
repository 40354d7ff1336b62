"""Clearing: first said, then done; runs spared when asked; refused while work is under way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from raise_core.domain.errors import BusyError
from raise_core.jobs import housekeeping, log
from raise_core.store import ledger
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.store.lock import at_work, under_way
from raise_core.studies.runs import RUN_KIND, UNIT_KIND


@pytest.fixture
def home(tmp_path) -> Home:
    """A home with a run of two networks, a third network no run uses, features, and an image."""
    home = Home.at(tmp_path / "kept")
    store = ArtifactStore(home)
    for number in range(3):
        store.write(UNIT_KIND, f"{number}" * 64, document={"n": number})
    units = {"lesion-portal": "0" * 64, "lesion-arterial": "1" * 64}
    store.write(RUN_KIND, "a" * 64, document={"weeks": [{"week": 12, "units": units}]})
    store.write("features-resnet50-imagenet", "f" * 64, document={"keys": []})
    image = home.image("e" * 64, ".nii.gz")
    image.parent.mkdir(parents=True)
    image.write_bytes(b"12345")
    return home


def everything(home: Home) -> set[str]:
    return {entry.key[0] for entry in ArtifactStore(home).entries()}


def clear(home: Home, *kinds: str, **more):
    return housekeeping.clear(home, **({"kinds": kinds, "older_than_days": 0, "spare_runs": True} | more))


def test_what_is_kept_has_plain_names_and_sizes(home):
    rows = {row.code: row for row in housekeeping.kept(home)}
    assert rows["images"].size_bytes == 5
    assert not rows["images"].can_be_cleared
    assert rows[UNIT_KIND].items == 3
    assert rows["features-resnet50-imagenet"].name == "Image features, ResNet50 (ImageNet)"
    assert all(rows[kind].can_be_cleared for kind in (UNIT_KIND, RUN_KIND))
    sizes = ArtifactStore(home).sizes()
    assert {code: row.size_bytes for code, row in rows.items() if code in sizes} == sizes


def test_a_dry_run_says_exactly_what_goes_and_removes_nothing(home):
    before = everything(home)
    said = clear(home, UNIT_KIND, RUN_KIND, dry_run=True)
    assert [entry.key[0] for entry in said.removed] == ["2"]
    assert everything(home) == before
    done = clear(home, UNIT_KIND, RUN_KIND, dry_run=False)
    assert done == said
    assert everything(home) == before - {"2"}


def test_runs_go_when_they_are_not_spared_and_only_chosen_kinds_go(home):
    clear(home, UNIT_KIND, spare_runs=False, dry_run=False)
    assert everything(home) == {"a", "f"}
    assert clear(home, "features-resnet50-imagenet", older_than_days=1, dry_run=False).removed == ()


def test_clearing_is_refused_while_work_is_under_way(home):
    ledger.add(
        home, kind="verify", study_id="", snapshot_id="", settings={}, identity="x", device="cpu", requested_by=""
    )
    clear(home, UNIT_KIND, dry_run=False)
    job = ledger.claim(home, "w")
    with pytest.raises(BusyError, match=f"jobs cancel {job.job_id}"):
        clear(home, UNIT_KIND, dry_run=False)
    clear(home, UNIT_KIND, dry_run=True)


RUNNING = (
    "import sys\nfrom raise_core.store.home import Home\nfrom raise_core.store.lock import under_way\n"
    "with under_way(Home.at(sys.argv[1])):\n    print('runs', flush=True)\n    sys.stdin.read()"
)


@pytest.mark.parametrize("killed", [False, True])
def test_clearing_is_refused_while_a_terminal_runs_something(home, killed):
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNING, str(home.path)], cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == b"runs\n"
    with under_way(home):
        assert sorted(at_work(home)) == sorted([process.pid, os.getpid()])
    with pytest.raises(BusyError, match=f"process {process.pid}"):
        clear(home, UNIT_KIND, dry_run=False)
    clear(home, UNIT_KIND, dry_run=True)
    if killed:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    clear(home, UNIT_KIND, dry_run=False)
    assert at_work(home) == ()


def test_logs_are_counted_and_those_of_old_jobs_go(home):
    jobs = []
    for number in range(4):
        job, _ = ledger.add(
            home, kind="verify", study_id="", snapshot_id="", settings={}, identity=f"{number}", device="cpu",
            requested_by="",
        )  # fmt: skip
        log.log_path(home, job).write_text("0123456789")
        jobs.append(job.job_id)
    for job_id in jobs[:3]:
        ledger.ask_cancel(home, job_id)
    worker_log = log.log_folder(home) / log.WORKER_LOG
    worker_log.write_text("w" * 100)
    row = next(row for row in housekeeping.kept(home) if row.code == "logs")
    assert (row.items, row.size_bytes, row.can_be_cleared, row.is_data) == (5, 140, False, False)
    assert log.remove_old(home, keep=1) == 2
    left = {file.name for file in log.log_folder(home).iterdir()}
    assert left == {f"{jobs[2]}.log", f"{jobs[3]}.log", log.WORKER_LOG}, "the last that ended, the one that waits"
    log.turn_over(home, longest_bytes=100)
    assert worker_log.exists()
    log.turn_over(home, longest_bytes=99)
    assert not worker_log.exists()
    assert log.remove_old(home, keep=1) == 0
    assert (log.log_folder(home) / log.EARLIER_WORKER_LOG).exists()
