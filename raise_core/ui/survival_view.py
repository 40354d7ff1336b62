"""The survival page: sentence, curves with their table, warnings, and below them one further view at a time."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from raise_core.domain.cut_results import TwoCutScan
from raise_core.domain.errors import UserFacingError
from raise_core.domain.survival_question import ByCut, SurvivalQuestion
from raise_core.domain.survival_report import SurvivalReport
from raise_core.evaluation.arms import arms_of
from raise_core.evaluation.cut_points import CutScan
from raise_core.evaluation.survival_groups import subset
from raise_core.figures import survival_words
from raise_core.figures.identity import Mark
from raise_core.figures.survival_curves import CurveOptions, Ghost, survival_figure
from raise_core.figures.survival_marks import group_marks, group_names
from raise_core.figures.template import toolbar
from raise_core.studies.survival import survival_report
from raise_core.ui import survival_below, survival_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext, picture_above_controls
from raise_core.ui.survival_choice import View, choose

PANELS_IN_A_ROW = 2


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
        _picture(page, view, report)
    with notes:
        _notes(page, view, report)
    survival_below.below(page, view, report)


def report_of(view: View, *, thresholds: tuple[float, ...] | None = None) -> SurvivalReport:
    """The comparison on screen, or the same at other thresholds of its one marker."""
    question = view.question
    cut = view.single_cut
    if thresholds is not None and cut is not None:
        question = SurvivalQuestion(question.endpoint, (ByCut(cut.model, thresholds, by_looking=True),), question.week)
    scan: CutScan | TwoCutScan | None = None
    if cut is not None:
        two = len(cut.thresholds) > 1
        scan = survival_reading.pairs(view.key, cut.model) if two else survival_reading.scan(view.key, cut.model)
    material = survival_reading.material(view.key)
    return survival_report(material, question, scan=scan, scale=view.scale, horizon_weeks=view.horizon_weeks)


def _picture(page: PageContext, view: View, report: SurvivalReport) -> None:
    st.markdown(f"**{plain(survival_words.headline(report, unit=page.unit))}**")
    if view.facet:
        _panels(page, view)
    else:
        _figure(page, report, view.options, ghosts=_ghosts(page, view), key="curves")


def _notes(page: PageContext, view: View, report: SurvivalReport) -> None:
    for sentence in survival_words.warnings(report):
        st.caption(f":material/warning: {plain(sentence)}")
    st.caption(plain(survival_words.footnote(report, unit=page.unit, scale=view.scale)))


def _figure(
    page: PageContext, report: SurvivalReport, options: CurveOptions, *, ghosts: tuple[Ghost, ...], key: str
) -> None:
    chart = survival_figure(
        report,
        _marks(page, report),
        theme=page.theme,
        unit=page.unit,
        options=options,
        ghosts=ghosts,
        event_words=survival_words.one_event(report.question.endpoint),
    )
    st.plotly_chart(
        chart,
        theme=None,
        key=key,
        config=toolbar(f"survival-{page.study.study_id}"),
        alt=survival_words.text_alternative(report, unit=page.unit),
    )


def _ghosts(page: PageContext, view: View) -> tuple[Ghost, ...]:
    """The pinned threshold's curves, unless they are those on screen."""
    cut = view.single_cut
    if view.pinned is None or cut is None or view.pinned == cut.thresholds:
        return ()
    try:
        pinned = report_of(view, thresholds=view.pinned)
    except UserFacingError:  # the pinned threshold divides nobody among these patients; the panel below says so
        return ()
    pairs = zip(group_names(pinned), pinned.comparison.groups, _marks(page, pinned), strict=True)
    return tuple(Ghost(name, group.curve, mark) for name, group, mark in pairs)


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


def _marks(page: PageContext, report: SurvivalReport) -> tuple[Mark, ...]:
    arms = arms_of(page.whole_source())
    return group_marks(report, study_arms=arms.compared, reference_arm=arms.reference)
