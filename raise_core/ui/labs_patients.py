"""What each laboratory value did to each patient's prediction: all patients, one patient, one value."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from raise_core.domain.importance_results import ImportanceReport
from raise_core.figures import importance_words, lab_beeswarm, lab_dependence, lab_waterfall
from raise_core.figures.importance_words import lab_name
from raise_core.ui import address
from raise_core.ui.labs_choice import LabsChoice
from raise_core.ui.navigation import PATIENT, link
from raise_core.ui.navigation import go as open_page_of
from raise_core.ui.patient_choice import PATIENT_KEY, patient_labels
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_bar import figure_bar

ALL, PATIENT_VIEW, VALUE = "all", "patient", "value"
_OF = {ALL: "All patients", PATIENT_VIEW: "One patient", VALUE: "One value"}
CLICK = "Click a dot to open the patient’s page. "
NOBODY = "none"


def shap(page: PageContext, choice: LabsChoice, report: ImportanceReport) -> None:
    """SHAP values, as asked."""
    place = st.container()
    of = address.segmented(
        "SHAP of",
        _OF,
        key="of",
        default=ALL,
        help="SHAP values share out the difference between a patient’s prediction and the average one among the "
        "laboratory values; they add up exactly.",
    )
    with place:
        {ALL: _all, PATIENT_VIEW: _one_patient, VALUE: _one_value}[of](page, choice, report)


def _all(page: PageContext, choice: LabsChoice, report: ImportanceReport) -> None:  # noqa: ARG001 - shape of all views
    first = [lab_name(report.explanations.labs[place], capital=False) for place in lab_beeswarm.shap_order(report)[:2]]
    st.markdown(
        f"**{plain(_capital(' and '.join(first)))} move{'s' if len(first) == 1 else ''} the predictions of the "
        f"{report.n} patients most; each dot is one of them.**"
    )
    figure = lab_beeswarm.beeswarm_figure(report, theme=page.theme)
    _clickable(page, figure, name="beeswarm", alt=lab_beeswarm.beeswarm_alternative(report))
    st.caption(
        plain(f"{CLICK}Hollow grey: not measured, or random numbers. {importance_words.out_of_fold_note(report)}")
    )


def _capital(words: str) -> str:
    """The words with a capital, unless the first is an abbreviation that has its own."""
    first = words.split(" ", maxsplit=1)[0]
    return words[:1].upper() + words[1:] if first.islower() else words


def _one_patient(page: PageContext, choice: LabsChoice, report: ImportanceReport) -> None:
    place = st.container()
    patient = patient_control(page, choice, report)
    with place:
        st.markdown(f"**{plain(lab_waterfall.waterfall_words(report, patient))}**")
        st.plotly_chart(
            lab_waterfall.waterfall_figure(report, patient, theme=page.theme),
            theme=None,
            key="labs_waterfall",
            config=figure_bar(page, f"lab-waterfall-{patient}"),
            alt=lab_waterfall.waterfall_words(report, patient),
        )
        st.caption(
            plain(f"Full colour: raises the risk; faint: lowers it. {importance_words.out_of_fold_note(report)}")
        )
    link(PATIENT, f"Course of {plain(patient)}", patient=patient)


def _one_value(page: PageContext, choice: LabsChoice, report: ImportanceReport) -> None:
    place = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        lab = lab_control(report)
        patient = patient_control(page, choice, report, nobody=True)
    with place:
        st.markdown(f"**{plain(_dependence_words(report, lab))}**")
        figure = lab_dependence.dependence_figure(
            report, lab, theme=page.theme, patient_id=None if patient == NOBODY else patient
        )
        _clickable(page, figure, name=f"dependence-{lab}", alt=lab_dependence.dependence_alternative(report, lab))
        st.caption(
            plain(
                f"{CLICK}Thin lines: one patient each, all other values as measured, from the 1st to the 99th "
                f"percentile of the value. {importance_words.out_of_fold_note(report)}"
            )
        )
    if patient != NOBODY:
        link(PATIENT, f"Course of {plain(patient)}", patient=patient)


def _dependence_words(report: ImportanceReport, lab: str) -> str:
    found = report.lab(lab)
    seen = "can be told from noise" if found.is_seen else "cannot be told from noise in this model"
    return f"{lab_name(lab)}: {importance_words.direction(found)} on its own; it {seen}."


def lab_control(report: ImportanceReport) -> str:
    """Which laboratory value."""
    options = {lab.lab.lower(): lab_name(lab.lab) for lab in report.used}
    code = address.select(
        "Laboratory value", options, key="lab", default=next(iter(options)), width=230,
        help="In the order of importance.",
    )  # fmt: skip
    return next(lab.lab for lab in report.used if lab.lab.lower() == code)


def patient_control(page: PageContext, choice: LabsChoice, report: ImportanceReport, *, nobody: bool = False) -> str:
    """Which patient of the analysis; the first unless one is named."""
    study = page.study
    every = patient_labels(
        page.home_path, study.study_id, study.snapshot_id, endpoint=choice.settings.endpoint, unit=page.unit
    )
    options = {patient: every[patient] for patient in report.explanations.patient_ids}
    if nobody:
        options = {NOBODY: "Nobody marked", **options}
    return address.select(
        "Patient", options, key=PATIENT_KEY, default=next(iter(options)), width=400,
        help="Type to search. Only patients at risk at this visit, with a class where the model needs one.",
    )  # fmt: skip


def _clickable(page: PageContext, figure: go.Figure, *, name: str, alt: str) -> None:
    """The figure; a click on a patient opens the patient."""
    event = st.plotly_chart(
        figure, theme=None, key=f"labs_{name}", config=figure_bar(page, f"lab-{name}"), alt=alt, on_select="rerun",
        selection_mode="points",
    )  # fmt: skip
    for point in event["selection"]["points"]:
        who = point.get("customdata")
        patient = who[0] if isinstance(who, list) and who else who
        if isinstance(patient, str) and patient:
            open_page_of(PATIENT, patient=patient)
