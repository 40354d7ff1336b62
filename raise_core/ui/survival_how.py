"""How the figure was computed: settings, the queries behind it, and a program that gives the same numbers."""

from __future__ import annotations

import streamlit as st

from raise_core.domain.survival_report import SurvivalReport
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import survival_words
from raise_core.figures.survival_marks import divider_words
from raise_core.store.queries import cohort_sql
from raise_core.studies.survival_recipe import survival_recipe
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_choice import View


def how(page: PageContext, view: View, report: SurvivalReport) -> None:
    """Settings in words, SQL, Python."""
    st.markdown(plain(survival_words.footnote(report, unit=page.unit, scale=view.scale)))
    st.markdown(_settings(view, report))
    recipe = survival_recipe(
        report.question,
        study_id=page.study.study_id,
        snapshot_id=page.study.snapshot_id,
        filter_text=page.cohort_filter.text,
        scale=view.scale,
        settings=view.key.settings,
        run_id=view.key.run_id,
        panels=view.facet,
        horizon_weeks=view.horizon_weeks,
    )
    st.markdown("**The same numbers in Python.** Run it in the project's folder: `python survival_recipe.py`")
    st.code(recipe, language="python")
    st.download_button(
        "Python", recipe, file_name="survival_recipe.py", mime="text/x-python", icon=":material/download:",
        help="The program above.", on_click="ignore", key="download_recipe",
    )  # fmt: skip
    st.markdown("**What is read from the snapshot's DuckDB file.** Landmarks and groups are made from these rows.")
    st.code(";\n\n".join(cohort_sql("outcome", "patient", "lab", "lesion").values()) + ";", language="sql")


def _settings(view: View, report: SurvivalReport) -> str:
    question = report.question
    rows = [
        ("Outcome", question.endpoint),
        ("Groups", divider_words(report)),
        *(
            (
                "Threshold",
                f"{', '.join(f'{value:.10g}' for value in cut.thresholds)} ({cut.fixed_in_advance or 'chosen'})",
            )
            for cut in report.cuts
        ),
        ("Landmark", "none, from randomisation" if question.week is None else TimeUnit.WEEKS.visit(question.week.week)),
        ("Panels", view.facet or "none"),
        ("Horizon", f"{view.horizon_weeks:g} weeks after the start"),
        ("Interval", f"{view.scale.value}, 95 %"),
        ("Snapshot", report.provenance.snapshot_id),
    ]
    lines = [f"| {name} | {plain(value)} |" for name, value in rows]
    return "\n".join(["| Setting | Value |", "|---|---|", *lines])
