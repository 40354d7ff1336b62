"""RECIST 1.0 and 1.1: what each visit shows, and the best overall response.

Sources: Therasse et al., J Natl Cancer Inst 2000;92:205-216 (version 1.0); Eisenhauer et al., Eur J Cancer
2009;45:228-247 (version 1.1). What a patient's scans say is read in two steps: each visit by itself
(`read_visits`), then the best of them up to progression (`best_overall_response`). Arrays have one row a patient and
one column a visit, so that a cohort is read at once; one patient is a cohort of one.
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

NODE_TARGET_MM = 15.0
"""Version 1.1: smallest short axis of a lymph node that is chosen as a target."""

NODE_NORMAL_MM = 10.0
"""Version 1.1: a lymph node with a shorter short axis is normal, and no disease any more."""

CONFIRMATION_WEEKS = 4.0
"""A response is confirmed by another one at least so much later (both versions)."""

MINIMUM_STABLE_WEEKS = 6.0
"""Stable disease must have been seen at least so long after baseline (both: in general six to eight weeks)."""

NO_VISIT = -1
"""In place of a response's code where a patient has no visit."""

_ROUNDING = 1e-9
"""Relative slack for sums that lie on a threshold but for binary rounding, such as 60 mm over 50 mm."""

_DATE_SLACK_WEEKS = 0.01
"""Slack for intervals between dates in weeks that were rounded; a day is 0.14 weeks."""

Codes = NDArray[np.int8]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


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

    @property
    def node_gone_below_mm(self) -> float:
        """Short axis below which a lymph node is no disease any more; 0 where nodes are lesions like any other."""
        return 0.0 if self is RecistVersion.V1_0 else NODE_NORMAL_MM


class Response(StrEnum):
    """What one follow-up visit shows, or the best of them; best first."""

    COMPLETE = "CR"
    PARTIAL = "PR"
    STABLE = "SD"
    PROGRESSIVE = "PD"
    NOT_EVALUABLE = "NE"


class NonTarget(StrEnum):
    """What a visit shows of the other lesions known at baseline."""

    NONE = "none at baseline"
    COMPLETE = "CR"
    INCOMPLETE = "non-CR/non-PD"
    NOT_EVALUATED = "not evaluated"
    PROGRESSIVE = "PD"


RESPONSES = tuple(Response)
"""A response's code is its place here."""

NON_TARGETS = tuple(NonTarget)
"""The code of what other lesions show is its place here."""

CR, PR, SD, PD, NE = range(len(RESPONSES))


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


@dataclass(frozen=True, eq=False)
class VisitReadings:
    """The follow-up visits of many patients.

    Attributes:
        codes: shape (patients, visits), place of each response in `RESPONSES`.
        nadir_mm: shape (patients, visits), smallest sum from baseline to the visit before.
    """

    codes: Codes
    nadir_mm: Floats


def overall_response(target: Response, non_target: NonTarget, *, new_lesion: bool) -> Response:
    """One visit's overall response from its three parts.

    Therasse 2000, table 4; Eisenhauer 2009, table 1. Version 1.0 does not say what other lesions that were not
    evaluated do to a complete response of the targets; it is read as version 1.1 has it (partial response).
    """
    if new_lesion or target is Response.PROGRESSIVE or non_target is NonTarget.PROGRESSIVE:
        return Response.PROGRESSIVE
    if target is Response.COMPLETE and non_target not in {NonTarget.NONE, NonTarget.COMPLETE}:
        return Response.PARTIAL
    return target


_OVERALL = np.array(
    [
        [
            [RESPONSES.index(overall_response(target, other, new_lesion=new)) for new in (False, True)]
            for other in NON_TARGETS
        ]
        for target in RESPONSES
    ],
    dtype=np.int8,
)
"""`overall_response` as a table: target by non-target by new lesion."""


