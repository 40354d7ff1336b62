"""The mean of many trees, whoever grew them: prediction, and SHAP values that add up to it.

Lundberg SM et al. From local explanations to global understanding with explainable AI for trees. Nat Mach Intell
2020;2:56-67. SHAP's explainer refuses survival forests; given the bare trees it explains them exactly.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from raise_core.domain.outcome import FloatArray


class GrownTree(Protocol):
    """What is used of a scikit-learn tree."""

    children_left: Any
    children_right: Any
    feature: Any
    threshold: Any
    weighted_n_node_samples: Any

    def apply(self, x: Any) -> Any:  # noqa: ANN401 - scikit-learn is untyped
        """Leaf of each row."""


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """Trees with one number in each node; the prediction is the mean of the leaves a patient falls into.

    Attributes:
        trees: as grown.
        values: for each tree the numbers of its nodes.
    """

    trees: tuple[GrownTree, ...]
    values: tuple[FloatArray, ...]

    @classmethod
    def of(cls, trees: Sequence[GrownTree], values: Sequence[FloatArray]) -> TreeEnsemble:
        """Join trees and their numbers."""
        return cls(tuple(trees), tuple(values))

    def risk(self, x: FloatArray) -> FloatArray:
        """Prediction, shape (m,), of columns (m, p)."""
        rows = np.ascontiguousarray(x, dtype=np.float32)  # the precision the trees were grown in
        total = np.zeros(len(rows))
        for tree, values in zip(self.trees, self.values, strict=True):
            total += values[tree.apply(rows)]
        return total / len(self.trees)

    def shap(self, x: FloatArray) -> tuple[FloatArray, float]:
        """SHAP values, shape (m, p), and what they start from: with it they add up to `risk` in every row.

        The starting point is the mean prediction over the patients that each tree was grown on.
        """
        share = 1.0 / len(self.trees)
        bare = [
            {
                "children_left": tree.children_left,
                "children_right": tree.children_right,
                "children_default": tree.children_left,
                "features": tree.feature,
                "thresholds": tree.threshold,
                "values": values[:, None] * share,
                "node_sample_weight": tree.weighted_n_node_samples,
            }
            for tree, values in zip(self.trees, self.values, strict=True)
        ]
        explainer = _shap().TreeExplainer({"trees": bare}, feature_perturbation="tree_path_dependent")
        rows = np.asarray(x, dtype=np.float32).astype(np.float64)
        shares = np.asarray(explainer.shap_values(rows, check_additivity=False), dtype=np.float64)
        return shares.reshape(len(rows), -1), float(np.ravel(explainer.expected_value)[0])


def _shap() -> Any:  # noqa: ANN401 - the library is untyped
    with warnings.catch_warnings():
        # shap colours its own pictures, which are not used here, with a call that matplotlib is about to drop.
        warnings.filterwarnings("ignore", message="The set_(bad|over|under) function", category=Warning)
        return importlib.import_module("shap")
