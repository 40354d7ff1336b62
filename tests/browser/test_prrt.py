"""The PRRT study in a real browser: every view can be read, a moved threshold stays in the address, a link opens it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WAIT_MS = 60_000
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
DONE = "[data-test-script-state=notRunning]"
VIEWS = ("models", "curves", "threshold", "survival", "calibration", "map", "numbers")
OTHERS = {
    "/": "Can a scan and a blood test tell",
    "/cohort": "Who are these patients?",
    "/runs": "What is running",
    "/labs": "Which laboratory values matter?",
    "/attention": "What did the network look at?",
    "/patient": "How did this patient do?",
    "/response": "How did the tumours respond?",
    "/cindex": "Would an earlier scan have told us?",
    "/survival": "How long without the event",
    "/individual": "What if this patient",
}


@pytest.fixture(scope="module")
def prrt_server(small_prrt_home):
    """Address of a dashboard on the small PRRT home."""
    spec = importlib.util.spec_from_file_location("browser_set_up", Path(__file__).with_name("conftest.py"))
    set_up = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(set_up)
    process, address = set_up.start_server(small_prrt_home)
    yield address
    process.terminate()
    process.wait(timeout=20)


def settled(page, question):
    expect(page.get_by_role("heading", level=1)).to_contain_text(question, timeout=WAIT_MS)
    expect(page.locator(DONE)).to_be_attached(timeout=WAIT_MS)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')")


def sound(watched):
    page = watched.page
    assert page.get_by_test_id("stException").count() == 0
    assert page.evaluate(CONTRAST) == []
    for chart in page.get_by_test_id("stPlotlyChart").all():
        told = chart.evaluate("e => e.getAttribute('aria-label') || e.querySelector('[aria-label]')?.ariaLabel || ''")
        assert len(told) > 40, "a chart without words for a screen reader"
    page.wait_for_function(
        "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth <= m.clientWidth + 1; }"
    )
    assert watched.errors == []
    assert watched.outside == []


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_can_be_read(prrt_server, open_page, view):
    watched = open_page(prrt_server, f"/prrt?show={view}")
    settled(watched.page, "Who stays free of progression")
    expect(watched.page.get_by_text("Simulated data").first).to_be_visible()
    sound(watched)


@pytest.mark.parametrize("path", ["/prrt", "/prrt?show=survival", "/attention", "/labs"])
def test_the_dark_can_be_read(prrt_server, open_page, path):
    watched = open_page(prrt_server, path, dark=True)
    expect(watched.page.locator(DONE)).to_be_attached(timeout=WAIT_MS)
    sound(watched)


@pytest.mark.parametrize("path", OTHERS)
def test_every_other_page_copes_with_one_arm_and_with_pet(prrt_server, open_page, path):
    watched = open_page(prrt_server, path)
    settled(watched.page, OTHERS[path])
    sound(watched)


def test_a_moved_threshold_stays_in_the_address_and_opens_again(prrt_server, open_page):
    watched = open_page(prrt_server, "/prrt?show=threshold")
    page = watched.page
    settled(page, "Who stays free of progression")
    thumb = page.get_by_role("slider").first
    thumb.focus()
    for _ in range(5):
        thumb.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"[?&]threshold=0\.55(&|$)"), timeout=WAIT_MS)
    again = open_page(prrt_server, page.url.removeprefix(prrt_server))
    settled(again.page, "Who stays free of progression")
    assert again.page.url == page.url
    sound(again)
