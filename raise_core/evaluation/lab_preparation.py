"""Laboratory values as columns of a model: medians in place of missing ones, indicators, a column of noise.

Everything is learnt from the training patients of one split alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.outcome import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class LabColumns:
    """Which column holds what: first the p values, then indicators of missing ones, last the noise.

    Attributes:
        labs: number of tests, p.
        indicated: shape (q,), tests that are missing in somebody, in the order of their indicators.
    """

    labs: int
    indicated: NDArray[np.intp]

    @classmethod
    def of(cls, values: FloatArray) -> LabColumns:
        """The columns of values (n, p) with NaN where missing."""
        return cls(values.shape[1], np.flatnonzero(np.isnan(values).any(axis=0)))

    @property
    def noise(self) -> int:
        """Column of the noise."""
        return self.labs + len(self.indicated)

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.noise + 1

    def of_lab(self, lab: int) -> NDArray[np.intp]:
        """A test's value and, where it has one, its indicator: they are shuffled together."""
        return np.concatenate([[lab], self.labs + np.flatnonzero(self.indicated == lab)]).astype(np.intp)

    @property
    def units(self) -> tuple[NDArray[np.intp], ...]:
        """The columns of every test, in order, and last the noise."""
        return (*(self.of_lab(lab) for lab in range(self.labs)), np.array([self.noise]))


@dataclass(frozen=True, eq=False)
class Preparation:
    """What was learnt from training patients.

    Attributes:
        columns: which column holds what.
        fill: shape (p,), their median; 0 for a test that none of them has.
    """

    columns: LabColumns
    fill: FloatArray

    @classmethod
    def learn(cls, values: FloatArray, train: BoolArray, columns: LabColumns) -> Preparation:
        """Medians of the training patients.

        Args:
            values: shape (n, p), NaN where missing.
            train: shape (n,).
            columns: of the whole panel, so that all splits have the same.
        """
        known = values[train]
        some = ~np.isnan(known).all(axis=0)
        fill = np.zeros(values.shape[1])
        fill[some] = np.nanmedian(known[:, some], axis=0)
        return cls(columns, fill)

    def apply(self, values: FloatArray, noise: FloatArray) -> FloatArray:
        """Columns of any patients, shape (m, width).

        Args:
            values: shape (m, p), NaN where missing.
            noise: shape (m,).
        """
        missing = np.isnan(values)
        filled = np.where(missing, self.fill, values)
        return np.column_stack([filled, missing[:, self.columns.indicated].astype(np.float64), noise])
