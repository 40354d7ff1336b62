"""The response page through Streamlit's own test runner: numbers on screen are those of the engine."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from raise_core.domain.recist import RecistVersion
from raise_core.domain.response_results import ResponseSettings
from raise_core.domain.time_unit import TimeUnit
from raise_core.evaluation.growth_change import growth_change
from raise_core.evaluation.response import cohort_response, lanes
from raise_core.figures import response_words
from raise_core.ingest.importer import import_study
from raise_core.store.home import Home
from raise_core.studies.opening import open_study
from raise_core.ui.plain_text import plain
from raise_core.ui.response_view import TABLES_KEY

pytestmark = pytest.mark.slow
PAGE = "pages/response.py"
WEEKS = TimeUnit.WEEKS


@pytest.fixture
def source(small_home):
    """The small study."""
    return open_study(Home.at(small_home), "demo-raise")


def words(test: AppTest) -> str:
    return " ".join(element.value for kind in (test.markdown, test.caption, test.info) for element in kind)


def test_the_waterfall_opens_with_rates_of_the_engine(open_app, small_home, source):
    test = open_app(PAGE, small_home)
    found = cohort_response(source, ResponseSettings())
    assert plain(response_words.waterfall_headline(found)) in words(test)
    assert "Best change: smallest sum up to progression." in words(test)
    assert "Data snapshot" in words(test)


@pytest.mark.parametrize("version", list(RecistVersion))
@pytest.mark.parametrize("confirm", [False, True])
def test_edition_and_confirmation_of_the_address_are_read(open_app, small_home, source, version, confirm):
    address = {"confirm": "1"} if confirm else {}
    test = open_app(PAGE, small_home, recist=version.value, stable="8", colour="response", **address)
    settings = ResponseSettings(version, confirm, minimum_stable_weeks=8.0)
    assert plain(response_words.waterfall_headline(cohort_response(source, settings))) in words(test)
    assert f"RECIST {version.value}:" in words(test)
    assert "SD counts from 8 weeks after baseline" in words(test)


def test_the_spider_finds_a_patient_and_links_to_the_page(open_app, small_home, source):
    test = open_app(PAGE, small_home, show="time", who=source.patient_ids[2])
    found = cohort_response(source, ResponseSettings())
    assert plain(response_words.spider_headline(found, WEEKS)) in words(test)
    (link,) = [element for element in test.main if element.type == "page_link"] or [None]
    assert link is not None
    assert link.proto.label == f"Open patient {source.patient_ids[2]}"


def test_the_swimmer_says_how_many_are_drawn(open_app, small_home, source):
    test = open_app(PAGE, small_home, show="study", bars="longest")
    found = cohort_response(source, ResponseSettings())
    everybody = lanes(source, found, "PFS")
    assert plain(response_words.swimmer_headline(everybody, WEEKS)) in words(test)
    assert f"40 of {len(everybody)} patients shown, the longest on study" in words(test)


def test_growth_rates_come_with_their_definition(open_app, small_home, source):
    test = open_app(PAGE, small_home, show="growth", week="24")
    assert plain(response_words.growth_headline(growth_change(source, 24.0), WEEKS)) in words(test)
    assert plain(response_words.GROWTH_DEFINITION) in words(test)


def test_the_spread_between_lesions_comes_with_its_definition(open_app, small_home):
    test = open_app(PAGE, small_home, show="lesions")
    assert "Median spread of size change between a patient’s lesions at week" in words(test)
    assert plain(response_words.SPREAD_DEFINITION) in words(test)


def test_months_and_the_cohort_filter_hold_here_too(open_app, small_home, source):
    test = open_app(PAGE, small_home, time="m", filter="grade=G1", show="time")
    patients = source.cohort.patients
    assert "at a median of month" in words(test)
    assert f"{(patients['grade'] == 'G1').sum()} of {len(patients)}" in words(test)


def test_the_tables_are_made_when_unfolded(open_app, small_home, source):
    test = open_app(PAGE, small_home)
    assert not test.get("download_button")
    test.session_state[TABLES_KEY] = True
    test.run()
    assert not test.exception
    assert "Best overall response, RECIST 1.0" in words(test)
    assert "Response at each visit, RECIST 1.0" in words(test)
    assert len(test.get("download_button")) == 8


def test_without_a_second_measurement_it_says_why_there_is_no_picture(open_app, tmp_path):
    folder, home = tmp_path / "tables", Home.at(tmp_path / "home")
    folder.mkdir()
    (folder / "patients.csv").write_text("patient_id,arm\nA,Drug\nB,Placebo\n")
    (folder / "outcomes.csv").write_text("patient_id,endpoint,time_weeks,event\nA,PFS,20,1\nB,PFS,30,0\n")
    (folder / "lesions.csv").write_text(
        "patient_id,week,lesion_id,diameter_mm,target\nA,0,T1,20,true\nB,0,T1,30,true\n"
    )
    import_study(home, folder, study_id="tiny")
    for show in ("best", "time"):
        test = open_app(PAGE, home.path, show=show)
        assert "none of the 2 patients shown has the target lesions measured at baseline and again" in words(test)
    assert "needs a sum of target lesions" in words(open_app(PAGE, home.path, show="growth"))
    assert "None of 2 patients responded" in words(open_app(PAGE, home.path, show="study"))


@pytest.mark.shared_data
def test_a_study_of_sums_has_responses_and_says_why_lesions_cannot_be_told_apart(open_app, tmp_path, shared_data):
    home = Home.at(tmp_path / "real")
    import_study(home, shared_data / "crc_recist", study_id="crc")
    test = open_app(PAGE, home.path)
    assert "52 % (95 % CI 40–63 %; 40 of 77) in Sequential" in words(test)
    apart = open_app(PAGE, home.path, show="lesions")
    assert "import diameters lesion by lesion" in words(apart)
    growth = open_app(PAGE, home.path, show="growth")
    assert "No sum was measured before baseline" in words(growth)
