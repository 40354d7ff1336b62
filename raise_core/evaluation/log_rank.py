"""Tests of equal survival in two or more groups: log-rank, weighted, stratified.

As R's `survdiff` (package survival), whose `rho = 1` is PETO here; the other weights as in lifelines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2 as chi2_distribution

from raise_core.domain.outcome import Outcome
from raise_core.domain.survival_results import LogRankTest, LogRankWeight

FloatArray = NDArray[np.float64]


def log_rank(
    outcome: Outcome,
    group: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    weight: LogRankWeight = LogRankWeight.LOG_RANK,
) -> LogRankTest:
    """Compare observed with expected events (Mantel 1966); within strata, and summed over them, where given.

    Args:
        outcome: times and events of n patients.
        group: shape (n,), group numbers from 0; a number without patients still counts as a group.
        strata: shape (n,), any codes; patients are compared within a stratum only.
        weight: of each event time.
    """
    groups = np.asarray(group, dtype=np.int64)
    layer = np.zeros(len(groups), dtype=np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    k = int(groups.max(initial=-1)) + 1
    observed, expected, covariance = np.zeros(k), np.zeros(k), np.zeros((k, k))
    for one in range(int(layer.max(initial=-1)) + 1):
        inside = layer == one
        seen, due, spread = _one_stratum(outcome.time_weeks[inside], outcome.event[inside], groups[inside], k, weight)
        observed += seen
        expected += due
        covariance += spread
    comparable = np.flatnonzero(expected > 0)
    df = max(len(comparable) - 1, 0)
    if df == 0:
        return LogRankTest(weight, observed, expected, None, 0, None)
    free = comparable[1:]
    surplus = (observed - expected)[free]
    solved, *_ = np.linalg.lstsq(covariance[np.ix_(free, free)], surplus, rcond=None)
    statistic = float(surplus @ solved)
    return LogRankTest(weight, observed, expected, statistic, df, float(chi2_distribution.sf(statistic, df)))


def _one_stratum(
    time_weeks: FloatArray, event: NDArray[np.bool_], group: NDArray[np.int64], k: int, weight: LogRankWeight
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weighted observed and expected events by group, and the covariance of their difference."""
    times, place = np.unique(time_weeks, return_inverse=True)
    leaving = np.zeros((len(times), k))
    np.add.at(leaving, (place, group), 1.0)
    dying = np.zeros((len(times), k))
    np.add.at(dying, (place[event], group[event]), 1.0)
    at_risk = leaving[::-1].cumsum(axis=0)[::-1]
    n, d = at_risk.sum(axis=1), dying.sum(axis=1)
    weights = _weights(weight, n, d)
    share = at_risk / n[:, None]
    expected = weights * d @ share
    spread = weights**2 * d * np.divide(n - d, n - 1, out=np.zeros_like(n), where=n > 1)
    covariance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    return weights @ dying, expected, covariance


def _weights(weight: LogRankWeight, n: FloatArray, d: FloatArray) -> FloatArray:
    """Weight of each distinct time."""
    if weight is LogRankWeight.GEHAN:
        return n
    if weight is LogRankWeight.TARONE_WARE:
        return np.sqrt(n)
    if weight is LogRankWeight.PETO:
        before: FloatArray = np.r_[1.0, np.cumprod(1.0 - d / n)[:-1]]
        return before
    return np.ones_like(n)
