"""Waterfall: the best change of each patient's sum of target lesions, a bar a patient, from growth to shrinkage."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from raise_core.domain.recist import Response
from raise_core.domain.response_results import CohortResponse
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.arm_marks import ArmMark
from raise_core.figures.identity import PAGE, Theme
from raise_core.figures.response_marks import (
    PERCENT_TITLE,
    add_thresholds,
    arm_bars,
    percent_change,
    percent_range,
    response_bars,
    response_name,
)
from raise_core.figures.template import FONT_SIZE, template

FIGURE_HEIGHT = 430
LEGEND_PX = 44  # names at the height of the toolbar
STUB_PERCENT = 0.8  # a bar of no change is drawn so high, to be seen and pointed at


def bars_of(found: CohortResponse) -> pd.DataFrame:
    """Patients with a measured sum after baseline, largest growth first: rows of `CohortResponse.patients`."""
    known = found.patients[found.patients["best_change_percent"].notna()]
    return known.sort_values(["best_change_percent", "patient_id"], ascending=[False, True], ignore_index=True)


def waterfall_figure(
    found: CohortResponse,
    *,
    marks: Mapping[str, ArmMark],
    by_response: bool = False,
    theme: Theme = "light",
    unit: TimeUnit = TimeUnit.WEEKS,
) -> go.Figure:
    """One bar a patient, `customdata` the patient; coloured by arm or by best overall response.

    Args:
        found: at least one patient with a measured sum after baseline.
        marks: mark of each arm.
        by_response: colour by response instead of by arm.
        theme: page theme.
        unit: unit of the times in the hover text.
    """
    bars = bars_of(found)
    figure = go.Figure()
    styles = response_bars(theme) if by_response else arm_bars([arm.arm for arm in found.arms], marks)
    group = bars["best"] if by_response else bars["arm"]
    for key, style in styles.items():
        own = bars[group == key]
        if own.empty:
            continue
        changes = own["best_change_percent"]
        figure.add_trace(
            go.Bar(
                x=own.index + 1,
                y=changes.where(changes.abs() >= STUB_PERCENT, STUB_PERCENT),
                name=escape(style.name),
                customdata=[[patient] for patient in own["patient_id"]],
                marker={
                    "color": style.colour, "line": {"width": 0},
                    "pattern": {
                        "shape": style.pattern, "fillmode": "overlay", "fgcolor": PAGE[theme], "size": 6,
                        "solidity": 0.25,
                    },
                },
                hovertext=[_hover(row, unit) for row in own.to_dict("records")],
                hoverinfo="text",
            )
        )  # fmt: skip
    low, high = float(bars["best_change_percent"].min()), float(bars["best_change_percent"].max())
    figure.update_layout(
        template=template(theme), height=FIGURE_HEIGHT, bargap=0.12 if len(bars) < 120 else 0.0,
        margin={"t": LEGEND_PX, "b": 12, "r": 96}, showlegend=len(figure.data) > 1 or by_response,
        legend={"y": 1.02, "yanchor": "bottom", "font": {"size": FONT_SIZE - 1}, "itemclick": False},
    )  # fmt: skip
    figure.update_xaxes(
        title_text=f"{len(bars)} patients, from growth to shrinkage", showgrid=False, showticklabels=False, ticks="",
        range=[0.3, len(bars) + 0.7], zeroline=False,
    )  # fmt: skip
    bottom, top = percent_range(low, high)
    figure.update_yaxes(title_text=PERCENT_TITLE, range=[bottom, top])
    add_thresholds(figure, low=bottom, high=top)
    return figure


def _hover(row: Mapping[Hashable, Any], unit: TimeUnit) -> str:
    best = Response(str(row["best"]))
    week = float(row["best_change_week"])
    new = "<br>progression with a new lesion" if row["new_lesion"] else ""
    return (
        f"<b>{escape(str(row['patient_id']))}</b>, {escape(str(row['arm']))}<br>best change "
        f"{percent_change(float(str(row['best_change_percent'])))} at {unit.visit(round(week, 1))}<br>"
        f"{response_name(best)}{new}"
    )
