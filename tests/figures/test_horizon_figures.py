"""Calibration plot, ROC curve and decision curve show what the results hold, in the house's template."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain import horizon_results
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.decision_curve import decision_curve
from raise_core.evaluation.horizon_accuracy import threshold_accuracy
from raise_core.evaluation.horizon_calibration import calibration_at_horizon
from raise_core.evaluation.time_dependent_auc import roc_at_horizon
from raise_core.figures.horizon_calibration_plot import horizon_calibration_plot
from raise_core.figures.horizon_decision_curve import horizon_decision_curve
from raise_core.figures.horizon_roc import MarkedCut, horizon_roc
from raise_core.figures.identity import PAGE, model_marks

TWO = "sldr+dlog:CGA"


@pytest.fixture(scope="module")
def trial() -> tuple[Outcome, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    marker = np.clip(rng.normal(size=138), -3, 3)
    hazard = np.exp(0.8 * marker) / 60
    time, censored = rng.exponential(1 / hazard), rng.uniform(10, 120, 138)
    outcome = Outcome.of(time_weeks=np.minimum(time, censored), event=time <= censored)
    return outcome, marker, -np.expm1(-52 * hazard)


def notes(figure) -> str:
    return " ".join(one.text for one in figure.layout.annotations)


def trace(figure, name):
    return next(one for one in figure.data if one.name == name)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_calibration_points_are_the_groups(trial, theme):
    outcome, _, risk = trial
    found = calibration_at_horizon(outcome, risk, 52)
    figure = horizon_calibration_plot(found, model="sldr", endpoint="PFS", theme=theme)
    points = trace(figure, model_marks(("sldr",), theme=theme)["sldr"].name)
    np.testing.assert_allclose(points.x, [100 * group.predicted for group in found.groups])
    np.testing.assert_allclose(points.y, [100 * group.observed.risk.value for group in found.groups])
    highs = np.array(points.y) + np.array(points.error_y.array)
    np.testing.assert_allclose(highs, [100 * group.observed.risk.high for group in found.groups])
    assert [text.strip() for text in points.text] == [f"n {group.observed.n}" for group in found.groups]
    bars = next(one for one in figure.data if one.type == "bar")
    assert sum(bars.y) == 138
    assert f"{found.everybody.n} patients, {found.everybody.events} progressions or deaths" in notes(figure)
    assert f"Slope {found.slope.value:.2f}" in notes(figure)
    assert figure.layout.template.layout.paper_bgcolor == PAGE[theme]
    assert "within a year" in figure.layout.xaxis2.title.text


def test_a_calibration_group_without_estimate_is_not_drawn():
    outcome = Outcome.of(time_weeks=[4, 6, 8, 30, 30, 30], event=[1, 0, 0, 0, 1, 0])
    found = calibration_at_horizon(outcome, [0.8, 0.7, 0.9, 0.1, 0.2, 0.15], 20, groups=2)
    figure = horizon_calibration_plot(found, model="sldr", endpoint="OS")
    points = trace(figure, model_marks(("sldr",), theme="light")["sldr"].name)
    assert list(points.y) == [0]
    assert "no interval" in points.hovertext[0]


def test_the_roc_curve_marks_the_cut_with_its_limits(trial):
    outcome, marker, _ = trial
    roc = roc_at_horizon(outcome, marker, 52)
    accuracy = threshold_accuracy(outcome, marker > 0.4, 52)
    figure = horizon_roc(roc, model="sldr", endpoint="PFS", cut=MarkedCut(0.4, accuracy))
    curve = trace(figure, model_marks(("sldr",), theme="light")["sldr"].name)
    np.testing.assert_allclose(curve.y, 100 * roc.sensitivity)
    np.testing.assert_allclose(curve.x, 100 * roc.false_positive_share)
    assert len(curve.hovertext) == len(curve.x)
    cut = trace(figure, "cut")
    assert cut.y[0] == pytest.approx(100 * accuracy.sensitivity.value)
    assert cut.x[0] == pytest.approx(100 - 100 * accuracy.specificity.value)
    assert cut.x[0] - cut.error_x.arrayminus[0] == pytest.approx(100 - 100 * accuracy.specificity.high)
    assert cut.y[0] + cut.error_y.array[0] == pytest.approx(100 * accuracy.sensitivity.high)
    assert "above 0.4" in notes(figure)
    assert f"Area {roc.at.auc.value:.2f}" in notes(figure)
    assert f"{roc.at.cases} progressions or deaths" in notes(figure)


def test_the_cut_lies_on_the_curve_when_nobody_is_censored_before(trial):
    outcome, marker, _ = trial
    complete = Outcome.of(time_weeks=outcome.time_weeks, event=np.ones(138))
    roc = roc_at_horizon(complete, marker, 30)
    accuracy = threshold_accuracy(complete, marker > 0.4, 30)
    above = np.flatnonzero(roc.cut > 0.4)[-1]
    assert roc.sensitivity[above] == pytest.approx(accuracy.sensitivity.value)
    assert roc.false_positive_share[above] == pytest.approx(1 - accuracy.specificity.value)


def test_an_empty_roc_curve_says_why():
    outcome = Outcome.of(time_weeks=[4, 8], event=[1, 0])
    accuracy = threshold_accuracy(outcome, [True, False], 20)
    roc = roc_at_horizon(outcome, [2.0, 1.0], 20)
    figure = horizon_roc(roc, model="sldr", endpoint="OS", cut=MarkedCut(1.5, accuracy))
    assert horizon_results.NO_CONTROL in notes(figure)
    assert [one.name for one in figure.data] == [None]


@pytest.mark.parametrize("bands", [False, True])
def test_the_decision_curve_draws_models_everybody_and_nobody(trial, bands):
    outcome, _, risk = trial
    curve = decision_curve(outcome, {"sldr": risk, TWO: risk**0.5}, 52)
    figure = horizon_decision_curve(curve, endpoint="PFS", risk_threshold=0.3, bands=bands)
    marks = model_marks(curve.models, theme="light")
    for place, model in enumerate(curve.models):
        drawn = trace(figure, marks[model].name)
        np.testing.assert_allclose(drawn.y, 100 * curve.net_benefit[place, :, 0])
        assert drawn.line.dash == marks[model].dash
    np.testing.assert_allclose(trace(figure, "Treat everybody").y, 100 * curve.treat_all[:, 0])
    filled = [one for one in figure.data if one.fill == "toself"]
    assert len(filled) == (2 if bands else 0)
    text = notes(figure)
    for words in ("treat nobody", "treat everybody", "act from 30 %", f"138 patients, {curve.everybody.events} prog"):
        assert words in text
    low, high = figure.layout.yaxis.range
    assert low < 0 < 100 * np.nanmax(curve.net_benefit[:, :, 0]) < high


def test_a_curve_of_nobody_followed_still_draws_its_frame():
    outcome = Outcome.of(time_weeks=[4, 6, 8], event=[1, 0, 0])
    curve = decision_curve(outcome, {"sldr": [0.8, 0.7, 0.1]}, 20)
    figure = horizon_decision_curve(curve, endpoint="OS")
    assert np.isnan(np.array(trace(figure, "Treat everybody").y, dtype=float)).all()
    assert "treat nobody" in notes(figure)
