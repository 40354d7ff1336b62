"""What the attention page and the patient map read, cached by run and model. Nothing here reads session state."""

from __future__ import annotations

import numpy as np
import streamlit as st

from raise_core.domain.attention_results import AttributionMethod, FeatureMap
from raise_core.evaluation.attribution_share import body_mask
from raise_core.figures.attention_slices import AttentionScene
from raise_core.imaging.petct_plan import PetCtPlan, SuvScaling
from raise_core.store.home import Home
from raise_core.studies import attention_store, prrt_map, raise_attention_store
from raise_core.studies.attention_store import ModelAttention, PatientMaps, PreparedScan
from raise_core.studies.raise_attention_store import LesionAttention
from raise_core.ui import prrt_reading

SHOWN_SUV = 20.0
"""SUV that is drawn black; hotter voxels are no darker."""


@st.cache_data(ttl=3, max_entries=32, show_spinner=False)
def models_with_maps(home_path: str, run_id: str, models: tuple[str, ...]) -> tuple[str, ...]:
    """Models whose maps are there; looked up again after three seconds."""
    return attention_store.models_with_maps(Home.at(home_path), run_id, models)


@st.cache_resource(max_entries=16, show_spinner="Reading the maps …")
def attention(home_path: str, run_id: str, model: str) -> ModelAttention:
    """Numbers of a model's maps."""
    return attention_store.load_attention(Home.at(home_path), run_id, model)


@st.cache_resource(max_entries=24, show_spinner=False)
def maps(home_path: str, run_id: str, model: str, patient_id: str) -> PatientMaps:
    """One patient's maps."""
    return attention_store.load_maps(Home.at(home_path), run_id, model, patient_id)


@st.cache_resource(max_entries=24, show_spinner=False)
def scan(home_path: str, run_id: str, patient_id: str) -> PreparedScan:
    """One patient's prepared PET and CT."""
    return attention_store.load_scan(Home.at(home_path), prrt_reading.run(home_path, run_id).images[patient_id])


@st.cache_resource(max_entries=8, show_spinner=False)
def volume_plan(home_path: str, run_id: str) -> PetCtPlan:
    """How the run's volumes were made."""
    return PetCtPlan.from_dict(attention_store.volume_plan(Home.at(home_path), run_id))


@st.cache_resource(max_entries=48, show_spinner=False)
def scene(
    home_path: str, run_id: str, model: str, patient_id: str, *, image: str, method: AttributionMethod
) -> AttentionScene | None:
    """One image of a patient in SUV or HU with its map; None where this method has none. Planes are set by the page."""
    attribution = maps(home_path, run_id, model, patient_id).maps.get((image, method))
    if attribution is None:
        return None
    prepared, plan = scan(home_path, run_id, patient_id), volume_plan(home_path, run_id)
    values = prepared.images[image]
    body = body_mask(list(prepared.images.values()))  # Grad-CAM's coarse grid reaches into the air
    if prepared.lesion is not None:
        body = body | prepared.lesion
    if image == "pet":
        share = values**2 if plan.suv_scaling is SuvScaling.SQUARE_ROOT else values
        shown, ends, unit = share * plan.suv_maximum, (0.0, SHOWN_SUV), "SUV"
    else:
        window = plan.window
        shown, ends, unit = values * window.width_hu + window.low_hu, (window.low_hu, window.high_hu), "HU"
    return AttentionScene(
        values=np.asarray(shown, dtype=np.float32), attribution=np.where(body, attribution, np.float32(0)),
        lesion=prepared.lesion, spacing_mm=prepared.geometry.spacing_mm, at=(0, 0, 0), grey_range=ends,
        inverse=image == "pet", unit=unit, image_name="PET" if image == "pet" else "CT",
    )  # fmt: skip


@st.cache_data(ttl=3, max_entries=32, show_spinner=False)
def lesions_with_maps(
    home_path: str, run_id: str, variants: tuple[str, ...], weeks: tuple[float, ...]
) -> tuple[tuple[str, float], ...]:
    """Variants and weeks whose lesion maps are there; looked up again after three seconds."""
    return raise_attention_store.lesions_with_maps(Home.at(home_path), run_id, variants, weeks)


@st.cache_resource(max_entries=6, show_spinner="Reading the lesion maps …")
def lesions(home_path: str, run_id: str, variant: str, week: float) -> LesionAttention:
    """Lesion maps and the gallery of one week and variant."""
    return raise_attention_store.load_lesion_attention(Home.at(home_path), run_id, variant, week)


@st.cache_data(ttl=3, max_entries=32, show_spinner=False)
def has_feature_maps(home_path: str, run_id: str, model: str, folds: int) -> bool:
    """Whether the patient maps of a model are there; looked up again after three seconds."""
    return prrt_map.has_feature_maps(Home.at(home_path), run_id, model, folds=folds)


@st.cache_resource(max_entries=32, show_spinner=False)
def feature_map(home_path: str, run_id: str, model: str, fold: int) -> FeatureMap:
    """The patient map of one network."""
    return prrt_map.load_feature_map(Home.at(home_path), run_id, model, fold)
