"""A validated time-to-event outcome: the only form in which times and events travel inside the program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.errors import BadInputError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Outcome:
    """Right-censored times in weeks and whether each ended in the event.

    Attributes:
        time_weeks: shape (n,), float64, finite and not negative.
        event: shape (n,), bool; True where the event was seen, False where the patient was censored.
    """

    time_weeks: FloatArray
    event: BoolArray

    @classmethod
    def of(cls, *, time_weeks: ArrayLike, event: ArrayLike) -> Outcome:
        """Validate times (weeks) and event codes.

        Raises:
            BadInputError: lengths differ, a time is missing, infinite or negative, or events are not 0/1.
                Codes such as 1/2 (1 = censored, 2 = event) are refused rather than guessed.
        """
        times = np.array(time_weeks, dtype=np.float64, copy=True)
        codes = np.array(event, copy=True)
        if times.ndim != 1 or codes.shape != times.shape:
            raise BadInputError(
                f"time_weeks has shape {times.shape} and event {codes.shape}; "
                "both must be one column of the same length."
            )
        if codes.dtype != np.bool_:
            try:
                numeric = codes.astype(np.float64)
            except (TypeError, ValueError) as error:
                raise BadInputError(
                    "event must be 0 (censored) or 1 (event); it holds text. Recode the column."
                ) from error
            values = set(np.unique(numeric[~np.isnan(numeric)]).tolist())
            if np.isnan(numeric).any():
                raise BadInputError("event is missing for some patients; give 0 (censored) or 1 (event).")
            if not values <= {0.0, 1.0}:
                raise BadInputError(
                    f"event has the codes {sorted(values)}; it must be 0 (censored) or 1 (event). "
                    "For 1/2 codes subtract 1; for a censoring flag (CNSR) use 1 - CNSR."
                )
            codes = numeric == 1.0
        if not np.isfinite(times).all():
            raise BadInputError("time_weeks is missing or infinite for some patients; remove them or give a time.")
        if (times < 0).any():
            raise BadInputError(f"time_weeks has a negative value ({times.min():g}); times count from randomisation.")
        times.setflags(write=False)
        codes.setflags(write=False)
        return cls(times, codes)

    def __len__(self) -> int:
        return int(self.time_weeks.shape[0])

    @property
    def n_events(self) -> int:
        """How many patients had the event."""
        return int(self.event.sum())

    def take(self, index: ArrayLike) -> Outcome:
        """The outcome of the patients at `index` (positions or a boolean mask)."""
        chosen = np.asarray(index)
        return Outcome(self.time_weeks[chosen], self.event[chosen])
