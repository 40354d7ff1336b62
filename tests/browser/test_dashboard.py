"""The dashboard in a real browser: deep links on a fresh server, interactions, downloads, nothing from outside."""

from __future__ import annotations

import io
import re

import pandas as pd
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FIGURE = ".js-plotly-plot"
PLOT = f"{FIGURE} .main-svg"


def expect():
    from playwright.sync_api import expect as playwright_expect

    playwright_expect.set_options(timeout=30_000)
    return playwright_expect


def title(page):
    return page.get_by_role("heading", level=1)


def test_comparisons_are_a_click_apart_and_stand_in_the_address(server, open_page):
    page = open_page(server, "/cindex").page
    expect()(page.locator(PLOT).first).to_be_visible()
    expect()(page.get_by_text("ranked correctly by the network on the lesion in the portal phase")).to_be_visible()
    page.get_by_role("radio", name="Added value").click()
    expect()(page.get_by_text("ranked correctly by size and CgA")).to_be_visible()
    expect()(page).to_have_url(re.compile("show=added"))


def test_a_link_opens_the_same_picture_in_a_fresh_browser(server, open_page):
    page = open_page(server, "/cindex?show=added&bars=se&published=0").page
    expect()(page.get_by_text("ranked correctly by size and CgA")).to_be_visible()
    expect()(page.get_by_text("naive standard error as in the paper")).to_be_visible()
    assert page.get_by_text("as published").count() == 0


def test_back_and_forward_walk_through_the_views(server, open_page):
    page = open_page(server, "/cindex").page
    by_lesion = page.get_by_text("ranked correctly by the network on the lesion in the portal phase")
    by_size = page.get_by_text("ranked correctly by size and CgA")
    expect()(by_lesion).to_be_visible()
    page.get_by_role("radio", name="Added value").click()
    expect()(by_size).to_be_visible()
    page.get_by_role("radio", name="months").click()
    expect()(page.get_by_text("At month 2.8")).to_be_visible()
    page.go_back()
    expect()(page.get_by_text("At week 12")).to_be_visible()
    expect()(by_size).to_be_visible()
    page.go_back()
    expect()(by_lesion).to_be_visible()
    page.go_forward()
    expect()(by_size).to_be_visible()


def test_a_link_from_a_page_to_itself_is_followed_by_the_address_bar(server, open_page):
    page = open_page(server, "/cindex?show=added&time=m").page
    expect()(page.get_by_text("ranked correctly by size and CgA")).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_role("link", name="C-index by week").click()
    expect()(page.get_by_text("ranked correctly by the network on the lesion in the portal phase")).to_be_visible()
    expect()(page).not_to_have_url(re.compile("show=added"))
    expect()(page).to_have_url(re.compile("time=m"))
    page.go_back()
    expect()(page.get_by_text("ranked correctly by size and CgA")).to_be_visible()
    expect()(page).to_have_url(re.compile("show=added"))


def test_a_changed_view_names_its_snapshot_and_run(server, open_page):
    page = open_page(server, "/cindex").page
    page.get_by_role("radio", name="Added value").click()
    expect()(page).to_have_url(re.compile(r"snapshot=[0-9a-f]{8}"))
    expect()(page).to_have_url(re.compile(r"run=[0-9a-f]{8}"))
    expect()(page).to_have_url(re.compile(r"study=demo-raise"))


def test_patients_are_chosen_in_the_dialog_and_stay_chosen_on_the_next_page(server, open_page):
    watched = open_page(server, "/cindex?show=own&models=sldr&weeks=12")
    page = watched.page
    expect()(page.get_by_text("ranked correctly by size ratio")).to_be_visible()
    page.get_by_role("button", name="All 90 patients").click()
    dialog = page.get_by_role("dialog")
    expect()(dialog.get_by_text("Everybody: 90 patients.")).to_be_visible()
    subject = dialog.get_by_role("combobox", name=re.compile("Add a condition on"))
    subject.click()
    subject.press_sequentially("Tumour grade")
    page.get_by_role("option", name="Tumour grade").click()
    dialog.get_by_role("button", name=re.compile("^G1")).click()
    expect()(dialog.get_by_text(re.compile(r"Leaves \d+ of 90 patients"))).to_be_visible()
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect()(dialog.get_by_text(re.compile(r"^G1: \d+ of 90 patients$"))).to_be_visible()
    dialog.get_by_role("button", name=re.compile("Show these")).click()
    expect()(page.get_by_text("Patients shown:")).to_be_visible()
    expect()(page).to_have_url(re.compile("filter=grade%3DG1"))
    expect()(page.get_by_text("Cox models are refitted on them")).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_text("Home", exact=True).click()
    expect()(title(page)).to_contain_text("Can a scan and a blood test tell")
    expect()(page.get_by_text("Patients shown:")).to_be_visible()
    page.get_by_role("button", name="Show everybody").click()
    expect()(page.get_by_role("button", name="All 90 patients")).to_be_visible()
    assert "filter=" not in page.url
    assert watched.errors == []


