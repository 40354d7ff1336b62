"""What every cut of a marker would have shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CutProfile:
    """Hazard ratio and p-values of every cut that leaves a tenth of the patients on either side.

    Attributes:
        cuts: shape (c,), ascending, in the marker's unit; groups are value <= cut and value > cut.
        n_low: shape (c,), patients at or below.
        hazard_ratio: shape (c,), the higher group against the lower; NaN where there is none.
        low: shape (c,), lower 95 % limit.
        high: shape (c,).
        p_raw: shape (c,), log-rank test as if the cut had been the only one.
        p_adjusted: shape (c,), allowing for the choice among all of them.
        p_approximate: shape (c,), the analytic bound of the same.
        best: position of the cut with the largest statistic.
        n: patients.
        permutations: shuffled markers behind `p_adjusted`; 0 where it is the analytic bound.
    """

    cuts: FloatArray
    n_low: IntArray
    hazard_ratio: FloatArray
    low: FloatArray
    high: FloatArray
    p_raw: FloatArray
    p_adjusted: FloatArray
    p_approximate: FloatArray
    best: int
    n: int
    permutations: int
