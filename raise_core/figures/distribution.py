"""A marker by arm at one week: every patient a point, with median and quartiles; categories as stacked bars."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
import plotly.graph_objects as go

from raise_core.domain.characteristics import is_ordered
from raise_core.domain.marker_results import ArmValues, LevelDistribution, NumberDistribution
from raise_core.domain.outcome import FloatArray
from raise_core.figures.arm_marks import ArmMark
from raise_core.figures.identity import PAGE, TEXT, Theme
from raise_core.figures.marker_axis import add_references, marker_axis, measured, with_references
from raise_core.figures.template import FONT_SIZE, template

FIGURE_HEIGHT = 400
BOX_HALF_WIDTH, POINT_HALF_WIDTH = 0.16, 0.3
GOLDEN = 0.6180339887498949  # neighbours in value land far apart, the same at each drawing
MANY_POINTS = 300
_LEVEL_HUES = ("#2672B3", "#7D6C22", "#7A5FB0", "#257878", "#A34C80", "#B34A25", "#4F6F8B")  # white text has 4.5:1
_UNKNOWN = "#6B7075"
_RAMP = ("#9DC3E0", "#5E9CCB", "#2E75AC", "#1B5686", "#123C5F")
EVEN_LUMINANCE = 0.2  # above it dark text reads better than white
SMALL_SHARE = 9.0  # % of a bar; below it only the count fits


def number_figure(found: NumberDistribution, *, marks: Mapping[str, ArmMark], theme: Theme = "light") -> go.Figure:
    """One column an arm: points (with `customdata` the patient), and a box from the 25 % to the 75 % quantile.

    Args:
        found: at least one arm with a value.
        marks: mark of each arm.
        theme: page theme.
    """
    figure = go.Figure()
    every = np.concatenate([arm.values for arm in found.arms])
    low, high = with_references(found.scale, float(every.min()), float(every.max()))
    for place, arm in enumerate(found.arms):
        mark = marks[arm.arm]
        figure.add_trace(_points(arm, place, mark))
        _add_box(figure, arm, place, mark, theme)
    figure.update_layout(
        template=template(theme), height=FIGURE_HEIGHT, showlegend=False, margin={"t": 12, "b": 12, "r": 90}
    )
    figure.update_xaxes(
        tickvals=list(range(len(found.arms))), ticktext=[f"{escape(arm.arm)}<br>n = {arm.n}" for arm in found.arms],
        range=[-0.5, len(found.arms) - 0.5], showgrid=False, ticks="", fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(**marker_axis(found.scale, low, high))
    add_references(figure, found.scale, low, high)
    return figure


def _points(arm: ArmValues, place: int, mark: ArmMark) -> go.Scatter:
    many = arm.n > MANY_POINTS
    return go.Scatter(
        x=place + _spread(arm.values),
        y=arm.values,
        customdata=[[patient] for patient in arm.patient_ids],
        mode="markers",
        marker={"color": mark.colour, "symbol": mark.symbol} | (
            {"size": 5, "opacity": 0.6} if many else {"size": 8, "opacity": 0.75}
        ),
        hovertext=[
            f"<b>{escape(patient)}</b>, {escape(arm.arm)}: {measured(float(value))}"
            for patient, value in zip(arm.patient_ids, arm.values, strict=True)
        ],
        hoverinfo="text",
        name=arm.arm,
    )  # fmt: skip


def _spread(values: FloatArray) -> FloatArray:
    """Sideways places of points, so that equal values do not hide each other; the same at every drawing."""
    order = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    fraction = np.mod((order + 1) * GOLDEN, 1.0)
    return np.asarray((fraction * 2 - 1) * POINT_HALF_WIDTH, dtype=np.float64)


def _add_box(figure: go.Figure, arm: ArmValues, place: int, mark: ArmMark, theme: Theme) -> None:
    """Median and quartiles, drawn over the points."""
    low, middle, high = np.quantile(arm.values, [0.25, 0.5, 0.75])
    left, right = place - BOX_HALF_WIDTH, place + BOX_HALF_WIDTH
    line = {"color": TEXT[theme], "width": 2, "dash": mark.dash if mark.dash != "dash" else "solid"}
    for x, y, width in (
        ([left, right, right, left, left], [low, low, high, high, low], 2.0),
        ([left - 0.04, right + 0.04], [middle, middle], 4.0),
    ):
        figure.add_trace(
            go.Scatter(x=x, y=y, mode="lines", line={**line, "width": width}, hoverinfo="skip", showlegend=False)
        )


def level_figure(found: LevelDistribution, *, theme: Theme = "light") -> go.Figure:
    """One bar an arm, its levels stacked as shares with their counts.

    Args:
        found: a category by arm.
        theme: page theme.
    """
    figure = go.Figure()
    colours = level_colours(found.levels)
    arms = [(arm, counts) for arm, counts in zip(found.arms, found.counts, strict=True) if sum(counts)]
    names = [f"{escape(arm)}<br>n = {sum(counts)}" for arm, counts in arms]
    for place, level in enumerate(found.levels):
        shares = [100 * counts[place] / sum(counts) for _, counts in arms]
        figure.add_trace(
            go.Bar(
                y=names, x=shares, orientation="h", name=escape(level),
                marker={"color": colours[level], "line": {"color": PAGE[theme], "width": 2}},
                text=[
                    f"{counts[place]} ({share:.0f} %)" if share >= SMALL_SHARE else f"{counts[place]}"
                    for (_, counts), share in zip(arms, shares, strict=True)
                ],
                textposition="inside", insidetextanchor="middle", textangle=0,
                insidetextfont={"color": _text_on(colours[level])},
                hovertext=[
                    f"<b>{escape(level)}</b>, {escape(arm)}: {counts[place]} of {sum(counts)} ({share:.0f} %)"
                    for (arm, counts), share in zip(arms, shares, strict=True)
                ],
                hoverinfo="text",
            )
        )  # fmt: skip
    figure.update_layout(
        template=template(theme), barmode="stack", height=110 + 90 * max(1, len(arms)), bargap=0.35,
        margin={"t": 12, "b": 12}, uniformtext={"minsize": 14, "mode": "hide"},
        legend={"traceorder": "normal", "y": 1.02, "yanchor": "bottom", "font": {"size": FONT_SIZE}},
    )  # fmt: skip
    figure.update_xaxes(title_text="Share of patients with a known value (%)", range=[0, 100], fixedrange=True)
    figure.update_yaxes(autorange="reversed", ticks="", showline=False, fixedrange=True)
    return figure


def _text_on(colour: str) -> str:
    """Dark or white text, whichever has more contrast on a colour (WCAG 2 relative luminance)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return TEXT["light"] if luminance > EVEN_LUMINANCE else "#FFFFFF"


def level_colours(levels: tuple[str, ...]) -> dict[str, str]:
    """A single hue from light to dark for levels of degree, else the free hues in their order; unknown is grey."""
    known = [level for level in levels if not level.lower().startswith(("unknown", "other"))]
    hues: tuple[str, ...] = _LEVEL_HUES
    if is_ordered(known):
        step = max(1, (len(_RAMP) - 1) // max(1, len(known) - 1))
        hues = tuple(_RAMP[min(place * step, len(_RAMP) - 1)] for place in range(len(known)))
    colours = {level: hues[place % len(hues)] for place, level in enumerate(known)}
    return {level: colours.get(level, _UNKNOWN) for level in levels}
