"""What the what-if page is asked to show: the model, the visit, the patient, the horizon, and the values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.errors import UserFacingError
from raise_core.domain.prediction_results import ModelMarker
from raise_core.domain.week import LandmarkWeek
from raise_core.figures.identity import endpoint_name
from raise_core.figures.individual_words import in_clinical_unit, not_in_model, span_words
from raise_core.studies.individual import MOST_MARKERS, IndividualModel, default_markers, fit_individual, model_weeks
from raise_core.studies.individual_markers import setting_limits
from raise_core.studies.overview import main_endpoint
from raise_core.ui import address, cohort_reading
from raise_core.ui.cohort_reading import Asked
from raise_core.ui.patient_choice import PATIENT_KEY, patient_labels
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext

TYPICAL = "typical"  # in place of a patient: median values
VALUE = "v."  # parameter of a marker's value: v.sldr
MOST_LETTERS = 20  # of all levels that stand side by side; more stand in a list
_DEFAULTS, _SHOWN = "_individual_defaults", "_individual_shown"


@dataclass(frozen=True, eq=False)
class IndividualChoice:
    """A view of the what-if page, its values apart.

    Attributes:
        model: fitted on everybody at risk at the visit.
        patient_id: whose measured values are the reference; None for the typical patient.
        horizon_weeks: after the landmark.
    """

    model: IndividualModel
    patient_id: str | None
    horizon_weeks: float


@st.cache_resource(max_entries=64, show_spinner="Fitting the model …")
def fitted(asked: Asked, model: str, week: float, endpoint: str) -> IndividualModel:
    """The model of a cohort; every argument is part of the cache key."""
    return fit_individual(asked.source(), model, LandmarkWeek(week), endpoint=endpoint)


@st.cache_data(max_entries=64, show_spinner=False)
def offered_visits(asked: Asked, markers: tuple[str, ...], endpoint: str) -> tuple[float, ...]:
    """Visits at which the markers are known."""
    return model_weeks(asked.source(), markers, endpoint)


def choose(page: PageContext) -> IndividualChoice | None:
    """The controls above the figure; None, with the reason on the page, where no model can be fitted."""
    asked = Asked.by(page)
    if main_endpoint(page.whole_source()) is None:
        st.info("This study has no outcomes, so nothing can be predicted. Import outcomes.csv.", icon=":material/info:")
        return None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        with st.popover("Markers and outcome", icon=":material/tune:", help="What the model is made of."):
            endpoint, markers = _model(page, asked)
        if not markers:
            st.info("Choose at least one marker of the model.", icon=":material/touch_app:")
            return None
        week = _visit(page, asked, markers, endpoint)
        if week is None:
            return None
        try:
            model = fitted(asked, "+".join(markers), week, endpoint)
        except UserFacingError as error:
            st.warning(f"The model cannot be fitted. {plain(str(error))}", icon=":material/help:")
            return None
        patient_id = _patient(page, model)
        horizon = _horizon(page, model)
    _forget_of_other_study(page)
    return IndividualChoice(model, patient_id, horizon)


def _model(page: PageContext, asked: Asked) -> tuple[str, tuple[str, ...]]:
    source = page.whole_source()
    endpoint = address.select(
        "Outcome",
        {name: endpoint_name(name) for name in sorted(source.cohort.outcomes["endpoint"].unique())},
        key="endpoint",
        default=main_endpoint(source) or "",
        help="What the model predicts.",
    )
    markers = address.multiselect(
        "Markers of the model",
        cohort_reading.predictor_labels(asked.everybody()),
        key="markers",
        default=default_markers(source),
        max_selections=MOST_MARKERS,
        help=f"One Cox model of all of them, at most {MOST_MARKERS}. Each needs about ten events.",
    )
    return endpoint, markers


def _visit(page: PageContext, asked: Asked, markers: tuple[str, ...], endpoint: str) -> float | None:
    try:
        weeks = offered_visits(asked, markers, endpoint)
    except UserFacingError as error:
        st.warning(plain(str(error)), icon=":material/help:")
        return None
    if not weeks:
        st.warning(
            "At no visit of these patients are all markers known with at least five events ahead. Choose fewer or "
            "other markers, or another outcome.",
            icon=":material/help:",
        )
        return None
    code = address.select(
        "Visit",
        {f"{week:g}": "Baseline" if week == 0 else page.unit.visit(week).capitalize() for week in weeks},
        key="week",
        default=f"{weeks[0]:g}",
        help="Values of up to 8 weeks before count; patients must be free of the event one week after, when the clock "
        "starts.",
        width=150,
        on_change=forget_values,
    )
    return float(code)


def _patient(page: PageContext, model: IndividualModel) -> str | None:
    study = page.study
    every = patient_labels(
        page.home_path, study.study_id, study.snapshot_id, endpoint=model.report.endpoint, unit=page.unit
    )
    options = {TYPICAL: "Nobody: median values", **{patient: every[patient] for patient in model.patient_ids}}
    wanted = address.get(PATIENT_KEY)
    if wanted is not None and wanted not in options and wanted in every:
        address.notice(not_in_model(wanted, model.why_not(wanted), unit=page.unit))
    code = address.select(
        "Patient",
        options,
        key=PATIENT_KEY,
        default=TYPICAL,
        help="Starts from this patient’s values at the visit. Type to search. Only patients at risk with all markers.",
        width=330,
        on_change=forget_values,
    )
    return None if code == TYPICAL else code


def _horizon(page: PageContext, model: IndividualModel) -> float:
    offered = {f"{weeks:.0f}": weeks for weeks in model.horizons_weeks}
    code = address.select(
        "Chance at",
        {code: span_words(weeks, page.unit) for code, weeks in offered.items()},
        key="horizon",
        default=f"{model.main_horizon_weeks:.0f}",
        help="How long after the landmark the chance is read off; as far as patients were followed.",
        width=130,
    )
    return offered[code]


def forget_values() -> None:
    """Every value back to the reference; call it in a callback."""
    set_by_hand = [key for key in address.parameters() if key.startswith(VALUE)]
    address.put(**dict.fromkeys(set_by_hand))
    _drop_controls()


def _drop_controls() -> None:
    for key in [str(key) for key in st.session_state if str(key).startswith(VALUE)]:
        del st.session_state[key]


def _forget_of_other_study(page: PageContext) -> None:
    """Values moved in one study mean nothing in another that has the same markers."""
    shown = (page.study.study_id, page.study.snapshot_id)
    if st.session_state.setdefault(_SHOWN, shown) != shown:
        st.session_state[_SHOWN] = shown
        _drop_controls()


def choose_values(choice: IndividualChoice) -> tuple[dict[str, float | str], dict[str, DeltaGenerator]]:
    """One control for each marker, at the reference until it is moved; call it where they shall stand.

    Returns:
        Marker text to its value, and to the place under its control.
    """
    reference = choice.model.values_of(choice.patient_id)
    values: dict[str, float | str] = {}
    below: dict[str, DeltaGenerator] = {}
    for marker in choice.model.report.markers:
        text = marker.marker.text
        value = reference[text]
        values[text] = _number(marker, value) if isinstance(value, float) else _level(marker, value)
        below[text] = st.container()
    return values, below


def _number(marker: ModelMarker, reference: float) -> float:
    """The value set; exactly the reference while the control stands where it puts it."""
    key = f"{VALUE}{marker.marker.text}"
    low, high, step = setting_limits(marker)
    at_reference = min(max(round(round(reference / step) * step, 10), low), high)
    _follow_default(key, at_reference)
    decimals = max(0, -math.floor(math.log10(step)))
    place = st.container(gap=None)
    with place:
        chosen = address.slider(
            marker.title,
            key=key,
            minimum=low,
            maximum=high,
            default=at_reference,
            step=step,
            help=_range_help(marker),
            format=f"%.{decimals}f",
        )
    value = reference if abs(chosen - at_reference) < step / 2 else chosen
    means = in_clinical_unit(marker, value)
    if means:
        place.caption(plain(means[:1].upper() + means[1:]))
    return value


def _range_help(marker: ModelMarker) -> str:
    limits = marker.range
    if limits is None:
        return ""
    return (
        f"Patients of the model: {limits.minimum:.4g} to {limits.maximum:.4g}, median {limits.median:.4g}, central "
        f"98 % {limits.low:.4g} to {limits.high:.4g}."
    )


def _level(marker: ModelMarker, reference: str) -> str:
    key = f"{VALUE}{marker.marker.text}"
    _follow_default(key, reference)
    levels = {level: level for level in sorted(marker.levels)}
    control = address.segmented if sum(map(len, levels)) <= MOST_LETTERS else address.select
    return control(marker.title, levels, key=key, default=reference, help="Levels that patients of the model have.")


def _follow_default(key: str, default: float | str) -> None:
    """A control that was not moved goes along when its reference changes (another filter, another marker)."""
    known = st.session_state.setdefault(_DEFAULTS, {})
    before = known.get(key)
    if before is not None and before != default and st.session_state.get(key) == before and address.get(key) is None:
        del st.session_state[key]
    known[key] = default
