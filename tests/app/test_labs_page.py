"""The page on laboratory values: what is on screen is what was computed, and what it offers before that."""

from __future__ import annotations

import shutil

import pytest

from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.figures import importance_by_week, importance_words, lab_forest, lab_waterfall
from raise_core.store.home import Home
from raise_core.studies.lab_importance import importance

pytestmark = pytest.mark.slow
PAGE = "pages/labs.py"
COX = ImportanceSettings(week=12, model=ImportanceModel.COX)
ADDRESS = {"week": "12", "model": "cox"}


@pytest.fixture(scope="module")
def home(small_home, tmp_path_factory):
    """The tables of the small home with an analysis at week 12."""
    home = Home.at(tmp_path_factory.mktemp("labs-page") / "home")
    home.path.mkdir()
    shutil.copytree(small_home / "studies", home.path / "studies")
    return home


@pytest.fixture(scope="module")
def report(home):
    return importance(home, "demo-raise", COX)


@pytest.fixture
def opened(open_app, home, report):
    """Function that opens the page with an address."""
    return lambda **address: open_app(PAGE, home.path, **(ADDRESS | address))


def words(test) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning)
    return " ".join(element.value for kind in kinds for element in kind).replace("\\", "")


def test_it_opens_with_the_importance_and_says_how_it_was_found(opened, report):
    test = opened()
    assert importance_words.headline(report) in words(test)
    assert importance_words.model_line(report) in words(test)
    assert importance_words.footnote(report) in words(test)
    assert len(test.get("plotly_chart")) == 1


def test_what_is_not_computed_is_offered_with_a_button(open_app, home):
    test = open_app(PAGE, home.path, week="24")
    assert "Not computed yet for the values at week 24" in words(test)
    assert not test.button(key="labs_compute").disabled
    assert not test.get("plotly_chart")


@pytest.mark.parametrize("view", ["ratios", "shap", "weeks", "whatif", "numbers"])
def test_every_view_says_what_it_shows(opened, report, view):
    test = opened(show=view)
    patient = report.explanations.patient_ids[0]
    expected = {
        "ratios": lab_forest.forest_words(report),
        "shap": importance_words.out_of_fold_note(report),
        "weeks": importance_by_week.by_week_words([report]),
        "whatif": f"{patient} as measured: ",
        "numbers": importance_words.headline(report),
    }
    assert expected[view] in words(test)
    assert len(test.get("plotly_chart")) == (0 if view == "numbers" else 1)


def test_one_patient_and_one_value_follow_the_address(opened, report):
    patient = report.explanations.patient_ids[5]
    test = opened(show="shap", of="patient", patient=patient)
    assert lab_waterfall.waterfall_words(report, patient) in words(test)
    test = opened(show="shap", of="value", lab="ggt", patient=patient)
    assert test.selectbox(key="lab").value == "ggt"
    assert "GGT: " in words(test)


def test_moving_a_value_moves_the_prediction_and_the_address(opened, report):
    patient = report.explanations.patient_ids[5]
    test = opened(show="whatif", patient=patient, lab="cga")
    key = f"to.{patient}.cga"
    test.slider(key=key).set_value(200.0).run()
    assert not test.exception
    assert f"the prediction for {patient} goes from" in words(test)
    assert "".join(test.query_params[key]) == "200"


def test_hazard_ratios_for_twice_the_value(opened):
    test = opened(show="ratios", per="double")
    assert "No doubling among these patients" in words(test)


def test_a_study_without_laboratory_values_says_what_to_do(open_app, tmp_path):
    import pandas as pd

    from raise_core.ingest.importer import import_study

    source = tmp_path / "bare"
    source.mkdir()
    ids = [f"P{number}" for number in range(12)]
    pd.DataFrame({"patient_id": ids}).to_csv(source / "patients.csv", index=False)
    pd.DataFrame({"patient_id": ids, "endpoint": "PFS", "time_weeks": range(5, 17), "event": 1}).to_csv(
        source / "outcomes.csv", index=False
    )
    import_study(Home.at(tmp_path / "home"), source, "bare")
    test = open_app(PAGE, tmp_path / "home")
    assert "This study has no laboratory values" in words(test)
