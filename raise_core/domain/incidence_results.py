"""Results of competing events: how likely each of them has come first by a week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.survival_results import IntervalScale, LogRankTest

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class IncidenceCurve:
    """Probability that one event has come first, at each distinct time of its patients.

    Attributes:
        cause: which event.
        events: shape (k,), first events of this cause at each time.
        incidence: shape (k,), from each time on.
        std_error: shape (k,).
        low: shape (k,), lower limits; NaN where the incidence is 0, and where the scale has none.
        high: shape (k,), upper limits.
    """

    cause: str
    events: IntArray
    incidence: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def n_events(self) -> int:
        """First events of this cause in all."""
        return int(self.events.sum())


@dataclass(frozen=True, eq=False)
class IncidenceGroup:
    """Competing events in one group of patients; incidences and `event_free` add up to 1 at every time.

    Attributes:
        label: what the patients have in common.
        n: patients.
        time_weeks: shape (k,), ascending; before the first every incidence is 0.
        at_risk: shape (k,), patients without any event just before each time.
        event_free: shape (k,), probability of none of the events.
        curves: one a cause.
        scale: of the limits.
        level: of confidence.
    """

    label: str
    n: int
    time_weeks: FloatArray
    at_risk: IntArray
    event_free: FloatArray
    curves: tuple[IncidenceCurve, ...]
    scale: IntervalScale
    level: float


@dataclass(frozen=True, eq=False)
class CumulativeIncidence:
    """Competing events by group.

    Attributes:
        causes: names of the events.
        groups: in the order asked for.
        cause_specific: one log-rank test a cause, the other events counting as censored. It compares how fast an event
            comes among those still without any, not the incidences themselves; None with a single group.
    """

    causes: tuple[str, ...]
    groups: tuple[IncidenceGroup, ...]
    cause_specific: tuple[LogRankTest, ...] | None
