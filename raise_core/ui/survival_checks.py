"""Subgroups, and whether the conclusion depends on the method or on who is counted."""

from __future__ import annotations

import math

import streamlit as st

from raise_core.domain.survival_report import SurvivalReport
from raise_core.evaluation.proportional_hazards import ratio_over_time
from raise_core.evaluation.survival_groups import PatientGroups, divide
from raise_core.figures import survival_check_words as words
from raise_core.figures.cumulative_incidence import incidence_figure, incidence_words
from raise_core.figures.ratio_over_time import ratio_figure
from raise_core.figures.subgroup_forest import forest_figure
from raise_core.figures.survival_marks import group_names
from raise_core.studies import survival_checks as engine
from raise_core.ui import survival_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_bar import figure_bar, report_marks
from raise_core.ui.survival_choice import View
from raise_core.ui.table_view import download_row, show_table


def subgroups(page: PageContext, view: View, report: SurvivalReport) -> None:
    """Forest plot with interaction tests."""
    forest = engine.subgroups(page.source(), survival_reading.material(view.key), _groups(view))
    names = group_names(report)
    st.markdown(f":material/science: {plain(words.exploratory(forest))}")
    if report.threshold_chosen:
        st.markdown("The threshold was chosen by looking; none of these ratios and tests allows for that.")
    st.plotly_chart(
        forest_figure(forest, names=(names[0], names[1]), theme=page.theme),
        theme=None,
        key="forest",
        config=figure_bar(page, "subgroups"),
        alt=f"Forest plot of the hazard ratio of {names[1]} against {names[0]} in subgroups; the numbers stand below.",
    )
    table = words.forest_table(report, forest)
    show_table(table)
    download_row(table, name="subgroups")


def checks(page: PageContext, view: View, report: SurvivalReport) -> None:
    """Changing hazards, other tests, scans in between, patients left out, competing events."""
    material, groups, source = survival_reading.material(view.key), _groups(view), page.source()
    if len(report.parts) > 1:
        st.subheader("Is one hazard ratio enough?", anchor=False)
        constant = engine.constant_ratio(material, groups, report.comparison)
        st.markdown(plain(words.proportionality(None if constant is None else constant.whole)))
        ratio = report.comparison.hazard_ratios[0].hr
        over_time = None if constant is None or ratio is None else ratio_over_time(constant, math.log(ratio))
        if over_time is not None and len(report.parts) == 2:
            names = group_names(report)
            st.plotly_chart(
                ratio_figure(over_time, names=(names[0], names[1]), theme=page.theme, unit=page.unit),
                theme=None,
                key="ratio_over_time",
                config=figure_bar(page, "ratio-over-time"),
                alt="Hazard ratio over time with its smooth; a flat line means that one ratio is enough.",
            )
            st.caption(
                "Line: smooth of the scaled Schoenfeld residuals (lowess over two thirds of the "
                f"{len(over_time.time_weeks)} events); dotted: the one ratio of the whole time; ticks: events."
            )
        mean = words.mean_words(report, unit=page.unit)
        if mean:
            st.markdown(plain(mean))
        tests = words.tests_table(report, engine.weighted_tests(material, groups))
        show_table(tests)
        download_row(tests, name="tests")
        if view.facet:
            st.markdown(plain(words.stratified(engine.stratified_test(material, groups, view.facet), view.facet)))
        else:
            st.caption("Choose panels under “More” for a test stratified by their characteristic.")
    between = engine.between_scans(source, material, groups)
    if between is not None and between.n_interval:
        st.subheader("Does it matter when between two scans patients progressed?", anchor=False)
        table = words.interval_table(report, between, unit=page.unit)
        show_table(table)
        download_row(table, name="between-scans")
    st.subheader("Does it matter who is not counted?", anchor=False)
    asked = [engine.left_out(source, material)]
    if len(source.cohort.scans):
        asked.append(engine.with_images(source, material.endpoint))
    for found in asked:
        said = found.reason if found.comparison is None else words.two_groups_words(found.comparison, unit=page.unit)
        st.markdown(f"**{plain(found.question)}**: {plain(said)}")
    incidence = engine.competing_events(source, material, groups)
    if incidence is not None:
        st.subheader("Progression or death: which comes first?", anchor=False)
        marks = dict(zip(groups.labels, report_marks(page, report), strict=True))
        said = incidence_words(incidence, marks=marks, of=report.n)
        st.plotly_chart(
            incidence_figure(incidence, marks=marks, theme=page.theme, unit=page.unit),
            theme=None,
            key="incidence",
            config=figure_bar(page, "incidence"),
            alt=said,
        )
        st.caption(plain(said))


def _groups(view: View) -> PatientGroups:
    return divide(survival_reading.material(view.key), view.question.dividers)
