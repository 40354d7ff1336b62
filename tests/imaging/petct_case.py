"""A body with a hot ball as PET and CT on any grids: truth in mm for the tests of PET/CT preparation."""

from __future__ import annotations

import numpy as np

from raise_core.domain.volume import Geometry, Volume

BODY_CENTRE = np.array([10.0, -20.0, -400.0])
BODY_HALF = np.array([150.0, 100.0, 300.0])
SUV_BODY, SUV_HOT, HU_BODY, HU_HOT = 1.0, 30.0, 40.0, 160.0


def turned(axes, flips):
    """Direction matrix whose index axis a runs along patient axis axes[a], backwards where flips[a]."""
    direction = np.zeros((3, 3))
    for index_axis, (patient_axis, flip) in enumerate(zip(axes, flips, strict=True)):
        direction[patient_axis, index_axis] = -1.0 if flip else 1.0
    return direction


def covering(low_mm, high_mm, spacing, direction=None):
    """A grid over a box in mm; `spacing` along the index axes."""
    direction = np.eye(3) if direction is None else np.asarray(direction, dtype=float)
    low, high = np.asarray(low_mm, dtype=float), np.asarray(high_mm, dtype=float)
    extent = np.abs(direction.T @ (high - low))
    size = np.maximum(1, np.ceil(extent / np.asarray(spacing))).astype(int)
    half = direction @ ((size - 1) / 2 * np.asarray(spacing))
    return Geometry.of(size=size, spacing_mm=spacing, origin_mm=(low + high) / 2 - half, direction=direction)


def positions(geometry):
    i, j, k = (np.arange(n) for n in geometry.size)
    steps = np.stack(np.broadcast_arrays(i[None, None, :], j[None, :, None], k[:, None, None]), axis=-1)
    return geometry.index_to_mm(steps)


def in_body(mm):
    away = (mm - BODY_CENTRE) / BODY_HALF
    return (away[..., 0] ** 2 + away[..., 1] ** 2 <= 1) & (np.abs(away[..., 2]) <= 1)


def in_ball(mm, centre_mm, radius_mm):
    return ((mm - np.asarray(centre_mm)) ** 2).sum(axis=-1) <= radius_mm**2


def pet_of(geometry, centre_mm, radius_mm):
    mm = positions(geometry)
    values = np.where(in_body(mm), SUV_BODY, 0.0)
    return Volume(np.where(in_ball(mm, centre_mm, radius_mm), SUV_HOT, values).astype(np.float32), geometry)


def ct_of(geometry, centre_mm, radius_mm, *, table=False):
    mm = positions(geometry)
    values = np.where(in_body(mm), HU_BODY, -1000.0)
    if table:
        beneath = BODY_CENTRE[1] + BODY_HALF[1] + 25
        values[(np.abs(mm[..., 1] - beneath) < 4) & (np.abs(mm[..., 0]) < 200)] = 300
    return Volume(np.where(in_ball(mm, centre_mm, radius_mm), HU_HOT, values).astype(np.int16), geometry)


def ball_mask(geometry, centre_mm, radius_mm, label=1):
    return Volume((in_ball(positions(geometry), centre_mm, radius_mm) * label).astype(np.uint8), geometry)
