"""A hazard ratio over time: is one number enough?"""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go

from raise_core.domain.survival_results import RatioOverTime
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.identity import GUIDE, TEXT, Theme
from raise_core.figures.template import template

HEIGHT = 320
TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
ROOM = 1.4  # on the log scale, around what is drawn


def ratio_figure(found: RatioOverTime, *, names: tuple[str, str], theme: Theme, unit: TimeUnit) -> go.Figure:
    """Draw the smooth on the scale of the hazard ratio, the events as ticks below it.

    Residuals of two groups lie in two bands far from the line, so drawing them would show less than it hides.

    Args:
        found: of two groups.
        names: of the reference and the other group.
        theme: page theme.
        unit: unit of time.
    """
    times = found.time_weeks / unit.weeks_per_unit
    low = min(float(found.smooth.min()), found.overall, 0.0) - ROOM
    high = max(float(found.smooth.max()), found.overall, 0.0) + ROOM
    ticks = [tick for tick in TICKS if low <= np.log(tick) <= high]
    span = [float(times[0]), float(times[-1])]
    traces = [
        go.Scatter(
            x=times, y=np.full(len(times), low + 0.08), mode="markers", hoverinfo="skip", name="events",
            marker={"symbol": "line-ns", "size": 10, "line": {"color": GUIDE, "width": 1}},
        ),
        go.Scatter(
            x=times, y=found.smooth, mode="lines", line={"color": TEXT[theme], "width": 2.5}, name="over time",
            customdata=np.exp(found.smooth),
            hovertemplate=f"{unit.value.removesuffix('s')} %{{x:.0f}}: hazard ratio %{{customdata:.2f}}<extra></extra>",
        ),
    ]  # fmt: skip
    lines = [
        {"type": "line", "x0": span[0], "x1": span[1], "y0": y, "y1": y,
         "line": {"color": GUIDE, "width": 1.4, "dash": dash}}
        for y, dash in ((0.0, "solid"), (found.overall, "dot"))
    ]  # fmt: skip
    notes = [
        {"x": 1.01, "xref": "paper", "y": y, "text": text, "showarrow": False, "xanchor": "left",
         "font": {"color": GUIDE}}
        for y, text in ((0.0, "same hazard"), (found.overall, "whole time"))
        if text == "whole time" or abs(found.overall) > 0.35
    ]  # fmt: skip
    return go.Figure(
        traces,
        {
            "template": template(theme), "height": HEIGHT, "showlegend": False, "shapes": lines, "annotations": notes,
            "margin": {"l": 110, "r": 130, "t": 24, "b": 60},
            "xaxis": {"title": {"text": f"{unit.value.capitalize()} from the start"}},
            "yaxis": {
                "tickvals": [float(np.log(tick)) for tick in ticks], "ticktext": [f"{tick:g}" for tick in ticks],
                "range": [low, high], "title": {"text": f"Hazard ratio,<br>{escape(names[1])}<br>v {escape(names[0])}"},
            },
        },
    )  # fmt: skip
