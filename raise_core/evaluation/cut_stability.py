"""How much a chosen cut is worth: where it falls in other samples, and what it does for patients who did not choose it.

Sources: Efron & Tibshirani, An Introduction to the Bootstrap, 1993. Simon, Subramanian, Li & Menezes, Brief Bioinform
2011;12:203-214 (cross-validated groups, and why only a permutation gives their p-value).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.cut_results import CutStability, OutOfFoldGroups
from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import BoolArray, FloatArray, Outcome
from raise_core.evaluation.cut_points import CutScan, log_rank_scores, scan_cuts
from raise_core.evaluation.log_rank import log_rank
from raise_core.evaluation.resampling import inner_folds

IntArray = NDArray[np.int64]
RESAMPLES = 1000
FOLDS = 10
PERMUTATIONS = 1000
QUANTILE_LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)
_CELLS = 400_000  # numbers worked on at a time: they stay in the processor's cache
_ROUNDING = 1e-9


def bootstrap_cut(outcome: Outcome, values: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0) -> CutStability:
    """Draw the patients again with replacement and choose the best cut each time.

    The cuts tried are those of `scan_cuts` on the patients themselves, so that shares line up with its picture.

    Args:
        outcome: times and events of n patients.
        values: shape (n,), the marker, finite.
        resamples: how many.
        seed: of the drawing.

    Raises:
        BadUsageError: no event, or no value divides the patients so that a tenth is on either side.
    """
    marker = np.asarray(values, dtype=np.float64)
    scan = scan_cuts(outcome, marker, permutations=0)
    n = len(marker)
    ordered = _ByMarker.of(outcome, marker, scan)
    rng = np.random.default_rng(seed)
    best, z = np.empty(resamples, dtype=np.int64), np.empty(resamples)
    at_once = max(1, _CELLS // n)
    for at in range(0, resamples, at_once):
        some = min(at_once, resamples - at)
        drawn = rng.integers(0, n, (some, n)) + n * np.arange(some)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=some * n).reshape(some, n).astype(np.float64)
        best[at : at + some], z[at : at + some] = ordered.best_cuts(weights)
    usable = z != 0
    chosen = np.sort(best[usable])
    if not len(chosen):
        raise BadUsageError("no resample had an event on which a cut could be chosen; there are too few events.")
    share = np.bincount(chosen, minlength=len(scan.cuts)) / len(chosen)
    levels = np.asarray(QUANTILE_LEVELS)
    same = float(np.mean(np.sign(z[usable]) == np.sign(scan.statistic[scan.best])))
    return CutStability(
        cuts=scan.cuts,
        share=share,
        best=float(scan.cuts[scan.best]),
        quantile_levels=levels,
        quantiles=np.quantile(scan.cuts[chosen], levels, method="inverted_cdf"),
        same_direction=same,
        resamples=len(chosen),
        failed=resamples - len(chosen),
    )


def out_of_fold_groups(
    outcome: Outcome,
    values: ArrayLike,
    *,
    folds: int = FOLDS,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    patients: Sequence[object] | None = None,
) -> OutOfFoldGroups:
    """Group every patient by the best cut of the patients in the other folds.

    The cut of a fold is the one with the largest statistic of `scan_cuts` on the patients outside it, among the cuts
    that leave a tenth of all patients on either side. The permutation shuffles the marker over the patients, whose
    folds stay (they depend on the outcome only), and repeats the whole procedure; its statistic is the log-rank score
    of the patients expected to do worse, so a separation the wrong way round counts for nothing.

    Args:
        outcome: times and events of n patients.
        values: shape (n,), the marker, finite.
        folds: how many; patients with and without event are spread evenly over them.
        permutations: shuffled markers.
        seed: of folds and shuffling.
        patients: ids, shape (n,), all different: folds then belong to patients and not to rows.

    Raises:
        BadUsageError: no event, no cut, or more folds than patients.
    """
    marker = np.asarray(values, dtype=np.float64)
    scan = scan_cuts(outcome, marker, permutations=0)
    n = len(marker)
    ids = [f"{position:09d}" for position in range(n)] if patients is None else patients
    everybody = np.ones((1, n), dtype=np.bool_)
    fold = inner_folds(everybody, outcome.event, folds=folds, seed=seed, keys=ids)[0].astype(np.int64)
    training = fold[None, :] != np.arange(folds)[:, None]

    by_marker = np.argsort(marker, kind="stable")
    tested = _FoldedScores.of(outcome, fold, training, scan.n_low)
    cut, sign, worse = tested.choose(by_marker[None, :])
    observed = tested.separation(by_marker[None, :], worse)[0]
    rng = np.random.default_rng(seed)
    as_good, at_once = 0, max(1, _CELLS // (n * folds))
    for at in range(0, permutations, at_once):
        order = rng.permuted(np.tile(by_marker, (min(at_once, permutations - at), 1)), axis=1)
        null = tested.separation(order, tested.choose(order)[2])
        as_good += int(np.sum(null >= observed - _ROUNDING * abs(observed)))

    of_patient = np.empty(n, dtype=np.bool_)
    of_patient[by_marker] = worse[0]
    chosen = scan.cuts[cut[0]]
    test = log_rank(outcome, of_patient.astype(np.int64)) if 0 < of_patient.sum() < n else None
    return OutOfFoldGroups(
        fold=fold,
        cut=chosen,
        higher_does_worse=sign[0] > 0,
        high=marker > chosen[fold],
        worse=of_patient,
        log_rank=test,
        p_permutation=(1 + as_good) / (permutations + 1),
        permutations=permutations,
    )


def weighted_scores(outcome: Outcome, weights: FloatArray) -> FloatArray:
    """Log-rank scores of samples in which each patient counts `weights` times.

    Args:
        outcome: times and events of n patients.
        weights: shape (samples, n), not negative.

    Returns:
        Shape (samples, n): event minus events expected under equal survival in that sample; of patients with weight 0
        what they would have had.
    """
    order = np.argsort(outcome.time_weeks, kind="stable")
    times, place = np.unique(outcome.time_weeks[order], return_inverse=True)
    starts = np.searchsorted(place, np.arange(len(times)))
    counted = weights[:, order]
    leaving = np.add.reduceat(counted, starts, axis=1)
    deaths = np.add.reduceat(counted * outcome.event[order], starts, axis=1)
    at_risk = leaving[:, ::-1].cumsum(axis=1)[:, ::-1]
    hazard = np.cumsum(np.divide(deaths, at_risk, out=np.zeros_like(deaths), where=at_risk > 0), axis=1)
    scores = np.empty_like(counted)
    scores[:, order] = outcome.event[order] - hazard[:, place]
    return scores


def _standardised(sums: FloatArray, n_low: FloatArray, n: FloatArray, squares: FloatArray) -> FloatArray:
    """Statistic of `scan_cuts` from sums of the scores at or below each cut; 0 where it has no spread.

    Args:
        sums: shape (..., c).
        n_low: shape (..., c), patients at or below each cut.
        n: shape (..., 1), patients.
        squares: shape (..., 1), sum of the squared scores.
    """
    variance = n_low * (n - n_low) * squares
    statistic: FloatArray = -sums * np.sqrt(
        np.divide(n * (n - 1.0), variance, out=np.zeros_like(variance), where=variance > 0)
    )
    return statistic


@dataclass(frozen=True, eq=False)
class _ByMarker:
    """Patients in order of the marker, and where each cut falls among them.

    Attributes:
        outcome: in that order.
        order: shape (n,).
        last: shape (c,), position of the last patient at or below each cut.
    """

    outcome: Outcome
    order: NDArray[np.intp]
    last: IntArray

    @classmethod
    def of(cls, outcome: Outcome, marker: FloatArray, scan: CutScan) -> _ByMarker:
        order = np.argsort(marker, kind="stable")
        return cls(outcome.take(order), order, scan.n_low - 1)

    def best_cuts(self, weights: FloatArray) -> tuple[IntArray, FloatArray]:
        """Best cut of each sample and its statistic, shape (samples,); 0 where nothing can be compared.

        Args:
            weights: shape (samples, n), how often each patient, in the order of the outcome given, was drawn.
        """
        counted = weights[:, self.order]
        scores = weighted_scores(self.outcome, counted)
        own = counted * scores
        n, squares = counted.sum(axis=1, keepdims=True), (own * scores).sum(axis=1, keepdims=True)
        sums, n_low = own.cumsum(axis=1)[:, self.last], counted.cumsum(axis=1)[:, self.last]
        statistic = _standardised(sums, n_low, n, squares)
        # Cuts between patients that were not drawn make the same groups: the lowest stands for them.
        size = np.abs(statistic)
        best = np.argmax(size >= size.max(axis=1, keepdims=True) * (1 - _ROUNDING), axis=1)
        return best, np.take_along_axis(statistic, best[:, None], axis=1)[:, 0]


@dataclass(frozen=True, eq=False)
class _FoldedScores:
    """What does not change when the marker is shuffled: folds, and the scores of the patients outside each.

    Attributes:
        fold: shape (n,).
        scores: shape (n, folds), log-rank scores of the patients outside each fold; 0 for those inside.
        training: shape (n, folds), 1 for patients outside the fold.
        squares: shape (folds,), sums of squared scores.
        whole: shape (n,), scores of all patients together.
        n_low: shape (c,), patients at or below each cut.
    """

    fold: IntArray
    scores: FloatArray
    training: FloatArray
    squares: FloatArray
    whole: FloatArray
    n_low: IntArray

    @classmethod
    def of(cls, outcome: Outcome, fold: IntArray, training: BoolArray, n_low: IntArray) -> _FoldedScores:
        counted = training.astype(np.float64)
        scores = weighted_scores(outcome, counted) * counted
        return cls(fold, scores.T.copy(), counted.T.copy(), (scores**2).sum(axis=1), log_rank_scores(outcome), n_low)

    def choose(self, order: NDArray[np.intp]) -> tuple[IntArray, FloatArray, BoolArray]:
        """Cut and direction of each fold, and who is expected to do worse.

        Args:
            order: shape (b, n), patients from the lowest to the highest marker.

        Returns:
            Which cut, shape (b, folds); 1 where the higher group does worse and -1 where it does better, (b, folds);
            bool (b, n), in that order of the patients.
        """
        last = self.n_low - 1
        sums = np.moveaxis(self.scores[order].cumsum(axis=1)[:, last], 1, 2)
        n_low = np.moveaxis(self.training[order].cumsum(axis=1)[:, last], 1, 2)
        n = self.training.sum(axis=0)[None, :, None]
        statistic = _standardised(sums, n_low, n, self.squares[None, :, None])
        size = np.abs(statistic)
        best = np.argmax(size >= size.max(axis=2, keepdims=True) * (1 - _ROUNDING), axis=2)
        chosen = np.take_along_axis(statistic, best[:, :, None], axis=2)[:, :, 0]
        sign = np.where(chosen >= 0, 1.0, -1.0)
        own = self.fold[order]
        above = np.arange(order.shape[1])[None, :] >= np.take_along_axis(self.n_low[best], own, axis=1)
        return best, sign, above == (np.take_along_axis(sign, own, axis=1) > 0)

    def separation(self, order: NDArray[np.intp], worse: BoolArray) -> FloatArray:
        """Standardised log-rank score of the patients expected to do worse, shape (b,); positive when they do."""
        scores = self.whole[order]
        n, n_worse = order.shape[1], worse.sum(axis=1).astype(np.float64)
        sums = np.where(worse, scores, 0.0).sum(axis=1)
        found: FloatArray = -_standardised(sums, n_worse, np.asarray(float(n)), (scores**2).sum(axis=1))
        return found
