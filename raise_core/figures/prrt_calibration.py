"""Calibration of a PRRT classifier: bins with limits, a smooth with its band, and the predictions' distribution."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from raise_core.domain.class_accuracy import ClassCalibration
from raise_core.figures import numbers
from raise_core.figures.fusion_marks import fusion_mark
from raise_core.figures.identity import GUIDE, Mark, Theme
from raise_core.figures.survival_curves import SIMULATED_MARK
from raise_core.figures.template import FONT_SIZE, template

FIGURE_HEIGHT = 460
BINS = 40
BAND_OPACITY = 0.15
EDGE = 3.0  # % beyond 0 and 100, so that no point is cut


def prrt_calibration(found: ClassCalibration, *, simulated: bool, theme: Theme = "light") -> go.Figure:
    """Observed share of long against predicted probability; on the dotted line predictions are right.

    Args:
        found: of one classifier.
        simulated: True when the patients are not real.
        theme: page theme.
    """
    mark = fusion_mark(found.model, theme=theme)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.84, 0.16], vertical_spacing=0.03)
    figure.add_trace(
        go.Scatter(
            x=[0, 100], y=[0, 100], mode="lines", line={"color": GUIDE, "width": 1.5, "dash": "dot"}, hoverinfo="skip",
            showlegend=False, name="as predicted",
        ),
        row=1, col=1,
    )  # fmt: skip
    if len(found.smooth_at):
        for trace in _smooth(found, mark):
            figure.add_trace(trace, row=1, col=1)
    figure.add_trace(_points(found, mark), row=1, col=1)
    counts, edges = np.histogram(100 * found.predicted, bins=BINS, range=(0, 100))
    figure.add_trace(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2, y=counts, width=90 / BINS, marker={"color": mark.colour, "opacity": 0.6},
            hovertemplate="%{y} patients<extra></extra>", showlegend=False, name="patients",
        ),
        row=2, col=1,
    )  # fmt: skip
    figure.add_annotation(
        text=f"<span style='color:{GUIDE}'>dotted: as predicted</span><br>line: smooth, band 95 %<br>points: groups, "
        "95 % limits",
        x=-1, y=102, xref="x", yref="y", xanchor="left", yanchor="top", align="left", showarrow=False,
        font={"size": FONT_SIZE - 2},
    )  # fmt: skip
    percent = {"range": [-EDGE, 100 + EDGE], "dtick": 20, "ticksuffix": " %"}
    figure.update_layout(template=template(theme), height=FIGURE_HEIGHT, margin={"t": 38, "b": 8}, bargap=0)
    figure.update_xaxes(showgrid=False, **percent)
    figure.update_xaxes(showticklabels=False, ticks="", row=1, col=1)
    figure.update_xaxes(title_text="Predicted probability of long", row=2, col=1)
    figure.update_yaxes(title_text="Truly long", row=1, col=1, **percent)
    figure.update_yaxes(title_text="Patients", rangemode="tozero", nticks=3, showgrid=False, row=2, col=1)
    if simulated:
        figure.add_annotation(**{**SIMULATED_MARK, "y": 0.24})
    return figure


def _smooth(found: ClassCalibration, mark: Mark) -> tuple[go.Scatter, go.Scatter]:
    x, y = 100 * found.smooth_at, 100 * found.smooth
    red, green, blue = (int(mark.colour[at : at + 2], 16) for at in (1, 3, 5))
    band = go.Scatter(
        x=np.r_[x, x[::-1]], y=np.r_[y[:, 2], y[::-1, 1]], fill="toself", mode="lines", line={"width": 0},
        fillcolor=f"rgba({red},{green},{blue},{BAND_OPACITY})", hoverinfo="skip", showlegend=False, name="band",
    )  # fmt: skip
    line = go.Scatter(
        x=x, y=y[:, 0], mode="lines", line={"color": mark.colour, "width": 2.5, "dash": mark.dash}, name=mark.name,
        showlegend=False, hovertemplate="predicted %{x:.0f} %: observed %{y:.0f} %<extra></extra>",
    )  # fmt: skip
    return band, line


def _points(found: ClassCalibration, mark: Mark) -> go.Scatter:
    shown = [(one, one.observed.value or 0.0) for one in found.bins]
    return go.Scatter(
        x=[100 * one.predicted for one, _ in shown],
        y=[100 * value for _, value in shown],
        error_y={
            "type": "data", "array": [100 * ((one.observed.high or value) - value) for one, value in shown],
            "arrayminus": [100 * (value - (one.observed.low or 0.0)) for one, value in shown],
            "color": mark.colour, "thickness": 1.5, "width": 6,
        },
        mode="markers+text", marker={"symbol": mark.symbol, "size": 12, "color": mark.colour},
        text=[f"  n {one.n}" for one, _ in shown], textposition="middle right", textfont={"size": FONT_SIZE - 2},
        hovertext=[
            f"<b>{one.n} patients</b>, {one.n_long} long<br>predicted {numbers.percent(one.predicted)} "
            f"({100 * one.predicted_low:.0f}–{100 * one.predicted_high:.0f}), observed {numbers.percent(value)}"
            for one, value in shown
        ],
        hoverinfo="text", name=mark.name, showlegend=False, cliponaxis=False,
    )  # fmt: skip
