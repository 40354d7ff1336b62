"""The parts of the patient page below its controls: who, what happened, the timeline, the scans, the numbers."""

from __future__ import annotations

from html import escape

import streamlit as st

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.patient_course import PatientCourse
from raise_core.domain.patient_risk import RiskAtWeek
from raise_core.domain.recist import RecistVersion
from raise_core.domain.results import CindexSettings, Provenance
from raise_core.evaluation.arms import arms_of
from raise_core.evaluation.patient_course import patient_course
from raise_core.figures import patient_tables, patient_words
from raise_core.figures.arm_marks import ArmMark, arm_marks
from raise_core.figures.identity import model_marks
from raise_core.figures.patient_course import patient_figure
from raise_core.figures.patient_risk import CohortAtWeek, RiskView
from raise_core.figures.table_export import CSV_MIME, frame_to_csv
from raise_core.figures.template import toolbar
from raise_core.studies.patient import CohortRisks, patient_risks, risk_settings, risk_weeks
from raise_core.ui import reading
from raise_core.ui.patient_choice import PatientChoice
from raise_core.ui.patient_images import images
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext

NUMBERS_KEY = "all_numbers"


@st.cache_resource(max_entries=256, show_spinner=False)
def course_of(home_path: str, study_id: str, snapshot_id: str, patient_id: str, recist: RecistVersion) -> PatientCourse:
    """One patient's course; the filter has no part in it."""
    return patient_course(reading.whole_source(home_path, study_id, snapshot_id), patient_id, recist=recist)


@st.cache_data(max_entries=64, show_spinner=False)
def weeks_of(
    home_path: str, study_id: str, snapshot_id: str, model: str, settings: CindexSettings
) -> tuple[float, ...]:
    """Weeks at which a model of the tables is looked at; the filter has no part in it."""
    return risk_weeks(reading.whole_source(home_path, study_id, snapshot_id), model, settings, None)


def course(page: PageContext, choice: PatientChoice) -> PatientCourse:
    """The chosen patient's course."""
    study = page.study
    return course_of(page.home_path, study.study_id, study.snapshot_id, choice.patient_id, choice.recist)


def risks(page: PageContext, choice: PatientChoice) -> CohortRisks | None:
    """The chosen model's risks of the filtered cohort; of everybody where the filter leaves the patient out.

    None, with the reason and the remedy on the page, where what the model needs is gone from the store.
    """
    if choice.model is None:
        return None
    settings = risk_settings(page.whole_source(), choice.model, choice.run)
    if settings is None:
        return None
    key = (page.home_path, page.study.study_id, page.study.snapshot_id)
    try:
        return reading.cohort_risks_of(
            *key,
            filter_text=page.cohort_filter.text if choice.in_cohort else "",
            model=choice.model,
            weeks=weeks_of(*key, choice.model, settings) if choice.run is None else choice.run.weeks,
            settings=settings,
            run_id=choice.run.run_id if choice.run is not None else None,
        )
    except NotInStoreError as error:
        remedy = ""
        if choice.run is not None:
            remedy = "Start the run again on the page Runs (what is left of it is reused), or choose a model without "
            remedy += "networks under “Model and tests”. "
        st.warning(f"The risk cannot be shown. {remedy}{plain(f'Reason: {error}')}", icon=":material/help:")
        return None


def of_patient(page: PageContext, choice: PatientChoice, found: CohortRisks | None) -> tuple[RiskAtWeek, ...]:
    """The chosen patient among them."""
    return () if found is None else patient_risks(found, page.whole_source(), choice.patient_id)


def header(
    page: PageContext,
    choice: PatientChoice,
    patient: PatientCourse,
    found: CohortRisks | None,
    mine: tuple[RiskAtWeek, ...],
) -> None:
    """Arm, how it ended, characteristics, and what size, CgA and the model said."""
    outcome = escape(patient_words.outcome_sentence(patient, choice.endpoint, unit=page.unit))
    mark = _arm_mark(page, patient)
    badge = ""
    if mark is not None and patient.arm is not None:
        badge = (
            f'<span style="border:2px solid {mark.colour};border-radius:6px;padding:1px 8px;margin-right:10px">'
            f'<span style="color:{mark.colour}">{mark.glyph}</span> {escape(patient.arm)}</span>'
        )
    listed = escape(" · ".join(patient_words.characteristics(patient)))
    st.html(f'<div>{badge}<strong>{outcome}</strong></div><div style="opacity:0.8;margin-top:6px">{listed}</div>')
    sentence = patient_words.headline(
        patient,
        model=choice.model,
        risks=[at.risk for at in mine if at.risk is not None],
        at_risk=_at_risk(found),
        unit=page.unit,
    )
    if sentence:
        st.markdown(f"**{plain(sentence)}**")


