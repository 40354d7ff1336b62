"""Importance of laboratory values in a real browser: asked for on the page, computed behind it, drawn when ready."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import expect

from raise_core.jobs import processes
from raise_core.store import ledger
from raise_core.store.home import Home

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WAIT_MS = 90_000


@pytest.fixture
def dashboard(small_home, tmp_path):
    """A dashboard on a home of the test's own; its worker ends with the test."""
    spec = importlib.util.spec_from_file_location("browser_set_up", Path(__file__).with_name("conftest.py"))
    set_up = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(set_up)
    home = Home.at(tmp_path / "labs-home")
    home.path.mkdir()
    shutil.copytree(small_home / "studies", home.path / "studies")
    process, address = set_up.start_server(home.path)
    yield address
    process.terminate()
    process.wait(timeout=20)
    seat = ledger.seat(home)
    if seat is not None and seat.worker is not None:
        with suppress(ProcessLookupError):
            os.kill(processes.pid_of(seat.worker), signal.SIGTERM)


def test_it_is_computed_when_asked_for_and_a_link_opens_a_patients_picture(dashboard, open_page):
    watched = open_page(dashboard, "/labs?week=12&model=cox")
    page = watched.page
    expect(page.get_by_text("Not computed yet for the values at week 12")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Compute").click()
    expect(page.get_by_text(re.compile("matters most at week 12|can be told from noise")).first).to_be_visible(
        timeout=WAIT_MS
    )
    rows = page.locator(".js-plotly-plot .ytick text")
    expect(rows.first).to_have_text("Random numbers", timeout=WAIT_MS)
    assert rows.count() > 5

    page.get_by_role("radio", name="SHAP").click()
    page.get_by_role("radio", name="One patient").click()
    expect(page.get_by_text(re.compile("times the average hazard")).first).to_be_visible(timeout=WAIT_MS)
    expect(page).to_have_url(re.compile("of=patient"), timeout=WAIT_MS)
    expect(page.get_by_role("link", name=re.compile("^Course of "))).to_have_attribute(
        "href", re.compile("patient="), timeout=WAIT_MS
    )
    assert watched.errors == []
    assert watched.outside == []
