"""Calibration at a horizon: predicted against observed risk, group by group, over the predictions' distribution."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from raise_core.domain.horizon_results import CalibrationGroup, HorizonCalibration
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import horizon_words as words
from raise_core.figures import numbers
from raise_core.figures.cindex_words import event_noun, event_words
from raise_core.figures.identity import GUIDE, Mark, Theme, model_marks
from raise_core.figures.template import FONT_SIZE, template

FIGURE_HEIGHT = 520
BINS = 40
EDGE = 3.0  # % beyond 0 and 100, so that no point is cut


def horizon_calibration_plot(
    calibration: HorizonCalibration,
    *,
    model: str,
    endpoint: str,
    theme: Theme = "light",
    unit: TimeUnit = TimeUnit.WEEKS,
    start_weeks: float = 0.0,
) -> go.Figure:
    """One point a group of patients with whiskers; points on the dotted line are predicted rightly.

    Args:
        calibration: of one model.
        model: its markers, for colour and mark.
        endpoint: what is predicted.
        theme: page theme.
        unit: in which times are written.
        start_weeks: where the clock starts, weeks from randomisation.
    """
    mark = model_marks((model,), theme=theme)[model]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.84, 0.16], vertical_spacing=0.03)
    figure.add_trace(
        go.Scatter(
            x=[0, 100], y=[0, 100], mode="lines", line={"color": GUIDE, "width": 1.5, "dash": "dot"}, hoverinfo="skip",
            showlegend=False,
        ),
        row=1, col=1,
    )  # fmt: skip
    drawn = [group for group in calibration.groups if group.observed.risk.value is not None]
    figure.add_trace(_points(drawn, mark, endpoint), row=1, col=1)
    found, edges = np.histogram(100 * calibration.predicted, bins=BINS, range=(0, 100))
    figure.add_trace(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2, y=found, width=90 / BINS,
            marker={"color": mark.colour, "opacity": 0.6},
            hovertemplate="%{y} patients<extra></extra>", showlegend=False,
        ),
        row=2, col=1,
    )  # fmt: skip
    horizon, everybody = words.span(calibration.horizon_weeks, unit, start_weeks), calibration.everybody
    figure.add_annotation(
        text=(
            f"Observed / expected {words.ratio(calibration.observed_to_expected)}<br>"
            f"Slope {words.ratio(calibration.slope)}<br>"
            f"{everybody.n} patients, {everybody.events} {event_words(endpoint)}<br>"
            f"<span style='color:{GUIDE}'>dotted: as predicted</span>"
        ),
        x=0, y=100, xref="x", yref="y", xanchor="left", yanchor="top", align="left", showarrow=False,
        font={"size": FONT_SIZE},
    )  # fmt: skip
    percent = {"range": [-EDGE, 100 + EDGE], "dtick": 20, "ticksuffix": " %", "showgrid": False}
    figure.update_layout(template=template(theme), height=FIGURE_HEIGHT, margin={"t": 12, "b": 12}, bargap=0)
    figure.update_xaxes(**percent)
    figure.update_xaxes(showticklabels=False, ticks="", row=1, col=1)
    figure.update_xaxes(title_text=f"Predicted risk of {event_noun(endpoint)} within {horizon}", row=2, col=1)
    figure.update_yaxes(title_text="Observed risk (95 % CI)", row=1, col=1, **percent | {"showgrid": True})
    figure.update_yaxes(title_text="Patients", rangemode="tozero", nticks=3, showgrid=False, row=2, col=1)
    return figure


def _points(groups: list[CalibrationGroup], mark: Mark, endpoint: str) -> go.Scatter:
    above, below, hover = [], [], []
    for group in groups:
        risk = group.observed.risk
        value = 100 * (risk.value or 0.0)
        above.append(0.0 if risk.high is None else 100 * risk.high - value)
        below.append(0.0 if risk.low is None else value - 100 * risk.low)
        hover.append(
            f"<b>{group.observed.n} patients</b>, {group.observed.events} {event_words(endpoint)}<br>predicted "
            f"{numbers.percent(group.predicted)} ({100 * group.predicted_low:.0f}–{100 * group.predicted_high:.0f}), "
            f"observed {words.share(risk)}" + (f"<br>no interval: {risk.reason}" if risk.low is None else "")
        )
    return go.Scatter(
        x=[100 * group.predicted for group in groups],
        y=[100 * (group.observed.risk.value or 0.0) for group in groups],
        error_y={"type": "data", "array": above, "arrayminus": below, "color": mark.colour, "thickness": 2, "width": 6},
        mode="markers+text",
        marker={"symbol": mark.symbol, "size": 13, "color": mark.colour},
        text=[f"  n {group.observed.n}" for group in groups],
        textposition="middle right",
        textfont={"size": FONT_SIZE - 1},
        hovertext=hover,
        hoverinfo="text",
        name=mark.name,
        showlegend=False,
        cliponaxis=False,
    )
