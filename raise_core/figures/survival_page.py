"""The survival figure as a web page of its own, with what must be known to read it."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go

from raise_core.domain.survival_report import SurvivalReport
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import survival_words
from raise_core.figures.table_export import SIMULATED


def figure_page(chart: go.Figure, report: SurvivalReport, *, unit: TimeUnit) -> str:
    """A page that stands alone: badge, sentence, figure, warnings, footnote; it needs no connection.

    Args:
        chart: the figure of the report.
        report: what it shows.
        unit: unit of time.
    """
    scale = report.comparison.groups[0].curve.scale
    said = [survival_words.headline(report, unit=unit), *survival_words.warnings(report)]
    said.append(survival_words.footnote(report, unit=unit, scale=scale))
    badge = f"<p><b>{SIMULATED}: these patients do not exist.</b></p>" if report.provenance.simulated else ""
    lines = "".join(f"<p>{escape(sentence)}</p>" for sentence in said[1:])
    drawn = chart.to_html(full_html=False, include_plotlyjs=True)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(report.provenance.study_title)}'
        f'</title></head><body style="font-family:sans-serif;max-width:70em;margin:2em auto">{badge}'
        f"<h2>{escape(said[0])}</h2>{drawn}{lines}</body></html>\n"
    )
