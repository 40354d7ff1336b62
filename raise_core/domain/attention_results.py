"""What a network looked at, as results: shares of attribution, their comparisons, and whether maps can be believed."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class AttributionMethod(enum.StrEnum):
    """How a map is made."""

    INTEGRATED = "ig"
    """Integrated gradients from an empty scan (Sundararajan, Taly & Yan 2017)."""
    GRAD_CAM = "gradcam"
    """Gradient-weighted class activation, of the last layer that still has a place (Selvaraju et al. 2017)."""


@dataclass(frozen=True)
class Estimate:
    """A mean over patients with its 95 % interval; the ends are None where there are fewer than three patients."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, eq=False)
class PatientAttention:
    """One patient's maps of one model and image in numbers.

    Attributes:
        patient_id: who.
        share_in_lesion: share of absolute attribution inside marked lesions; NaN where no lesion is marked or nothing
            is attributed.
        lesion_of_body: volume of the marked lesions over volume of the body, both in the volume the network saw.
        brightness_in_lesion: share of the image's own brightness inside the marked lesions: what a map that only
            follows brightness would give.
        completeness_gap: (sum of attributions - (score - score of the empty scan)) / |score - score of the empty
            scan|; NaN for methods without that property.
        score: the network's risk, higher = worse.
    """

    patient_id: str
    share_in_lesion: float
    lesion_of_body: float
    brightness_in_lesion: float
    completeness_gap: float
    score: float


@dataclass(frozen=True)
class AttentionShare:
    """How much of what moved the network lies inside marked lesions, over patients.

    Attributes:
        patients: patients with a marked lesion and an attribution.
        without_lesion: patients left out because no lesion is marked in what the network saw.
        without_attribution: patients left out because the network's answer does not depend on this image at all.
        share: mean share of absolute attribution inside lesions.
        lesion_of_body: mean share of the body that lesions fill: what even spreading would give.
        brightness: mean share of brightness inside lesions: what following brightness alone would give.
        times_even: share / lesion_of_body, ratio of the means.
        times_brightness: share / brightness, ratio of the means.
    """

    patients: int
    without_lesion: int
    without_attribution: int
    share: Estimate
    lesion_of_body: Estimate
    brightness: Estimate
    times_even: Estimate
    times_brightness: Estimate


@dataclass(frozen=True)
class RandomisationCheck:
    """Maps of the trained network against maps of the same network with its weights shuffled, over patients.

    Attributes:
        patients: how many patients.
        correlation: mean rank correlation of the attribution's amount, voxel by voxel inside the body.
        signed: mean rank correlation of the attribution with its sign.
        similarity: mean structural similarity of the amounts.
        repeatability: mean rank correlation of amounts between networks trained on other folds; None where each
            patient has one network only.
        passed: whether shuffling changed the maps: `correlation` is under `limit`, and under `repeatability`.
        limit: largest correlation that passes.
    """

    patients: int
    correlation: Estimate
    signed: Estimate
    similarity: Estimate
    repeatability: float | None
    passed: bool
    limit: float


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Patients as points: the fused features of one network laid out in a plane.

    Attributes:
        patient_ids: n of them.
        tested: shape (n,), True where the network was not trained on the patient.
        umap: shape (n, 2).
        components: shape (n, 2), the first two principal components.
        explained: share of variance of each of the two.
        n_features: features there were.
        neighbours: of UMAP.
        min_distance: of UMAP.
        seed: of UMAP.
    """

    patient_ids: tuple[str, ...]
    tested: NDArray[np.bool_]
    umap: FloatArray
    components: FloatArray
    explained: tuple[float, float]
    n_features: int
    neighbours: int
    min_distance: float
    seed: int


@dataclass(frozen=True)
class ComponentStory:
    """One principal component of image features.

    Attributes:
        number: from 1.
        explained: share of the variance of the standardised features.
        risk_correlation: Spearman correlation of the patients' mean score with the run's out-of-sample risk; None
            where it cannot be computed.
        low: rows of the pictures with the lowest scores, lowest first; one a patient.
        high: rows of the pictures with the highest scores, highest first; one a patient.
        low_scores: their scores, in standard deviations.
        high_scores: likewise.
    """

    number: int
    explained: float
    risk_correlation: float | None
    low: tuple[int, ...]
    high: tuple[int, ...]
    low_scores: tuple[float, ...]
    high_scores: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class LinearReading:
    """A linear stand-in for the networks of a run: what the maps of lesion pictures explain.

    Attributes:
        weights: shape (folds, d), risk per unit of each feature; row f was fitted without the patients of fold f.
        fold_of_patient: shape (n,), which row reads each patient.
        predicted: shape (n,), the stand-in's risk of each patient, fitted without them.
        agreement: Spearman correlation of `predicted` with the networks' out-of-sample risk.
    """

    weights: FloatArray
    fold_of_patient: NDArray[np.int64]
    predicted: FloatArray
    agreement: float


ScanMaps = Mapping[str, NDArray[np.float32]]
"""Image name ('pet', 'ct', 'picture') to its map, on the image's own grid. Positive raises the risk."""
