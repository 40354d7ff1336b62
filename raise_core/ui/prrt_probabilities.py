"""The PRRT page's views of one model's predictions: threshold, survival by prediction, calibration and decision."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.class_results import ClassReport
from raise_core.domain.survival_report import SurvivalReport
from raise_core.figures import horizon_words, prrt_words
from raise_core.figures.cindex_words import event_noun
from raise_core.figures.fusion_marks import fusion_marks
from raise_core.figures.horizon_decision_curve import horizon_decision_curve
from raise_core.figures.prrt_calibration import prrt_calibration
from raise_core.figures.prrt_survival import prrt_survival, whole_cohort
from raise_core.figures.prrt_tables import confusion_table
from raise_core.figures.prrt_threshold import prrt_threshold
from raise_core.studies.prrt_report import PooledPatients, best_documented, confusion_at, survival_by_prediction
from raise_core.ui import prrt_choice, prrt_reading
from raise_core.ui.plain_text import plain
from raise_core.ui.prrt_reading import RunKey
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_bar import figure_bar
from raise_core.ui.table_view import show_table

WIDTH = 820  # px


def view(page: PageContext, key: RunKey, report: ClassReport, chosen: str) -> None:
    """One of the views: sentence and figure, the model and its threshold under them, then notes."""
    picture, controls = st.container(), st.container(horizontal=True, vertical_alignment="bottom", gap="large")
    with controls:
        model = prrt_choice.choose_model(report.models, default=best_documented(key.run()))
        patients = prrt_reading.patients(key, model)
        threshold = patients.fixed_threshold
        if chosen != prrt_choice.CALIBRATION:
            threshold = prrt_choice.choose_threshold(patients)
    if chosen == prrt_choice.THRESHOLD:
        _threshold(page, report, patients, threshold, place=picture)
    elif chosen == prrt_choice.SURVIVAL:
        _survival(page, key, patients, threshold, place=picture)
        _whole(page, key, report)
    elif prrt_words.has_probability(model):
        _calibration(page, key, report, model, place=picture)
    else:
        picture.info(prrt_words.NO_PROBABILITY, icon=":material/help:")


def _draw(page: PageContext, chart: go.Figure, name: str, alt: str) -> None:
    st.plotly_chart(chart, theme=None, key=name.replace("-", "_"), config=figure_bar(page, name), alt=alt)


def _threshold(
    page: PageContext, report: ClassReport, patients: PooledPatients, threshold: float, *, place: DeltaGenerator
) -> None:
    found = confusion_at(patients, threshold)
    words = prrt_words.confusion_sentence(found, patients.model, is_probability=patients.is_probability)
    chart = prrt_threshold(
        found, patients.known_score, patients.known_long, is_probability=patients.is_probability,
        simulated=patients.provenance.simulated, theme=page.theme,
    )  # fmt: skip
    with place:
        st.markdown(f"**{plain(words)}**")
        _draw(page, chart, "prrt-threshold", words)
    table = confusion_table(report, found, patients.model, is_probability=patients.is_probability)
    show_table(table)
    st.caption(plain(prrt_words.confusion_footnote(report, fixed=threshold == patients.fixed_threshold)))


def _survival(
    page: PageContext, key: RunKey, patients: PooledPatients, threshold: float, *, place: DeltaGenerator
) -> None:
    fixed = threshold == patients.fixed_threshold
    scan = None if fixed else prrt_reading.scan(key, patients.model)
    found = survival_by_prediction(patients, threshold=threshold, scan=scan)
    words = prrt_words.survival_headline(found, patients.model, unit=page.unit)
    chart = prrt_survival(
        found, theme=page.theme, unit=page.unit, horizon_weeks=patients.classes.horizon_weeks,
        event_words=event_noun(patients.endpoint),
    )  # fmt: skip
    with place:
        st.markdown(f"**{plain(words)}**")
        _draw(page, chart, "prrt-survival", words)
    st.caption(plain(prrt_words.survival_footnote(found, fixed=fixed)))


def _whole(page: PageContext, key: RunKey, report: ClassReport) -> None:
    """The whole cohort under it, whatever was predicted."""
    found: SurvivalReport = prrt_reading.everybody(key)
    words = prrt_words.whole_sentence(found, horizon_weeks=report.horizon_weeks, unit=page.unit)
    st.subheader("The whole cohort", anchor=False)
    st.markdown(f"**{plain(words)}**")
    chart = whole_cohort(
        found, theme=page.theme, unit=page.unit, horizon_weeks=report.horizon_weeks,
        event_words=event_noun(report.endpoint),
    )  # fmt: skip
    _draw(page, chart, "prrt-whole-cohort", words)
    st.caption(
        plain(f"Dotted line: {horizon_words.span(report.horizon_weeks)}, which divides short from long. "
              f"{prrt_words.data_line(found)}")
    )  # fmt: skip


def _calibration(page: PageContext, key: RunKey, report: ClassReport, model: str, *, place: DeltaGenerator) -> None:
    found, curve = prrt_reading.calibration(key, model), prrt_reading.decision(key, model)
    with place:
        st.markdown(f"**{plain(prrt_words.calibration_sentence(found))}**")
        with st.container(width=WIDTH):
            _draw(
                page, prrt_calibration(found, simulated=report.provenance.simulated, theme=page.theme),
                "prrt-calibration", prrt_words.calibration_alternative(found),
            )  # fmt: skip
    st.caption(plain(prrt_words.calibration_footnote(report)))
    st.markdown("**Would acting on a predicted short time help?**")
    with st.container(width=WIDTH):
        chart = horizon_decision_curve(
            curve, endpoint=report.endpoint, theme=page.theme, unit=page.unit, bands=True,
            marks=fusion_marks((model,), theme=page.theme),
        )  # fmt: skip
        _draw(page, chart, "prrt-decision", prrt_words.decision_alternative(curve))
    st.caption(plain(horizon_words.decision_footnote(curve, endpoint=report.endpoint, unit=page.unit)))