def timeline(
    page: PageContext,
    choice: PatientChoice,
    patient: PatientCourse,
    found: CohortRisks | None,
    mine: tuple[RiskAtWeek, ...],
) -> None:
    """The figure, what is missing from it, and its footnotes."""
    chart = patient_figure(
        patient,
        labs=choice.labs,
        visit_weeks=page.whole_source().visit_weeks,
        endpoint=choice.endpoint,
        arm_mark=_arm_mark(page, patient),
        risk=_risk_view(page, found, mine),
        theme=page.theme,
        unit=page.unit,
    )
    st.plotly_chart(
        chart,
        theme=None,
        key="patient_figure",
        config=toolbar(f"{page.study.study_id}-{patient.patient_id}"),
        alt=patient_words.alternative(
            patient,
            choice.labs,
            [at.risk for at in mine if at.risk is not None],
            endpoint=choice.endpoint,
            unit=page.unit,
        ),
    )
    for sentence in patient_words.missing_course(patient, choice.labs):
        st.caption(f":material/info: {plain(sentence)}")
    notes = [patient_words.footnote(patient, snapshot_id=page.study.snapshot_id)]
    if found is not None:
        estimates = found.report.estimates
        gaps = patient_words.gap_sentences(mine, settings=found.settings, estimates=estimates, unit=page.unit)
        if gaps:
            st.caption(f":material/info: No risk is drawn at some visits. {plain(' '.join(gaps))}")
        ranks = patient_words.performance(estimates, unit=page.unit)
        if ranks:
            st.caption(f":material/stacked_line_chart: {plain(ranks)}")
        notes.append(
            patient_words.risk_footnote(
                mine,
                n_cohort=found.n_cohort,
                settings=found.settings,
                provenance=found.provenance,
                estimates=estimates,
                unit=page.unit,
            )
        )
    st.caption(plain(" ".join(notes)))


def scans(page: PageContext, choice: PatientChoice) -> None:
    """The viewer, which runs by itself: what is clicked in it draws nothing else again."""
    st.subheader("Scans", anchor=False)
    _viewer(page, choice.patient_id)


@st.fragment
def _viewer(page: PageContext, patient_id: str) -> None:
    images(page, patient_id)


def details(
    page: PageContext,
    choice: PatientChoice,
    patient: PatientCourse,
    found: CohortRisks | None,
    mine: tuple[RiskAtWeek, ...],
) -> None:
    """Tables and the download, folded away."""
    _numbers(page, patient, found, mine)
    study = page.study
    provenance = found.provenance if found is not None else None
    provenance = provenance or Provenance(study.study_id, study.title, study.snapshot_id, study.simulated)
    table = patient_tables.download_table(patient, mine, model=choice.model, provenance=provenance)
    badge = "simulated-" if study.simulated else ""
    with st.expander("Downloads", icon=":material/download:"):
        st.download_button(
            "This patient (CSV)",
            frame_to_csv(table),
            file_name=f"{badge}{study.study_id}-{patient.patient_id}.csv",
            mime=CSV_MIME,
            help="Characteristics, visits, lesions, sums, blood tests, outcomes and risks, a row a value.",
            on_click="ignore",
        )


@st.fragment
def _numbers(
    page: PageContext, patient: PatientCourse, found: CohortRisks | None, mine: tuple[RiskAtWeek, ...]
) -> None:
    """Four tables, drawn when they are unfolded: they take the browser longer than the rest of the page."""
    folded = st.expander("All numbers", icon=":material/table:", key=NUMBERS_KEY, on_change="rerun")
    if not folded.open:
        return
    with folded:
        one, two = st.column_config.NumberColumn(format="%.1f"), st.column_config.NumberColumn(format="%.2f")
        whole = st.column_config.NumberColumn(format="%.0f")
        if patient.visits:
            st.markdown("**Visits**")
            millimetres = {"Sum of target lesions (mm)": one, "Smallest sum before (mm)": one, "SLDr": two}
            st.dataframe(
                patient_tables.visits_table(patient, unit=page.unit), hide_index=True, column_config=millimetres
            )
        if patient.lesions:
            st.markdown("**Lesions**, longest diameter in mm; 0 has vanished")
            st.dataframe(patient_tables.lesions_table(patient, unit=page.unit), hide_index=True)
        if patient.labs:
            st.markdown("**Blood tests**")
            st.dataframe(patient_tables.labs_table(patient, unit=page.unit), hide_index=True)
        if mine:
            st.markdown("**Risk**")
            formats = {"Others with a lower risk (%)": whole, "Risk (SD from average)": two}
            st.dataframe(
                patient_tables.risk_table(mine, _at_risk(found), unit=page.unit), hide_index=True, column_config=formats
            )


def _arm_mark(page: PageContext, patient: PatientCourse) -> ArmMark | None:
    if patient.arm is None:
        return None
    arms = arms_of(page.whole_source())
    return arm_marks(arms.compared, reference=arms.reference)[patient.arm]


def _at_risk(found: CohortRisks | None) -> dict[float, int]:
    return {} if found is None else {week: at.n for week, at in found.by_week.items()}


def _risk_view(page: PageContext, found: CohortRisks | None, mine: tuple[RiskAtWeek, ...]) -> RiskView | None:
    """What the risk panel shows; None when the model says nothing of anybody."""
    if found is None or not found.by_week:
        return None
    return RiskView(
        name=patient_words.panel_name(found.model),
        mark=model_marks((found.model,), theme=page.theme)[found.model],
        cohort=tuple(CohortAtWeek(week, at.n, at.quantiles) for week, at in sorted(found.by_week.items())),
        patient=tuple(at.risk for at in mine if at.risk is not None),
        gaps={
            at.week: patient_words.gap_word(at.reason, endpoint=found.settings.endpoint)
            for at in mine
            if at.reason is not None
        },
    )
