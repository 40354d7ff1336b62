"""ROC and precision-recall curves of every fold on a common grid, for a vertical average with a band.

ROC points are joined by straight lines, which is what ties count one half means. Precision between two points of a
precision-recall curve is not on their straight line, so that curve is a step: at a recall stands the precision of the
first cut that reaches it, the rule behind average precision (Davis & Goadrich, ICML 2006).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.class_results import ClassCurves, FoldCurve
from raise_core.domain.out_of_fold import OutOfFold
from raise_core.domain.outcome import BoolArray, FloatArray, Outcome
from raise_core.domain.progression_class import progression_class
from raise_core.evaluation.class_scores import long_score

GRID: FloatArray = np.linspace(0.0, 1.0, 201)


def class_curves(output: OutOfFold, outcome: Outcome, *, horizon_weeks: float, folds: int) -> ClassCurves:
    """Curves of one model over the folds with both classes.

    Args:
        output: of n patients.
        outcome: of the same; patients without a class are left out.
        horizon_weeks: what divides short from long.
        folds: folds of each repeat.
    """
    classes = progression_class(outcome, horizon_weeks=horizon_weeks)
    score, fold = long_score(output)[:, classes.known], output.fold[:, classes.known]
    found = _each_fold(score, fold, classes.long[classes.known], folds)
    if not found:
        return ClassCurves(output.model.text, None, None)
    roc, precision_recall = (np.stack(rows) for rows in zip(*found, strict=True))
    return ClassCurves(output.model.text, FoldCurve(GRID, roc), FoldCurve(GRID, precision_recall))


def _each_fold(
    score: FloatArray, fold: NDArray[np.int8], long: BoolArray, folds: int
) -> list[tuple[FloatArray, FloatArray]]:
    found = []
    for repeat in range(len(score)):
        for one in range(folds):
            tested = fold[repeat] == one
            values, positive = score[repeat, tested], long[tested]
            if positive.any() and not positive.all() and not np.isnan(values).any():
                found.append(_on_grid(values, positive))
    return found


def _on_grid(score: FloatArray, long: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Share of the long found at each false positive share, and precision at each recall."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.r_[np.diff(score[order]) != 0, True])  # of each run of equal scores
    found = np.cumsum(long[order])[last].astype(np.float64)
    called = (last + 1).astype(np.float64)
    sensitivity, alarms = found / found[-1], (called - found) / (called[-1] - found[-1])
    recall_reached = np.searchsorted(sensitivity, GRID - 1e-12, side="left")
    return _highest(np.r_[0.0, alarms], np.r_[0.0, sensitivity]), (found / called)[recall_reached]


def _highest(x: FloatArray, y: FloatArray) -> FloatArray:
    """A rising polyline at the grid; its upper end where it is vertical."""
    after = np.minimum(np.searchsorted(x, GRID + 1e-12, side="right"), len(x) - 1)
    before = np.maximum(after - 1, 0)
    on_last = x[-1] <= GRID + 1e-12
    width = x[after] - x[before]
    share = np.divide(GRID - x[before], width, out=np.zeros_like(GRID), where=width > 0)
    return np.asarray(np.where(on_last, y[-1], y[before] + share * (y[after] - y[before])))
