"""What the page on laboratory values is asked to show: the view, the outcome, the visit, the model."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.importance_settings import DEFAULT_MODEL, ImportanceModel, ImportanceSettings
from raise_core.figures.identity import endpoint_name
from raise_core.figures.importance_words import MODEL_NAMES
from raise_core.studies.lab_importance import why_not
from raise_core.studies.overview import main_endpoint
from raise_core.ui import address, labs_reading
from raise_core.ui.cohort_reading import Asked
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext

BARS, RATIOS, SHAP, WEEKS, WHAT_IF, NUMBERS = "bars", "ratios", "shap", "weeks", "whatif", "numbers"
_VIEWS = {
    BARS: "Importance",
    RATIOS: "Hazard ratios",
    SHAP: "SHAP",
    WEEKS: "By visit",
    WHAT_IF: "What if",
    NUMBERS: "Numbers",
}


@dataclass(frozen=True)
class LabsChoice:
    """A view of the page.

    Attributes:
        view: which picture.
        settings: outcome, visit and model.
        weeks: visits that can be analysed.
        asked: which patients.
    """

    view: str
    settings: ImportanceSettings
    weeks: tuple[float, ...]
    asked: Asked


def choose(page: PageContext, *, question: DeltaGenerator, controls: DeltaGenerator) -> LabsChoice | None:
    """The controls of the page; None, with the reason on the page, where there is nothing to analyse."""
    source = page.whole_source()
    main = main_endpoint(source)
    if not source.tests:
        question.info(
            "This study has no laboratory values. Import it again with a file labs.csv (columns patient_id, week, "
            "test, value, unit); every test in it appears here.",
            icon=":material/science:",
        )
        return None
    if main is None:
        question.info(
            "This study has no outcomes, so no value can be said to matter. Import outcomes.csv.",
            icon=":material/info:",
        )
        return None
    with question:
        view = address.segmented(
            "View", _VIEWS, key="show", default=BARS, label_visibility="collapsed",
            help="What shuffling a value costs · its hazard ratio · what it did to each patient’s prediction · all "
            "visits · move a value · tables and downloads.",
        )  # fmt: skip
    with controls, st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        endpoint = _endpoint(page, main)
        model = _model()
        asked = Asked.by(page)
        weeks = labs_reading.weeks_offered(asked, endpoint, model)
        week = _week(page, weeks)
    settings = ImportanceSettings(endpoint=endpoint, week=week, model=model)
    if not weeks:
        question.info(plain(_why_no_week(asked, settings)), icon=":material/info:")
        return None
    return LabsChoice(view, settings, weeks, asked)


def _endpoint(page: PageContext, main: str) -> str:
    names = sorted(page.whole_source().cohort.outcomes["endpoint"].unique())
    return address.select(
        "Outcome", {name: endpoint_name(name) for name in names}, key="endpoint", default=main, width=270,
        help="What the laboratory values should predict.",
    )  # fmt: skip


def _model() -> ImportanceModel:
    code = address.select(
        "Model",
        {model.value: MODEL_NAMES[model] for model in ImportanceModel},
        key="model",
        default=DEFAULT_MODEL.value,
        width=220,
        help="Survival forest: sees thresholds and combinations; censored patients count. Cox model: "
        "one hazard ratio a value. Short v long: event within a year of the visit or not, as in the PRRT paper; "
        "patients censored before have no class and are left out.",
    )
    return ImportanceModel(code)


def _week(page: PageContext, weeks: tuple[float, ...]) -> float:
    offered = weeks or (0.0,)
    code = address.select(
        "Visit",
        {f"{week:g}": "Baseline" if week == 0 else page.unit.visit(week).capitalize() for week in offered},
        key="week",
        default=f"{offered[0]:g}",
        width=150,
        help="Values of up to 8 weeks before count; patients must be free of the event one week after, when the clock "
        "starts. Only visits with enough events ahead are offered.",
    )
    return float(code)


def _why_no_week(asked: Asked, settings: ImportanceSettings) -> str:
    reason = why_not(asked.source(), settings)
    return f"At no visit of these patients can the laboratory values be analysed. {reason}"
