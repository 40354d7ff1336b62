"""Soft-edged shapes on a slab: the few primitives an abdomen is drawn from.

Coordinates follow the patient (LPS): x grows to the patient's left, y to the back, z to the head. Shapes are described
in millimetres of a template abdomen; a frame maps voxels into it, with the patient's size and smooth deformation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from raise_core.demo.scanner import GRID, SLICE_MM, Float32Array

TABLE = 1024
"""Angles at which an outline's radius is tabulated."""

Box = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Frame:
    """Where every voxel lies in the template.

    Attributes:
        u: shape `GRID`, template x (mm).
        v: shape `GRID`, template y (mm).
        z_mm: shape (slices,), height of each slice above the slab's middle (mm).
        scale: how many patient mm one template mm is, along x and y.
        shift_mm: where the template's origin lies from the image's centre, x and y (mm).
        pixel_mm: in-plane pixel size (mm).
        slack_mm: largest displacement by the deformation (patient mm).
    """

    u: Float32Array
    v: Float32Array
    z_mm: NDArray[np.float64]
    scale: tuple[float, float]
    shift_mm: tuple[float, float]
    pixel_mm: float
    slack_mm: float

    def box(self, *, low: tuple[float, float], high: tuple[float, float]) -> Box:
        """Rows and columns that may hold template points between the corners `low` and `high` (x, y)."""
        spans = []
        for axis, size in ((1, GRID[1]), (0, GRID[2])):
            ends = np.array([low[axis], high[axis]]) * self.scale[axis] + self.shift_mm[axis]
            ends += (-self.slack_mm, self.slack_mm)
            first, last = ends / self.pixel_mm + (size - 1) / 2
            spans.append(slice(int(np.clip(np.floor(first), 0, size)), int(np.clip(np.ceil(last) + 1, 0, size))))
        return spans[0], spans[1]

    @property
    def pixel_template_mm(self) -> float:
        """Pixel size in template mm."""
        return self.pixel_mm / float(np.sqrt(self.scale[0] * self.scale[1]))


@dataclass(frozen=True, eq=False)
class Layer:
    """One tissue's share of every voxel.

    Attributes:
        tissue: key of the enhancement table.
        share: shape (slices, rows of box, columns of box), 0..1.
        box: rows and columns covered.
    """

    tissue: str
    share: Float32Array
    box: Box

    def full(self) -> Float32Array:
        """The share over the whole grid."""
        whole = np.zeros(GRID, dtype=np.float32)
        whole[(slice(None), *self.box)] = self.share
        return whole

    def within(self, other: Float32Array) -> Layer:
        """The layer where `other` (shape `GRID`, 0..1) lets it be."""
        return Layer(self.tissue, self.share * other[(slice(None), *self.box)], self.box)


def heights() -> NDArray[np.float64]:
    """Height of each slice above the slab's middle (mm), shape (slices,)."""
    return np.asarray((np.arange(GRID[0]) - (GRID[0] - 1) / 2) * SLICE_MM, dtype=np.float64)


def radius_table(angles_deg: NDArray[np.float64], radii_mm: NDArray[np.float64]) -> Float32Array:
    """Smooth closed outline through the given radii, tabulated at `TABLE` angles (0 = patient's left, 90 = back)."""
    order = np.argsort(angles_deg)
    angles = np.append(angles_deg[order], angles_deg[order][0] + 360.0)
    radii = np.append(radii_mm[order], radii_mm[order][0])
    at = angles[0] + (np.arange(TABLE) * 360.0 / TABLE - angles[0]) % 360.0
    return np.asarray(CubicSpline(angles, radii, bc_type="periodic")(at), dtype=np.float32)


def lobes(rng: np.random.Generator, *, amount: float, first: int = 2, last: int = 6) -> Float32Array:
    """A multiplier of an outline's radius around 1 with smooth random lobes of relative size `amount` in all."""
    theta = np.arange(TABLE) * 2 * np.pi / TABLE
    orders = np.arange(first, last + 1)
    weights = rng.normal(size=len(orders)) / orders
    phases = rng.uniform(0, 2 * np.pi, len(orders))
    waves = (weights[:, None] * np.cos(orders[:, None] * theta + phases[:, None])).sum(axis=0)
    return np.asarray(1.0 + amount * waves / np.sqrt((1.0 / orders**2).sum() / 2), dtype=np.float32)


