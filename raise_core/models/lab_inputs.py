"""Laboratory values made ready for a model: imputed, logged where skewed, standardised; learnt from training rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raise_core.domain.errors import BadInputError
from raise_core.domain.outcome import BoolArray, FloatArray

SKEWED = 1.0
"""A positive test whose training values are more skewed than this is logged: enzymes and tumour markers mostly are."""

STILL = 1e-12
"""A test that varies by less than this share of its size does not vary."""


@dataclass(frozen=True, eq=False)
class LabStatistics:
    """What was learnt from the training rows; all arrays have shape (p,), one entry a test.

    Attributes:
        median: of the values seen in training, in the test's unit; 0 for a test never seen.
        floor: lower bound before the log: half the smallest training value of a logged test, else -inf.
        logged: whether the natural log is taken.
        indicated: whether the test is missing in some training rows and not in others, so that being missing is an
            input of its own.
        mean: of the imputed, logged values.
        scale: 1 / their standard deviation (ddof 0); 0 where they do not vary.
    """

    median: FloatArray
    floor: FloatArray
    logged: BoolArray
    indicated: BoolArray
    mean: FloatArray
    scale: FloatArray

    @property
    def n_inputs(self) -> int:
        """Inputs they become: one a test, and one more a test with an indicator."""
        return len(self.median) + int(self.indicated.sum())

    def impute(self, values: FloatArray) -> FloatArray:
        """Values with medians where missing, then indicators (1 where missing): shape (n, n_inputs), original units."""
        missing = np.isnan(values)
        filled = np.where(missing, self.median, values)
        return np.concatenate([filled, missing[:, self.indicated].astype(np.float64)], axis=1)


def fit_lab_statistics(values: FloatArray, train: BoolArray) -> LabStatistics:
    """Medians, indicators, logs and scales from the training rows alone.

    Args:
        values: shape (n, p), NaN where missing.
        train: shape (n,), the rows to learn from.

    Raises:
        BadInputError: shapes disagree, no training row, or a value is infinite.
    """
    check_labs(values, train)
    seen = np.asarray(values[train], dtype=np.float64)
    missing = np.isnan(seen)
    known = (~missing).sum(axis=0)
    p = seen.shape[1]
    median = np.zeros(p)
    median[known > 0] = np.nanmedian(seen[:, known > 0], axis=0)
    filled = np.where(missing, median, seen)
    smallest = np.where(missing, np.inf, seen).min(axis=0, initial=np.inf)
    logged = (known > 0) & (smallest > 0) & (_skewness(filled) > SKEWED)
    floor = np.where(logged, smallest / 2.0, -np.inf)
    ready = filled.copy()
    ready[:, logged] = np.log(ready[:, logged])
    mean, sd = ready.mean(axis=0), ready.std(axis=0)
    varies = sd > STILL * np.maximum(np.abs(mean), np.finfo(np.float64).tiny)
    scale = np.divide(1.0, sd, out=np.zeros(p), where=varies)
    return LabStatistics(median, floor, logged, missing.any(axis=0) & (known > 0), mean, scale)


def check_labs(values: FloatArray, train: BoolArray) -> None:
    """Refuse what no model can be fitted to.

    Raises:
        BadInputError: shapes disagree, no training row, or a value is infinite.
    """
    if values.ndim != 2 or train.shape != (values.shape[0],) or train.dtype != np.bool_:
        raise BadInputError(
            f"laboratory values have shape {values.shape} and train {train.shape}; they must be (patients, tests) and "
            "a boolean (patients,)."
        )
    if not train.any():
        raise BadInputError("no training patient was named; laboratory values need at least one to be imputed from.")
    infinite = np.isinf(values)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        raise BadInputError(
            f"the laboratory value in row {row}, column {column} is infinite; leave it empty or correct it."
        )


def _skewness(filled: FloatArray) -> FloatArray:
    """Third standardised moment of each column; 0 where it does not vary."""
    centred = filled - filled.mean(axis=0)
    sd = centred.std(axis=0)
    cubed = (centred**3).mean(axis=0)
    varies = sd > STILL * np.abs(filled).max(axis=0, initial=1e-300)
    return np.asarray(np.divide(cubed, sd**3, out=np.zeros_like(sd), where=varies))
