"""Kaplan-Meier: the curve, its limits, medians and other quantiles, survival at a week, restricted mean.

Agrees with R's `survfit`, `quantile.survfit` and `print(..., rmean = )` (package survival), which is the reference:
lifelines differs in the median where the curve is exactly 0.5 and in the variance of the restricted mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.domain.survival_results import Estimate, IntervalScale, RestrictedMean, SurvivalCurve

FloatArray = NDArray[np.float64]
LEVEL = 0.95
_SAME = float(np.sqrt(np.finfo(np.float64).eps))  # R's tolerance for a curve that lies on the quantile


def kaplan_meier(
    outcome: Outcome, *, scale: IntervalScale = IntervalScale.LOG_LOG, level: float = LEVEL
) -> SurvivalCurve:
    """Product-limit estimate with Greenwood's variance (Kaplan & Meier 1958).

    Args:
        outcome: times and events, at least one patient.
        scale: on which the limits are symmetric.
        level: of confidence.

    Raises:
        BadUsageError: no patient.
    """
    if not len(outcome.time_weeks):
        raise BadUsageError("a survival curve needs at least one patient; loosen the filter or the groups.")
    times, place, events, leaving, at_risk = event_table(outcome)
    survival = np.cumprod(1.0 - events / at_risk, dtype=np.float64)
    survival[at_risk == events] = 0.0  # and not a rounding error above it
    staying = at_risk - events
    with np.errstate(divide="ignore"):
        variance: FloatArray = np.cumsum(np.where(events > 0, events / (at_risk * staying.astype(np.float64)), 0.0))
    log_std_error: FloatArray = np.sqrt(variance)
    low, high = curve_limits(survival, log_std_error, scale, level)
    return SurvivalCurve(
        len(place), times, at_risk, events, leaving - events, survival, log_std_error, low, high, scale, level
    )


def event_table(
    outcome: Outcome,
) -> tuple[FloatArray, NDArray[np.intp], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct times, which of them each patient has, and at each: events, patients leaving, patients at risk."""
    times, place = np.unique(outcome.time_weeks, return_inverse=True)
    events = np.bincount(place, weights=outcome.event, minlength=len(times)).astype(np.int64)
    leaving = np.bincount(place, minlength=len(times)).astype(np.int64)
    return times, place, events, leaving, len(place) - np.cumsum(leaving) + leaving


def curve_limits(
    survival: FloatArray, log_std_error: FloatArray, scale: IntervalScale, level: float
) -> tuple[FloatArray, FloatArray]:
    """Lower and upper limits of survival probabilities, NaN where the scale has none.

    Args:
        survival: shape (k,).
        log_std_error: shape (k,), standard error of the log survival.
        scale: on which the limits are symmetric.
        level: of confidence.
    """
    z = float(norm.ppf((1 + level) / 2))
    known = survival > 0
    if scale is IntervalScale.LOG_LOG:
        known &= survival < 1
    low, high = np.full_like(survival, np.nan), np.full_like(survival, np.nan)
    s, half = survival[known], z * log_std_error[known]
    if scale is IntervalScale.PLAIN:
        low[known], high[known] = np.maximum(s - half * s, 0.0), np.minimum(s + half * s, 1.0)
    elif scale is IntervalScale.LOG:
        low[known], high[known] = s * np.exp(-half), np.minimum(s * np.exp(half), 1.0)
    else:
        middle, reach = np.log(-np.log(s)), half / -np.log(s)
        low[known], high[known] = np.exp(-np.exp(middle + reach)), np.exp(-np.exp(middle - reach))
    return low, high


def quantile(curve: SurvivalCurve, share: float = 0.5) -> Estimate:
    """Time by which `share` of the patients have had the event; half for the median.

    Where the curve lies exactly on 1 - `share`, the middle of that step. The limits are those times at which the
    limits of the curve pass it (Brookmeyer & Crowley 1982). None where a curve does not come down so far.
    """
    return Estimate(
        _passes(curve, curve.survival, share), _passes(curve, curve.low, share), _passes(curve, curve.high, share)
    )


def _passes(curve: SurvivalCurve, survival: FloatArray, share: float) -> float | None:
    gone = np.r_[0.0, 1.0 - survival]
    times = np.r_[0.0, curve.time_weeks]
    last_time = float(times[-1])
    kept = np.sort(np.unique(gone, return_index=True)[1])  # the first of equal values; all NaN count as one
    gone, times = gone[kept], times[kept]
    known = np.flatnonzero(~np.isnan(gone))
    order = known[np.argsort(gone[known], kind="stable")]
    reached = order[gone[order] >= share - _SAME]
    if not len(reached):
        return None
    first = float(times[reached[0]])
    if abs(gone[-1] - share) < _SAME:
        return (first + last_time) / 2
    passed = order[gone[order] >= share + _SAME]
    return (first + float(times[passed[0]])) / 2 if len(passed) else None


def survival_at(curve: SurvivalCurve, week: float) -> Estimate:
    """Probability of no event up to and including `week`; None after the last patient was seen."""
    if week > curve.time_weeks[-1]:
        last = float(curve.survival[-1])
        return Estimate(0.0) if last == 0 else Estimate(None)
    place = int(np.searchsorted(curve.time_weeks, week, side="right")) - 1
    if place < 0:
        return Estimate(1.0)
    return Estimate(float(curve.survival[place]), _or_none(curve.low[place]), _or_none(curve.high[place]))


def restricted_mean(curve: SurvivalCurve, horizon_weeks: float) -> RestrictedMean:
    """Area under the curve from 0 to a horizon, with its standard error (R's `survmean`).

    Raises:
        BadUsageError: the horizon is not above 0, or lies after the last time while the curve has not reached 0.
    """
    last = float(curve.time_weeks[-1])
    if not 0 < horizon_weeks <= last and not (horizon_weeks > 0 and curve.survival[-1] == 0):
        raise BadUsageError(
            f"a mean up to week {horizon_weeks:g} cannot be given: the last patient was seen at week {last:g}."
        )
    kept = curve.time_weeks <= horizon_weeks
    times = np.r_[0.0, curve.time_weeks[kept], horizon_weeks]
    areas = np.diff(times) * np.r_[1.0, curve.survival[kept]]
    events, at_risk = curve.events[kept].astype(np.float64), curve.at_risk[kept].astype(np.float64)
    staying = at_risk - events
    share = np.divide(events, at_risk * staying, out=np.zeros_like(events), where=staying > 0)
    to_come = np.cumsum(areas[:0:-1])[::-1]  # area from each time to the horizon
    return RestrictedMean(horizon_weeks, float(areas.sum()), float(np.sqrt(np.sum(to_come**2 * share))))


def at_risk_at(outcome: Outcome, weeks: FloatArray) -> NDArray[np.int64]:
    """Patients still at risk just before each week, shape of `weeks`: whose time is that week or later."""
    ordered = np.sort(outcome.time_weeks)
    found: NDArray[np.int64] = len(ordered) - np.searchsorted(ordered, weeks, side="left")
    return found


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
