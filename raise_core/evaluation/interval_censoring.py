"""Progression is seen at a scan but happened some time since the scan before: does the conclusion depend on that?

Three readings: events at the scan that showed them, in the middle of the interval, and Turnbull's estimate, which
knows nothing but the interval. Turnbull's curve agrees with R's `survfit(Surv(left, right, type = "interval2"))`,
which stops earlier.

Sources: Turnbull, J R Stat Soc B 1976;38:290-295. Wellner & Zhan, J Am Stat Assoc 1997;92:945-959 (the EM-ICM
algorithm). Gentleman & Geyer, Biometrika 1994;81:618-623 (when the maximum is reached).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import FloatArray, Outcome
from raise_core.domain.sensitivity_results import IntervalOutcome, IntervalSensitivity, TurnbullCurve
from raise_core.evaluation.survival_comparison import compare_survival

IntArray = NDArray[np.intp]
VISIT_TOLERANCE_WEEKS = 1.0
"""A visit so close before the recorded event is taken as the scan that showed it."""
TOLERANCE = 1e-8
"""The log likelihood reached lies at most so far below the largest there is."""
MOST_STEPS = 10_000
_SMALLEST_STEP = 2.0**-20
_DECIMALS = 6  # of a week: less than a second
_EM_STEPS = 3  # after each ICM step


def intervals_between_visits(
    outcome: Outcome,
    *,
    visit_patient: ArrayLike,
    visit_weeks: ArrayLike,
    exact: ArrayLike | None = None,
    tolerance_weeks: float = VISIT_TOLERANCE_WEEKS,
) -> IntervalOutcome:
    """From the scans each patient had, the interval in which the event must lie.

    An event lies after the patient's last visit before it, or after week 0 where there was none. A patient without the
    event is free of it up to the recorded time.

    Args:
        outcome: times and events of n patients, as recorded.
        visit_patient: shape (v,), whose visit, as position 0 to n - 1.
        visit_weeks: shape (v,), when, on the clock of `outcome`.
        exact: bool, shape (n,): events whose day is known, as a death; none when None.
        tolerance_weeks: a visit less than this before the recorded time showed the event, so it is not the one before.

    Raises:
        BadUsageError: a visit belongs to no patient, or lengths differ.
    """
    patient = np.asarray(visit_patient, dtype=np.intp)
    weeks = np.asarray(visit_weeks, dtype=np.float64)
    known = np.zeros(len(outcome), dtype=np.bool_) if exact is None else np.asarray(exact, dtype=np.bool_)
    if patient.shape != weeks.shape or known.shape != outcome.event.shape:
        raise BadUsageError("visit_patient and visit_weeks must be of one length, and exact one value a patient.")
    if len(patient) and not 0 <= patient.min() <= patient.max() < len(outcome):
        raise BadUsageError(f"visit_patient must lie between 0 and {len(outcome) - 1}.")
    before = weeks < outcome.time_weeks[patient] - tolerance_weeks
    last = np.zeros(len(outcome))
    np.maximum.at(last, patient[before], weeks[before])
    between = outcome.event & ~known
    return IntervalOutcome.of(
        left_weeks=np.where(between, last, outcome.time_weeks),
        right_weeks=np.where(outcome.event, outcome.time_weeks, np.inf),
    )


def midpoint_outcome(intervals: IntervalOutcome) -> Outcome:
    """Events in the middle of their intervals; the others censored at their left ends.

    Middles that differ by rounding only are made equal, so that ties stay ties.
    """
    seen = np.isfinite(intervals.right_weeks)
    right = np.where(seen, intervals.right_weeks, intervals.left_weeks)
    middle = np.where(seen, np.round((intervals.left_weeks + right) / 2, _DECIMALS), intervals.left_weeks)
    return Outcome.of(time_weeks=middle, event=seen)


def detection_outcome(intervals: IntervalOutcome) -> Outcome:
    """Events at the right ends of their intervals; the others censored at their left ends."""
    seen = np.isfinite(intervals.right_weeks)
    return Outcome.of(time_weeks=np.where(seen, intervals.right_weeks, intervals.left_weeks), event=seen)


def interval_sensitivity(intervals: IntervalOutcome, group: ArrayLike, labels: Sequence[str]) -> IntervalSensitivity:
    """Compare groups three ways.

    Args:
        intervals: of n patients.
        group: shape (n,), 0 to k - 1; 0 is the reference of the hazard ratios.
        labels: names of the k groups.

    Raises:
        BadUsageError: a group has no patient.
    """
    groups = np.asarray(group, dtype=np.int64)
    detected = compare_survival(detection_outcome(intervals), groups, labels)
    middle = compare_survival(midpoint_outcome(intervals), groups, labels)
    curves = tuple(turnbull(intervals.take(groups == number)) for number in range(len(labels)))
    long = np.isfinite(intervals.right_weeks) & (intervals.right_weeks > intervals.left_weeks)
    lengths = (intervals.right_weeks - intervals.left_weeks)[long]
    return IntervalSensitivity(
        tuple(labels), detected, middle, curves, int(long.sum()), float(lengths.max(initial=0.0))
    )


def turnbull(intervals: IntervalOutcome, *, tolerance: float = TOLERANCE) -> TurnbullCurve:
    """Nonparametric maximum likelihood estimate of survival from intervals (left, right].

    Masses sit on the innermost intervals only: those that run from a left end to a right end with no other end between.
    Steps of the iterative convex minorant algorithm alternate with those of EM.

    Args:
        intervals: of n patients, at least one.
        tolerance: the steps end when the log likelihood is proved to lie within this of its maximum, or after
            `MOST_STEPS`; the result's `shortfall` says how close it came.

    Raises:
        BadUsageError: no patient.
    """
    if not len(intervals):
        raise BadUsageError("a survival curve needs at least one patient; loosen the filter or the groups.")
    left, right, runs = _innermost(intervals)
    mass = np.full(len(left), 1.0 / len(left))
    shortfall = runs.shortfall(mass)
    steps = 0
    while shortfall > tolerance and steps < MOST_STEPS:
        mass = _convex_minorant_step(mass, runs)
        for _ in range(_EM_STEPS):
            mass = mass * runs.pull(mass) / runs.n
        shortfall = runs.shortfall(mass)
        steps += 1
    mass = mass / mass.sum()
    survival = np.maximum(1.0 - np.cumsum(mass), 0.0)
    survival[-1] = 0.0
    return TurnbullCurve(
        len(intervals), intervals.n_events, left, right, mass, survival, runs.log_likelihood(mass), shortfall
    )


@dataclass(frozen=True, eq=False)
class _Runs:
    """Which innermost intervals each patient's interval holds: a run of neighbours.

    Attributes:
        first: shape (u,), of the distinct runs.
        last: shape (u,), inclusive.
        weight: shape (u,), patients with that run.
        m: innermost intervals.
    """

    first: IntArray
    last: IntArray
    weight: FloatArray
    m: int

    @property
    def n(self) -> float:
        """Patients."""
        return float(self.weight.sum())

    def probability(self, mass: FloatArray) -> FloatArray:
        """Of each run, shape (u,)."""
        total = np.r_[0.0, np.cumsum(mass)]
        found: FloatArray = total[self.last + 1] - total[self.first]
        return found

    def log_likelihood(self, mass: FloatArray) -> float:
        """Of all patients; minus infinity where a run has no probability."""
        probability = self.probability(mass)
        return float(self.weight @ np.log(probability)) if (probability > 0).all() else -np.inf

    def pull(self, mass: FloatArray) -> FloatArray:
        """Derivative of the log likelihood by each mass, shape (m,)."""
        share = self.weight / self.probability(mass)
        change = np.bincount(self.first, share, self.m + 1) - np.bincount(self.last + 1, share, self.m + 1)
        found: FloatArray = np.cumsum(change)[:-1]
        return found

    def shortfall(self, mass: FloatArray) -> float:
        """Upper bound of what the log likelihood lacks: it is concave, so no mass gains more than its derivative says.

        At the maximum no derivative exceeds n (Gentleman & Geyer 1994).
        """
        return max(float(self.pull(mass).max()) - self.n, 0.0)


def _innermost(intervals: IntervalOutcome) -> tuple[FloatArray, FloatArray, _Runs]:
    """Left and right ends of the innermost intervals, and the run of them that each patient's interval holds.

    Ends are ordered by time; at one time an exact event and a right end come before the left end of an open interval.
    """
    exact = intervals.left_weeks == intervals.right_weeks
    times, rank = np.unique(np.r_[intervals.left_weeks, intervals.right_weeks], return_inverse=True)
    n = len(intervals)
    begin = 2 * rank[:n] + ~exact  # odd: just after that time
    end = 2 * rank[n:]
    begins, ends = np.unique(begin), np.unique(end)
    # A begin is innermost when an end comes before the next begin.
    following = ends[np.searchsorted(ends, begins, side="left")]
    innermost = following < np.r_[begins[1:], following[-1] + 1]
    begins, ends = begins[innermost], following[innermost]
    first = np.searchsorted(begins, begin, side="left")
    last = np.searchsorted(ends, end, side="right") - 1
    runs, weight = np.unique(np.column_stack([first, last]), axis=0, return_counts=True)
    return times[begins // 2], times[ends // 2], _Runs(runs[:, 0], runs[:, 1], weight.astype(np.float64), len(begins))


def _convex_minorant_step(mass: FloatArray, runs: _Runs) -> FloatArray:
    """One step of ICM: Newton's step on the distribution function with a diagonal Hessian, kept monotone.

    Halved until the log likelihood does not fall; the mass itself when no step raises it.
    """
    if runs.m == 1:
        return mass
    share = runs.weight / runs.probability(mass)
    curvature = share**2 / runs.weight

    # A run gains when F rises at its end, and loses when F rises just before its beginning.
    def summed(values: FloatArray) -> tuple[FloatArray, FloatArray]:
        at_end = np.bincount(runs.last, values, runs.m)[:-1].astype(np.float64)
        return at_end, np.bincount(runs.first, values, runs.m)[1:].astype(np.float64)

    raising, lowering = summed(share)
    bent = np.add(*summed(curvature))
    distribution = np.cumsum(mass)[:-1]
    target = isotonic_regression(distribution + (raising - lowering) / bent, weights=bent).x
    towards = np.diff(np.r_[0.0, np.clip(target, 0.0, 1.0), 1.0]) - mass
    before, length = runs.log_likelihood(mass), 1.0
    while length >= _SMALLEST_STEP:
        tried: FloatArray = np.maximum(mass + length * towards, 0.0)
        if runs.log_likelihood(tried) >= before:
            return tried
        length /= 2
    return mass
