"""Two groups compared at many cuts at once: log-rank test and Cox hazard ratio, fast enough to follow a slider.

One pass over the sorted times serves every cut. Equal to `log_rank` and to R's `coxph` with Efron ties.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2 as chi2_distribution

from raise_core.domain.outcome import Outcome

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]
MOST_CELLS = 20_000_000  # cuts x patients worked on at a time
MOST_STEPS = 40
CONVERGED = 1e-12  # of the last Newton step, in log hazard ratio


@dataclass(frozen=True, eq=False)
class OrderedOutcome:
    """Times and events sorted once, for every grouping of the same patients.

    Attributes:
        order: shape (n,), patients by time.
        event: shape (n,), in that order.
        first: shape (m,), where the patients at risk at each distinct event time begin.
        at_risk: shape (m,), how many.
        deaths: shape (m,), events at each of those times.
        time_of_event: shape (events,), which of the m times each event has.
        left_out: shape (events,), Efron's share k/d of the tied events that its risk set leaves out.
    """

    order: IntArray
    event: BoolArray
    first: IntArray
    at_risk: FloatArray
    deaths: FloatArray
    time_of_event: IntArray
    left_out: FloatArray

    @classmethod
    def of(cls, outcome: Outcome) -> OrderedOutcome:
        """Sort an outcome."""
        order = np.argsort(outcome.time_weeks, kind="stable")
        time, event = outcome.time_weeks[order], outcome.event[order]
        times, place = np.unique(time[event], return_inverse=True)
        first = np.searchsorted(time, times, side="left")
        deaths = np.bincount(place, minlength=len(times))
        rank = np.arange(len(place)) - np.r_[0, np.cumsum(deaths)[:-1]].astype(np.intp)[place]
        at_risk = (len(time) - first).astype(np.float64)
        return cls(order, event, first, at_risk, deaths.astype(np.float64), place, rank / deaths[place])


@dataclass(frozen=True, eq=False)
class TwoGroupComparisons:
    """The second group against the first, for C groupings.

    Attributes:
        n: shape (C, 2), patients of both groups.
        events: shape (C, 2).
        chi2: shape (C,), log-rank statistic with one degree of freedom; NaN where nothing can be compared.
        p: shape (C,), its p-value.
        log_hazard_ratio: shape (C,), Cox, Efron ties; NaN where it is infinite or nothing can be compared.
        std_error: shape (C,).
    """

    n: IntArray
    events: IntArray
    chi2: FloatArray
    p: FloatArray
    log_hazard_ratio: FloatArray
    std_error: FloatArray


def compare_two_groups(ordered: OrderedOutcome, second: ArrayLike) -> TwoGroupComparisons:
    """Compare the patients in `second` with the others, grouping by grouping.

    Args:
        ordered: the outcome of n patients.
        second: bool, shape (C, n) or (n,): who belongs to the second group, patients as in the outcome.
    """
    member = np.atleast_2d(np.asarray(second, dtype=np.bool_))
    at_once = max(1, MOST_CELLS // max(member.shape[1], 1))
    parts = [_compare(ordered, member[at : at + at_once]) for at in range(0, len(member), at_once)]
    return TwoGroupComparisons(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _compare(ordered: OrderedOutcome, second: BoolArray) -> tuple[NDArray[np.generic], ...]:
    cuts, n = second.shape
    member = second[:, ordered.order]
    n_second = member.sum(axis=1)
    seen = member & ordered.event
    events_second = seen.sum(axis=1)
    counts = np.column_stack([n - n_second, n_second])
    events = np.column_stack([int(ordered.event.sum()) - events_second, events_second])
    missing = np.full(cuts, np.nan)
    if not len(ordered.first):
        return counts, events, missing, missing.copy(), missing.copy(), missing.copy()
    passed = np.concatenate([np.zeros((cuts, 1)), member.cumsum(axis=1, dtype=np.float64)], axis=1)
    at_risk = n_second[:, None] - passed[:, ordered.first]
    deaths = _sums_by_time(seen[:, ordered.event], ordered)
    chi2 = _log_rank(ordered, at_risk, deaths)
    log_ratio, std_error = _hazard_ratio(ordered, at_risk, deaths)
    return counts, events, chi2, chi2_distribution.sf(chi2, 1), log_ratio, std_error


def _sums_by_time(of_events: BoolArray, ordered: OrderedOutcome) -> FloatArray:
    """Events of the second group at each event time; `of_events` has the events in order of time."""
    starts = np.r_[0, np.cumsum(ordered.deaths)[:-1]].astype(np.intp)
    return np.add.reduceat(of_events.astype(np.float64), starts, axis=1)


def _log_rank(ordered: OrderedOutcome, at_risk: FloatArray, deaths: FloatArray) -> FloatArray:
    share = at_risk / ordered.at_risk
    spread = ordered.deaths * np.divide(
        ordered.at_risk - ordered.deaths,
        ordered.at_risk - 1,
        out=np.zeros_like(ordered.at_risk),
        where=ordered.at_risk > 1,
    )
    variance = (share * (1 - share)) @ spread
    surplus = deaths.sum(axis=1) - share @ ordered.deaths
    chi2: FloatArray = np.divide(surplus**2, variance, out=np.full_like(variance, np.nan), where=variance > 0)
    return chi2


def _hazard_ratio(ordered: OrderedOutcome, at_risk: FloatArray, deaths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Newton's method for the one coefficient of every grouping; NaN where there is no finite maximum."""
    own = at_risk[:, ordered.time_of_event] - ordered.left_out * deaths[:, ordered.time_of_event]
    other = (ordered.at_risk - at_risk)[:, ordered.time_of_event]
    other = other - ordered.left_out * (ordered.deaths - deaths)[:, ordered.time_of_event]
    mixed = (at_risk > 0) & (at_risk < ordered.at_risk)
    informative = np.where(mixed, deaths, 0.0).sum(axis=1)
    against = np.where(mixed, ordered.deaths - deaths, 0.0).sum(axis=1)
    todo = np.flatnonzero((informative > 0) & (against > 0))
    log_ratio, std_error = np.full(len(at_risk), np.nan), np.full(len(at_risk), np.nan)
    beta = np.zeros(len(todo))
    total = deaths[todo].sum(axis=1)
    left = np.arange(len(todo))
    information = np.ones(len(todo))
    for _ in range(MOST_STEPS):
        weighted = np.exp(beta[left])[:, None] * own[todo[left]]
        share = weighted / (weighted + other[todo[left]])
        information[left] = (share * (1 - share)).sum(axis=1)
        step = np.clip((total[left] - share.sum(axis=1)) / information[left], -2.0, 2.0)
        beta[left] += step
        left = left[np.abs(step) > CONVERGED]
        if not len(left):
            break
    log_ratio[todo], std_error[todo] = beta, 1.0 / np.sqrt(information)
    return log_ratio, std_error
