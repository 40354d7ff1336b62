"""The patient page through Streamlit's own test runner: what is on screen is what the engine says."""

from __future__ import annotations

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from raise_core.domain.marker_name import THREE_VARIABLE_MODEL, TWO_VARIABLE_MODEL
from raise_core.domain.results import CindexSettings
from raise_core.evaluation.patient_course import patient_course
from raise_core.store.home import Home
from raise_core.studies.opening import open_study
from raise_core.studies.patient import cohort_risks, patient_risks, risk_weeks
from raise_core.studies.runs import list_runs, load_predictions
from raise_core.ui.patient_view import NUMBERS_KEY

pytestmark = pytest.mark.slow


@pytest.fixture
def source(small_home):
    """The small study."""
    return open_study(Home.at(small_home), "demo-raise")


@pytest.fixture
def opened(open_app, small_home):
    """Function that opens the page with an address, its tables unfolded."""
    return lambda **address: unfolded(open_app("pages/patient.py", small_home, **address))


def unfolded(test: AppTest) -> AppTest:
    test.session_state[NUMBERS_KEY] = True
    return test.run()


def words(test: AppTest) -> str:
    return " ".join(element.value for kind in (test.markdown, test.caption, test.info) for element in kind)


def table(test: AppTest, column: str):
    return next(frame.value for frame in test.dataframe if column in frame.value.columns)


def progressed(source) -> str:
    """A patient with images who progressed after week 24."""
    ends = source.cohort.outcomes.query("endpoint == 'PFS' and event and time_weeks > 30")
    imaged = set(source.cohort.scans["patient_id"])
    return next(patient for patient in ends["patient_id"] if patient in imaged)


def test_the_first_patient_opens_with_sums_and_risk_of_the_engine(opened, source):
    test = opened()
    assert test.selectbox(key="patient").value == source.patient_ids[0]
    course = patient_course(source, source.patient_ids[0])
    sums = table(test, "Sum of target lesions (mm)")["Sum of target lesions (mm)"].tolist()
    assert sums == pytest.approx([visit.sld_mm for visit in course.sizes])
    assert "Data snapshot" in words(test)


@pytest.mark.parametrize("model", [TWO_VARIABLE_MODEL, THREE_VARIABLE_MODEL])
def test_risks_on_screen_are_those_of_the_engine(opened, source, small_home, model):
    patient_id = progressed(source)
    code = {TWO_VARIABLE_MODEL: "two", THREE_VARIABLE_MODEL: "three"}[model]
    test = opened(patient=patient_id, model=code)
    run = list_runs(Home.at(small_home), source.cohort.study.snapshot_id)[0]
    deep = load_predictions(Home.at(small_home), run.run_id) if "dl:" in model else None
    settings = run.settings if deep else CindexSettings()
    weeks = risk_weeks(source, model, settings, run)
    found = cohort_risks(source, model, weeks=weeks, settings=settings, deep=deep)
    expected = patient_risks(found, source, patient_id)
    shown = table(test, "Others with a lower risk (%)")
    assert shown["Visit"].tolist() == [f"Week {at.week:g}" for at in expected]
    percentiles = [at.risk.percentile if at.risk else float("nan") for at in expected]
    assert shown["Others with a lower risk (%)"].tolist() == pytest.approx(percentiles, nan_ok=True)
    last = [at.risk for at in expected if at.risk][-1]
    assert f"above {last.percentile:.0f} % of the {found.by_week[last.week].n - 1} others at risk" in words(test)
    assert f"{settings.splits} Monte Carlo splits" in words(test)


def test_next_and_previous_walk_the_list_and_write_the_address(opened, source):
    test = opened()
    assert test.button(key="patient_previous").disabled
    test.button(key="patient_next").click().run()
    assert not test.exception
    assert test.selectbox(key="patient").value == source.patient_ids[1]
    assert test.query_params["patient"] == source.patient_ids[1]
    test.button(key="patient_previous").click().run()
    assert test.selectbox(key="patient").value == source.patient_ids[0]


def test_an_unknown_patient_gives_the_first_and_a_notice(open_app, small_home, source):
    test = open_app("pages/patient.py", small_home, patient="<script>alert(1)</script>")
    assert test.selectbox(key="patient").value == source.patient_ids[0]
    assert any("which is not here" in warning.value for warning in test.warning)


def test_a_patient_outside_the_filter_opens_by_link_and_says_so(opened, source):
    patients = source.cohort.patients
    outside = patients.loc[patients["grade"] == "G2", "patient_id"].iloc[0]
    test = opened(patient=outside, filter="grade=G1")
    assert test.selectbox(key="patient").value == outside
    assert "filter leaves this patient out: the risk is that among all patients" in words(test)
    assert f"of {len(patients)} patients" in words(test), "the risk is that among everybody"


def test_under_a_filter_models_are_refitted_and_networks_kept(opened, source):
    patients = source.cohort.patients
    inside = patients.loc[patients["grade"] == "G1", "patient_id"]
    test = opened(filter="grade=G1", model="three")
    assert test.selectbox(key="patient").value == inside.iloc[0]
    assert f"of {len(inside)} patients" in words(test)
    assert "Cox models are refitted" in words(test)
    assert "whole-cohort run" in words(test)


def test_months_are_months_everywhere(opened, source):
    test = opened(time="m", patient=progressed(source))
    assert "At month " in words(test)
    assert table(test, "Others with a lower risk (%)")["Visit"].str.startswith("Month").all()
    assert "Months" in table(test, "SLDr").columns


def test_labs_and_recist_of_the_address_are_shown(opened):
    test = opened(labs="ldh", recist="1.1")
    assert test.multiselect(key="labs").value == ["ldh"]
    assert "Response by RECIST 1.1" in words(test)
    assert "Response (RECIST 1.1)" in table(test, "SLDr").columns


def test_the_run_of_a_link_is_kept_and_one_that_is_not_here_is_said(opened, source, small_home):
    run = list_runs(Home.at(small_home), source.cohort.study.snapshot_id)[0]
    test = opened(model="lesion-portal", run=run.run_id[:8], patient=progressed(source))
    assert f"Run {run.run_id[:8]}" in words(test)
    assert not test.warning
    other = opened(model="lesion-portal", run="00000000")
    assert any("which is not here" in warning.value for warning in other.warning)


def test_without_a_model_the_course_stands_alone(opened):
    test = opened(model="none")
    assert not any("Others with a lower risk (%)" in frame.value.columns for frame in test.dataframe)
    assert "Monte Carlo" not in words(test)


def test_a_run_without_its_networks_leaves_the_course_and_says_what_to_do(open_app, source, small_home, tmp_path):
    home = tmp_path / "copy"
    shutil.copytree(small_home, home)
    shutil.rmtree(home / "artifacts" / "deep-risk")
    test = unfolded(open_app("pages/patient.py", home, model="three", patient=progressed(source)))
    (warning,) = [element.value for element in test.warning if "risk cannot be shown" in element.value]
    assert "Start the run again on the page Runs" in warning
    assert "has lost its predictions" in warning
    assert len(table(test, "SLDr")) > 0
    assert not any("Others with a lower risk (%)" in frame.value.columns for frame in test.dataframe)
