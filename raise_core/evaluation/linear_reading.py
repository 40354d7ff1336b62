"""A linear stand-in for the networks of a run, so that what they read from a picture can be traced back to its pixels.

A run keeps what its networks said of each patient, not the networks: there are hundreds of them, each with its own
scaler and components. Here the out-of-sample risk they gave is predicted from the image features by ridge regression on
scaler and principal components, without the patient who is explained. How well it follows the networks is part of the
result: a map explains the run only as far as the stand-in does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.attention_results import LinearReading
from raise_core.domain.errors import BadInputError
from raise_core.domain.outcome import FloatArray
from raise_core.evaluation.component_gallery import patient_means, rank_correlation

FOLDS = 5
COMPONENTS = 20
PENALTIES = tuple(float(value) for value in np.logspace(-1, 4, 11))
FEWEST_PATIENTS = 25


def linear_reading(
    features: NDArray[np.floating], patient_of_row: NDArray[np.int64], risk: FloatArray, *, seed: int = 0
) -> LinearReading:
    """Fit the stand-in fold by fold.

    Args:
        features: shape (R, d), one row a picture.
        patient_of_row: shape (R,), position of the row's patient, 0 to n - 1; every patient has a row.
        risk: shape (n,), out-of-sample risk of each patient.
        seed: of the folds.

    Raises:
        BadInputError: fewer than 25 patients, or a risk that is missing.
    """
    n = len(risk)
    if n < FEWEST_PATIENTS or not np.isfinite(risk).all():
        raise BadInputError(
            f"{n} patients have pictures and a risk; the linear stand-in needs at least {FEWEST_PATIENTS}, all known."
        )
    pooled = patient_means(features.astype(np.float64), patient_of_row, n)
    fold = np.random.default_rng(seed).permutation(n) % FOLDS
    weights = np.zeros((FOLDS, features.shape[1]))
    predicted = np.zeros(n)
    for left_out in range(FOLDS):
        train = fold != left_out
        weights[left_out], intercept = _fit(features[train[patient_of_row]], pooled[train], risk[train])
        predicted[~train] = pooled[~train] @ weights[left_out] + intercept
    agreement = rank_correlation(predicted, risk)
    return LinearReading(weights, fold.astype(np.int64), predicted, 0.0 if agreement is None else agreement)


def _fit(rows: NDArray[np.floating], pooled: FloatArray, risk: FloatArray) -> tuple[FloatArray, float]:
    """Weights on the features themselves, and the intercept; the penalty by leave-one-out on the training patients."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import RidgeCV
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(rows.astype(np.float64))
    components = PCA(min(COMPONENTS, len(pooled) - 1), svd_solver="full").fit(scaler.transform(rows))
    ridge = RidgeCV(PENALTIES).fit(components.transform(scaler.transform(pooled)), risk)
    direction = components.components_.T @ ridge.coef_
    weights: FloatArray = direction / scaler.scale_
    intercept = float(ridge.intercept_ - components.mean_ @ direction - scaler.mean_ @ weights)
    return weights, intercept
