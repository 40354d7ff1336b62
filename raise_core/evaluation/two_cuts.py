"""Two cuts of a marker at once: low, middle and high, with p-values that take the choice of both into account.

The statistic of any pair follows from the running sum of the log-rank scores at its two cuts, so that every pair, in
every shuffled marker, costs a few multiplications.

Sources: as `cut_points`; the largest statistic over pairs in place of single cuts. Linear rank statistics and their
permutation variance: Hothorn & Lausen, Comput Stat Data Anal 2003;43:121-137.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.cut_results import ThreeGroupTest, TwoCutScan
from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import FloatArray, Outcome
from raise_core.evaluation.cut_points import LOWEST_SHARE, MOST_PERMUTED, log_rank_scores

IntArray = NDArray[np.int64]
PERMUTATIONS = 1000
MOST_CUTS = 120
"""Beyond so many possible cuts, so many are tried, spread evenly over the patients."""
_CELLS = 60_000  # shuffled scores at a time: statistics of a lower cut stay in the processor's cache


def scan_two_cuts(
    outcome: Outcome,
    values: ArrayLike,
    *,
    test: ThreeGroupTest = ThreeGroupTest.ANY_DIFFERENCE,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> TwoCutScan:
    """Test every pair of cuts that leaves a tenth of the patients in each group, and simulate what chance alone finds.

    Args:
        outcome: times and events of n patients.
        values: shape (n,), the marker, finite.
        test: any difference between the three groups, or a trend.
        permutations: shuffled markers. Beyond `MOST_PERMUTED` patients, sums over groups are drawn from the normal
            distribution they then have.
        seed: of the shuffling.

    Raises:
        BadUsageError: no event, or no two values leave a tenth of the patients in each of three groups.
    """
    marker = np.asarray(values, dtype=np.float64)
    n = len(marker)
    if not outcome.n_events:
        raise BadUsageError("no patient had the event, so no cuts can be better than others.")
    distinct, counts = np.unique(marker, return_counts=True)
    n_low = np.cumsum(counts).astype(np.int64)
    least = max(1, int(n * LOWEST_SHARE))
    fit = np.flatnonzero((n_low >= least) & (n_low <= n - least))
    if len(fit) > MOST_CUTS:
        fit = fit[np.unique(np.linspace(0, len(fit) - 1, MOST_CUTS).round().astype(np.intp))]
    following = distinct[np.minimum(fit + 1, len(distinct) - 1)]
    cuts, n_low = distinct[fit], n_low[fit]
    if not len(fit) or n_low[-1] - n_low[0] < least:
        raise BadUsageError("no two values of this marker leave at least a tenth of the patients in each group.")
    scores = log_rank_scores(outcome)
    variance = float(np.sum(scores**2)) / (n - 1)
    if variance <= 0:
        raise BadUsageError("every patient had the event at the same time, so no cuts can be better than others.")
    sums = np.cumsum(scores[np.argsort(marker, kind="stable")])[n_low - 1]
    tested = _Pairs.of(n_low, n, least, variance, test)
    chi2 = np.full((len(cuts), len(cuts)), np.nan)
    for lower, upper, found in tested.statistics(sums[:, None]):
        chi2[lower, upper:] = found[:, 0]
    rng = np.random.default_rng(seed)
    at_once = max(1, _CELLS // min(n, MOST_PERMUTED))
    null = np.empty(permutations)
    for at in range(0, permutations, at_once):
        some = min(at_once, permutations - at)
        shuffled = _shuffled_sums(scores, n_low, some, rng) if n <= MOST_PERMUTED else _normal_sums(tested, some, rng)
        null[at : at + some] = tested.largest(shuffled)
    return TwoCutScan(test, cuts, n_low, chi2, np.sort(null), n, following)


def pair_statistic(
    outcome: Outcome,
    values: ArrayLike,
    lower: float,
    upper: float,
    *,
    test: ThreeGroupTest = ThreeGroupTest.ANY_DIFFERENCE,
) -> float | None:
    """The statistic of one pair of thresholds, whether or not the scan tried it; on the scale of `TwoCutScan.chi2`.

    Args:
        outcome: times and events of n patients.
        values: shape (n,), the marker.
        lower: patients at or below it make the first group.
        upper: patients above it make the third.
        test: as in the scan.

    Returns:
        None where a group holds less than a tenth of the patients, or every patient had the event at one time.
    """
    marker = np.asarray(values, dtype=np.float64)
    n = len(marker)
    least = max(1, int(n * LOWEST_SHARE))
    n_low = np.array([int((marker <= lower).sum()), int((marker <= upper).sum())], dtype=np.int64)
    scores = log_rank_scores(outcome)
    variance = float(np.sum(scores**2)) / (n - 1)
    if n_low[0] < least or n_low[1] - n_low[0] < least or n - n_low[1] < least or variance <= 0:
        return None
    sums = np.cumsum(scores[np.argsort(marker, kind="stable")])[n_low - 1]
    pairs = _Pairs.of(n_low, n, least, variance, test)
    return next(float(found[0, 0]) for _, _, found in pairs.statistics(sums[:, None]))


def _shuffled_sums(scores: FloatArray, n_low: IntArray, times: int, rng: np.random.Generator) -> FloatArray:
    """Running sums of shuffled scores at each cut, shape (c, times)."""
    shuffled = rng.permuted(np.tile(scores, (times, 1)), axis=1)
    return np.ascontiguousarray(np.cumsum(shuffled, axis=1)[:, n_low - 1].T)


def _normal_sums(pairs: _Pairs, times: int, rng: np.random.Generator) -> FloatArray:
    """The same for very many patients: a Brownian bridge with the covariance the shuffled sums have."""
    ends = np.r_[pairs.n_low, pairs.n]
    steps = np.diff(np.r_[0, ends])[:, None]
    walk = np.cumsum(rng.standard_normal((len(ends), times)) * np.sqrt(pairs.variance * steps), axis=0)
    bridge: FloatArray = walk[:-1] - walk[-1] * (pairs.n_low / pairs.n)[:, None]
    return bridge


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Statistics of all pairs of cuts from running sums of the scores, which add up to 0.

    Attributes:
        n_low: shape (c,), patients at or below each cut.
        n: patients.
        first: shape (c,), the first upper cut that leaves enough patients between; c where none does.
        variance: of the scores (ddof 1).
        test: which statistic.
    """

    n_low: IntArray
    n: int
    first: NDArray[np.intp]
    variance: float
    test: ThreeGroupTest

    @classmethod
    def of(cls, n_low: IntArray, n: int, least: int, variance: float, test: ThreeGroupTest) -> _Pairs:
        return cls(n_low, n, np.searchsorted(n_low, n_low + least, side="left"), variance, test)

    def statistics(self, sums: FloatArray) -> Iterator[tuple[int, int, FloatArray]]:
        """Each lower cut with its first upper cut and the statistics with that and all later ones, shape (., b).

        Args:
            sums: shape (c, b).
        """
        above = sums**2 / (self.n - self.n_low)[:, None]
        for lower in range(len(self.n_low)):
            upper = int(self.first[lower])
            if upper == len(self.n_low):
                return
            high = (self.n - self.n_low[upper:])[:, None]
            middle = (self.n_low[upper:] - self.n_low[lower])[:, None]
            if self.test is ThreeGroupTest.TREND:
                spread = middle + 4 * high - (middle + 2 * high) ** 2 / self.n
                yield lower, upper, (sums[upper:] + sums[lower]) ** 2 / (self.variance * spread)
                continue
            found = (sums[upper:] - sums[lower]) ** 2
            found /= middle
            found += above[upper:]
            found += sums[lower] ** 2 / self.n_low[lower]
            found /= self.variance
            yield lower, upper, found

    def largest(self, sums: FloatArray) -> FloatArray:
        """Largest statistic of any pair, shape (b,)."""
        largest = np.zeros(sums.shape[1])
        for _, _, found in self.statistics(sums):
            np.maximum(largest, found.max(axis=0), out=largest)
        return largest
