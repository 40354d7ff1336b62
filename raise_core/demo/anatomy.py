"""The abdomen of one simulated patient at the level of the liver hilum, as soft-edged tissue layers.

The template is drawn by hand after axial CT at the twelfth thoracic vertebra; every patient gets an own
size, fat, organ proportions, lobed outlines and a smooth deformation, all persistent from visit to visit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raise_core.demo.outline import (
    TABLE,
    Frame,
    Layer,
    ellipse,
    heights,
    lobes,
    radius_table,
    rings,
    star,
    tube,
)
from raise_core.demo.scanner import GRID, Float32Array

BODY_HALF_WIDTH_MM = (160.0, 9.0)
"""Mean and standard deviation over patients."""
BODY_DEPTH_RATIO = (0.70, 0.04)
TEMPLATE_HALF_WIDTH_MM = 160.0
TEMPLATE_HALF_DEPTH_MM = 110.0
WARP_WAVES = 3
WARP_MM = 2.2
"""Amplitude of each wave of the deformation."""
WARP_LENGTH_MM = (110.0, 260.0)

_BODY = {0: 160, 30: 150, 60: 120, 80: 106, 90: 103, 100: 106, 120: 120, 150: 150, 180: 160}
_BODY |= {-150: 149, -120: 120, -90: 109, -60: 120, -30: 149}
_LIVER = {0: 38, 25: 37, 50: 45, 75: 60, 100: 74, 130: 82, 160: 84, 180: 84, -160: 86, -135: 84, -110: 78}
_LIVER |= {-85: 74, -60: 78, -42: 92, -30: 108, -22: 92, -12: 60}
_SPLEEN = {0: 46, 45: 42, 90: 36, 135: 22, 180: 15, -135: 20, -90: 40, -45: 48}
_STOMACH = {0: 40, 45: 30, 90: 28, 135: 30, 180: 32, -135: 34, -90: 36, -45: 40}
Vessel = tuple[str, tuple[tuple[float, float, float], ...], tuple[float, float]]
"""Tissue, points (x, y template mm, z mm) and the radius at both ends."""

_LIVER_CENTRE = (-62.0, -8.0)
_RIB_ANGLES_DEG = (-38.0, -8.0, 18.0, 42.0, 64.0)


@dataclass(frozen=True, eq=False)
class Abdomen:
    """All layers of one visit, to be painted in order, and the two masks that others need.

    Attributes:
        layers: back to front.
        body: shape `GRID`, share of the voxel inside the skin.
        liver: shape `GRID`, share of the voxel that is liver, its vessels and lesions included.
    """

    layers: tuple[Layer, ...]
    body: Float32Array
    liver: Float32Array


class Anatomy:
    """The persistent build of one patient; `at` draws it as it lies on the table at one visit.

    Args:
        rng: the patient's own generator.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        half_width = float(np.clip(rng.normal(*BODY_HALF_WIDTH_MM), 138.0, 180.0))
        depth_ratio = float(np.clip(rng.normal(*BODY_DEPTH_RATIO), 0.6, 0.8))
        self.scale = (half_width / TEMPLATE_HALF_WIDTH_MM, half_width * depth_ratio / TEMPLATE_HALF_DEPTH_MM)
        self._subcutaneous_mm = float(np.clip(rng.gamma(6.0, 2.6), 7.0, 28.0))
        self._muscle_mm = float(rng.uniform(9.0, 13.0))
        self._waves = rng.normal(0.0, 1.0, (2, WARP_WAVES, 3)), rng.uniform(0, 2 * np.pi, (2, WARP_WAVES))
        self._wave_lengths = rng.uniform(*WARP_LENGTH_MM, (2, WARP_WAVES))
        self._body = _outline(_BODY) * lobes(rng, amount=0.008)
        liver = dict(_LIVER)
        left_lobe = float(rng.uniform(0.72, 1.2))
        for angle in (-42, -30, -22):
            liver[angle] = round(liver[angle] * left_lobe)
        self._liver = _outline(liver) * lobes(rng, amount=0.035)
        self._spleen = _outline(_SPLEEN) * lobes(rng, amount=0.04) * np.float32(rng.uniform(0.85, 1.2))
        self._stomach = _outline(_STOMACH) * lobes(rng, amount=0.06) * np.float32(rng.uniform(0.75, 1.1))
        self._air_level_mm = float(rng.uniform(-52.0, -36.0))
        self._colon = _outline({0: 17, 90: 15, 180: 17, -90: 15}) * lobes(rng, amount=0.12)
        self._kidney_lobes = lobes(rng, amount=0.03), lobes(rng, amount=0.03)
        self._right_kidney_top_mm = float(rng.uniform(-12.0, 4.0))
        self._gallbladder_top_mm = float(rng.uniform(-14.0, 0.0))
        self._rib_shift_deg = float(rng.uniform(-8.0, 8.0))
        self._vessels = _vessel_tree(rng)
        self._mesentery = _small_vessels(rng)

    @property
    def reach_mm(self) -> float:
        """Farthest the skin can lie from the body's middle to either side (mm)."""
        theta = np.arange(TABLE) * 2 * np.pi / TABLE
        return float((self._body * np.abs(np.cos(theta))).max()) * self.scale[0] + WARP_WAVES * WARP_MM

    def at(self, *, pixel_mm: float, shift_mm: tuple[float, float]) -> Abdomen:
        """Draw the abdomen with its middle `shift_mm` from the image's middle."""
        frame = self.frame(pixel_mm=pixel_mm, shift_mm=shift_mm)
        wall_table = self._body - np.float32(self._subcutaneous_mm) * _wall_profile()
        cavity_table = wall_table - np.float32(self._muscle_mm)
        skin, under_skin, wall, cavity, lining = rings(
            frame,
            [
                ("skin", self._body),
                ("fat", self._body - np.float32(2.0)),
                ("muscle", wall_table),
                ("fat", cavity_table),
                ("fat", cavity_table - np.float32(2.5)),
            ],
        )
        inner = lining.full()

        slab = heights()
        liver = star(frame, "liver", _LIVER_CENTRE, self._liver, size=1.0 + 0.0025 * slab, drift=(0.06, 0.0)).within(
            inner
        )
        kidney_size = _cap(slab, top=self._right_kidney_top_mm)
        right_kidney = star(frame, "fat", (-50.0, 60.0), _circle(31.0) * self._kidney_lobes[0], size=kidney_size)
        gallbladder_size = _cap(slab, top=self._gallbladder_top_mm)
        gallbladder = ellipse(frame, "bile", (-30.0, -34.0), (17.0, 11.0), turn_deg=60.0, size=gallbladder_size)
        ivc = ellipse(frame, "ivc", (-21.0, 21.0), (12.0, 8.5), turn_deg=-15.0)
        whole_liver = liver.full()
        for hole in (right_kidney, gallbladder, ivc):
            at = (slice(None), *hole.box)
            whole_liver[at] *= 1.0 - hole.share

        layers = [
            skin,
            under_skin,
            wall,
            cavity,
            *self._back_muscles(frame),
            *self._left_side(frame, inner),
            Layer("liver", whole_liver[(slice(None), *liver.box)], liver.box),
            *[tube(frame, kind, points, radii).within(whole_liver) for kind, points, radii in self._vessels],
            tube(frame, "portal vein", ((26.0, 14.0, -12.0), (4.0, 6.0, -4.0), (-26.0, -2.0, 2.0)), (6.5, 6.5)),
            right_kidney,
            *_kidney(frame, (-50.0, 60.0), self._kidney_lobes[0], size=kidney_size, hilum_deg=-15.0),
            gallbladder,
            ivc,
            *self._ribs(frame, wall_table),
            *_spine(frame),
            ellipse(frame, "muscle", (-5.0, 30.0), (4.0, 11.0), turn_deg=12.0),
            ellipse(frame, "muscle", (21.0, 34.0), (4.0, 12.0), turn_deg=-20.0),
            ellipse(frame, "aorta", (8.0, 25.0), (10.5, 10.5)),
        ]
        return Abdomen(tuple(layers), skin.full(), whole_liver)

    def frame(self, *, pixel_mm: float, shift_mm: tuple[float, float]) -> Frame:
        """Template coordinates of every voxel."""
        axes = [
            ((np.arange(size) - (size - 1) / 2) * pixel_mm - shift).astype(np.float32)
            for size, shift in ((GRID[2], shift_mm[0]), (GRID[1], shift_mm[1]))
        ]
        slab = heights().astype(np.float32)[:, None, None]
        y, x = np.meshgrid(axes[1], axes[0], indexing="ij")
        directions, phases = self._waves
        warped = []
        for axis, straight in enumerate((x, y)):
            moved = np.broadcast_to(straight, GRID).copy()
            for wave in range(WARP_WAVES):
                direction = directions[axis, wave] * (1.0, 1.0, 0.7)
                step = (2 * np.pi / self._wave_lengths[axis, wave] / np.linalg.norm(direction) * direction).astype(
                    np.float32
                )
                plane = (step[0] * x + step[1] * y + np.float32(phases[axis, wave]))[None]
                # sin(a + b) from the parts: one sine per slice and one per pixel instead of one per voxel.
                lift = step[2] * slab
                moved += np.float32(WARP_MM) * (np.sin(plane) * np.cos(lift) + np.cos(plane) * np.sin(lift))
            warped.append(moved / np.float32(self.scale[axis]))
        return Frame(
            u=warped[0],
            v=warped[1],
            z_mm=heights(),
            scale=self.scale,
            shift_mm=shift_mm,
            pixel_mm=pixel_mm,
            slack_mm=WARP_WAVES * WARP_MM + 2 * pixel_mm,
        )

    def _back_muscles(self, frame: Frame) -> list[Layer]:
        return [
            ellipse(frame, "muscle", (side * 31.0, 80.0), (24.0, 14.0), turn_deg=side * -8.0) for side in (-1.0, 1.0)
        ] + [ellipse(frame, "muscle", (side * 33.0, 55.0), (7.0, 10.0)) for side in (-1.0, 1.0)]

    def _left_side(self, frame: Frame, inner: Float32Array) -> list[Layer]:
        """Spleen, stomach, colon, pancreas and left kidney."""
        slab = heights()
        stomach = star(frame, "stomach wall", (50.0, -40.0), self._stomach, size=1.0 + 0.004 * slab).within(inner)
        content = star(
            frame, "stomach content", (50.0, -40.0), self._stomach - np.float32(4.5), size=1.0 + 0.004 * slab
        )
        content = content.within(inner)
        level = self._air_level_mm
        above = np.clip(
            (level - frame.v[(slice(None), *content.box)]) / np.float32(frame.pixel_template_mm) + 0.5, 0, 1
        )
        air = Layer("gas", content.share * above, content.box)
        colon = star(frame, "colon wall", (98.0, -34.0), self._colon).within(inner)
        colon_inside = star(frame, "colon content", (98.0, -34.0), self._colon - np.float32(3.5)).within(inner)
        colon_gas = ellipse(frame, "gas", (98.0, -39.0), (9.0, 6.0), size=1.0 - 0.012 * np.abs(slab)).within(inner)
        return [
            tube(
                frame,
                "pancreas",
                ((0.0, 2.0, -8.0), (22.0, -6.0, -5.0), (52.0, 8.0, -1.0), (80.0, 20.0, 4.0)),
                (9.0, 7.0),
            ),
            star(frame, "spleen", (98.0, 30.0), self._spleen, size=1.0 - 0.00025 * slab**2).within(inner),
            *_kidney(frame, (54.0, 56.0), self._kidney_lobes[1], size=_cap(slab, top=30.0), hilum_deg=195.0),
            colon,
            colon_inside,
            colon_gas,
            stomach,
            content,
            air,
            *[tube(frame, kind, points, radii) for kind, points, radii in self._mesentery],
            tube(frame, "portal vein", ((12.0, 16.0, 2.0), (40.0, 16.0, 3.0), (82.0, 26.0, 6.0)), (4.0, 3.0)),
            tube(
                frame, "artery", ((9.0, 22.0, 6.0), (8.0, 8.0, 6.0), (-8.0, 2.0, 6.0), (-28.0, -4.0, 5.0)), (3.5, 2.0)
            ),
        ]

    def _ribs(self, frame: Frame, wall_table: Float32Array) -> list[Layer]:
        layers = []
        depth = self._muscle_mm * 0.55
        for mirrored in (False, True):
            for number, angle in enumerate(_RIB_ANGLES_DEG):
                at = np.deg2rad(180.0 - angle - self._rib_shift_deg if mirrored else angle + self._rib_shift_deg)
                radius = float(wall_table[int(at / (2 * np.pi) * TABLE) % TABLE]) - depth
                centre = (radius * float(np.cos(at)), radius * float(np.sin(at)))
                turn = float(np.rad2deg(np.arctan2(np.cos(at) / 0.5, -np.sin(at) / 1.0)))
                # Ribs slope: each is cut at its own height, so it fades over the slab.
                size = np.clip(1.25 - np.abs(heights() - 6.0 * (number - 2)) / 26.0, 0.0, 1.0)
                layers.append(ellipse(frame, "rib", centre, (10.0, 4.2), turn_deg=turn, size=size))
                layers.append(ellipse(frame, "marrow", centre, (8.0, 2.2), turn_deg=turn, size=size))
        return layers


