"""How far apart two groups are on one characteristic, in standard deviations: a size, not a test.

Continuous: |m1 - m2| / sqrt((s1^2 + s2^2) / 2). Categories with any number of levels: the Mahalanobis distance of the
two vectors of proportions (Yang D, Dalton JE. A unified approach to measuring the effect size between two groups using
SAS. SAS Global Forum 2012, paper 335). Both are absolute values.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

CHANCE_QUANTILE = 1.959963984540054  # two-sided 95 % of the normal distribution
_RANK_TOLERANCE = 1e-10  # singular values of a covariance of proportions below this count as 0


def of_numbers(first: ArrayLike, second: ArrayLike) -> float | None:
    """Standardised mean difference of two samples of known values.

    Args:
        first: shape (n1,), no missing values.
        second: shape (n2,).

    Returns:
        The absolute difference; None when a group has fewer than two values, or both are constant and differ.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if len(one) < 2 or len(two) < 2:
        return None
    gap = abs(float(one.mean() - two.mean()))
    if np.ptp(one) == 0 and np.ptp(two) == 0:  # rounding would give constant values a spread
        return 0.0 if one[0] == two[0] else None
    return gap / math.sqrt((float(one.var(ddof=1)) + float(two.var(ddof=1))) / 2)


def of_categories(first: ArrayLike, second: ArrayLike) -> float | None:
    """Standardised difference of two groups over the levels of a category.

    Args:
        first: shape (levels,), patients of the first group at each level.
        second: shape (levels,), of the second group, the same levels.

    Returns:
        The distance; None when a group is empty or the groups share no level that could scale it (the distance is then
        infinite).
    """
    counts = np.stack([np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)])
    if (counts.sum(axis=1) == 0).any():
        return None
    counts = counts[:, counts.sum(axis=0) > 0]
    shares = counts / counts.sum(axis=1, keepdims=True)
    gap = (shares[0] - shares[1])[1:]
    if not gap.size:
        return 0.0
    covariance = (_covariance(shares[0, 1:]) + _covariance(shares[1, 1:])) / 2
    inverse = np.linalg.pinv(covariance, rcond=_RANK_TOLERANCE, hermitian=True)
    unscaled = gap - covariance @ inverse @ gap
    if np.abs(unscaled).max() > math.sqrt(_RANK_TOLERANCE):
        return None
    return math.sqrt(max(0.0, float(gap @ inverse @ gap)))


def _covariance(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Covariance of the indicators of all levels but the first."""
    covariance: NDArray[np.float64] = np.diag(shares) - np.outer(shares, shares)
    return covariance


def chance_limit(first: int, second: int) -> float | None:
    """How large a standardised difference of a two-level or continuous characteristic chance alone makes.

    In 95 % of randomisations it stays below 1.96 * sqrt(1/n1 + 1/n2) (large samples; Hedges & Olkin 1985).

    Args:
        first: patients in the first group.
        second: patients in the second.
    """
    if first < 2 or second < 2:
        return None
    return CHANCE_QUANTILE * math.sqrt(1 / first + 1 / second)