def read_visits(
    *,
    baseline_mm: ArrayLike,
    sld_mm: ArrayLike,
    new_lesion: ArrayLike,
    version: RecistVersion,
    gone: ArrayLike | None = None,
    measured_mm: ArrayLike | None = None,
    non_target: ArrayLike | None = None,
) -> VisitReadings:
    """Read every follow-up visit of a cohort; columns are visits in order of date, NaN sums where there is none.

    Targets: progression goes first (a sum at least 20 % above the smallest from baseline to the visit before, in
    version 1.1 also at least 5 mm above it); then complete response (every target gone), partial response (at least
    30 % below baseline), else stable. A visit at which a target was not measured is not evaluable, unless those that
    were measured alone sum to progression. Then other lesions and new ones come in by `overall_response`. After a
    complete response any disease seen again is progression (Eisenhauer 2009, table 3, note a).

    Args:
        baseline_mm: shape (patients,), positive sums of diameters at baseline (mm).
        sld_mm: shape (patients, visits), sums at follow-up (mm); NaN where a target was not measured.
        new_lesion: shape (patients, visits), whether a lesion unknown at baseline is seen.
        version: edition of the criteria.
        gone: shape (patients, visits), whether every target is gone, nodes below 10 mm counting as gone in version
            1.1; a sum of 0 when not given.
        measured_mm: shape (patients, visits), sum of the targets that were measured (mm), NaN for none.
        non_target: shape (patients, visits), place in `NON_TARGETS`; none at baseline when not given.

    Raises:
        BadInputError: a baseline is missing or not positive, a sum is negative or infinite, or shapes differ.
    """
    base = np.asarray(baseline_mm, dtype=np.float64)
    sums = np.asarray(sld_mm, dtype=np.float64)
    new = np.asarray(new_lesion, dtype=np.bool_)
    if sums.ndim != 2 or new.shape != sums.shape or base.shape != sums.shape[:1]:
        raise BadInputError(
            f"sld_mm has shape {sums.shape}, new_lesion {new.shape} and baseline_mm {base.shape}; give one row a "
            "patient, one column a follow-up visit and one baseline a patient."
        )
    if not (np.isfinite(base) & (base > 0)).all():
        raise BadInputError("baseline_mm is missing or 0; RECIST needs a measured, positive sum at baseline.")
    if (sums < 0).any() or np.isinf(sums).any():
        raise BadInputError("sld_mm has a negative or infinite sum; a vanished lesion counts 0, a missing one NaN.")
    vanished = sums == 0.0 if gone is None else np.asarray(gone, dtype=np.bool_) & ~np.isnan(sums)
    others = np.zeros(sums.shape, np.int8) if non_target is None else np.asarray(non_target, dtype=np.int8)

    nadir = np.fmin.accumulate(np.concatenate((base[:, None], sums), axis=1), axis=1)[:, :-1]
    progressive = _grown(sums, nadir, version)
    if measured_mm is not None:
        progressive |= np.isnan(sums) & _grown(np.asarray(measured_mm, dtype=np.float64), nadir, version)
    partial = sums <= (1.0 - PARTIAL_RESPONSE_FRACTION) * base[:, None] * (1.0 + _ROUNDING)
    targets = np.select([progressive, np.isnan(sums), vanished, partial], [PD, NE, CR, PR], default=SD)
    codes = _OVERALL[targets, others, new.astype(np.int8)]

    after_complete = np.zeros(codes.shape, np.bool_)
    after_complete[:, 1:] = np.logical_or.accumulate(codes == CR, axis=1)[:, :-1]
    seen = (~vanished & ~np.isnan(sums)) | (others == NON_TARGETS.index(NonTarget.INCOMPLETE))
    codes = np.where(after_complete & seen, np.int8(PD), codes)
    return VisitReadings(codes, nadir)


def _grown(sums: Floats, nadir: Floats, version: RecistVersion) -> Flags:
    """Whether sums lie far enough above the smallest so far."""
    increase = sums - nadir
    slack = _ROUNDING * np.maximum(nadir, 1.0)
    grown = (increase > slack) & (increase >= PROGRESSION_FRACTION * nadir - slack)
    return np.asarray(grown & (increase >= version.progression_absolute_mm - slack), dtype=np.bool_)


