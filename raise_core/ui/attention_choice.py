"""What the attention page is asked to show of a PRRT run: patient, model, image, method, planes, overlay."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.attention_results import AttributionMethod
from raise_core.figures.attention_slices import AttentionScene, OverlayOptions, strongest_voxel
from raise_core.figures.attention_words import IMAGE_NAMES, METHOD_NAMES
from raise_core.figures.fusion_marks import fusion_name
from raise_core.studies.attention_store import ModelAttention
from raise_core.ui import address
from raise_core.ui.shell import PageContext

MORE_KEY = "attention_more"
AMOUNT, DIRECTION = "amount", "direction"


@dataclass(frozen=True)
class MapChoice:
    """A view of the page.

    Attributes:
        patient_id: whose maps.
        image: 'pet' or 'ct'.
        method: of the map.
        options: of the overlay.
    """

    patient_id: str
    image: str
    method: AttributionMethod
    options: OverlayOptions


def choose_model(offered: tuple[str, ...], *, default: str) -> str:
    """The model whose networks are asked."""
    return address.select(
        "Model", {text: fusion_name(text) for text in offered}, key="model", default=default, width=260,
        help="Networks that read PET or CT. Each patient’s map comes from networks that never saw the patient.",
    )  # fmt: skip


def choose(page: PageContext, found: ModelAttention) -> MapChoice | None:
    """Patient, image, method and how the overlay is drawn; None where no patient shown has a map."""
    cohort = {str(patient) for patient in page.source().patient_ids}
    patients = [patient for patient in found.patient_ids if patient in cohort]
    if not patients:
        st.info("None of the patients shown has a map. Loosen the patient filter.", icon=":material/person_off:")
        return None
    patient = address.select(
        "Patient", {one: one for one in patients}, key="patient", default=patients[0], width=150,
        help="Patients the model was tested on.",
    )  # fmt: skip
    images = {name: IMAGE_NAMES[name] for name in found.images}
    image = address.segmented(
        "Image", images, key="image", default=next(iter(images)), help="Whose voxels the map is of."
    )
    method = address.segmented(
        "Method", {method.value: METHOD_NAMES[method] for method in AttributionMethod}, key="method",
        default=AttributionMethod.INTEGRATED.value,
        help="Integrated gradients: what each voxel added to the answer, from an empty scan on. Grad-CAM: the region "
        "the last layers responded to; coarser.",
    )  # fmt: skip
    return MapChoice(patient, image, AttributionMethod(method), _overlay())


def _overlay() -> OverlayOptions:
    more = st.popover("More", icon=":material/tune:", help="How the map is laid over", key=MORE_KEY, on_change="rerun")
    drawn = bool(more.open)
    with more:
        colour = address.segmented(
            "Colour", {AMOUNT: "Amount", DIRECTION: "Direction"}, key="colour", default=AMOUNT, drawn=drawn,
            help="How much a voxel moved the answer, or which way: towards short or towards long.",
        )  # fmt: skip
        opacity = address.slider(
            "Opacity (%)", key="opacity", minimum=0.0, maximum=100.0, default=70.0, step=5.0, drawn=drawn,
            help="Of the map where it is strongest.",
        )  # fmt: skip
        outline = address.switch(
            "Lesion outlines", key="outline", default=True, drawn=drawn, help="Green: lesions marked on the scans."
        )
    return OverlayOptions(opacity / 100, colour == DIRECTION, outline)


def with_planes(scene: AttentionScene, *, place: DeltaGenerator) -> AttentionScene:
    """The scene cut where the sliders stand; to begin with, where the map is strongest."""
    depth, rows, columns = scene.values.shape
    start = strongest_voxel(scene.attribution)
    words = (
        ("Height: feet to head", "k", depth, "Axial slice, counted from the feet."),
        ("Depth: front to back", "j", rows, "Coronal slice, counted from the front."),
        ("Side: patient’s right to left", "i", columns, "Sagittal slice, counted from the patient’s right."),
    )
    at = []
    for column, (label, key, count, purpose), first in zip(place.columns(3), words, start, strict=True):
        with column:
            number = address.slider(
                label, key=key, minimum=1.0, maximum=float(count), default=float(first + 1), step=1.0, help=purpose,
                format="%.0f",
            )  # fmt: skip
        at.append(int(number) - 1)
    return replace(scene, at=(at[0], at[1], at[2]))
