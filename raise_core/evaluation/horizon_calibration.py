"""Are predicted risks as high as what happens? Calibration at a horizon.

In groups of similar predicted risk the mean prediction stands against one minus Kaplan-Meier (D'Agostino & Nam 2003);
over all patients observed against expected, and the slope of a Cox model on log(-log(1 - predicted risk)), which for a
Cox model is its linear predictor (Royston & Altman, BMC Med Res Methodol 2013;13:33).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.errors import BadUsageError
from raise_core.domain.horizon_results import (
    CERTAIN_RISK,
    NO_CASE,
    NO_FINITE_SLOPE,
    NO_SPREAD,
    CalibrationGroup,
    HorizonCalibration,
    HorizonEstimate,
)
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.horizon_accuracy import Z, group_at_horizon, until_horizon
from raise_core.models.cox import fit_cox

FloatArray = NDArray[np.float64]
MOST_GROUPS = 5
LEAST_PER_GROUP = 20
"""Patients below which a group's Kaplan-Meier estimate says next to nothing."""


def calibration_at_horizon(
    outcome: Outcome, predicted_risk: ArrayLike, horizon_weeks: float, *, groups: int | None = None
) -> HorizonCalibration:
    """Compare predicted with observed risks.

    Args:
        outcome: times and events of n patients.
        predicted_risk: shape (n,), predicted probability of the event by the horizon; must be out of fold, or the
            model is judged by the patients it was made from.
        horizon_weeks: weeks from the clock's start.
        groups: quantile groups; five, or fewer so that each has about 20 patients, when None. Patients with equal
            predictions stay together.

    Raises:
        BadUsageError: a prediction is missing or outside 0 and 1, the horizon is not above 0, or there is no patient.
    """
    risk = np.asarray(predicted_risk, dtype=np.float64)
    if risk.shape != outcome.time_weeks.shape:
        raise BadUsageError(f"predicted_risk has shape {risk.shape}, the outcome {len(outcome)} patients.")
    if not ((risk >= 0) & (risk <= 1)).all():
        raise BadUsageError("predicted_risk is missing or outside 0 to 1 for some patients; give probabilities.")
    everybody = group_at_horizon(outcome, horizon_weeks)
    wanted = min(MOST_GROUPS, max(1, len(risk) // LEAST_PER_GROUP)) if groups is None else groups
    if wanted < 1:
        raise BadUsageError(f"groups is {groups}; it must be 1 or more.")
    place = _quantile_groups(risk, wanted)
    return HorizonCalibration(
        horizon_weeks,
        tuple(_group(outcome, risk, place == one, horizon_weeks) for one in np.unique(place)),
        everybody,
        float(risk.mean()),
        _observed_to_expected(everybody.risk, float(risk.mean())),
        _slope(outcome, risk, horizon_weeks),
        np.sort(risk),
    )


def _quantile_groups(risk: FloatArray, groups: int) -> NDArray[np.intp]:
    """Group number of each patient; equal risks share the group of their middle rank."""
    ordered = np.sort(risk)
    first, after = np.searchsorted(ordered, risk, side="left"), np.searchsorted(ordered, risk, side="right")
    middle = (first + after) / 2 / len(risk)
    return np.minimum((middle * groups).astype(np.intp), groups - 1)


def _group(outcome: Outcome, risk: FloatArray, member: NDArray[np.bool_], horizon_weeks: float) -> CalibrationGroup:
    own = risk[member]
    return CalibrationGroup(
        float(own.mean()), float(own.min()), float(own.max()), group_at_horizon(outcome.take(member), horizon_weeks)
    )


def _observed_to_expected(observed: HorizonEstimate, expected: float) -> HorizonEstimate:
    """Ratio with the log-log limits of the observed risk; predictions count as given."""
    if observed.value is None:
        return observed
    if expected == 0:
        return HorizonEstimate(None, reason=CERTAIN_RISK)
    low, high = (None if limit is None else limit / expected for limit in (observed.low, observed.high))
    return HorizonEstimate(observed.value / expected, low, high, observed.reason)


def _slope(outcome: Outcome, risk: FloatArray, horizon_weeks: float) -> HorizonEstimate:
    """Cox coefficient (Efron ties) of the complementary log-log of the risk, on events up to the horizon."""
    if not ((risk > 0) & (risk < 1)).all():
        return HorizonEstimate(None, reason=CERTAIN_RISK)
    known = until_horizon(outcome, horizon_weeks)
    if not known.n_events:
        return HorizonEstimate(None, reason=NO_CASE)
    predictor = np.log(-np.log1p(-risk))
    if np.ptp(predictor) <= 1e-12 * max(1.0, float(np.abs(predictor).max())):
        return HorizonEstimate(None, reason=NO_SPREAD)
    fit = fit_cox(predictor[:, None], known.time_weeks, known.event, rows=np.ones((1, len(risk)), dtype=np.bool_))
    slope, variance = float(fit.coef[0, 0]), float(fit.covariance[0, 0, 0])
    if not fit.converged[0] or fit.infinite[0] or not variance > 0:
        return HorizonEstimate(None, reason=NO_FINITE_SLOPE)
    reach = Z * float(np.sqrt(variance))
    return HorizonEstimate(slope, slope - reach, slope + reach)
