"""Repeated splits of patients into training and test, and what may be concluded from scores over such splits.

Training sets of different splits share most of their patients, so scores over splits are correlated and the standard
error sd / sqrt(splits) is far too small. Nadeau & Bengio (2003) correct it for the overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import BoolArray, FloatArray

CONFIDENCE = 0.95
"""Level of every interval here."""

MAX_FOLDS = 127
"""Folds are stored as int8."""

_SPLIT_STREAM, _FOLD_STREAM = 0, 1


def monte_carlo_splits(
    event: ArrayLike, *, splits: int, train_fraction: float, seed: int, keys: Sequence[object] | NDArray[np.generic]
) -> BoolArray:
    """Random training sets of patients, stratified by event.

    Events and censored patients are each divided at the fraction, rounded to the nearest whole patient but leaving,
    where a stratum has two, at least one on either side. The first splits do not depend on how many are asked for,
    nor any split on the order of the rows.

    Args:
        event: bool, shape (n,), after the landmark.
        splits: how many.
        train_fraction: share of patients in training, between 0 and 1.
        seed: not negative; the same seed gives the same splits.
        keys: patient ids, shape (n,), all different.

    Returns:
        Bool, shape (splits, n); True where the patient is in training.

    Raises:
        BadUsageError: an argument is out of range or a patient id comes twice.
    """
    events = np.asarray(event, dtype=np.bool_)
    if splits < 1:
        raise BadUsageError(f"splits (--splits) is {splits}; ask for at least 1.")
    if not 0.0 < train_fraction < 1.0:
        raise BadUsageError(f"train_fraction (--train-fraction) is {train_fraction:g}; it must lie between 0 and 1.")
    order = _order_of(keys, len(events))
    drawn = _generator(seed, _SPLIT_STREAM).random((splits, len(events)))
    train = np.zeros((splits, len(events)), dtype=np.bool_)
    for place in (np.flatnonzero(events[order]), np.flatnonzero(~events[order])):
        size = len(place)
        keep = int(np.floor(train_fraction * size + 0.5))
        if size >= 2:
            keep = min(max(keep, 1), size - 1)
        chosen = np.argsort(drawn[:, place], axis=1, kind="stable")[:, :keep]
        train[np.arange(splits)[:, None], order[place[chosen]]] = True
    return train


def inner_folds(
    train: ArrayLike, event: ArrayLike, *, folds: int, seed: int, keys: Sequence[object] | NDArray[np.generic]
) -> NDArray[np.int8]:
    """Folds of the training patients of each split, for cross-fitting inside it; stratified by event.

    Args:
        train: bool, shape (splits, n).
        event: bool, shape (n,).
        folds: how many, from 2.
        seed: as in `monte_carlo_splits`; its stream is a different one.
        keys: patient ids, shape (n,), all different.

    Returns:
        Shape (splits, n): 0 to folds - 1 for training patients, -1 for test patients. Fold sizes, and the events in
        them, differ by at most one.

    Raises:
        BadUsageError: an argument is out of range, a patient id comes twice, or a training set has fewer patients
            than folds.
    """
    training = np.atleast_2d(np.asarray(train, dtype=np.bool_))
    events = np.asarray(event, dtype=np.bool_)
    if not 2 <= folds <= MAX_FOLDS:
        raise BadUsageError(f"folds is {folds}; it must lie between 2 and {MAX_FOLDS}.")
    fewest = int(training.sum(axis=1).min(initial=training.shape[1]))
    if fewest < folds:
        raise BadUsageError(
            f"a training set has {fewest} patients for {folds} folds; use fewer folds, a larger "
            "train_fraction (--train-fraction) or another week."
        )
    order = _order_of(keys, len(events))
    drawn = np.empty(training.shape)
    drawn[:, order] = _generator(seed, _FOLD_STREAM).random(training.shape)
    # Events come first, then censored, then test patients; dealing the folds out in turn balances events and sizes.
    drawn += np.where(training, np.where(events, 0.0, 1.0), 2.0)
    rank = np.empty(training.shape, dtype=np.intp)
    np.put_along_axis(rank, np.argsort(drawn, axis=1, kind="stable"), np.arange(training.shape[1])[None], axis=1)
    return np.where(training, rank % folds, -1).astype(np.int8)


def corrected_standard_error(sd: ArrayLike, n_scored: ArrayLike, n_train: ArrayLike, n_test: ArrayLike) -> FloatArray:
    """Standard error of a mean over J random splits: sd * sqrt(1/J + n_test/n_train).

    Source: Nadeau C, Bengio Y. Inference for the generalization error. Machine Learning 2003;52:239-281.
    """
    share = np.asarray(n_test, dtype=np.float64) / np.asarray(n_train, dtype=np.float64)
    return np.asarray(np.asarray(sd, np.float64) * np.sqrt(1.0 / np.asarray(n_scored, dtype=np.float64) + share))


def corrected_standard_error_kfold(sd: ArrayLike, *, folds: int, repeats: int) -> FloatArray:
    """The same for r repeats of k-fold cross-validation: sd * sqrt(1/(k r) + 1/(k - 1)), sd over all k r folds."""
    return corrected_standard_error(sd, folds * repeats, folds - 1, 1)


@dataclass(frozen=True, eq=False)
class ResampledMean:
    """Means of D rows of scores over splits; NaN where a row has too few scores (1 for a mean, 2 for the others).

    Attributes:
        n_scored: scores that are not missing, shape (D,).
        mean: their mean.
        sd: their standard deviation (ddof 1).
        se_naive: sd / sqrt(n_scored).
        se_corrected: see `corrected_standard_error`.
        ci_low: lower 95 % limit, t with n_scored - 1 degrees of freedom.
        ci_high: upper limit.
        p_zero: two-sided p that the mean is 0 by the same t; 1 where mean and sd are both 0, NaN where only sd is.
    """

    n_scored: NDArray[np.intp]
    mean: FloatArray
    sd: FloatArray
    se_naive: FloatArray
    se_corrected: FloatArray
    ci_low: FloatArray
    ci_high: FloatArray
    p_zero: FloatArray


def resampled_mean(scores: ArrayLike, *, n_train: ArrayLike, n_test: ArrayLike) -> ResampledMean:
    """Mean and corrected uncertainty of scores over random splits.

    Args:
        scores: shape (D, J), NaN where a split could not be scored.
        n_train: patients in training, shape (D,) or one number (the mean where splits differ).
        n_test: patients in the test set, likewise.
    """
    values = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, values, 0.0).sum(axis=1) / count
        deviation = np.where(known, values - mean[:, None], 0.0)
        spread = count >= 2
        sd = np.where(spread, np.sqrt((deviation**2).sum(axis=1) / (count - 1)), np.nan)
        # Equal scores can leave rounding in their mean: that is no spread.
        sd = np.where(spread & (np.where(known, np.abs(deviation), 0.0).max(axis=1, initial=0.0) < 1e-15), 0.0, sd)
        se_naive = sd / np.sqrt(count)
        se_corrected = corrected_standard_error(sd, count, n_train, n_test)
        half = special.stdtrit(np.maximum(count - 1, 1), 0.5 + CONFIDENCE / 2) * se_corrected
        p = 2.0 * special.stdtr(np.maximum(count - 1, 1), -np.abs(mean / se_corrected))
    p = np.where(sd == 0.0, np.where(mean == 0.0, 1.0, np.nan), p)
    return ResampledMean(count, mean, sd, se_naive, se_corrected, mean - half, mean + half, p)


def _generator(seed: int, stream: int) -> np.random.Generator:
    if seed < 0:
        raise BadUsageError(f"seed (--seed) is {seed}; it must not be negative.")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream,)))


def _order_of(keys: Sequence[object] | NDArray[np.generic], n: int) -> NDArray[np.intp]:
    """Positions of the patients in the order of their ids, so that draws belong to patients and not to rows."""
    ids = np.asarray([str(key) for key in keys])
    if len(ids) != n:
        raise ValueError(f"{len(ids)} patient ids for {n} patients.")
    order = np.argsort(ids, kind="stable")
    twice = ids[order][1:][ids[order][1:] == ids[order][:-1]]
    if len(twice):
        raise BadUsageError(f"patient {twice[0]} comes more than once; splits need one row a patient.")
    return order
