"""Who has the event by a horizon, who does not, and how much each counts for those censored before.

A patient whose state at the horizon is known also stands for others who left earlier: weight 1 / G(u-), G the
Kaplan-Meier estimate of not yet being censored, u the time of the event or the horizon (Graf et al., Stat Med
1999;18:2529-2545). Events come before censorings at the same time, so who is censored at the horizon is known to be
without the event at it. These are the weights of R's `survival::rttright`; they add up to the number of patients as
long as somebody is followed up to the horizon, or everybody has had the event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.outcome import Outcome
from raise_core.evaluation.concordance import censoring_survival_before
from raise_core.evaluation.horizon_accuracy import until_horizon

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class HorizonWeights:
    """States at a horizon and their weights, patients as in the outcome.

    Attributes:
        case: shape (n,), with the event by the horizon.
        control: shape (n,), known to be without it then.
        weight: shape (n,), 0 for those censored before.
        known: the outcome as known at the horizon.
    """

    case: BoolArray
    control: BoolArray
    weight: FloatArray
    known: Outcome

    @classmethod
    def of(cls, outcome: Outcome, horizon_weeks: float) -> HorizonWeights:
        """States of n patients.

        Raises:
            BadUsageError: the horizon is not a number above 0, or there is no patient.
        """
        known = until_horizon(outcome, horizon_weeks)
        control = (known.time_weeks == horizon_weeks) & ~known.event
        kept = known.event | control
        weight = np.zeros(len(known))
        weight[kept] = 1.0 / censoring_survival_before(known.time_weeks, known.event)[kept]
        return cls(known.event, control, weight, known)

    def censoring_influence(self, share: FloatArray) -> FloatArray:
        """Influence of each patient on a weighted sum through the estimate of G alone.

        The derivative of sum_i weight_i share_i with respect to how often patient k counts, by way of the hazards of
        censoring (infinitesimal jackknife; the direct part, weight_k share_k, is not in it).

        Args:
            share: shape (n,), what each patient's weight is multiplied with.

        Returns:
            Shape (n,).
        """
        time, event = self.known.time_weeks, self.known.event
        times, place = np.unique(time, return_inverse=True)
        leaving = np.bincount(place, minlength=len(times))
        ended = np.bincount(place, weights=event, minlength=len(times))
        at_risk = len(time) - np.cumsum(leaving) + leaving - ended
        # Controls end at the horizon and are not censored there: G is wanted up to just before it.
        censored_here = ~event & ~self.control
        censored = np.bincount(place, weights=censored_here, minlength=len(times))
        total = np.bincount(place, weights=self.weight * share, minlength=len(times))
        later = np.cumsum(total[::-1])[::-1] - total
        staying = at_risk - censored
        rate = np.divide(later, staying, out=np.zeros_like(later), where=(censored > 0) & (staying > 0))
        compensator = np.cumsum(np.divide(rate * censored, at_risk, out=np.zeros_like(later), where=at_risk > 0))
        # At a time of censorings an event of that time is no longer at risk of being censored.
        own = np.where(event, np.r_[0.0, compensator[:-1]][place], compensator[place])
        influence: FloatArray = np.where(censored_here, rate[place], 0.0) - own
        return influence
