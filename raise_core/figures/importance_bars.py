"""What shuffling each laboratory value costs: bars with intervals, the noise column drawn as the reference."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from raise_core.domain.importance_results import Drop, ImportanceReport
from raise_core.figures import numbers
from raise_core.figures.identity import GUIDE, LABS, TEXT, Theme
from raise_core.figures.importance_words import NOISE_NAME, digits, direction, drop_words, lab_name
from raise_core.figures.template import FONT_SIZE, template

ROOM_PX, MOST_PX, MOST_ROW_PX, LEAST_ROW_PX = 92, 400, 34, 21
FAINT = "rgba(123,97,168,0.22)"
PLAIN = "rgba(0,0,0,0)"


@dataclass(frozen=True)
class _Row:
    name: str
    drop: Drop
    hover: str
    is_seen: bool = False
    is_noise: bool = False


def importance_figure(report: ImportanceReport, *, theme: Theme = "light") -> go.Figure:
    """Draw noise first, then the values by importance, then groups of correlated ones shuffled together.

    Args:
        report: what was found.
        theme: page theme.
    """
    rows = _rows(report)
    places = list(range(len(rows)))
    figure = go.Figure(
        go.Bar(
            x=[row.drop.importance or 0.0 for row in rows],
            y=places,
            orientation="h",
            width=0.62,
            marker={
                "color": [PLAIN if row.is_noise else LABS if row.is_seen else FAINT for row in rows],
                "line": {"color": [GUIDE if row.is_noise else LABS for row in rows], "width": 1.4},
            },
            error_x={
                "type": "data", "color": TEXT[theme], "thickness": 1.3, "width": 3,
                "array": [_span(row.drop.ci_high, row.drop.importance) for row in rows],
                "arrayminus": [_span(row.drop.importance, row.drop.ci_low) for row in rows],
            },
            hovertext=[row.hover for row in rows], hoverinfo="text", showlegend=False,
        )
    )  # fmt: skip
    noise = report.noise
    if noise.ci_low is not None and noise.ci_high is not None:
        figure.add_vrect(x0=noise.ci_low, x1=noise.ci_high, fillcolor=GUIDE, opacity=0.13, line_width=0, layer="below")
    figure.add_vline(x=0.0, line={"color": GUIDE, "width": 1.2})
    height = min(max(MOST_PX // len(rows), LEAST_ROW_PX), MOST_ROW_PX)
    figure.update_layout(
        template=template(theme), height=ROOM_PX + height * len(rows), bargap=0.3,
        margin={"l": 12, "r": 190, "t": 26, "b": 12},
    )  # fmt: skip
    figure.update_xaxes(title_text=f"Fall of the {report.metric} when shuffled", fixedrange=True)
    figure.update_yaxes(
        tickvals=places, ticktext=[escape(row.name) for row in rows], range=[len(rows) - 0.4, -0.6], showgrid=False,
        ticks="", showline=False, fixedrange=True, tickfont={"size": FONT_SIZE - 1},
    )  # fmt: skip
    decimals = digits(report)
    for place, row in zip(places, rows, strict=True):
        figure.add_annotation(
            x=1.0, xref="paper", xanchor="left", xshift=8, y=place, yref="y", showarrow=False,
            text=drop_words(row.drop, decimals), font={"size": FONT_SIZE - 2, "color": GUIDE if row.is_noise else None},
        )  # fmt: skip
    return figure


def _rows(report: ImportanceReport) -> list[_Row]:
    rows = [_Row(NOISE_NAME, report.noise, "What a value without information costs", is_noise=True)]
    for lab in report.used:
        top = "" if lab.top_share is None else f"<br>among the first three in {numbers.percent(lab.top_share)} of folds"
        hover = (
            f"<b>{escape(lab_name(lab.lab))}</b>, rank {lab.rank}{top}<br>{direction(lab)} on its own"
            f"<br>{lab.n} patients with a value, missing in {numbers.percent(lab.missing_share)}"
        )
        rows.append(_Row(lab_name(lab.lab), lab.drop, hover, is_seen=lab.is_seen))
    for group in report.groups:
        names = " + ".join(lab_name(lab) for lab in group.labs)
        short = names if len(names) <= 34 else f"{names[:33]}…"
        hover = f"<b>{escape(names)}</b><br>shuffled together: they are correlated"
        rows.append(_Row(short, group.drop, hover, is_seen=group.is_seen))
    return rows


def _span(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else high - low
