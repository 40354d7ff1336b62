"""Random forest for two classes: scikit-learn's trees as one typed value."""

from __future__ import annotations

from typing import Any

import numpy as np

from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.models.tree_ensemble import TreeEnsemble

LEAF_SHARE, SMALLEST_LEAF = 0.01, 5


def fit_class_forest(x: FloatArray, short: BoolArray, *, trees: int, seed: int) -> TreeEnsemble:
    """Grow a forest whose prediction is the probability of a short time; higher is worse.

    Args:
        x: shape (n, p), finite.
        short: bool, shape (n,); both classes must be there.
        trees: how many.
        seed: of the bootstrap and the choice of columns.
    """
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        n_estimators=trees,
        min_samples_leaf=max(SMALLEST_LEAF, round(LEAF_SHARE * len(short))),
        max_features="sqrt",
        random_state=seed,
        n_jobs=1,
    )
    forest.fit(x, np.asarray(short, dtype=np.int64))
    grown: list[Any] = [tree.tree_ for tree in forest.estimators_]
    values = []
    for tree in grown:
        counts = np.asarray(tree.value, dtype=np.float64)[:, 0, :]
        values.append(counts[:, 1] / counts.sum(axis=1))
    return TreeEnsemble.of(grown, values)
