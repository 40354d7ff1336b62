"""One patient's predicted survival with its band, and below it where the risk lies among the cohort's."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from raise_core.domain.prediction_results import PredictedPatient, Prediction
from raise_core.domain.survival_results import SurvivalCurve
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.identity import GUIDE, PAGE, TEXT, Theme
from raise_core.figures.individual_words import chance_words, is_extrapolated, place_words, span_words, survival_axis
from raise_core.figures.marker_axis import measured
from raise_core.figures.ratio_axis import ratio_ticks
from raise_core.figures.template import FONT_SIZE, template

FloatArray = NDArray[np.float64]
FIGURE_HEIGHT = 450
CURVE_ROW, RISK_ROW = (0.47, 1.0), (0.0, 0.22)  # of the height
BINS = 24
HIGHEST = 112  # percent; room for the number above a line near 100
HEADROOM = 1.5  # above the highest bar, for the patient's place
BAND_OPACITY = 0.15
GHOST_OPACITY = 0.75
LOW_CHANCE = 0.2  # a label below the line would fall out of the figure
AXIS_MARGIN = 0.04
MOST_POWERS = 6.0  # of ten: hazards beyond are drawn at the edge
FAR_SHARE = 0.35  # of the time axis: a label nearer to the right edge stands at the left of its point


Trace = dict[str, Any]


def prediction_figure(prediction: Prediction, *, theme: Theme = "light", unit: TimeUnit = TimeUnit.WEEKS) -> go.Figure:
    """Survival from the landmark on (top) and the risks of the cohort with the patient's (bottom).

    Everything is handed to Plotly at once: a figure that follows a slider must not be checked piece by piece.

    Args:
        prediction: what to draw.
        theme: page theme.
        unit: of the time axis.
    """
    last = float(prediction.cohort.time_weeks[-1])
    landmark = unit.visit(prediction.report.week.landmark_weeks)
    traces = [_cohort_curve(prediction, unit), _band(prediction.now.curve, theme, unit)]
    if prediction.changed:
        traces.append(_line(prediction.reference, reference_label(prediction), theme, unit, ghost=True))
    traces.append(_line(prediction.now, now_label(prediction), theme, unit, ghost=False))
    shapes, annotations = [], []
    found = prediction.now.at_horizon
    if found.value is not None:
        low, high = found.low if found.low is not None else found.value, found.high or found.value
        traces.append(_chance(unit.of_weeks(prediction.horizon_weeks), found.value, low, high, theme))
        shapes.append(_horizon_line(unit.of_weeks(prediction.horizon_weeks)))
        annotations.append(_chance_label(prediction, found.value, theme, unit, last))
    bars, risk_axis, lowest, highest = _cohort_risks(prediction)
    traces.append(bars)
    if prediction.changed:
        shapes.append(_risk_line(prediction.reference.relative_hazard, theme, width=1.5, dash="dash"))
    shapes.append(_risk_line(prediction.now.relative_hazard, theme, width=3.5, dash="solid"))
    annotations.append(_place_label(prediction, theme, (lowest + highest) / 2))
    title = {"font": {"size": FONT_SIZE}, "standoff": 6}
    layout = {
        "template": template(theme), "height": FIGURE_HEIGHT, "bargap": 0,
        "margin": {"l": 64, "r": 16, "t": 58, "b": 12},
        "legend": {"y": 1.01, "yanchor": "bottom", "x": 0, "font": {"size": FONT_SIZE - 1}, "itemwidth": 34},
        "xaxis": {"title": {"text": f"{unit.value.capitalize()} after {landmark}", **title}, "anchor": "y",
                  "range": [0, unit.of_weeks(last)]},
        "yaxis": {"title": {"text": survival_axis(prediction.report.endpoint), **title}, "domain": CURVE_ROW,
                  "range": [0, HIGHEST], "tickvals": [0, 25, 50, 75, 100]},
        "xaxis2": {"title": {"text": "Hazard against the patient in the middle: more risk →", **title},
                   "anchor": "y2", **risk_axis},
        "yaxis2": {"title": {"text": "Patients", **title}, "domain": RISK_ROW, "nticks": 3, "anchor": "x2",
                   "range": [0, HEADROOM * max(bars["y"])]},
        "shapes": shapes, "annotations": annotations,
    }  # fmt: skip
    return go.Figure({"data": traces, "layout": layout})


def now_label(prediction: Prediction) -> str:
    """What the main line is."""
    if prediction.changed:
        return "Values set"
    return "Median values" if prediction.patient_id is None else f"Patient {prediction.patient_id}"


def reference_label(prediction: Prediction) -> str:
    """What the thin line is."""
    return "Median values" if prediction.patient_id is None else "As measured"


def _steps(curve: SurvivalCurve, values: FloatArray, unit: TimeUnit) -> tuple[FloatArray, FloatArray]:
    """Corners of a step line from the landmark on; NaN limits stay out."""
    times = np.r_[0.0, curve.time_weeks] / unit.weeks_per_unit
    levels = 100 * np.r_[1.0, np.where(np.isnan(values), curve.survival, values)]
    return np.repeat(times, 2)[1:], np.repeat(levels, 2)[:-1]


def _cohort_curve(prediction: Prediction, unit: TimeUnit) -> Trace:
    x, y = _steps(prediction.cohort, prediction.cohort.survival, unit)
    return {
        "type": "scatter", "x": x, "y": y, "mode": "lines", "line": {"color": GUIDE, "width": 1.5, "dash": "dot"},
        "hoverinfo": "skip", "name": f"All {prediction.report.n} patients",
    }  # fmt: skip


def _band(curve: SurvivalCurve, theme: Theme, unit: TimeUnit) -> Trace:
    x, low = _steps(curve, curve.low, unit)
    _, high = _steps(curve, curve.high, unit)
    return {
        "type": "scatter", "x": np.r_[x, x[::-1]], "y": np.r_[low, high[::-1]], "mode": "lines", "line": {"width": 0},
        "fill": "toself", "fillcolor": _faint(TEXT[theme], BAND_OPACITY), "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip


def _line(patient: PredictedPatient, name: str, theme: Theme, unit: TimeUnit, *, ghost: bool) -> Trace:
    curve = patient.curve
    x, y = _steps(curve, curve.survival, unit)
    _, low = _steps(curve, curve.low, unit)
    _, high = _steps(curve, curve.high, unit)
    style = {"width": 1.5, "dash": "dash"} if ghost else {"width": 3.5}
    said = escape(name)
    return {
        "type": "scatter", "x": x, "y": y, "mode": "lines", "line": {"color": TEXT[theme], **style},
        "opacity": GHOST_OPACITY if ghost else 1.0, "name": said, "customdata": np.column_stack([low, high]),
        "hovertemplate": f"%{{x:.0f}} {unit.value}: %{{y:.0f}} % (95 % CI %{{customdata[0]:.0f}}–"
        f"%{{customdata[1]:.0f}})<extra>{said}</extra>",
    }  # fmt: skip


def _chance(x: float, value: float, low: float, high: float, theme: Theme) -> Trace:
    """The chance at the horizon, on the line."""
    return {
        "type": "scatter", "x": [x], "y": [100 * value], "mode": "markers",
        "marker": {"size": 11, "color": TEXT[theme], "line": {"width": 2, "color": PAGE[theme]}},
        "error_y": {"type": "data", "array": [100 * (high - value)], "arrayminus": [100 * (value - low)],
                    "color": TEXT[theme], "thickness": 1.5, "width": 5},
        "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip


def _horizon_line(x: float) -> dict[str, Any]:
    return {
        "type": "line", "xref": "x", "yref": "y domain", "x0": x, "x1": x, "y0": 0, "y1": 1,
        "line": {"color": GUIDE, "width": 1.5, "dash": "dot"},
    }  # fmt: skip


def _chance_label(prediction: Prediction, value: float, theme: Theme, unit: TimeUnit, last: float) -> dict[str, Any]:
    said, limits = chance_words(prediction.now.at_horizon)
    week = prediction.horizon_weeks
    at_left = week > (1 - FAR_SHARE) * last  # a curve falls: right of a point the room is above it, left of it below
    lower = at_left and value > LOW_CHANCE
    return {
        "x": unit.of_weeks(week), "y": 100 * value, "xref": "x", "yref": "y", "showarrow": False,
        "xanchor": "right" if at_left else "left", "yanchor": "top" if lower else "bottom",
        "xshift": -10 if at_left else 10, "yshift": -6 if lower else 6, "bgcolor": _faint(PAGE[theme], 0.8),
        "align": "left", "font": {"size": FONT_SIZE + 1},
        "text": f"<b>{said}</b> ({limits}) at {span_words(week, unit)}"
        + ("<br>extrapolated" if is_extrapolated(prediction) else ""),
    }  # fmt: skip


def _cohort_risks(prediction: Prediction) -> tuple[Trace, dict[str, Any], float, float]:
    """Histogram of the cohort's hazards on a log axis, the axis, and the log10 of its ends."""
    hazard = prediction.cohort_hazard
    patient = (prediction.now.relative_hazard, prediction.reference.relative_hazard)
    low, high = _log10(min(float(hazard.min()), *patient)), _log10(max(float(hazard.max()), *patient))
    margin = AXIS_MARGIN * (high - low) or 0.1
    logs = np.log10(hazard)
    first, last = float(logs.min()), float(logs.max())
    counts, edges = np.histogram(logs, bins=BINS, range=(first, last) if last > first else (first - 0.1, first + 0.1))
    bars = {
        "type": "bar", "x": 10 ** ((edges[1:] + edges[:-1]) / 2), "y": counts,
        "width": 10 ** edges[1:] - 10 ** edges[:-1],
        "marker": {"color": GUIDE, "opacity": 0.55}, "hoverinfo": "text", "showlegend": False,
        "hovertext": [
            f"{count} patients with {measured(10**a)} to {measured(10**b)} times the hazard"
            for count, a, b in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        ],
        "xaxis": "x2", "yaxis": "y2",
    }  # fmt: skip
    low, high = low - margin, high + margin
    values, texts = ratio_ticks(10**low, 10**high)
    axis = {"type": "log", "range": [low, high], "tickvals": values, "ticktext": [f"×{text}" for text in texts]}
    return bars, axis, low, high


