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
from raise_core.figures.identity import Theme
from raise_core.figures.template import FONT_SIZE, template

HUES = ("#2F8F8F", "#B0568C", "#8C7A2E", "#2E7FC1", "#C4562F", "#8A6FBF")
DASHES = ("solid", "dash", "dashdot", "dot", "longdash", "longdashdot")
HEIGHT = 360


def incidence_figure(
    found: CumulativeIncidence, *, names: Mapping[str, str], theme: Theme, unit: TimeUnit
) -> go.Figure:
    """Draw the probability that each event has come first.

    Args:
        found: curves by group.
        names: label of a group to its name on screen.
        theme: page theme.
        unit: unit of the time axis.
    """
    traces = []
    highest = 0.02
    for column, cause in enumerate(found.causes):
        suffix = "" if column == 0 else str(column + 1)
        for place, group in enumerate(found.groups):
            curve = group.curves[column]
            highest = max(highest, float(curve.incidence.max(initial=0.0)))
            traces.append(
                go.Scatter(
                    x=np.r_[0.0, group.time_weeks] / unit.weeks_per_unit, y=100 * np.r_[0.0, curve.incidence],
                    mode="lines", xaxis=f"x{suffix}", yaxis=f"y{suffix}", showlegend=column == 0,
                    line={"color": HUES[place % 6], "dash": DASHES[place % 6], "width": 3, "shape": "hv"},
                    name=names.get(group.label, group.label),
                    hovertemplate=f"<b>{escape(names.get(group.label, group.label))}</b><br>{escape(cause)} first by "
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


def incidence_words(found: CumulativeIncidence, *, names: Mapping[str, str], unit: TimeUnit) -> str:
    """Events of every cause by group, and tests of how fast each comes."""
    parts = []
    for column, cause in enumerate(found.causes):
        counts = ", ".join(
            f"{names.get(group.label, group.label)} {group.curves[column].n_events} of {group.n}"
            for group in found.groups
        )
        test = "" if found.cause_specific is None else found.cause_specific[column].p
        said = f"; cause-specific log-rank p {numbers.p_value(test)}" if isinstance(test, float) else ""
        parts.append(f"{cause}: {counts}{said}")
    return (
        f"{'. '.join(parts)}. Aalen–Johansen estimate of the event that comes first, of patients without either at the "
        f"start, in {unit.value}; tests are not adjusted for a chosen threshold."
    )