def read_recist(
    *, baseline_mm: float, sld_mm: ArrayLike, new_lesion: ArrayLike, version: RecistVersion = RecistVersion.V1_0
) -> RecistReading:
    """Read every follow-up visit of one patient from sums and new lesions alone; see `read_visits`.

    Args:
        baseline_mm: sum of longest diameters at baseline (mm), positive.
        sld_mm: shape (visits,), sums at follow-up in order of date (mm); NaN where a target was not measured.
        new_lesion: shape (visits,), bool, whether a lesion unknown at baseline is seen at the visit.
        version: edition of the criteria.

    Raises:
        BadInputError: the baseline is missing or not positive, a sum is negative or infinite, or shapes differ.
    """
    sums, new = np.asarray(sld_mm, dtype=np.float64), np.asarray(new_lesion, dtype=np.bool_)
    if sums.ndim != 1 or new.shape != sums.shape:
        raise BadInputError(
            f"sld_mm has shape {sums.shape} and new_lesion {new.shape}; give one value of each per follow-up visit."
        )
    found = read_visits(baseline_mm=[baseline_mm], sld_mm=sums[None], new_lesion=new[None], version=version)
    progressive = found.codes[0] == PD
    nadir = found.nadir_mm[0]
    nadir.setflags(write=False)
    return RecistReading(
        tuple(RESPONSES[code] for code in found.codes[0]),
        nadir,
        int(np.argmax(progressive)) if progressive.any() else None,
    )


def before_progression(codes: Codes) -> Flags:
    """Shape (patients, visits): visits before the first that shows progression."""
    return np.asarray((codes != NO_VISIT) & ~np.logical_or.accumulate(codes == PD, axis=1), dtype=np.bool_)


def best_overall_response(
    codes: Codes,
    weeks: Floats,
    *,
    confirm: bool,
    confirmation_weeks: float = CONFIRMATION_WEEKS,
    minimum_stable_weeks: float = MINIMUM_STABLE_WEEKS,
) -> Codes:
    """The best response from baseline to progression, shape (patients,), places in `RESPONSES`.

    Eisenhauer 2009, table 3 (version 1.0 has the same rules). A confirmed response is followed by another at least
    as good and at least `confirmation_weeks` later, with nothing but such responses and visits that were not evaluable
    between. Stable disease, and a response that was not confirmed, count as stable when seen at least
    `minimum_stable_weeks` after baseline; seen earlier alone they make progression the best response, or not
    evaluable where no progression follows. Stable disease after a complete response is progression (table 3, note a).

    Args:
        codes: shape (patients, visits), places in `RESPONSES` in order of date, `NO_VISIT` where there is none.
        weeks: shape (patients, visits), weeks since the baseline visit.
        confirm: count responses only when confirmed.
        confirmation_weeks: least interval of the confirming visit.
        minimum_stable_weeks: least interval of stable disease from baseline.
    """
    relapsed = (codes == SD) & np.logical_or.accumulate(codes == CR, axis=1)
    read = np.where(relapsed, np.int8(PD), codes)
    valid = before_progression(read)
    complete = valid & (read == CR)
    responding = complete | (valid & (read == PR))
    if confirm:
        evaluated = read != NE
        has_complete = _confirmed(complete, evaluated & ~complete, weeks, confirmation_weeks)
        has_response = _confirmed(responding, evaluated & ~responding, weeks, confirmation_weeks)
    else:
        has_complete, has_response = complete.any(axis=1), responding.any(axis=1)
    late = weeks >= minimum_stable_weeks - _DATE_SLACK_WEEKS
    stable = ((responding | (valid & (read == SD))) & late).any(axis=1)
    progressed = (read == PD).any(axis=1)
    best = np.select([has_complete, has_response, stable, progressed], [CR, PR, SD, PD], default=NE)
    return best.astype(np.int8)


def _confirmed(response: Flags, ends: Flags, weeks: Floats, apart: float) -> Flags:
    """Whether two responses of one unbroken row of them lie far enough apart, shape (patients,)."""
    begun = np.full(len(response), np.nan)
    found = np.zeros(len(response), dtype=np.bool_)
    for now, end, week in zip(response.T, ends.T, weeks.T, strict=True):
        begun = np.where(end, np.nan, np.where(now & np.isnan(begun), week, begun))
        found |= now & (week - begun >= apart - _DATE_SLACK_WEEKS)
    return found
