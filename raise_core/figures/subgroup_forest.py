"""Forest plot: a hazard ratio in all patients and in subgroups, with their interaction tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from raise_core.domain.marker_name import plain_column_name
from raise_core.domain.subgroup_results import Subgroup, SubgroupForest
from raise_core.figures import numbers
from raise_core.figures.identity import GUIDE, TEXT, Theme
from raise_core.figures.template import FONT_SIZE, template

ROW_HEIGHT, ROOM = 27, 134  # px
LEAST_RATIO, MOST_RATIO = 0.05, 20.0
_COLUMNS = ((-0.02, "right"), (1.02, "left"))


@dataclass(frozen=True)
class _Line:
    label: str
    subgroup: Subgroup | None
    right: str


def forest_figure(forest: SubgroupForest, *, names: tuple[str, str], theme: Theme) -> go.Figure:
    """Draw the forest; squares are sized by the number of events.

    Args:
        forest: ratios of the second group against the first.
        names: of the two groups.
        theme: page theme.
    """
    lines = _lines(forest)
    height = len(lines)
    places = {place: height - place - 1 for place in range(height)}
    drawn = [(places[i], line.subgroup) for i, line in enumerate(lines) if line.subgroup is not None]
    known = [(y, one) for y, one in drawn if one.hazard_ratio.hr is not None]
    values = [one.hazard_ratio for _, one in known]
    most = max((sum(one.events) for _, one in known), default=1) or 1
    trace = go.Scatter(
        x=[ratio.hr for ratio in values],
        y=[y for y, _ in known],
        mode="markers",
        marker={
            "symbol": ["diamond" if one is forest.overall else "square" for _, one in known], "color": TEXT[theme],
            "size": [7 + 11 * (sum(one.events) / most) ** 0.5 for _, one in known],
        },
        error_x={
            "type": "data", "color": TEXT[theme], "thickness": 1.6, "width": 4,
            "array": [(ratio.ci_high or 0) - (ratio.hr or 0) for ratio in values],
            "arrayminus": [(ratio.hr or 0) - (ratio.ci_low or 0) for ratio in values],
        },
        hovertext=[
            f"<b>{escape(one.level)}</b><br>{names[1]} v {names[0]}: "
            f"{numbers.interval(one.hazard_ratio.hr, one.hazard_ratio.ci_low, one.hazard_ratio.ci_high)}"
            f"<br>events {one.events[1]} of {one.n[1]} v {one.events[0]} of {one.n[0]}"
            for _, one in known
        ],
        hoverinfo="text",
        showlegend=False,
    )  # fmt: skip
    whole = forest.overall.hazard_ratio.hr
    shapes = [_vertical(1.0, height, "solid", GUIDE)]
    if whole is not None:
        shapes.append(_vertical(whole, height, "dot", GUIDE))
    lows = [ratio.ci_low for ratio in values if ratio.ci_low]
    highs = [ratio.ci_high for ratio in values if ratio.ci_high]
    low, high = max(min([*lows, 0.5]), LEAST_RATIO), min(max([*highs, 2.0]), MOST_RATIO)
    ticks = [tick for tick in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if low * 0.95 <= tick <= high * 1.05]
    return go.Figure(
        [trace],
        {
            "template": template(theme),
            "height": ROW_HEIGHT * height + ROOM,
            "margin": {"l": 250, "r": 330, "t": 64, "b": 70},
            "shapes": shapes,
            "annotations": _texts(lines, places, names),
            "xaxis": {
                "type": "log", "range": [_log(low) - 0.03, _log(high) + 0.03], "tickvals": ticks,
                "ticktext": [f"{tick:g}" for tick in ticks],
                "title": {"text": f"Hazard ratio: ← fewer events with {escape(names[1])} · more →"},
            },
            "yaxis": {"range": [-0.7, height - 0.3], "visible": False},
        },
    )  # fmt: skip


def _lines(forest: SubgroupForest) -> list[_Line]:
    lines = [_Line("<b>All patients</b>", forest.overall, "")]
    for covariate in forest.covariates:
        test = covariate.interaction
        said = f"interaction p {numbers.p_value(test.p)}" if test.p is not None else "no interaction test"
        lines.append(_Line(f"<b>{escape(plain_column_name(covariate.name))}</b>", None, said))
        lines += [_Line(f"{escape(one.level)}", one, "") for one in covariate.subgroups]
    return lines


def _texts(lines: list[_Line], places: dict[int, int], names: tuple[str, str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []

    def add(text: str, x: float, y: float, anchor: str, *, left: bool = False) -> None:
        found.append(
            {"x": x, "xref": "paper", "y": y, "yref": "y", "text": text, "showarrow": False, "xanchor": anchor,
             "xshift": (-236 if left else 0), "font": {"size": FONT_SIZE - 1}}
        )  # fmt: skip

    heading = f"HR (95 % CI)   events/patients:<br>{escape(_short(names[1]))} v {escape(_short(names[0]))}"
    found.append(
        {"x": 1.02, "xref": "paper", "y": 1.0, "yref": "paper", "yanchor": "bottom", "text": heading, "align": "left",
         "showarrow": False, "xanchor": "left", "font": {"size": FONT_SIZE - 1}}
    )  # fmt: skip
    for place, line in enumerate(lines):
        y = places[place]
        add(line.label if line.subgroup is None or place == 0 else f"   {line.label}", 0.0, y, "left", left=True)
        if line.subgroup is None:
            add(line.right, 1.02, y, "left")
            continue
        one, ratio = line.subgroup, line.subgroup.hazard_ratio
        said = numbers.interval(ratio.hr, ratio.ci_low, ratio.ci_high) if ratio.hr is not None else "no finite ratio"
        add(f"{said}   {one.events[1]}/{one.n[1]} v {one.events[0]}/{one.n[0]}", 1.02, y, "left")
    return found


def _short(name: str) -> str:
    return name if len(name) <= 16 else f"{name[:15]}…"


def _vertical(x: float, height: int, dash: str, colour: str) -> dict[str, object]:
    return {
        "type": "line", "x0": x, "x1": x, "xref": "x", "y0": -0.7, "y1": height - 0.4, "yref": "y",
        "line": {"color": colour, "width": 1.2, "dash": dash}, "layer": "below",
    }  # fmt: skip


def _log(value: float) -> float:
    return math.log10(value)
