"""Cut-points chosen by looking: the best cut of a marker, and p-values that take the choice into account.

The cut with the largest log-rank statistic finds a difference in pure noise four times in ten. The maximally selected
rank statistic asks how often the *best* cut of a marker without any meaning would do as well.

Sources: Lausen & Schumacher, Biometrics 1992;48:73-85; Lausen, Sauerbrei & Schumacher 1994 (improved Bonferroni
bound); Hothorn & Lausen, Comput Stat Data Anal 2003;43:121-137. Statistics agree with R's package maxstat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.kaplan_meier import event_table

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
LOWEST_SHARE, HIGHEST_SHARE = 0.1, 0.9
PERMUTATIONS = 1000
MOST_PERMUTED = 20_000
"""Patients beyond which the approximation is used alone; it is close there, and permuting would take seconds."""
_CELLS = 4_000_000  # permuted scores worked on at a time
_ROUNDING = 1e-9  # of a statistic: a permutation as large as the observed one counts, however it was summed


@dataclass(frozen=True, eq=False)
class CutScan:
    """Every cut of a marker that leaves a tenth of the patients on either side.

    Attributes:
        cuts: shape (c,), ascending marker values; the groups are value <= cut and value > cut.
        n_low: shape (c,), patients at or below each cut.
        statistic: shape (c,), standardised log-rank statistic, positive where the higher group does worse.
        null: shape (permutations,), ascending largest statistic of any cut when the marker is shuffled; empty for
            very large cohorts.
        n: patients.
        next_value: the smallest value above the last cut's lower group.
    """

    cuts: FloatArray
    n_low: IntArray
    statistic: FloatArray
    null: FloatArray
    n: int
    next_value: float

    @property
    def best(self) -> int:
        """Position of the best cut."""
        return int(np.argmax(np.abs(self.statistic)))

    def adjusted_p(self, statistic: float) -> float:
        """Share of shuffled markers whose best cut does as well; the approximation for very large cohorts."""
        if not len(self.null):
            return self.approximate_p(statistic)
        as_good = len(self.null) - np.searchsorted(self.null, abs(statistic) * (1 - _ROUNDING), side="left")
        return float((1 + as_good) / (len(self.null) + 1))

    def approximate_p(self, statistic: float) -> float:
        """Upper bound by Lausen, Sauerbrei and Schumacher (1994), from the group sizes of neighbouring cuts."""
        b, m = abs(statistic), self.n_low.astype(np.float64)
        rest = np.sqrt(1 - m[:-1] * (self.n - m[1:]) / ((self.n - m[:-1]) * m[1:]))
        passing = np.sum(np.exp(-(b**2) / 2) / np.pi * (rest - (b**2 / 4 - 1) * rest**3 / 6))
        return float(np.clip(2 * norm.sf(b) + passing, 0.0, 1.0))

    def place(self, threshold: float) -> int | None:
        """Which cut makes the same groups as a threshold; None when it leaves less than a tenth on one side."""
        at = int(np.searchsorted(self.cuts, threshold, side="right")) - 1
        return None if at < 0 or threshold >= self.next_value else at


def log_rank_scores(outcome: Outcome) -> FloatArray:
    """Event minus the events expected of each patient under equal survival, shape (n,).

    Their sum over a group is observed minus expected of the log-rank test.
    """
    _, place, deaths, _, at_risk = event_table(outcome)
    scores: FloatArray = outcome.event.astype(np.float64) - np.cumsum(deaths / at_risk)[place]
    return scores


def scan_cuts(outcome: Outcome, values: ArrayLike, *, permutations: int = PERMUTATIONS, seed: int = 0) -> CutScan:
    """Test every cut between 10 and 90 % of the patients and simulate what chance alone finds.

    Args:
        outcome: times and events of n patients.
        values: shape (n,), the marker, finite.
        permutations: shuffled markers.
        seed: of the shuffling; the same seed gives the same p-values.

    Raises:
        BadUsageError: no event, or no value divides the patients so.
    """
    marker = np.asarray(values, dtype=np.float64)
    n = len(marker)
    if not outcome.n_events:
        raise BadUsageError("no patient had the event, so no cut can be better than another.")
    distinct, counts = np.unique(marker, return_counts=True)
    n_low = np.cumsum(counts)
    fit = (n_low >= max(1, int(n * LOWEST_SHARE))) & (n_low <= int(n * HIGHEST_SHARE)) & (n_low < n)
    if not fit.any():
        raise BadUsageError("no value of this marker leaves at least a tenth of the patients on either side.")
    n_low = n_low[fit].astype(np.int64)
    scores = log_rank_scores(outcome)
    if not np.any(np.abs(scores) > _ROUNDING):
        raise BadUsageError("every patient had the event at the same time, so no cut can be better than another.")
    spread = _spread(scores, n_low)
    ordered = scores[np.argsort(marker, kind="stable")]
    statistic = -np.cumsum(ordered)[n_low - 1] / spread
    null = _null(scores, n_low, spread, permutations, seed) if n <= MOST_PERMUTED else np.empty(0)
    last = int(np.flatnonzero(fit)[-1])
    return CutScan(distinct[fit], n_low, statistic, null, n, float(distinct[last + 1]))


def _spread(scores: FloatArray, n_low: IntArray) -> FloatArray:
    """Standard deviation of the sum of n_low scores drawn without replacement; scores add up to 0."""
    n = len(scores)
    spread: FloatArray = np.sqrt(n_low * (n - n_low) / (n * (n - 1.0)) * np.sum(scores**2))
    return spread


def _null(scores: FloatArray, n_low: IntArray, spread: FloatArray, permutations: int, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    largest = np.empty(permutations)
    at_once = max(1, _CELLS // len(scores))
    for at in range(0, permutations, at_once):
        shuffled = rng.permuted(np.tile(scores, (min(at_once, permutations - at), 1)), axis=1)
        sums = np.cumsum(shuffled, axis=1)[:, n_low - 1]
        largest[at : at + at_once] = np.abs(sums / spread).max(axis=1)
    return np.sort(largest)