def test_a_view_is_saved_renamed_and_opened_by_a_fresh_browser(server, open_page):
    page = open_page(server, "/cindex?show=added&time=m").page
    expect()(page.get_by_text("At month 2.8")).to_be_visible()
    page.get_by_role("button", name="Share or save view").click()
    dialog = page.get_by_role("dialog")
    link = dialog.get_by_test_id("stCode").inner_text().strip()
    assert "show=added" in link
    assert "snapshot=" in link
    dialog.get_by_role("textbox", name="Name", exact=True).fill("Tuesday's meeting")
    dialog.get_by_role("button", name="Save view").click()
    expect()(dialog.get_by_role("link", name="Tuesday's meeting")).to_be_visible()
    new_name = dialog.get_by_role("textbox", name="New name")
    new_name.fill("Board")
    new_name.press("Enter")
    expect()(dialog.get_by_role("link", name="Board")).to_be_visible()
    other = open_page(server, link.removeprefix(server)).page
    expect()(other.get_by_text("At month 2.8")).to_be_visible()
    expect()(other.get_by_text("ranked correctly by size and CgA")).to_be_visible()
    dialog.get_by_role("button", name="Delete").click()
    expect()(dialog.get_by_text("No view has been saved yet")).to_be_visible()


def test_published_points_can_be_turned_off(server, open_page):
    page = open_page(server, "/cindex").page
    expect()(page.locator(FIGURE).first).to_contain_text("as published")
    page.get_by_text("Published points", exact=True).click()
    expect()(page.locator(FIGURE).first).not_to_contain_text("as published")


def test_own_models_can_be_typed(server, open_page):
    page = open_page(server, "/cindex?show=own&models=sldr&weeks=12").page
    expect()(page.get_by_text("ranked correctly by size ratio to baseline (SLDr)")).to_be_visible()
    box = page.get_by_role("combobox", name=re.compile("Models"))
    box.click()
    box.press_sequentially("tgr+age")
    page.get_by_text("Add: tgr+age").click()
    expect()(page.locator(FIGURE).first).to_contain_text("growth rate + Age")
    expect()(page).to_have_url(re.compile(r"models=[^&]*tgr%2Bage"))


def test_a_hostile_address_gives_the_default_and_a_notice(server, open_page):
    watched = open_page(server, "/cindex?study=%3Cscript%3Ealert(1)%3C/script%3E&show=nonsense")
    expect()(watched.page.get_by_text("which is not here; the default is shown").first).to_be_visible()
    expect()(watched.page.locator(PLOT).first).to_be_visible()
    assert watched.errors == []


def test_a_model_that_cannot_be_read_says_what_to_do(server, open_page):
    page = open_page(server, "/cindex?show=own&models=lab%3ANETEST&weeks=12").page
    expect()(page.get_by_text("has no test NETEST")).to_be_visible()


def test_estimates_download_as_csv_with_their_origin(server, open_page):
    page = open_page(server, "/cindex?show=added").page
    expect()(page.locator(PLOT).first).to_be_visible()
    page.get_by_text("Downloads", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Estimates (CSV)").click()
    table = pd.read_csv(io.BytesIO(waiting.value.path().read_bytes()))
    assert waiting.value.suggested_filename.startswith("simulated-")
    assert table["simulated_data"].all()
    assert set(table["model"]) == {"sldr+dlog:CGA", "sldr+dlog:CGA+dl:lesion-portal"}
    assert table["cindex_mean"].between(0, 1).all()
    behind = page.get_by_role("button", name="Patients behind it (CSV)")
    expect()(behind).to_be_enabled()
    with page.expect_download() as waiting:
        behind.click()
    rows = pd.read_csv(io.BytesIO(waiting.value.path().read_bytes()))
    assert (rows.groupby("week").size() == table.groupby("week")["n"].first()).all()


def test_dark_pages_draw_dark_figures(server, open_page):
    watched = open_page(server, "/cindex", dark=True)
    expect()(watched.page.locator(PLOT).first).to_be_visible()
    background = watched.page.evaluate("() => document.querySelector('.js-plotly-plot .main-svg').style.background")
    assert "14, 17, 23" in background
    assert watched.errors == []


def test_figure_and_headline_are_visible_without_scrolling_on_a_projector(server, open_page):
    page = open_page(server, "/cindex", width=1280, height=720).page
    plot = page.locator(".js-plotly-plot").first
    expect()(plot).to_be_visible()
    box = plot.bounding_box()
    assert box["y"] + box["height"] <= 720
