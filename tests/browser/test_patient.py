"""The patient page in a real browser: deep link on a fresh server, the list, a download, dark, nothing from outside."""

from __future__ import annotations

import io
import re

import pandas as pd
import pytest

from raise_core.store.home import Home
from raise_core.studies.opening import open_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FIGURE = ".st-key-patient_figure .js-plotly-plot"
PLOT = f"{FIGURE} .main-svg"


def expect():
    from playwright.sync_api import expect as playwright_expect

    playwright_expect.set_options(timeout=30_000)
    return playwright_expect


@pytest.fixture(scope="module")
def progressed(small_home) -> str:
    """A patient with images who progressed after week 24."""
    cohort = open_study(Home.at(small_home), "demo-raise").cohort
    ends = cohort.outcomes.query("endpoint == 'PROGRESSION' and event and time_weeks > 30")
    imaged = set(cohort.scans["patient_id"])
    return next(patient for patient in ends["patient_id"] if patient in imaged)


def test_a_deep_link_opens_on_a_fresh_server(fresh_server, open_page, progressed):
    watched = open_page(fresh_server, f"/patient?patient={progressed}&labs=ldh&model=three&time=m")
    page = watched.page
    expect()(page.get_by_role("heading", level=1)).to_contain_text("How did this patient do?")
    figure = page.locator(FIGURE).first
    expect()(figure).to_contain_text("Progression, month")
    expect()(figure).to_contain_text("LDH")
    expect()(figure).not_to_contain_text("CgA, µg/L")
    expect()(figure).to_contain_text("Months from randomisation")
    expect()(page.get_by_text("Simulated data").first).to_be_visible()
    expect()(page.get_by_text(re.compile("size, CgA and deep learning put this patient’s risk above"))).to_be_visible()
    assert watched.errors == []
    assert watched.outside == []


def test_next_back_and_forward_walk_the_patients(server, open_page):
    page = open_page(server, "/patient").page
    box = page.get_by_role("combobox", name=re.compile("Patient"))
    expect()(box).to_have_value(re.compile("SIM-0001"))
    page.get_by_role("button", name="Next").click()
    expect()(page).to_have_url(re.compile("patient=SIM-0002"))
    expect()(box).to_have_value(re.compile("SIM-0002"))
    expect()(page.locator(PLOT).first).to_be_visible()
    page.go_back()
    expect()(box).to_have_value(re.compile("SIM-0001"))
    page.go_forward()
    expect()(box).to_have_value(re.compile("SIM-0002"))


def test_another_model_is_drawn_and_stands_in_the_address(server, open_page, progressed):
    page = open_page(server, f"/patient?patient={progressed}").page
    expect()(page.locator(FIGURE).first).to_contain_text("by size and CgA")
    page.get_by_role("button", name="Model and tests").click()
    page.get_by_role("combobox", name=re.compile("Risk by")).click()
    page.get_by_role("option", name="Deep learning, lesion, portal phase", exact=True).click()
    expect()(page.locator(FIGURE).first).to_contain_text("by network (lesion, portal)")
    expect()(page).to_have_url(re.compile("model=lesion-portal"))


def test_the_patients_rows_download_with_their_origin(server, open_page, progressed):
    page = open_page(server, f"/patient?patient={progressed}").page
    expect()(page.locator(PLOT).first).to_be_visible()
    page.get_by_text("Downloads", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="This patient (CSV)").click()
    assert waiting.value.suggested_filename == f"simulated-demo-raise-{progressed}.csv"
    table = pd.read_csv(io.BytesIO(waiting.value.path().read_bytes()))
    assert set(table["patient_id"]) == {progressed}
    assert table["simulated_data"].all()
    assert {"outcome", "target lesion", "size", "laboratory", "risk", "scan"} <= set(table["kind"])


def test_an_unknown_patient_is_said(server, open_page):
    watched = open_page(server, "/patient?patient=%3Cimg%20src=x%20onerror=alert(1)%3E")
    expect()(watched.page.get_by_text("which is not here; the default is shown").first).to_be_visible()
    expect()(watched.page.locator(PLOT).first).to_be_visible()
    assert watched.errors == []


def test_dark_pages_draw_dark_figures(server, open_page, progressed):
    watched = open_page(server, f"/patient?patient={progressed}", dark=True)
    expect()(watched.page.locator(PLOT).first).to_be_visible()
    background = watched.page.evaluate(f"() => document.querySelector('{PLOT}').style.background")
    assert "14, 17, 23" in background
    assert watched.errors == []


@pytest.mark.parametrize("width", [1024, 1280])
def test_no_two_labels_of_the_figure_overlap(server, open_page, progressed, width):
    page = open_page(server, f"/patient?patient={progressed}&model=three", width=width, height=720).page
    expect()(page.locator(FIGURE).first).to_contain_text("others below")
    boxes = page.evaluate(
        f"""() => [...document.querySelectorAll('{FIGURE} .annotation-text')].map(e => {{
            const b = e.getBoundingClientRect();
            return [e.textContent, b.left, b.top + 3, b.right, b.bottom - 3];
        }})"""
    )
    assert len(boxes) > 12
    overlapping = [
        (a[0], b[0])
        for place, a in enumerate(boxes)
        for b in boxes[place + 1 :]
        if a[1] < b[3] and b[1] < a[3] and a[2] < b[4] and b[2] < a[4]
    ]
    assert overlapping == []


def test_the_headline_and_the_top_of_the_figure_are_visible_on_a_projector(server, open_page, progressed):
    page = open_page(server, f"/patient?patient={progressed}", width=1280, height=720).page
    expect()(page.locator(PLOT).first).to_be_visible()
    expect()(page.get_by_text(re.compile("put this patient’s risk above"))).to_be_in_viewport()
    assert page.locator(FIGURE).first.bounding_box()["y"] < 400