def _outline(points: dict[int, int]) -> Float32Array:
    return radius_table(np.array(list(points), dtype=np.float64), np.array(list(points.values()), dtype=np.float64))


def _circle(radius_mm: float) -> Float32Array:
    return np.full(TABLE, radius_mm, dtype=np.float32)


def _wall_profile() -> Float32Array:
    """Subcutaneous fat by angle: thicker at the flanks and back than in front."""
    theta = np.arange(TABLE) * 2 * np.pi / TABLE
    return (0.85 + 0.15 * np.cos(2 * theta) + 0.12 * np.sin(theta)).astype(np.float32)


def _cap(slab: NDArray[np.float64], *, top: float) -> NDArray[np.float64]:
    """Size per slice of an organ whose upper pole ends at height `top` (mm)."""
    return np.asarray(np.sqrt(np.clip((top - slab) / 24.0, 0.0, 1.0)))


def _kidney(
    frame: Frame, centre: tuple[float, float], lobed: Float32Array, *, size: NDArray[np.float64], hilum_deg: float
) -> list[Layer]:
    table = _outline({0: 25, 90: 22, 180: 25, -90: 22}) * lobed
    turn = np.deg2rad(hilum_deg)
    sinus = (centre[0] + 11.0 * float(np.cos(turn)), centre[1] + 11.0 * float(np.sin(turn)))
    deep = np.clip(size - 0.35, 0.0, 1.0) * (size > 0)
    return [
        star(frame, "kidney cortex", centre, table, size=size),
        star(frame, "kidney medulla", centre, table - np.float32(6.5), size=size),
        ellipse(frame, "fat", sinus, (14.0, 6.0), turn_deg=hilum_deg, size=deep),
    ]


