"""The attention page of a PRRT run: sentence, picture, planes, check, notes, table and download."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.attention_results import AttentionShare, AttributionMethod, RandomisationCheck
from raise_core.domain.errors import NotInStoreError, UserFacingError
from raise_core.figures import attention_words
from raise_core.figures.attention_slices import AttentionScene, attention_figure
from raise_core.figures.attention_tables import ShareLine, share_table
from raise_core.figures.fusion_marks import fusion_name
from raise_core.figures.template import toolbar
from raise_core.jobs import attention_job
from raise_core.studies.attention_store import ModelAttention
from raise_core.studies.prrt_runs import PrrtRun
from raise_core.ui import attention_choice, attention_reading, attention_start, cohort_reading, navigation
from raise_core.ui.attention_choice import MapChoice
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.table_view import download_row, show_table

TABLE_KEY = "attention_table"


@st.fragment
def prrt_attention(page: PageContext, run: PrrtRun) -> None:
    """Everything below the title; a fragment, so that a slider redraws this and nothing else."""
    run_id = run.summary.run_id
    models = tuple(text for text, out in run.outputs.items() if out.model.image_inputs)
    if not models:
        st.info("No model of this run reads PET or CT, so there are no maps. Start a run with images.")
        return
    ready = attention_reading.models_with_maps(page.home_path, run_id, models)
    if ready:
        _maps(page, run_id, ready)
    missing = tuple(model for model in models if model not in ready)
    if missing:
        names = ", ".join(fusion_name(model) for model in missing)
        attention_start.offer(
            page, attention_job.prrt_settings(run_id, missing), label="Ask the networks", key="attention_start",
            why=f"The networks of run {run_id[:8]} have not been asked yet what they looked at: {plain(names)}. It "
            "takes one to two seconds a patient and model, in the background; patients that are done are kept.",
        )  # fmt: skip


def _maps(page: PageContext, run_id: str, ready: tuple[str, ...]) -> None:
    sentence, picture, planes = st.container(), st.container(), st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        model = attention_choice.choose_model(ready, default=ready[-1])
        found = attention_reading.attention(page.home_path, run_id, model)
        choice = attention_choice.choose(page, found)
    if choice is None:
        return
    share = _share(page, found, choice)
    with sentence:
        if isinstance(share, str):
            st.info(plain(share), icon=":material/help:")
        else:
            check = _checked(page, found, choice)
            believed = isinstance(check, RandomisationCheck) and check.passed
            st.markdown(f"**{plain(attention_words.headline(share, image=choice.image, believed=believed))}**")
    scene = attention_reading.scene(
        page.home_path, run_id, model, choice.patient_id, image=choice.image, method=choice.method
    )
    if scene is None:
        picture.info("This method has no map of this image. Choose the other method.", icon=":material/help:")
        return
    _picture(page, choice, attention_choice.with_planes(scene, place=planes), into=picture)
    _check(page, found, choice)
    _notes(page, found, choice, None if isinstance(share, str) else share)
    _table(page, run_id, ready)


def _cohort(page: PageContext) -> frozenset[str]:
    return frozenset(str(patient) for patient in page.source().patient_ids)


def _share(page: PageContext, found: ModelAttention, choice: MapChoice) -> AttentionShare | str:
    try:
        return found.share(choice.image, choice.method, _cohort(page))
    except NotInStoreError as error:
        return str(error)


def _picture(page: PageContext, choice: MapChoice, scene: AttentionScene, *, into: DeltaGenerator) -> None:
    with into:
        st.plotly_chart(
            attention_figure(scene, choice.options, theme=page.theme),
            theme=None,
            key="attention_picture",
            config=toolbar(f"{page.study.study_id}-{choice.patient_id}-{choice.image}-attention"),
            alt=f"{scene.image_name} of patient {choice.patient_id} in three planes and as a projection, with what "
            "moved the network laid over it; green outlines are marked lesions.",
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(plain(_window(scene, choice)))
            navigation.link(navigation.PATIENT, f"Patient {plain(choice.patient_id)}", patient=choice.patient_id)


def _window(scene: AttentionScene, choice: MapChoice) -> str:
    low, high = scene.grey_range
    grey = f"SUV {low:.0f}–{high:.0f}" if scene.unit == "SUV" else f"W {high - low:.0f} L {(high + low) / 2:.0f}"
    voxel = " × ".join(f"{mm:.0f}" for mm in scene.spacing_mm)
    colour = (
        "magenta raises the risk (towards short), teal lowers it"
        if choice.options.signed
        else "magenta: how much a voxel moved the answer"
    )
    return f"{scene.image_name}, {grey}, as the network saw it (voxels of {voxel} mm); {colour}; green: marked lesions."


def _checked(page: PageContext, found: ModelAttention, choice: MapChoice) -> RandomisationCheck | str:
    try:
        return found.check(choice.image, choice.method, _cohort(page))
    except NotInStoreError as error:
        return str(error)


def _check(page: PageContext, found: ModelAttention, choice: MapChoice) -> None:
    check = _checked(page, found, choice)
    if isinstance(check, str):
        st.caption(plain(check))
        return
    icon = ":material/verified:" if check.passed else ":material/warning:"
    (st.success if check.passed else st.warning)(plain(attention_words.verdict(check)), icon=icon)


def _notes(page: PageContext, found: ModelAttention, choice: MapChoice, share: AttentionShare | None) -> None:
    integrated = choice.method is AttributionMethod.INTEGRATED
    sentences = [
        *found.without_map.values(),
        "" if integrated else attention_words.COARSE_GRAD_CAM,
        "" if share is None else attention_words.left_out(share),
        attention_words.completeness_words(found.completeness(choice.image, _cohort(page))) if integrated else "",
        attention_words.footnote(
            share, method=choice.method, repeats=found.repeats, steps=found.settings.steps, run_id=found.run_id,
            snapshot_id=page.study.snapshot_id,
        ),
    ]  # fmt: skip
    st.caption(plain(" ".join(sentence for sentence in sentences if sentence)))


def _table(page: PageContext, run_id: str, ready: tuple[str, ...]) -> None:
    folded = st.expander(
        "All models, images and methods; download", icon=":material/table:", key=TABLE_KEY, on_change="rerun"
    )
    if not folded.open:
        return
    lines = [
        _line(page, attention_reading.attention(page.home_path, run_id, model), image, method)
        for model in ready
        for image in attention_reading.attention(page.home_path, run_id, model).images
        for method in AttributionMethod
    ]
    with folded:
        table = share_table(lines, cohort_reading.origin(page))
        show_table(table)
        download_row(table, name="attention")


def _line(page: PageContext, found: ModelAttention, image: str, method: AttributionMethod) -> ShareLine:
    share, check = None, None
    try:
        share = found.share(image, method, _cohort(page))
        check = found.check(image, method, _cohort(page))
    except UserFacingError:
        pass  # an empty cell: nobody has a marked lesion, or no map varies
    return ShareLine(fusion_name(found.model), image, method, share, check)
