"""Small panels that share one time axis: where they stand, what is written beside them, and that no labels overlap."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.identity import PAGE, TEXT, Theme
from raise_core.figures.template import GRID, template

TEXT_PX = 14
LINE_PX = 17  # a line of text with its air
TITLE_PX = 15
GAP_PX = 34  # between panels, with the title of the lower one in it
PLOT_PX = 420  # least width of the plot that labels are laid out for: a page 1024 px wide
MARGIN_PX = {"l": 96, "r": 150, "t": 90, "b": 52}
LEAST_TICK_SHARE = 0.045  # of the axis, between two ticks

"""Laboratory values: at least 3:1 on white and on the dark page."""

_MONTH_STEPS = (1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 60.0)
_WEEK_STEPS = (4.0, 8.0, 12.0, 24.0, 52.0, 104.0, 260.0)
MOST_TICKS = 9


@dataclass(frozen=True)
class TimeAxis:
    """The shared axis.

    Attributes:
        first_week: left edge.
        last_week: right edge.
        visit_weeks: weeks at which the study was visited, for the ticks.
        unit: unit in which times are written.
    """

    first_week: float
    last_week: float
    visit_weeks: tuple[float, ...]
    unit: TimeUnit

    @property
    def span(self) -> float:
        """Length in weeks."""
        return self.last_week - self.first_week

    def ticks(self) -> tuple[list[float], list[str]]:
        """Positions (in the unit) and texts: the study's visits in weeks, round numbers in months."""
        if self.unit is TimeUnit.MONTHS:
            first, last = self.unit.of_weeks(self.first_week), self.unit.of_weeks(self.last_week)
            values = _multiples(first, last, _MONTH_STEPS)
            return values, [f"{value:g}".replace("-", "−") for value in values]
        visits = [week for week in (0.0, *self.visit_weeks) if self.first_week <= week <= self.last_week]
        if len(visits) < 2 or self.last_week - max(visits) > self.span / 3:
            visits = [*visits, *_multiples(self.first_week, self.last_week, _WEEK_STEPS)]
        kept: list[float] = []
        for week in dict.fromkeys(visits):  # the earlier in the list, the more it matters
            if all(abs(week - other) >= LEAST_TICK_SHARE * self.span for other in kept):
                kept.append(week)
        return sorted(kept), [f"{week:g}".replace("-", "−") for week in sorted(kept)]


