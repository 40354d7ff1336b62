"""A marker over the visits by arm: median, band between the quartiles, n under each visit, patients on demand."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from raise_core.domain.marker_results import Trajectories, TrajectoryPoint
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.arm_marks import ArmMark
from raise_core.figures.identity import Theme
from raise_core.figures.marker_axis import add_references, marker_axis, measured, with_references
from raise_core.figures.template import FONT_SIZE, template

FIGURE_HEIGHT = 430
COUNTS_PX = 26  # height of a row of counts
BAND_OPACITY, LINE_OPACITY = 0.15, 0.35
DODGE_SHARE = 0.006  # of the span, between neighbouring arms
LABEL_GAP_SHARE = 0.055  # of the axis, least distance of two labelled visits


def trajectory_figure(
    found: Trajectories,
    *,
    marks: Mapping[str, ArmMark],
    individual: bool = False,
    theme: Theme = "light",
    unit: TimeUnit = TimeUnit.WEEKS,
) -> go.Figure:
    """Draw medians and quartiles; with `individual` every patient's line on actual dates, `customdata` the patient.

    Args:
        found: at least one week with values.
        marks: mark of each arm.
        individual: draw the patients' own lines.
        theme: page theme.
        unit: unit of the time axis.
    """
    rows = len(found.arms)
    share = COUNTS_PX * (rows + 0.4) / FIGURE_HEIGHT
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[1 - share, share], vertical_spacing=0.18)
    span = (max(found.weeks) - min(found.weeks)) or 24.0
    low, high = _range(found, individual=individual)
    if individual:
        for arm in found.arms:
            figure.add_trace(_patients(found, arm, marks[arm], unit), row=1, col=1)
    drawn = [
        _arm_traces(
            arm, points, marks[arm], shift=(place - (rows - 1) / 2) * DODGE_SHARE * span, unit=unit, band=not individual
        )
        for place, (arm, points) in enumerate(found.arms.items())
    ]
    for trace in [*(band for *bands, _ in drawn for band in bands), *(traces[-1] for traces in drawn)]:
        figure.add_trace(trace, row=1, col=1)
    figure.update_layout(
        template=template(theme), height=FIGURE_HEIGHT, showlegend=False, margin={"t": 34, "b": 8, "l": 80, "r": 90},
    )  # fmt: skip
    figure.update_yaxes(**marker_axis(found.scale, low, high), row=1, col=1)
    add_references(figure, found.scale, low, high, row=1, col=1)
    _add_legend(figure, found, marks)
    edge = max(0.05 * span, 2.0)
    last = max(found.weeks)
    if individual:
        last = max(last, *(float(line.weeks.max()) for line in found.patients))
    ticks = _ticks(found.weeks, least_gap=LABEL_GAP_SHARE * (last + 2 * edge - min(found.weeks)))
    _add_counts(figure, found, marks, unit, ticks)
    figure.update_xaxes(
        range=[unit.of_weeks(min(found.weeks) - edge), unit.of_weeks(last + edge)],
        tickvals=[unit.of_weeks(week) for week in ticks], ticktext=[unit.write(week) for week in ticks],
        showgrid=False, tickangle=0,
    )  # fmt: skip
    figure.update_xaxes(title_text=f"Visit ({unit.value} from randomisation)", showticklabels=True, row=1, col=1)
    figure.update_xaxes(visible=False, row=2, col=1)
    return figure


def _ticks(weeks: tuple[float, ...], *, least_gap: float) -> tuple[float, ...]:
    """Visits that are labelled: those too close to the one before are left out."""
    kept: list[float] = []
    for week in weeks:
        if not kept or week - kept[-1] >= least_gap:
            kept.append(week)
    return tuple(kept)


def _range(found: Trajectories, *, individual: bool) -> tuple[float, float]:
    """Smallest and largest value drawn, with a reference value that lies near."""
    values = [
        value
        for points in found.arms.values()
        for point in points
        for value in (point.lower_quartile, point.upper_quartile)
        if value is not None
    ]
    if individual:
        values += [float(value) for line in found.patients for value in (line.values.min(), line.values.max())]
    return with_references(found.scale, min(values), max(values))


def _arm_traces(
    arm: str, points: tuple[TrajectoryPoint, ...], mark: ArmMark, *, shift: float, unit: TimeUnit, band: bool
) -> list[go.Scatter]:
    """The band between the quartiles, where wanted, and over it the median."""
    drawn = [point for point in points if point.n]
    x = [unit.of_weeks(point.week + shift) for point in drawn]
    red, green, blue = (int(mark.colour[place : place + 2], 16) for place in (1, 3, 5))
    quartiles = go.Scatter(
        x=[*x, *reversed(x)],
        y=[*(point.upper_quartile for point in drawn), *(point.lower_quartile for point in reversed(drawn))],
        fill="toself", fillcolor=f"rgba({red},{green},{blue},{BAND_OPACITY})", mode="lines", line={"width": 0},
        hoverinfo="skip", name=f"{arm}: quartiles",
    )  # fmt: skip
    outline = {"width": 2, "color": mark.colour}
    median = go.Scatter(
        x=x, y=[point.median for point in drawn], mode="lines+markers", name=arm,
        line={"color": mark.colour, "width": 3.5, "dash": mark.dash},
        marker={"symbol": mark.symbol, "size": 11, "color": mark.colour, "line": outline},
        hovertext=[
            f"<b>{escape(arm)}</b>, {unit.visit(point.week)}<br>median {measured(point.median)}, quartiles "
            f"{measured(point.lower_quartile)} to {measured(point.upper_quartile)}<br>{point.n} patients"
            for point in drawn
        ],
        hoverinfo="text",
    )  # fmt: skip
    return [quartiles, median] if band else [median]


def _patients(found: Trajectories, arm: str, mark: ArmMark, unit: TimeUnit) -> go.Scatter:
    """Every patient's line of one arm as one trace, a gap between patients."""
    x: list[float | None] = []
    y: list[float | None] = []
    who: list[list[str]] = []
    hover: list[str] = []
    for line in (line for line in found.patients if line.arm == arm):
        x += [*(unit.of_weeks(float(week)) for week in line.weeks), None]
        y += [*(float(value) for value in line.values), None]
        who += [[line.patient_id]] * (len(line.weeks) + 1)
        name = f"<b>{escape(line.patient_id)}</b>, {escape(arm)}"
        hover += [
            f"{name}<br>{unit.visit(round(float(week), 1))}: {measured(float(value))}"
            for week, value in zip(line.weeks, line.values, strict=True)
        ] + [""]
    return go.Scatter(
        x=x, y=y, customdata=who, mode="lines+markers", opacity=LINE_OPACITY, connectgaps=False,
        line={"color": mark.colour, "width": 1}, marker={"color": mark.colour, "size": 5, "symbol": mark.symbol},
        hovertext=hover, hoverinfo="text", name=f"{arm}: patients",
    )  # fmt: skip


