"""The survival curve that a fitted Cox model predicts for given covariates, with its limits.

Agrees with R's `survfit(coxph(..., ties = "efron"), newdata)`, which is the reference: a baseline hazard in which tied
events share their risk sets as in Efron's partial likelihood, and a variance that holds the uncertainty of the baseline
hazard and of the coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.domain.survival_results import IntervalScale, SurvivalCurve
from raise_core.evaluation.kaplan_meier import LEVEL, curve_limits, event_table

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
LARGEST_LOG_HAZARD = 300.0  # beyond it exp() of twice as much overflows; survival is 0 or 1 long before


@dataclass(frozen=True, eq=False)
class BaselineHazard:
    """What a fitted Cox model knows of time: everything a predicted curve needs beside the covariates.

    Attributes:
        n: patients the model was fitted on.
        time_weeks: shape (k,), distinct times, events and censorings alike.
        at_risk: shape (k,), just before each time.
        events: shape (k,).
        censored: shape (k,).
        cumulative: shape (k,), cumulative hazard of a patient with the covariates `centre`.
        variance: shape (k,), its variance were the coefficients known.
        mean_covariates: shape (k, p), covariates of those at risk, less `centre`, summed over the events with their
            hazard: what the curve of a patient turns on when a coefficient moves.
        coef: shape (p,), log hazard ratios.
        covariance: shape (p, p), of the coefficients.
        centre: shape (p,), mean of the covariates.
    """

    n: int
    time_weeks: FloatArray
    at_risk: IntArray
    events: IntArray
    censored: IntArray
    cumulative: FloatArray
    variance: FloatArray
    mean_covariates: FloatArray
    coef: FloatArray
    covariance: FloatArray
    centre: FloatArray


def baseline_hazard(outcome: Outcome, x: ArrayLike, coef: ArrayLike, covariance: ArrayLike) -> BaselineHazard:
    """Cumulative hazard of the patients a Cox model was fitted on (Efron ties).

    Args:
        outcome: times and events of the n patients.
        x: shape (n, p), their covariates.
        coef: shape (p,), at the maximum of the partial likelihood.
        covariance: shape (p, p), inverse of the information there.

    Raises:
        BadUsageError: shapes do not belong together, no patient, or a coefficient that is not known.

    Source: Therneau & Grambsch, Modeling Survival Data (2000), sections 10.2 and 10.3; ties as in Efron, JASA 1977.
    """
    covariates = np.asarray(x, dtype=np.float64)
    beta, known = np.asarray(coef, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    n, p = len(outcome), len(beta)
    if not n or covariates.shape != (n, p) or known.shape != (p, p):
        raise BadUsageError(
            f"x {covariates.shape}, coef {beta.shape} and covariance {known.shape} do not belong to {n} patients; "
            "give the covariates, coefficients and covariance of one fitted model with at least one patient."
        )
    if not (np.isfinite(beta).all() and np.isfinite(known).all()):
        raise BadUsageError("a coefficient of the model is not known; leave its marker out of the model.")
    centre = covariates.mean(axis=0)
    centred = covariates - centre
    times, place, events, leaving, at_risk = event_table(outcome)
    hazard = np.exp(_bounded(centred @ beta))
    sums = np.column_stack([hazard, hazard[:, None] * centred])
    by_time = np.zeros((len(times), 1 + p))
    np.add.at(by_time, place, sums)
    risk_set = by_time[::-1].cumsum(axis=0)[::-1]
    own = np.zeros((len(times), 1 + p))
    np.add.at(own, place[outcome.event], sums[outcome.event])

    at = np.repeat(np.arange(len(times)), events)  # one row an event; the k-th of d tied ones leaves k/d of them out
    rank = np.arange(len(at)) - np.r_[0, np.cumsum(events)][at]
    shared = risk_set[at] - (rank / events[at])[:, None] * own[at]
    steps = np.zeros((len(times), 2 + p))
    np.add.at(steps, at, np.column_stack([np.ones(len(at)), 1.0 / shared[:, 0], shared[:, 1:] / shared[:, :1]])
              / shared[:, :1])  # fmt: skip
    sum_of = steps.cumsum(axis=0)
    return BaselineHazard(
        n, times, at_risk, events, leaving - events, sum_of[:, 0], sum_of[:, 1], sum_of[:, 2:], beta, known, centre
    )


def predicted_curve(
    baseline: BaselineHazard,
    covariates: ArrayLike,
    *,
    scale: IntervalScale = IntervalScale.LOG,
    level: float = LEVEL,
) -> SurvivalCurve:
    """Survival predicted for one patient, with pointwise limits of the curve.

    The limits say how well the curve is known, not how different patients with these covariates fare.

    Args:
        baseline: of the fitted model.
        covariates: shape (p,), of the patient.
        scale: on which the limits are symmetric; R's default is the log.
        level: of confidence.

    Returns:
        The curve at every time of the patients the model was fitted on; `n`, `at_risk`, `events` and `censored` are
        theirs.
    """
    x = np.asarray(covariates, dtype=np.float64) - baseline.centre
    relative = float(np.exp(_bounded(x @ baseline.coef)))
    away = baseline.cumulative[:, None] * x - baseline.mean_covariates
    spread = np.einsum("kp,pq,kq->k", away, baseline.covariance, away)
    log_std_error = relative * np.sqrt(baseline.variance + np.maximum(spread, 0.0))
    survival = np.exp(-relative * baseline.cumulative)
    low, high = curve_limits(survival, log_std_error, scale, level)
    return SurvivalCurve(
        baseline.n, baseline.time_weeks, baseline.at_risk, baseline.events, baseline.censored, survival, log_std_error,
        low, high, scale, level,
    )  # fmt: skip


def predicted_shares(baseline: BaselineHazard, covariates: ArrayLike, weeks: ArrayLike) -> FloatArray:
    """Probability of no event by some weeks, for many patients at once.

    Args:
        baseline: of the fitted model.
        covariates: shape (m, p).
        weeks: shape (h,); before the first event the probability is 1, after the last time the hazard stays.

    Returns:
        Shape (m, h).
    """
    x = np.asarray(covariates, dtype=np.float64) - baseline.centre
    place = np.searchsorted(baseline.time_weeks, np.asarray(weeks, dtype=np.float64), side="right")
    hazard = np.r_[0.0, baseline.cumulative][place]
    shares: FloatArray = np.exp(-np.exp(_bounded(x @ baseline.coef))[:, None] * hazard)
    return shares


def _bounded(log_hazard: FloatArray) -> FloatArray:
    return np.clip(log_hazard, -LARGEST_LOG_HAZARD, LARGEST_LOG_HAZARD)
