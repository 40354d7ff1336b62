"""Maps of what the networks of a PRRT run looked at: each patient through the networks that never saw the patient.

Every repeat of the cross-validation has one network that left the patient out; the maps are the mean over repeats. The
check of Adebayo et al. (2018) is made with the first repeat's network: its maps beside those of the same network with
shuffled weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raise_core.domain.attention_results import AttributionMethod
from raise_core.domain.device import one_thread
from raise_core.domain.errors import BusyError
from raise_core.domain.progress import Progress, silent
from raise_core.evaluation.attribution import ExplainedNetwork, grad_cam, integrated_gradients, smoothed
from raise_core.evaluation.attribution_share import (
    attribution_share,
    body_mask,
    map_correlation,
    map_similarity,
    volume_share,
)
from raise_core.figures.fusion_marks import fusion_name
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.studies.attention_store import (
    MAP_KIND,
    RECORD_KIND,
    AttentionSettings,
    FloatImage,
    PreparedScan,
    map_key,
    packed,
    record_key,
)

STAGE = "Asking what the networks looked at"
METHODS = (AttributionMethod.INTEGRATED, AttributionMethod.GRAD_CAM)
Maps = Mapping[tuple[str, AttributionMethod], FloatImage]


class ModelNetworks(Protocol):
    """The networks of one model of a run, and what they were given."""

    @property
    def model(self) -> str:
        """The model's text."""

    @property
    def run_id(self) -> str:
        """The run."""

    @property
    def patient_ids(self) -> Sequence[str]:
        """Patients the model was tested on."""

    @property
    def without_map(self) -> Mapping[str, str]:
        """Image that the model uses but that cannot have a map, with the reason."""

    def scan(self, patient_id: str) -> PreparedScan:
        """What the patient's networks saw."""

    def images(self, scan: PreparedScan) -> Mapping[str, FloatImage]:
        """Of that, the images this model reads voxel by voxel."""

    def left_out(self, patient_id: str) -> Sequence[ExplainedNetwork]:
        """One network a repeat, each not trained on the patient, as a function of the patient's images."""


def explain_model(
    home: Home,
    networks: ModelNetworks,
    *,
    settings: AttentionSettings | None = None,
    progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None,
) -> str:
    """Make and keep the maps of every patient that are not there yet, then the model's record; its key.

    Args:
        home: where everything is kept.
        networks: of the model.
        settings: of the maps.
        progress: told after each patient.
        should_stop: asked after each patient.

    Raises:
        BusyError: asked to stop; the patients that are done are kept.
    """
    chosen = settings or AttentionSettings()
    store = ArtifactStore(home)
    key = record_key(networks.run_id, networks.model, chosen)
    if store.has(RECORD_KIND, key):
        return key
    patients, rows, seconds, repeats = list(networks.patient_ids), [], 0.0, 0
    stage = f"{STAGE} ({fusion_name(networks.model)})"
    progress(stage, 0, len(patients))
    for done, patient in enumerate(patients, start=1):
        own = map_key(networks.run_id, networks.model, patient, chosen)
        kept = store.read(MAP_KIND, own)
        document = kept.document if kept is not None else _explain_patient(store, networks, patient, own, chosen)
        rows += document["numbers"]
        seconds += document["seconds"]
        repeats = max(repeats, document["repeats"])
        progress(stage, done, len(patients))
        if should_stop is not None and done < len(patients) and should_stop():
            raise BusyError(f"stopped after {done} of {len(patients)} patients; they are kept. Start again to go on.")
    store.write(
        RECORD_KIND,
        key,
        tables={"numbers": _table(rows)},
        document={
            "run_id": networks.run_id, "model": networks.model, "settings": chosen.to_document(), "repeats": repeats,
            "seconds": round(seconds, 2), "without_map": dict(networks.without_map),
        },
    )  # fmt: skip
    return key


def _table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    words = ["patient_id", "image", "method"]
    figures = sorted(rows[0].keys() - set(words))  # those of a patient taken up again come in another order
    return pd.DataFrame(rows, columns=[*words, *figures]).astype(dict.fromkeys(figures, "float64"))


