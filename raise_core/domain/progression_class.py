"""Short against long progression-free survival: the class of each patient at a horizon, where there is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raise_core.domain.outcome import BoolArray, Outcome
from raise_core.domain.week import WEEKS_PER_YEAR


@dataclass(frozen=True, eq=False)
class ProgressionClass:
    """Who progressed within the horizon and who did not.

    Attributes:
        long: shape (n,), True where the patient was free of progression beyond the horizon. Long is the positive
            class; it says nothing where `known` is False.
        known: shape (n,), False where the patient was censored at or before the horizon: such a patient may belong to
            either class, so has none.
        horizon_weeks: the horizon.
    """

    long: BoolArray
    known: BoolArray
    horizon_weeks: float

    @property
    def n_long(self) -> int:
        """Patients known to be long."""
        return int((self.long & self.known).sum())

    @property
    def n_short(self) -> int:
        """Patients known to be short."""
        return int((~self.long & self.known).sum())

    @property
    def n_unknown(self) -> int:
        """Patients without a class."""
        return int((~self.known).sum())


def progression_class(outcome: Outcome, *, horizon_weeks: float = WEEKS_PER_YEAR) -> ProgressionClass:
    """Short is progression at or before the horizon, long is any time beyond it (Baur et al. 2025: one year)."""
    long = np.asarray(outcome.time_weeks > horizon_weeks)
    return ProgressionClass(long, long | outcome.event, horizon_weeks)
