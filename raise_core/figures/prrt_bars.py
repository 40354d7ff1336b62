"""AUROC and AUPRC of the PRRT study's models as bars, with two kinds of uncertainty that must not be mistaken.

A thick band at the bar's end is the spread over repeats, what the paper's ± is; the thin whisker is the 95 % interval
over patients, several times as wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from raise_core.domain.class_results import (
    CHANCE_AUROC,
    ClassEstimate,
    ClassReport,
    Measure,
    PublishedScore,
    RepeatedScore,
)
from raise_core.figures import numbers
from raise_core.figures.fusion_marks import fusion_mark, fusion_name
from raise_core.figures.identity import GUIDE, PAGE, PUBLISHED, TEXT, Theme
from raise_core.figures.survival_curves import SIMULATED_MARK
from raise_core.figures.template import FONT_SIZE, template

ROW_HEIGHT, TOP_ROOM, AXIS_ROOM = 41, 68, 58  # px
BAR_WIDTH, BAND_WIDTH = 0.62, 0.34  # of a row
BAR_OPACITY = 0.55
LONGEST_NAME = 24  # letters on one line
NUMBERS_AT = 1.02  # of the axis
_TICKS = {"tickvals": [0, 0.25, 0.5, 0.75, 1], "ticktext": ["0", "0.25", "0.5", "0.75", "1"]}
TITLES = {Measure.AUROC: "AUROC", Measure.AUPRC: "AUPRC, long as the positive class"}


def prrt_bars(
    report: ClassReport, *, published: Sequence[PublishedScore] = (), source: str = "", theme: Theme = "light"
) -> go.Figure:
    """One row a model, AUROC left and AUPRC right.

    Args:
        report: scores of at least one model.
        published: reported values to lay over, hollow and grey.
        source: whose they are.
        theme: page theme.
    """
    rows = list(reversed(report.estimates))  # the first model on top
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.19)
    places = {estimate.model: float(place) for place, estimate in enumerate(rows)}
    for column, measure in enumerate(Measure, start=1):
        scored = [estimate for estimate in rows if estimate.score(measure).value is not None]
        panel = _Panel(figure, places, measure, column, theme)
        _add_bars(panel, scored)
        _add_spread(panel, scored)
        _add_published(panel, published, source)
        _add_numbers(panel, rows)
        _add_chance(panel, report)
        figure.update_xaxes(title_text=TITLES[measure], range=[0, 1], row=1, col=column, **_TICKS)
    names = [_in_two_lines(fusion_name(model)) for model in places]
    figure.update_yaxes(
        tickvals=list(places.values()), ticktext=names, ticks="", showline=False, range=[-0.6, len(rows) - 0.4],
        showgrid=False, tickfont={"size": FONT_SIZE - 1},
    )  # fmt: skip
    figure.update_layout(
        template=template(theme), height=TOP_ROOM + AXIS_ROOM + ROW_HEIGHT * len(rows), barmode="overlay",
        margin={"t": TOP_ROOM, "b": 8, "r": 118, "l": 8},
        legend={"y": 0.995, "yanchor": "top", "yref": "container", "x": 0, "xref": "container"},
    )  # fmt: skip
    if report.provenance.simulated:
        figure.add_annotation(**{**SIMULATED_MARK, "y": 0.0, "yshift": -8, "xshift": 112})
    return figure


@dataclass(frozen=True)
class _Panel:
    """One of the two pictures: where it stands, what it shows and in which row each model is."""

    figure: go.Figure
    places: dict[str, float]
    measure: Measure
    column: int
    theme: Theme

    def add(self, trace: go.Bar | go.Scatter) -> None:
        self.figure.add_trace(trace, row=1, col=self.column)


def _add_bars(panel: _Panel, rows: Sequence[ClassEstimate]) -> None:
    measure, theme = panel.measure, panel.theme
    marks = [fusion_mark(estimate.model, theme=theme) for estimate in rows]
    censoring_aware = [estimate.concordance is not None for estimate in rows]
    panel.add(
        go.Bar(
            y=[panel.places[estimate.model] for estimate in rows],
            x=[estimate.score(measure).value for estimate in rows],
            orientation="h",
            width=BAR_WIDTH,
            marker={
                "color": [mark.colour for mark in marks],
                "opacity": BAR_OPACITY,
                "pattern": {
                    "shape": ["/" if aware else "" for aware in censoring_aware],
                    "fgcolor": PAGE[theme],
                    "size": 6,
                    "fillmode": "overlay",
                },
            },
            hovertext=[_hover(estimate, measure) for estimate in rows],
            hoverinfo="text",
            name=measure.value.upper(),
            showlegend=False,
        ),
    )


def _in_two_lines(name: str) -> str:
    """A long name broken before its last input or after its last comma."""
    if len(name) <= LONGEST_NAME:
        return name
    head, comma, aware = name.rpartition(", ")
    if comma:
        return f"{head},<br>{aware}"
    head, plus, last = name.rpartition(" + ")
    return f"{head}<br>{plus.strip()} {last}"


def _hover(estimate: ClassEstimate, measure: Measure) -> str:
    score = estimate.score(measure)
    lines = [
        f"<b>{fusion_name(estimate.model)}</b>",
        f"{measure.value.upper()} {numbers.cindex(score.value)}",
        f"± {_three(score.sd)} over {estimate.repeats} repeats",
        f"95 % interval over patients {numbers.cindex(score.ci_low)}–{numbers.cindex(score.ci_high)}",
        f"{estimate.n} patients, {estimate.n_long} long, {estimate.n_short} short",
        f"{score.scored} of {score.folds} folds scored",
    ]
    if estimate.concordance is not None:
        lines.append(f"Harrell's c {score_words(estimate.concordance)} ({estimate.n_all} patients)")
    return "<br>".join(lines)


def _three(value: float | None) -> str:
    return numbers.MISSING if value is None else f"{value:.3f}"


def score_words(score: RepeatedScore) -> str:
    """A score with its patient-level interval."""
    return score.reason or numbers.interval(score.value, score.ci_low, score.ci_high)


def _add_spread(panel: _Panel, rows: Sequence[ClassEstimate]) -> None:
    """The band over repeats and the whisker over patients."""
    theme, first = panel.theme, panel.column == 1
    scores = [estimate.score(panel.measure) for estimate in rows]
    heights = [panel.places[estimate.model] for estimate in rows]
    middle = [score.value or 0.0 for score in scores]
    spread = [score.sd or 0.0 for score in scores]
    panel.add(
        go.Bar(
            y=heights, x=[2 * one for one in spread], base=[at - one for at, one in zip(middle, spread, strict=True)],
            orientation="h", width=BAND_WIDTH, hoverinfo="skip", showlegend=first, legendgroup="repeats",
            marker={"color": [fusion_mark(estimate.model, theme=theme).colour for estimate in rows]},
            name="± sd over repeats",
        ),
    )  # fmt: skip
    panel.add(
        go.Scatter(
            y=heights, x=middle, mode="markers", hoverinfo="skip", showlegend=first, legendgroup="patients",
            marker={"symbol": "circle", "size": 5, "color": TEXT[theme]},
            error_x={
                "type": "data", "symmetric": False, "thickness": 1.5, "width": 6, "color": TEXT[theme],
                "array": [_reach(score.ci_high, score.value) for score in scores],
                "arrayminus": [_reach(score.value, score.ci_low) for score in scores],
            },
            name="95 % interval over patients",
        ),
    )  # fmt: skip


def _reach(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else max(high - low, 0.0)


def _add_published(panel: _Panel, published: Sequence[PublishedScore], source: str) -> None:
    """Reported values as hollow bars, their ± as a grey whisker."""
    measure, places = panel.measure, panel.places
    reported = {
        one.model: (one.auroc, one.auroc_sd) if measure is Measure.AUROC else (one.auprc, one.auprc_sd)
        for one in published
        if one.model in places
    }
    known = {model: (value, sd or 0.0) for model, (value, sd) in reported.items() if value is not None}
    if not known:
        return
    panel.add(
        go.Bar(
            y=[places[model] for model in known], x=[value for value, _ in known.values()], orientation="h",
            width=BAR_WIDTH + 0.16, legendgroup="published", showlegend=panel.column == 1,
            marker={"color": "rgba(0,0,0,0)", "line": {"color": PUBLISHED, "width": 2}},
            error_x={"type": "data", "array": [sd for _, sd in known.values()], "color": PUBLISHED, "thickness": 2},
            hovertext=[
                f"<b>Published: {fusion_name(model)}</b><br>{measure.value.upper()} {value:.2f} ± {sd:.2f}<br>{source}"
                for model, (value, sd) in known.items()
            ],
            hoverinfo="text", name=f"as published ({source})" if source else "as published",
        ),
    )  # fmt: skip


def _add_numbers(panel: _Panel, rows: Sequence[ClassEstimate]) -> None:
    """Value and interval at the right of each row."""
    for estimate in rows:
        panel.figure.add_annotation(
            x=NUMBERS_AT, xref=f"x{panel.column} domain" if panel.column > 1 else "x domain", xanchor="left",
            y=panel.places[estimate.model], yref="y", text=_number(estimate.score(panel.measure)), showarrow=False,
            align="left", font={"size": FONT_SIZE - 2},
        )  # fmt: skip


def _number(score: RepeatedScore) -> str:
    if score.value is None:
        return "not scored"
    low, high = numbers.cindex(score.ci_low), numbers.cindex(score.ci_high)
    spread = "" if score.sd is None else f" ± {score.sd:.2f}"
    return f"<b>{score.value:.2f}</b>{spread}<br>({low}–{high})"


def _add_chance(panel: _Panel, report: ClassReport) -> None:
    """What a score without meaning gives: 0.5; for AUPRC the share of the long, and what a random order expects."""
    first = next((one for one in report.estimates if one.n), None)
    figure, column, top = panel.figure, panel.column, len(panel.places) - 0.4
    if panel.measure is Measure.AUROC:
        lines = [(CHANCE_AUROC, f"chance {CHANCE_AUROC:.2f}", "center")]
    elif first is None or first.prevalence is None:
        return
    else:
        lines = [(first.prevalence, f"share of long {first.prevalence:.2f} ", "right")]
        if first.random_auprc is not None:
            lines.append((first.random_auprc, f" random order {first.random_auprc:.2f}", "left"))
    for at, text, anchor in lines:
        figure.add_shape(
            type="line", x0=at, x1=at, y0=-0.6, y1=top, line={"color": GUIDE, "width": 1.8, "dash": "dot"},
            row=1, col=column,
        )  # fmt: skip
        figure.add_annotation(
            x=at, y=top, text=text, showarrow=False, xanchor=anchor, yanchor="bottom",
            font={"size": FONT_SIZE - 2, "color": GUIDE}, row=1, col=column,
        )  # fmt: skip
