"""Each patient explained by the model that did not see the patient: SHAP values, curves over a value, coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.importance_results import LabExplanations
from raise_core.domain.outcome import FloatArray
from raise_core.evaluation.lab_models import FoldModel
from raise_core.evaluation.lab_panel import LabPanel
from raise_core.evaluation.lab_preparation import LabColumns

GRID_POINTS = 21
TAILS = (0.01, 0.99)
"""Curves reach from the first to the last percentile of the patients shown: beyond, a model has hardly seen anybody."""


def explain(panel: LabPanel, columns: LabColumns, models: Sequence[FoldModel]) -> LabExplanations:
    """Explanations of all patients by the models of one repeat.

    Args:
        panel: values.
        columns: of the panel.
        models: one a fold; every patient is in the test set of one of them.
    """
    n, p = panel.values.shape
    grid = _grid(panel)
    prediction, base = np.empty(n), np.empty(n)
    shap = np.empty((n, p + 1))
    ice = np.empty((n, p, GRID_POINTS))
    fold = np.empty(n, dtype=np.int8)
    for model in models:
        x = model.columns(panel.values)
        shares, start = model.shap(x)
        prediction[model.test], base[model.test], fold[model.test] = model.predict(x), start, model.fold
        shap[model.test] = np.column_stack([shares[:, unit].sum(axis=1) for unit in columns.units])
        for lab in range(p):
            ice[np.flatnonzero(model.test), lab] = _curves(model, x, columns.of_lab(lab), grid[lab])
    coef, missing_coef, fill = _coefficients(columns, models)
    return LabExplanations(
        panel.patient_ids,
        panel.labs,
        panel.in_units,
        fold,
        prediction,
        base,
        shap,
        np.where(panel.is_log[:, None], np.exp(np.where(panel.is_log[:, None], grid, 0.0)), grid),
        ice,
        coef,
        missing_coef,
        fill,
    )


def _grid(panel: LabPanel) -> FloatArray:
    """Evenly spaced values of each test on its scale, shape (p, GRID_POINTS)."""
    low, high = np.nanquantile(panel.values, TAILS, axis=0)
    flat = high <= low
    low = np.where(flat, np.nanmin(panel.values, axis=0), low)
    high = np.where(flat, np.nanmax(panel.values, axis=0), high)
    return np.linspace(low, high, GRID_POINTS).T


def _curves(model: FoldModel, x: FloatArray, unit: NDArray[np.intp], grid: FloatArray) -> FloatArray:
    """Predictions of each patient over a grid of one value, shape (m, g); who lacked it no longer does."""
    copies = np.repeat(x, len(grid), axis=0)
    copies[:, unit[1:]] = 0.0
    copies[:, unit[0]] = np.tile(grid, len(x))
    return model.predict(copies).reshape(len(x), len(grid))


def _coefficients(columns: LabColumns, models: Sequence[FoldModel]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Coefficients of values and of their being missing, and the medians used, each (folds, p); no rows for forests."""
    p = columns.labs
    if models[0].cox is None:
        return np.empty((0, p)), np.empty((0, p)), np.empty((0, p))
    every = np.stack([model.require_cox().coef[model.fold] for model in models])
    missing = np.zeros((len(models), p))
    missing[:, columns.indicated] = every[:, p : columns.noise]
    return every[:, :p].copy(), missing, np.stack([model.preparation.fill for model in models])
