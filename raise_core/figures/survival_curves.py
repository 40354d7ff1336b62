"""Kaplan-Meier curves with the table of patients at risk under the same axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from raise_core.domain.survival_report import SurvivalReport
from raise_core.domain.survival_results import SurvivalCurve
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.direct_labels import spread
from raise_core.figures.identity import GUIDE, TEXT, Mark, Theme
from raise_core.figures.template import FONT_SIZE, template

FloatArray = NDArray[np.float64]
CURVE_HEIGHT, ROW_HEIGHT, AXIS_ROOM, TOP_ROOM = 320, 21, 70, 30  # px
LEFT_ROOM = 0.04  # of the time axis, before its zero: room for the first number of the table
NAME_GAP = 15.0  # percent between two names at the line ends
LONGEST_NAME, LONGEST_ROW_NAME = 34, 34  # letters
LEAST_LEFT = 92  # px, for the ticks and the title of the upper axis
MOST_STEPS = 600  # of a curve drawn; more cannot be told apart on a screen
MOST_TICKS = 200  # marks of censored patients on one curve
SIMULATED_MARK = {
    "x": 1.0, "xref": "paper", "xanchor": "right", "y": 1.0, "yref": "paper", "yanchor": "top", "showarrow": False,
    "text": "Simulated data", "font": {"color": "#B26A00", "size": FONT_SIZE - 3},
}  # fmt: skip
"""A picture leaves the page without its badge, so the figure carries one of its own."""
_BAND_OPACITY = 0.15
_GHOST_OPACITY = 0.55
_EVENTS, _CENSORED, _AT_RISK = "Events", "Censored", "At risk"


@dataclass(frozen=True)
class CurveOptions:
    """How curves are drawn.

    Attributes:
        failure: 1 − survival, the share who had the event.
        bands: 95 % intervals.
        medians: lines from half of the patients to the axis.
        from_randomisation: the axis counts from randomisation although the curves begin at a landmark.
        extended: censored patients and events in the table, not only those at risk.
        horizon_weeks: a line at this time after the curves' start; None for none.
        compact: one of several small panels.
    """

    failure: bool = False
    bands: bool = True
    medians: bool = True
    from_randomisation: bool = False
    extended: bool = True
    horizon_weeks: float | None = None
    compact: bool = False


@dataclass(frozen=True, eq=False)
class Ghost:
    """A curve kept for comparison.

    Attributes:
        name: of its group.
        curve: as it was.
        mark: of its group.
    """

    name: str
    curve: SurvivalCurve
    mark: Mark


def survival_figure(
    report: SurvivalReport,
    marks: Sequence[Mark],
    *,
    theme: Theme,
    unit: TimeUnit,
    options: CurveOptions = CurveOptions(),
    ghosts: Sequence[Ghost] = (),
    event_words: str = "event",
) -> go.Figure:
    """Draw the curves of a report, its risk table to the pixel under the axis.

    Args:
        report: the groups.
        marks: one a group, see `group_marks`.
        theme: page theme.
        unit: unit of the time axis.
        options: what else is drawn.
        ghosts: curves of a pinned threshold.
        event_words: what the event is called.
    """
    frame = _Frame(report.landmark_weeks if options.from_randomisation else 0.0, unit, options)
    rows = _rows_of_table(marks, extended=options.extended)
    weeks = _table_weeks(report.comparison.at_risk_weeks, compact=options.compact)
    traces = [_ghost(ghost, frame) for ghost in ghosts]
    for group, mark in zip(report.comparison.groups, marks, strict=True):
        if options.bands:
            traces.append(_band(group.curve, mark, frame))
        traces += [_line(group.curve, mark, frame), _censored(group.curve, mark, frame)]
    traces.append(_table(report, rows, weeks, frame, theme=theme))
    return go.Figure(traces, _layout(report, marks, rows, weeks, frame, theme=theme, event_words=event_words))


@dataclass(frozen=True)
class _Frame:
    """Where the axis begins, in which unit it counts, and what is drawn."""

    offset_weeks: float
    unit: TimeUnit
    options: CurveOptions

    def times(self, weeks: FloatArray) -> FloatArray:
        return (weeks + self.offset_weeks) / self.unit.weeks_per_unit

    def heights(self, survival: FloatArray) -> FloatArray:
        return 100 * (1 - survival) if self.options.failure else 100 * survival


def _steps(curve: SurvivalCurve, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Corners of a curve from time 0 on, thinned to what a screen can show; the last value of each bin stays."""
    times, heights = np.r_[0.0, curve.time_weeks], np.r_[1.0, values]
    if len(times) <= MOST_STEPS:
        return times, heights
    bins = np.floor(times / times[-1] * MOST_STEPS).astype(np.int64)
    kept = np.flatnonzero(np.r_[bins[1:] != bins[:-1], True])
    kept = np.unique(np.r_[0, kept])
    return times[kept], heights[kept]


