"""Maps of patients by the fused features of a run's networks, made in the background and read by pages. No torch.

Each network has a feature space of its own: turned, stretched, and with other features in it, so points of two
networks cannot be put into one map. Bringing them together by rotation (Procrustes) on shared training patients would
show how well that fit is and would use outcomes the networks learnt by heart. So one network is shown at a time, those
of the first repeat, with every patient in it; who was left out of its training is marked, and only those show how the
network sees somebody new.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.attention_results import FeatureMap
from raise_core.domain.errors import BadInputError, NotInStoreError
from raise_core.evaluation.feature_map import MIN_DISTANCE, NEIGHBOURS, SEED, feature_map
from raise_core.store.artifact import ArtifactStore, artifact_key
from raise_core.store.home import Home

MAP_KIND = "prrt-map"
MAP_VERSION = 1
"""Raise this whenever the same features would give another map."""

REPEAT = 0
_ARRAYS = ("umap", "components", "tested")


class FusedFeatures(Protocol):
    """Where the fused features of a model come from."""

    @property
    def model(self) -> str:
        """The model's text."""

    @property
    def run_id(self) -> str:
        """The run."""

    @property
    def patient_ids(self) -> Any:  # noqa: ANN401 - any sequence of texts
        """Patients, in the order of the features' rows."""

    def fused(self, repeat: int, fold: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Features (n, h) by one network, and who was left out of its training (n,)."""


def make_feature_maps(home: Home, features: FusedFeatures, *, folds: int) -> tuple[str, ...]:
    """Make and keep the maps of every network of the first repeat that are not there yet; their keys.

    A network whose training failed has no map: the reason is kept in its place.
    """
    store = ArtifactStore(home)
    keys = tuple(feature_map_key(features.run_id, features.model, fold) for fold in range(folds))
    for fold, key in enumerate(keys):
        if store.has(MAP_KIND, key):
            continue
        values, tested = features.fused(REPEAT, fold)
        try:
            found = feature_map(values, features.patient_ids, tested)
        except BadInputError as error:
            store.write(MAP_KIND, key, document={"reason": str(error)})
            continue
        store.write(
            MAP_KIND,
            key,
            arrays={"umap": found.umap, "components": found.components, "tested": found.tested.astype(np.uint8)},
            document={
                "patients": list(found.patient_ids), "explained": list(found.explained),
                "n_features": found.n_features, "neighbours": found.neighbours, "min_distance": found.min_distance,
                "seed": found.seed, "reason": None,
            },
        )  # fmt: skip
    return keys


def feature_map_key(run_id: str, model: str, fold: int) -> str:
    """Artifact key of the map of one network of the first repeat."""
    inputs = {
        "run_id": run_id, "model": model, "repeat": REPEAT, "fold": fold, "neighbours": NEIGHBOURS,
        "min_distance": MIN_DISTANCE, "seed": SEED,
    }  # fmt: skip
    return artifact_key(MAP_KIND, inputs, code_version=MAP_VERSION)


def has_feature_maps(home: Home, run_id: str, model: str, *, folds: int) -> bool:
    """Whether all maps of a model are there."""
    store = ArtifactStore(home)
    return all(store.has(MAP_KIND, feature_map_key(run_id, model, fold)) for fold in range(folds))


def load_feature_map(home: Home, run_id: str, model: str, fold: int) -> FeatureMap:
    """The map of one network of the first repeat.

    Raises:
        NotInStoreError: it has not been made, was removed, or cannot be made.
    """
    found = ArtifactStore(home).read(MAP_KIND, feature_map_key(run_id, model, fold))
    if found is None:
        raise NotInStoreError(f"the patient map of {model} has not been made yet; start it with the button below.")
    document = found.document
    if document["reason"] is not None:
        raise NotInStoreError(f"this network has no patient map: {document['reason']}")
    umap, components, tested = (found.arrays[name] for name in _ARRAYS)
    return FeatureMap(
        tuple(document["patients"]), tested.astype(np.bool_), umap, components,
        (document["explained"][0], document["explained"][1]), document["n_features"], document["neighbours"],
        document["min_distance"], document["seed"],
    )  # fmt: skip
