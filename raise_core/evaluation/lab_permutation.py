"""What shuffling a laboratory value among test patients costs: every copy of a fold scored in one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from raise_core.domain.outcome import BoolArray, FloatArray, Outcome
from raise_core.evaluation.concordance import harrell_c

Predict = Callable[[FloatArray], FloatArray]
"""Columns (m, width) to risks (m,), higher is worse."""

Score = Callable[[FloatArray], FloatArray]
"""Risks (B, m) of the test patients to a metric (B,), NaN where it cannot be computed."""

MOST_ROWS = 60_000
"""Rows predicted at once; bounds memory."""


def permutation_drops(
    x: FloatArray, units: Sequence[NDArray[np.intp]], predict: Predict, score: Score, orders: NDArray[np.intp]
) -> tuple[float, FloatArray]:
    """The metric on test patients, and how far it falls when a unit's columns are shuffled.

    Args:
        x: shape (m, width), the test patients' columns.
        units: U sets of columns, each shuffled as one.
        predict: of the model trained without these patients.
        score: against their outcome.
        orders: shape (K, m), K orders of the test patients; all units are shuffled by the same ones.

    Returns:
        The metric as it is, and the mean over the K orders of its fall, shape (U,).
    """
    whole = float(score(predict(x)[None])[0])
    falls = np.empty(len(units))
    for some in _portions(len(units), rows_each=orders.size):
        copies = np.broadcast_to(x, (len(some), len(orders), *x.shape)).copy()
        for place, unit in enumerate(some):
            copies[place][:, :, units[unit]] = x[orders][:, :, units[unit]]
        risk = predict(copies.reshape(-1, x.shape[1])).reshape(-1, len(x))
        falls[some] = whole - score(risk).reshape(len(some), len(orders)).mean(axis=1)
    return whole, falls


def _portions(units: int, *, rows_each: int) -> Iterator[NDArray[np.intp]]:
    size = max(MOST_ROWS // max(rows_each, 1), 1)
    for start in range(0, units, size):
        yield np.arange(start, min(start + size, units))


def concordance_score(outcome: Outcome) -> Score:
    """Harrell's c of B risks of the same patients."""

    def score(risk: FloatArray) -> FloatArray:
        return harrell_c(risk, outcome.time_weeks, outcome.event, rows=np.ones(risk.shape, dtype=np.bool_)).c

    return score


def auroc_score(short: BoolArray) -> Score:
    """Area under the ROC curve of B risks: the chance that a short patient has the higher one, ties one half."""
    n_short, n_long = int(short.sum()), int((~short).sum())

    def score(risk: FloatArray) -> FloatArray:
        if not n_short or not n_long:
            return np.full(len(risk), np.nan)
        ranks = rankdata(risk, axis=1)
        return np.asarray((ranks[:, short].sum(axis=1) - n_short * (n_short + 1) / 2) / (n_short * n_long))

    return score
