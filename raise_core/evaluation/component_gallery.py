"""What principal components of image features stand for: the pictures at both ends of each, and how it goes with risk.

This describes a run; it enters no score. So the components are those of all pictures of a week and image variant, while
the networks of the run have their own in every training split.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from raise_core.domain.attention_results import ComponentStory
from raise_core.domain.errors import BadInputError
from raise_core.domain.outcome import FloatArray

MOST_COMPONENTS = 20
PICTURES_EACH_END = 6
FEWEST_PATIENTS = 10


def component_stories(
    features: NDArray[np.floating],
    patient_of_row: NDArray[np.int64],
    risk: FloatArray,
    *,
    components: int = MOST_COMPONENTS,
    each_end: int = PICTURES_EACH_END,
) -> tuple[ComponentStory, ...]:
    """Components of standardised features, in the order of the variance they explain.

    A component's sign is chosen so that a higher score goes with a higher risk, where the two are related at all.

    Args:
        features: shape (R, d), one row a picture.
        patient_of_row: shape (R,), position of the row's patient.
        risk: shape (n,), out-of-sample risk of each patient; NaN where there is none.
        components: how many at most.
        each_end: pictures at either end, one a patient.

    Raises:
        BadInputError: fewer than ten patients.
    """
    patients = np.unique(patient_of_row)
    if len(patients) < FEWEST_PATIENTS:
        raise BadInputError(f"{len(patients)} patients have pictures; components need at least {FEWEST_PATIENTS}.")
    standardised = _standardised(features)
    left, singular, _ = np.linalg.svd(standardised, full_matrices=False)
    explained = singular**2 / (singular**2).sum()
    kept = min(components, int((singular > 1e-6 * singular[0]).sum()))
    scores = left[:, :kept] * np.sqrt(len(left))  # standard deviation 1
    return tuple(
        _story(number, scores[:, number], float(explained[number]), patient_of_row, risk, each_end=each_end)
        for number in range(kept)
    )


def patient_means(scores: FloatArray, patient_of_row: NDArray[np.int64], n: int) -> FloatArray:
    """Mean over each patient's rows, shape (n, ...); NaN for who has none."""
    counts = np.bincount(patient_of_row, minlength=n).astype(np.float64)
    sums = np.zeros((n, *scores.shape[1:]))
    np.add.at(sums, patient_of_row, scores)
    shape = (n,) + (1,) * (scores.ndim - 1)
    means: FloatArray = np.divide(
        sums, counts.reshape(shape), out=np.full_like(sums, np.nan), where=counts.reshape(shape) > 0
    )
    return means


def rank_correlation(first: FloatArray, second: FloatArray) -> float | None:
    """Spearman's correlation over the pairs that are complete; None with fewer than three or where one is constant."""
    both = np.isfinite(first) & np.isfinite(second)
    a, b = first[both], second[both]
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(spearmanr(a, b).statistic)


def _story(
    number: int, scores: FloatArray, explained: float, patient_of_row: NDArray[np.int64], risk: FloatArray, *,
    each_end: int,
) -> ComponentStory:  # fmt: skip
    correlation = rank_correlation(patient_means(scores, patient_of_row, len(risk)), risk)
    if correlation is not None and correlation < 0:
        scores, correlation = -scores, -correlation
    order = np.argsort(scores, kind="stable")
    low, high = _one_a_patient(order, patient_of_row, each_end), _one_a_patient(order[::-1], patient_of_row, each_end)
    return ComponentStory(
        number + 1, explained, correlation, low, high,
        tuple(float(scores[row]) for row in low), tuple(float(scores[row]) for row in high),
    )  # fmt: skip


def _one_a_patient(order: NDArray[np.intp], patient_of_row: NDArray[np.int64], most: int) -> tuple[int, ...]:
    """The first rows of an order that belong to different patients."""
    _, first = np.unique(patient_of_row[order], return_index=True)
    return tuple(int(order[place]) for place in np.sort(first)[:most])


def _standardised(features: NDArray[np.floating]) -> FloatArray:
    values = features.astype(np.float64)
    spread = values.std(axis=0)
    centred = values - values.mean(axis=0)
    return np.asarray(np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0))
