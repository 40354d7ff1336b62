"""The flow of participants as boxes and arrows, after CONSORT: who is counted, who leaves and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go

from raise_core.domain.participant_flow import NO_SCAN, FlowStep, Leaving, ParticipantFlow, VisitCount
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.arm_marks import ArmMark
from raise_core.figures.identity import GUIDE, PAGE, TEXT, Theme
from raise_core.figures.template import FONT, template

LINE_PX, TEXT_PX = 19, 14
PADDING_PX, GAP_PX, STEP_GAP_PX = 6, 15, 28
LONGEST_TITLE = 32  # characters of a box's title on one line
SPINE, SIDE = (1.0, 47.0), (56.0, 99.0)  # left and right edge, % of the width
MOST_WEEKS = 7
"""More visit weeks than this do not fit side by side."""
WIDEST_COLUMN = 32.0  # % of the width
FILL: dict[Theme, str] = {"light": "#F3F6F8", "dark": "#1A202A"}
Lines = list[str]


class _Canvas:
    """Collects shapes and text; x in % of the width, y in pixels from the top."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self.shapes: list[dict[str, object]] = []
        self.annotations: list[dict[str, object]] = []
        self.hover: list[tuple[float, float, str]] = []

    def box(self, x: tuple[float, float], top: float, lines: Lines, *, height: float, **look: object) -> float:
        """A box with centred lines; returns its lower edge."""
        solid = look.get("solid", True)
        self.shapes.append(
            {
                "type": "rect", "x0": x[0], "x1": x[1], "y0": -top, "y1": -top - height, "layer": "below",
                "line": {"width": 1.5, **({"color": TEXT[self.theme]} if solid else {"color": GUIDE, "dash": "dot"})},
                "fillcolor": FILL[self.theme] if solid else PAGE[self.theme],
            }
        )  # fmt: skip
        left = look.get("align") == "left"
        self.annotations.append(
            {
                "x": x[0] + 1 if left else sum(x) / 2, "y": -top - height / 2, "text": "<br>".join(lines),
                "showarrow": False, "font": {"size": TEXT_PX, "family": FONT, "color": TEXT[self.theme]},
                "xanchor": "left" if left else "center", "align": "left" if left else "center",
            }
        )  # fmt: skip
        hover = look.get("hover")
        if isinstance(hover, str):
            self.hover.append((sum(x) / 2, -top - height / 2, hover))
        return top + height

    def line(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A straight line."""
        self.shapes.append(
            {
                "type": "line", "x0": start[0], "y0": -start[1], "x1": end[0], "y1": -end[1],
                "line": {"color": GUIDE, "width": 1.5}, "layer": "below",
            }
        )  # fmt: skip

    def arrow(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """An arrow from start to end."""
        self.annotations.append(
            {
                "x": end[0], "y": -end[1], "ax": start[0], "ay": -start[1], "xref": "x", "yref": "y", "axref": "x",
                "ayref": "y", "text": "", "showarrow": True, "arrowhead": 2, "arrowsize": 1.1, "arrowwidth": 1.5,
                "arrowcolor": GUIDE,
            }
        )  # fmt: skip


def flow_diagram(
    flow: ParticipantFlow,
    *,
    marks: Mapping[str, ArmMark],
    theme: Theme = "light",
    unit: TimeUnit = TimeUnit.WEEKS,
) -> go.Figure:
    """Draw the flow: the steps downwards with those who leave at their right, then each visit week side by side.

    Args:
        flow: at most `MOST_WEEKS` visits.
        marks: mark of each arm.
        theme: page theme.
        unit: how visits are named.
    """
    canvas = _Canvas(theme)
    bottom = _steps(canvas, flow, marks)
    if (flow.visits and flow.endpoint is not None) or any(visit.imaged is not None for visit in flow.visits):
        bottom = _visits(canvas, flow, marks, unit, top=bottom)
    figure = go.Figure(
        go.Scatter(
            x=[place[0] for place in canvas.hover],
            y=[place[1] for place in canvas.hover],
            hovertext=[place[2] for place in canvas.hover],
            hoverinfo="text", mode="markers", marker={"size": 46, "opacity": 0, "color": GUIDE},
        )
    )  # fmt: skip
    figure.update_layout(
        template=template(theme), height=int(bottom + 4), margin={"l": 0, "r": 0, "t": 0, "b": 0},
        shapes=canvas.shapes, annotations=canvas.annotations, showlegend=False, dragmode=False,
    )  # fmt: skip
    figure.update_xaxes(range=[0, 100], visible=False, fixedrange=True)
    figure.update_yaxes(range=[-(bottom + 4), 0], visible=False, fixedrange=True)
    return figure


def _height(lines: Sequence[str]) -> float:
    return len(lines) * LINE_PX + 2 * PADDING_PX


def _steps(canvas: _Canvas, flow: ParticipantFlow, marks: Mapping[str, ArmMark]) -> float:
    """The steps; returns the lower edge of the last box."""
    middle = sum(SPINE) / 2
    bottom, side_bottom = 0.0, 0.0
    for place, step in enumerate(flow.steps):
        lines = [*_title(step), *_by_arm(flow.arms, step.counts, marks, named=True)]
        left = _leaving_lines(step)
        top = bottom + (STEP_GAP_PX if place else 2.0)
        if left:
            half = _height(left) / 2
            centre = max(bottom + STEP_GAP_PX / 2, side_bottom + GAP_PX / 2 + half)
            top = max(top, centre + STEP_GAP_PX / 2)
            canvas.arrow((middle, centre), (SIDE[0], centre))
            hover = _leaving_hover(flow.arms, step.left)
            side_bottom = canvas.box(SIDE, centre - half, left, height=2 * half, solid=False, align="left", hover=hover)
        if place:
            canvas.arrow((middle, bottom), (middle, top))
        bottom = canvas.box(SPINE, top, lines, height=_height(lines))
    return max(bottom, side_bottom)


def _title(step: FlowStep) -> Lines:
    """Number and title, on two lines where it is long."""
    words = escape(step.title)
    if len(step.title) > LONGEST_TITLE:
        words = words.replace(" and ", "<br>and ", 1)
    return f"<b>{step.total}</b> {words}".split("<br>")


def _leaving_lines(step: FlowStep) -> Lines:
    if not step.left:
        return []
    if len(step.left) == 1:
        return [f"<b>{step.left[0].total}</b> left out", escape(step.left[0].reason)]
    total = sum(part.total for part in step.left)
    return [f"<b>{total}</b> left out", *(f"{part.total} {escape(part.reason)}" for part in step.left)]


def _leaving_hover(arms: Sequence[str], left: Sequence[Leaving]) -> str:
    return "<br>".join(f"<b>{escape(part.reason)}</b>: {_with_arms(arms, part.counts)}" for part in left)


def _with_arms(arms: Sequence[str], counts: Sequence[int]) -> str:
    """A total with its parts: 12 (Lanreotide 6, Placebo 6)."""
    if len(arms) < 2:
        return str(sum(counts))
    parts = ", ".join(f"{escape(arm)} {count}" for arm, count in zip(arms, counts, strict=True))
    return f"{sum(counts)} ({parts})"


def _by_arm(arms: Sequence[str], counts: Sequence[int], marks: Mapping[str, ArmMark], *, named: bool) -> Lines:
    """Counts by arm in one line, each with its arm's mark; nothing for a single group."""
    if len(arms) < 2:
        return []
    parts = [
        f"<span style='color:{marks[arm].colour}'>{marks[arm].glyph}</span>"
        + (f" {escape(arm)} {count}" if named else f"\u200a{count}")
        for arm, count in zip(arms, counts, strict=True)
    ]
    return [("   " if named else "  ").join(parts)]


def _visits(
    canvas: _Canvas, flow: ParticipantFlow, marks: Mapping[str, ArmMark], unit: TimeUnit, *, top: float
) -> float:
    """One column a visit: at risk, imaged, and those of the last step who are not counted; returns the lower edge."""
    shown = flow.visits[:MOST_WEEKS]
    width = min(98.0 / len(shown), WIDEST_COLUMN)
    inset = min(1.0, width * 0.06)
    bus = top + GAP_PX
    left = sum(SPINE) / 2 - width / 2 if len(shown) == 1 else 1.0
    centres = [left + width * (place + 0.5) for place in range(len(shown))]
    canvas.line((sum(SPINE) / 2, top), (sum(SPINE) / 2, bus))
    canvas.line((min(centres[0], sum(SPINE) / 2), bus), (max(centres[-1], sum(SPINE) / 2), bus))
    columns = [_column(flow, visit, marks, unit) for visit in shown]
    heights = [max(_height(column[part]) if column[part] else 0.0 for column in columns) for part in range(3)]
    bottom = bus
    for visit, centre, column in zip(shown, centres, columns, strict=True):
        edges = (centre - width / 2 + inset, centre + width / 2 - inset)
        bottom = bus
        for part, lines in enumerate(column):
            if not heights[part]:
                continue
            below = bottom + (GAP_PX if part < 2 else GAP_PX / 2)
            if part < 2:
                canvas.arrow((centre, bottom), (centre, below))
            bottom = canvas.box(
                edges,
                below,
                lines or ["–"],
                height=heights[part],
                solid=part < 2,
                hover=_visit_hover(flow, visit, unit),
            )
    return bottom


def _column(
    flow: ParticipantFlow, visit: VisitCount, marks: Mapping[str, ArmMark], unit: TimeUnit
) -> tuple[Lines, Lines, Lines]:
    name = unit.visit(visit.week)
    first = [f"<b>{name[:1].upper()}{name[1:]}</b>"]
    if visit.at_risk is not None:
        first += [f"<b>{sum(visit.at_risk)}</b> at risk", *_by_arm(flow.arms, visit.at_risk, marks, named=False)]
    imaged: Lines = []
    if visit.imaged is not None:
        imaged = [f"<b>{sum(visit.imaged)}</b> imaged", *_by_arm(flow.arms, visit.imaged, marks, named=False)]
    return first, imaged, not_counted_lines(visit)


def not_counted_lines(visit: VisitCount) -> Lines:
    """Those of the last step who are not counted at a visit, a line a reason, shortest words."""
    parts = [
        (sum(visit.events), "event" if sum(visit.events) == 1 else "events"),
        (sum(visit.censored), "censored"),
        (sum(visit.unknown), "no outcome"),
        *((part.total, _short_reason(part.reason)) for part in visit.not_imaged),
    ]
    lines = [f"{count} {words}" for count, words in parts if count]
    return [f"<b>{sum(count for count, _ in parts)}</b> left out", *lines] if lines else []


def _short_reason(reason: str) -> str:
    return "no scan" if reason == NO_SCAN else reason.replace("annotated ", "").removesuffix(" scan")


def _visit_hover(flow: ParticipantFlow, visit: VisitCount, unit: TimeUnit) -> str:
    rows: list[tuple[str, Sequence[int]]] = []
    if visit.at_risk is not None:
        rows.append((f"at risk after {unit.visit(visit.landmark_weeks)}", visit.at_risk))
    if visit.imaged is not None:
        rows.append(("of them imaged", visit.imaged))
    rows += [(part.reason, part.counts) for part in visit.not_imaged]
    rows += [("past the event", visit.events), ("censored", visit.censored), ("no outcome recorded", visit.unknown)]
    return "<br>".join(
        f"<b>{escape(words)}</b>: {_with_arms(flow.arms, counts)}"
        for words, counts in rows
        if sum(counts) or words.startswith(("at risk", "of them"))
    )
