"""Results of a classifier's probabilities taken at their word: confusion at a threshold, calibration, Brier score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.horizon_results import HorizonEstimate

FloatArray = NDArray[np.float64]

NOBODY_CALLED = "nobody is called so at this threshold"
NOBODY_OF_CLASS = "no patient belongs to this class"


@dataclass(frozen=True)
class Confusion:
    """Patients by what they were called and what they were; long is the positive class.

    Attributes:
        threshold: patients with a score of this or more are called long.
        long_called_long: patients.
        long_called_short: patients.
        short_called_long: patients.
        short_called_short: patients.
        sensitivity: share of the long who are called long, with Wilson limits like the other three.
        specificity: share of the short who are called short.
        ppv: share of the long among those called long.
        npv: share of the short among those called short.
    """

    threshold: float
    long_called_long: int
    long_called_short: int
    short_called_long: int
    short_called_short: int
    sensitivity: HorizonEstimate
    specificity: HorizonEstimate
    ppv: HorizonEstimate
    npv: HorizonEstimate

    @property
    def n(self) -> int:
        """Patients."""
        return self.long_called_long + self.long_called_short + self.short_called_long + self.short_called_short


@dataclass(frozen=True)
class CalibrationBin:
    """Patients of similar predicted probability.

    Attributes:
        n: patients.
        n_long: of them, long.
        predicted: their mean predicted probability of being long.
        predicted_low: lowest of them.
        predicted_high: highest.
        observed: share of the long among them, with Wilson limits.
    """

    n: int
    n_long: int
    predicted: float
    predicted_low: float
    predicted_high: float
    observed: HorizonEstimate


@dataclass(frozen=True, eq=False)
class ClassCalibration:
    """Whether predicted probabilities of being long are as high as what happens.

    Attributes:
        model: model text.
        n: patients.
        n_long: of them, long.
        bins: ascending in predicted probability.
        smooth_at: shape (g,), predicted probabilities at which the smooth curve is given; empty where all are equal.
        smooth: shape (g, 3), local linear estimate of the observed share and its pointwise 95 % limits.
        intercept: calibration in the large, on the logit scale; 0 is right, below 0 the predictions are too high.
        slope: of the logit; 1 is right, below 1 the predictions are too extreme.
        predicted: shape (n,), ascending.
        brier: mean squared error of the probabilities.
        null_brier: error when everybody is given the share of the long.
        scaled_brier: 1 - brier / null_brier; below 0 is worse than knowing nothing but the share.
    """

    model: str
    n: int
    n_long: int
    bins: tuple[CalibrationBin, ...]
    smooth_at: FloatArray
    smooth: FloatArray
    intercept: HorizonEstimate
    slope: HorizonEstimate
    predicted: FloatArray
    brier: HorizonEstimate
    null_brier: float | None
    scaled_brier: HorizonEstimate
