"""Maps of what the networks of a RAISE run read from lesion pictures, and the gallery of principal components.

The path explained is picture -> encoder -> features -> linear stand-in for the networks' out-of-sample risk, fitted
without the patient (`evaluation.linear_reading`).

Integrated gradients start from the same outline filled evenly with its own mean grey, so a map shows what the texture
adds to that. A black picture was tried as the start and given up: on the way from black the encoder's answer jumps so
much that the integral does not settle even at 256 points (what it should add up to is missed by a multiple), while from
the even filling 16 points agree with 128 to a few per cent. `binary` has no texture and so no map.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raise_core.domain.attention_results import LinearReading
from raise_core.domain.device import one_thread
from raise_core.domain.errors import BusyError, NotInStoreError
from raise_core.domain.outcome import FloatArray
from raise_core.domain.progress import Progress, silent
from raise_core.domain.volume import Volume
from raise_core.evaluation.attribution import ExplainedNetwork, integrated_gradients
from raise_core.evaluation.attribution_share import attribution_share, map_correlation, map_similarity, volume_share
from raise_core.evaluation.component_gallery import component_stories
from raise_core.evaluation.linear_reading import linear_reading
from raise_core.features.encoder import Encoder
from raise_core.features.plan import ImageRequest, feature_key
from raise_core.features.registry import encoder_named
from raise_core.imaging.plan import SliceImagePlan, Variant
from raise_core.imaging.read import read_volume
from raise_core.imaging.slices import network_image
from raise_core.store.artifact import ArtifactStore
from raise_core.store.feature_shelf import FeatureShelf
from raise_core.store.home import Home
from raise_core.studies.opening import open_study
from raise_core.studies.raise_attention_store import (
    LEVELS,
    RAISE_PART_KIND,
    RAISE_RECORD_KIND,
    RIM_MM,
    STEPS,
    component_document,
    lesion_part_key,
    lesion_record_key,
)
from raise_core.studies.raise_images import LesionPicture, split_variant
from raise_core.studies.raise_plan import wanted_pictures
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.runs import RUN_KIND, load_predictions

if TYPE_CHECKING:
    import torch
    from torch import nn

STAGE = "Asking what the networks looked at"
SHUFFLED_COLUMNS = ("shuffled_correlation", "shuffled_signed", "shuffled_similarity")
Grey = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Material:
    """Everything of one week and variant."""

    plan: SliceImagePlan
    encoder: Encoder
    pictures: tuple[LesionPicture, ...]
    vectors: NDArray[np.float32]
    patients: tuple[str, ...]
    patient_of_row: NDArray[np.int64]
    risk: FloatArray


def explain_lesions(
    home: Home,
    run_id: str,
    *,
    variant: str,
    week: float,
    progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None,
) -> str:
    """Make and keep the maps and the gallery of one week and image variant; the record's key.

    Raises:
        NotInStoreError: the run, its features or the week are not there.
        BadInputError: too few patients, or the encoder's weights are missing.
        BusyError: asked to stop; the patients that are done are kept.
    """
    store, key = ArtifactStore(home), lesion_record_key(run_id, variant, week)
    if store.has(RAISE_RECORD_KIND, key):
        return key
    material = _gather(home, store, run_id, variant, week)
    reading = linear_reading(material.vectors, material.patient_of_row, material.risk)
    parts: list[tuple[dict[str, NDArray[Any]], dict[str, Any]]] = []
    with one_thread():
        network = _frozen(material.encoder)
        progress(STAGE, 0, len(material.patients))
        for done, patient in enumerate(material.patients, start=1):
            own = lesion_part_key(run_id, variant, week, patient)
            kept = store.read(RAISE_PART_KIND, own)
            if kept is None:
                arrays, numbers = _explain_patient(material, reading, network, done - 1)
                store.write(RAISE_PART_KIND, own, arrays=arrays, document=numbers)
                parts.append((arrays, numbers))
            else:
                parts.append((dict(kept.arrays), kept.document))
            progress(STAGE, done, len(material.patients))
            if should_stop is not None and done < len(material.patients) and should_stop():
                raise BusyError(
                    f"stopped after {done} of {len(material.patients)} patients; they are kept. Start again to go on."
                )
    rows = [row for _, document in parts for row in document["rows"]]
    stories = component_stories(material.vectors, material.patient_of_row, material.risk)
    store.write(
        RAISE_RECORD_KIND,
        key,
        arrays={name: np.concatenate([arrays[name] for arrays, _ in parts]) for name in parts[0][0]},
        tables={"rows": _table(rows)},
        document={
            "run_id": run_id, "variant": variant, "week": week, "encoder": material.encoder.name,
            "side_mm": material.plan.crop_pixels(material.pictures[0].request.variant) * material.plan.pixel_spacing_mm,
            "agreement": reading.agreement, "patients": len(material.patients),
            "seconds": round(sum(document["seconds"] for _, document in parts), 2),
            "components": [component_document(story) for story in stories],
        },
    )  # fmt: skip
    for patient in material.patients:
        store.remove(RAISE_PART_KIND, lesion_part_key(run_id, variant, week, patient))
    return key


def _gather(home: Home, store: ArtifactStore, run_id: str, variant: str, week: float) -> _Material:
    record = store.read(RUN_KIND, run_id)
    if record is None:
        raise NotInStoreError(f"run {run_id[:8]} is no longer in the store; start it again.")
    document = record.document
    settings = RaiseSettings.from_document(document["settings"])
    if split_variant(variant)[0] is Variant.BINARY:
        raise NotInStoreError(f"{variant} shows an evenly filled outline: it has no texture, so there is no map of it.")
    if variant not in settings.variants or week not in settings.weeks:
        raise NotInStoreError(f"run {run_id[:8]} has no networks for {variant} at week {week:g}.")
    plan, encoder = SliceImagePlan.from_dict(document["plan"]), encoder_named(settings.encoder)
    source = open_study(home, document["study_id"], document["snapshot_id"])
    _, weeks = wanted_pictures(source, settings)
    found = weeks[settings.weeks.index(week)].rows[variant]
    half = document["device"] == "cuda"
    keys = [feature_key(picture.request, plan=plan, encoder=encoder, half_precision=half) for picture, _ in found]
    shelf = FeatureShelf(store, settings.encoder)
    known = shelf.known_keys()
    predictions = load_predictions(home, run_id)
    splits = predictions.weeks[week]
    risk = _out_of_sample(predictions.risk(week, variant, list(splits.patient_ids)), splits.train)
    tested = {patient for patient, value in zip(splits.patient_ids, risk, strict=True) if np.isfinite(value)}
    kept = [
        (picture, key)
        for (picture, _), key in zip(found, keys, strict=True)
        if key in known and picture.patient_id in tested
    ]
    patients = tuple(sorted({picture.patient_id for picture, _ in kept}))
    kept.sort(key=lambda one: (one[0].patient_id, one[0].lesion_id))
    place = {patient: position for position, patient in enumerate(patients)}
    by_id = dict(zip(splits.patient_ids, risk, strict=True))
    return _Material(
        plan=plan,
        encoder=encoder,
        pictures=tuple(picture for picture, _ in kept),
        vectors=shelf.get([key for _, key in kept]),
        patients=patients,
        patient_of_row=np.array([place[picture.patient_id] for picture, _ in kept], dtype=np.int64),
        risk=np.array([by_id[patient] for patient in patients]),
    )


def _out_of_sample(risk: FloatArray, train: NDArray[np.bool_]) -> FloatArray:
    """Mean risk of each patient over the splits that test the patient; NaN where none does."""
    tested = ~train & np.isfinite(risk)
    count = tested.sum(axis=0)
    total = np.where(tested, risk, 0.0).sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0))


def _frozen(encoder: Encoder) -> nn.Module:
    network = encoder.network()
    for parameter in network.parameters():
        parameter.requires_grad_(False)  # noqa: FBT003 - torch's own argument
    return network


def _explained(encoder: Encoder, network: nn.Module, weights: FloatArray) -> ExplainedNetwork:
    """Picture (m, 1, px, px), 0 to 1, to the stand-in's risk."""
    import torch

    mean = torch.tensor(encoder.normalisation.mean).view(1, 3, 1, 1)
    sd = torch.tensor(encoder.normalisation.sd).view(1, 3, 1, 1)
    direction = torch.from_numpy(weights.astype(np.float32))

    def forward(own: nn.Module, images: Any) -> torch.Tensor:  # noqa: ANN401 - names to tensors, as `Forward` has it
        risk: torch.Tensor = own((images["picture"] - mean) / sd).float() @ direction
        return risk

    return ExplainedNetwork(network, forward)


