"""RECIST 1.0 and 1.1 read from target-lesion sums and new lesions, one patient at a time.

Sources: Therasse et al., J Natl Cancer Inst 2000;92:205-216 (version 1.0); Eisenhauer et al., Eur J Cancer
2009;45:228-247 (version 1.1). Only target lesions and new lesions are read: non-target disease and confirmation
of a response are left to whoever has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.errors import BadInputError

PARTIAL_RESPONSE_FRACTION = 0.30
"""Partial response: the sum is at least this fraction below baseline (both versions)."""

PROGRESSION_FRACTION = 0.20
"""Progression: the sum is at least this fraction above the smallest sum so far (both versions)."""

PROGRESSION_ABSOLUTE_MM = 5.0
"""Version 1.1 also wants at least this many mm above the smallest sum so far."""

MEASURABLE_MM = 10.0
"""Smallest longest diameter of a target lesion on spiral CT (both versions; lymph nodes have their own rule)."""

_ROUNDING = 1e-9
"""Relative slack for sums that lie on a threshold but for binary rounding, such as 60 mm over 50 mm."""


class RecistVersion(StrEnum):
    """Which edition of the criteria is read."""

    V1_0 = "1.0"
    V1_1 = "1.1"

    @property
    def max_targets(self) -> int:
        """Most target lesions a patient may have: 10 (1.0) or 5 (1.1)."""
        return 10 if self is RecistVersion.V1_0 else 5

    @property
    def max_targets_per_organ(self) -> int:
        """Most target lesions in one organ: 5 (1.0) or 2 (1.1)."""
        return 5 if self is RecistVersion.V1_0 else 2

    @property
    def progression_absolute_mm(self) -> float:
        """Least absolute increase (mm) that progression needs besides the relative one."""
        return 0.0 if self is RecistVersion.V1_0 else PROGRESSION_ABSOLUTE_MM


class Response(StrEnum):
    """What one follow-up visit shows."""

    COMPLETE = "CR"
    PARTIAL = "PR"
    STABLE = "SD"
    PROGRESSIVE = "PD"
    NOT_EVALUABLE = "NE"


_ORDER = tuple(Response)
_PRECEDENCE = (Response.PROGRESSIVE, Response.NOT_EVALUABLE, Response.COMPLETE, Response.PARTIAL)


@dataclass(frozen=True, eq=False)
class RecistReading:
    """The follow-up visits of one patient, read in order.

    Attributes:
        responses: one response per follow-up visit.
        nadir_mm: shape (visits,), smallest sum from baseline to the visit before; missing sums are passed over.
        first_progression: position of the first progressive visit, None when there is none.
    """

    responses: tuple[Response, ...]
    nadir_mm: NDArray[np.float64]
    first_progression: int | None


def read_recist(
    *, baseline_mm: float, sld_mm: ArrayLike, new_lesion: ArrayLike, version: RecistVersion = RecistVersion.V1_0
) -> RecistReading:
    """Read every follow-up visit of one patient.

    Progression goes first: a new lesion, or a sum at least 20 % above the smallest sum from baseline to the visit
    before (version 1.1: and at least 5 mm). Then complete response (sum 0), partial response (at least 30 %
    below baseline), else stable. A missing sum without a new lesion is not evaluable. Once every target had
    vanished, any target that is seen again is growth without bound and so meets the relative rule.

    Args:
        baseline_mm: sum of longest diameters at baseline (mm), positive.
        sld_mm: shape (visits,), sums at follow-up in order of date (mm); NaN where a target was not measured.
        new_lesion: shape (visits,), bool, whether a lesion unknown at baseline is seen at the visit.
        version: edition of the criteria.

    Raises:
        BadInputError: the baseline is missing or not positive, a sum is negative or infinite, or shapes differ.
    """
    sums = np.asarray(sld_mm, dtype=np.float64)
    new = np.asarray(new_lesion, dtype=np.bool_)
    if sums.ndim != 1 or new.shape != sums.shape:
        raise BadInputError(
            f"sld_mm has shape {sums.shape} and new_lesion {new.shape}; give one value of each per follow-up visit."
        )
    if not (np.isfinite(baseline_mm) and baseline_mm > 0):
        raise BadInputError(f"baseline_mm is {baseline_mm}; RECIST needs a measured, positive sum at baseline.")
    if (sums < 0).any() or np.isinf(sums).any():
        raise BadInputError("sld_mm has a negative or infinite sum; a vanished lesion counts 0, a missing one NaN.")

    nadir = np.fmin.accumulate(np.concatenate(([baseline_mm], sums)))[:-1]
    increase = sums - nadir
    slack = _ROUNDING * np.maximum(nadir, 1.0)
    grown = (increase > slack) & (increase >= PROGRESSION_FRACTION * nadir - slack)
    grown &= increase >= version.progression_absolute_mm - slack
    progressive = new | grown
    partial = sums <= (1.0 - PARTIAL_RESPONSE_FRACTION) * baseline_mm * (1.0 + _ROUNDING)

    codes = np.select(
        [progressive, np.isnan(sums), sums == 0.0, partial],
        [_ORDER.index(response) for response in _PRECEDENCE],
        default=_ORDER.index(Response.STABLE),
    )
    first = int(np.argmax(progressive)) if progressive.any() else None
    nadir.setflags(write=False)
    return RecistReading(tuple(_ORDER[code] for code in codes), nadir, first)
