"""Importance of every laboratory value at every visit, as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from raise_core.domain.importance_results import ImportanceReport, LabImportance
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.cindex_words import event_words
from raise_core.figures.identity import LABS, PAGE, TEXT, Theme
from raise_core.figures.importance_words import drop_words, joined, lab_name, when
from raise_core.figures.template import FONT_SIZE, template

ROW_PX, MOST_PX, ROOM_PX = 34, 380, 106


def by_week_figure(
    reports: Sequence[ImportanceReport], *, theme: Theme = "light", unit: TimeUnit = TimeUnit.WEEKS
) -> go.Figure:
    """One column a visit, one row a value, ordered by the mean; values told from noise are bold and starred.

    Args:
        reports: of one outcome and model, weeks ascending.
        theme: page theme.
        unit: of times.
    """
    labs = lab_order(reports)
    cells = [[_cell(report, lab) for report in reports] for lab in labs]
    z = [[np.nan if cell is None or cell.drop.importance is None else max(cell.drop.importance, 0.0) for cell in row]
         for row in cells]  # fmt: skip
    top = max([value for row in z for value in row if np.isfinite(value)] + [0.02])
    names = [_column(report, unit) for report in reports]
    figure = go.Figure(
        go.Heatmap(
            z=z, x=list(range(len(reports))), y=list(range(len(labs))), zmin=0.0, zmax=top, xgap=2, ygap=2,
            colorscale=[[0.0, PAGE[theme]], [1.0, LABS]],
            hovertext=[[_hover(report, lab, cell, unit) for report, cell in zip(reports, row, strict=True)]
                       for lab, row in zip(labs, cells, strict=True)],
            hoverinfo="text",
            colorbar={"title": {"text": f"Fall of<br>{reports[0].metric}"}, "thickness": 12, "outlinewidth": 0},
        )
    )  # fmt: skip
    for y, row in enumerate(cells):
        for x, cell in enumerate(row):
            strong = np.isfinite(z[y][x]) and z[y][x] > 0.6 * top
            figure.add_annotation(
                x=x, y=y, text=_text(cell), showarrow=False,
                font={"size": FONT_SIZE - 2, "color": "#FFFFFF" if strong else TEXT[theme]},
            )  # fmt: skip
    figure.update_layout(
        template=template(theme), height=ROOM_PX + min(ROW_PX, max(MOST_PX // max(len(labs), 1), 24)) * len(labs),
        margin={"l": 12, "r": 12, "t": 34, "b": 12},
    )  # fmt: skip
    figure.update_xaxes(tickvals=list(range(len(reports))), ticktext=names, showgrid=False, fixedrange=True, ticks="")
    figure.update_yaxes(
        tickvals=list(range(len(labs))), ticktext=[escape(lab_name(lab)) for lab in labs],
        range=[len(labs) - 0.5, -0.5], showgrid=False, fixedrange=True, ticks="", showline=False,
    )  # fmt: skip
    return figure


def lab_order(reports: Sequence[ImportanceReport]) -> list[str]:
    """Tests used at any of the visits, by their mean drop."""
    found: dict[str, list[float]] = {}
    for report in reports:
        for lab in report.used:
            found.setdefault(lab.lab, []).append(lab.drop.importance or 0.0)
    return sorted(found, key=lambda lab: -float(np.mean(found[lab])))


def _cell(report: ImportanceReport, lab: str) -> LabImportance | None:
    return next((one for one in report.used if one.lab == lab), None)


def _text(cell: LabImportance | None) -> str:
    if cell is None or cell.drop.importance is None:
        return ""
    text = numbers.decimal(cell.drop.importance, 2)
    return f"<b>{text} *</b>" if cell.is_seen else text


def _column(report: ImportanceReport, unit: TimeUnit) -> str:
    week = report.settings.week
    name = "Baseline" if week == 0 else unit.visit(week).capitalize()
    return f"{name}<br>{report.n} pat., {report.events} ev."


def _hover(report: ImportanceReport, lab: str, cell: LabImportance | None, unit: TimeUnit) -> str:
    head = f"<b>{escape(lab_name(lab))}</b> {when(report.settings.week, unit)}"
    if cell is None:
        why = next((one.reason for one in report.labs if one.lab == lab), "")
        return f"{head}<br>{escape(why)}"
    seen = "told from noise" if cell.is_seen else "not told from noise"
    return f"{head}<br>{drop_words(cell.drop, 3)}<br>rank {cell.rank}, {seen}"


def by_week_words(reports: Sequence[ImportanceReport], *, unit: TimeUnit = TimeUnit.WEEKS) -> str:
    """One sentence: which values stand out, and when."""
    when_seen: dict[str, list[str]] = {}
    for report in reports:
        for lab in report.seen:
            when_seen.setdefault(lab.lab, []).append(when(report.settings.week, unit).removeprefix("at "))
    visits = "1 visit" if len(reports) == 1 else f"{len(reports)} visits"
    if not when_seen:
        return f"At none of {visits} can a laboratory value be told from noise."
    often = sorted(when_seen, key=lambda lab: -len(when_seen[lab]))[:3]
    parts = [f"{lab_name(lab)} at {joined(when_seen[lab])}" for lab in often]
    return f"Told from noise: {'; '.join(parts)}; {visits} analysed."


def by_week_note(reports: Sequence[ImportanceReport]) -> str:
    """Footnote: what a star is, who is counted."""
    first = reports[0]
    events = event_words(first.settings.endpoint)
    return (
        f"Fall of the {first.metric} when a value is shuffled among held-out patients; * and bold: told from the "
        f"noise column. At each visit those still at risk (pat.) and the {events} ahead (ev.); with many cells "
        f"about 1 in 40 is starred by chance. Data snapshot {first.provenance.snapshot_id[:8]}."
    )
