"""Is a marker worth acting on? Net benefit over the risks from which one would act.

Net benefit = PPV x share high - (1 - PPV) x share high x p / (1 - p), with the Kaplan-Meier risk of the patients called
high as PPV (Vickers & Elkin, Med Decis Making 2006;26:565-574; with censoring: Vickers et al., BMC Med Inform Decis Mak
2008;8:53). Treating nobody gives 0, treating everybody the same with the Kaplan-Meier risk of all patients.
Intervals: delta method (share and PPV are independent), plain scale.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.errors import BadUsageError
from raise_core.domain.horizon_results import (
    CutAccuracies,
    DecisionCurve,
    HorizonEstimate,
    NetBenefit,
)
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.horizon_accuracy import Z, accuracy_of_cut, cut_accuracies

FloatArray = NDArray[np.float64]
USUAL_RISK_THRESHOLDS: FloatArray = np.arange(0.01, 0.995, 0.01)


def net_benefit(outcome: Outcome, above: ArrayLike, horizon_weeks: float, *, risk_threshold: float) -> NetBenefit:
    """Net benefit of acting on the patients above one cut.

    Args:
        outcome: times and events of n patients.
        above: bool, shape (n,).
        horizon_weeks: weeks from the clock's start.
        risk_threshold: probability of the event from which one would act, between 0 and 1.

    Raises:
        BadUsageError: the risk threshold is not between 0 and 1; as `threshold_accuracy`.
    """
    thresholds = _checked(np.array([risk_threshold]))
    everybody = np.ones(len(outcome), dtype=np.bool_)
    found = cut_accuracies(outcome, np.stack([np.asarray(above, dtype=np.bool_), everybody]), horizon_weeks)
    weight = np.repeat(_odds(thresholds), 2)
    values = _of_cuts(found, weight)
    cut = accuracy_of_cut(found, 0)
    marker = _estimate(values[0], cut.high.risk.reason)
    treat_all = _estimate(values[1], cut.everybody.risk.reason)
    spared = (
        None
        if marker.value is None or treat_all.value is None
        else 100.0 * (marker.value - treat_all.value) / float(weight[0])
    )
    return NetBenefit(risk_threshold, marker, treat_all, spared)


def decision_curve(
    outcome: Outcome,
    predicted_risk: Mapping[str, ArrayLike],
    horizon_weeks: float,
    *,
    risk_thresholds: ArrayLike = USUAL_RISK_THRESHOLDS,
) -> DecisionCurve:
    """Net benefit of several models; patients are treated when their predicted risk reaches the threshold.

    Args:
        outcome: times and events of n patients.
        predicted_risk: model to predicted probability of the event by the horizon, shape (n,), out of fold.
        horizon_weeks: weeks from the clock's start.
        risk_thresholds: ascending, between 0 and 1, shape (T,).

    Raises:
        BadUsageError: a threshold is not between 0 and 1, a prediction is missing or no probability, or there is no
            patient.
    """
    thresholds = _checked(np.asarray(risk_thresholds, dtype=np.float64))
    weight = _odds(thresholds)
    curves, flagged = [], []
    for model, values in predicted_risk.items():
        risk = np.asarray(values, dtype=np.float64)
        if risk.shape != outcome.time_weeks.shape or not ((risk >= 0) & (risk <= 1)).all():
            raise BadUsageError(f"the predicted risks of {model} must be probabilities, one for each patient.")
        found = cut_accuracies(outcome, risk >= thresholds[:, None], horizon_weeks)
        curves.append(_of_cuts(found, weight))
        flagged.append(found.n[:, 1] / len(outcome))
    everybody = cut_accuracies(outcome, np.ones(len(outcome), dtype=np.bool_), horizon_weeks)
    risk, variance = (
        np.repeat(everybody.risk[:, 1, 0], len(weight)),
        np.repeat(everybody.risk_variance[:, 1], len(weight)),
    )
    treat_all = _net_benefits(np.ones_like(weight), len(outcome), risk, variance, weight)
    return DecisionCurve(
        horizon_weeks,
        thresholds,
        tuple(predicted_risk),
        np.array(curves).reshape(-1, len(thresholds), 3),
        np.array(flagged).reshape(-1, len(thresholds)),
        treat_all,
        everybody.everybody,
    )


def _checked(thresholds: FloatArray) -> FloatArray:
    if thresholds.ndim != 1 or not ((thresholds > 0) & (thresholds < 1)).all() or (np.diff(thresholds) <= 0).any():
        raise BadUsageError("the risk from which one would act must lie between 0 and 1, several in ascending order.")
    return thresholds


def _odds(thresholds: FloatArray) -> FloatArray:
    return thresholds / (1 - thresholds)


def _of_cuts(found: CutAccuracies, weight: FloatArray) -> FloatArray:
    n = found.everybody.n
    return _net_benefits(found.n[:, 1] / n, n, found.risk[:, 1, 0], found.risk_variance[:, 1], weight)


def _net_benefits(share: FloatArray, n: int, risk: FloatArray, variance: FloatArray, weight: FloatArray) -> FloatArray:
    """Net benefit and its limits, shape (C, 3); NaN where missing.

    Args:
        share: shape (C,), of the n patients treated.
        n: patients.
        risk: shape (C,), Kaplan-Meier risk of those treated.
        variance: shape (C,), of that risk.
        weight: shape (C,), of a needless action against an event found.
    """
    gain = (1 + weight) * risk - weight  # of one patient treated
    reach = Z * np.sqrt(gain**2 * share * (1 - share) / n + (share * (1 + weight)) ** 2 * variance)
    reach[~((risk > 0) & (risk < 1))] = np.nan  # no limits rather than limits of no width
    value = share * gain
    values = np.column_stack([value, value - reach, value + reach])
    values[share == 0] = 0.0  # nobody is treated, nothing is gained, for certain
    return values


def _estimate(numbers: FloatArray, reason: str) -> HorizonEstimate:
    value, low, high = (None if np.isnan(x) else float(x) for x in numbers)
    return HorizonEstimate(value, low, high, reason if low is None else "")
