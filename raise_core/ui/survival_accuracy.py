"""How well the markers on screen predict by the horizon: AUC, Brier score, calibration, decision curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from raise_core.domain.accuracy_results import HorizonReport
from raise_core.domain.survival_report import SurvivalReport
from raise_core.evaluation.horizon_report import horizon_report
from raise_core.figures import horizon_words
from raise_core.figures.horizon_calibration_plot import horizon_calibration_plot
from raise_core.figures.horizon_decision_curve import horizon_decision_curve
from raise_core.figures.horizon_tables import accuracy_by_horizon
from raise_core.figures.survival_tables import origin_of
from raise_core.ui import survival_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_bar import figure_bar
from raise_core.ui.survival_choice import View
from raise_core.ui.survival_reading import MaterialKey
from raise_core.ui.table_view import download_row, show_table

WIDTH = 820  # px


def accuracy(page: PageContext, view: View, report: SurvivalReport) -> None:
    """Out-of-fold accuracy of the markers that are cut, whatever the thresholds."""
    found = _report(view.key, view.horizon_weeks)
    endpoint = report.question.endpoint
    where: dict[str, Any] = {"endpoint": endpoint, "unit": page.unit, "start_weeks": report.landmark_weeks}
    table = accuracy_by_horizon(found, origin_of(report.provenance, patients=report.n), unit=page.unit)
    show_table(table)
    download_row(table, name="accuracy-by-horizon")
    if any(cut.is_risk for cut in report.question.cuts):
        st.caption(
            ":material/warning: The risk itself is held out split by split, but the risks of the patients a fold "
            "learns from come from models that saw some of the patients it is tried on: a little optimism remains."
        )
    st.markdown("**Are the predicted risks right?**")
    with st.container(width=WIDTH):
        st.plotly_chart(
            horizon_calibration_plot(found.calibration, model=found.model, theme=page.theme, **where),
            theme=None,
            key="calibration",
            config=figure_bar(page, "calibration"),
            alt=horizon_words.calibration_alternative(found.calibration, **where),
        )
    st.caption(plain(horizon_words.calibration_footnote(found.calibration, **where)))
    st.markdown("**Would acting on them help?**")
    with st.container(width=WIDTH):
        st.plotly_chart(
            horizon_decision_curve(found.decision, theme=page.theme, **where),
            theme=None,
            key="decision",
            config=figure_bar(page, "decision"),
            alt=horizon_words.decision_alternative(found.decision, **where),
        )
    st.caption(plain(horizon_words.decision_footnote(found.decision, **where)))


@st.cache_resource(max_entries=64, show_spinner="Predicting every patient from the others …")
def _report(key: MaterialKey, horizon_weeks: float) -> HorizonReport:
    material = survival_reading.material(key)
    models = [cut.model for cut in key.question.cuts]
    covariates = np.column_stack([material.marker_values[model] for model in models])
    return horizon_report(
        material.outcome, covariates, horizon_weeks, model="+".join(models), patients=material.patient_ids
    )
