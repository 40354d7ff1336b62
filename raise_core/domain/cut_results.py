"""Results about chosen cuts: how stable they are, what they are worth on patients who did not choose them, two cuts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.survival_results import LogRankTest

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
_ROUNDING = 1e-9  # of a statistic: a permutation as large as the observed one counts, however it was summed


@dataclass(frozen=True, eq=False)
class CutStability:
    """Where the best cut falls when patients are drawn again.

    Attributes:
        cuts: shape (c,), the cuts tried, ascending marker values.
        share: shape (c,), of the usable resamples in which each was the best; they add up to 1.
        best: the best cut of the patients themselves.
        quantile_levels: shape (q,).
        quantiles: shape (q,), of the best cut over resamples; always one of `cuts`.
        same_direction: share of resamples in which the best cut has the higher group do worse, or better, as in the
            patients themselves.
        resamples: usable ones.
        failed: resamples without an event or without two groups.
    """

    cuts: FloatArray
    share: FloatArray
    best: float
    quantile_levels: FloatArray
    quantiles: FloatArray
    same_direction: float
    resamples: int
    failed: int


@dataclass(frozen=True, eq=False)
class OutOfFoldGroups:
    """Every patient's group by a cut that was chosen without the patient.

    Attributes:
        fold: shape (n,), 0 to k - 1.
        cut: shape (k,), chosen on the patients outside each fold.
        higher_does_worse: bool, shape (k,), on the patients outside each fold.
        high: bool, shape (n,), value above the cut of the patient's fold.
        worse: bool, shape (n,), on the side of that cut whose patients did worse outside the fold. The same as `high`
            (or its opposite) where all folds agree in direction.
        log_rank: of `worse` against the others; None when one side is empty. Its p is too small: the cuts of different
            folds were chosen on mostly the same patients, each fold's outcomes among them. In simulated trials of 138
            patients and a marker without meaning it was below 0.05 in 20 of 100. Show `p_permutation`.
        p_permutation: the honest p-value (below 0.05 in 5 of 100 there): how often a shuffled marker, taken through
            the same folds, separates the patients it expected to do worse as well as the observed one.
        permutations: shuffled markers.
    """

    fold: IntArray
    cut: FloatArray
    higher_does_worse: BoolArray
    high: BoolArray
    worse: BoolArray
    log_rank: LogRankTest | None
    p_permutation: float
    permutations: int

    @property
    def directions_agree(self) -> bool:
        """Whether the higher group does worse in all folds, or in none."""
        return bool(self.higher_does_worse.all() or not self.higher_does_worse.any())


class ThreeGroupTest(StrEnum):
    """What a test of three ordered groups asks.

    ANY_DIFFERENCE: whether any two differ (2 degrees of freedom). TREND: whether survival worsens or improves from
    group to group (1 degree of freedom, groups scored 0, 1, 2).
    """

    ANY_DIFFERENCE = "any difference"
    TREND = "trend"


@dataclass(frozen=True, eq=False)
class TwoCutScan:
    """Every pair of cuts that leaves a tenth of the patients in each of three groups.

    Attributes:
        test: of the three groups.
        cuts: shape (c,), ascending marker values; groups are value <= lower, up to upper, and above.
        n_low: shape (c,), patients at or below each cut.
        chi2: shape (c, c), statistic of lower cut (row) and upper cut (column); NaN where a group would be too small.
            Log-rank scores with their permutation variance.
        null: shape (permutations,), ascending largest statistic of any pair when the marker is shuffled.
        n: patients.
        next_value: shape (c,), the smallest value above each cut.
    """

    test: ThreeGroupTest
    cuts: FloatArray
    n_low: IntArray
    chi2: FloatArray
    null: FloatArray
    n: int
    next_value: FloatArray

    @property
    def best(self) -> tuple[int, int]:
        """Positions of the best pair's lower and upper cut."""
        lower, upper = divmod(int(np.nanargmax(self.chi2)), len(self.cuts))
        return lower, upper

    @property
    def best_cuts(self) -> tuple[float, float]:
        """The best pair, in the marker's unit."""
        lower, upper = self.best
        return float(self.cuts[lower]), float(self.cuts[upper])

    def adjusted_p(self, chi2: float) -> float:
        """Share of shuffled markers whose best pair does as well: takes the choice of both cuts into account."""
        as_good = len(self.null) - np.searchsorted(self.null, chi2 * (1 - _ROUNDING), side="left")
        return float((1 + as_good) / (len(self.null) + 1))

    def place(self, lower: float, upper: float) -> tuple[int, int] | None:
        """Which scanned pair makes the same groups as two thresholds; None when none does."""
        found = []
        for threshold in (lower, upper):
            at = int(np.searchsorted(self.cuts, threshold, side="right")) - 1
            if at < 0 or threshold >= self.next_value[at]:
                return None
            found.append(at)
        return None if np.isnan(self.chi2[found[0], found[1]]) else (found[0], found[1])