def star(
    frame: Frame,
    tissue: str,
    centre: tuple[float, float],
    table: Float32Array,
    *,
    size: NDArray[np.float64] | float = 1.0,
    drift: tuple[float, float] = (0.0, 0.0),
) -> Layer:
    """An outline given by its radius around a centre.

    Args:
        frame: where voxels lie.
        tissue: key of the enhancement table.
        centre: x and y in the template (mm).
        table: radius by angle (template mm).
        size: multiplier of the radius per slice; 0 leaves the slice out.
        drift: how far the centre moves per mm of height, x and y.
    """
    factor = np.broadcast_to(np.asarray(size, dtype=np.float64), frame.z_mm.shape)
    reach = float(table.max()) * float(factor.max()) + float(np.abs(frame.z_mm).max() * np.abs(drift).max())
    box = frame.box(low=(centre[0] - reach, centre[1] - reach), high=(centre[0] + reach, centre[1] + reach))
    at = (slice(None), *box)
    heights_mm = frame.z_mm.astype(np.float32)[:, None, None]
    du = frame.u[at] - np.float32(centre[0]) - np.float32(drift[0]) * heights_mm
    dv = frame.v[at] - np.float32(centre[1]) - np.float32(drift[1]) * heights_mm
    turn = np.arctan2(dv, du) * np.float32(TABLE / (2 * np.pi))
    radius = table[np.round(turn).astype(np.int32) % TABLE] * factor.astype(np.float32)[:, None, None]
    inside = (radius - np.hypot(du, dv)) / np.float32(frame.pixel_template_mm)
    share = np.clip(inside + np.float32(0.5), 0.0, 1.0)
    share[factor <= 0] = 0.0
    return Layer(tissue, share, box)


def rings(frame: Frame, layers: Sequence[tuple[str, Float32Array]]) -> list[Layer]:
    """Outlines around the template's middle, given as tissue and radius by angle: `star` for many, at one's price."""
    reach = max(float(table.max()) for _, table in layers)
    box = frame.box(low=(-reach, -reach), high=(reach, reach))
    at = (slice(None), *box)
    u, v = frame.u[at], frame.v[at]
    turn = np.round(np.arctan2(v, u) * np.float32(TABLE / (2 * np.pi))).astype(np.int32) % TABLE
    distance = np.hypot(u, v)
    pixel = np.float32(frame.pixel_template_mm)
    return [
        Layer(tissue, np.clip((table[turn] - distance) / pixel + np.float32(0.5), 0.0, 1.0), box)
        for tissue, table in layers
    ]


def ellipse(
    frame: Frame,
    tissue: str,
    centre: tuple[float, float],
    radii: tuple[float, float],
    *,
    turn_deg: float = 0.0,
    size: NDArray[np.float64] | float = 1.0,
) -> Layer:
    """An ellipse with its first radius turned by `turn_deg` from the patient's left towards the back."""
    factor = np.broadcast_to(np.asarray(size, dtype=np.float64), frame.z_mm.shape)
    reach = max(radii) * float(factor.max())
    box = frame.box(low=(centre[0] - reach, centre[1] - reach), high=(centre[0] + reach, centre[1] + reach))
    at = (slice(None), *box)
    du, dv = frame.u[at] - np.float32(centre[0]), frame.v[at] - np.float32(centre[1])
    cos, sin = np.float32(np.cos(np.deg2rad(turn_deg))), np.float32(np.sin(np.deg2rad(turn_deg)))
    along, across = (cos * du + sin * dv) / np.float32(radii[0]), (cos * dv - sin * du) / np.float32(radii[1])
    distance = np.hypot(along, across)
    inside = (factor.astype(np.float32)[:, None, None] - distance) * np.float32(min(radii) / frame.pixel_template_mm)
    share = np.clip(inside + np.float32(0.5), 0.0, 1.0)
    share[factor <= 0] = 0.0
    return Layer(tissue, share, box)


def tube(
    frame: Frame,
    tissue: str,
    points: tuple[tuple[float, float, float], ...],
    radii: tuple[float, float],
) -> Layer:
    """A vessel along 3-D points (x, y template mm, z mm), its radius running from the first to the second value."""
    path = np.array(points, dtype=np.float32)
    reach = max(radii)
    low, high = path.min(axis=0) - reach, path.max(axis=0) + reach
    box = frame.box(low=(float(low[0]), float(low[1])), high=(float(high[0]), float(high[1])))
    at = (slice(None), *box)
    u, v = frame.u[at], frame.v[at]
    z = frame.z_mm.astype(np.float32)[:, None, None]
    widths = np.linspace(radii[0], radii[1], len(path), dtype=np.float32)
    inside = np.full(u.shape, -np.inf, dtype=np.float32)
    for first in range(len(path) - 1):
        start, step = path[first], path[first + 1] - path[first]
        length = max(float(step @ step), 1e-6)
        along = np.clip(((u - start[0]) * step[0] + (v - start[1]) * step[1] + (z - start[2]) * step[2]) / length, 0, 1)
        square = (u - start[0] - along * step[0]) ** 2 + (v - start[1] - along * step[1]) ** 2
        square += (z - start[2] - along * step[2]) ** 2
        width = widths[first] + along * (widths[first + 1] - widths[first])
        inside = np.maximum(inside, width - np.sqrt(square))
    share = np.clip(inside / np.float32(frame.pixel_template_mm) + np.float32(0.5), 0.0, 1.0)
    return Layer(tissue, share, box)
