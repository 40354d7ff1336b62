"""Spider: every patient's sum of target lesions over time, as change from baseline."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from raise_core.domain.response_results import CohortResponse
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.arm_marks import ArmMark
from raise_core.figures.identity import TEXT, Theme
from raise_core.figures.response_marks import (
    PERCENT_TITLE,
    add_thresholds,
    arm_legend,
    percent_change,
    percent_range,
    time_ticks,
)
from raise_core.figures.template import template

FIGURE_HEIGHT = 440
MOST_LINES = 400  # more lines than this cannot be told apart
TOP_SHARE = 0.99  # of the points that the axis shows at first, when the largest lie far above them
FAR = 2.0


def lines_of(found: CohortResponse) -> tuple[pd.DataFrame, int]:
    """The points drawn, and how many patients have a line; of more than `MOST_LINES` an even choice is drawn.

    The choice takes patients at equal steps through the order of their best change, so that all kinds of course stay.
    """
    points = found.visits[found.visits["change_percent"].notna()]
    later = points.loc[points["since_baseline_weeks"] > 0, "patient_id"].unique()
    points = points[points["patient_id"].isin(later)]
    if len(later) > MOST_LINES:
        ranked = found.patients.set_index("patient_id").loc[later, "best_change_percent"].sort_values(kind="stable")
        chosen = ranked.index[np.linspace(0, len(ranked) - 1, MOST_LINES).round().astype(int)]
        points = points[points["patient_id"].isin(chosen)]
    return points, len(later)


def spider_figure(
    found: CohortResponse,
    *,
    marks: Mapping[str, ArmMark],
    highlight: str = "",
    theme: Theme = "light",
    unit: TimeUnit = TimeUnit.WEEKS,
) -> go.Figure:
    """One line a patient on actual dates from the baseline visit, `customdata` the patient.

    A cross marks a visit with a new lesion.

    Args:
        found: at least one patient with a measured sum after baseline.
        marks: mark of each arm.
        highlight: a patient whose line is drawn thick; empty for none.
        theme: page theme.
        unit: unit of the time axis.
    """
    points, _ = lines_of(found)
    arms = [arm.arm for arm in found.arms if (points["arm"] == arm.arm).any()]
    figure = go.Figure()
    for arm in arms:
        figure.add_trace(_lines(points[points["arm"] == arm], arm, marks[arm], unit))
    every = found.visits
    own = every[(every["patient_id"] == highlight) & every["change_percent"].notna()]
    if len(own):
        thick = _lines(own, highlight, marks[str(own["arm"].iloc[0])], unit)
        figure.add_trace(thick.update(opacity=1.0, line_width=5, marker_size=11))
    new = points[points["new_lesions"].map(len) > 0]
    if len(new):
        figure.add_trace(
            go.Scatter(
                x=[unit.of_weeks(week) for week in new["week"]], y=new["change_percent"], mode="markers",
                marker={"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": TEXT[theme]}},
                customdata=[[patient] for patient in new["patient_id"]], name="New lesion",
                hovertext=[_hover(row, unit) for row in new.to_dict("records")], hoverinfo="text",
            )
        )  # fmt: skip
    values = points["change_percent"].to_numpy(dtype=float)
    high, usual = float(values.max()), float(np.quantile(values, TOP_SHARE))
    bottom, top = percent_range(float(values.min()), usual if high > FAR * max(usual, 25.0) else high)
    figure.update_layout(
        template=template(theme), height=FIGURE_HEIGHT, showlegend=False, margin={"t": 34, "b": 12, "r": 96}
    )
    last = float(points["week"].max())
    figure.update_xaxes(
        title_text=f"Visit ({unit.value} from randomisation)", showgrid=False, tickangle=0,
        range=[unit.of_weeks(min(0.0, float(points["week"].min())) - 0.01 * last), unit.of_weeks(1.02 * last)],
        **time_ticks(last, unit),
    )  # fmt: skip
    figure.update_yaxes(title_text=PERCENT_TITLE, range=[bottom, top])
    figure.add_hline(y=0, line={"color": TEXT[theme], "width": 1})
    add_thresholds(figure, low=bottom, high=top)
    arm_legend(figure, arms, marks)
    return figure


def _lines(points: pd.DataFrame, arm: str, mark: ArmMark, unit: TimeUnit) -> go.Scatter:
    """Every patient's line of one arm as one trace, a gap between patients."""
    ordered = points.sort_values(["patient_id", "week"], kind="stable", ignore_index=True)
    ends = np.flatnonzero(ordered["patient_id"].ne(ordered["patient_id"].shift(-1)).to_numpy()) + 1
    x = np.insert(ordered["week"].to_numpy(dtype=float) / unit.weeks_per_unit, ends, np.nan)
    y = np.insert(ordered["change_percent"].to_numpy(dtype=float), ends, np.nan)
    who = np.insert(ordered["patient_id"].to_numpy(dtype=object), ends, "")[:, None]
    hover = np.insert(np.array([_hover(row, unit) for row in ordered.to_dict("records")], dtype=object), ends, "")
    return go.Scatter(
        x=x, y=y, customdata=who, mode="lines+markers", connectgaps=False, opacity=0.6,
        line={"color": mark.colour, "width": 1.4, "dash": mark.dash},
        marker={"color": mark.colour, "size": 5, "symbol": mark.symbol},
        hovertext=hover, hoverinfo="text", name=escape(arm),
    )  # fmt: skip


def _hover(row: Mapping[Hashable, Any], unit: TimeUnit) -> str:
    new = row["new_lesions"]
    named = f"<br>new lesion {escape(', '.join(new))}" if isinstance(new, tuple) and new else ""
    read = f", {row['response']}" if row["response"] else ""
    return (
        f"<b>{escape(str(row['patient_id']))}</b>, {escape(str(row['arm']))}<br>"
        f"{unit.visit(round(float(row['week']), 1))}: {percent_change(float(row['change_percent']))}"
        f" ({float(row['sld_mm']):.1f} mm){read}{named}"
    )
