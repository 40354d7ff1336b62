"""AUROC and average precision of out-of-fold scores, fold by fold, for many weightings of the patients at once.

Conventions: the score is higher for long progression-free survival, the positive class; equal scores count one half in
the AUROC and form one step in the average precision, as in scikit-learn's `roc_auc_score` and
`average_precision_score`, with which these agree, weights included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.class_results import NOT_FITTED, ONE_CLASS, FoldScores, RepeatedScore
from raise_core.domain.fusion_model import Head
from raise_core.domain.out_of_fold import OutOfFold
from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.evaluation.comparison import known
from raise_core.evaluation.resampling import CONFIDENCE

_CELLS = 8_000_000  # weights worked on at a time


def long_score(output: OutOfFold) -> FloatArray:
    """What ranks long patients first, shape (repeats, n): the probability of long, or minus a Cox head's risk."""
    return np.asarray(-output.value) if output.model.head is Head.COX else output.value


def weighted_auroc_auprc(score: ArrayLike, long: ArrayLike, weights: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """AUROC and average precision of one score under B weightings of the patients.

    Args:
        score: shape (m,), higher for long, finite.
        long: bool, shape (m,).
        weights: shape (B, m), not negative.

    Returns:
        Two arrays of shape (B,); NaN where the patients of a class weigh nothing.
    """
    scores, weight = np.asarray(score, dtype=np.float64), np.atleast_2d(np.asarray(weights, dtype=np.float64))
    if not len(scores):
        return np.full(len(weight), np.nan), np.full(len(weight), np.nan)
    order = np.argsort(-scores, kind="stable")
    ordered, positive = scores[order], np.asarray(long, dtype=np.bool_)[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])  # of each run of equal scores
    size = max(1, _CELLS // len(scores))
    parts = [
        _of_runs(
            np.add.reduceat(weight[at : at + size, order] * positive, first, axis=1),
            np.add.reduceat(weight[at : at + size, order] * ~positive, first, axis=1),
        )
        for at in range(0, len(weight), size)
    ]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _of_runs(long: FloatArray, short: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both scores from the weight of each class in every run of equal scores, best scores first, shape (B, runs)."""
    long_so_far, short_so_far = long.cumsum(axis=1), short.cumsum(axis=1)
    n_long, n_short = long_so_far[:, -1], short_so_far[:, -1]
    called = long_so_far + short_so_far
    precision = np.divide(long_so_far, called, out=np.zeros_like(called), where=called > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        auroc = (short * (long_so_far - long / 2)).sum(axis=1) / (n_long * n_short)
        auprc = (long * precision).sum(axis=1) / n_long
    both = (n_long > 0) & (n_short > 0)
    return np.where(both, auroc, np.nan), np.where(both, auprc, np.nan)


def resampled_scores(
    score: FloatArray, fold: NDArray[np.int8], long: BoolArray, weights: FloatArray, *, folds: int
) -> tuple[FloatArray, FloatArray]:
    """AUROC and average precision of every repeat and fold under B weightings, each of shape (B, repeats, folds).

    Args:
        score: shape (repeats, n), higher for long; NaN where a fit failed, which leaves that fold without a score.
        fold: shape (repeats, n).
        long: bool, shape (n,).
        weights: shape (B, n).
        folds: folds of each repeat.
    """
    shape = (len(weights), len(score), folds)
    auroc, auprc = np.full(shape, np.nan), np.full(shape, np.nan)
    for repeat in range(len(score)):
        for one in range(folds):
            tested = np.flatnonzero(fold[repeat] == one)
            values = score[repeat, tested]
            if len(tested) and not np.isnan(values).any():
                found = weighted_auroc_auprc(values, long[tested], weights[:, tested])
                auroc[:, repeat, one], auprc[:, repeat, one] = found
    return auroc, auprc


def fold_scores(score: FloatArray, fold: NDArray[np.int8], long: BoolArray, *, folds: int) -> FoldScores:
    """Scores of every repeat and fold; arguments as in `resampled_scores`."""
    auroc, auprc = resampled_scores(score, fold, long, np.ones((1, len(long))), folds=folds)
    random = np.full(auroc.shape[1:], np.nan)
    not_fitted = np.zeros(auroc.shape[1:], dtype=np.bool_)
    for one in range(folds):
        inside = fold == one
        not_fitted[:, one] = (inside & np.isnan(score)).any(axis=1)
        for repeat in np.flatnonzero(~np.isnan(auroc[0, :, one])):
            random[repeat, one] = random_average_precision(
                int((inside[repeat] & long).sum()), int(inside[repeat].sum())
            )
    return FoldScores(auroc[0], auprc[0], random, not_fitted)


def random_average_precision(n_long: int, n: int) -> float:
    """Average precision expected of a score without meaning, every order of n patients equally likely.

    At rank k stands a long patient with probability L / n, and then 1 + (k - 1)(L - 1)/(n - 1) of the first k are long
    on average; the sum over ranks of that share of k, divided by L, is
    (H_n + (L - 1)/(n - 1) (n - H_n)) / n with the harmonic number H_n. For 25 of 39 it is 0.67, not 0.64.

    Args:
        n_long: long patients, from 1.
        n: patients.
    """
    harmonic = float(np.sum(1.0 / np.arange(1, n + 1)))
    others = (n_long - 1) / (n - 1) if n > 1 else 0.0
    return (harmonic + others * (n - harmonic)) / n


def mean_over_repeats(scores: FloatArray) -> FloatArray:
    """Mean over repeats of the mean over folds; missing folds do not count, nor repeats without any.

    Args:
        scores: shape (..., repeats, folds).

    Returns:
        Shape (...); NaN where there is no score.
    """
    return mean_of_known(mean_of_known(scores))


def mean_of_known(values: FloatArray) -> FloatArray:
    """Mean over the last axis of what is not NaN; NaN where there is nothing."""
    there = ~np.isnan(values)
    count = there.sum(axis=-1)
    total = np.where(there, values, 0.0).sum(axis=-1)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def repeated_score(scores: FloatArray, resampled: FloatArray, *, not_fitted: BoolArray) -> RepeatedScore:
    """Mean, spread over repeats and patient-level interval.

    Args:
        scores: shape (repeats, folds).
        resampled: the same of B resamples of the patients, shape (B, repeats, folds).
        not_fitted: shape (repeats, folds).
    """
    by_repeat = mean_of_known(scores)
    seen = by_repeat[~np.isnan(by_repeat)]
    count = int((~np.isnan(scores)).sum())
    if not count:
        return RepeatedScore(None, None, None, None, 0, scores.size, NOT_FITTED if not_fitted.all() else ONE_CLASS)
    draws = mean_over_repeats(resampled)
    draws = draws[~np.isnan(draws)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail]) if len(draws) else (np.nan, np.nan)
    sd = float(seen.std(ddof=1)) if len(seen) > 1 else None
    return RepeatedScore(float(seen.mean()), sd, known(low), known(high), count, scores.size)
