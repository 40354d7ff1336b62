"""The decision curve: net benefit of models, of treating everybody and of treating nobody."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from raise_core.domain.horizon_results import DecisionCurve
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import horizon_words as words
from raise_core.figures import numbers
from raise_core.figures.cindex_words import event_noun, event_words
from raise_core.figures.identity import GUIDE, Mark, Theme, model_marks
from raise_core.figures.marker_axis import MINUS
from raise_core.figures.template import FONT_SIZE, template

FloatArray = NDArray[np.float64]
FIGURE_HEIGHT = 470
LEAST_WIDTH = 50.0  # % of risk that is always shown
LOWEST_SHARE = 0.15  # of the highest net benefit, shown below 0
BAND_OPACITY = 0.15


def horizon_decision_curve(
    curve: DecisionCurve,
    *,
    endpoint: str,
    risk_threshold: float | None = None,
    bands: bool = False,
    marks: Mapping[str, Mark] | None = None,
    theme: Theme = "light",
    unit: TimeUnit = TimeUnit.WEEKS,
    start_weeks: float = 0.0,
) -> go.Figure:
    """One line a model over the risks from which one would act.

    Args:
        curve: net benefit of at least one model.
        endpoint: what is predicted.
        risk_threshold: marked on the axis, the risk from which the reader would act.
        bands: draw 95 % bands.
        marks: of models that are not markers; found by their names when None.
        theme: page theme.
        unit: in which times are written.
        start_weeks: where the clock starts, weeks from randomisation.
    """
    if marks is None:
        marks = model_marks(curve.models, theme=theme)
    x = 100 * curve.risk_threshold
    end = _last_of_interest(curve)
    shown = x <= end
    figure = go.Figure()
    everybody = Mark(GUIDE, "circle", "dashdot", "Treat everybody")
    figure.add_trace(_line(x, curve.treat_all, curve, everybody, width=2.0).update(showlegend=False))
    for place, model in enumerate(curve.models):
        if bands:
            figure.add_trace(_band(x, curve.net_benefit[place], marks[model].colour))
        figure.add_trace(_line(x, curve.net_benefit[place], curve, marks[model], width=2.5))
    figure.add_hline(y=0, line={"color": GUIDE, "width": 1.5, "dash": "dot"})
    highest = float(
        np.nanmax(np.r_[100 * curve.net_benefit[:, shown, 0].ravel(), 100 * curve.treat_all[shown, 0], 1.0])
    )
    low, high = -LOWEST_SHARE * highest, 1.08 * highest
    _label_extremes(figure, curve, low=low, end=end)
    if risk_threshold is not None:
        figure.add_vline(x=100 * risk_threshold, line={"color": GUIDE, "width": 1.5, "dash": "dot"})
        figure.add_annotation(
            text=f"act from {numbers.percent(risk_threshold)}", x=100 * risk_threshold, y=1, yref="paper",
            xanchor="left", yanchor="bottom", showarrow=False, font={"size": FONT_SIZE - 1, "color": GUIDE},
        )  # fmt: skip
    figure.add_annotation(
        text=f"{curve.everybody.n} patients, {curve.everybody.events} {event_words(endpoint)} within "
        f"{words.span(curve.horizon_weeks, unit, start_weeks)}",
        x=1, y=1, xref="paper", yref="paper", xanchor="right", yanchor="top", showarrow=False, font={"size": FONT_SIZE},
    )  # fmt: skip
    figure.update_layout(
        template=template(theme), height=FIGURE_HEIGHT, margin={"t": 70, "b": 12, "r": 30},
        legend={"y": 1.08, "yanchor": "bottom"},
    )  # fmt: skip
    figure.update_xaxes(
        title_text=f"Risk of {event_noun(endpoint)} from which one would act", range=[0, end], dtick=10,
        ticksuffix=" %", showgrid=False,
    )  # fmt: skip
    figure.update_yaxes(title_text="Net benefit per 100 patients", range=[low, high])
    return figure


def _last_of_interest(curve: DecisionCurve) -> float:
    """Where no line lies above 0 any more, but at least half of the axis and at most all of it."""
    best = np.fmax.reduce(curve.net_benefit[:, :, 0], axis=0, initial=0.0)
    useful = np.flatnonzero(best > 0.002)
    last = 100 * float(curve.risk_threshold[useful[-1]]) if len(useful) else 0.0
    return min(max(LEAST_WIDTH, 10 * float(np.ceil(last / 10))), 100.0)


def _line(x: FloatArray, values: FloatArray, curve: DecisionCurve, mark: Mark, *, width: float) -> go.Scatter:
    return go.Scatter(
        x=x, y=100 * values[:, 0], mode="lines", line={"color": mark.colour, "width": width, "dash": mark.dash},
        name=mark.name,
        hovertext=[
            f"<b>{mark.name}</b><br>act from {numbers.percent(float(threshold))}: net benefit "
            f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f}) per 100".replace("-", MINUS)
            for threshold, (value, low, high) in zip(curve.risk_threshold, values, strict=True)
        ],
        hoverinfo="text",
    )  # fmt: skip


def _band(x: FloatArray, values: FloatArray, colour: str) -> go.Scatter:
    known = ~np.isnan(values).any(axis=1)
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return go.Scatter(
        x=np.r_[x[known], x[known][::-1]], y=100 * np.r_[values[known, 1], values[known, 2][::-1]], mode="lines",
        line={"width": 0}, fill="toself", fillcolor=f"rgba({red},{green},{blue},{BAND_OPACITY})", hoverinfo="skip",
        showlegend=False,
    )  # fmt: skip


def _label_extremes(figure: go.Figure, curve: DecisionCurve, *, low: float, end: float) -> None:
    """Names of the two lines that are no model: nobody along 0, everybody where the line leaves the frame."""
    known = np.flatnonzero((100 * curve.risk_threshold <= end) & ~np.isnan(curve.treat_all[:, 0]))
    font = {"color": GUIDE, "size": FONT_SIZE - 1}
    figure.add_annotation(
        x=0, y=0, text="treat nobody", showarrow=False, xanchor="left", xshift=6, yanchor="bottom", font=font
    )
    if not len(known):
        return
    below = known[100 * curve.treat_all[known, 0] < 0.5 * low]
    at = below[0] if len(below) else known[-1]
    figure.add_annotation(
        x=100 * curve.risk_threshold[at], y=max(100 * curve.treat_all[at, 0], 0.5 * low), text="treat everybody",
        showarrow=False, xanchor="right", xshift=-6, font=font,
    )  # fmt: skip
