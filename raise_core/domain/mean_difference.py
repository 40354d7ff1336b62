"""Result of comparing two groups by their mean time without the event."""

from __future__ import annotations

from dataclasses import dataclass

from raise_core.domain.survival_results import Estimate, RestrictedMean


@dataclass(frozen=True)
class RestrictedMeanDifference:
    """Restricted mean survival times of two groups up to one horizon, and how far they lie apart.

    Attributes:
        horizon_weeks: up to where both means are taken.
        level: of confidence.
        means: of the reference group and of the other.
        difference_weeks: the other group's mean minus the reference's; above 0 where the other group does better. Its
            limits are None where neither group has an event before the horizon.
        p_difference: two-sided p-value that it is 0; None like the limits.
        ratio: the other group's mean divided by the reference's; None where a mean is 0.
        p_ratio: two-sided p-value that it is 1.
        reason: why there is no interval or p-value; empty otherwise.
    """

    horizon_weeks: float
    level: float
    means: tuple[RestrictedMean, RestrictedMean]
    difference_weeks: Estimate
    p_difference: float | None
    ratio: Estimate
    p_ratio: float | None
    reason: str = ""
