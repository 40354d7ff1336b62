from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.volume import Geometry, Volume
from raise_core.imaging.area_mean import Lattice, along_patient_axes, mean_over


def grid(size, spacing, origin=(0, 0, 0), direction=None):
    direction = np.eye(3) if direction is None else direction
    return Geometry.of(size=size, spacing_mm=spacing, origin_mm=origin, direction=direction)


def around_z(degrees):
    a = np.deg2rad(degrees)
    return np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])


def test_same_grid_keeps_what_is_linear():
    """Over a voxel's own extent the mean of a ramp is its middle."""
    k, j, i = np.mgrid[:6, :7, :8]
    volume = Volume((2.0 * i - j + 3 * k).astype(np.float32), grid((8, 7, 6), (1, 2, 3)))
    means = mean_over(volume, Lattice.of(volume.geometry), outside=0.0)
    np.testing.assert_allclose(means[1:-1, 1:-1, 1:-1], volume.array[1:-1, 1:-1, 1:-1], rtol=1e-5, atol=1e-4)


def test_finer_grid_is_linear_interpolation_of_a_ramp():
    i = np.arange(10, dtype=np.float32)
    volume = Volume(np.broadcast_to(i, (4, 4, 10)), grid((10, 4, 4), (2, 2, 2)))
    fine = grid((12, 4, 4), (0.5, 2, 2), origin=(4.1, 0, 0))
    means = mean_over(volume, Lattice.of(fine), outside=0.0)
    np.testing.assert_allclose(means[1, 1], (4.1 + 0.5 * np.arange(12)) / 2, rtol=1e-5)


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(*[st.floats(0.4, 5.0) for _ in range(3)]),
    st.tuples(*[st.integers(3, 9) for _ in range(3)]),
    st.floats(0.3, 2.0),
)
def test_value_times_volume_is_the_same_before_and_after(seed, spacing, size, ratio):
    """Whatever the two grids, as long as the new one covers the old."""
    rng = np.random.default_rng(seed)
    volume = Volume(rng.random(size[::-1]).astype(np.float32), grid(size, spacing, origin=rng.normal(0, 50, 3)))
    before = float(volume.array.sum(dtype=float)) * np.prod(spacing)
    step = np.asarray(spacing) * ratio
    counts = np.ceil(np.asarray(size) * np.asarray(spacing) / step).astype(int) + 2
    first = np.asarray(volume.geometry.origin_mm) - np.asarray(spacing) / 2 - rng.random(3) * step / 2
    new = grid(counts, step, origin=first)
    after = float(mean_over(volume, Lattice.of(new), outside=0.0).sum(dtype=float)) * np.prod(step)
    assert after == pytest.approx(before, rel=1e-3)


def test_a_single_hot_voxel_is_never_missed_by_a_coarse_grid():
    for place in range(20):
        values = np.zeros((20, 20, 20), dtype=np.float32)
        values[place, place, place] = 100
        coarse = grid((2, 2, 2), (10, 10, 10), origin=(4.5, 4.5, 4.5))
        means = mean_over(Volume(values, grid((20, 20, 20), (1, 1, 1))), Lattice.of(coarse), outside=0.0)
        assert means.sum() * 1000 == pytest.approx(100, rel=1e-4)


def test_what_lies_outside_counts_with_its_share():
    volume = Volume(np.ones((4, 4, 4), dtype=np.int16) * 100, grid((4, 4, 4), (1, 1, 1)))
    half_out = Lattice((1, 1, 1), (-0.5, 1.5, 1.5), (4, 4, 4), (4, 4, 4))
    assert mean_over(volume, half_out, outside=-1000)[0, 0, 0] == pytest.approx(0.5 * -1000 + 0.5 * 100, rel=0.01)
    beside = Lattice((1, 1, 1), (100, 1, 1), (4, 4, 4), (4, 4, 4))
    assert mean_over(volume, beside, outside=-1000)[0, 0, 0] == -1000


def test_slices_can_be_changed_before_they_count():
    volume = Volume(np.arange(5.0, dtype=np.float32)[:, None, None] * np.ones((5, 3, 3)), grid((3, 3, 5), (1, 1, 1)))
    seen = []

    def changed(values, k, rows, columns):
        seen.append((k, rows.stop - rows.start, columns.stop - columns.start))
        return values * 0 + k * 10

    means = mean_over(volume, Lattice.of(volume.geometry), outside=0.0, slice_values=changed)
    np.testing.assert_allclose(means[1:-1, 1, 1], [10, 20, 30], rtol=1e-5)
    assert sorted(seen) == [(k, 3, 3) for k in range(5)]


def test_flipped_and_exchanged_axes_are_a_view():
    array = np.random.default_rng(0).random((4, 5, 6)).astype(np.float32)
    direction = np.array([[0, -1, 0], [0, 0, 1], [-1, 0, 0]])
    volume = Volume(array, grid((6, 5, 4), (1, 2, 3), origin=(5, 6, 7), direction=direction))
    straight = along_patient_axes(volume, outside=0.0)
    assert np.shares_memory(straight.array, array)
    np.testing.assert_array_equal(straight.geometry.direction, np.eye(3))
    for index in ((0, 0, 0), (5, 0, 3), (2, 4, 1)):
        there = straight.geometry.mm_to_index(volume.geometry.index_to_mm(index)).round().astype(int)
        assert straight.array[tuple(there[::-1])] == array[tuple(index[::-1])]


def test_an_oblique_grid_is_straightened_where_it_lies():
    geometry = grid((60, 60, 20), (2, 2, 3), origin=(-40, 10, 5), direction=around_z(25))
    centre = np.asarray(geometry.index_to_mm((20, 35, 9)))
    k, j, i = np.mgrid[:20, :60, :60]
    away = geometry.index_to_mm(np.stack([i, j, k], axis=-1)) - centre
    hot = np.exp(-(away**2).sum(axis=-1) / (2 * 8.0**2)).astype(np.float32)
    straight = along_patient_axes(Volume(hot, geometry), outside=0.0)
    np.testing.assert_array_equal(straight.geometry.direction, np.eye(3))
    mass = straight.array.astype(float)
    where = np.stack(np.meshgrid(*[np.arange(n) for n in mass.shape], indexing="ij"), axis=-1)[..., ::-1]
    middle = (straight.geometry.index_to_mm(where) * mass[..., None]).sum(axis=(0, 1, 2)) / mass.sum()
    np.testing.assert_allclose(middle, centre, atol=0.3)
    assert mass.sum() == pytest.approx(hot.sum(), rel=0.01)
