"""Two groups compared by their restricted mean survival time: weeks gained up to a horizon, whatever the hazards do.

Agrees with the definitions of R's package survRM2, on the means and standard errors of R's `survfit`.

Sources: Royston & Parmar, Stat Med 2011;30:2409-2421. Uno, Claggett, Tian et al., J Clin Oncol 2014;32:2380-2385.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from raise_core.domain.errors import BadUsageError
from raise_core.domain.mean_difference import RestrictedMeanDifference
from raise_core.domain.outcome import Outcome
from raise_core.domain.survival_results import Estimate
from raise_core.evaluation.kaplan_meier import LEVEL, kaplan_meier, restricted_mean

NO_EVENT = "no event before the horizon in either group, so nothing varies"
NO_TIME = "every patient of a group had the event at time 0"


def restricted_mean_difference(
    outcome: Outcome, group: ArrayLike, *, horizon_weeks: float, level: float = LEVEL
) -> RestrictedMeanDifference:
    """Difference and ratio of the mean times without the event, the second group against the first.

    The groups are independent, so variances add: var(m1) + var(m0) for the difference, and on the log scale
    var(m1)/m1^2 + var(m0)/m0^2 for the ratio; intervals and p-values are normal.

    Args:
        outcome: times and events of n patients.
        group: shape (n,), 0 for the reference and 1 for the other group.
        horizon_weeks: above 0, and not after the last time of either group unless its curve has come down to 0.
        level: of confidence.

    Raises:
        BadUsageError: a group has no patient, there are other groups, or the horizon is out of reach.
    """
    groups = np.asarray(group)
    if set(np.unique(groups).tolist()) != {0, 1}:
        raise BadUsageError("a difference of means needs two groups, 0 and 1, with at least one patient each.")
    first, second = (restricted_mean(kaplan_meier(outcome.take(groups == one)), horizon_weeks) for one in (0, 1))
    z = float(norm.ppf((1 + level) / 2))

    gain = second.weeks - first.weeks
    std_error = float(np.hypot(first.std_error, second.std_error))
    if std_error > 0:
        difference = Estimate(gain, gain - z * std_error, gain + z * std_error)
        p_difference, reason = float(2 * norm.sf(abs(gain) / std_error)), ""
    else:
        difference, p_difference, reason = Estimate(gain), None, NO_EVENT
    if not (first.weeks > 0 and second.weeks > 0):
        return RestrictedMeanDifference(
            horizon_weeks, level, (first, second), difference, p_difference, Estimate(None), None, NO_TIME
        )
    log_ratio = float(np.log(second.weeks / first.weeks))
    log_error = float(np.hypot(first.std_error / first.weeks, second.std_error / second.weeks))
    if log_error > 0:
        low, high = np.exp([log_ratio - z * log_error, log_ratio + z * log_error]).tolist()
        ratio, p_ratio = Estimate(float(np.exp(log_ratio)), low, high), float(2 * norm.sf(abs(log_ratio) / log_error))
    else:
        ratio, p_ratio = Estimate(float(np.exp(log_ratio))), None
    return RestrictedMeanDifference(
        horizon_weeks, level, (first, second), difference, p_difference, ratio, p_ratio, reason
    )
