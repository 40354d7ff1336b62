"""Patients as points: fused features laid out in a plane, by UMAP and by principal components, for looking only."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.attention_results import FeatureMap
from raise_core.domain.errors import BadInputError
from raise_core.domain.outcome import FloatArray

NEIGHBOURS = 15
MIN_DISTANCE = 0.1
SEED = 0
FEWEST_PATIENTS = 5


def feature_map(
    features: NDArray[np.floating],
    patient_ids: Sequence[str],
    tested: NDArray[np.bool_],
    *,
    neighbours: int = NEIGHBOURS,
    min_distance: float = MIN_DISTANCE,
    seed: int = SEED,
) -> FeatureMap:
    """Lay the features of one network out in a plane, twice; columns are standardised first.

    Nothing of this enters a model or a score, so everybody may take part, tested or trained on: `tested` says who is
    who. Features of two networks are not in one space and must not be put in together.

    Args:
        features: shape (n, d), of one network.
        patient_ids: n of them.
        tested: shape (n,), True where the network was not trained on the patient.
        neighbours: of UMAP: how many patients count as near (fewer where there are not so many).
        min_distance: of UMAP: how tightly near ones may lie.
        seed: of UMAP; the same seed gives the same map.

    Raises:
        BadInputError: fewer than five patients, a feature that is not finite, or none that varies.
    """
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or len(values) != len(patient_ids) or len(tested) != len(values):
        raise BadInputError(f"features of shape {values.shape} do not go with {len(patient_ids)} patients.")
    if len(values) < FEWEST_PATIENTS or not np.isfinite(values).all():
        raise BadInputError(f"a map needs finite features of at least {FEWEST_PATIENTS} patients.")
    spread = values.std(axis=0)
    varying = values[:, spread > 0]
    if not varying.shape[1]:
        raise BadInputError("no feature varies between patients, so there is no map; the network gives one answer.")
    standardised = (varying - varying.mean(axis=0)) / spread[spread > 0]
    components, explained = principal_plane(standardised)
    near = min(neighbours, len(values) - 1)
    return FeatureMap(
        patient_ids=tuple(patient_ids),
        tested=np.asarray(tested, dtype=np.bool_),
        umap=_umap(standardised, neighbours=near, min_distance=min_distance, seed=seed),
        components=components,
        explained=explained,
        n_features=values.shape[1],
        neighbours=near,
        min_distance=min_distance,
        seed=seed,
    )


def principal_plane(standardised: FloatArray) -> tuple[FloatArray, tuple[float, float]]:
    """First two principal components (n, 2) of centred columns, and the share of variance of each."""
    left, singular, _ = np.linalg.svd(standardised, full_matrices=False)
    scores = np.zeros((len(standardised), 2))
    kept = min(2, len(singular))
    scores[:, :kept] = left[:, :kept] * singular[:kept]
    scores *= np.where(scores[np.abs(scores).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)  # the farthest patient is positive
    shares = np.zeros(2)
    shares[:kept] = singular[:kept] ** 2 / (singular**2).sum()
    return scores, (float(shares[0]), float(shares[1]))


def _umap(values: FloatArray, *, neighbours: int, min_distance: float, seed: int) -> FloatArray:
    """UMAP (McInnes, Healy & Melville 2018) with a fixed seed on one processor, so that it can be repeated."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Tensorflow not installed", category=ImportWarning)
        import umap  # type: ignore[import-untyped]

    reducer = umap.UMAP(n_neighbors=neighbours, min_dist=min_distance, random_state=seed, n_jobs=1)
    placed: FloatArray = np.asarray(reducer.fit_transform(values.astype(np.float32)), dtype=np.float64)
    return placed
