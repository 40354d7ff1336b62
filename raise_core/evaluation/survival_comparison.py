"""Groups of patients compared: curves, medians, restricted means, log-rank test, hazard ratios."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.domain.survival_results import (
    Estimate,
    HazardRatio,
    IntervalScale,
    SurvivalComparison,
    SurvivalGroup,
)
from raise_core.evaluation.kaplan_meier import LEVEL, at_risk_at, kaplan_meier, quantile, restricted_mean, survival_at
from raise_core.evaluation.log_rank import log_rank
from raise_core.evaluation.two_groups import OrderedOutcome, compare_two_groups
from raise_core.models.cox import fit_cox

FloatArray = NDArray[np.float64]
STEPS_WEEKS = (1, 2, 4, 6, 12, 24, 52, 104, 260, 520)
MOST_STEPS = 10
NO_EVENT_TO_COMPARE = "no finite ratio: one of the two groups has no event while the other has patients at risk"


def compare_survival(
    outcome: Outcome,
    group: ArrayLike,
    labels: Sequence[str],
    *,
    scale: IntervalScale = IntervalScale.LOG_LOG,
    horizon_weeks: float | None = None,
) -> SurvivalComparison:
    """Compare groups of patients.

    Args:
        outcome: times and events of n patients.
        group: shape (n,), 0 to k - 1; 0 is the reference of the hazard ratios. Each has at least one patient.
        labels: names of the k groups.
        scale: of the curves' limits.
        horizon_weeks: a time at which survival is wanted.

    Raises:
        BadUsageError: a group has no patient.
    """
    groups = np.asarray(group, dtype=np.int64)
    counts = np.bincount(groups, minlength=len(labels))
    if not counts.all():
        empty = ", ".join(label for label, count in zip(labels, counts, strict=True) if not count)
        raise BadUsageError(f"no patient is in the group {empty}; choose another threshold or fewer conditions.")
    members = [outcome.take(groups == one) for one in range(len(labels))]
    horizon = min(float(member.time_weeks.max()) for member in members)
    weeks = _steps(float(outcome.time_weeks.max()))
    found = []
    for label, member in zip(labels, members, strict=True):
        curve = kaplan_meier(member, scale=scale)
        mean = restricted_mean(curve, horizon) if horizon > 0 else None
        survival = tuple(survival_at(curve, week) for week in weeks.tolist())
        at_horizon = Estimate(None) if horizon_weeks is None else survival_at(curve, horizon_weeks)
        at_risk = at_risk_at(member, weeks)
        found.append(SurvivalGroup(label, curve, quantile(curve), mean, at_risk, survival, at_horizon))
    ratios = _hazard_ratios(outcome, groups, labels)
    return SurvivalComparison(tuple(found), log_rank(outcome, groups), ratios, horizon, weeks, horizon_weeks)


def _steps(longest_weeks: float) -> FloatArray:
    """Round weeks from 0 to the longest time, at most about ten."""
    step = next((step for step in STEPS_WEEKS if longest_weeks / step <= MOST_STEPS), STEPS_WEEKS[-1])
    return np.arange(0.0, longest_weeks + 1e-9, step)


def _hazard_ratios(outcome: Outcome, groups: NDArray[np.int64], labels: Sequence[str]) -> tuple[HazardRatio, ...]:
    """One model with an indicator for every group but the first; a group without a finite ratio says why."""
    others = range(1, len(labels))
    if not others or not outcome.n_events:
        return tuple(HazardRatio(labels[k], labels[0], None, None, None, "no event") for k in others)
    z = float(norm.ppf((1 + LEVEL) / 2))
    if len(labels) == 2:  # the one that follows a slider
        found = compare_two_groups(OrderedOutcome.of(outcome), groups == 1)
        log_ratio, std_error = float(found.log_hazard_ratio[0]), float(found.std_error[0])
        return (_ratio(labels[1], labels[0], log_ratio, z * std_error),)
    indicators = (groups[:, None] == np.arange(1, len(labels))).astype(np.float64)
    fit = fit_cox(indicators, outcome.time_weeks, outcome.event, rows=np.ones((1, len(groups)), dtype=np.bool_))
    ratios = []
    for k in others:
        log_ratio, variance = float(fit.coef[0, k - 1]), float(fit.covariance[0, k - 1, k - 1])
        if not fit.converged[0] or fit.dropped[0, k - 1] or not np.isfinite(variance) or variance <= 0:
            log_ratio, variance = float("nan"), 0.0
        ratios.append(_ratio(labels[k], labels[0], log_ratio, z * float(np.sqrt(variance))))
    return tuple(ratios)


def _ratio(group: str, reference: str, log_ratio: float, reach: float) -> HazardRatio:
    if not np.isfinite([log_ratio, reach]).all():
        return HazardRatio(group, reference, None, None, None, NO_EVENT_TO_COMPARE)
    hr, low, high = np.exp([log_ratio, log_ratio - reach, log_ratio + reach]).tolist()
    return HazardRatio(group, reference, hr, low, high)
