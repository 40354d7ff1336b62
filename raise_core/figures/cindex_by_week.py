"""The paper's Figures 4 and 5: c-index by visit week for models compared on the same patients and splits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from raise_core.domain.results import CindexEstimate, CindexReport, PublishedPoint
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.direct_labels import spread
from raise_core.figures.identity import GUIDE, PUBLISHED, Mark, Theme, model_marks, short_model_name
from raise_core.figures.template import FONT_SIZE, template

ErrorBars = Literal["corrected", "naive"]
AXIS_LOW, AXIS_HIGH = 0.4, 1.0
POINT_MARGIN = 0.02
DODGE_SHARE = 0.012  # of the weeks' span, between neighbouring models
LABEL_GAP_SHARE = 0.07  # of the axis, least distance of two direct labels
FIGURE_HEIGHT = 470


def cindex_by_week(
    report: CindexReport,
    *,
    error_bars: ErrorBars = "corrected",
    published: Sequence[PublishedPoint] = (),
    theme: Theme = "light",
    unit: TimeUnit = TimeUnit.WEEKS,
) -> go.Figure:
    """Draw the report: one line a model, whiskers, patients and events under each week.

    Args:
        report: estimates of at least one model.
        error_bars: `corrected` draws the 95 % interval with the Nadeau-Bengio standard error; `naive` draws mean plus
            and minus the naive standard error, as the paper does.
        published: reported values to lay over, hollow and grey.
        theme: page theme.
        unit: unit in which visits are written.
    """
    low = _axis_low(report, published)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.84, 0.16], vertical_spacing=0.14)
    marks = model_marks(report.models, theme=theme)
    weeks = report.weeks
    span = (max(weeks) - min(weeks)) if len(weeks) > 1 else 24.0
    step = DODGE_SHARE * span
    for position, model in enumerate(report.models):
        shift = (position - (len(report.models) - 1) / 2) * step
        drawn = [e for e in report.estimates if e.model == model and e.mean is not None]
        figure.add_trace(_line(drawn, marks[model], shift, error_bars, unit), row=1, col=1)
    _add_published(figure, published, report, marks, step, unit=unit)
    _add_counts(figure, report)
    _add_direct_labels(figure, report, marks, published, gap=LABEL_GAP_SHARE * (AXIS_HIGH - low))

    figure.add_hline(y=0.5, line={"color": GUIDE, "width": 1.5, "dash": "dot"}, row=1, col=1)
    figure.update_layout(
        template=template(theme), height=FIGURE_HEIGHT, showlegend=False, margin={"r": 190, "t": 16, "b": 12}
    )
    figure.update_yaxes(
        title_text="c-index (held-out patients)",
        range=[low, AXIS_HIGH + 0.01],
        dtick=0.1, tickformat=".1f", row=1, col=1,
    )  # fmt: skip
    ticks = {"tickvals": list(weeks), "ticktext": [unit.write(w) for w in weeks], "showgrid": False}
    edge = max(0.06 * span, 3.0)
    figure.update_xaxes(range=[min(weeks) - edge, max(weeks) + edge], **ticks)
    figure.update_xaxes(title_text=f"Visit ({unit.value} from randomisation)", showticklabels=True, row=1, col=1)
    figure.update_xaxes(visible=False, row=2, col=1)
    return figure


def _whisker(estimate: CindexEstimate, kind: ErrorBars) -> tuple[float | None, float | None]:
    if kind == "corrected":
        return estimate.ci_low, estimate.ci_high
    if estimate.mean is None or estimate.se_naive is None:
        return None, None
    return estimate.mean - estimate.se_naive, estimate.mean + estimate.se_naive


def _line(estimates: Sequence[CindexEstimate], mark: Mark, shift: float, kind: ErrorBars, unit: TimeUnit) -> go.Scatter:
    above, below, hover = [], [], []
    for e in estimates:
        low, high = _whisker(e, kind)
        mean = e.mean or 0.0
        above.append(high - mean if high is not None else 0.0)
        below.append(mean - low if low is not None else 0.0)
        hover.append(
            f"<b>{mark.name}</b><br>{unit.visit(e.week).capitalize()}: {numbers.interval(e.mean, e.ci_low, e.ci_high)}"
            f"<br>{e.n} patients at risk, {e.events} events ahead"
            f"<br>naive SE {e.se_naive or 0:.3f}, corrected SE {e.se_corrected or 0:.3f}"
            f"<br>Uno's c {numbers.cindex(e.uno)} "
            f"(to {unit.of_weeks(e.uno_tau_weeks or 0):.0f} {unit.value} after the landmark)"
            f"<br>splits not scored: {e.nan_splits} of {e.splits}"
        )
    return go.Scatter(
        x=[e.week + shift for e in estimates],
        y=[e.mean for e in estimates],
        error_y={
            "type": "data",
            "array": above,
            "arrayminus": below,
            "thickness": 1.5,
            "width": 5,
            "color": mark.colour,
        },
        mode="lines+markers",
        line={"color": mark.colour, "width": 2.5, "dash": mark.dash},
        marker={"symbol": mark.symbol, "size": 12, "color": mark.colour, "line": {"width": 2, "color": mark.colour}},
        name=mark.name,
        hovertext=hover,
        hoverinfo="text",
    )


def _add_published(
    figure: go.Figure,
    published: Sequence[PublishedPoint],
    report: CindexReport,
    marks: dict[str, Mark],
    step: float,
    *,
    unit: TimeUnit,
) -> None:
    for position, model in enumerate(report.models):
        points = [point for point in published if point.model == model and point.week in report.weeks]
        if not points:
            continue
        shift = (position - (len(report.models) - 1) / 2) * step
        symbol = marks[model].symbol.removesuffix("-open") + "-open"
        figure.add_trace(
            go.Scatter(
                x=[point.week + shift for point in points],
                y=[point.cindex for point in points],
                mode="markers",
                marker={"symbol": symbol, "size": 15, "color": PUBLISHED, "line": {"width": 2, "color": PUBLISHED}},
                name=f"Published: {marks[model].name}",
                hovertext=[
                    f"<b>Published: {marks[model].name}</b><br>{unit.visit(point.week).capitalize()}: "
                    f"{numbers.cindex(point.cindex)}<br>{point.source}; at-risk definition not stated"
                    for point in points
                ],
                hoverinfo="text",
            ),
            row=1,
            col=1,
        )


def _add_counts(figure: go.Figure, report: CindexReport) -> None:
    """Patients at risk and events under each week; equal for all models, since all use the same patients."""
    first = {e.week: e for e in reversed(report.estimates)}
    weeks = [w for w in report.weeks if w in first]
    for height, values in ((1, [first[w].n for w in weeks]), (0, [first[w].events for w in weeks])):
        figure.add_trace(
            go.Scatter(
                x=weeks, y=[height] * len(weeks), text=[f"{value}" for value in values], mode="text", hoverinfo="skip",
                name="Patients at risk" if height else "Events ahead",
            ),
            row=2,
            col=1,
        )  # fmt: skip
    figure.update_yaxes(
        tickvals=[1, 0], ticktext=["At risk", "Events"], range=[-0.6, 1.6], showgrid=False, showline=False, ticks="",
        row=2, col=1,
    )  # fmt: skip


def _axis_low(report: CindexReport, published: Sequence[PublishedPoint]) -> float:
    """0.4, or lower where a point lies lower; long whiskers run into the frame rather than flatten the picture."""
    points = [e.mean for e in report.estimates if e.mean is not None]
    points += [point.cindex for point in published if point.model in report.models]
    lowest = min(points, default=AXIS_LOW)
    return AXIS_LOW if lowest > AXIS_LOW + POINT_MARGIN else max(0.0, lowest - POINT_MARGIN)


def _add_direct_labels(
    figure: go.Figure,
    report: CindexReport,
    marks: dict[str, Mark],
    published: Sequence[PublishedPoint],
    *,
    gap: float,
) -> None:
    """Names at the line ends, pushed apart where they would overlap."""
    ends: list[tuple[float, str, str]] = [(0.5, "chance", GUIDE)]
    for model in report.models:
        drawn = [e for e in report.estimates if e.model == model and e.mean is not None]
        if drawn and drawn[-1].mean is not None:
            ends.append((drawn[-1].mean, f"<b>{short_model_name(model)}</b>", marks[model].colour))
    if any(point.model in report.models and point.week in report.weeks for point in published):
        ends.append((AXIS_HIGH - gap, "○ as published", PUBLISHED))
    for height, (_, text, colour) in zip(
        spread([end[0] for end in ends], gap=gap, ceiling=AXIS_HIGH), ends, strict=True
    ):
        figure.add_annotation(
            x=1.01, xref="paper", y=height, yref="y", text=text, showarrow=False, xanchor="left",
            font={"color": colour, "size": FONT_SIZE},
        )  # fmt: skip
