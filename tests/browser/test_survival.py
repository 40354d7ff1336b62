"""A hand on the slider: curves, table, sentence and address follow; a link opens the same picture elsewhere."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from raise_core.figures.marker_axis import threshold_text

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WAIT_MS = 60_000
NAMES = """() => [...document.querySelectorAll('.js-plotly-plot .annotation-text')].map(text => text.textContent)"""
TABLE_AXES = """() => {
    const plot = document.querySelector('.js-plotly-plot')._fullLayout;
    return [plot.xaxis._offset, plot.xaxis2._offset, plot.xaxis._length, plot.xaxis2._length,
            plot.xaxis.range.join(), plot.xaxis2.range.join()];
}"""


def names(page):
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .annotation-text').length > 1", timeout=WAIT_MS)
    return page.evaluate(NAMES)


def test_arrow_keys_on_the_slider_move_the_curves_and_the_address(server, open_page):
    page = open_page(server, "/survival?by=marker").page
    first = names(page)
    assert any("SLDr >" in name for name in first)
    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    expect(page).to_have_url(re.compile("at-sldr="), timeout=WAIT_MS)
    name = f"SLDr > {threshold_text(float(slider.input_value()))}"
    expect(page.locator(".js-plotly-plot .annotation-text").filter(has_text=name).first).to_be_visible(timeout=WAIT_MS)
    expect(page).to_have_url(re.compile(rf"at-sldr={float(slider.input_value()):g}(&|$)"), timeout=WAIT_MS)
    moved = names(page)
    assert moved != first
    other = open_page(server, page.url[page.url.index("/survival") :]).page
    assert names(other) == moved, "a link opens the same picture"


def test_the_table_of_patients_at_risk_stands_under_the_same_axis(server, open_page):
    page = open_page(server, "/survival").page
    names(page)
    left, table_left, length, table_length, span, table_span = page.evaluate(TABLE_AXES)
    assert left == table_left
    assert length == table_length
    assert span == table_span


def test_a_pinned_threshold_stays_as_a_ghost(server, open_page):
    page = open_page(server, "/survival?by=marker&more=whatif").page
    names(page)
    page.get_by_role("button", name=re.compile("^Pin")).click()
    expect(page).to_have_url(re.compile("pin=sldr"), timeout=WAIT_MS)
    slider = page.get_by_role("slider").first
    slider.focus()
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    expect(page.get_by_text("Against the pinned")).to_be_visible(timeout=WAIT_MS)
    page.wait_for_function(
        "document.querySelector('.js-plotly-plot').data.some(trace => (trace.name || '').startsWith('Pinned'))",
        timeout=WAIT_MS,
    )
