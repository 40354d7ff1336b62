"""The what-if figure and its words: what is drawn and said is what was predicted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from raise_core.domain.survival_results import Estimate
from raise_core.domain.time_unit import WEEKS_PER_MONTH, TimeUnit
from raise_core.domain.week import WEEKS_PER_YEAR, LandmarkWeek
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.figures import effect_words
from raise_core.figures import individual_words as words
from raise_core.figures.model_effects import effects_figure
from raise_core.figures.predicted_survival import prediction_figure
from raise_core.figures.table_export import Origin
from raise_core.studies.individual import fit_individual, predict
from tests.evaluation.small_cohort import make_cohort, two_arms

WEEKS = TimeUnit.WEEKS
ORIGIN = Origin("s", "A study", "0123456789abcdef", "", True, 90)
N = 90


def source_of(*, events: int = N) -> MarkerSource:
    rng = np.random.default_rng(3)
    cga = rng.normal(5, 0.8, N)
    change = rng.normal(0, 0.4, N)
    time = rng.exponential(50 * np.exp(-0.9 * change - 0.4 * (cga - 5))) + 14
    patients = two_arms(N, columns={"age_years": rng.normal(62, 9, N).round()})
    names = patients["patient_id"]
    last = np.minimum(time, 100)
    counted = np.argsort(np.argsort(time)) < events
    labs = [(who, 0.0, "CGA", np.exp(a), 100.0) for who, a in zip(names, cga, strict=True)]
    labs += [(who, 12.0, "CGA", np.exp(a + b), 100.0) for who, a, b in zip(names, cga, change, strict=True)]
    return MarkerSource(
        make_cohort(patients, outcomes=list(zip(names, last, (time <= 100) & counted, strict=True)), labs=labs)
    )


@pytest.fixture(scope="module")
def model():
    return fit_individual(source_of(), "dlog:CGA+log:CGA+age+arm", LandmarkWeek(12.0), endpoint="PFS")


def traces(figure):
    return {trace.name: trace for trace in figure.data if trace.name}


def test_the_line_is_the_curve_and_the_ghost_the_reference(model):
    patient = model.patient_ids[3]
    found = predict(model, {"dlog:CGA": 0.5}, patient_id=patient)
    figure = prediction_figure(found, theme="dark")
    assert list(traces(figure)) == [f"All {model.report.n} patients", "As measured", "Values set"]
    for name, one in (("Values set", found.now), ("As measured", found.reference)):
        line = traces(figure)[name]
        np.testing.assert_allclose(line.y[1::2], 100 * np.r_[1.0, one.curve.survival][:-1])
        np.testing.assert_allclose(line.x[1::2], one.curve.time_weeks)
    said = [note.text for note in figure.layout.annotations]
    chance = found.now.at_horizon
    assert f"<b>{100 * chance.value:.0f} %</b> ({100 * chance.low:.0f}–{100 * chance.high:.0f}) at 1 year" in said[0]
    assert words.place_words(found.now.percentile) in said[1]
    bars = next(trace for trace in figure.data if trace.type == "bar")
    assert sum(bars.y) == model.report.n


def test_without_a_change_there_is_one_line(model):
    figure = prediction_figure(predict(model, {}))
    assert list(traces(figure)) == [f"All {model.report.n} patients", "Median values"]
    patient = model.patient_ids[0]
    assert f"Patient {patient}" in traces(prediction_figure(predict(model, {}, patient_id=patient)))


def test_months_are_months(model):
    found = predict(model, {})
    figure = prediction_figure(found, unit=TimeUnit.MONTHS)
    last = found.now.curve.time_weeks[-1] / WEEKS_PER_MONTH
    assert figure.layout.xaxis.range[1] == pytest.approx(last)
    assert figure.layout.xaxis.title.text == "Months after month 3"
    assert "months" in words.median_sentence(found, unit=TimeUnit.MONTHS)


@pytest.mark.parametrize("value", [-300.0, 300.0])
def test_hazards_beyond_any_axis_are_drawn_at_its_edge(model, value):
    figure = prediction_figure(predict(model, {"dlog:CGA": value}))
    for line in figure.layout.shapes:
        assert np.isfinite([line.x0, line.x1]).all()
    assert np.isfinite(figure.layout.xaxis2.range).all()


def test_effects_are_drawn_with_their_limits(model):
    figure = effects_figure(model.report)
    (points,) = figure.data
    assert list(points.x) == [effect.hr for effect in model.report.effects]
    assert points.x[0] + points.error_x.array[0] == pytest.approx(model.report.effects[0].ci_high)
    assert list(figure.layout.yaxis.ticktext) == [
        "CgA compared with baseline, per doubling", "CgA, per doubling", "Age, per 10 years",
        "Treatment arm: Drug against Placebo",
    ]  # fmt: skip


def test_the_headline_says_what_was_set_with_both_intervals(model):
    patient = model.patient_ids[3]
    found = predict(model, {"dlog:CGA": float(np.log(1.5)), "age": 70.0}, patient_id=patient)
    told = words.headline(found, unit=WEEKS)
    assert told.startswith("With CgA 1.50-fold of baseline and age 70 years, the predicted chance of being alive and")
    for one in (found.now.at_horizon, found.reference.at_horizon):
        assert f"{100 * one.value:.0f} % (95 % CI {100 * one.low:.0f}–{100 * one.high:.0f})" in told
    assert "1 year after week 13" in told
    assert f"the {model.report.n - 1} other patients." in told
    assert "Extrapolated" not in told
    alone = words.headline(predict(model, {}), unit=WEEKS)
    assert alone.startswith("A patient with median values: predicted chance ")
    assert words.headline(predict(model, {}, patient_id=patient), unit=WEEKS).startswith(f"Patient {patient}: ")


def test_extrapolation_is_said_in_the_unit_clinicians_use(model):
    limits = model.report.markers[0].range
    found = predict(model, {"dlog:CGA": limits.maximum + 0.7})
    (told,) = words.value_warnings(found).values()
    assert told.startswith("Outside the data: CgA ")
    assert f"-fold of baseline is above the highest of the {model.report.n} patients" in told
    assert f"to {words.measured(float(np.exp(limits.maximum)))})" in told
    assert words.headline(found, unit=WEEKS).endswith("Extrapolated.")
    assert "extrapolated" in prediction_figure(found).layout.annotations[0].text
    below = predict(model, {"dlog:CGA": limits.minimum - 0.1})
    assert "below the lowest" in words.value_warnings(below)["dlog:CGA"]
    edge = predict(model, {"dlog:CGA": (limits.high + limits.maximum) / 2})
    assert words.value_warnings(edge)["dlog:CGA"].startswith("At the edge of the data")
    assert words.joint_warning(found) == ""


def test_few_events_and_few_patients_left_are_warned_of(model):
    assert not any("coefficient" in told for told in words.model_warnings(predict(model, {}), unit=WEEKS))
    few = fit_individual(source_of(events=12), "dlog:CGA+age", LandmarkWeek(12.0), endpoint="PFS")
    told = words.model_warnings(predict(few, {}), unit=WEEKS)
    assert any("12 progressions or deaths for 2 coefficients" in sentence for sentence in told)
    late = replace(predict(model, {}), at_risk_at_horizon=4)
    told = words.model_warnings(late, unit=WEEKS)
    assert any(f"Of {model.report.n} patients only 4 are still followed 1 year after" in sentence for sentence in told)


def test_proportional_hazards_are_a_sentence(model):
    told = effect_words.proportional_sentence(model.report)
    assert "Grambsch and Therneau's test" in told
    p = model.report.proportional.whole.p
    assert f"p = {p:.2f}" in told or "p < 0.001" in told or f"p = {p:.3f}" in told


def test_the_table_has_every_coefficient_with_its_method(model):
    report = model.report
    table = effect_words.effects_table(report, ORIGIN)
    assert [row.cells[0] for row in table.rows] == [
        effect_words.effect_label(effect) for effect in model.report.effects
    ]
    assert any("Efron ties" in note for note in table.notes)
    assert effect_words.excluded_table(model.report, unit=WEEKS)["Patients"].sum() == model.report.n_study


def test_footnote_and_alternative_say_n_events_method_snapshot(model):
    found = predict(model, {"age": 70.0})
    note = words.footnote(found, unit=WEEKS)
    for part in (f"{model.report.n} patients", f"{model.report.events} progressions or deaths", "Efron ties", "95 %",
                 "log scale", "not validated on others", "not for decisions on care", "snapshot 01234567"):  # fmt: skip
        assert part in note
    assert words.headline(found, unit=WEEKS) in words.text_alternative(found, unit=WEEKS)


@pytest.mark.parametrize(
    ("percentile", "said"), [(0.0, "below all of"), (0.2, "above 1 % of"), (50.4, "above 50 % of"),
                             (99.8, "above 99 % of"), (100.0, "above all of")],
)  # fmt: skip
def test_a_place_is_never_above_everybody_while_somebody_is_higher(percentile, said):
    assert words.place_words(percentile) == said


def test_chances_near_certainty_keep_a_decimal():
    assert words.chance_words(Estimate(0.994, 0.981, 0.999)) == ("99.4 %", "98.1–99.9")
    assert words.chance_words(Estimate(0.79, 0.734, 0.861)) == ("79 %", "73–86")
    assert words.chance_words(Estimate(0.00001, 0.0, 0.142)) == ("under 0.1 %", "0.0–14.2")
    assert words.chance_words(Estimate(None)) == ("unknown", "")


@pytest.mark.parametrize(
    ("weeks", "unit", "said"),
    [(WEEKS_PER_YEAR, WEEKS, "1 year"), (WEEKS_PER_YEAR / 2, WEEKS, "6 months"), (2 * WEEKS_PER_YEAR, WEEKS, "2 years"),
     (31.2, WEEKS, "31 weeks"), (31.2, TimeUnit.MONTHS, "7 months")],
)  # fmt: skip
def test_spans_are_said_as_people_do(weeks, unit, said):
    assert words.span_words(weeks, unit) == said
