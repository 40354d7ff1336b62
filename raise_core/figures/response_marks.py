"""How responses are coloured and written, the same in every figure of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from raise_core.domain.recist import PARTIAL_RESPONSE_FRACTION, PROGRESSION_FRACTION, Response
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.arm_marks import ArmMark
from raise_core.figures.identity import GUIDE, Theme
from raise_core.figures.template import FONT_SIZE

MINUS = "−"
PERCENT_TITLE = "Change from baseline (%)"
MOST_TICKS = 12
_TICK_WEEKS, _TICK_MONTHS = (4, 8, 12, 24, 48, 96), (1, 2, 3, 6, 12, 24)
PARTIAL_PERCENT = -100 * PARTIAL_RESPONSE_FRACTION
PROGRESSION_PERCENT = 100 * PROGRESSION_FRACTION
_NAMES = {
    Response.COMPLETE: "Complete response",
    Response.PARTIAL: "Partial response",
    Response.STABLE: "Stable disease",
    Response.PROGRESSIVE: "Progressive disease",
    Response.NOT_EVALUABLE: "Not evaluable",
}
_COLOURS = {
    Response.COMPLETE: "#1B5686",
    Response.PARTIAL: "#5E9CCB",
    Response.STABLE: "#8C7A2E",
    Response.PROGRESSIVE: "#B34A25",
    Response.NOT_EVALUABLE: "#8A8F94",
}
_COLOURS_DARK = {**_COLOURS, Response.COMPLETE: "#3F84BD", Response.PARTIAL: "#8DBFE6"}
_PATTERNS = {
    Response.COMPLETE: "",
    Response.PARTIAL: "",
    Response.STABLE: "/",
    Response.PROGRESSIVE: "x",
    Response.NOT_EVALUABLE: ".",
}


@dataclass(frozen=True)
class BarMark:
    """How bars of one group are drawn: colour, and a pattern so that colour never stands alone."""

    name: str
    colour: str
    pattern: str


def response_name(response: Response) -> str:
    """A response in words with its letters."""
    return f"{_NAMES[response]} ({response.value})"


def response_bars(theme: Theme) -> dict[str, BarMark]:
    """The mark of each response, by its letters, best first."""
    colours = _COLOURS if theme == "light" else _COLOURS_DARK
    return {
        response.value: BarMark(response_name(response), colours[response], _PATTERNS[response])
        for response in Response
    }


def arm_bars(arms: Sequence[str], marks: Mapping[str, ArmMark]) -> dict[str, BarMark]:
    """The mark of each arm as a bar: solid where its line is solid, hatched else."""
    return {
        arm: BarMark(arm, marks[arm].colour, "" if marks[arm].dash == "solid" else "/") for arm in arms
    }  # fmt: skip


def percent_change(value: float) -> str:
    """A change of size as it is printed: −34 %, +5 %, 0 %."""
    whole = f"{value:+.0f}"
    return "0 %" if float(whole) == 0 else f"{whole.replace('-', MINUS)} %"


def add_thresholds(figure: go.Figure, *, low: float, high: float) -> None:
    """Dotted lines at −30 % and +20 % with their meaning beside the figure, where they lie within the axis."""
    for value, meaning in ((PARTIAL_PERCENT, "PR"), (PROGRESSION_PERCENT, "+20 %")):
        if not low <= value <= high:
            continue
        text = f"{percent_change(value)} ({meaning})" if meaning == "PR" else meaning
        figure.add_hline(y=value, line={"color": GUIDE, "width": 1.5, "dash": "dot"})
        figure.add_annotation(
            x=1.005, xref="x domain", xanchor="left", y=value, yanchor="middle", text=text, showarrow=False,
            font={"color": GUIDE, "size": FONT_SIZE - 2},
        )  # fmt: skip


def percent_range(low: float, high: float) -> tuple[float, float]:
    """Ends of an axis of change from baseline; both thresholds lie within, and nothing shrinks below −100 %."""
    return max(-104.0, min(low, PARTIAL_PERCENT - 5) * 1.06), max(high, PROGRESSION_PERCENT + 5) * 1.06


def time_ticks(last_week: float, unit: TimeUnit) -> dict[str, list[float]]:
    """Round steps of a time axis from 0: 12 weeks, 6 months, wider where the span is long."""
    span = unit.of_weeks(last_week)
    steps = _TICK_WEEKS if unit is TimeUnit.WEEKS else _TICK_MONTHS
    step = next((step for step in steps if span / step <= MOST_TICKS), steps[-1])
    return {"tickvals": [float(step * place) for place in range(int(span // step) + 1)]}


def arm_legend(figure: go.Figure, arms: Sequence[str], marks: Mapping[str, ArmMark]) -> None:
    """The arms' names with their marks, above the picture; nothing for a single arm."""
    if len(arms) < 2:
        return
    text = "     ".join(
        f"<span style='color:{marks[arm].colour}'>{marks[arm].glyph}</span> {escape(arm)}" for arm in arms
    )
    figure.add_annotation(
        x=0, xref="paper", xanchor="left", y=1.02, yref="paper", yanchor="bottom", text=text, showarrow=False,
        font={"size": FONT_SIZE},
    )  # fmt: skip
