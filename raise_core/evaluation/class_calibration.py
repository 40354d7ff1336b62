"""Are predicted probabilities of long progression-free survival as high as what happens?

Bins of similar predictions with Wilson limits, a local linear smooth of the outcome on the prediction (tricube weights
over the nearest three quarters of the patients, Cleveland 1979), calibration in the large and slope on the logit scale
(Cox DR, Biometrika 1958;45:562-565), and the Brier score with its share of what knowing nothing would give.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from raise_core.domain.class_accuracy import NOBODY_OF_CLASS, CalibrationBin, ClassCalibration
from raise_core.domain.errors import BadUsageError
from raise_core.domain.horizon_results import CERTAIN_RISK, NO_FINITE_SLOPE, NO_SPREAD, HorizonEstimate
from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.evaluation.class_bootstrap import BOOTSTRAPS, patient_weights, percentile_interval
from raise_core.evaluation.class_threshold import wilson
from raise_core.evaluation.horizon_accuracy import Z
from raise_core.evaluation.resampling import CONFIDENCE

MOST_BINS, LEAST_PER_BIN = 5, 15
SPAN = 0.75
SMOOTH_POINTS = 41
LARGEST_COEFFICIENT = 30.0
"""Beyond it a logistic fit runs away: one class lies wholly on one side."""


def class_calibration(
    probability_long: ArrayLike, long: ArrayLike, *, model: str, bootstraps: int = BOOTSTRAPS
) -> ClassCalibration:
    """Compare predicted probabilities with classes.

    Args:
        probability_long: shape (n,), out of fold, within 0 and 1.
        long: bool, shape (n,).
        model: model text.
        bootstraps: resamples of the patients behind the limits of the smooth and of the Brier score.

    Raises:
        BadUsageError: there is no patient, or a probability is missing or outside 0 and 1.
    """
    predicted, truly = np.asarray(probability_long, dtype=np.float64), np.asarray(long, dtype=np.bool_)
    if not len(predicted):
        raise BadUsageError("no patient is left to look at; loosen the filter.")
    if not ((predicted >= 0) & (predicted <= 1)).all():
        raise BadUsageError("a predicted probability is missing or outside 0 to 1; calibration needs probabilities.")
    weights = patient_weights(truly, bootstraps=bootstraps)
    at, smooth = _smooth(predicted, truly, weights)
    intercept, slope = _recalibration(predicted, truly)
    brier, null, scaled = _brier(predicted, truly, weights)
    return ClassCalibration(
        model, len(truly), int(truly.sum()), _bins(predicted, truly), at, smooth, intercept, slope, np.sort(predicted),
        brier, null, scaled,
    )  # fmt: skip


def _bins(predicted: FloatArray, long: BoolArray) -> tuple[CalibrationBin, ...]:
    """Quantile bins; equal predictions stay together."""
    wanted = min(MOST_BINS, max(1, len(predicted) // LEAST_PER_BIN))
    ordered = np.sort(predicted)
    middle = np.searchsorted(ordered, predicted, "left") + np.searchsorted(ordered, predicted, "right")
    place = np.minimum((middle / 2 / len(predicted) * wanted).astype(np.intp), wanted - 1)
    found = []
    for one in np.unique(place):
        own, true = predicted[place == one], int(long[place == one].sum())
        observed = wilson(true, len(own), if_empty=NOBODY_OF_CLASS)
        found.append(CalibrationBin(len(own), true, float(own.mean()), float(own.min()), float(own.max()), observed))
    return tuple(found)


def _smooth(predicted: FloatArray, long: BoolArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Grid and, on it, the smooth with pointwise limits, shape (g, 3); both empty where predictions do not differ."""
    if len(np.unique(predicted)) < 3:
        return np.empty(0), np.empty((0, 3))
    at = np.linspace(predicted.min(), predicted.max(), SMOOTH_POINTS)
    distance = np.abs(predicted[None] - at[:, None])
    nearest = max(3, int(np.ceil(SPAN * len(predicted))))
    reach = np.maximum(np.sort(distance, axis=1)[:, nearest - 1 : nearest], 1e-9)
    kernel = np.maximum(1 - (distance / reach) ** 3, 0.0) ** 3
    offset = predicted[None] - at[:, None]
    everybody = np.vstack([np.ones(len(predicted)), weights])
    # Sums of the weighted least squares of every grid point and resample, each a matrix product.
    s0, s1, s2 = (everybody @ (kernel * offset**power).T for power in (0, 1, 2))
    t0, t1 = (everybody @ (kernel * offset**power * long).T for power in (0, 1))
    determinant = s0 * s2 - s1**2
    steady = determinant > 1e-12 * np.maximum(s0 * s2, 1e-300)
    level = np.divide(t0, s0, out=np.full(s0.shape, np.nan), where=s0 > 0)
    fitted = np.clip(np.divide(s2 * t0 - s1 * t1, determinant, out=level, where=steady), 0.0, 1.0)
    low, high = percentile_interval(fitted[1:], level=CONFIDENCE)
    return at, np.column_stack([fitted[0], low, high])


def _recalibration(predicted: FloatArray, long: BoolArray) -> tuple[HorizonEstimate, HorizonEstimate]:
    """Intercept with the slope held at 1, and slope of a logistic model on the logit; Wald limits."""
    if not ((predicted > 0) & (predicted < 1)).all():
        missing = HorizonEstimate(None, reason=CERTAIN_RISK)
        return missing, missing
    if long.all() or not long.any():
        missing = HorizonEstimate(None, reason=NOBODY_OF_CLASS)
        return missing, missing
    predictor, ones = np.asarray(logit(predicted)), np.ones((len(long), 1))
    intercept = _coefficient(ones, predictor, long, place=0)
    if np.ptp(predictor) < 1e-9:
        return intercept, HorizonEstimate(None, reason=NO_SPREAD)
    return intercept, _coefficient(np.column_stack([ones, predictor]), np.zeros(len(long)), long, place=1)


def _coefficient(design: FloatArray, offset: FloatArray, long: BoolArray, *, place: int) -> HorizonEstimate:
    """One coefficient of a logistic model by Newton's method, with Wald limits."""
    coefficients = np.zeros(design.shape[1])
    for _ in range(60):
        mean = expit(offset + design @ coefficients)
        information = design.T @ (design * (mean * (1 - mean))[:, None])
        if np.abs(coefficients).max() > LARGEST_COEFFICIENT or np.linalg.cond(information) > 1e12:
            break
        step = np.linalg.solve(information, design.T @ (long - mean))
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-10:
            reach = Z * float(np.sqrt(np.linalg.inv(information)[place, place]))
            value = float(coefficients[place])
            return HorizonEstimate(value, value - reach, value + reach)
    return HorizonEstimate(None, reason=NO_FINITE_SLOPE)


def _brier(
    predicted: FloatArray, long: BoolArray, weights: FloatArray
) -> tuple[HorizonEstimate, float | None, HorizonEstimate]:
    """Brier score, that of the share of the long, and the scaled score; limits from resampled patients."""
    errors = (predicted - long) ** 2
    brier = float(errors.mean())
    draws = weights @ errors / len(errors)
    (low,), (high,) = percentile_interval(draws[:, None], level=CONFIDENCE)
    estimate = HorizonEstimate(brier, float(low), float(high))
    share = float(long.mean())
    null = share * (1 - share)  # the same in every resample, which keeps the classes' sizes
    if null == 0:
        return estimate, None, HorizonEstimate(None, reason=NOBODY_OF_CLASS)
    return estimate, null, HorizonEstimate(1 - brier / null, 1 - float(high) / null, 1 - float(low) / null)
