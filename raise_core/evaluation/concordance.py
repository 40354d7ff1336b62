"""Harrell's and Uno's concordance of many risks at once.

Conventions, the same for every function here and those of R's `survival::concordance`:

* a risk is higher = worse, so a pair is concordant when the patient with the earlier event has the higher risk;
* a pair counts when one patient has an event and the other's time is later, or is the same and censored (the
  censored patient lived past it); two events at the same time are not comparable;
* equal risks count one half.

Pairs are counted by merging blocks of patients in time order, n log^2 n steps, so memory stays linear in n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.models.efron import IntArray, last_of_run

NO_COMPARABLE_PAIRS = "no comparable pairs"
NO_RISK = "no risk for some test patients"
NO_CENSORING_SURVIVAL = "no censoring probability at a test event"
REASONS = (None, NO_COMPARABLE_PAIRS, NO_RISK, NO_CENSORING_SURVIVAL)
"""Why a concordance is missing, by code; code 0 is one that could be computed."""

CHUNK_VALUES = 300_000
"""Patients times fits counted together; bounds memory to some tens of megabytes."""


@dataclass(frozen=True, eq=False)
class Concordances:
    """B concordances.

    Attributes:
        c: (concordant + tied / 2) / comparable, shape (B,); NaN where there is none.
        concordant: pairs (weighted for Uno) in which the earlier event had the higher risk, shape (B,).
        tied: pairs with equal risks.
        comparable: all pairs that can be compared.
        reason_code: shape (B,), index into `REASONS`.
    """

    c: FloatArray
    concordant: FloatArray
    tied: FloatArray
    comparable: FloatArray
    reason_code: NDArray[np.int8]

    @property
    def reason(self) -> tuple[str | None, ...]:
        """Why each concordance is missing; None where it is not."""
        return tuple(REASONS[code] for code in self.reason_code)


def harrell_c(risk: ArrayLike, time_weeks: ArrayLike, event: ArrayLike, *, rows: ArrayLike) -> Concordances:
    """Harrell's c of B risks.

    Args:
        risk: shape (n,) or (B, n), higher = worse; NaN is allowed outside `rows`.
        time_weeks: shape (n,) or (B, n).
        event: bool, shape (n,) or (B, n).
        rows: bool, shape (B, n); the patients each concordance is computed on.

    Source: Harrell FE et al. JAMA 1982;247:2543-2546.
    """
    return _concordances(risk, time_weeks, event, rows=rows, censoring_survival=None, tau_weeks=None)[0]


def uno_c(
    risk: ArrayLike,
    time_weeks: ArrayLike,
    event: ArrayLike,
    *,
    rows: ArrayLike,
    censoring_survival: ArrayLike,
    tau_weeks: ArrayLike | None = None,
) -> Concordances:
    """Uno's c of B risks: pairs weighted by 1 / G(t-)^2 at the earlier event, so that censoring does not steer it.

    Args:
        risk: as in `harrell_c`.
        time_weeks: as in `harrell_c`.
        event: as in `harrell_c`.
        rows: as in `harrell_c`.
        censoring_survival: G(t-) of each patient, shape (n,) or (B, n), from the whole landmark set
            (`censoring_survival_before`), so that all splits weigh alike.
        tau_weeks: events later than this do not start a pair; one number or shape (B,). When None, none is left out,
            which is tau at the last event of the landmark set (G(t-) is positive at every event of its own set).

    Source: Uno H et al. Stat Med 2011;30:1105-1117.
    """
    return _concordances(
        risk, time_weeks, event, rows=rows, censoring_survival=censoring_survival, tau_weeks=tau_weeks
    )[1]


def harrell_and_uno(
    risk: ArrayLike,
    time_weeks: ArrayLike,
    event: ArrayLike,
    *,
    rows: ArrayLike,
    censoring_survival: ArrayLike,
    tau_weeks: ArrayLike | None = None,
) -> tuple[Concordances, Concordances]:
    """Both concordances from one count of the pairs; arguments as in `uno_c`."""
    return _concordances(risk, time_weeks, event, rows=rows, censoring_survival=censoring_survival, tau_weeks=tau_weeks)


def censoring_survival_before(time_weeks: ArrayLike, event: ArrayLike) -> FloatArray:
    """Probability G(t-) of not yet being censored just before each patient's time: Kaplan-Meier of the censoring.

    A patient with an event at a time is no longer at risk of being censored at that time, as events come first.

    Args:
        time_weeks: shape (n,), the whole landmark set.
        event: bool, shape (n,).

    Returns:
        Shape (n,), in (0, 1].
    """
    times = np.asarray(time_weeks, dtype=np.float64)
    events = np.asarray(event, dtype=np.bool_)
    distinct, place = np.unique(times, return_inverse=True)
    n_events = np.bincount(place, weights=events, minlength=len(distinct))
    n_censored = np.bincount(place, weights=~events, minlength=len(distinct))
    leaving = n_events + n_censored
    at_risk = len(times) - np.cumsum(leaving) + n_censored
    survival = np.cumprod(1.0 - n_censored / np.maximum(at_risk, 1.0))
    before: FloatArray = np.r_[1.0, survival[:-1]][place]
    return before


def _concordances(
    risk: ArrayLike,
    time_weeks: ArrayLike,
    event: ArrayLike,
    *,
    rows: ArrayLike,
    censoring_survival: ArrayLike | None,
    tau_weeks: ArrayLike | None,
) -> tuple[Concordances, Concordances]:
    chosen = np.atleast_2d(np.asarray(rows, dtype=np.bool_))
    shape = chosen.shape
    problem = _Problem(
        risk=np.broadcast_to(np.asarray(risk, dtype=np.float64), shape),
        time_weeks=np.broadcast_to(np.asarray(time_weeks, dtype=np.float64), shape),
        event=np.broadcast_to(np.asarray(event, dtype=np.bool_), shape),
        member=chosen,
        survival=np.broadcast_to(
            np.asarray(1.0 if censoring_survival is None else censoring_survival, dtype=np.float64), shape
        ),
    )
    tau = np.broadcast_to(np.asarray(np.inf if tau_weeks is None else tau_weeks, dtype=np.float64), shape[:1])
    size = max(CHUNK_VALUES // max(int(chosen.sum(axis=1).max(initial=0)), 1), 1)
    parts = [
        _count(problem.fits(slice(start, start + size)), tau[start : start + size])
        for start in range(0, max(shape[0], 1), size)
    ]
    harrell, uno = (np.concatenate([part[k] for part in parts], axis=1) for k in (0, 1))
    reasons = np.concatenate([part[2] for part in parts], axis=1)
    return _summarise(harrell, reasons[0]), _summarise(uno, reasons[1])


@dataclass(frozen=True, eq=False)
class _Problem:
    """B risks and what they are judged against, all of shape (B, n)."""

    risk: FloatArray
    time_weeks: FloatArray
    event: BoolArray
    member: BoolArray
    survival: FloatArray

    def fits(self, some: slice) -> _Problem:
        return _Problem(
            self.risk[some], self.time_weeks[some], self.event[some], self.member[some], self.survival[some]
        )

    def patients(self, place: IntArray) -> _Problem:
        """The patients at `place` (B, m) of each fit, in that order."""
        return _Problem(
            np.take_along_axis(self.risk, place, axis=1),
            np.take_along_axis(self.time_weeks, place, axis=1),
            np.take_along_axis(self.event, place, axis=1),
            np.take_along_axis(self.member, place, axis=1),
            np.take_along_axis(self.survival, place, axis=1),
        )


def _summarise(pairs: FloatArray, reason_code: NDArray[np.int8]) -> Concordances:
    concordant, tied, comparable = pairs
    code = np.where((reason_code == 0) & (comparable <= 0), REASONS.index(NO_COMPARABLE_PAIRS), reason_code)
    c = np.full(len(comparable), np.nan)
    known = code == 0
    c[known] = (concordant[known] + 0.5 * tied[known]) / comparable[known]
    return Concordances(c, concordant, tied, comparable, code.astype(np.int8))


def _count(problem: _Problem, tau: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[np.int8]]:
    """Pairs of Harrell (3, B), of Uno (3, B), and both reason codes (2, B)."""
    most = max(int(problem.member.sum(axis=1).max(initial=0)), 1)
    few = problem.patients(np.argsort(~problem.member, axis=1, kind="stable")[:, :most])
    unknown = np.asarray((np.isnan(few.risk) & few.member).any(axis=1), dtype=np.bool_)
    # Padding sorts last and has the highest risk: it is never below another's.
    few = _Problem(
        risk=np.where(few.member & ~unknown[:, None], few.risk, np.inf),
        time_weeks=np.where(few.member, few.time_weeks, np.inf),
        event=few.event & few.member,
        member=few.member,
        survival=few.survival,
    )
    few = few.patients(np.lexsort((few.risk, ~few.event, few.time_weeks, ~few.member), axis=-1))
    pairs = np.stack(_pairs_of_each(few)).astype(np.float64) * few.event

    scoring = few.event & (few.time_weeks <= tau[:, None])
    weighable = few.survival > 0
    weight = np.divide(1.0, few.survival**2, out=np.zeros(few.survival.shape), where=scoring & weighable)
    reasons = np.zeros((2, len(tau)), dtype=np.int8)
    unweighable = np.asarray((scoring & ~weighable & (pairs[2] > 0)).any(axis=1), dtype=np.bool_)
    reasons[1, unweighable] = REASONS.index(NO_CENSORING_SURVIVAL)
    reasons[:, unknown] = REASONS.index(NO_RISK)
    return pairs.sum(axis=2), (pairs * weight).sum(axis=2), reasons


def _pairs_of_each(few: _Problem) -> tuple[IntArray, IntArray, IntArray]:
    """Concordant, tied and comparable pairs that each patient's event starts, shapes (B, n).

    Patients stand in the order of time, events before censored, then risk; padding last. As events at one time stand
    in the order of risk, none of them has a lower risk behind it: they add nothing to the concordant pairs, and what
    they add to the tied ones is the rest of their run of equal risks.
    """
    times, events, risks, member = few.time_weeks, few.event, few.risk, few.member
    index = np.arange(times.shape[1])
    new_group = np.ones(times.shape, dtype=np.bool_)
    new_group[:, :-1] = (times[:, 1:] != times[:, :-1]) | (events[:, 1:] != events[:, :-1])
    new_risk = new_group.copy()
    new_risk[:, :-1] |= risks[:, 1:] != risks[:, :-1]
    comparable = member.sum(axis=1, keepdims=True) - 1 - last_of_run(new_group)
    tied_same_time = last_of_run(new_risk) - index

    by_risk = np.argsort(risks, axis=1, kind="stable")
    sorted_risks = np.take_along_axis(np.where(member, risks, np.nan), by_risk, axis=1)
    differs = np.ones(times.shape, dtype=np.bool_)
    differs[:, :-1] = sorted_risks[:, 1:] != sorted_risks[:, :-1]
    tied = np.empty(times.shape, dtype=np.intp)
    np.put_along_axis(tied, by_risk, last_of_run(differs) - index, axis=1)
    rank = np.empty(times.shape, dtype=np.intp)
    np.put_along_axis(rank, by_risk, np.broadcast_to(index, times.shape), axis=1)
    return _lower_behind(rank), tied - tied_same_time, comparable


def _lower_behind(rank: IntArray) -> IntArray:
    """How many later positions of the same row have a lower rank, shape (B, n); ranks are distinct.

    Blocks of 2, 4, 8 ... positions are sorted by rank; in each, a member of the first half counts the members of the
    second half that came before it.
    """
    fits, n = rank.shape
    length = 1 << max(n - 1, 1).bit_length()
    padded = np.concatenate([rank, np.broadcast_to(np.arange(n, length), (fits, length - n))], axis=1)
    count = np.zeros(padded.shape, dtype=np.intp)
    size = 2
    while size <= length:
        blocks = padded.reshape(-1, size)
        order = np.argsort(blocks, axis=1)
        second = order >= size // 2
        before = np.cumsum(second, axis=1)
        before[second] = 0
        found = np.empty_like(before)
        np.put_along_axis(found, order, before, axis=1)
        count += found.reshape(count.shape)
        size *= 2
    return count[:, :n]
