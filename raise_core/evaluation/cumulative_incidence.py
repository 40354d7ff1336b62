"""Competing events: which came first, and how likely each is to have come first by a week.

1 - Kaplan-Meier of progression alone treats the dead as if they could still progress, and is too high; the
Aalen-Johansen estimate is not. Agrees with R's `survfit(Surv(time, factor))` (package survival), its standard errors
and limits included.

Gray's test of equal incidences is left out: no library of this project's gives it.

Sources: Aalen & Johansen, Scand J Statist 1978;5:141-150. Variance of Greenwood's type: Andersen, Borgan, Gill &
Keiding, Statistical Models Based on Counting Processes, 1993, section IV.4.1.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from raise_core.domain.errors import BadInputError, BadUsageError
from raise_core.domain.incidence_results import CumulativeIncidence, IncidenceCurve, IncidenceGroup
from raise_core.domain.outcome import Outcome
from raise_core.domain.survival_results import IntervalScale
from raise_core.evaluation.kaplan_meier import LEVEL, event_table
from raise_core.evaluation.log_rank import log_rank

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
NO_EVENT_YET = 0
"""Code of a patient censored without any event."""


def first_event(progression: Outcome, death: Outcome) -> tuple[FloatArray, IntArray]:
    """Which of two separately recorded events came first.

    A death counts where no progression was seen up to it, however long the last scan before lies back; both at one
    time count as progression. Without either, a patient is known to be free of both as long as scans looked for
    progression, so the time is that of the progression table.

    Args:
        progression: of n patients, censored at the last scan (or at death).
        death: of the same patients, in the same order.

    Returns:
        Times in weeks, shape (n,), and causes, shape (n,): 0 neither, 1 progression, 2 death without progression.

    Raises:
        BadInputError: the tables differ in length, or a progression was recorded after the death.
    """
    if len(progression) != len(death):
        raise BadInputError(
            f"progression is given for {len(progression)} patients and death for {len(death)}; "
            "both must hold the same patients in the same order."
        )
    after = progression.event & death.event & (progression.time_weeks > death.time_weeks)
    if after.any():
        at = int(np.flatnonzero(after)[0])
        raise BadInputError(
            f"{int(after.sum())} patients progressed after they died (row {at + 1} of the table: progression at week "
            f"{progression.time_weeks[at]:g}, death at week {death.time_weeks[at]:g}); correct the outcomes."
        )
    died = death.event & ~progression.event
    time = np.where(died, death.time_weeks, progression.time_weeks)
    return time, np.where(progression.event, 1, np.where(died, 2, NO_EVENT_YET)).astype(np.int64)


def cumulative_incidence(
    time_weeks: ArrayLike,
    cause: ArrayLike,
    causes: Sequence[str],
    *,
    group: ArrayLike | None = None,
    labels: Sequence[str] = ("all patients",),
    scale: IntervalScale = IntervalScale.LOG,
    level: float = LEVEL,
) -> CumulativeIncidence:
    """Aalen-Johansen estimate of every cause, group by group.

    From a landmark, give times minus the landmark and only patients without any event by then.

    Args:
        time_weeks: shape (n,), of the first event or of censoring.
        cause: shape (n,), 0 censored, k for the k-th of `causes`.
        causes: names of the events.
        group: shape (n,), 0 to the number of labels minus 1; one group when None.
        labels: names of the groups.
        scale: on which the limits of an incidence are symmetric; log is R's default.
        level: of confidence.

    Raises:
        BadInputError: times are missing or negative, or a code has no cause.
        BadUsageError: a group has no patient.
    """
    codes = np.asarray(cause, dtype=np.int64)
    if len(codes) and not 0 <= codes.min() <= codes.max() <= len(causes):
        raise BadInputError(
            f"cause has codes from {codes.min()} to {codes.max()}; it must be 0 (censored) to {len(causes)}."
        )
    any_event = Outcome.of(time_weeks=time_weeks, event=codes > NO_EVENT_YET)
    groups = np.zeros(len(codes), dtype=np.int64) if group is None else np.asarray(group, dtype=np.int64)
    found = []
    for number, label in enumerate(labels):
        inside = groups == number
        if not inside.any():
            raise BadUsageError(f"no patient is in the group {label}; choose another grouping or fewer conditions.")
        found.append(
            _one_group(any_event.take(inside), codes[inside], tuple(causes), label=label, scale=scale, level=level)
        )
    specific = tuple(
        log_rank(Outcome.of(time_weeks=any_event.time_weeks, event=codes == number), groups)
        for number in range(1, len(causes) + 1)
    )
    return CumulativeIncidence(tuple(causes), tuple(found), specific if len(labels) > 1 else None)


def _one_group(
    any_event: Outcome, cause: IntArray, causes: tuple[str, ...], *, label: str, scale: IntervalScale, level: float
) -> IncidenceGroup:
    times, place, events, _, at_risk = event_table(any_event)
    n, d = at_risk.astype(np.float64), events.astype(np.float64)
    event_free: FloatArray = np.cumprod(1.0 - d / n, dtype=np.float64)
    event_free[at_risk == events] = 0.0
    before = np.r_[1.0, event_free[:-1]]
    curves = []
    for number, name in enumerate(causes, start=1):
        own = np.bincount(place, weights=cause == number, minlength=len(times)).astype(np.float64)
        incidence = np.cumsum(before * own / n)
        std_error = _standard_error(incidence, before, own, d, n)
        low, high = _limits(incidence, std_error, scale, level)
        curves.append(IncidenceCurve(name, own.astype(np.int64), incidence, std_error, low, high))
    return IncidenceGroup(label, len(cause), times, at_risk, event_free, tuple(curves), scale, level)


def _standard_error(
    incidence: FloatArray, before: FloatArray, own: FloatArray, d: FloatArray, n: FloatArray
) -> FloatArray:
    """Each time's events are multinomial; what they change later is the incidence still to come, F(t) - F(s).

    Var F(t) = sum over s <= t of S(s-)^2 d_k (n - d_k) / n^3 + (F(t) - F(s))^2 d / (n (n - d))
               - 2 (F(t) - F(s)) S(s-) d_k / n^2,
    written as running sums in powers of F(t).
    """
    later = np.divide(d, n * (n - d), out=np.zeros_like(d), where=n > d)
    mixed = before * own / n**2
    variance = (
        np.cumsum(before**2 * own * (n - own) / n**3 + incidence**2 * later + 2 * incidence * mixed)
        - 2 * incidence * np.cumsum(incidence * later + mixed)
        + incidence**2 * np.cumsum(later)
    )
    error: FloatArray = np.sqrt(np.maximum(variance, 0.0))
    return error


def _limits(
    incidence: FloatArray, std_error: FloatArray, scale: IntervalScale, level: float
) -> tuple[FloatArray, FloatArray]:
    z = float(norm.ppf((1 + level) / 2))
    low, high = np.full_like(incidence, np.nan), np.full_like(incidence, np.nan)
    known = incidence > 0
    if scale is IntervalScale.LOG_LOG:
        known &= incidence < 1
    p, half = incidence[known], z * std_error[known]
    if scale is IntervalScale.PLAIN:
        low[known], high[known] = np.maximum(p - half, 0.0), np.minimum(p + half, 1.0)
    elif scale is IntervalScale.LOG:
        low[known], high[known] = p * np.exp(-half / p), np.minimum(p * np.exp(half / p), 1.0)
    else:
        middle, reach = np.log(-np.log(p)), half / (p * -np.log(p))
        low[known], high[known] = np.exp(-np.exp(middle + reach)), np.exp(-np.exp(middle - reach))
    return low, high