def _explain_patient(
    store: ArtifactStore, networks: ModelNetworks, patient: str, key: str, settings: AttentionSettings
) -> dict[str, Any]:
    """Make and keep one patient's maps; what the record needs of them."""
    began = time.monotonic()
    scan = networks.scan(patient)
    images = networks.images(scan)
    with one_thread():
        left_out = networks.left_out(patient)
        found = [_maps_of(network, images, steps=settings.steps) for network in left_out]
        shuffled, _, _ = _maps_of(
            left_out[0].with_shuffled_weights(seed=settings.seed), images, steps=settings.shuffled_steps
        )
    named = [name for name in found[0][0] if all(name in maps for maps, _, _ in found)]
    mean = {name: _mean([maps[name] for maps, _, _ in found]) for name in named}
    numbers = _numbers(
        patient,
        mean,
        scan,
        first=found[0][0],
        shuffled=shuffled,
        each=[maps for maps, _, _ in found],
        gap=float(np.mean([gap for _, gap, _ in found])),
        score=float(np.mean([score for _, _, score in found])),
    )
    arrays, scales = {}, {}
    for image, method in named:
        soft = smoothed(mean[image, method], sd_voxels=settings.smoothing_sd_voxels)
        arrays[f"{image}.{method}"], scales[f"{image}.{method}"] = packed(soft)
    document = {
        "patient": patient,
        "shape": list(next(iter(images.values())).shape),
        "scales": scales,
        "numbers": numbers,
        "repeats": len(found),
        "seconds": time.monotonic() - began,
    }
    store.write(MAP_KIND, key, arrays=arrays, document=document)
    return document


def _mean(maps: Sequence[FloatImage]) -> FloatImage:
    together: FloatImage = np.stack(maps).mean(axis=0)
    return together


def _maps_of(network: ExplainedNetwork, images: Mapping[str, FloatImage], *, steps: int) -> tuple[Maps, float, float]:
    """Maps of both methods, the gap of integrated gradients, and the risk."""
    gradients = integrated_gradients(network, images, steps=steps)
    maps: dict[tuple[str, AttributionMethod], FloatImage] = {
        (image, AttributionMethod.INTEGRATED): values for image, values in gradients.maps.items()
    }
    for image, values in grad_cam(network, images).items():
        maps[image, AttributionMethod.GRAD_CAM] = values
    return maps, gradients.completeness_gap, gradients.score


def _numbers(
    patient: str,
    mean: Maps,
    scan: PreparedScan,
    *,
    first: Maps,
    shuffled: Maps,
    each: Sequence[Maps],
    gap: float,
    score: float,
) -> list[dict[str, Any]]:
    """One row a map; None stands for what cannot be computed."""
    body = body_mask(list(scan.images.values()))
    lesion = np.zeros_like(body) if scan.lesion is None else scan.lesion
    rows = []
    for image, method in mean:
        name = (image, method)
        pairs = [map_correlation(a[name], b[name], body=body) for a, b in combinations(each, 2)]
        row: dict[str, Any] = {
            "share_in_lesion": attribution_share(mean[name], lesion, body=body) if lesion.any() else float("nan"),
            "lesion_of_body": volume_share(lesion, body),
            "brightness_in_lesion": attribution_share(scan.images[image], lesion, body=body),
            "completeness_gap": gap if method is AttributionMethod.INTEGRATED else float("nan"),
            "score": score,
            "shuffled_correlation": _against(first, shuffled, name, body, signed=False),
            "shuffled_signed": _against(first, shuffled, name, body, signed=True),
            "shuffled_similarity": map_similarity(first[name], shuffled[name]) if name in shuffled else float("nan"),
            "repeatability": float(np.mean(pairs)) if pairs else float("nan"),
        }
        finite = {column: value if np.isfinite(value) else None for column, value in row.items()}
        rows.append({"patient_id": patient, "image": image, "method": method.value, **finite})
    return rows


def _against(
    first: Maps, shuffled: Maps, name: tuple[str, AttributionMethod], body: NDArray[np.bool_], *, signed: bool
) -> float:
    if name not in shuffled:
        return float("nan")
    return map_correlation(first[name], shuffled[name], body=body, signed=signed)
