"""Cumulative incidence of competing events, one panel an event."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from raise_core.domain.incidence_results import CumulativeIncidence
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.identity import Mark, Theme
from raise_core.figures.template import FONT_SIZE, template

HEIGHT = 360


def incidence_figure(
    found: CumulativeIncidence, *, marks: Mapping[str, Mark], theme: Theme, unit: TimeUnit
) -> go.Figure:
    """Draw the probability that each event has come first.

    Args:
        found: curves by group.
        marks: label of a group to its name, colour and dash.
        theme: page theme.
        unit: unit of the time axis.
    """
    traces = []
    highest = 0.02
    for column, cause in enumerate(found.causes):
        suffix = "" if column == 0 else str(column + 1)
        for group in found.groups:
            mark = marks[group.label]
            curve = group.curves[column]
            highest = max(highest, float(curve.incidence.max(initial=0.0)))
            traces.append(
                go.Scatter(
                    x=np.r_[0.0, group.time_weeks] / unit.weeks_per_unit, y=100 * np.r_[0.0, curve.incidence],
                    mode="lines", xaxis=f"x{suffix}", yaxis=f"y{suffix}", showlegend=column == 0,
                    line={"color": mark.colour, "dash": mark.dash, "width": 3, "shape": "hv"}, name=mark.name,
                    hovertemplate=f"<b>{escape(mark.name)}</b><br>{escape(cause)} first by "
                    f"{unit.value.removesuffix('s')} %{{x:.1f}}: %{{y:.0f}} %<extra></extra>",
                )
            )  # fmt: skip
    width = (1 - 0.08 * (len(found.causes) - 1)) / len(found.causes)
    layout: dict[str, Any] = {
        "template": template(theme), "height": HEIGHT, "margin": {"t": 70, "b": 60, "r": 20},
        "legend": {"y": 1.28, "x": 0}, "annotations": [],
    }  # fmt: skip
    for column, cause in enumerate(found.causes):
        suffix = "" if column == 0 else str(column + 1)
        start = column * (width + 0.08)
        layout[f"xaxis{suffix}"] = {
            "domain": [start, start + width], "anchor": f"y{suffix}", "rangemode": "tozero",
            "title": {"text": f"{unit.value.capitalize()} from the start"},
        }  # fmt: skip
        layout[f"yaxis{suffix}"] = {"anchor": f"x{suffix}", "range": [0, min(103.0, 115 * highest)]}
        layout["annotations"].append(
            {"x": start, "xref": "paper", "y": 1.02, "yref": "paper", "text": f"<b>{escape(cause)}</b>",
             "showarrow": False, "xanchor": "left", "yanchor": "bottom", "font": {"size": FONT_SIZE}}
        )  # fmt: skip
    layout["yaxis"]["title"] = {"text": "Patients (%)"}
    return go.Figure(traces, layout)


def incidence_words(found: CumulativeIncidence, *, marks: Mapping[str, Mark], of: int) -> str:
    """Events of every cause by group, and tests of how fast each comes.

    Args:
        found: curves by group.
        marks: label of a group to its name.
        of: patients of the survival figure.
    """
    parts = []
    for column, cause in enumerate(found.causes):
        counts = ", ".join(
            f"{marks[group.label].name} {group.curves[column].n_events} of {group.n}" for group in found.groups
        )
        test = "" if found.cause_specific is None else found.cause_specific[column].p
        said = f"; cause-specific log-rank p {numbers.p_value(test)}" if isinstance(test, float) else ""
        parts.append(f"{cause}: {counts}{said}")
    counted = sum(group.n for group in found.groups)
    return (
        f"{'. '.join(parts)}. Aalen–Johansen estimate of the event that comes first, of the {counted} of {of} patients "
        "of the figure for whom both events are recorded and who had neither by the start; tests are not adjusted for "
        "a chosen threshold."
    )
