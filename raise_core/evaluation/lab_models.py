"""The models whose use of laboratory values is measured, fitted on the training patients of every fold of a repeat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.evaluation.lab_panel import LabPanel
from raise_core.evaluation.lab_permutation import Predict, Score, auroc_score, concordance_score
from raise_core.evaluation.lab_preparation import LabColumns, Preparation
from raise_core.models.class_forest import fit_class_forest
from raise_core.models.ridge_cox import RidgeCox, fit_ridge_cox
from raise_core.models.survival_forest import fit_survival_forest
from raise_core.models.tree_ensemble import TreeEnsemble

_NOISE, _FOREST, _ORDERS = 0, 1, 2


@dataclass(frozen=True, eq=False)
class FoldModel:
    """A model with the preparation it was fitted on, neither of which knows the test patients.

    Attributes:
        fold: number of the fold.
        test: shape (n,), its patients.
        preparation: medians of the training patients.
        noise: shape (n,), random numbers drawn for this fit.
        forest: the forest; None for a Cox model.
        cox: the Cox models of the repeat, this fold's at place `fold`; None for a forest.
    """

    fold: int
    test: BoolArray
    preparation: Preparation
    noise: FloatArray
    forest: TreeEnsemble | None
    cox: RidgeCox | None

    def columns(self, values: FloatArray) -> FloatArray:
        """The test patients' columns, shape (m, width), of the values of all patients (n, p)."""
        return self.preparation.apply(values[self.test], self.noise[self.test])

    @property
    def predict(self) -> Predict:
        """Columns to risks."""
        if self.forest is not None:
            return self.forest.risk
        cox, fold = self.require_cox(), self.fold
        return lambda x: cox.risk(x, fold)

    def shap(self, x: FloatArray) -> tuple[FloatArray, float]:
        """SHAP values of columns, shape (m, width), and what they start from."""
        if self.forest is not None:
            return self.forest.shap(x)
        return self.require_cox().shares(x, self.fold), 0.0

    def require_cox(self) -> RidgeCox:
        """The Cox models of the repeat."""
        if self.cox is None:
            raise ValueError("this model is a forest")
        return self.cox


def fold_models(
    panel: LabPanel, settings: ImportanceSettings, columns: LabColumns, fold_of: NDArray[np.int8], repeat: int
) -> Iterator[FoldModel]:
    """Fit one model a fold, each on the patients of the other folds.

    Args:
        panel: values and outcome.
        settings: model, trees, seed.
        columns: of the panel.
        fold_of: shape (n,), fold of each patient.
        repeat: number of the repeat; with the seed it determines forests and noise.
    """
    folds = range(settings.folds)
    train = np.stack([fold_of != fold for fold in folds])
    noise = np.stack([_draws(settings, _NOISE, repeat, fold).standard_normal(panel.n) for fold in folds])
    learnt = [Preparation.learn(panel.values, train[fold], columns) for fold in folds]
    cox = None
    if settings.model is ImportanceModel.COX:
        x = np.stack([learnt[fold].apply(panel.values, noise[fold]) for fold in folds])
        cox = fit_ridge_cox(x, panel.outcome, rows=train)
    for fold in folds:
        forest = None
        if cox is None:
            rows = train[fold]
            x_train = learnt[fold].apply(panel.values[rows], noise[fold][rows])
            forest = _forest(
                panel, settings, x_train, rows, int(_draws(settings, _FOREST, repeat, fold).integers(2**31))
            )
        yield FoldModel(fold, ~train[fold], learnt[fold], noise[fold], forest, cox)


def _forest(panel: LabPanel, settings: ImportanceSettings, x: FloatArray, rows: BoolArray, seed: int) -> TreeEnsemble:
    if settings.model is ImportanceModel.CLASS_FOREST:
        return fit_class_forest(x, panel.short[rows], trees=settings.trees, seed=seed)
    return fit_survival_forest(x, panel.outcome.take(rows), trees=settings.trees, seed=seed)


def score_of(panel: LabPanel, settings: ImportanceSettings, test: BoolArray) -> Score:
    """The metric on some patients."""
    if settings.model is ImportanceModel.CLASS_FOREST:
        return auroc_score(panel.short[test])
    return concordance_score(panel.outcome.take(test))


def shuffled_orders(settings: ImportanceSettings, *, patients: int, repeat: int, fold: int) -> NDArray[np.intp]:
    """Orders of a fold's test patients, shape (permutations, patients)."""
    rng = _draws(settings, _ORDERS, repeat, fold)
    return np.argsort(rng.random((settings.permutations, patients)), axis=1)


def joined(units: Sequence[NDArray[np.intp]], members: Sequence[Sequence[int]]) -> list[NDArray[np.intp]]:
    """The units, and after them those of each group shuffled as one."""
    return [*units, *(np.concatenate([units[one] for one in group]) for group in members)]


def _draws(settings: ImportanceSettings, stream: int, repeat: int, fold: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(stream, repeat, fold)))