def _spine(frame: Frame) -> list[Layer]:
    centre = (0.0, 50.0)
    return [
        ellipse(frame, "cortical bone", (-19.0, 74.0), (15.0, 4.5), turn_deg=160.0),
        ellipse(frame, "cortical bone", (19.0, 74.0), (15.0, 4.5), turn_deg=20.0),
        ellipse(frame, "cortical bone", (0.0, 71.0), (14.0, 13.0)),
        ellipse(frame, "cortical bone", (0.0, 89.0), (4.0, 12.0)),
        ellipse(frame, "marrow", (0.0, 89.0), (1.5, 9.0)),
        ellipse(frame, "cortical bone", centre, (21.0, 16.0)),
        ellipse(frame, "marrow", centre, (18.8, 13.8)),
        ellipse(frame, "canal", (0.0, 70.5), (9.0, 8.0)),
    ]


def _small_vessels(rng: np.random.Generator) -> tuple[Vessel, ...]:
    """Vessels and nodes in the fat between the organs of the left side."""
    found = []
    for number in range(16):
        start = (float(rng.uniform(15, 82)), float(rng.uniform(-8, 34)), float(rng.uniform(-14, 14)))
        step = rng.normal(0.0, (6.0, 5.0, 7.0))
        end = (start[0] + float(step[0]), start[1] + float(step[1]), start[2] + float(step[2]))
        found.append((("portal vein", "artery", "muscle")[number % 3], (start, end), (1.9, 1.1)))
    return tuple(found)


