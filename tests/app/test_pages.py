"""Every page through Streamlit's own test runner on the small home: numbers on screen are those of the engine."""

from __future__ import annotations

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from raise_core.domain.cohort_filter import parse_filter
from raise_core.domain.results import CindexSettings
from raise_core.evaluation.cohort_filter import matching, restrict
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.figures import numbers
from raise_core.ingest.importer import import_study
from raise_core.store.home import Home
from raise_core.store.saved_views import save_view
from raise_core.studies import raise_protocol
from raise_core.studies.cindex import cindex_by_week, parse_models
from raise_core.studies.opening import open_study
from raise_core.studies.questions import cindex

pytestmark = pytest.mark.slow


def words(test: AppTest) -> str:
    return " ".join(element.value for kind in (test.markdown, test.caption, test.title) for element in kind)


def test_home_counts_patients_and_says_that_data_are_simulated(small_home, open_app):
    test = open_app("app.py", small_home)
    assert {metric.label: metric.value for metric in test.metric}["Patients"] == "90"
    assert "not a medical device" in words(test)
    assert "Simulated data" in words(test)
    assert len(test.dataframe[0].value) == 1, "the one run"


def test_an_empty_home_says_what_to_do(tmp_path, open_app):
    test = open_app("app.py", tmp_path / "nothing")
    assert "No study has been imported yet" in words(test)
    assert "demo raise" in words(test)


def test_cindex_shows_the_numbers_of_the_command_line(small_home, open_app):
    test = open_app("pages/cindex.py", small_home, show="added")
    expected = cindex(
        Home.at(small_home),
        "demo-raise",
        [raise_protocol.TWO_VARIABLE, raise_protocol.THREE_VARIABLE],
        CindexSettings(splits=8),
    ).report
    table = next(frame.value for frame in test.dataframe if "c-index (95 % CI)" in frame.value.columns)
    assert table["c-index (95 % CI)"].tolist() == [
        numbers.interval(e.mean, e.ci_low, e.ci_high) for e in expected.estimates
    ]
    assert f"{100 * expected.estimates[0].mean:.1f} of 100 patient pairs" in words(test)


def test_every_comparison_of_the_paper_has_its_models(small_home, open_app):
    for comparison in raise_protocol.COMPARISONS:
        test = open_app("pages/cindex.py", small_home, show=comparison.key)
        table = next(frame.value for frame in test.dataframe if "c-index (95 % CI)" in frame.value.columns)
        assert table["Model"].nunique() == len(comparison.models)
        assert sorted(table["Visit"].unique()) == ["Week 12", "Week 24"]


def test_naive_bars_change_the_footnote(small_home, open_app):
    test = open_app("pages/cindex.py", small_home, bars="se")
    assert "naive standard error as in the paper" in words(test)


def test_own_models_use_every_patient_with_the_markers(small_home, open_app):
    test = open_app("pages/cindex.py", small_home, show="own", models="sldr", weeks="12")
    expected = cindex(Home.at(small_home), "demo-raise", ["sldr"], CindexSettings(), weeks=[12]).report.estimates[0]
    table = next(frame.value for frame in test.dataframe if "c-index (95 % CI)" in frame.value.columns)
    assert table["Patients at risk"].tolist() == [expected.n]
    assert table["c-index (95 % CI)"].tolist() == [numbers.interval(expected.mean, expected.ci_low, expected.ci_high)]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ({"show": "own", "models": "lab:NETEST", "weeks": "12"}, "no test NETEST"),
        ({"show": "own", "models": "sldr", "weeks": "twelve"}, "not a number of weeks"),
        ({"show": "own", "models": "foo:bar", "weeks": "12"}, "unknown prefix"),
        ({"study": "nosuch"}, "which is not here"),
    ],
)
def test_what_cannot_be_shown_is_said(small_home, open_app, address, message):
    test = open_app("pages/cindex.py", small_home, **address)
    assert any(message in warning.value for warning in test.warning)


def test_a_cohort_filter_applies_to_every_page_and_refits_cox_models(small_home, open_app):
    home = open_app("app.py", small_home, filter="grade=G1")
    shown = int({metric.label: metric.value for metric in home.metric}["Patients"])
    assert 0 < shown < 90
    assert f"G1: {shown} of 90 patients" in words(home)
    page = open_app("pages/cindex.py", small_home, filter="grade=G1", show="own", models="sldr", weeks="12")
    source = open_study(Home.at(small_home), "demo-raise")
    chosen = parse_filter("grade=G1")
    cut = MarkerSource(restrict(source.cohort, matching(source, chosen).patient_ids, chosen=chosen))
    expected = cindex_by_week(cut, parse_models(["sldr"]), [12.0], CindexSettings()).report.estimates[0]
    table = next(frame.value for frame in page.dataframe if "c-index (95 % CI)" in frame.value.columns)
    assert table["Patients at risk"].tolist() == [expected.n]
    assert table["c-index (95 % CI)"].tolist() == [numbers.interval(expected.mean, expected.ci_low, expected.ci_high)]
    assert "Cox models are refitted on them" in words(page)


