"""jobs list, show, cancel: the same ledger as the pages, one JSON document, exit codes."""

from __future__ import annotations

import json

import pytest

from raise_core.store import ledger
from raise_core.store.home import Home
from raise_core.store.ledger import Progressed
from raise_core.studies.raise_settings import RaiseSettings


@pytest.fixture
def home(tmp_path) -> Home:
    """A home whose one job is half done by a worker on another machine, so that nothing here takes it over."""
    home = Home.at(tmp_path / "h")
    ledger.add(
        home,
        kind="raise",
        study_id="mine",
        snapshot_id="abc",
        settings=RaiseSettings().to_document(),
        identity="x",
        device="cpu",
        requested_by="ada",
    )
    elsewhere = "another-machine/7/8/9"
    ledger.take_seat(home, elsewhere)
    job = ledger.claim(home, elsewhere)
    report = Progressed("Extracting image features", 400, 1000, 300, 30.0, 10.0, 0.2, "processor", None)
    ledger.progressed(home, job, report)
    (home.path / "logs").mkdir()
    (home.path / job.log_file).write_text("one\ntwo\n")
    return home


def test_a_running_job_is_listed_and_shown(call, home):
    code, out, _ = call("--home", home.path, "--json", "jobs", "list")
    assert code == 0
    (job,) = json.loads(out)["jobs"]
    assert (job["state"], job["done"], job["total"], job["requested_by"]) == ("running", 400, 1000, "ada")
    assert job["stage_remaining_seconds"] == [50.0, 75.0]
    code, out, _ = call("--home", home.path, "--json", "jobs", "show", job["job_id"])
    assert code == 0
    assert json.loads(out)["log"] == ["one", "two"]
    code, out, err = call("--home", home.path, "jobs", "show", job["job_id"])
    assert code == 0
    for words in ("400 of 1,000", "50–75 s left", "ResNet50", "processor", "two"):
        assert words in out + err


def test_cancel_asks_a_running_job_and_drops_a_waiting_one(call, home, monkeypatch):
    monkeypatch.setattr("raise_core.cli.job_verbs.SECONDS_TO_CANCEL", 0.2)
    (running,) = ledger.jobs(home)
    code, out, _ = call("--home", home.path, "--json", "jobs", "cancel", running.job_id)
    assert (code, json.loads(out)["state"]) == (0, "cancelling")
    waiting, _ = ledger.add(
        home, kind="verify", study_id="", snapshot_id="", settings={}, identity="y", device="cpu", requested_by=""
    )
    code, out, _ = call("--home", home.path, "--json", "jobs", "cancel", waiting.job_id)
    assert (code, json.loads(out)["state"]) == (0, "cancelled")
    _, _, err = call("--home", home.path, "jobs", "cancel", waiting.job_id)
    assert "over already: cancelled" in err


@pytest.mark.parametrize("verb", ["show", "cancel"])
def test_an_unknown_job_is_not_in_the_store(call, tmp_path, verb):
    code, out, err = call("--home", tmp_path / "none", "--json", "jobs", verb, "nosuch")
    assert (code, out) == (4, "")
    assert "jobs list" in err
    assert not (tmp_path / "none").exists()


def test_an_empty_home_has_no_jobs_and_stays_empty(call, tmp_path):
    code, out, _ = call("--home", tmp_path / "none", "--json", "jobs", "list")
    assert (code, json.loads(out)) == (0, {"jobs": []})
    _, _, err = call("--home", tmp_path / "none", "jobs", "list")
    assert "Nothing has been run" in err
    assert not (tmp_path / "none").exists()


def test_pruning_is_refused_while_a_job_runs_but_can_be_tried_dry(call, home):
    code, _, err = call("--home", home.path, "--json", "cache", "prune")
    assert code == 5
    assert "is running" in err
    code, out, _ = call("--home", home.path, "--json", "cache", "prune", "--dry-run")
    assert (code, json.loads(out)["removed"]) == (0, [])
