"""Where the voxels of a whole-body volume lie in a template patient, and soft-edged solids in it.

The template is a person of 170 cm, in millimetres: x to the patient's left, y to the back, t down from the top of the
head. A frame maps a scanner's grid into it with the patient's build, a smooth deformation, and posture and breathing of
the scan. The deformation moves each axis by a function of the other two, so it costs a sum of planes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
Box = tuple[slice, slice, slice]
Point = tuple[float, float, float]

FIELD_TOP_MM = 84.0
"""Upper edge of the field of view in the template: above the skull base, so that the pituitary is in it."""
FIELD_BOTTOM_MM = 1076.0
"""Middle of the thigh."""

WAVES = 2
WARP_MM = 3.2
"""Amplitude of each wave of the deformation."""
WARP_LENGTH_MM = (180.0, 480.0)
BREATHING_CENTRE_MM = 570.0
BREATHING_REACH_MM = 110.0


@dataclass(frozen=True, eq=False)
class Build:
    """What makes one patient's body differ from the template's.

    Attributes:
        scale: how many patient mm one template mm is, along x, y and t.
        steps: shape (3, WAVES, 2), wave vectors of each axis' displacement over the other two (1/mm).
        phases: shape (3, WAVES).
    """

    scale: Point
    steps: Float32Array
    phases: Float32Array


def draw_build(rng: np.random.Generator, *, male: bool) -> Build:
    """Height, girth and deformation of one patient."""
    height = float(np.clip(rng.normal(1.02 if male else 0.955, 0.035), 0.86, 1.12))
    girth = float(np.clip(rng.normal(1.06 if male else 1.01, 0.06), 0.88, 1.16))
    depth = float(np.clip(girth * rng.normal(1.03, 0.05), 0.86, 1.24))
    lengths = rng.uniform(*WARP_LENGTH_MM, (3, WAVES))
    angles = rng.uniform(0.0, 2 * np.pi, (3, WAVES))
    steps = 2 * np.pi / lengths[..., None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    phases = rng.uniform(0.0, 2 * np.pi, (3, WAVES))
    return Build((girth, depth, height), steps.astype(np.float32), phases.astype(np.float32))


@dataclass(frozen=True)
class Grid:
    """A scanner's grid, axes along the patient's.

    Attributes:
        size: voxels along x, y and z.
        spacing_mm: likewise.
        origin_mm: centre of the first voxel, LPS; z = 0 is the top of the head.
    """

    size: tuple[int, int, int]
    spacing_mm: Point
    origin_mm: Point

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the array: slices (feet first), rows, columns."""
        return self.size[::-1]

    def positions(self, axis: int) -> NDArray[np.float64]:
        """Voxel centres along x, y or z (mm)."""
        return np.asarray(self.origin_mm[axis] + np.arange(self.size[axis]) * self.spacing_mm[axis], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Frame:
    """A grid in the template.

    Attributes:
        grid: the grid.
        x: shape (columns,), template mm before deformation.
        y: shape (rows,).
        t: shape (slices,), falling as slices go to the head.
        dx: shape (slices, rows), displacement of x.
        dy: shape (slices, columns), of y.
        dt: shape (rows, columns), of t.
        edge_mm: width of an edge (template mm): one pixel.
    """

    grid: Grid
    x: Float32Array
    y: Float32Array
    t: Float32Array
    dx: Float32Array
    dy: Float32Array
    dt: Float32Array
    edge_mm: float

    def box(self, low: Point, high: Point) -> Box:
        """Slices, rows and columns that may hold template points between the corners `low` and `high` (x, y, t)."""
        slack = WAVES * WARP_MM + self.edge_mm
        spans = []
        for line, first, last in ((self.t, low[2], high[2]), (self.y, low[1], high[1]), (self.x, low[0], high[0])):
            there = np.flatnonzero((line >= first - slack) & (line <= last + slack))
            spans.append(slice(int(there[0]), int(there[-1]) + 1) if len(there) else slice(0, 0))
        return spans[0], spans[1], spans[2]

    def everywhere(self) -> Box:
        """The whole grid."""
        return slice(0, len(self.t)), slice(0, len(self.y)), slice(0, len(self.x))

    def at(self, box: Box) -> tuple[Float32Array, Float32Array, Float32Array]:
        """Template x, y and t of the voxels of a box, each of the box's shape."""
        k, j, i = box
        u = self.x[i][None, None, :] + self.dx[k, j][:, :, None]
        v = self.y[j][None, :, None] + self.dy[k, i][:, None, :]
        w = self.t[k][:, None, None] + self.dt[j, i][None, :, :]
        return u, v, w

    def share(self, inside_mm: Float32Array) -> Float32Array:
        """Share of the voxel inside a surface, from the distance inside it (template mm)."""
        share = np.clip(inside_mm * np.float32(1.0 / self.edge_mm) + np.float32(0.5), 0.0, 1.0)
        return np.asarray(share, dtype=np.float32)


def make_frame(grid: Grid, build: Build, *, shift_mm: tuple[float, float], breath_mm: float) -> Frame:
    """Place a patient in a scanner.

    Args:
        grid: the scanner's grid.
        build: the patient's.
        shift_mm: where the patient's middle lies, x and y.
        breath_mm: how far organs near the diaphragm lie below their place.
    """
    x = ((grid.positions(0) - shift_mm[0]) / build.scale[0]).astype(np.float32)
    y = ((grid.positions(1) - shift_mm[1]) / build.scale[1]).astype(np.float32)
    depth = -grid.positions(2) / build.scale[2]
    t = depth - breath_mm * np.exp(-(((depth - BREATHING_CENTRE_MM) / BREATHING_REACH_MM) ** 2))
    low = t.astype(np.float32)

    def waves(axis: int, first: Float32Array, second: Float32Array) -> Float32Array:
        total = np.zeros((len(first), len(second)), dtype=np.float32)
        for wave in range(WAVES):
            a, b = build.steps[axis, wave]
            total += np.sin(a * first[:, None] + b * second[None, :] + build.phases[axis, wave])
        return np.asarray(WARP_MM * total, dtype=np.float32)

    return Frame(grid, x, y, low, waves(0, low, y), waves(1, low, x), waves(2, y, x), grid.spacing_mm[0])


@dataclass(frozen=True, eq=False)
class Solid:
    """One tissue's share of the voxels of a box."""

    tissue: str
    share: Float32Array
    box: Box


def ellipsoid(
    frame: Frame, tissue: str, centre: Point, radii: Point, *, turn_deg: float = 0.0, tilt_deg: float = 0.0
) -> Solid:
    """An ellipsoid.

    Args:
        frame: where voxels lie.
        tissue: what it is of.
        centre: in the template.
        radii: along x, y and t before it is turned.
        turn_deg: turn about the long axis of the body, left to back.
        tilt_deg: then in its own plane of x and t, left to feet.
    """
    reach = max(radii) if turn_deg or tilt_deg else 0.0
    half = [max(radius, reach) for radius in radii]
    box = frame.box(_moved(centre, half, -1), _moved(centre, half, 1))
    u, v, w = frame.at(box)
    u, v, w = u - np.float32(centre[0]), v - np.float32(centre[1]), w - np.float32(centre[2])
    if turn_deg:
        u, v = _turned(u, v, turn_deg)
    if tilt_deg:
        u, w = _turned(u, w, tilt_deg)
    distance = np.sqrt(
        (u * np.float32(1 / radii[0])) ** 2 + (v * np.float32(1 / radii[1])) ** 2 + (w * np.float32(1 / radii[2])) ** 2
    )
    return Solid(tissue, frame.share((1.0 - distance) * np.float32(min(radii))), box)


def tube(frame: Frame, tissue: str, points: Sequence[Point], radii: tuple[float, float]) -> list[Solid]:
    """Capsules along a line of points, the radius running from the first to the second value."""
    widths = np.linspace(radii[0], radii[1], len(points))
    found = []
    for number in range(len(points) - 1):
        start, end = np.array(points[number]), np.array(points[number + 1])
        reach = float(max(widths[number], widths[number + 1]))
        low, high = np.minimum(start, end) - reach, np.maximum(start, end) + reach
        box = frame.box((low[0], low[1], low[2]), (high[0], high[1], high[2]))
        u, v, w = frame.at(box)
        step = (end - start).astype(np.float32)
        length = np.float32(max(float(step @ step), 1e-6))
        u, v, w = u - np.float32(start[0]), v - np.float32(start[1]), w - np.float32(start[2])
        along = np.clip((u * step[0] + v * step[1] + w * step[2]) / length, 0.0, 1.0)
        distance = np.sqrt((u - along * step[0]) ** 2 + (v - along * step[1]) ** 2 + (w - along * step[2]) ** 2)
        width = np.float32(widths[number]) + along * np.float32(widths[number + 1] - widths[number])
        found.append(Solid(tissue, frame.share(width - distance), box))
    return found


def rounded_least(a: Float32Array, b: Float32Array, radius_mm: float) -> Float32Array:
    """The lesser of two distances, with the edge where they meet rounded off."""
    mix = np.clip(np.float32(0.5) + (b - a) * np.float32(0.5 / radius_mm), 0.0, 1.0)
    return np.asarray(b + (a - b) * mix - np.float32(radius_mm) * mix * (1.0 - mix), dtype=np.float32)


def both(points: Sequence[Point]) -> tuple[Sequence[Point], Sequence[Point]]:
    """A line of points and its mirror image across the middle."""
    return points, [(-x, y, t) for x, y, t in points]


def along_body(table: Mapping[int, float], t: Float32Array) -> Float32Array:
    """A quantity tabulated by height, between its entries by straight lines."""
    return np.interp(t, list(table), list(table.values())).astype(np.float32)


def _moved(centre: Point, half: Sequence[float], sign: int) -> Point:
    return (centre[0] + sign * half[0], centre[1] + sign * half[1], centre[2] + sign * half[2])


def _turned(a: Float32Array, b: Float32Array, degrees: float) -> tuple[Float32Array, Float32Array]:
    cos, sin = np.float32(np.cos(np.deg2rad(degrees))), np.float32(np.sin(np.deg2rad(degrees)))
    return cos * a + sin * b, cos * b - sin * a
