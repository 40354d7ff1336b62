"""The survival page: sentence, curves with their table, warnings, and below them one further view at a time."""

from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go
import streamlit as st

from raise_core.domain.cut_results import TwoCutScan
from raise_core.domain.errors import UserFacingError
from raise_core.domain.survival_report import SurvivalReport
from raise_core.evaluation.cut_points import CutScan
from raise_core.evaluation.kaplan_meier import kaplan_meier
from raise_core.evaluation.survival_groups import divide, subset
from raise_core.figures import survival_words
from raise_core.figures.cindex_words import event_noun
from raise_core.figures.survival_curves import CurveOptions, Ghost, survival_figure
from raise_core.figures.survival_marks import group_names
from raise_core.studies.survival import survival_report
from raise_core.ui import survival_below, survival_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext, picture_above_controls
from raise_core.ui.survival_bar import figure_bar, report_marks
from raise_core.ui.survival_choice import View, choose
from raise_core.ui.survival_threshold import pinned_question

PANELS_IN_A_ROW = 2
MAIN_FIGURE = "curves"


@st.fragment
def survival(page: PageContext) -> None:
    """Everything below the title; a fragment, so that a slider redraws this and nothing else."""
    question, picture, controls = picture_above_controls()
    notes = st.container()
    view = choose(page, question=question, controls=controls)
    if view is None:
        return
    try:
        report = report_of(view)
    except UserFacingError as error:
        picture.warning(str(error), icon=":material/help:")
        return
    with picture:
        chart = _picture(page, view, report)
    with notes:
        _notes(page, view, report)
    survival_below.below(page, view, report, chart)


def report_of(view: View) -> SurvivalReport:
    """The comparison on screen."""
    cut = view.single_cut
    scan: CutScan | TwoCutScan | None = None
    if cut is not None:
        two = len(cut.thresholds) > 1
        scan = survival_reading.pairs(view.key, cut.model) if two else survival_reading.scan(view.key, cut.model)
    material = survival_reading.material(view.key)
    return survival_report(material, view.question, scan=scan, scale=view.scale, horizon_weeks=view.horizon_weeks)


def _picture(page: PageContext, view: View, report: SurvivalReport) -> go.Figure | None:
    """Sentence and figure; the figure, to be taken away, where there is one of everybody."""
    st.markdown(f"**{plain(survival_words.headline(report, unit=page.unit))}**")
    if view.facet:
        _panels(page, view)
        return None
    return _figure(page, report, view.options, ghosts=_ghosts(page, view, report), key=MAIN_FIGURE)


def _notes(page: PageContext, view: View, report: SurvivalReport) -> None:
    for sentence in survival_words.warnings(report):
        st.caption(f":material/warning: {plain(sentence)}")
    st.caption(plain(survival_words.footnote(report, unit=page.unit, scale=view.scale)))


def _figure(
    page: PageContext, report: SurvivalReport, options: CurveOptions, *, ghosts: tuple[Ghost, ...], key: str
) -> go.Figure:
    chart = survival_figure(
        report,
        report_marks(page, report),
        theme=page.theme,
        unit=page.unit,
        options=options,
        ghosts=ghosts,
        event_words=event_noun(report.question.endpoint),
    )
    st.plotly_chart(
        chart,
        theme=None,
        key=key,
        config=figure_bar(page, "survival", picture_format=survival_below.picture_format()),
        alt=survival_words.text_alternative(report, unit=page.unit),
    )
    return chart


def _ghosts(page: PageContext, view: View, report: SurvivalReport) -> tuple[Ghost, ...]:
    """Curves of the pinned thresholds, unless they are those on screen or divide nobody among these patients."""
    question = pinned_question(view.question, view.pinned)
    if question is None or view.pinned == tuple(cut.thresholds for cut in report.cuts):
        return ()
    material = survival_reading.material(view.key)
    try:
        groups = divide(material, question.dividers)
    except UserFacingError:
        return ()
    pinned = replace(report, parts=groups.parts)
    outcomes = [material.outcome.take(groups.group_of == place) for place in range(len(groups.parts))]
    pairs = zip(group_names(pinned), outcomes, report_marks(page, pinned), strict=True)
    return tuple(Ghost(name, kaplan_meier(outcome), mark) for name, outcome, mark in pairs)


def _panels(page: PageContext, view: View) -> None:
    """One small figure for each level of the facet's column."""
    material = survival_reading.material(view.key)
    levels = material.levels[view.facet]
    options = replace(view.options, compact=True, extended=False)
    for start in range(0, len(levels), PANELS_IN_A_ROW):
        columns = st.columns(PANELS_IN_A_ROW)
        for offset, level in enumerate(levels[start : start + PANELS_IN_A_ROW]):
            with columns[offset]:
                st.markdown(f"**{plain(level)}**")
                try:
                    part = survival_report(
                        subset(material, view.facet, start + offset), view.question, scale=view.scale,
                        horizon_weeks=view.horizon_weeks,
                    )  # fmt: skip
                except UserFacingError as error:
                    st.info(str(error), icon=":material/help:")
                    continue
                _figure(page, part, options, ghosts=(), key=f"panel_{level}")
                st.caption(plain(survival_words.headline(part, unit=page.unit)))
