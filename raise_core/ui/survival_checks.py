"""Subgroups, and whether the conclusion depends on the method or on who is counted."""

from __future__ import annotations

import streamlit as st

from raise_core.domain.survival_report import SurvivalReport
from raise_core.evaluation.survival_groups import PatientGroups, divide
from raise_core.figures import survival_check_words as words
from raise_core.figures.cumulative_incidence import incidence_figure, incidence_words
from raise_core.figures.subgroup_forest import forest_figure
from raise_core.figures.survival_marks import group_names
from raise_core.figures.template import toolbar
from raise_core.studies import survival_checks as engine
from raise_core.ui import survival_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_choice import View
from raise_core.ui.table_view import download_row, show_table


def subgroups(page: PageContext, view: View, report: SurvivalReport) -> None:
    """Forest plot with interaction tests."""
    forest = engine.subgroups(page.source(), survival_reading.material(view.key), _groups(view))
    names = group_names(report)
    st.markdown(f":material/science: {plain(words.exploratory(forest))}")
    st.plotly_chart(
        forest_figure(forest, names=(names[0], names[1]), theme=page.theme),
        theme=None,
        key="forest",
        config=toolbar(f"subgroups-{page.study.study_id}"),
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
        st.markdown(plain(words.proportionality(engine.constant_ratio(material, groups, report.comparison))))
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
    for found in (engine.left_out(source, material), engine.with_images(source, material.endpoint)):
        said = found.reason if found.comparison is None else words.two_groups_words(found.comparison, unit=page.unit)
        st.markdown(f"**{plain(found.question)}**: {plain(said)}")
    incidence = engine.competing_events(source, material, groups)
    if incidence is not None:
        st.subheader("Progression or death: which comes first?", anchor=False)
        names = dict(zip(groups.labels, group_names(report), strict=True))
        st.plotly_chart(
            incidence_figure(incidence, names=names, theme=page.theme, unit=page.unit),
            theme=None,
            key="incidence",
            config=toolbar(f"incidence-{page.study.study_id}"),
            alt=incidence_words(incidence, names=names, unit=page.unit),
        )
        st.caption(plain(incidence_words(incidence, names=names, unit=page.unit)))


def _groups(view: View) -> PatientGroups:
    return divide(survival_reading.material(view.key), view.question.dividers)