@pytest.mark.parametrize(
    "text", ["grade", "stage=4", "age>=old", "x" * 5000, "<script>=1", "lab:NOPE@0>1", "patient_id>3", "!nosuch"]
)
def test_a_filter_that_cannot_be_read_shows_everybody_and_says_so(small_home, open_app, text):
    test = open_app("app.py", small_home, filter=text)
    assert any("everybody is shown" in warning.value for warning in test.warning)
    assert {metric.label: metric.value for metric in test.metric}["Patients"] == "90"


def test_a_filter_nobody_meets_says_what_to_do(small_home, open_app):
    test = open_app("pages/cindex.py", small_home, filter="age>=200")
    assert any("No patient meets all conditions" in info.value for info in test.info)


def test_a_saved_view_is_shown_by_its_id(small_home, open_app, tmp_path):
    view = save_view(
        Home.at(small_home),
        name=None,
        page="app.py",
        query="study=demo-raise&time=m",
        study_id="demo-raise",
        user="a",
    )
    test = open_app("app.py", small_home, view=view.view_id)
    assert "At month 2.8" in words(test)
    gone = open_app("app.py", small_home, view="nosuch")
    assert any("may have been deleted" in warning.value for warning in gone.warning)
    assert "At week 12" in words(gone)


def test_an_older_snapshot_stays_open_to_those_who_name_it(small_home, open_app):
    test = open_app("app.py", small_home, snapshot="ffffffff")
    assert any("data snapshot" in warning.value for warning in test.warning)


def test_changes_stand_in_the_address_with_what_they_depend_on(small_home, open_app):
    test = open_app("pages/cindex.py", small_home)
    test.button_group(key="time").set_value("m").run()
    assert test.query_params["time"] == "m"
    assert len(test.query_params["snapshot"]) == 8
    test.button_group(key="time").set_value("w").run()
    assert "time" not in test.query_params


def test_a_filter_too_long_for_an_address_is_stored_and_read_by_its_id(small_home, open_app):
    ids = open_study(Home.at(small_home), "demo-raise").patient_ids
    text = (
        "patient=" + "|".join(ids[:80]) + ";" + ";".join(f"age<{200 + n}" for n in range(15)) + ";grade!=" + "x" * 900
    )
    view = save_view(Home.at(small_home), name=None, page="filter", query=text, study_id="demo-raise", user="a")
    test = open_app("app.py", small_home, filter=f"!{view.view_id}")
    shown = int({metric.label: metric.value for metric in test.metric}["Patients"])
    assert 0 < shown <= 80
    assert f"{shown} of 90 patients" in words(test)


def test_a_view_without_models_stays_without_models(small_home, open_app):
    view = save_view(
        Home.at(small_home), name=None, page="app.py", query="study=demo-raise&models=", study_id="demo-raise", user="a"
    )
    test = open_app("app.py", small_home, view=view.view_id)
    assert test.query_params["models"] == ""


def test_network_outputs_bring_their_outcome(small_home, open_app):
    test = open_app("pages/cindex.py", small_home, show="own", models="dl:lesion-portal", weeks="12", endpoint="OS")
    assert test.selectbox(key="endpoint").options == ["Progression-free survival"]
    assert any("Outcome" in warning.value for warning in test.warning)


def test_a_click_sent_before_the_browser_heard_the_last_address_undoes_nothing(small_home, open_app):
    test = open_app("pages/cindex.py", small_home)
    test.button_group(key="time").set_value("m").run()
    assert test.query_params["time"] in ("m", ["m"])
    test.query_params.clear()  # what the browser still has
    test.button_group(key="show").set_value("added").run()
    assert test.query_params["show"] in ("added", ["added"])
    assert test.query_params["time"] in ("m", ["m"])


def test_a_control_of_one_page_leaves_nothing_to_one_of_the_same_name_on_another(small_home, open_app):
    test = open_app("pages/patient.py", small_home)
    kept = test.session_state["window"]
    assert isinstance(kept, str)  # a preset of the viewer; on the other page the greatest age of a scan
    test.switch_page("pages/runs.py")
    test.session_state["window"] = kept
    test.run()
    assert not test.exception
    assert isinstance(test.session_state["window"], float | int)


def test_another_study_is_shown_from_the_start(small_home, open_app, tmp_path):
    shutil.copytree(small_home, tmp_path / "two")
    home = Home.at(tmp_path / "two")
    source = tmp_path / "source"
    source.mkdir()
    (source / "patients.csv").write_text("patient_id,arm\nA,Placebo\nB,Placebo\n", encoding="utf-8")
    (source / "outcomes.csv").write_text(
        "patient_id,endpoint,time_weeks,event\nA,PFS,40,1\nB,PFS,20,1\n", encoding="utf-8"
    )
    import_study(home, source, "other")
    test = open_app("pages/cindex.py", home.path, show="added", time="m", filter="grade=G1", study="demo-raise")
    test.selectbox(key="study").set_value("other").run()
    assert not test.exception
    assert test.query_params["time"] in ("m", ["m"])
    assert test.query_params["study"] in ("other", ["other"])
    assert "filter" not in test.query_params
    assert "show" not in test.query_params