def _explain_patient(
    material: _Material, reading: LinearReading, network: nn.Module, position: int
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Maps of all pictures of one patient, and their numbers; the shuffled encoder is asked about the first."""
    began = time.monotonic()
    weights = reading.weights[reading.fold_of_patient[position]]
    explained = _explained(material.encoder, network, weights)
    rows, parts = [], []
    read = lru_cache(maxsize=None)(read_volume)  # lesions of one scan share its file
    for place, row in enumerate(np.flatnonzero(material.patient_of_row == position)):
        picture = material.pictures[row]
        grey, contour = _drawn(picture.request, material.plan, read)
        found = integrated_gradients(explained, {"picture": grey}, reference=_even(grey), steps=STEPS)
        attribution = found.maps["picture"]
        alike = _beside_shuffled(explained, grey, attribution) if place == 0 else {}
        region, within = _regions(material.plan, picture.request.variant, grey, contour)
        rows.append(
            {
                "patient_id": picture.patient_id, "lesion_id": picture.lesion_id, "scan_week": picture.scan_week,
                "score": float(material.vectors[row].astype(np.float64) @ weights),
                "share": _known(attribution_share(attribution, region, body=within)),
                "expected": _known(volume_share(region, within)),
                "brightness": _known(attribution_share(grey - _even(grey)["picture"], region, body=within)),
                "completeness_gap": _known(found.completeness_gap),
                **{name: alike.get(name) for name in SHUFFLED_COLUMNS},
            }
        )  # fmt: skip
        parts.append(_stored(grey, contour, attribution))
    arrays = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    return arrays, {"rows": rows, "seconds": time.monotonic() - began}


def _drawn(
    request: ImageRequest, plan: SliceImagePlan, read: Callable[[Path], Volume]
) -> tuple[Grey, NDArray[np.bool_]]:
    """The picture, and the lesion on it: drawn as if the lesion were the only thing with density."""
    scan, lesion = read(request.scan_file), read(request.lesion_mask_file)
    liver = None
    if request.variant is Variant.LIVER and request.liver_mask_file is not None:
        liver = read(request.liver_mask_file)
    chosen = lesion.array != 0 if request.lesion_label is None else lesion.array == request.lesion_label
    dense = Volume(np.where(chosen, plan.window.high_hu, plan.window.low_hu).astype(np.float32), lesion.geometry)

    def draw(variant: Variant, shown: Volume) -> Grey:
        return network_image(
            variant, plan=plan, scan=shown, lesion=lesion, label=request.lesion_label, liver=liver,
            liver_label=request.liver_label, slice_index=request.slice_index,
        )  # fmt: skip

    outlined = draw(Variant.LIVER, dense) if request.variant is Variant.LIVER else draw(Variant.BINARY, scan)
    return draw(request.variant, scan), outlined > 0.5


def _regions(
    plan: SliceImagePlan, variant: Variant, grey: Grey, contour: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What the share is of, and within what: the lesion within the liver; else the rim within the lesion."""
    if variant is Variant.LIVER:
        return contour, (grey > 0) | contour
    from scipy.ndimage import distance_transform_edt

    depth_mm = distance_transform_edt(contour) * plan.mm_per_pixel(variant)
    return contour & (depth_mm <= RIM_MM), contour


def _even(grey: Grey) -> dict[str, Grey]:
    """The same outline filled with its own mean."""
    shown = grey > 0
    return {"picture": np.where(shown, grey[shown].mean(), 0.0).astype(np.float32)}


def _beside_shuffled(explained: ExplainedNetwork, grey: Grey, attribution: Grey) -> dict[str, float | None]:
    other = integrated_gradients(explained.with_shuffled_weights(seed=0), {"picture": grey}, steps=STEPS).maps[
        "picture"
    ]
    there = grey > 0
    return {
        "shuffled_correlation": _known(map_correlation(attribution, other, body=there)),
        "shuffled_signed": _known(map_correlation(attribution, other, body=there, signed=True)),
        "shuffled_similarity": _known(map_similarity(attribution, other)),
    }


def _stored(grey: Grey, contour: NDArray[np.bool_], attribution: Grey) -> dict[str, NDArray[Any]]:
    largest = float(np.abs(attribution).max())
    levels = np.rint(attribution * (LEVELS / largest)) if largest > 0 else np.zeros_like(attribution)
    return {
        "pictures": (grey * 255).round().astype(np.uint8),
        "contours": contour.astype(np.uint8),
        "maps": levels.astype(np.int8),
        "scales": np.array(largest, dtype=np.float32),
    }


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    words = ["patient_id", "lesion_id"]
    figures = sorted(rows[0].keys() - set(words))  # those of a patient taken up again come in another order
    return pd.DataFrame(rows, columns=[*words, *figures]).astype(dict.fromkeys(figures, "float64"))