def _multiples(first: float, last: float, steps: Sequence[float]) -> list[float]:
    step = next((step for step in steps if (last - first) / step <= MOST_TICKS), steps[-1])
    count = int((last - first) // step) + 2
    start = step * -(-first // step)
    return [start + step * place for place in range(count) if start + step * place <= last]


@dataclass(frozen=True)
class EndLabel:
    """Text at the right end of a line.

    Attributes:
        height: value on the panel's axis (its logarithm to base 10 on a log axis).
        text: may hold <b>.
        colour: of the text.
    """

    height: float
    text: str
    colour: str


class Stage:
    """A figure of panels under construction: each is drawn by a function that asks the stage for its row.

    Everything is gathered as plain values and turned into a figure once: Plotly checks a whole figure again whenever
    something is added to it, which for a hundred parts takes ten times as long.
    """

    def __init__(self, heights_px: Sequence[int], axis: TimeAxis, theme: Theme) -> None:
        self.axis, self.theme = axis, theme
        self.heights_px = tuple(heights_px)
        self.traces: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.shapes: list[dict[str, Any]] = []
        rows = len(heights_px)
        values, texts = axis.ticks()
        self.time_axes: list[dict[str, Any]] = [
            {
                "anchor": self.y(row), "matches": None if row == rows else self.x(rows),
                "range": [self.time(axis.first_week), self.time(axis.last_week)],
                "tickvals": values, "ticktext": texts, "gridcolor": GRID[theme],
                "showticklabels": row == rows, "ticks": "outside" if row == rows else "", "showline": row == rows,
            }
            for row in range(1, rows + 1)
        ]  # fmt: skip
        self.time_axes[-1]["title"] = {
            "text": f"{axis.unit.value.capitalize()} from randomisation", "font": {"size": TITLE_PX},
        }  # fmt: skip
        self.value_axes: list[dict[str, Any]] = [
            {
                "anchor": self.x(row), "domain": self._domain(row), "showgrid": False, "automargin": False, "nticks": 4,
                "tickfont": {"size": TEXT_PX},
            }
            for row in range(1, rows + 1)
        ]  # fmt: skip

    @property
    def _inner_px(self) -> int:
        return sum(self.heights_px) + GAP_PX * (len(self.heights_px) - 1)

    def _domain(self, row: int) -> list[float]:
        above = sum(self.heights_px[: row - 1]) + GAP_PX * (row - 1)
        top = 1.0 - above / self._inner_px
        return [max(top - self.heights_px[row - 1] / self._inner_px, 0.0), top]

    def figure(self) -> go.Figure:
        """The finished figure."""
        axes = {self._axis_name("xaxis", row): axis for row, axis in enumerate(self.time_axes, start=1)}
        axes |= {self._axis_name("yaxis", row): axis for row, axis in enumerate(self.value_axes, start=1)}
        return go.Figure(
            data=self.traces,
            layout={
                "template": template(self.theme),
                "height": self._inner_px + MARGIN_PX["t"] + MARGIN_PX["b"],
                "margin": {**MARGIN_PX, "autoexpand": False},
                "showlegend": False,
                "font": {"size": TEXT_PX},
                "annotations": self.annotations,
                "shapes": self.shapes,
                **axes,
            },
        )

    @staticmethod
    def _axis_name(name: str, row: int) -> str:
        return name if row == 1 else f"{name}{row}"

    def x(self, row: int) -> str:
        """How traces and texts name the panel's time axis."""
        return self._axis_name("x", row)

    def y(self, row: int) -> str:
        """How they name its value axis."""
        return self._axis_name("y", row)

    @property
    def text(self) -> str:
        """Colour of text."""
        return TEXT[self.theme]

    def time(self, week: float) -> float:
        """A time in weeks on the axis."""
        return self.axis.unit.of_weeks(week)

    def times(self, weeks: Sequence[float]) -> list[float]:
        """Times in weeks on the axis."""
        return [self.time(float(week)) for week in weeks]

    def when(self, week: float) -> str:
        """A date for hover texts, to a tenth: 'week 24.1'."""
        return self.axis.unit.visit(round(self.axis.unit.of_weeks(week), 1) * self.axis.unit.weeks_per_unit)

    def annotate(self, **values: Any) -> None:  # noqa: ANN401 - Plotly's own arguments
        """Write something without an arrow."""
        self.annotations.append({"showarrow": False, "font": {"size": TEXT_PX, "color": self.text}, **values})

    def title(self, row: int, text: str) -> None:
        """The panel's title, above it at the left."""
        self.annotate(
            xref="paper", x=0, yref=f"{self.y(row)} domain", y=1, yshift=5, yanchor="bottom", xanchor="left",
            text=text, font={"size": TITLE_PX, "color": self.text}, align="left",
        )  # fmt: skip

    def scale(self, row: int, low: float, high: float, *, logarithmic: bool = False) -> None:
        """The panel's value axis; logarithms to base 10 where it is a log axis."""
        self.value_axes[row - 1] |= {"range": [low, high]} | ({"type": "log"} if logarithmic else {})

    def weeks_of(self, width_px: float) -> float:
        """How many weeks a text of this width may take at most."""
        return self.axis.span * width_px / PLOT_PX

    def line_height(self, row: int, low: float, high: float) -> float:
        """How much of the axis a line of text takes."""
        return LINE_PX / self.heights_px[row - 1] * (high - low)

    def end_labels(
        self, row: int, labels: Sequence[EndLabel], *, week: float | None, low: float, high: float, shift_px: int = 9
    ) -> None:
        """Texts to the right of `week` (of the panel when None), pushed apart within the panel where they overlap."""
        gap = self.line_height(row, low, high)
        heights = spread([label.height for label in labels], gap=gap, low=low, high=high)
        place = {"xref": "paper", "x": 1.0} if week is None else {"x": self.time(week), "xref": self.x(row)}
        for height, label in zip(heights, labels, strict=True):
            self.annotate(
                **place, y=height, yref=self.y(row), text=label.text, xanchor="left", xshift=shift_px,
                yanchor="middle", font={"color": label.colour, "size": TEXT_PX}, bgcolor=veil(self.theme),
            )  # fmt: skip

    def note(self, row: int, text: str, *, week: float, height: float, colour: str, xanchor: str = "center") -> None:
        """A word at a week, at a share of the panel's height: from 1 hanging, from 0 standing."""
        self.annotate(
            x=self.time(week), xref=self.x(row), yref=f"{self.y(row)} domain", y=height, text=text, xanchor=xanchor,
            yanchor="top" if height > 0.5 else "bottom",
            font={"size": TEXT_PX, "color": colour},
        )  # fmt: skip


def spread(heights: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Move label heights apart to at least `gap`, keeping their order, inside [low, high] while there is room."""
    order = sorted(range(len(heights)), key=lambda place: heights[place])
    placed = [min(max(height, low + gap / 2), high - gap / 2) for height in heights]
    for before, after in itertools.pairwise(order):
        placed[after] = max(placed[after], placed[before] + gap)
    ceiling = high - gap / 2
    for place in reversed(order):
        placed[place] = min(placed[place], ceiling)
        ceiling = placed[place] - gap
    return placed


def veil(theme: Theme) -> str:
    """The page's colour, nearly opaque, so that a line behind a label does not cross it."""
    red, green, blue = (int(PAGE[theme][place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.9)"


def padded(values: Sequence[float], *, below: float = 0.08, above: float = 0.12) -> tuple[float, float]:
    """An axis range around values with air."""
    low, high = min(values), max(values)
    air = (high - low) or abs(high) or 1.0
    return low - below * air, high + above * air


def vertical_line(stage: Stage, week: float, *, colour: str, dash: str = "solid") -> None:
    """A line at a week through every panel, not through the titles between them."""
    for row in range(1, len(stage.heights_px) + 1):
        stage.shapes.append(
            {
                "type": "line", "xref": stage.x(row), "x0": stage.time(week), "x1": stage.time(week),
                "yref": f"{stage.y(row)} domain", "y0": 0, "y1": 1, "layer": "below",
                "line": {"color": colour, "width": 1.5, "dash": dash},
            }
        )  # fmt: skip


def scatter(stage: Stage, row: int, **values: Any) -> None:  # noqa: ANN401 - Plotly's own arguments
    """Add a line or markers to a panel, never to a legend."""
    stage.traces.append(
        {"type": "scatter", "showlegend": False, "xaxis": stage.x(row), "yaxis": stage.y(row), **values}
    )