def _add_counts(
    figure: go.Figure,
    found: Trajectories,
    marks: Mapping[str, ArmMark],
    unit: TimeUnit,
    weeks: tuple[float, ...],
) -> None:
    """Patients with a value under each labelled visit, a row an arm."""
    arms = list(found.arms)
    for place, arm in enumerate(arms):
        points = [point for point in found.arms[arm] if point.n and point.week in weeks]
        figure.add_trace(
            go.Scatter(
                x=[unit.of_weeks(point.week) for point in points], y=[len(arms) - 1 - place] * len(points),
                text=[f"{point.n}" for point in points], mode="text", hoverinfo="skip", name=f"{arm}: patients",
            ),
            row=2, col=1,
        )  # fmt: skip
    figure.update_yaxes(
        tickvals=[len(arms) - 1 - place for place in range(len(arms))],
        ticktext=[f"<span style='color:{marks[arm].colour}'>{marks[arm].glyph}</span> n" for arm in arms],
        range=[-0.6, len(arms) - 0.4], showgrid=False, showline=False, ticks="", fixedrange=True, row=2, col=1,
    )  # fmt: skip


def _add_legend(figure: go.Figure, found: Trajectories, marks: Mapping[str, ArmMark]) -> None:
    """The arms' names with their marks, above the picture."""
    if len(found.arms) < 2:
        return
    text = "     ".join(
        f"<span style='color:{marks[arm].colour}'>{marks[arm].glyph}</span> {escape(arm)}" for arm in found.arms
    )
    figure.add_annotation(
        x=0, xref="paper", xanchor="left", y=1.02, yref="paper", yanchor="bottom", text=text, showarrow=False,
        font={"size": FONT_SIZE},
    )  # fmt: skip
