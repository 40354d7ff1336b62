"""What is true of every page: opened by its address on a fresh server, light and dark, on a projector and a tablet."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
PAGES = {
    "/": "Can a scan and a blood test tell",
    "/cohort": "Who are these patients?",
    "/cohort?tab=visits": "Who are these patients?",
    "/cohort?tab=baseline": "Who are these patients?",
    "/cohort?tab=markers": "Who are these patients?",
    "/patient": "How did this patient do?",
    "/response": "How did the tumours respond?",
    "/response?show=time": "How did the tumours respond?",
    "/response?show=study": "How did the tumours respond?",
    "/response?show=growth": "How did the tumours respond?",
    "/response?show=lesions": "How did the tumours respond?",
    "/cindex": "Would an earlier scan have told us?",
    "/survival": "How long without the event",
    "/survival?by=marker&more=whatif": "How long without the event",
    "/survival?by=marker&more=cuts": "How long without the event",
    "/survival?by=arm&more=checks": "How long without the event",
    "/survival?by=arm&more=subgroups": "How long without the event",
    "/individual": "What if this patient",
    "/individual?v.sldr=1.25": "What if this patient",
    "/runs": "What is running",
    "/cache": "What is kept",
}
BARE = [path for path in PAGES if "?" not in path]
IN_THE_DARK = [*BARE, "/cohort?tab=markers", "/survival?by=marker&more=cuts"]
"""Every page, and the views that draw in ways of their own; the others share figures and tables with these."""
SCREENS = {"projector at 125 %": (1024, 576), "tablet": (820, 1180)}
DONE = "[data-test-script-state=notRunning]"


def expect():
    from playwright.sync_api import expect as playwright_expect

    playwright_expect.set_options(timeout=60_000)
    return playwright_expect


def settled(page, question):
    expect()(page.get_by_role("heading", level=1)).to_contain_text(question)
    expect()(page.locator(DONE)).to_be_attached()
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')")


@pytest.mark.parametrize("path", BARE)
def test_it_opens_by_its_own_address_on_a_fresh_server(fresh_server, open_page, path):
    watched = open_page(fresh_server, path)
    settled(watched.page, PAGES[path])
    expect()(watched.page.get_by_text("Simulated data").first).to_be_visible()
    expect()(watched.page.get_by_test_id("stSidebar").get_by_text("not a medical device")).to_be_visible()
    assert watched.page.get_by_test_id("stException").count() == 0
    assert watched.errors == []
    assert watched.outside == []


@pytest.mark.parametrize("path", PAGES)
def test_it_can_be_read_and_fits_a_projector_and_a_tablet(server, open_page, path):
    watched = open_page(server, path)
    page = watched.page
    settled(page, PAGES[path])
    assert page.evaluate(CONTRAST) == []
    for chart in page.get_by_test_id("stPlotlyChart").all():
        told = chart.evaluate("e => e.getAttribute('aria-label') || e.querySelector('[aria-label]')?.ariaLabel || ''")
        assert len(told) > 40, "a chart without words for a screen reader"
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(
            "() => { const m = document.querySelector('[data-testid=stMain]');"
            " return m.scrollWidth <= m.clientWidth + 1; }"
        )
        for chart in page.get_by_test_id("stPlotlyChart").all():
            box = chart.bounding_box()
            assert box is None or box["x"] + box["width"] <= width + 1, f"a chart is cut off on a {screen}"
    assert watched.errors == []


@pytest.mark.parametrize("path", IN_THE_DARK)
def test_it_can_be_read_in_the_dark(server, open_page, path):
    watched = open_page(server, path, dark=True)
    settled(watched.page, PAGES[path])
    assert watched.page.evaluate(CONTRAST) == []
    assert watched.errors == []


@pytest.mark.parametrize("path", BARE)
def test_a_hostile_address_changes_nothing(server, open_page, path):
    hostile = "study=%3Cscript%3E&snapshot=..%2F..&filter=%27%3BDROP&time=zz&tab=%00&patient=%3Cimg%3E&weeks=NaN~1e999"
    watched = open_page(server, f"{path}?{hostile}")
    settled(watched.page, PAGES[path])
    expect()(watched.page.get_by_text("the default is shown").first).to_be_visible()
    assert watched.page.get_by_test_id("stException").count() == 0
    assert watched.errors == []
