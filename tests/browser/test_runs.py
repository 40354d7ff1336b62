"""Runs and cache in a real browser: start, watch, cancel, close everything, compare, clear; on a home of their own."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import re
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

from raise_core.domain.job import JobState
from raise_core.jobs import processes
from raise_core.store import ledger
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.studies.runs import RUN_KIND, UNIT_KIND

pytestmark = [pytest.mark.browser, pytest.mark.slow]
KNOWN = "weeks=12~24&splits=8&px=64"
"""The address of the small home's own run."""

SMALL_NEW = "weeks=12&splits=5&px=48&images=lesion-portal~lesion-arterial"


def expect(seconds: float = 60):
    from playwright.sync_api import expect as playwright_expect

    playwright_expect.set_options(timeout=1000 * seconds)
    return playwright_expect


@pytest.fixture(scope="module")
def start_server():
    """The function that starts a dashboard, from the browser tests' own set-up."""
    spec = importlib.util.spec_from_file_location("browser_set_up", Path(__file__).with_name("conftest.py"))
    set_up = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(set_up)
    return set_up.start_server


@pytest.fixture(scope="module")
def own_home(small_home, tmp_path_factory):
    """A copy of the small home that these tests change; its worker ends with them."""
    home = Home.at(tmp_path_factory.mktemp("runs") / "home")
    home.path.mkdir()
    for part in ("studies", "artifacts"):
        shutil.copytree(small_home / part, home.path / part)
    home.images.symlink_to(small_home / "images")
    yield home
    seat = ledger.seat(home)
    if seat is not None and seat.worker is not None:
        with suppress(ProcessLookupError):
            os.kill(processes.pid_of(seat.worker), signal.SIGTERM)


@pytest.fixture
def dashboard(own_home, start_server):
    process, address = start_server(own_home.path)
    yield address
    process.terminate()
    process.wait(timeout=20)


def open_jobs(home: Home):
    return ledger.jobs(home, only_open=True)


def test_what_is_finished_is_not_started_again_and_has_its_link(dashboard, open_page):
    watched = open_page(dashboard, f"/runs?{KNOWN}", dark=True)
    page = watched.page
    expect()(page.get_by_role("heading", level=1)).to_contain_text("What is running, and what has been run?")
    expect()(page.get_by_text("Simulated data").first).to_be_visible()
    expect()(page.get_by_text("there is nothing to compute")).to_be_visible()
    assert page.get_by_role("button", name="Start").count() == 0
    assert "run=" in page.get_by_role("link", name="Look at its results").get_attribute("href")
    assert watched.errors == []
    assert watched.outside == []


