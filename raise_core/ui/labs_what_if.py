"""Move a laboratory value of one patient and see the prediction follow."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from raise_core.domain.importance_results import ImportanceReport
from raise_core.domain.importance_settings import ImportanceModel
from raise_core.evaluation.lab_what_if import what_if
from raise_core.figures import importance_words
from raise_core.figures.importance_words import axis_name, lab_name
from raise_core.figures.lab_what_if import what_if_figure, what_if_words
from raise_core.figures.marker_axis import measured
from raise_core.ui import address
from raise_core.ui.labs_choice import LabsChoice
from raise_core.ui.labs_patients import lab_control, patient_control
from raise_core.ui.navigation import INDIVIDUAL, PATIENT, link
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_bar import figure_bar

VALUE = "to."  # parameter of a value that was moved: to.cga
STEPS = 200
MOST_MOVED = 6
PICTURE_AND_VALUES = (7, 3)


def what_if_view(page: PageContext, choice: LabsChoice, report: ImportanceReport) -> None:
    """The patient's curve and the values beside it; a Cox model lets several be moved."""
    place = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        patient = patient_control(page, choice, report)
        lab = lab_control(report)
        movable = _movable(report, lab)
    with place:
        _explore(page, report, patient, lab, movable)
        st.caption(plain(f"{_how(report)} Not for decisions on care. {importance_words.out_of_fold_note(report)}"))
    with st.container(horizontal=True):
        link(PATIENT, f"Course of {plain(patient)}", patient=patient)
        markers = [f"{'log' if one.is_log else 'lab'}:{one.lab}" for one in report.used[:3]]
        link(
            INDIVIDUAL,
            "Predicted survival with several values moved",
            markers=address.BETWEEN.join(markers),
            endpoint=report.settings.endpoint,
            week=f"{report.settings.week:g}",
        )


def _movable(report: ImportanceReport, lab: str) -> tuple[str, ...]:
    if report.settings.model is not ImportanceModel.COX:
        return (lab,)
    names = {one.lab.lower(): lab_name(one.lab) for one in report.used}
    picked = address.multiselect(
        "Also move", names, key="also", default=(),
        max_selections=MOST_MOVED, help="A Cox model follows any number of values at once.",
    )  # fmt: skip
    return (lab, *(one.lab for one in report.used if one.lab.lower() in picked and one.lab != lab))


@st.fragment
def _explore(page: PageContext, report: ImportanceReport, patient: str, lab: str, movable: tuple[str, ...]) -> None:
    """Sentence, curve and sliders, which run by themselves."""
    sentence = st.container()
    picture, values = st.columns(PICTURE_AND_VALUES, gap="medium")
    with values:
        moved = {name: value for name in movable if (value := _slider(report, patient, name)) is not None}
    found = what_if(report, patient, lab, moved)
    sentence.markdown(f"**{plain(what_if_words(report, found))}**")
    picture.plotly_chart(
        what_if_figure(report, found, theme=page.theme),
        theme=None,
        key="labs_what_if",
        config=figure_bar(page, f"lab-what-if-{patient}"),
        alt=what_if_words(report, found),
    )


def _slider(report: ImportanceReport, patient: str, lab: str) -> float | None:
    """The value set by hand, in the unit of the data; None while the slider stands where the patient's value is.

    The slider runs over percent of the way from the least to the largest value of the curve, evenly on the scale of the
    model, so that a test spread over several powers of ten can be set.
    """
    kept = report.explanations
    row, place = kept.row(patient), kept.labs.index(lab)
    grid, value = kept.grid[place], float(kept.values[row, place])
    log = report.lab(lab).is_log
    low, high = (math.log(grid[0]), math.log(grid[-1])) if log else (float(grid[0]), float(grid[-1]))
    start = float(np.nanmedian(kept.values[:, place])) if math.isnan(value) else value
    at = (math.log(start) if log else start) - low
    middle = float(min(max(round(STEPS * at / (high - low)), 0), STEPS))
    key = f"{VALUE}{patient}.{lab.lower()}"
    chosen = address.slider(
        axis_name(report, lab), key=key, minimum=0.0, maximum=float(STEPS), default=middle, step=1.0,
        format=" ", help=f"{measured(float(grid[0]))} to {measured(float(grid[-1]))}: 98 % of the patients.",
    )  # fmt: skip
    reached = low + (high - low) * chosen / STEPS
    moved = None if chosen == middle else (math.exp(reached) if log else reached)
    if moved is not None:
        st.caption(plain(f"set to {importance_words.with_unit(report, lab, moved)}"))
    elif math.isnan(value):
        st.caption("Not measured; the slider starts at the median")
    else:
        st.caption(plain(f"as measured: {importance_words.with_unit(report, lab, value)}"))
    return moved


def _how(report: ImportanceReport) -> str:
    if report.settings.model is ImportanceModel.COX:
        return "Line: the patient’s log hazard over the value, all else as set; exact for any number of values."
    return (
        "Line: the patient’s prediction over the value, all else as measured, joined between 21 values. Choose the Cox "
        "model to move several at once."
    )
