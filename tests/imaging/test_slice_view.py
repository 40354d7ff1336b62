from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.volume import Geometry, Volume
from raise_core.imaging.slice_view import (
    LIVER_BIT,
    NO_VALUE,
    EdgeLetters,
    MaskLayer,
    axial_grid,
    ct_preset,
    largest_slice,
    mask_on_slice,
    overlay_slice,
    slice_values,
    store_slice,
)

IDENTITY = np.eye(3)


def geometry(size=(4, 5, 6), *, spacing=(1.0, 2.0, 3.0), origin=(10.0, 20.0, 30.0), direction=IDENTITY) -> Geometry:
    return Geometry.of(size=size, spacing_mm=spacing, origin_mm=origin, direction=direction)


def empty(grid: Geometry, dtype=np.uint8) -> np.ndarray:
    return np.zeros(grid.size[::-1], dtype=dtype)


def restored(values: np.ndarray) -> np.ndarray:
    stored = store_slice(values)
    return stored.stored * stored.slope + stored.intercept


@pytest.mark.parametrize(
    "direction",
    [
        IDENTITY,
        np.diag([-1.0, 1.0, 1.0]),
        np.diag([-1.0, -1.0, 1.0]),
        np.diag([1.0, 1.0, -1.0]),
        np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]]),  # a sagittal acquisition
        np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]),  # a coronal one
    ],
)
def test_every_orientation_is_shown_radiologically(direction):
    grid = geometry(direction=direction)
    assert axial_grid(grid).letters == EdgeLetters(left="R", right="L", top="A", bottom="P")
    # a mark at the patient's left, front and head must appear right, on top and on the last slice
    array = empty(grid)
    volume = Volume(array, grid)
    corners = {tuple(index): grid.index_to_mm(index) for index in np.ndindex(grid.size)}
    i, j, k = max(corners, key=lambda index: corners[index] @ np.array([1.0, -1.0, 1.0]))
    array[k, j, i] = 7
    ordered, axial = volume.in_patient_order(), axial_grid(grid)
    shown = slice_values(ordered, axial.count - 1)
    assert shown.shape == (axial.rows, axial.columns)
    assert shown[0, axial.columns - 1] == 7
    assert axial.positions_mm == pytest.approx(sorted({round(float(z), 9) for _, _, z in corners.values()}))


def test_pixel_sizes_follow_the_axes_they_lie_on():
    sagittal = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]])  # i to the back, j to the feet, k to the left
    grid = axial_grid(geometry(size=(4, 5, 6), spacing=(1.0, 2.0, 3.0), direction=sagittal))
    assert (grid.columns, grid.rows, grid.count) == (6, 4, 5)
    assert (grid.column_mm, grid.row_mm, grid.slice_mm) == (3.0, 1.0, 2.0)


def test_oblique_scans_say_so_with_two_letters():
    angle = np.radians(20)
    c, s = np.cos(angle), np.sin(angle)
    tilted = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    assert axial_grid(geometry(direction=tilted)).letters == EdgeLetters(left="RS", right="LI", top="A", bottom="P")
    slight = np.radians(5)
    c, s = np.cos(slight), np.sin(slight)
    nearly = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    assert axial_grid(geometry(direction=nearly)).letters == EdgeLetters(left="R", right="L", top="A", bottom="P")


def test_positions_of_oblique_slices_are_a_slice_apart():
    c, s = np.cos(0.3), np.sin(0.3)
    grid = axial_grid(geometry(direction=np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])))
    assert np.diff(grid.positions_mm) == pytest.approx(np.full(grid.count - 1, grid.slice_mm))


def test_the_nearest_slice_is_found_in_mm():
    grid = axial_grid(geometry())
    assert grid.positions_mm == (30.0, 33.0, 36.0, 39.0, 42.0, 45.0)
    assert [grid.nearest_slice(position) for position in (-100, 34.4, 34.6, 99)] == [0, 1, 2, 5]


@pytest.mark.parametrize(
    "values",
    [
        np.array([[-1024, 0], [3071, 12]], dtype=np.int16),
        np.array([[0, 65535 - 1], [40000, 12]], dtype=np.uint16),
        np.array([[-1024.0, 0.0], [3071.0, 55.0]]),
        np.array([[200000, 200001], [230000, 260000]], dtype=np.int32),
        np.array([[0, 255]], dtype=np.uint8),
    ],
)
def test_whole_numbers_survive_exactly(values):
    assert np.array_equal(restored(values), values)