def _log10(hazard: float, *, power: bool = False) -> float:
    """Log of a hazard, within what an axis can show; with `power` the hazard itself."""
    shown = float(np.clip(np.log10(max(hazard, 10.0**-MOST_POWERS)), -MOST_POWERS, MOST_POWERS))
    return float(10**shown) if power else shown


def _risk_line(hazard: float, theme: Theme, *, width: float, dash: str) -> dict[str, Any]:
    x = _log10(hazard, power=True)
    return {
        "type": "line", "xref": "x2", "yref": "y2 domain", "x0": x, "x1": x, "y0": 0, "y1": 1,
        "line": {"color": TEXT[theme], "width": width, "dash": dash},
    }  # fmt: skip


def _place_label(prediction: Prediction, theme: Theme, middle: float) -> dict[str, Any]:
    """Where the patient stands, beside the line, on the side with more room."""
    at = _log10(prediction.now.relative_hazard)
    right = at < middle
    whom = "patients" if prediction.patient_id is None else "others"
    return {
        "x": at, "y": 1.0, "xref": "x2", "yref": "y2 domain", "yanchor": "top", "yshift": 6, "showarrow": False,
        "xanchor": "left" if right else "right", "xshift": 5 if right else -5, "bgcolor": _faint(PAGE[theme], 0.8),
        "text": f"<b>{place_words(prediction.now.percentile)}</b> the {whom}", "font": {"size": FONT_SIZE},
    }  # fmt: skip


def _faint(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
