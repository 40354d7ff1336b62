"""Does a hazard ratio stay the same over time? The score test of Grambsch and Therneau, as R's `cox.zph`.

R (package survival, 3.0 and later) is the reference: lifelines uses an approximation of the covariance that can give
quite different p-values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2 as chi2_distribution

from raise_core.domain.outcome import Outcome
from raise_core.domain.survival_results import ProportionalHazards, ProportionalHazardsTest, RatioOverTime
from raise_core.evaluation.kaplan_meier import kaplan_meier

FloatArray = NDArray[np.float64]
WHOLE_MODEL = "whole model"
SPAN = 2 / 3  # of the events, that each point of a smooth looks at
LEAST_SMOOTHED, MOST_SMOOTHED = 10, 1_500  # events; with more the smooth takes seconds
LEAST_TIMES = 4


def proportional_hazards(
    outcome: Outcome, x: ArrayLike, coefficients: ArrayLike, names: Sequence[str]
) -> ProportionalHazards:
    """Test each coefficient of a fitted Cox model (Efron ties), and all together, for a change with time.

    Time enters as 1 - S(t-), the share of patients who have had the event before (R's transform "km"), so that few
    late events do not decide alone.

    Args:
        outcome: times and events of the n patients the model was fitted on, at least one event.
        x: shape (n, p), the covariates.
        coefficients: shape (p,), at the maximum of the partial likelihood.
        names: of the p covariates.

    Source: Grambsch & Therneau, Biometrika 1994;81:515-526; score form as in R's survival 3.0.
    """
    covariates = np.asarray(x, dtype=np.float64)
    beta = np.asarray(coefficients, dtype=np.float64)
    covariates = covariates - covariates.mean(axis=0)
    times, residuals, information = _residuals(outcome, covariates, beta)
    curve = kaplan_meier(outcome)
    before = np.r_[1.0, curve.survival][np.searchsorted(curve.time_weeks, times, side="left")]
    g = 1.0 - before
    score = g @ residuals
    plain = information.sum(axis=0)
    mixed = np.einsum("e,eij->ij", g, information)
    late = np.einsum("e,eij->ij", g**2, information)
    free = late - mixed @ np.linalg.solve(plain, mixed)  # information on a change, the coefficients being estimated
    statistics = [float(score[k] ** 2 / free[k, k]) for k in range(len(beta))]
    tests = [_test(name, one, 1) for name, one in zip(names, statistics, strict=True)]
    whole = _test(WHOLE_MODEL, float(score @ np.linalg.solve(free, score)), len(beta))
    scaled = len(times) * np.linalg.solve(plain, residuals.T).T + beta
    return ProportionalHazards(tuple(tests), whole, times, g, scaled)


def ratio_over_time(found: ProportionalHazards, overall: float, *, covariate: int = 0) -> RatioOverTime | None:
    """The coefficient of one covariate over time; None with too few or too many events for a smooth.

    Args:
        found: of the fitted model.
        overall: its coefficient.
        covariate: which.

    Source: the smooth is Cleveland's lowess (J Am Stat Assoc 1979;74:829-836) over two thirds of the events.
    """
    times, residuals = found.time_weeks, found.scaled_residuals[:, covariate]
    if not LEAST_SMOOTHED <= len(times) <= MOST_SMOOTHED or len(np.unique(times)) < LEAST_TIMES:
        return None
    from lifelines.utils.lowess import lowess  # two seconds to import, and no other page needs it

    smooth = lowess(times, residuals, f=SPAN, iterations=1)
    _, place = np.unique(times, return_inverse=True)
    level = np.bincount(place, weights=smooth) / np.bincount(place)
    return RatioOverTime(times, level[place], overall)


def _test(name: str, statistic: float, df: int) -> ProportionalHazardsTest:
    return ProportionalHazardsTest(name, statistic, df, float(chi2_distribution.sf(statistic, df)))


def _residuals(outcome: Outcome, x: FloatArray, beta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Times, Schoenfeld residuals and information of the events, by time; tied events share Efron's risk sets."""
    order = np.argsort(outcome.time_weeks, kind="stable")
    time, event, x = outcome.time_weeks[order], outcome.event[order], x[order]
    hazard = np.exp(x @ beta)
    moments = np.column_stack([np.ones(len(x)), x, (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)])
    moments *= hazard[:, None]
    from_then_on = moments[::-1].cumsum(axis=0)[::-1]
    at = np.flatnonzero(event)
    group_times, group = np.unique(time[at], return_inverse=True)
    tied = np.bincount(group)
    own = np.zeros((len(tied), moments.shape[1]))
    np.add.at(own, group, moments[at])
    rank = np.arange(len(at)) - np.r_[0, np.cumsum(tied)[:-1]][group]
    everybody = from_then_on[np.searchsorted(time, group_times, side="left")]
    sums = everybody[group] - (rank / tied[group])[:, None] * own[group]
    p = x.shape[1]
    mean = sums[:, 1 : p + 1] / sums[:, :1]
    information = (sums[:, p + 1 :] / sums[:, :1]).reshape(-1, p, p) - mean[:, :, None] * mean[:, None, :]
    group_mean = np.zeros((len(tied), p))
    np.add.at(group_mean, group, mean)
    return time[at], x[at] - (group_mean / tied[:, None])[group], information
