from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from raise_core.imaging.resample import linear_at, nearest_at


@given(
    start=st.tuples(st.floats(-6, 20), st.floats(-6, 20)),
    step=st.floats(0.1, 1.0),
    count=st.integers(2, 30),
    seed=st.integers(0, 99),
)
def test_finer_grids_are_plain_linear_interpolation(start, step, count, seed):
    image = np.random.default_rng(seed).normal(size=(17, 23))
    rows, columns = (first + step * np.arange(count) for first in start)
    expected = map_coordinates(image, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest")
    assert np.allclose(linear_at(image, rows, columns), expected, atol=1e-9)


@given(step=st.floats(1.0, 6.0), seed=st.integers(0, 99))
def test_coarser_grids_average_so_noise_falls_and_a_plane_stays(step, seed):
    y, x = np.mgrid[:60, :60]
    at = 15 + step * np.arange(6)
    inner = at[(at > step) & (at < 59 - step)]
    plane = linear_at(3.0 * y - 2.0 * x, inner, inner)
    # Sampled triangles have their centroid within 0.086 pixels of the position; the plane rises by 3 and 2 a pixel.
    assert np.allclose(plane, 3.0 * inner[:, None] - 2.0 * inner[None, :], atol=(3.0 + 2.0) * 0.086)
    assert np.allclose(linear_at(np.full((60, 60), 7.0), at, at), 7.0)


def test_checkerboard_turns_grey_when_shrunk():
    board = np.indices((64, 64)).sum(axis=0) % 2 * 1.0
    at = np.arange(8, 56, 4.0)
    assert np.abs(linear_at(board, at, at) - 0.5).max() < 0.01


def test_nearest_is_false_beyond_the_border_and_exact_inside():
    mask = np.zeros((5, 5), dtype=bool)
    mask[2:, 3:] = True
    same = nearest_at(mask, np.arange(5.0), np.arange(5.0))
    assert np.array_equal(same, mask)
    around = nearest_at(mask, np.arange(-3.0, 9.0), np.arange(-3.0, 9.0))
    assert around.sum() == mask.sum()
    assert np.array_equal(nearest_at(mask, np.array([1.4, 1.6]), np.array([4.0])), [[False], [True]])
