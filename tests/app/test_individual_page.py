"""The what-if page through Streamlit's own test runner: what is on screen is what the engine predicts."""

from __future__ import annotations

import pytest

from raise_core.domain.time_unit import TimeUnit
from raise_core.domain.week import LandmarkWeek
from raise_core.figures import effect_words, individual_words
from raise_core.store.home import Home
from raise_core.studies.individual import fit_individual, predict
from raise_core.studies.opening import open_study

pytestmark = pytest.mark.slow
PAGE = "pages/individual.py"
WEEKS = TimeUnit.WEEKS


@pytest.fixture
def source(small_home):
    """The small study."""
    return open_study(Home.at(small_home), "demo-raise")


@pytest.fixture
def model(source):
    """The model that the page opens with."""
    return fit_individual(source, "sldr+dlog:CGA", LandmarkWeek(12.0), endpoint="PFS")


@pytest.fixture
def opened(open_app, small_home):
    """Function that opens the page with an address."""
    return lambda **address: open_app(PAGE, small_home, **address)


def words(test) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning)
    return " ".join(element.value for kind in kinds for element in kind).replace("\\", "")


def test_it_opens_with_the_two_variable_model_and_median_values(opened, model):
    test = opened()
    assert test.multiselect(key="markers").value == ["sldr", "dlog:CGA"]
    assert test.selectbox(key="patient").value == "typical"
    assert individual_words.headline(predict(model, {}), unit=WEEKS) in words(test)
    assert individual_words.footnote(predict(model, {}), unit=WEEKS) in words(test)
    assert effect_words.proportional_sentence(model.report) in words(test)
    assert len(test.get("plotly_chart")) == 2


def test_a_patient_of_the_address_gives_the_values_measured(opened, model):
    patient = model.patient_ids[2]
    test = opened(patient=patient)
    measured = model.values_of(patient)
    assert test.slider(key="v.sldr").value == pytest.approx(measured["sldr"], abs=0.006)
    assert individual_words.headline(predict(model, {}, patient_id=patient), unit=WEEKS) in words(test)


def test_moving_a_value_moves_the_sentence_and_the_address(opened, model):
    patient = model.patient_ids[2]
    test = opened(patient=patient)
    test.slider(key="v.sldr").set_value(0.9).run()
    assert not test.exception
    found = predict(model, {"sldr": 0.9}, patient_id=patient)
    assert individual_words.headline(found, unit=WEEKS) in words(test)
    assert "".join(test.query_params["v.sldr"]) == "0.9"
    again = opened(**{"patient": patient, "v.sldr": "0.9"})
    assert individual_words.headline(found, unit=WEEKS) in words(again)
    test.button(key="values_back").click().run()
    assert individual_words.headline(predict(model, {}, patient_id=patient), unit=WEEKS) in words(test)
    assert "v.sldr" not in test.query_params


def test_another_patient_takes_the_values_set_away(opened, model):
    first, second = model.patient_ids[2:4]
    test = opened(**{"patient": first, "v.sldr": "0.9", "v.dlog:CGA": "0.5"})
    test.selectbox(key="patient").set_value(second).run()
    assert individual_words.headline(predict(model, {}, patient_id=second), unit=WEEKS) in words(test)
    assert not [key for key in test.query_params if key.startswith("v.")]


def test_a_value_outside_the_data_is_warned_of_beside_its_slider(opened, model):
    beyond = round(model.report.markers[0].range.maximum + 0.05, 2)
    test = opened(**{"v.sldr": f"{beyond}"})
    (warning,) = [element.value.replace("\\", "") for element in test.warning]
    found = predict(model, {"sldr": beyond})
    assert warning == individual_words.value_warnings(found)["sldr"]
    assert warning.startswith("Outside the data: SLDr")
    assert "Extrapolated." in words(test)


def test_fold_of_baseline_stands_under_the_log(opened):
    assert "1.65-fold of baseline" in words(opened(**{"v.dlog:CGA": "0.5"}))


def test_categories_and_six_markers_can_be_set(opened, source):
    text = "sldr+grade+ki67+lab:CGA+log:AP+arm"
    test = opened(**{"markers": text.replace("+", "~"), "v.grade": "G2", "v.arm": "Placebo"})
    fitted = fit_individual(source, text, LandmarkWeek(12.0), endpoint="PFS")
    found = predict(fitted, {"grade": "G2", "arm": "Placebo"})
    assert individual_words.headline(found, unit=WEEKS) in words(test)
    assert "coefficients: with fewer than 10 events" in words(test)


def test_seven_markers_of_an_address_are_refused_and_said(opened):
    test = opened(markers="sldr~grade~ki67~lab:CGA~log:AP~arm~age")
    assert any("holds more than can be shown" in warning.value for warning in test.warning)
    assert test.multiselect(key="markers").value == ["sldr", "dlog:CGA"]


def test_a_patient_who_is_not_at_risk_is_said_with_the_reason(opened, model, source):
    gone = next(patient for patient in source.patient_ids if patient not in model.patient_ids)
    test = opened(patient=gone)
    told = [warning.value for warning in test.warning]
    assert any(sentence.startswith(f"Patient {gone} has no place in this model (") for sentence in told)
    assert not any("dlog" in sentence for sentence in told), "no marker by its code"
    assert test.selectbox(key="patient").value == "typical"


def test_an_outcome_without_events_says_what_to_do(opened):
    test = opened(endpoint="DEATH")
    assert any("Choose fewer or other markers, or another outcome" in warning.value for warning in test.warning)
    assert not test.get("plotly_chart")


def test_a_filter_refits_the_model(opened, source):
    test = opened(filter="grade=G1")
    patients = source.cohort.patients
    chosen = int((patients["grade"] == "G1").sum())
    assert f"of {chosen} left out" in words(test)
    assert f"Only {individual_words.in_sentence('G1')}" in words(test)


def test_months_and_a_horizon_of_the_address(opened, model):
    test = opened(time="m", horizon="26")
    found = predict(model, {}, horizon_weeks=model.horizons_weeks[1])
    assert individual_words.headline(found, unit=TimeUnit.MONTHS) in words(test)
    assert "6 months after month 3" in words(test)


def test_a_hostile_value_is_refused(opened):
    for hostile in ("nan", "1e999", "<script>"):
        test = opened(**{"v.sldr": hostile})
        assert any("the default is shown" in warning.value for warning in test.warning)
