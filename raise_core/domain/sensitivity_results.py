"""Does the conclusion depend on when within the interval between two scans a patient progressed?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.errors import BadInputError
from raise_core.domain.survival_results import SurvivalComparison

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class IntervalOutcome:
    """Between which weeks each patient's event lies: after `left_weeks`, and by `right_weeks`.

    Attributes:
        left_weeks: shape (n,), finite, not negative: last week known to be without the event.
        right_weeks: shape (n,), not before `left_weeks`: first week known to be after it; infinite where it was never
            seen, equal to `left_weeks` where the time is known exactly.
    """

    left_weeks: FloatArray
    right_weeks: FloatArray

    @classmethod
    def of(cls, *, left_weeks: ArrayLike, right_weeks: ArrayLike) -> IntervalOutcome:
        """Validate intervals (weeks).

        Raises:
            BadInputError: lengths differ, a left end is missing, infinite or negative, or a right end lies before it.
        """
        left, right = (np.array(ends, dtype=np.float64, copy=True) for ends in (left_weeks, right_weeks))
        if left.ndim != 1 or right.shape != left.shape:
            raise BadInputError(
                f"left_weeks has shape {left.shape} and right_weeks {right.shape}; both must be one column of the same "
                "length."
            )
        if not np.isfinite(left).all() or (left < 0).any():
            raise BadInputError("left_weeks must be finite and not negative; use 0 where no scan came before.")
        if not (right >= left).all():
            raise BadInputError(
                "right_weeks is missing or before left_weeks for some patients; use infinity where the event was never "
                "seen."
            )
        left.setflags(write=False)
        right.setflags(write=False)
        return cls(left, right)

    def __len__(self) -> int:
        return int(self.left_weeks.shape[0])

    @property
    def n_events(self) -> int:
        """Patients whose event was seen."""
        return int(np.isfinite(self.right_weeks).sum())

    def take(self, index: ArrayLike) -> IntervalOutcome:
        """The intervals of the patients at `index` (positions or a boolean mask)."""
        chosen = np.asarray(index)
        return IntervalOutcome(self.left_weeks[chosen], self.right_weeks[chosen])


@dataclass(frozen=True)
class MedianInterval:
    """Between which weeks a curve passes a half; it cannot be known closer. This is no confidence interval.

    Attributes:
        earliest_weeks: None where the curve does not come down to a half.
        latest_weeks: likewise.
    """

    earliest_weeks: float | None
    latest_weeks: float | None


@dataclass(frozen=True, eq=False)
class TurnbullCurve:
    """Survival where events are only known to lie in intervals; it falls within its intervals and is flat between.

    How it falls within an interval cannot be known. Drawn at `right_weeks` the steps are as late as the data allow,
    at `left_weeks` as early.

    Attributes:
        n: patients.
        n_events: patients whose event was seen.
        left_weeks: shape (m,), where each innermost interval begins; an interval does not hold this week itself
            unless it is a single week.
        right_weeks: shape (m,), where it ends; infinite for the share of patients beyond the last left end.
        mass: shape (m,), probability of an event in each; they add up to 1.
        survival: shape (m,), from the end of each interval to the start of the next; 0 after the last.
        log_likelihood: reached.
        shortfall: the largest log likelihood lies at most so much higher.
    """

    n: int
    n_events: int
    left_weeks: FloatArray
    right_weeks: FloatArray
    mass: FloatArray
    survival: FloatArray
    log_likelihood: float
    shortfall: float

    def median(self) -> MedianInterval:
        """The innermost interval in which the curve passes a half.

        Where it lies exactly on a half, from the interval that brought it there to the end of the flat piece.
        """
        rounding = 1e-9
        at = int(np.flatnonzero(self.survival <= 0.5 + rounding)[0])
        if np.isinf(self.right_weeks[at]):
            return MedianInterval(None, None)
        on_it = abs(float(self.survival[at]) - 0.5) <= rounding
        latest = self.right_weeks[at]
        if on_it:
            going_on = np.flatnonzero(self.mass[at + 1 :] > rounding)
            latest = self.left_weeks[at + 1 + going_on[0]] if len(going_on) else latest
        return MedianInterval(float(self.left_weeks[at]), float(max(latest, self.right_weeks[at])))


@dataclass(frozen=True, eq=False)
class IntervalSensitivity:
    """The same groups read three ways: events dated at their scan, in the middle, and as intervals.

    Attributes:
        labels: of the groups.
        at_detection: events at the right end of their intervals: the usual reading.
        at_midpoint: events in the middle of their intervals.
        turnbull: one curve a group, by interval.
        n_interval: patients whose event lies in an interval longer than 0.
        longest_interval_weeks: of those; 0 when there is none.
    """

    labels: tuple[str, ...]
    at_detection: SurvivalComparison
    at_midpoint: SurvivalComparison
    turnbull: tuple[TurnbullCurve, ...]
    n_interval: int
    longest_interval_weeks: float
