"""The cohort page through Streamlit's own test runner: numbers on screen are the engine's, for every section."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from raise_core.evaluation.flow import participant_flow, visit_counts
from raise_core.store.home import Home
from raise_core.store.saved_cohorts import SavedCohort, save_cohort
from raise_core.studies.opening import open_study
from raise_core.ui.cohort_compare import code_of, distinct

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(open_app, small_home):
    """Function that opens the page with an address."""
    return partial(open_app, "pages/cohort.py", small_home)


def words(test: AppTest) -> str:
    found = " ".join(element.value for kind in (test.markdown, test.caption, test.title, test.info) for element in kind)
    return found.replace("\\", "")


def tables(test: AppTest) -> str:
    """Text of the tables on the page, a space between cells."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", " ".join(element.proto.body for element in test.get("html"))))


def test_the_flow_is_that_of_the_engine(opened, small_home):
    source = open_study(Home.at(small_home), "demo-raise")
    flow = participant_flow(source, source.visit_weeks, endpoint="PFS")
    text = words(opened())
    assert f"{flow.steps[0].total} patients randomised, {flow.steps[-1].total} with readable annotations" in text
    assert f"{sum(flow.visits[0].imaged)} at week 12" in text
    assert "Simulated data" in text


def test_the_table_of_visits_is_that_of_the_engine(opened, small_home):
    source = open_study(Home.at(small_home), "demo-raise")
    for who, annotated in (("", True), ("all", False)):
        flow = visit_counts(source, source.visit_weeks, endpoint="PFS", annotated_only=annotated)
        test = opened(tab="visits", **({"who": who} if who else {}))
        first = flow.visits[0]
        assert f"{sum(first.at_risk)} ({sum(first.imaged)})" in tables(test)
        assert f"(n = {flow.steps[0].total})" in tables(test)


def test_the_filter_reaches_every_section(opened, small_home):
    patients = open_study(Home.at(small_home), "demo-raise").cohort.patients
    women = int((patients["sex"] == "female").sum())
    assert 0 < women < len(patients)
    test = opened(tab="baseline", who="all", filter="sex=female")
    assert f"(n = {women})" in tables(test)
    assert f"{women} of {len(patients)} patients" in words(test)
    assert f"{women} patients randomised" in words(opened(filter="sex=female"))
    assert f"{women} are in both" in words(opened(tab="compare", filter="sex=female")).replace("patients are", "are")


def test_those_analysed_are_set_against_those_left_out(opened):
    test = opened(tab="baseline", by="images")
    assert "With readable annotations" in tables(test)
    assert "No p-values" not in words(test), "these groups were not randomised"
    assert "No p-values" in words(opened(tab="baseline"))


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({}, "Median CgA / upper limit of normal"),
        ({"show": "spread", "week": "12"}, "at week 12"),
        ({"show": "spread", "week": "12", "time": "m"}, "at month 2.8"),
        ({"marker": "sldr", "lines": "1"}, "click a point to open the patient"),
        ({"marker": "origin"}, "Primary tumour, most often"),
        ({"marker": "age"}, "Median age (years)"),
        ({"marker": "nosuch"}, "which is not here"),
        ({"show": "spread", "week": "13"}, "which is not here"),
    ],
)
def test_any_marker(opened, address, sentence):
    test = opened(tab="markers", **address)
    assert sentence in words(test) + " ".join(warning.value for warning in test.warning)


def test_a_section_that_is_not_there_gives_the_flow_and_a_notice(opened):
    test = opened(tab="<script>")
    assert "patients randomised" in words(test)
    assert any("which is not here" in warning.value for warning in test.warning)


def test_rows_can_be_chosen(opened):
    test = opened(tab="baseline", rows="age~lab%3AALBUMIN")
    assert "Albumin (g/L)" in tables(test)
    assert "Primary tumour" not in tables(test)
    assert "Choose at least one row" in words(opened(tab="baseline", rows=""))


@pytest.fixture
def own_home(small_home, tmp_path):
    """A copy to save cohorts in."""
    shutil.copytree(small_home, tmp_path / "copy")
    return Home.at(tmp_path / "copy")


@pytest.fixture
def opened_own(open_app, own_home):
    """Function that opens the page on the copy."""
    return partial(open_app, "pages/cohort.py", own_home.path)


def keep(home: Home, **filters: str) -> None:
    for name, text in filters.items():
        save_cohort(home, name=name.replace("_", " "), study_id="demo-raise", filter_text=text, user="a")


def test_saved_cohorts_may_have_the_names_of_those_that_are_always_there(opened_own, own_home):
    keep(own_home, Everybody="sex=female", Patients_shown_now="sex=male")
    test = opened_own(tab="compare", filter="grade=G1", cohorts="everybody~shown~sex=female~sex=male")
    assert not test.warning
    text = tables(test)
    for name in ("Everybody (n = 90)", "Everybody (2) (n =", "Patients shown now (n =", "Patients shown now (2) (n ="):
        assert name in text


def test_a_saved_cohort_that_cannot_be_applied_is_left_out_and_named(opened_own, own_home):
    keep(own_home, Women="sex=female", Gone="lab:NOPE@0>1", Old="age>=200")
    test = opened_own(tab="compare", cohorts="everybody~sex=female")
    (warning,) = [element.value for element in test.warning]
    assert "“Gone” (" in warning
    assert "“Old” (nobody meets it)" in warning
    assert "Women (n =" in tables(test)
    assert "Gone" not in tables(test)


def test_a_link_keeps_its_patients_when_saved_cohorts_change(opened_own, own_home):
    keep(own_home, B_men="sex=male")
    test = opened_own(tab="compare")
    assert "Choose at least two cohorts" in words(test), "which saved cohorts there are decides nothing"
    test.multiselect(key="cohorts").select("B men").run()
    assert test.query_params["cohorts"] == "everybody~sex=male"
    before = tables(test)
    assert "B men (n =" in before
    keep(own_home, A_first="grade=G1", B_men="sex=female")
    after = opened_own(tab="compare", cohorts="everybody~sex=male")
    assert not after.warning
    sizes = re.findall(r"\(n = (\d+)\)", before)
    assert re.findall(r"\(n = (\d+)\)", tables(after)) == sizes
    assert "A first" not in tables(after)
    assert "B men" not in tables(after), "that name means others now"


def test_a_cohort_of_very_many_conditions_is_in_the_address_by_its_id():
    short = SavedCohort("1a2b", "Short", "s", "grade=G2", "a", "2026")
    assert code_of(short) == "grade=G2"
    assert code_of(replace(short, filter_text="patient=" + "|".join(f"p{i}" for i in range(500)))) == "1a2b"
    assert code_of(replace(short, filter_text="")) == "everybody"
    assert distinct({"a": "X", "b": "X", "c": "X (2)"}) == {"a": "X", "b": "X (2)", "c": "X (2) (2)"}
