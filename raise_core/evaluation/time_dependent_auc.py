"""Does a higher risk mean an earlier event? Area under the ROC curve at horizons, under censoring.

Cases have the event by the horizon, controls are without it then (cumulative/dynamic). A case weighs 1 / G(t-), the
inverse probability of not being censored before the event (Uno et al., JASA 2007;102:527-537; Hung & Chiang, Can J
Stat 2010;38:8-26); the weight of all controls is the same and cancels. R's `rttright` gives the same weights.
scikit-survival agrees where no event and censoring fall on one time and nobody is censored at the horizon; elsewhere it
weighs by G(t) and leaves out controls censored at the horizon, of whom it is known that they were without the event.

Intervals: the influence of each patient on the area, that by way of G included (as Blanche, Dartigues & Jacqmin-Gadda,
Stat Med 2013;32:5381-5397, in the form of the infinitesimal jackknife), on the logit scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from raise_core.domain.errors import BadUsageError
from raise_core.domain.horizon_results import (
    NO_CASE,
    NO_CONTROL,
    SEPARATED,
    AucAtHorizon,
    HorizonEstimate,
    HorizonRoc,
)
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.horizon_accuracy import Z
from raise_core.evaluation.horizon_weights import HorizonWeights

FloatArray = NDArray[np.float64]


def time_dependent_auc(outcome: Outcome, risk: ArrayLike, horizons_weeks: Sequence[float]) -> tuple[AucAtHorizon, ...]:
    """Area under the ROC curve at each horizon.

    Args:
        outcome: times and events of n patients.
        risk: shape (n,), higher is worse, finite; out-of-fold where it was fitted.
        horizons_weeks: weeks from the clock's start.

    Raises:
        BadUsageError: a horizon is not above 0, there is no patient, or the risk is missing for some.
    """
    risks = _checked(outcome, risk)
    order = np.argsort(risks, kind="stable")
    return tuple(_at_horizon(HorizonWeights.of(outcome, week), risks, order, week) for week in horizons_weeks)


def auc_difference(outcome: Outcome, risk: ArrayLike, reference: ArrayLike, horizon_weeks: float) -> HorizonEstimate:
    """Area of one risk minus that of another on the same patients; the interval takes their correlation into account.

    Args:
        outcome: times and events of n patients.
        risk: shape (n,), higher is worse.
        reference: shape (n,), the risk it is compared with.
        horizon_weeks: weeks from the clock's start.

    Raises:
        BadUsageError: as `time_dependent_auc`.
    """
    weights = HorizonWeights.of(outcome, horizon_weeks)
    reason = _why_none(weights)
    if reason:
        return HorizonEstimate(None, reason=reason)
    both = [_checked(outcome, values) for values in (risk, reference)]
    (first, own), (second, other) = (_area(weights, values, np.argsort(values, kind="stable")) for values in both)
    reach = Z * float(np.sqrt(np.sum((own - other) ** 2)))
    return HorizonEstimate(first - second, first - second - reach, first - second + reach)


def roc_at_horizon(outcome: Outcome, risk: ArrayLike, horizon_weeks: float) -> HorizonRoc:
    """The ROC curve at a horizon; empty where there is none, with the reason in its area.

    Args:
        outcome: times and events of n patients.
        risk: shape (n,), higher is worse, finite.
        horizon_weeks: weeks from the clock's start.

    Raises:
        BadUsageError: as `time_dependent_auc`.
    """
    risks = _checked(outcome, risk)
    order = np.argsort(risks, kind="stable")
    weights = HorizonWeights.of(outcome, horizon_weeks)
    at = _at_horizon(weights, risks, order, horizon_weeks)
    if not at.cases or not at.controls:
        return HorizonRoc(at, np.empty(0), np.empty(0), np.empty(0))
    falling = order[::-1]
    last = np.r_[np.diff(risks[falling]) != 0, True]  # the last of equal risks
    found = np.cumsum(np.where(weights.case, weights.weight, 0.0)[falling])
    alarms = np.cumsum(weights.control[falling]).astype(np.float64)
    return HorizonRoc(
        at,
        np.r_[np.inf, risks[falling][last]],
        np.r_[0.0, found[last] / found[-1]],
        np.r_[0.0, alarms[last] / alarms[-1]],
    )


def _checked(outcome: Outcome, risk: ArrayLike) -> FloatArray:
    risks = np.asarray(risk, dtype=np.float64)
    if risks.shape != outcome.time_weeks.shape:
        raise BadUsageError(f"risk has shape {risks.shape}, the outcome {len(outcome)} patients; give one risk each.")
    if not np.isfinite(risks).all():
        raise BadUsageError("risk is missing or infinite for some patients; leave them out.")
    return risks


def _why_none(weights: HorizonWeights) -> str:
    if not weights.case.any():
        return NO_CASE
    return "" if weights.control.any() else NO_CONTROL


def _at_horizon(
    weights: HorizonWeights, risks: FloatArray, order: NDArray[np.intp], horizon_weeks: float
) -> AucAtHorizon:
    counts = len(risks), int(weights.case.sum()), int(weights.control.sum())
    reason = _why_none(weights)
    if reason:
        return AucAtHorizon(horizon_weeks, *counts, HorizonEstimate(None, reason=reason))
    area, influence = _area(weights, risks, order)
    if not 0 < area < 1:
        return AucAtHorizon(horizon_weeks, *counts, HorizonEstimate(area, reason=SEPARATED))
    reach = Z * float(np.sqrt(np.sum(influence**2))) / (area * (1 - area))
    low, high = expit([logit(area) - reach, logit(area) + reach]).tolist()
    return AucAtHorizon(horizon_weeks, *counts, HorizonEstimate(area, low, high))


def _area(weights: HorizonWeights, risks: FloatArray, order: NDArray[np.intp]) -> tuple[float, FloatArray]:
    """The area, and the influence of each patient on it, shape (n,)."""
    case_weight = np.where(weights.case, weights.weight, 0.0)
    below_controls = _weight_below(weights.control.astype(np.float64), risks, order)
    above_cases = case_weight.sum() - _weight_below(case_weight, risks, order)  # of higher risk, equal ones half
    placement = below_controls / weights.control.sum()
    area = float(case_weight @ placement / case_weight.sum())
    share = np.where(weights.case, placement - area, 0.0) / case_weight.sum()
    of_control = np.where(weights.control, above_cases / case_weight.sum() - area, 0.0) / weights.control.sum()
    return area, case_weight * share + of_control + weights.censoring_influence(share)


def _weight_below(weight: FloatArray, risks: FloatArray, order: NDArray[np.intp]) -> FloatArray:
    """Sum of the weights of patients with a lower risk than each, half of those with the same (himself included)."""
    ordered = risks[order]
    sums = np.r_[0.0, np.cumsum(weight[order])]
    below, up_to = np.searchsorted(ordered, ordered, side="left"), np.searchsorted(ordered, ordered, side="right")
    found = np.empty(len(risks))
    found[order] = (sums[below] + sums[up_to]) / 2
    return found