def test_a_run_is_estimated_started_survives_everything_and_appears_without_a_restart(
    own_home, start_server, open_page
):
    process, address = start_server(own_home.path)
    page = open_page(address, f"/runs?{SMALL_NEW}").page
    expect()(page.get_by_text(re.compile(r"0 kept, \d+ to make"))).to_be_visible()
    expect()(page.get_by_text("a coarse guess: no earlier run here to measure from")).to_be_visible()
    began = time.monotonic()
    page.get_by_role("button", name="Start").click()
    expect()(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect()(page.get_by_text(re.compile("Loading the program|Reading the study|Extracting")).first).to_be_visible()
    print(f"from the click on Start to progress on the page: {time.monotonic() - began:.2f} s")
    expect()(page.get_by_text("Exactly this is under way already")).to_be_visible()
    (job,) = open_jobs(own_home)

    page.context.close()
    process.terminate()
    process.wait(timeout=20)
    assert ledger.find(own_home, job.job_id).state.is_open, "nobody watches, and it goes on"

    process, address = start_server(own_home.path)
    try:
        cindex = open_page(address, "/cindex").page
        expect()(cindex.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        page = open_page(address, f"/runs?{SMALL_NEW}").page
        expect(120)(page.get_by_text("there is nothing to compute")).to_be_visible()
        finished = ledger.find(own_home, job.job_id)
        assert (finished.state, finished.attempts) == (JobState.FINISHED, 1)
        expect()(page.get_by_text("Nothing is running; 2 runs are finished")).to_be_visible()
        page.get_by_role("link", name="Look at its results").click()
        expect()(page).to_have_url(re.compile(f"run={finished.result_id[:8]}"))
        expect()(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_cancel_on_the_page_takes_two_seconds_at_most(own_home, dashboard, open_page):
    page = open_page(dashboard, "/runs?weeks=12~24&splits=8&px=72").page
    page.get_by_role("button", name="Start").click()
    expect()(page.get_by_text(re.compile(r"Extracting image features: [1-9]")).first).to_be_visible()
    (job,) = open_jobs(own_home)
    began = time.monotonic()
    page.get_by_role("button", name="Cancel").click()
    while ledger.find(own_home, job.job_id).state.is_open and time.monotonic() - began < 10:
        time.sleep(0.02)
    took = time.monotonic() - began
    print(f"from the click on Cancel to the end of the process: {took:.2f} s")
    assert ledger.find(own_home, job.job_id).state is JobState.CANCELLED
    assert took < 5
    expect()(page.get_by_text("Nothing is running")).to_be_visible()
    page.get_by_text("Earlier jobs and their logs").click()
    expect()(page.get_by_text("Log of")).to_be_visible()


def test_a_run_fills_the_form_again_and_two_are_compared(own_home, dashboard, open_page):
    codes = [entry.key[:8] for entry in ArtifactStore(own_home).entries(RUN_KIND)]
    page = open_page(dashboard, f"/runs?runs={'~'.join(codes)}").page
    for code in codes:
        expect()(page.get_by_role("button", name=f"Change run {code}")).to_be_visible()
    expect()(page.get_by_role("row", name=re.compile("Monte Carlo splits.*differs"))).to_be_visible()
    expect()(page.get_by_role("row", name=re.compile(r"c-index, .*12: 0\.\d\d \(0\.\d\d–"))).to_be_visible()
    small = next(entry.key for entry in ArtifactStore(own_home).entries(RUN_KIND) if _splits(own_home, entry.key) == 8)
    page.get_by_role("button", name=f"Run {small[:8]} again").click()
    expect()(page.get_by_text("finished already and whole")).to_be_visible()
    assert open_jobs(own_home) == ()
    page.get_by_role("button", name=f"Change run {small[:8]}").click()
    expect()(page).to_have_url(re.compile("splits=8"))
    expect()(page.get_by_text("there is nothing to compute")).to_be_visible()


def test_the_tables_of_runs_and_of_what_is_kept_download_as_csv(own_home, dashboard, open_page):
    page = open_page(dashboard, "/runs").page
    name, table = _downloaded(page)
    assert name == "simulated-demo-raise-runs.csv"
    runs = {entry.key for entry in ArtifactStore(own_home).entries(RUN_KIND)}
    assert set(table["Run"]) == runs
    assert set(table["Study"]) == {"demo-raise"}
    assert set(table["Simulated data"]) == {"yes"}
    assert table["Snapshot"].str.len().min() == 32

    page = open_page(dashboard, "/cache").page
    name, table = _downloaded(page)
    assert name == "kept.csv"
    networks = table.set_index("What").loc["Network outputs"]
    assert networks["Size (bytes)"] == ArtifactStore(own_home).sizes()[UNIT_KIND]
    assert networks["Can be made again"] == "yes"


def _downloaded(page) -> tuple[str, pd.DataFrame]:
    """Name and content of the file behind the page's one button CSV; no cell may be a spreadsheet's formula."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV", exact=True).click()
    content = waiting.value.path().read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    return waiting.value.suggested_filename, pd.read_csv(io.BytesIO(content), encoding="utf-8-sig")


def _splits(home: Home, run_id: str) -> int:
    return ArtifactStore(home).read(RUN_KIND, run_id).document["settings"]["splits"]


def test_what_cannot_be_run_says_so_on_the_form(dashboard, open_page):
    watched = open_page(dashboard, "/runs?weeks=400")
    expect()(watched.page.get_by_text(re.compile("week 400"))).to_be_visible()
    assert watched.page.get_by_role("button", name="Start").count() == 0
    watched = open_page(dashboard, "/runs?weeks=soon&splits=9999&device=abacus")
    expect()(watched.page.get_by_text("“soon” is not a number")).to_be_visible()
    expect()(watched.page.get_by_text("the default is shown").first).to_be_visible()
    assert watched.errors == []


def test_the_cache_is_checked_and_cleared_after_a_dry_run(own_home, dashboard, open_page):
    watched = open_page(dashboard, "/cache")
    page = watched.page
    expect()(page.get_by_text("that can be computed again")).to_be_visible()
    page.get_by_role("button", name="Check now").click()
    expect()(page.get_by_text("all are as they were written. Checked at")).to_be_visible()

    kind = next(kind for kind in ArtifactStore(own_home).sizes() if kind.startswith("features-"))
    page = open_page(dashboard, f"/cache?clear={kind}").page
    expect()(page.get_by_text("items would go")).to_be_visible()
    before = ArtifactStore(own_home).sizes()
    page.get_by_role("button", name=re.compile(r"Clear .* …")).click()
    assert ArtifactStore(own_home).sizes() == before, "nothing goes before it is confirmed"
    page.get_by_role("dialog").get_by_role("button", name="Clear", exact=True).click()
    expect()(page.get_by_text("items cleared")).to_be_visible()
    after = ArtifactStore(own_home).sizes()
    assert kind not in after
    assert {name: size for name, size in before.items() if name != kind} == after
    assert watched.errors == []
    assert watched.outside == []
