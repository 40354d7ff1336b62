from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from raise_core.domain.errors import BadInputError
from raise_core.domain.volume import GRID_TOLERANCE_VOXELS, Geometry, Volume

spacings = st.tuples(*[st.floats(0.3, 8.0)] * 3)
origins = st.tuples(*[st.floats(-900, 900)] * 3)
angles = st.tuples(*[st.floats(-180, 180)] * 3)
sizes = st.tuples(*[st.integers(1, 40)] * 3)


def geometry(size=(4, 5, 6), spacing=(0.7, 0.8, 2.5), origin=(-10.0, 20.0, 30.0), direction=None) -> Geometry:
    matrix = np.eye(3) if direction is None else direction
    return Geometry.of(size=size, spacing_mm=spacing, origin_mm=origin, direction=matrix)


@given(size=sizes, spacing=spacings, origin=origins, angle=angles, mirror=st.booleans(), seed=st.integers(0, 99))
def test_index_to_mm_and_back(size, spacing, origin, angle, mirror, seed):
    matrix = Rotation.from_euler("xyz", angle, degrees=True).as_matrix() * ([-1, 1, 1] if mirror else [1, 1, 1])
    grid = geometry(size, spacing, origin, matrix)
    index = np.random.default_rng(seed).uniform(-5, 50, size=(7, 3))
    assert np.allclose(grid.mm_to_index(grid.index_to_mm(index)), index, atol=1e-7)
    assert Geometry.from_dict(json.loads(json.dumps(grid.to_dict()))) == grid


@settings(max_examples=25)
@given(size=sizes, spacing=spacings, origin=origins, angle=angles)
def test_positions_are_those_of_simpleitk(size, spacing, origin, angle):
    matrix = Rotation.from_euler("xyz", angle, degrees=True).as_matrix()
    image = SimpleITK.Image(list(size), SimpleITK.sitkUInt8)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(matrix.ravel().tolist())
    grid = geometry(size, spacing, origin, matrix)
    index = [1.5, -2.0, 3.25]
    assert np.allclose(grid.index_to_mm(index), image.TransformContinuousIndexToPhysicalPoint(index), atol=1e-6)


@settings(max_examples=60)
@given(
    order=st.permutations([0, 1, 2]),
    signs=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    tilt=st.floats(-20, 20),
    seed=st.integers(0, 99),
)
def test_patient_order_is_that_of_dicomorient(order, signs, tilt, seed):
    matrix = (np.eye(3)[:, order] * signs) @ Rotation.from_euler("x", tilt, degrees=True).as_matrix()
    array = np.random.default_rng(seed).integers(0, 99, size=(4, 5, 6)).astype(np.int16)
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetOrigin((-10.0, 20.0, 30.0))
    image.SetDirection(matrix.ravel().tolist())
    expected = SimpleITK.DICOMOrient(image, "LPS")
    ordered = Volume(array, geometry((6, 5, 4), direction=matrix)).in_patient_order()
    assert np.array_equal(ordered.array, SimpleITK.GetArrayFromImage(expected))
    assert np.allclose(ordered.geometry.spacing_mm, expected.GetSpacing())
    assert np.allclose(ordered.geometry.origin_mm, expected.GetOrigin())
    assert np.allclose(np.ravel(ordered.geometry.direction), expected.GetDirection())


def test_same_grid_allows_header_rounding_and_no_more():
    grid = geometry()
    step = 0.7 * GRID_TOLERANCE_VOXELS
    assert grid.same_grid(geometry(origin=(-10.0 + 0.9 * step, 20.0, 30.0)))
    assert not grid.same_grid(geometry(origin=(-10.0 + 1.1 * step, 20.0, 30.0)))
    assert grid.same_grid(geometry(spacing=(0.70001, 0.8, 2.5)))
    assert not grid.same_grid(geometry(spacing=(0.75, 0.8, 2.5)))
    assert not grid.same_grid(geometry(size=(4, 5, 7)))
    assert not grid.same_grid(geometry(direction=np.diag([1, -1, 1])))


@settings(max_examples=40)
@given(order=st.permutations([0, 1, 2]), signs=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3))
def test_a_grid_is_the_same_in_any_axis_order(order, signs):
    turned = geometry(direction=np.eye(3)[:, order] * signs)
    assert turned.same_grid(turned.in_patient_order())
    assert turned.in_patient_order().patient_axes() == ((0, 1, 2), (False, False, False))
    moved = turned.in_patient_order().to_dict()
    moved["origin_mm"][2] += 1.0
    assert not turned.same_grid(Geometry.from_dict(moved))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"size": (0, 5, 6)}, "size"),
        ({"spacing": (0.7, -0.8, 2.5)}, "spacing"),
        ({"spacing": (0.7, float("nan"), 2.5)}, "spacing"),
        ({"origin": (0.0, float("inf"), 0.0)}, "origin"),
        ({"direction": np.ones((3, 3))}, "axes"),
        ({"direction": np.full((3, 3), np.nan)}, "direction"),
        ({"direction": np.eye(2)}, "direction"),
    ],
)
def test_an_impossible_grid_is_refused(change, word):
    with pytest.raises(BadInputError, match=word):
        geometry(**change)


def test_an_array_must_fit_its_grid():
    with pytest.raises(BadInputError, match="fit"):
        Volume(np.zeros((4, 5, 6)), geometry((4, 5, 6)))
    with pytest.raises(BadInputError, match="real"):
        Volume(np.zeros((6, 5, 4), dtype=complex), geometry((4, 5, 6)))
