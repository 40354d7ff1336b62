"""How far predicted probabilities lie from what happens: Brier score at horizons and its mean over time.

Weighted by the inverse probability of not being censored (Graf et al., Stat Med 1999;18:2529-2545) as R's
`survival::brier` with its default `ties = TRUE`: 1 / G(t-) at an event and at the horizon, events before censorings.
scikit-survival agrees where no event and censoring fall on one time and nobody is censored at the horizon; elsewhere it
weighs by G(t) and leaves those patients out.

The Kaplan-Meier prediction, the same for everybody, has the error S (1 - S). Beside it stands the scaled score,
1 - score / S (1 - S) (index of prediction accuracy, Kattan & Gerds 2018). Intervals from each patient's influence, that
by way of G included, on the plain scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.errors import BadUsageError
from raise_core.domain.horizon_results import (
    NO_CASE,
    NOBODY_LEFT,
    NOT_FOLLOWED,
    BrierAtHorizon,
    BrierScores,
    HorizonEstimate,
)
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.horizon_accuracy import Z
from raise_core.evaluation.horizon_weights import HorizonWeights

FloatArray = NDArray[np.float64]
ONE_HORIZON = "a mean over time needs at least two horizons"


def brier_scores(outcome: Outcome, survival_probability: ArrayLike, horizons_weeks: Sequence[float]) -> BrierScores:
    """Brier score at each horizon and integrated over them.

    Args:
        outcome: times and events of n patients.
        survival_probability: shape (n, H), predicted probability of no event by each horizon, within 0 and 1;
            predictions must be out of fold.
        horizons_weeks: H ascending horizons, weeks from the clock's start.

    Raises:
        BadUsageError: shapes do not belong together, horizons do not ascend from above 0, a probability is missing or
            outside 0 and 1, or there is no patient.
    """
    weeks = np.asarray(horizons_weeks, dtype=np.float64)
    predicted = np.asarray(survival_probability, dtype=np.float64)
    if predicted.shape != (len(outcome), len(weeks)):
        raise BadUsageError(
            f"survival_probability has shape {predicted.shape}; with {len(outcome)} patients and {len(weeks)} horizons "
            f"it must be ({len(outcome)}, {len(weeks)})."
        )
    if not ((predicted >= 0) & (predicted <= 1)).all():
        raise BadUsageError("survival_probability is missing or outside 0 to 1 for some patients; give probabilities.")
    if (np.diff(weeks) <= 0).any():
        raise BadUsageError("horizons_weeks must ascend.")
    parts = [_at_horizon(outcome, predicted[:, k], float(week)) for k, week in enumerate(weeks)]
    return BrierScores(tuple(found for found, _, _ in parts), *_integrated(weeks, parts))


_Part = tuple[BrierAtHorizon, FloatArray, FloatArray]


def _at_horizon(outcome: Outcome, predicted: FloatArray, week: float) -> _Part:
    """The scores, and each patient's influence on the error and on that of the Kaplan-Meier prediction."""
    weights = HorizonWeights.of(outcome, week)
    n = len(outcome)
    counts = n, int(weights.case.sum()), int(weights.control.sum())
    state = weights.control.astype(np.float64)
    if not np.isclose(weights.weight.sum(), n):  # the last patients left before the horizon
        missing = HorizonEstimate(None, reason=NOT_FOLLOWED)
        return BrierAtHorizon(week, *counts, missing, None, missing), np.zeros(n), np.zeros(n)
    error, own = _weighted_mean(weights, (state - predicted) ** 2)
    survival, of_survival = _weighted_mean(weights, state)
    mixed = counts[1] > 0 and counts[2] > 0  # else a rounding error would stand for the error of the null model
    null = survival * (1 - survival) if mixed else 0.0
    of_null = (1 - 2 * survival) * of_survival if mixed else np.zeros(n)
    at = BrierAtHorizon(
        week, *counts, _interval(error, own, lowest=0.0), null, _scaled(error, own, null, of_null, counts)
    )
    return at, own, of_null


def _weighted_mean(weights: HorizonWeights, values: FloatArray) -> tuple[float, FloatArray]:
    n = len(values)
    mean = float(weights.weight @ values / n)
    return mean, (weights.weight * values - mean) / n + weights.censoring_influence(values / n)


def _interval(
    value: float, influence: FloatArray, *, lowest: float = -np.inf, highest: float = np.inf
) -> HorizonEstimate:
    reach = Z * float(np.sqrt(np.sum(influence**2)))
    return HorizonEstimate(value, max(value - reach, lowest), min(value + reach, highest))


def _scaled(
    error: float, own: FloatArray, null: float, of_null: FloatArray, counts: tuple[int, int, int]
) -> HorizonEstimate:
    if null <= 0:
        return HorizonEstimate(None, reason=NO_CASE if not counts[1] else NOBODY_LEFT)
    return _interval(1 - error / null, -own / null + error / null**2 * of_null, highest=1.0)


def _integrated(weeks: FloatArray, parts: list[_Part]) -> tuple[HorizonEstimate, float | None, HorizonEstimate]:
    """Means over time by the trapezoidal rule, divided by the time between the first and the last horizon."""
    reason = ONE_HORIZON if len(weeks) < 2 else next((p[0].brier.reason for p in parts if p[0].brier.reason), "")
    if reason:
        missing = HorizonEstimate(None, reason=reason)
        return missing, None, missing
    gaps = np.diff(weeks)
    rule = (np.r_[gaps, 0.0] + np.r_[0.0, gaps]) / 2 / (weeks[-1] - weeks[0])
    error = float(sum(w * (p[0].brier.value or 0.0) for w, p in zip(rule, parts, strict=True)))
    null = float(sum(w * (p[0].null or 0.0) for w, p in zip(rule, parts, strict=True)))
    own = np.sum([w * p[1] for w, p in zip(rule, parts, strict=True)], axis=0)
    of_null = np.sum([w * p[2] for w, p in zip(rule, parts, strict=True)], axis=0)
    last = parts[-1][0]
    return (
        _interval(error, own, lowest=0.0),
        null,
        _scaled(error, own, null, of_null, (last.n, last.cases, last.controls)),
    )