def test_suv_keeps_three_decimals():
    suv = np.random.default_rng(0).gamma(2.0, 3.0, (40, 30)).astype(np.float32)
    suv[0, 0] = 60.0
    assert np.abs(restored(suv) - suv).max() < 0.001


def test_what_is_no_number_is_marked():
    stored = store_slice(np.array([[np.nan, 1.5], [np.inf, 2.5]]))
    assert (stored.stored == NO_VALUE).tolist() == [[True, False], [True, False]]
    assert stored.stored[0, 1] * stored.slope + stored.intercept == pytest.approx(1.5, abs=1e-4)
    assert (store_slice(np.full((2, 2), np.nan)).stored == NO_VALUE).all()


def test_a_flat_slice_keeps_its_value():
    assert restored(np.full((2, 3), 1.25)) == pytest.approx(np.full((2, 3), 1.25))


def test_structures_share_one_byte():
    grid = geometry()
    labels, liver = empty(grid), empty(grid)
    labels[2, 1, 1], labels[2, 1, 2] = 3, 5
    liver[2, 1:3, 1:3] = 1
    layers = [MaskLayer.over(grid, Volume(labels, grid), label) for label in (3, 5)]
    marked = overlay_slice(grid, 2, lesions=layers, liver=MaskLayer.over(grid, Volume(liver, grid), None))
    expected = np.zeros((5, 4), dtype=np.uint8)
    expected[1:3, 1:3] = LIVER_BIT
    expected[1, 1], expected[1, 2] = LIVER_BIT + 1, LIVER_BIT + 2
    assert np.array_equal(marked, expected)
    assert not overlay_slice(grid, 3, lesions=layers, liver=None).any()


def test_a_mask_stored_with_other_axes_lies_where_the_scan_says():
    grid = geometry()
    mask = empty(grid)
    mask[4, 1, 0] = 1
    flipped = Geometry.of(
        size=grid.size,
        spacing_mm=grid.spacing_mm,
        origin_mm=grid.index_to_mm((3, 4, 0)),
        direction=np.diag([-1.0, -1.0, 1.0]),
    )
    layer = MaskLayer.over(grid, Volume(mask[:, ::-1, ::-1].copy(), flipped), None)
    assert layer.on_scan_grid
    assert np.argwhere(mask_on_slice(grid, layer, 4)).tolist() == [[1, 0]]


def test_a_mask_on_a_grid_of_its_own_is_read_where_it_lies_in_mm():
    scan = geometry(size=(20, 20, 5), spacing=(1.0, 1.0, 4.0), origin=(0.0, 0.0, 0.0))
    own = geometry(size=(5, 5, 3), spacing=(2.0, 2.0, 4.0), origin=(4.0, 6.0, 4.0))
    mask = empty(own)
    mask[1, 2, 3] = 1  # at x 10, y 10, z 8 mm, two millimetres wide
    layer = MaskLayer.over(scan, Volume(mask, own), None)
    assert not layer.on_scan_grid
    rows, columns = np.nonzero(mask_on_slice(scan, layer, 2))
    assert (set(rows), set(columns)) == ({9, 10}, {9, 10}), "a tie goes to the later voxel, as in resampling"
    assert not mask_on_slice(scan, layer, 1).any()
    assert largest_slice(scan, layer) == 2


def test_the_largest_slice_is_counted_from_the_feet():
    grid = geometry(direction=np.diag([1.0, 1.0, -1.0]))
    mask = empty(grid)
    mask[1, 0:2, 0:2] = 4
    mask[3, 0, 0] = 4
    layer = MaskLayer.over(grid, Volume(mask, grid), 4)
    assert largest_slice(grid, layer) == 4
    assert largest_slice(grid, MaskLayer.over(grid, Volume(mask, grid), 9)) is None


def test_the_liver_window_follows_the_contrast_phase():
    levels = [ct_preset("liver", phase).level_hu for phase in ("non-enhanced", "portal", "arterial")]
    assert levels == sorted(levels)
    assert len(set(levels)) == 3
    assert ct_preset("bone", "portal").width_hu == 1800
