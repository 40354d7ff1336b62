"""A model on a whole landmark set and its predictions: against another library, by hand, and where it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines import CoxPHFitter

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.week import WEEKS_PER_YEAR, LandmarkWeek
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.studies.individual import default_markers, fit_individual, model_weeks, predict
from raise_core.studies.individual_markers import marker_step, round_step, setting_limits
from tests.evaluation.small_cohort import make_cohort, two_arms

BASELINE = LandmarkWeek(0.0)
N = 120


def source_of(**columns) -> MarkerSource:
    """120 patients whose hazard grows with age and the log of CgA; `columns` are added to the patients."""
    rng = np.random.default_rng(1)
    age, log_cga = rng.normal(62, 9, N).round(), rng.normal(5, 1, N)
    time = rng.exponential(60 * np.exp(-0.03 * (age - 62) - 0.5 * (log_cga - 5))) + 1.5
    end = rng.uniform(40, 160, N)
    patients = two_arms(N, columns={"age_years": age, "grade": np.where(rng.random(N) < 0.6, "G1", "G2"), **columns})
    names = patients["patient_id"]
    return MarkerSource(
        make_cohort(
            patients,
            outcomes=list(zip(names, np.minimum(time, end), time <= end, strict=True)),
            labs=[(who, -1.0, "CGA", float(np.exp(value)), 100.0) for who, value in zip(names, log_cga, strict=True)],
        )
    )


@pytest.fixture(scope="module")
def source() -> MarkerSource:
    """A study seen once."""
    return source_of()


@pytest.fixture(scope="module")
def fitted(source):
    """Age, log CgA, grade and arm at baseline."""
    return fit_individual(source, "age+log:CGA+grade+arm", BASELINE, endpoint="PFS")


def test_hazard_ratios_are_those_of_another_library_over_the_steps_told(fitted):
    frame = fitted.landmark.values.assign(time=fitted.landmark.outcome.time_weeks, event=fitted.landmark.outcome.event)
    theirs = CoxPHFitter().fit(frame.astype(float), "time", "event").summary
    by_name = dict(zip(fitted.columns, fitted.report.effects, strict=True))
    for name, step in {"age": 10.0, "log:CGA": np.log(2), "grade=G2": 1.0, "arm=Drug": 1.0}.items():
        row, ours = theirs.loc[name], by_name[name]
        expected = np.exp(np.array([row["coef"], row["coef lower 95%"], row["coef upper 95%"]]) * step)
        assert [ours.hr, ours.ci_low, ours.ci_high] == pytest.approx(expected, rel=1e-4)
        assert ours.p == pytest.approx(row["p"], rel=1e-3)
    assert by_name["arm=Drug"].reference == "Placebo"
    assert fitted.report.events_per_variable == fitted.report.events / 4


def test_the_curve_of_a_patient_is_near_that_of_another_library(fitted):
    frame = fitted.landmark.values.assign(time=fitted.landmark.outcome.time_weeks, event=fitted.landmark.outcome.event)
    other = CoxPHFitter().fit(frame.astype(float), "time", "event")
    patient = fitted.patient_ids[7]
    found = predict(fitted, {}, patient_id=patient, horizon_weeks=40.0)
    theirs = other.predict_survival_function(frame.loc[[patient]].drop(columns=["time", "event"]), times=[40.0])
    assert found.now.at_horizon.value == pytest.approx(float(theirs.iloc[0, 0]), rel=1e-3)


def test_the_reference_is_what_was_measured_and_only_named_values_change(fitted, source):
    patient = fitted.patient_ids[5]
    row = source.cohort.patients.set_index("patient_id").loc[patient]
    found = predict(fitted, {"age": 80.0}, patient_id=patient)
    assert found.reference.values["age"] == row["age_years"]
    assert found.reference.values["grade"] == row["grade"]
    assert found.reference.values["arm"] == row["arm"]
    assert found.now.values == {**found.reference.values, "age": 80.0}
    assert [marker.marker.text for marker in found.changed] == ["age"]
    assert predict(fitted, {}, patient_id=patient).changed == ()


def test_the_place_is_counted_among_the_others(fitted):
    hazard = np.exp(fitted.log_hazard)
    for number in (0, 33, 90):
        found = predict(fitted, {}, patient_id=fitted.patient_ids[number])
        below = np.delete(hazard, number) < hazard[number]
        assert found.now.percentile == pytest.approx(100 * below.mean(), abs=1.0)  # equal risks count half
        assert found.now.relative_hazard == pytest.approx(hazard[number])
        assert found.cohort_hazard == pytest.approx(hazard)
    assert np.median(hazard) == pytest.approx(1.0, abs=0.05)


def test_nobody_in_particular_has_medians_and_the_most_frequent_levels(fitted, source):
    values = predict(fitted, {}).reference.values
    at_risk = source.cohort.patients[source.cohort.patients["patient_id"].isin(fitted.patient_ids)]
    assert values["age"] == at_risk["age_years"].median()
    assert values["grade"] == at_risk["grade"].mode()[0]


def test_a_higher_value_of_a_harmful_marker_lowers_the_curve(fitted):
    low, high = (predict(fitted, {"log:CGA": value}) for value in (4.0, 6.0))
    assert (high.now.curve.survival <= low.now.curve.survival).all()
    assert high.now.percentile > low.now.percentile
    assert high.now.at_horizon.value < low.now.at_horizon.value


def test_values_outside_the_data_and_at_their_edge_are_named(fitted):
    ages = fitted.report.markers[0].range
    outside = predict(fitted, {"age": ages.maximum + 1}).now.extrapolation
    assert [one.marker.marker.text for one in outside.outside] == ["age"]
    assert not outside.joint, "said already"
    edge = predict(fitted, {"age": (ages.high + ages.maximum) / 2}).now.extrapolation
    assert [one.marker.marker.text for one in edge.rare] == ["age"]
    assert predict(fitted, {}).now.extrapolation.values == ()


def test_a_combination_nobody_has_is_named():
    rng = np.random.default_rng(8)
    weight = rng.normal(75, 12, N)
    source = source_of(weight_kg=weight, height_cm=(100 + weight + rng.normal(0, 3, N)).round(1))
    fitted = fit_individual(source, "weight_kg+height_cm", BASELINE, endpoint="PFS")
    odd = {"weight_kg": float(np.quantile(weight, 0.95)), "height_cm": 100 + float(np.quantile(weight, 0.05))}
    found = predict(fitted, odd).now.extrapolation
    assert found.values == ()
    assert found.joint
    assert found.distance > found.largest_distance
    assert not any(predict(fitted, {}, patient_id=who).now.extrapolation.joint for who in fitted.patient_ids)


def test_horizons_end_where_follow_up_ends(fitted):
    last = fitted.landmark.outcome.time_weeks.max()
    assert fitted.horizons_weeks[-1] <= last
    assert fitted.main_horizon_weeks == pytest.approx(WEEKS_PER_YEAR)
    found = predict(fitted, {}, horizon_weeks=26.0)
    assert found.at_risk_at_horizon == (fitted.landmark.outcome.time_weeks >= 26.0).sum()


def test_the_default_is_the_two_variable_model_where_it_is_there(source):
    assert default_markers(source) == ("lab:CGA",)
    assert model_weeks(source, ("age", "log:CGA"), "PFS") == (0.0,)


def test_a_repeated_marker_is_left_out_and_named():
    source = source_of()
    source.cohort.patients["months"] = source.cohort.patients["age_years"] * 12
    fitted = fit_individual(source, "age+months", BASELINE, endpoint="PFS")
    assert fitted.report.left_out == ("Months",)
    assert [effect.marker.text for effect in fitted.report.effects] == ["age"]
    assert not fitted.report.markers[1].used
    near, far = (predict(fitted, {"months": value}).now.at_horizon.value for value in (600.0, 900.0))
    assert near == far


def test_a_level_nobody_at_risk_has_cannot_be_chosen_and_the_rest_is_read_against_what_is_there():
    source = source_of()
    source.cohort.patients["grade"] = np.where(np.arange(N) % 2, "G2", "G3")
    source.cohort.patients.loc[0, "grade"] = "G1"  # the first in the alphabet, and gone before the landmark
    source.cohort.outcomes.loc[0, "time_weeks"] = 0.5
    fitted = fit_individual(source, "grade", BASELINE, endpoint="PFS")
    (marker,) = fitted.report.markers
    assert set(marker.levels) == {"G2", "G3"}
    (effect,) = fitted.report.effects
    assert {effect.level, effect.reference} == {"G2", "G3"}
    assert fitted.report.left_out == ()
    for patient in fitted.patient_ids[:6]:
        place = fitted.patient_ids.index(patient)
        assert np.log(predict(fitted, {}, patient_id=patient).now.relative_hazard) == pytest.approx(
            fitted.log_hazard[place]
        )
    with pytest.raises(BadUsageError, match="patients here have"):
        predict(fitted, {"grade": "G1"})


@pytest.mark.parametrize(
    ("change", "model", "message"),
    [
        (lambda c: c.outcomes.__setitem__("event", [False] * N), "age", "No event lies ahead"),
        (lambda c: c.patients.__setitem__("age_years", [60.0] * N), "age", "same values"),
        (lambda c: c.patients.__setitem__("ill", c.outcomes["event"].map({True: "b", False: "a"})), "ill",
         "hazard ratio of Ill b has no finite value"),
        (lambda _: None, "dl:lesion-portal", "Network outputs"),
        (lambda _: None, "age+grade+arm+lab:CGA+log:CGA+ratio:CGA+sex", "at most 6"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_says_why(change, model, message):
    source = source_of()
    change(source.cohort)
    with pytest.raises(BadUsageError, match=message):
        fit_individual(MarkerSource(source.cohort), model, BASELINE, endpoint="PFS")


def test_a_landmark_after_everybody_is_refused_with_the_reasons(source):
    with pytest.raises(NotInStoreError, match=r"are at risk after week 501 with all markers known; 0 lack a marker"):
        fit_individual(source, "age", LandmarkWeek(500.0), endpoint="PFS")


def test_a_patient_outside_the_set_is_refused_with_the_reason():
    source = source_of()
    source.cohort.patients.loc[3, "age_years"] = np.nan
    fitted = fit_individual(MarkerSource(source.cohort), "age", BASELINE, endpoint="PFS")
    with pytest.raises(NotInStoreError, match="p003 is not in this model: marker missing: age"):
        predict(fitted, {}, patient_id="p003")
    assert "p003" not in fitted.patient_ids


def test_steps_and_limits_are_round_and_never_leave_what_is_possible(fitted):
    by_name = {marker.marker.text: marker for marker in fitted.report.markers}
    assert marker_step(by_name["age"]) == 10
    assert marker_step(by_name["log:CGA"]) == pytest.approx(np.log(2))
    low, high, step = setting_limits(by_name["age"])
    assert (low, step) == (pytest.approx(low // 1), 1.0)
    assert low < by_name["age"].range.minimum < by_name["age"].range.maximum < high
    assert [round_step(size) for size in (0.0, 0.013, 2.0, 49.9, 50.0, 999.0)] == [1.0, 0.01, 2.0, 20.0, 50.0, 500.0]
    labs = fit_individual(source_of(), "lab:CGA+ratio:CGA", BASELINE, endpoint="PFS")
    for marker in labs.report.markers:
        least, most, step = setting_limits(marker)
        assert least >= 0
        assert 0 < step < (most - least) / 20
    scores = source_of(score=np.arange(N) % 3)
    (score,) = fit_individual(scores, "score", BASELINE, endpoint="PFS").report.markers
    assert setting_limits(score) == (0.0, 3.0, 1.0)
    with pytest.raises(ValueError, match="category"):
        setting_limits(by_name["grade"])


def test_used_and_left_out_add_up(fitted):
    assert fitted.report.n + sum(fitted.report.excluded.values()) == fitted.report.n_study == N
