"""Resampling of slices along their two axes: linear for densities, nearest for masks."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

FloatArray = NDArray[np.float64]

TIE_PIXELS = 1e-3
"""A position halfway between two pixels goes to the later one, also if it is this little short of halfway: headers
round spacings to float32, and the same scan in another format must not get another contour by that."""


def linear_at(image: NDArray[Any], rows: FloatArray, columns: FloatArray) -> FloatArray:
    """Values of `image` (rows, columns) on the grid of `rows` x `columns`, given in pixels with fractions.

    Linear interpolation where the new grid is as fine as the old one. Where it is coarser, each new pixel is the
    triangle-weighted mean of the old ones it covers, so that noise and edges do not alias. Beyond the border the
    nearest border pixel counts.

    Args:
        image: shape (h, w).
        rows: shape (n,), evenly spaced and rising row positions.
        columns: shape (m,), likewise.

    Returns:
        shape (n, m).
    """
    top, down = _weights(*_evenly(rows), image.shape[0])
    left, across = _weights(*_evenly(columns), image.shape[1])
    part = image[top : top + down.shape[1], left : left + across.shape[1]].astype(np.float64)
    resampled: FloatArray = np.asarray((across @ (down @ part).T).T)
    return resampled


def nearest_at(mask: NDArray[np.bool_], rows: FloatArray, columns: FloatArray) -> NDArray[np.bool_]:
    """Mask values at the pixels nearest to `rows` x `columns`; False beyond the border. Shapes as `linear_at`."""
    y = np.floor(rows + 0.5 + TIE_PIXELS).astype(np.intp)
    x = np.floor(columns + 0.5 + TIE_PIXELS).astype(np.intp)
    inside_y = (y >= 0) & (y < mask.shape[0])
    inside_x = (x >= 0) & (x < mask.shape[1])
    sampled = np.zeros((rows.size, columns.size), dtype=np.bool_)
    sampled[np.ix_(inside_y, inside_x)] = mask[np.ix_(y[inside_y], x[inside_x])]
    return sampled


def _evenly(positions: FloatArray) -> tuple[float, float, int]:
    """First position, step and number of evenly spaced positions."""
    step = float(positions[-1] - positions[0]) / (positions.size - 1) if positions.size > 1 else 1.0
    return float(positions[0]), step, positions.size


@lru_cache(maxsize=32)
def _weights(start: float, step: float, count: int, size: int) -> tuple[int, csr_array]:
    """First pixel used and the weights of the pixels from there on, one row a position, each row summing to 1.

    Sparse: two or three weights a row are not 0, and the product stays in one thread, so that worker processes do not
    fight over cores and the result does not depend on their number.
    """
    reach = max(1.0, step)
    inside = np.clip(start + step * np.arange(count), 0.0, size - 1.0)
    first = max(0, int(np.floor(inside[0] - reach)))
    last = min(size - 1, int(np.ceil(inside[-1] + reach)))
    taps = np.floor(inside - reach)[:, None] + np.arange(int(np.ceil(2 * reach)) + 1)[None, :]
    weights = np.maximum(0.0, 1.0 - np.abs(inside[:, None] - taps) / reach)
    weights[(taps < first) | (taps > last)] = 0.0
    weights /= weights.sum(axis=1, keepdims=True)
    rows, _ = np.nonzero(weights)
    used = weights > 0
    columns = taps[used].astype(np.intp) - first
    return first, csr_array((weights[used], (rows, columns)), shape=(count, last - first + 1))
