"""Are two models different? Paired over the same splits, with the corrected resampled t-test and Holm's adjustment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from raise_core.domain.outcome import FloatArray
from raise_core.domain.results import CindexComparison
from raise_core.evaluation.resampling import resampled_mean


def paired_comparison(
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    *,
    names: Sequence[tuple[str, str]],
    weeks: Sequence[float],
    n_train: ArrayLike,
    n_test: ArrayLike,
) -> tuple[CindexComparison, ...]:
    """Compare P pairs of models, each on the splits that scored both.

    The difference c(a) - c(b) of a split is one observation; their mean is tested against 0 with the standard error
    of `corrected_standard_error` and t with one degree of freedom less than there are such splits. A pair without two
    such splits, or whose differences are all the same but not 0, has no p. Holm's adjustment runs over all P pairs.

    Args:
        scores_a: c of the first models, shape (P, J), NaN where a split could not be scored.
        scores_b: c of the second models on the same splits.
        names: the P pairs of model names.
        weeks: the P landmark weeks.
        n_train: patients in training, shape (P,) or one number.
        n_test: patients in the test set, likewise.

    Source: Nadeau C, Bengio Y. Machine Learning 2003;52:239-281. Holm S. Scand J Statist 1979;6:65-70.
    """
    if not names:
        return ()
    first, second = (np.atleast_2d(np.asarray(scores, dtype=np.float64)) for scores in (scores_a, scores_b))
    if first.shape != second.shape or not len(first) == len(names) == len(weeks):
        raise ValueError(f"scores {first.shape} and {second.shape} do not belong to {len(names)} pairs.")
    tested = resampled_mean(first - second, n_train=n_train, n_test=n_test)
    adjusted = holm(tested.p_zero)
    return tuple(
        CindexComparison(
            model_a=a,
            model_b=b,
            week=float(week),
            difference=known(tested.mean[i]),
            ci_low=known(tested.ci_low[i]),
            ci_high=known(tested.ci_high[i]),
            p_corrected=known(tested.p_zero[i]),
            p_holm=known(adjusted[i]),
        )
        for i, ((a, b), week) in enumerate(zip(names, weeks, strict=True))
    )


def holm(p_values: ArrayLike) -> FloatArray:
    """P values adjusted by Holm's step-down method; missing ones stay missing and do not count as tests.

    Args:
        p_values: shape (m,), NaN where missing.

    Source: Holm S. A simple sequentially rejective multiple test procedure. Scand J Statist 1979;6:65-70.
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    tests = np.flatnonzero(~np.isnan(p))
    ascending = tests[np.argsort(p[tests], kind="stable")]
    multiplied = p[ascending] * (len(ascending) - np.arange(len(ascending)))
    adjusted[ascending] = np.minimum(np.maximum.accumulate(multiplied), 1.0)
    return adjusted


def known(value: float | np.floating) -> float | None:
    """A number for a result, None where it is NaN."""
    return None if np.isnan(value) else float(value)
