"""The attention page of a RAISE run: maps of lesion pictures, and the gallery of principal components' extremes."""

from __future__ import annotations

import numpy as np
import streamlit as st

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.marker_name import DEEP_VARIANTS
from raise_core.figures import attention_words, numbers
from raise_core.figures.identity import encoder_name
from raise_core.jobs import attention_job
from raise_core.studies.raise_attention_store import LesionAttention
from raise_core.studies.runs import RunSummary
from raise_core.ui import address, attention_reading, attention_start, navigation
from raise_core.ui.attention_pictures import common_frame, crop, row
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext

MAPS, COMPONENTS = "maps", "components"
FIRST_COMPONENTS = 20


@st.fragment
def lesion_attention(page: PageContext, run: RunSummary) -> None:
    """Everything below the title."""
    variants = tuple(variant for variant in run.variants if not variant.startswith("binary"))
    if not variants:
        st.info("This run has networks on outlines alone; they have no texture, so there are no maps.")
        return
    view, variant, week = _choose(page, run, variants)
    run_id = run.run_id
    if (variant, week) not in attention_reading.lesions_with_maps(page.home_path, run_id, variants, run.weeks):
        attention_start.offer(
            page, attention_job.raise_settings(run_id, variant, week), label="Ask the networks", key="lesion_start",
            why=f"The pictures of {plain(_variant_name(variant))} at {page.unit.visit(week)} have not been looked into "
            "yet. It takes about half a second a lesion with a small encoder, several with a large one, in the "
            "background.",
        )  # fmt: skip
        return
    found = attention_reading.lesions(page.home_path, run_id, variant, week)
    if view == MAPS:
        _maps(page, found)
    else:
        _gallery(found)
    st.caption(plain(_footnote(page, found)))


def _choose(page: PageContext, run: RunSummary, variants: tuple[str, ...]) -> tuple[str, str, float]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        view = address.segmented(
            "Show", {MAPS: "A patient’s lesions", COMPONENTS: "What components stand for"}, key="show", default=MAPS,
            help="What moved the answer in each lesion; or the pictures at both ends of each component.",
        )  # fmt: skip
        variant = address.select(
            "Pictures", {one: _variant_name(one) for one in variants}, key="pictures", default=variants[0], width=320,
            help="Which pictures the network was given.",
        )  # fmt: skip
        weeks = {numbers.week(week): page.unit.visit(week) for week in run.weeks}
        week = address.segmented("Visit", weeks, key="week", default=next(iter(weeks)), help="Landmark visit.")
    return view, variant, float(week)


def _variant_name(variant: str) -> str:
    return DEEP_VARIANTS[variant].removeprefix("Deep learning, ").capitalize()


def _maps(page: PageContext, found: LesionAttention) -> None:
    region = "liver" if found.variant.startswith("liver") else "lesion"
    cohort = {str(patient) for patient in page.source().patient_ids}
    patients = [patient for patient in found.patient_ids if patient in cohort]
    if not patients:
        st.info("None of the patients shown has a map. Loosen the patient filter.", icon=":material/person_off:")
        return
    try:
        st.markdown(f"**{plain(attention_words.lesion_headline(found.share(cohort), region=region))}**")
    except NotInStoreError as error:
        st.info(plain(str(error)), icon=":material/help:")
    picture = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        patient = address.select(
            "Patient", {one: one for one in patients}, key="patient", default=patients[0], width=180,
            help="Patients with a picture at this visit.",
        )  # fmt: skip
        shown = address.switch("Map", key="map", default=True, help="What moved the answer, laid over.")
        outline = address.switch("Outline", key="outline", default=True, help="Green: the annotated lesion.")
        navigation.link(navigation.PATIENT, f"Patient {plain(patient)}", patient=patient)
    picture.html(row(_patient_pictures(found, patient, shown=shown, outline=outline), large=True))
    try:
        check = found.check(cohort)
        (st.success if check.passed else st.warning)(
            plain(attention_words.verdict(check)), icon=":material/verified:" if check.passed else ":material/warning:"
        )
    except NotInStoreError as error:
        st.caption(plain(str(error)))
    st.caption(plain(attention_words.explained_path(found.agreement, encoder_name(found.encoder))))


def _patient_pictures(
    found: LesionAttention, patient: str, *, shown: bool, outline: bool
) -> list[tuple[str, str, str]]:
    rows = np.flatnonzero((found.rows["patient_id"] == patient).to_numpy())
    pictures = []
    frame = common_frame([found.pictures[place] for place in rows])
    for place in rows:
        lesion = str(found.rows["lesion_id"].iloc[place])
        attribution = found.maps[place][frame, frame].astype(np.float32) / 127 if shown else None
        contour = found.contours[place][frame, frame] if outline else None
        source = crop(found.pictures[place][frame, frame], attribution, contour)
        caption = f"Lesion {lesion}, {_side_words(found, frame)}"
        pictures.append((source, caption, f"Lesion {lesion} of patient {patient} with what moved the answer laid over"))
    return pictures


def _side_words(found: LesionAttention, frame: slice) -> str:
    """Size of what is shown of a picture."""
    side_mm = found.side_mm * (frame.stop - frame.start) / found.pictures.shape[1]
    return f"{side_mm:.0f} × {side_mm:.0f} mm"


def _gallery(found: LesionAttention) -> None:
    related = [story for story in found.components if story.risk_correlation is not None]
    if related:
        best = max(related, key=lambda story: story.risk_correlation or 0.0)
        st.markdown(
            f"**Of {len(found.components)} components, number {best.number} goes most with the networks’ risk (rank "
            f"correlation {best.risk_correlation:.2f}; {found.patients} patients): its two ends show what differs.**"
        )
    order = {story.number: story for story in found.components[:FIRST_COMPONENTS]}
    codes = {f"{number}": f"Component {number}" for number in order}
    default = f"{best.number}" if related else next(iter(codes))
    chosen = address.select(
        "Component", codes, key="component", default=default, width=200,
        help="In the order of how much of the spread of the image features each explains.",
    )  # fmt: skip
    story = order[int(chosen)]
    frame = common_frame([found.pictures[place] for place in (*story.high, *story.low)])
    line = attention_words.component_line(story.number, story.explained, story.risk_correlation)
    st.caption(plain(f"{line}. Each picture shows {_side_words(found, frame)}."))
    for title, rows, scores in (
        ("Highest scores (higher risk)", story.high, story.high_scores),
        ("Lowest scores (lower risk)", story.low, story.low_scores),
    ):
        st.markdown(f"**{title if story.risk_correlation is not None else title.split(' (')[0]}**")
        st.html(row([_end_picture(found, place, score, frame) for place, score in zip(rows, scores, strict=True)]))


def _end_picture(found: LesionAttention, place: int, score: float, frame: slice) -> tuple[str, str, str]:
    patient = str(found.rows["patient_id"].iloc[place])
    words = f"{patient}, {numbers.decimal(score, 1)} SD"
    return crop(found.pictures[place][frame, frame], None, None), words, f"Lesion picture of patient {words}"


def _footnote(page: PageContext, found: LesionAttention) -> str:
    return (
        f"n = {found.patients} patients, {len(found.rows)} lesion pictures, {page.unit.visit(found.week)}; integrated "
        "gradients (16 points), shares of amounts, mean over a patient’s lesions, 95 % percentile bootstrap over "
        "patients. Components are those of all pictures of this visit: they describe, no score uses them; one picture "
        f"a patient at either end. Run {found.run_id[:8]}, data snapshot {page.study.snapshot_id[:8]}."
    )
