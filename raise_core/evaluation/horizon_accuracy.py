"""How well a cut tells who has the event by a horizon: predictive values, sensitivity, specificity under censoring.

Predictive values come from the Kaplan-Meier curve of each group, sensitivity and specificity from them and the share of
patients above the cut by Bayes' rule (Heagerty, Lumley & Pepe, Biometrics 2000;56:337-344). Their denominator is the
mixture of both groups' risks, not the curve of all patients together, so that both stay within 0 and 1 and hold when
censoring differs between the groups; without censoring before the horizon all are plain shares.

Limits: predictive values log-log (Greenwood), as R's `survfit(conf.type = "log-log")`; sensitivity and specificity by
the delta method on the logit scale, where the logit is a sum of independent parts:
logit(sensitivity) = log(share above / share below) + log(risk above) - log(risk below).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.stats import norm

from raise_core.domain.errors import BadUsageError
from raise_core.domain.horizon_results import (
    NO_CASE,
    NO_CONTROL,
    NO_EVENT,
    NO_PATIENT,
    NOBODY_LEFT,
    NOT_FOLLOWED,
    CutAccuracies,
    GroupAtHorizon,
    HorizonEstimate,
    ThresholdAccuracy,
)
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.kaplan_meier import LEVEL
from raise_core.evaluation.two_groups import OrderedOutcome

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Z = float(norm.ppf((1 + LEVEL) / 2))
MOST_CUTS = 500
_CELLS = 4_000_000  # cuts x patients worked on at a time


def until_horizon(outcome: Outcome, horizon_weeks: float) -> Outcome:
    """The outcome as known at a horizon: whoever is then without the event ends there.

    An event at the horizon counts; who is censored at it was followed up to it.

    Raises:
        BadUsageError: the horizon is not a number above 0, or there is no patient.
    """
    if not (np.isfinite(horizon_weeks) and horizon_weeks > 0):
        raise BadUsageError(f"the horizon is {horizon_weeks:g} weeks; it must be a number above 0.")
    if not len(outcome):
        raise BadUsageError("no patient is left to look at; loosen the filter.")
    inside = outcome.time_weeks <= horizon_weeks
    return Outcome(np.minimum(outcome.time_weeks, horizon_weeks), outcome.event & inside)


def group_at_horizon(outcome: Outcome, horizon_weeks: float) -> GroupAtHorizon:
    """Events, patients followed and Kaplan-Meier risk by a horizon of one group of patients.

    Args:
        outcome: times and events of the group, at least one patient.
        horizon_weeks: weeks from the clock's start.

    Raises:
        BadUsageError: as `until_horizon`.
    """
    known = until_horizon(outcome, horizon_weeks)
    ordered = OrderedOutcome.of(known)
    risk, _ = _risks(ordered.at_risk[None], ordered.deaths[None], *_one(known, horizon_weeks))
    return _group(len(known), known.n_events, _followed(known, horizon_weeks), risk[0])


def threshold_accuracy(outcome: Outcome, above: ArrayLike, horizon_weeks: float) -> ThresholdAccuracy:
    """Accuracy of one cut.

    Args:
        outcome: times and events of n patients.
        above: bool, shape (n,), who lies above the cut.
        horizon_weeks: weeks from the clock's start.

    Raises:
        BadUsageError: the horizon is not above 0, there is no patient, or `above` has another length.
    """
    return accuracy_of_cut(cut_accuracies(outcome, np.asarray(above, dtype=np.bool_)[None], horizon_weeks), 0)


def every_cut_accuracy(
    outcome: Outcome, values: ArrayLike, horizon_weeks: float, *, most_cuts: int = MOST_CUTS
) -> tuple[FloatArray, CutAccuracies]:
    """Cuts at each value of a marker but the largest, and their accuracy; patients above a cut are high.

    Args:
        outcome: times and events of n patients.
        values: shape (n,), finite.
        horizon_weeks: weeks from the clock's start.
        most_cuts: with more distinct values, so many of them, evenly spread over the patients.

    Returns:
        Ascending cuts, shape (C,), and their accuracies.

    Raises:
        BadUsageError: as `threshold_accuracy`.
    """
    marker = np.asarray(values, dtype=np.float64)
    known = until_horizon(outcome, horizon_weeks)
    if marker.shape != known.time_weeks.shape:
        raise BadUsageError(f"values has shape {marker.shape}, the outcome {len(known)} patients; give one a patient.")
    cuts = np.unique(marker)[:-1]
    if len(cuts) > most_cuts:
        cuts = np.unique(np.quantile(marker, np.arange(1, most_cuts + 1) / (most_cuts + 1), method="lower"))
        cuts = cuts[cuts < marker.max()]
    ordered = OrderedOutcome.of(known)
    marker, size = marker[ordered.order], max(1, _CELLS // len(known))
    by_time = (marker > cuts[at : at + size, None] for at in range(0, len(cuts), size))
    return cuts, _accuracies(known, ordered, horizon_weeks, by_time)


def cut_accuracies(outcome: Outcome, above: ArrayLike, horizon_weeks: float) -> CutAccuracies:
    """Accuracy of C cuts of the same patients.

    Args:
        outcome: times and events of n patients.
        above: bool, shape (C, n), who lies above each cut.
        horizon_weeks: weeks from the clock's start.

    Raises:
        BadUsageError: as `threshold_accuracy`.
    """
    high = np.atleast_2d(np.asarray(above, dtype=np.bool_))
    known = until_horizon(outcome, horizon_weeks)
    if high.shape[1] != len(known):
        raise BadUsageError(f"above has {high.shape[1]} patients, the outcome {len(known)}; give one flag a patient.")
    ordered = OrderedOutcome.of(known)
    size = max(1, _CELLS // len(known))
    by_time = (high[at : at + size, ordered.order] for at in range(0, len(high), size))
    return _accuracies(known, ordered, horizon_weeks, by_time)


def _one(known: Outcome, horizon_weeks: float) -> tuple[IntArray, IntArray]:
    return np.array([len(known)]), np.array([_followed(known, horizon_weeks)])


def _followed(known: Outcome, horizon_weeks: float) -> int:
    return int(np.sum((known.time_weeks == horizon_weeks) & ~known.event))


def _count(
    ordered: OrderedOutcome, member: BoolArray, first_left: int
) -> tuple[IntArray, IntArray, IntArray, FloatArray, FloatArray]:
    """Patients, events, patients followed, shape (C, 2); risks (C, 2, 3); variances of log(1 - risk), (C, 2).

    Args:
        ordered: the outcome as known at the horizon.
        member: shape (C, n), who lies above each cut, patients by time.
        first_left: where the patients begin who are known up to the horizon, n if there is none.
    """
    n_high = np.count_nonzero(member, axis=1)
    followed_high = np.count_nonzero(member[:, first_left:] & ~ordered.event[first_left:], axis=1)
    n = np.column_stack([member.shape[1] - n_high, n_high])
    followed = np.column_stack([np.count_nonzero(~ordered.event[first_left:]) - followed_high, followed_high])
    if len(ordered.first):
        from_time = np.add.reduceat(member, ordered.first, axis=1, dtype=np.int32)  # those who end from each event time
        at_risk = from_time[:, ::-1].cumsum(axis=1, dtype=np.float64)[:, ::-1]  # until the next
        deaths = np.add.reduceat(member & ordered.event, ordered.first, axis=1, dtype=np.int32).astype(np.float64)
    else:
        at_risk = deaths = np.zeros((len(member), 0))
    low = _risks(ordered.at_risk - at_risk, ordered.deaths - deaths, n[:, 0], followed[:, 0])
    above = _risks(at_risk, deaths, n[:, 1], followed[:, 1])
    died = deaths.sum(axis=1).astype(np.int64)
    events = np.column_stack([int(ordered.event.sum()) - died, died])
    return n, events, followed, np.stack([low[0], above[0]], axis=1), np.column_stack([low[1], above[1]])


def _risks(at_risk: FloatArray, deaths: FloatArray, n: IntArray, followed: IntArray) -> tuple[FloatArray, FloatArray]:
    """Risk with log-log limits, shape (C, 3), and Greenwood's variance of log(1 - risk) of C groups; NaN if unknown.

    Args:
        at_risk: shape (C, m), patients of each group at risk at m event times up to the horizon.
        deaths: shape (C, m), events of each group.
        n: shape (C,), patients.
        followed: shape (C,), known to be without the event at the horizon.
    """
    some = deaths > 0
    share = np.divide(deaths, at_risk, out=np.zeros_like(at_risk), where=some)
    survival = np.prod(1.0 - share, axis=1)
    staying = at_risk - deaths
    with np.errstate(divide="ignore"):
        variance = np.sum(np.divide(share, staying, out=np.zeros_like(share), where=some), axis=1)
    known = (n > 0) & ((followed > 0) | (survival == 0))
    survival = np.where(known, survival, np.nan)
    limits = np.full((len(survival), 2), np.nan)
    usual = known & (survival > 0) & (survival < 1)
    s = survival[usual]
    middle, reach = np.log(-np.log(s)), Z * np.sqrt(variance[usual]) / -np.log(s)
    limits[usual] = np.exp(-np.exp(np.column_stack([middle - reach, middle + reach])))  # upper and lower, of survival
    return 1.0 - np.column_stack([survival, limits]), np.where(known, variance, np.nan)


def _accuracies(
    known: Outcome,
    ordered: OrderedOutcome,
    horizon_weeks: float,
    by_time: Iterable[BoolArray],
) -> CutAccuracies:
    first_left = int(np.sum(known.time_weeks < horizon_weeks))
    parts = [_count(ordered, member, first_left) for member in by_time]
    everybody, _ = _risks(ordered.at_risk[None], ordered.deaths[None], *_one(known, horizon_weeks))
    whole = _group(len(known), known.n_events, _followed(known, horizon_weeks), everybody[0])
    if not parts:
        none, no_pair = np.empty((0, 3)), np.empty((0, 2), dtype=np.int64)
        return CutAccuracies(
            horizon_weeks, whole, no_pair, no_pair, no_pair, np.empty((0, 2, 3)), none, none, np.empty((0, 2))
        )
    n, events, followed, risk, log_variance = (np.concatenate(column) for column in zip(*parts, strict=True))
    share = n / n.sum(axis=1, keepdims=True)
    value, survival = risk[:, :, 0], 1.0 - risk[:, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        of_share = 1.0 / n.sum(axis=1) / (share[:, 0] * share[:, 1])
        of_log_risk = (survival / value) ** 2 * log_variance
        variance = survival**2 * log_variance
        sensitivity = _by_bayes(
            share[:, 1] * value[:, 1], share[:, 0] * value[:, 0], of_share + of_log_risk.sum(axis=1)
        )
        specificity = _by_bayes(
            share[:, 0] * survival[:, 0], share[:, 1] * survival[:, 1], of_share + log_variance.sum(axis=1)
        )
    return CutAccuracies(horizon_weeks, whole, n, events, followed, risk, sensitivity, specificity, variance)


def _by_bayes(found: FloatArray, missed: FloatArray, logit_variance: FloatArray) -> FloatArray:
    """Share found / (found + missed) with limits on the logit scale, shape (C, 3); NaN where there is none."""
    logit, reach = np.log(found) - np.log(missed), Z * np.sqrt(logit_variance)
    limits = expit(np.column_stack([logit - reach, logit + reach]))
    limits[~(np.isfinite(logit) & np.isfinite(reach))] = np.nan
    return np.column_stack([found / (found + missed), limits])


def accuracy_of_cut(accuracies: CutAccuracies, place: int) -> ThresholdAccuracy:
    """One of many cuts, with reasons where a number is missing."""
    low, high = (
        _group(
            int(accuracies.n[place, group]),
            int(accuracies.events[place, group]),
            int(accuracies.followed[place, group]),
            accuracies.risk[place, group],
        )
        for group in (0, 1)
    )
    unknown = next((g.risk.reason for g in (low, high) if g.risk.value is None), "")
    return ThresholdAccuracy(
        accuracies.horizon_weeks,
        high,
        low,
        accuracies.everybody,
        _estimate(accuracies.sensitivity[place], unknown or NO_CASE, _one_sided(low, high)),
        _estimate(accuracies.specificity[place], unknown or NO_CONTROL, _one_sided(low, high)),
    )


def _one_sided(low: GroupAtHorizon, high: GroupAtHorizon) -> str:
    """Why a sensitivity or specificity has no interval."""
    return next((group.risk.reason for group in (low, high) if group.risk.reason), "")


def _group(n: int, events: int, followed: int, risk: FloatArray) -> GroupAtHorizon:
    missing = NO_PATIENT if not n else NOT_FOLLOWED
    return GroupAtHorizon(n, events, followed, _estimate(risk, missing, NOBODY_LEFT if events else NO_EVENT))


def _estimate(numbers: FloatArray, if_missing: str, if_no_interval: str) -> HorizonEstimate:
    value, low, high = (None if np.isnan(x) else float(x) for x in numbers)
    reason = if_missing if value is None else if_no_interval if low is None else ""
    return HorizonEstimate(value, low, high, reason)
