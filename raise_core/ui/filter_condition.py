"""One new condition of the cohort filter: what it is about, which values, when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from raise_core.domain.cohort_filter import (
    HAS,
    PATIENT,
    RECORDED,
    SCAN,
    SCAN_PROPERTIES,
    CohortFilter,
    Condition,
    Operator,
)
from raise_core.domain.errors import UserFacingError
from raise_core.domain.filter_words import recorded_words
from raise_core.domain.marker_name import MarkerKind, MarkerName
from raise_core.evaluation.cohort_filter import lab_units, value_levels
from raise_core.evaluation.marker_values import MOST_CATEGORIES, MarkerSource
from raise_core.ui import reading
from raise_core.ui.plain_text import plain

if TYPE_CHECKING:
    from raise_core.ui.shell import PageContext

_SCAN_NAMES = {"modality": "Scan type", "phase": "Contrast phase", "manufacturer": "Scanner", "kernel": "Kernel"}
_ORDER = {
    Operator.ABOVE.value: "more than", Operator.AT_LEAST.value: "at least",
    Operator.BELOW.value: "less than", Operator.AT_MOST.value: "at most",
}  # fmt: skip
MOST_PILLS = 10  # more values than this are looked for in a list
_CHANGES = {"sldr", "sldn", "tgr", "heterogeneity"}


def compose(page: PageContext, draft: CohortFilter) -> Condition | None:
    """Controls for one condition with its live count; the condition once “Add” is pressed."""
    source = page.whole_source()
    subjects = _subjects(source)
    with st.container(border=True):
        subject = st.selectbox(
            "Add a condition on",
            list(subjects),
            format_func=lambda code: subjects[code],
            key="condition_subject",
            help="Characteristics, markers, scans, what was recorded, or single patients. Type to search.",
        )
        condition = _values(source, str(subject))
        preview, fits = ("Choose at least one value.", False) if condition is None else _preview(page, draft, condition)
        with st.container(horizontal=True, vertical_alignment="center"):
            pressed = st.button(
                "Add",
                key="add_condition",
                icon=":material/add:",
                disabled=not fits,
                help="Add this condition.",
            )
            st.markdown(preview, width="content")
    return condition if pressed else None


def _subjects(source: MarkerSource) -> dict[str, str]:
    """Everything a condition can be about, in words."""
    found: dict[str, str] = {}
    for marker in source.predictors():
        if marker.kind is MarkerKind.CHARACTERISTIC:
            found[marker.text] = marker.label
        elif marker.transform not in {"log", "dlog"}:
            found[marker.text] = (
                marker.label if marker.transform != "ratio" else marker.label.replace("upper limit", "the upper limit")
            )
    scans = source.cohort.scans
    for name in SCAN_PROPERTIES:
        if scans[name].nunique() > 0:
            found[f"{SCAN}{name}"] = _SCAN_NAMES[name]
    found[HAS] = "Available data"
    found[PATIENT] = "Single patients"
    return found


def _values(source: MarkerSource, subject: str) -> Condition | None:
    """Controls for the values of a subject; None while nothing is chosen."""
    if subject == PATIENT:
        options = {str(patient): str(patient) for patient in source.patient_ids}
        return _membership(subject, options, none_of="Everybody but these")
    if subject == HAS:
        return _membership(
            subject, {kind: recorded_words(kind).capitalize() for kind in RECORDED}, none_of="Without it"
        )
    if subject.startswith(SCAN):
        scans = source.cohort.scans
        by_value = scans.groupby(subject.removeprefix(SCAN))["patient_id"].nunique()
        options = {str(value): f"{value} ({n} patients)" for value, n in by_value.items()}
        return _membership(subject, options, none_of="Never with these")
    marker = next(marker for marker in source.predictors() if marker.text == subject)
    column = source.cohort.patients[marker.key] if marker.kind is MarkerKind.CHARACTERISTIC else None
    if column is not None and _is_category(column):
        levels = value_levels(source, marker.key)
        return _membership(subject, {level: f"{level} ({n})" for level, n in levels.items()}, none_of="None of these")
    return _comparison(source, marker)


def _is_category(column: pd.Series) -> bool:
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return not numeric or column.nunique() <= min(5, MOST_CATEGORIES)


def _membership(subject: str, options: dict[str, str], *, none_of: str) -> Condition | None:
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        few = len(options) <= MOST_PILLS
        picked = (
            st.pills(
                "Values",
                list(options),
                selection_mode="multi",
                format_func=lambda code: plain(options[code]),
                key=f"values_{subject}",
                help="Any of the chosen values meets the condition.",
            )
            if few
            else st.multiselect(
                "Values",
                list(options),
                format_func=lambda code: options.get(code, code),
                key=f"values_{subject}",
                help="Any of the chosen values meets the condition. Type to search.",
            )
        )
    with right:
        denied = st.toggle(none_of, key=f"denied_{subject}", help="Turn the condition round.")
    if not picked:
        return None
    return Condition(subject, Operator.NONE_OF if denied else Operator.ANY_OF, tuple(picked))


def _comparison(source: MarkerSource, marker: MarkerName) -> Condition | None:
    dated = marker.kind is not MarkerKind.CHARACTERISTIC and marker.key != "tgr0"
    when, how, much = st.columns([2, 2, 2])
    week: float | None = None
    with when:
        if dated:
            weeks = [float(week) for week in source.visit_weeks]
            offered = weeks if marker.key in _CHANGES else [0.0, *weeks]
            week = st.selectbox(
                "Visit",
                offered,
                format_func=lambda number: "Baseline" if number == 0 else f"Week {number:g}",
                key=f"week_{marker.text}",
                help="Values of up to 8 weeks before the visit count.",
            )
    with how:
        operator = st.selectbox(
            "Comparison",
            list(_ORDER),
            format_func=lambda sign: _ORDER[sign],
            key=f"order_{marker.text}",
            help="Which side of the number.",
        )
    unit = lab_units(source.cohort).get(marker.key, "") if marker.transform == "lab" else ""
    with much:
        number = st.number_input(
            f"Value ({unit})" if unit else "Value" + (" × upper limit" if marker.transform == "ratio" else ""),
            value=None,
            key=f"number_{marker.text}",
            placeholder="a number",
            help="In the unit of the data.",
        )
    if number is None:
        return None
    return Condition(marker.text, Operator(operator), (f"{number:.10g}",), week)


def _preview(page: PageContext, draft: CohortFilter, condition: Condition) -> tuple[str, bool]:
    """How many patients would remain, in words, and whether the condition can be added."""
    try:
        after = reading.filtered(
            page.home_path, page.study.study_id, page.study.snapshot_id, draft.with_condition(condition).text
        )
    except UserFacingError as error:
        return plain(str(error)), False
    count = after.counts[-1]
    unknown = f" (not known for {count.unknown})" if count.unknown else ""
    return f"Leaves **{len(after.patient_ids)}** of {after.n_study} patients{unknown}.", True