def _vessel_tree(rng: np.random.Generator) -> tuple[Vessel, ...]:
    """Portal and hepatic venous branches inside the liver, with small random twigs."""

    def around(x: float, y: float, z: float, spread: float = 5.0) -> tuple[float, float, float]:
        return x + float(rng.normal(0, spread)), y + float(rng.normal(0, spread)), z + float(rng.normal(0, 3.0))

    hilum, confluence = (-26.0, -2.0, 2.0), (-24.0, 16.0, 16.0)
    right, left = around(-62, 0, 0), around(-30, -34, 4)
    tree: list[Vessel] = [
        ("portal vein", (hilum, right), (6.5, 5.0)),
        ("portal vein", (right, around(-98, -18, 3), around(-122, -26, 6)), (4.0, 1.6)),
        ("portal vein", (right, around(-90, 26, -5), around(-108, 36, -8)), (4.0, 1.6)),
        ("portal vein", (hilum, left, around(-12, -55, 6)), (4.5, 1.8)),
        ("hepatic vein", (confluence, around(-64, 20, 13), around(-110, 5, 9)), (5.0, 1.8)),
        ("hepatic vein", (confluence, around(-52, -24, 12), around(-70, -62, 9)), (4.5, 1.8)),
        ("hepatic vein", (confluence, around(-24, -24, 14), around(4, -58, 12)), (4.0, 1.6)),
    ]
    for _ in range(22):
        angle, reach = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(15, 70))
        start = around(-70 + reach * np.cos(angle), -8 + reach * np.sin(angle), float(rng.uniform(-14, 14)), 1.0)
        step = rng.normal(0.0, (12.0, 12.0, 5.0))
        end = (start[0] + float(step[0]), start[1] + float(step[1]), start[2] + float(step[2]))
        tree.append((("portal vein", "hepatic vein")[int(rng.integers(2))], (start, end), (2.2, 1.0)))
    return tuple(tree)
