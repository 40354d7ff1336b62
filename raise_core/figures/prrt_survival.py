"""Kaplan-Meier curves of the PRRT study: those called long and short, and the whole cohort with its one-year line."""

from __future__ import annotations

import plotly.graph_objects as go

from raise_core.domain.survival_report import SurvivalReport
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import horizon_words
from raise_core.figures.fusion_marks import LONG, SHORT
from raise_core.figures.identity import TEXT, Mark, Theme
from raise_core.figures.survival_curves import CurveOptions, survival_figure

_GUIDE = "horizon"  # what the curves call their line; here it is the time that divides short from long


def prrt_survival(
    report: SurvivalReport, *, theme: Theme, unit: TimeUnit, horizon_weeks: float, event_words: str
) -> go.Figure:
    """Curves of the patients called long and of those called short.

    Args:
        report: by prediction.
        theme: page theme.
        unit: unit of the time axis.
        horizon_weeks: what divides short from long, drawn as a line.
        event_words: what the event is called.
    """
    marks = tuple(
        Mark(SHORT, "line-ns", "dash", group.label)
        if "short" in group.label
        else Mark(LONG, "line-ns", "solid", group.label)
        for group in report.comparison.groups
    )
    return _figure(report, marks, theme=theme, unit=unit, horizon_weeks=horizon_weeks, event_words=event_words)


def whole_cohort(
    report: SurvivalReport, *, theme: Theme, unit: TimeUnit, horizon_weeks: float, event_words: str
) -> go.Figure:
    """The curve of everybody; arguments as in `prrt_survival`."""
    marks = tuple(Mark(TEXT[theme], "line-ns", "solid", group.label) for group in report.comparison.groups)
    return _figure(report, marks, theme=theme, unit=unit, horizon_weeks=horizon_weeks, event_words=event_words)


def _figure(
    report: SurvivalReport,
    marks: tuple[Mark, ...],
    *,
    theme: Theme,
    unit: TimeUnit,
    horizon_weeks: float,
    event_words: str,
) -> go.Figure:
    options = CurveOptions(medians=True, extended=False, horizon_weeks=horizon_weeks)
    figure = survival_figure(report, marks, theme=theme, unit=unit, options=options, event_words=event_words)
    figure.update_annotations(text=horizon_words.span(horizon_weeks, unit), selector={"text": _GUIDE})
    figure.update_xaxes(title_text=f"{unit.value.capitalize()} from baseline", selector={"anchor": "y"})
    return figure
