"""The cohort page in a real browser: deep links, the tables' downloads, dark mode, a click that opens a patient."""

from __future__ import annotations

import csv
import io
import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PLOT = ".js-plotly-plot .main-svg"


def expect():
    from playwright.sync_api import expect as playwright_expect

    playwright_expect.set_options(timeout=30_000)
    return playwright_expect


def downloaded(page, label: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label, exact=True).click()
    return waiting.value.suggested_filename, waiting.value.path().read_bytes()


def test_a_deep_link_opens_on_a_fresh_server_without_anything_from_outside(fresh_server, open_page):
    watched = open_page(fresh_server, "/cohort")
    expect()(watched.page.get_by_role("heading", level=1)).to_contain_text("Who are these patients?")
    expect()(watched.page.locator(PLOT).first).to_be_visible()
    expect()(watched.page.locator(".js-plotly-plot").first).to_contain_text("randomised")
    assert watched.errors == []
    assert watched.outside == []


def test_sections_stand_in_the_address_and_back_returns(server, open_page):
    page = open_page(server, "/cohort").page
    expect()(page.locator(PLOT).first).to_be_visible()
    page.get_by_role("radio", name="At baseline").click()
    expect()(page).to_have_url(re.compile("tab=baseline"))
    expect()(page.get_by_role("row", name=re.compile("Age")).first).to_be_visible()
    page.go_back()
    expect()(page.locator(".js-plotly-plot").first).to_contain_text("randomised")


def test_tables_download_as_csv_web_page_and_word(server, open_page):
    page = open_page(server, "/cohort?tab=visits").page
    expect()(page.get_by_role("row", name=re.compile("At risk")).first).to_be_visible()
    name, content = downloaded(page, "CSV")
    assert re.fullmatch(r"simulated-demo-raise-visits\.csv", name)
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert {row["Simulated data"] for row in rows} == {"yes"}
    on_page = page.get_by_role("row", name=re.compile("At risk")).first.get_by_role("cell").all_inner_texts()
    first = next(row for row in rows if row["Visit"].startswith("At risk"))
    assert [value for key, value in first.items() if "(n =" in key] == on_page
    for label, ending, sign in (("Web page", "html", "<!DOCTYPE html>"), ("Word", "doc", "Word.Document")):
        name, content = downloaded(page, label)
        assert name.endswith(f".{ending}")
        assert sign in content.decode("utf-8")
        assert "Simulated data" in content.decode("utf-8")


def test_the_figure_and_its_headline_are_visible_without_scrolling(server, open_page):
    page = open_page(server, "/cohort?tab=markers", width=1280, height=720).page
    plot = page.locator(".js-plotly-plot").first
    expect()(plot).to_be_visible()
    box = plot.bounding_box()
    assert box["y"] + box["height"] <= 720


def test_dark_pages_draw_dark_diagrams(server, open_page):
    watched = open_page(server, "/cohort", dark=True)
    expect()(watched.page.locator(PLOT).first).to_be_visible()
    background = watched.page.evaluate("() => document.querySelector('.js-plotly-plot .main-svg').style.background")
    assert "14, 17, 23" in background
    assert watched.errors == []


def test_a_click_on_a_point_opens_the_patient(server, open_page):
    page = open_page(server, "/cohort?tab=markers&show=spread&week=12").page
    plot = page.locator(".js-plotly-plot").first
    expect()(plot).to_be_visible()
    point = plot.locator("g.scatterlayer g.trace").first.locator("path.point").first
    expect()(point).to_be_visible()
    box = point.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect()(page).to_have_url(re.compile(r"/patient\?.*patient=SIM"))