def _trace(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - Plotly's own settings
    """A trace as Plotly writes it; the figure checks it, once."""
    return {"type": "scatter", **settings}


def _line(curve: SurvivalCurve, mark: Mark, frame: _Frame) -> dict[str, Any]:
    times, heights = _steps(curve, curve.survival)
    return _trace(
        x=frame.times(times),
        y=frame.heights(heights),
        mode="lines",
        line={"color": mark.colour, "width": 3, "dash": mark.dash, "shape": "hv"},
        name=mark.name,
        hovertemplate=f"<b>{escape(mark.name)}</b><br>{frame.unit.value.removesuffix('s')} %{{x:.1f}}: %{{y:.0f}} %"
        "<extra></extra>",
    )


def _ghost(ghost: Ghost, frame: _Frame) -> dict[str, Any]:
    times, heights = _steps(ghost.curve, ghost.curve.survival)
    return _trace(
        x=frame.times(times),
        y=frame.heights(heights),
        mode="lines",
        line={"color": ghost.mark.colour, "width": 2, "dash": "dot", "shape": "hv"},
        opacity=_GHOST_OPACITY,
        name=f"Pinned: {ghost.name}",
        hovertemplate=f"Pinned: {escape(ghost.name)}<br>%{{y:.0f}} %<extra></extra>",
    )


def _band(curve: SurvivalCurve, mark: Mark, frame: _Frame) -> dict[str, Any]:
    """The interval as one closed shape; where it has no limits (no event yet, survival 0) it is the curve itself."""
    low = np.where(np.isnan(curve.low), curve.survival, curve.low)
    high = np.where(np.isnan(curve.high), curve.survival, curve.high)
    times, below = _corners(*_steps(curve, low))
    _, above = _corners(*_steps(curve, high))
    return _trace(
        x=frame.times(np.r_[times, times[::-1]]), y=frame.heights(np.r_[above, below[::-1]]), mode="lines",
        line={"width": 0}, fill="toself", fillcolor=_with_opacity(mark.colour, _BAND_OPACITY), hoverinfo="skip",
        name=f"{mark.name}, interval",
    )  # fmt: skip


def _corners(times: FloatArray, heights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both ends of every step, for a filled shape."""
    return np.r_[times[0], np.repeat(times[1:], 2)], np.r_[np.repeat(heights[:-1], 2), heights[-1]]


def _with_opacity(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def _censored(curve: SurvivalCurve, mark: Mark, frame: _Frame) -> dict[str, Any]:
    at = np.flatnonzero(curve.censored)
    if len(at) > MOST_TICKS:
        at = at[np.linspace(0, len(at) - 1, MOST_TICKS).astype(np.int64)]
    return _trace(
        x=frame.times(curve.time_weeks[at]),
        y=frame.heights(curve.survival[at]),
        mode="markers",
        marker={"symbol": "line-ns", "size": 9, "line": {"color": mark.colour, "width": 1.5}},
        name=f"{mark.name}, censored",
        customdata=curve.censored[at],
        hovertemplate=f"<b>{escape(mark.name)}</b><br>%{{customdata}} censored at "
        f"{frame.unit.value.removesuffix('s')} %{{x:.1f}}<extra></extra>",
    )


def _medians(report: SurvivalReport, marks: Sequence[Mark], frame: _Frame) -> list[dict[str, Any]]:
    """Dotted lines from half of the patients down to the axis, for the curves that come down so far."""
    known = [
        (float(frame.times(np.array([group.median_weeks.value]))[0]), mark)
        for group, mark in zip(report.comparison.groups, marks, strict=True)
        if group.median_weeks.value is not None
    ]
    if not known:
        return []
    start = float(frame.times(np.zeros(1))[0])
    half = _dotted((start, max(end for end, _ in known)), (50, 50), GUIDE, 1.0)
    return [half, *(_dotted((end, end), (0, 50), mark.colour, 1.5) for end, mark in known)]


def _dotted(x: tuple[float, float], y: tuple[float, float], colour: str, width: float) -> dict[str, Any]:
    return {
        "type": "line", "x0": x[0], "x1": x[1], "xref": "x", "y0": y[0], "y1": y[1], "yref": "y",
        "line": {"color": colour, "width": width, "dash": "dot"},
    }  # fmt: skip


@dataclass(frozen=True)
class _Row:
    name: str
    colour: str
    group: int
    kind: str
    letters: int


def _rows_of_table(marks: Sequence[Mark], *, extended: bool) -> list[_Row]:
    """Rows from the top: for each group those at risk and, in an extended table, who left and how."""
    rows = []
    for place, mark in enumerate(marks):
        short = _shortened(mark.name, LONGEST_ROW_NAME)
        name, suffix = f"<b>{escape(short)}</b>", " at risk" if extended else ""
        rows.append(_Row(f"{name}{suffix}", mark.colour, place, _AT_RISK, len(short) + len(suffix)))
        if extended:
            rows += [_Row(kind.lower(), mark.colour, place, kind, len(kind)) for kind in (_CENSORED, _EVENTS)]
    return rows


def _shortened(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _table_weeks(weeks: FloatArray, *, compact: bool) -> FloatArray:
    return weeks[::2] if compact and len(weeks) > 6 else weeks


def table_counts(curve: SurvivalCurve, weeks: FloatArray) -> dict[str, NDArray[np.int64]]:
    """At risk just before each week; censored and events before it, so that the three add up to the patients.

    Args:
        curve: of a group.
        weeks: shape (w,).
    """
    before = np.searchsorted(curve.time_weeks, weeks, side="left")
    events = np.r_[0, np.cumsum(curve.events)][before]
    censored = np.r_[0, np.cumsum(curve.censored)][before]
    return {_AT_RISK: curve.n - events - censored, _CENSORED: censored, _EVENTS: events}


def _table(
    report: SurvivalReport, rows: Sequence[_Row], weeks: FloatArray, frame: _Frame, *, theme: Theme
) -> dict[str, Any]:
    """All numbers of the table as one trace, so that a moved threshold redraws fast."""
    counts = [table_counts(group.curve, weeks) for group in report.comparison.groups]
    colours = [row.colour if row.kind == _AT_RISK else TEXT[theme] for row in rows]
    return _trace(
        x=np.tile(frame.times(weeks), len(rows)),
        y=np.repeat(np.arange(len(rows))[::-1], len(weeks)),
        text=[f"{count}" for row in rows for count in counts[row.group][row.kind]], mode="text", hoverinfo="skip",
        name="table", cliponaxis=False, xaxis="x2", yaxis="y2",
        textfont={"size": FONT_SIZE - 2, "color": [colour for colour in colours for _ in weeks]},
    )  # fmt: skip


def _names(report: SurvivalReport, marks: Sequence[Mark], frame: _Frame) -> list[dict[str, Any]]:
    """Names at the line ends, pushed apart where they would overlap."""
    groups = report.comparison.groups
    ends = frame.heights(np.array([group.curve.survival[-1] for group in groups]))
    gap = min(NAME_GAP, 93.0 / max(len(groups) - 1, 1))
    between = "<br>" if gap == NAME_GAP else ", "  # many groups have one line each
    placed = spread(ends.tolist(), gap=gap, floor=4.0, ceiling=97.0)
    return [
        {
            "x": 1.012, "xref": "paper", "y": float(height), "yref": "y", "showarrow": False, "xanchor": "left",
            "align": "left", "font": {"color": mark.colour, "size": FONT_SIZE - 1},
            "text": f"<b>{escape(_shortened(mark.name, LONGEST_NAME))}</b>{between}"
            f"n {group.curve.n}, {group.curve.n_events} events",
        }
        for height, group, mark in zip(placed, groups, marks, strict=True)
    ]  # fmt: skip


def _guides(frame: _Frame) -> list[tuple[float, str]]:
    """The landmark where the axis begins before it, and the horizon."""
    horizon = frame.options.horizon_weeks
    lines = [(0.0, "landmark")] if frame.offset_weeks else []
    return lines if horizon is None else [*lines, (horizon, "horizon")]


def _layout(
    report: SurvivalReport,
    marks: Sequence[Mark],
    rows: Sequence[_Row],
    weeks: FloatArray,
    frame: _Frame,
    *,
    theme: Theme,
    event_words: str,
) -> dict[str, Any]:
    options, unit = frame.options, frame.unit
    inside = CURVE_HEIGHT + AXIS_ROOM + ROW_HEIGHT * len(rows)
    table = ROW_HEIGHT * len(rows) / inside
    start = "randomisation" if frame.offset_weeks or not report.landmark_weeks else "the landmark"
    longest = max(float(group.curve.time_weeks[-1]) for group in report.comparison.groups)
    span = (longest + frame.offset_weeks) / unit.weeks_per_unit or 1.0
    ticks = weeks + frame.offset_weeks
    x_range = [-LEFT_ROOM * span, (1 + LEFT_ROOM / 2) * span]
    lines = [(float(frame.times(np.array([week]))[0]), name) for week, name in _guides(frame)]
    names = [] if options.compact else _names(report, marks, frame)
    # Margins are given, not found by drawing twice: that would double the time a moved threshold takes.
    left = max(LEAST_LEFT, 14 + 6.6 * max(row.letters for row in rows))
    right = 24 if options.compact else 40 + 8.4 * max(len(_shortened(mark.name, LONGEST_NAME)) for mark in marks)
    return {
        "template": template(theme),
        "height": inside + TOP_ROOM,
        "showlegend": False,
        "margin": {"r": max(right, 24 if options.compact else 160), "t": TOP_ROOM - 8, "b": 8, "l": left},
        "xaxis": {
            "anchor": "y", "automargin": False, "range": x_range, "tickvals": list(ticks / unit.weeks_per_unit),
            "showgrid": False,
            "ticktext": [f"{unit.of_weeks(week):.0f}" for week in ticks],
            "title": {"text": f"{unit.value.capitalize()} from {start}"},
        },
        "yaxis": {
            "anchor": "x", "automargin": False, "domain": [table + AXIS_ROOM / inside, 1], "range": [-1, 103],
            "dtick": 25,
            "title": {"text": f"Patients {'with' if options.failure else 'without'}<br>{event_words} (%)"},
        },
        "xaxis2": {"anchor": "y2", "automargin": False, "matches": "x", "visible": False},
        "yaxis2": {
            "anchor": "x2", "automargin": False, "domain": [0, table], "range": [-0.6, len(rows) - 0.4],
            "showgrid": False,
            "showline": False, "ticks": "", "tickvals": list(range(len(rows))), "tickfont": {"size": FONT_SIZE - 2},
            "ticktext": [f'<span style="color:{row.colour}">{row.name}</span>' for row in reversed(rows)],
        },
        "shapes": [
            *(_medians(report, marks, frame) if options.medians else ()),
            *(_dotted((x, x), (-1, 103), GUIDE, 1.2) for x, _ in lines),
        ],
        "annotations": names + [
            {"x": x, "y": 103, "xref": "x", "yref": "y", "text": name, "showarrow": False, "yanchor": "bottom",
             "font": {"color": GUIDE, "size": FONT_SIZE - 2}}
            for x, name in lines
        ] + ([SIMULATED_MARK] if report.provenance.simulated else []),
    }  # fmt: skip
