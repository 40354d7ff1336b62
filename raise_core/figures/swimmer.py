"""Swimmer: every patient's time on study as a bar, with response, progression, death and end of observation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from raise_core.domain.recist import RESPONSES, Response
from raise_core.domain.response_results import Lane
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.arm_marks import ArmMark
from raise_core.figures.identity import PAGE, TEXT, Theme
from raise_core.figures.response_marks import response_name, time_ticks
from raise_core.figures.template import FONT_SIZE, template

MOST_LANES = 40
LANE_PX, FRAME_PX = 17, 150
LEGEND_PX = 84  # two rows of names under the toolbar
SPREAD, LONGEST, SHORTEST, RESPONDERS = "spread", "longest", "shortest", "responders"
SAME_TIME_WEEKS = 1.0  # an event so close to a progression or death already marked is the same
PROGRESSION_COLOUR = "#B34A25"


def choose_lanes(lanes: Sequence[Lane], which: str, *, most: int = MOST_LANES) -> tuple[Lane, ...]:
    """The lanes drawn, longest first: all, or of more than `most` a choice.

    Args:
        lanes: everybody's.
        which: 'spread' (equal steps through the order of length), 'longest', 'shortest', or 'responders' (best
            response first, then length).
        most: how many fit.
    """
    ordered = sorted(lanes, key=lambda lane: (-lane.end_week, lane.patient_id))
    if which == RESPONDERS:
        best = sorted(ordered, key=lambda lane: len(RESPONSES) if lane.best is None else RESPONSES.index(lane.best))
        responding = [lane for lane in best if lane.response is not None]
        return tuple(sorted(responding[:most], key=lambda lane: (-lane.end_week, lane.patient_id)))
    if len(ordered) <= most:
        return tuple(ordered)
    if which == LONGEST:
        return tuple(ordered[:most])
    if which == SHORTEST:
        return tuple(ordered[-most:])
    return tuple(ordered[place] for place in np.linspace(0, len(ordered) - 1, most).round().astype(int))


def swimmer_figure(
    lanes: Sequence[Lane],
    *,
    marks: Mapping[str, ArmMark],
    theme: Theme = "light",
    unit: TimeUnit = TimeUnit.WEEKS,
) -> go.Figure:
    """One bar a patient from randomisation, longest on top, `customdata` the patient.

    Args:
        lanes: those drawn, in their order; at least one.
        marks: mark of each arm.
        theme: page theme.
        unit: unit of the time axis.
    """
    figure = go.Figure()
    arms = list(dict.fromkeys(sorted((lane.arm for lane in lanes), key=lambda arm: list(marks).index(arm))))
    for arm in arms:
        figure.add_trace(_bars([lane for lane in lanes if lane.arm == arm], arm, marks[arm], theme, unit))
    figure.add_trace(_strokes(lanes, unit, theme))
    figure.add_trace(_responses(lanes, unit, theme))
    for trace in _ends(lanes, unit, theme):
        figure.add_trace(trace)
    last = max(max(lane.end_week, lane.known_alive_week or 0.0, lane.death_week or 0.0) for lane in lanes)
    figure.update_layout(
        template=template(theme), height=LANE_PX * len(lanes) + FRAME_PX, bargap=0.25, barmode="overlay",
        margin={"t": LEGEND_PX, "b": 12, "r": 20},
        legend={"y": 1.0, "yanchor": "bottom", "font": {"size": FONT_SIZE - 1}, "itemclick": False},
    )  # fmt: skip
    figure.update_yaxes(
        categoryorder="array", categoryarray=[lane.patient_id for lane in reversed(lanes)], showgrid=False, ticks="",
        tickfont={"size": 14}, showline=False, dtick=1, range=[-0.7, len(lanes) - 0.3],
        ticklabelstandoff=4,
    )  # fmt: skip
    figure.update_xaxes(
        title_text=f"Time from randomisation ({unit.value})", range=[0, unit.of_weeks(1.03 * last)],
        **time_ticks(last, unit),
    )  # fmt: skip
    return figure


def _bars(lanes: Sequence[Lane], arm: str, mark: ArmMark, theme: Theme, unit: TimeUnit) -> go.Bar:
    return go.Bar(
        y=[lane.patient_id for lane in lanes], x=[unit.of_weeks(lane.end_week) for lane in lanes], orientation="h",
        name=escape(arm), customdata=[[lane.patient_id] for lane in lanes],
        marker={
            "color": mark.colour, "opacity": 0.55, "line": {"width": 0},
            "pattern": {
                "shape": "" if mark.dash == "solid" else "/", "fillmode": "overlay", "fgcolor": PAGE[theme], "size": 7,
                "solidity": 0.25,
            },
        },
        hovertext=[_hover(lane, unit) for lane in lanes], hoverinfo="text",
    )  # fmt: skip


def _strokes(lanes: Sequence[Lane], unit: TimeUnit, theme: Theme) -> go.Scatter:
    """Thin lines from the end of the bar to the last date known alive."""
    known = [lane for lane in lanes if lane.known_alive_week is not None]
    return _segments(
        [(lane, lane.end_week, float(lane.known_alive_week or 0.0)) for lane in known],
        unit,
        name="Followed for survival",
        line={"color": TEXT[theme], "width": 1},
    )


def _responses(lanes: Sequence[Lane], unit: TimeUnit, theme: Theme) -> go.Scatter:
    return _segments(
        [(lane, *lane.response) for lane in lanes if lane.response is not None],
        unit,
        name="In response (CR, PR)",
        line={"color": TEXT[theme], "width": 5},
    )


def _segments(
    pieces: Sequence[tuple[Lane, float, float]], unit: TimeUnit, *, name: str, line: dict[str, object]
) -> go.Scatter:
    x: list[float | None] = []
    y: list[str | None] = []
    for lane, start, end in pieces:
        x += [unit.of_weeks(start), unit.of_weeks(end), None]
        y += [lane.patient_id, lane.patient_id, None]
    return go.Scatter(x=x, y=y, mode="lines", line=line, name=name, hoverinfo="skip", showlegend=bool(pieces))


def _ends(lanes: Sequence[Lane], unit: TimeUnit, theme: Theme) -> list[go.Scatter]:
    """Markers: progression on the images, death, an event of the endpoint that is neither, end of observation."""
    text = TEXT[theme]
    outline = {"width": 1, "color": PAGE[theme]}
    kinds: list[tuple[str, list[tuple[Lane, float]], dict[str, object]]] = [
        (
            "Progression (images)",
            [(lane, lane.progression_week) for lane in lanes if lane.progression_week is not None],
            {"symbol": "diamond", "size": 11, "color": PROGRESSION_COLOUR, "line": outline},
        ),
        (
            "Event by the trial",
            [(lane, lane.end_week) for lane in lanes if lane.event and not _is_told(lane)],
            {"symbol": "line-ns", "size": 13, "line": {"width": 3, "color": text}},
        ),
        (
            "Death",
            [(lane, lane.death_week) for lane in lanes if lane.death_week is not None],
            {"symbol": "x", "size": 10, "color": text, "line": outline},
        ),
        (
            "Censored",
            [(lane, lane.end_week) for lane in lanes if lane.event is False],
            {"symbol": "triangle-right-open", "size": 11, "color": text, "line": {"width": 2, "color": text}},
        ),
    ]
    return [
        go.Scatter(
            x=[unit.of_weeks(week) for _, week in points], y=[lane.patient_id for lane, _ in points], mode="markers",
            name=name, marker=marker, customdata=[[lane.patient_id] for lane, _ in points],
            hovertext=[_hover(lane, unit) for lane, _ in points], hoverinfo="text",
        )
        for name, points, marker in kinds
        if points
    ]  # fmt: skip


def _is_told(lane: Lane) -> bool:
    """Whether the event of the endpoint is the progression or death marked anyway."""
    dates = [week for week in (lane.progression_week, lane.death_week) if week is not None]
    return any(abs(week - lane.end_week) <= SAME_TIME_WEEKS for week in dates)


def _hover(lane: Lane, unit: TimeUnit) -> str:
    said = [f"<b>{escape(lane.patient_id)}</b>, {escape(lane.arm)}"]
    said.append(response_name(Response.NOT_EVALUABLE if lane.best is None else lane.best))
    ended = {True: "event", False: "censored", None: "last visit"}[lane.event]
    said.append(f"{ended} at {_date(lane.end_week, unit)}")
    if lane.response is not None:
        said.append(f"in response from {_date(lane.response[0], unit)} to {_date(lane.response[1], unit)}")
    if lane.progression_week is not None:
        said.append(f"progression on images at {_date(lane.progression_week, unit)}")
    if lane.death_week is not None:
        said.append(f"death at {_date(lane.death_week, unit)}")
    return "<br>".join(said)


def _date(week: float, unit: TimeUnit) -> str:
    return unit.visit(round(week, 1))
