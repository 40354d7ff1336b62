"""Patients as the network sees them: a map by fused features, coloured by anything known; a click opens the patient."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from raise_core.domain.attention_results import FeatureMap
from raise_core.domain.errors import UserFacingError
from raise_core.domain.fusion_model import parse_fusion_model
from raise_core.domain.marker_name import MarkerKind, parse_marker
from raise_core.domain.outcome import Outcome
from raise_core.domain.progression_class import progression_class
from raise_core.evaluation.marker_history import FAR_TAIL, baseline, is_category
from raise_core.figures import horizon_words
from raise_core.figures.feature_map_figure import MapColour, feature_map_figure
from raise_core.figures.fusion_marks import LONG, SHORT, fusion_in_sentence
from raise_core.figures.identity import endpoint_name
from raise_core.figures.template import toolbar
from raise_core.jobs import attention_job
from raise_core.studies.prrt_runs import PrrtRun
from raise_core.ui import address, attention_reading, attention_start, navigation
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext

CLASS, TIME = "class", "time"
UMAP, PCA = "umap", "pca"
LONG_NAME, SHORT_NAME, NO_CLASS = "Long", "Short", "Censored before"


def draw(page: PageContext, run: PrrtRun, model: str) -> None:
    """The map of one model with its controls and footnote; or how to make it.

    Args:
        page: where the page stands.
        run: the run.
        model: text of the model.
    """
    if not parse_fusion_model(model).image_inputs:
        st.info(
            "This model is a forest of decision trees on laboratory values: it has no fused features, so no map. "
            "Choose a model with PET or CT.",
            icon=":material/scatter_plot:",
        )
        return
    folds = run.summary.settings.folds
    if not attention_reading.has_feature_maps(page.home_path, run.summary.run_id, model, folds):
        attention_start.offer(
            page, attention_job.map_settings(run.summary.run_id, (model,)), label="Make the patient map",
            why="The patient map of this model has not been made yet; it takes about a minute and a half.",
            key="map_start",
        )  # fmt: skip
        return
    picture = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        colour_by = address.select(
            "Colour by", _offered(page, run), key="mapcolour", default=CLASS, width=300,
            help="Anything known of the patients: what happened, laboratory values, characteristics.",
        )  # fmt: skip
        layout = address.segmented(
            "Layout", {UMAP: "UMAP", PCA: "Principal components"}, key="maplayout", default=UMAP,
            help="UMAP keeps neighbours together. Principal components keep distances as far as two axes can.",
        )  # fmt: skip
        network = address.segmented(
            "Network", {f"{n + 1}": f"{n + 1}" for n in range(folds)}, key="mapnetwork", default="1",
            help="One of the networks of the first repeat; each was trained without a third of the patients.",
        )  # fmt: skip
    try:
        found = attention_reading.feature_map(page.home_path, run.summary.run_id, model, int(network) - 1)
        with picture:
            _picture(page, run, model, found, _colour(page, run, found, colour_by), by_components=layout == PCA)
    except UserFacingError as error:
        picture.info(plain(str(error)), icon=":material/help:")


def _picture(
    page: PageContext, run: PrrtRun, model: str, found: FeatureMap, colour: MapColour, *, by_components: bool
) -> None:
    cohort = {str(patient) for patient in page.source().patient_ids}
    shown = [patient in cohort for patient in found.patient_ids]
    tested = int((found.tested & np.array(shown)).sum())
    st.markdown(
        f"**{sum(shown)} patients as a network of {plain(fusion_in_sentence(model))} sees them, coloured by "
        f"{plain(colour.title)}; {tested} of them (filled) it was not trained on.**"
    )
    event = st.plotly_chart(
        feature_map_figure(found, colour, by_components=by_components, shown=shown, theme=page.theme),
        theme=None,
        key="prrt_map",
        config=toolbar(f"{page.study.study_id}-patient-map"),
        alt=f"Map of {sum(shown)} patients by the fused features of one network, coloured by {colour.title}.",
        on_select="rerun",
        selection_mode="points",
    )
    for point in event["selection"]["points"]:
        who = point.get("customdata")
        patient = who[0] if isinstance(who, list) and who else who
        if isinstance(patient, str) and patient:
            navigation.go(navigation.PATIENT, patient=patient)
    st.caption(plain(_footnote(run, found, shown=sum(shown), tested=tested, by_components=by_components)))


def _footnote(run: PrrtRun, found: FeatureMap, *, shown: int, tested: int, by_components: bool) -> str:
    method = (
        f"Principal components of {found.n_features} standardised fused features."
        if by_components
        else (
            f"UMAP of {found.n_features} standardised fused features ({found.neighbours} neighbours, smallest distance "
            f"{found.min_distance:g}, seed {found.seed}). Only who lies next to whom means something: how far apart "
            "groups lie, and how dense they are, means little."
        )
    )
    return (
        f"n = {shown} patients, {tested} left out of this network’s training (filled). {method} Each network has a "
        "feature space of its own, so networks are shown one at a time; open points were learnt from, and groups among "
        f"them prove nothing. For looking only: no score uses this map. A click on a patient opens the patient. Run "
        f"{run.summary.run_id[:8]}, data snapshot {run.summary.snapshot_id[:8]}."
    )


def _offered(page: PageContext, run: PrrtRun) -> dict[str, str]:
    source = page.whole_source()
    endpoint = run.summary.settings.endpoint
    known = {
        marker.text: marker.label
        for marker in source.markers()
        if marker.kind is MarkerKind.CHARACTERISTIC or (marker.kind is MarkerKind.LAB and marker.transform == "lab")
    }
    return {
        CLASS: f"Long or short ({horizon_words.span(run.summary.settings.horizon_weeks)})",
        TIME: f"{endpoint_name(endpoint)} ({page.unit.value})",
        **known,
    }


def _colour(page: PageContext, run: PrrtRun, found: FeatureMap, colour_by: str) -> MapColour:
    source, settings = page.whole_source(), run.summary.settings
    title = _offered(page, run)[colour_by]
    if colour_by in (CLASS, TIME):
        rows = source.cohort.outcomes
        own = rows[rows["endpoint"] == settings.endpoint].set_index("patient_id").reindex(list(found.patient_ids))
        if colour_by == TIME:
            weeks = own["time_weeks"].to_numpy(dtype=float)
            return MapColour(title, numbers=tuple(page.unit.of_weeks(float(week)) for week in weeks))
        return MapColour(
            title, levels=_classes(own, settings.horizon_weeks), colours={LONG_NAME: LONG, SHORT_NAME: SHORT}
        )
    marker = parse_marker(colour_by)
    values = baseline(source, marker).reindex(list(found.patient_ids))
    if is_category(source, marker):
        return MapColour(title, levels=tuple("" if pd.isna(value) else str(value) for value in values))
    numbers = values.to_numpy(dtype=float)
    positive = numbers[np.isfinite(numbers)]
    skewed = bool(len(positive) and positive.min() > 0 and positive.max() > FAR_TAIL * np.median(positive))
    return MapColour(title, numbers=tuple(float(value) for value in numbers), logarithmic=skewed)


def _classes(own: pd.DataFrame, horizon_weeks: float) -> tuple[str, ...]:
    known = own["time_weeks"].notna().to_numpy()
    names = np.array([""] * len(own), dtype=object)
    outcome = Outcome.of(
        time_weeks=own.loc[known, "time_weeks"].to_numpy(dtype=float),
        event=own.loc[known, "event"].to_numpy(dtype=bool),
    )
    classes = progression_class(outcome, horizon_weeks=horizon_weeks)
    names[known] = np.where(~classes.known, NO_CLASS, np.where(classes.long, LONG_NAME, SHORT_NAME))
    return tuple(names)
