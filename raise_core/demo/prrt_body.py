"""The body of a simulated PRRT patient from the forehead to the thighs: outline, fat, muscle, chest, skeleton.

Drawn by hand after whole-body CT with raised arms; see `prrt_frame` for the coordinates of the template.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from raise_core.demo.prrt_frame import (
    Float32Array,
    Frame,
    Point,
    Solid,
    along_body,
    both,
    ellipsoid,
    rounded_least,
    tube,
)

# Height (t, mm) to half width, half depth and middle (y) of the outline.
OUTLINE_WIDTH = {84: 72, 120: 75, 160: 71, 195: 64, 222: 58, 250: 58, 275: 72, 295: 120, 318: 158, 350: 170, 400: 168}
OUTLINE_WIDTH |= {460: 163, 540: 157, 620: 150, 670: 148, 720: 154, 780: 168, 840: 176, 880: 178, 930: 178}
OUTLINE_DEPTH = {84: 92, 120: 94, 160: 92, 195: 86, 222: 70, 250: 60, 275: 60, 295: 66, 318: 78, 350: 92, 400: 104}
OUTLINE_DEPTH |= {460: 111, 540: 113, 620: 108, 670: 104, 720: 104, 780: 108, 840: 112, 880: 106, 930: 100}
OUTLINE_MIDDLE = {84: 0, 160: -4, 195: -8, 222: 2, 250: 8, 300: 8, 350: 4, 420: 0, 620: 0, 780: 2, 860: 6, 930: 6}
LEG_TOP_MM = 880.0
LEG_WIDTH = {860: 88, 900: 87, 960: 84, 1020: 79, 1090: 73}
LEG_DEPTH = {860: 96, 900: 98, 960: 92, 1020: 84, 1090: 78}
LEG_MIDDLE_X = {860: 89, 960: 91, 1090: 84}
FAT_MM = {84: 3, 200: 5, 250: 6, 320: 9, 420: 12, 540: 14, 640: 20, 740: 24, 820: 27, 880: 24, 960: 17, 1090: 13}
"""Thickness under the skin of a patient of mean girth."""

# Height to half width, half depth and middle of what the ribs and the abdominal wall enclose.
CAVITY_WIDTH = {278: 24, 300: 52, 325: 88, 360: 112, 410: 126, 480: 133, 560: 135, 630: 129, 700: 121, 760: 116}
CAVITY_WIDTH |= {800: 108, 840: 84, 880: 58, 905: 34, 918: 6}
CAVITY_DEPTH = {278: 26, 300: 42, 325: 56, 360: 70, 410: 83, 480: 91, 560: 92, 630: 85, 700: 80, 760: 78}
CAVITY_DEPTH |= {800: 74, 840: 66, 880: 46, 905: 24, 918: 5}
CAVITY_MIDDLE = {278: 20, 325: 14, 410: 4, 630: -4, 760: -10, 840: 0, 915: 4}
CAVITY_TOP_MM, CAVITY_BOTTOM_MM = 276.0, 918.0

MEDIASTINUM_MM = {280: 24, 340: 28, 400: 33, 460: 38, 520: 44, 600: 50}
MEDIASTINUM_WAIST = 0.42
DOMES = ((-64.0, -6.0, 512.0), (66.0, -2.0, 534.0))
"""Top of the right and the left half of the diaphragm: x, y, t."""
DOME_FALL = (78.0, 84.0, 72.0)
"""Half width, half depth over which a dome falls by the third number."""
RIBS_MM = (306.0, 640.0)
RIB_PERIOD_MM = 27.0
RIB_SLOPE = 0.45

SPINE_Y = {120: 16, 170: 16, 225: 20, 290: 34, 360: 52, 440: 62, 540: 60, 640: 44, 705: 34, 760: 44, 790: 56}
SPINE_RADIUS = {120: 8, 225: 9.5, 300: 12, 420: 15, 560: 18.5, 700: 22, 790: 22}
SPINE_PERIOD = {120: 18, 260: 19, 320: 22, 560: 27, 640: 33, 790: 36}
SPINE_MM = (146.0, 775.0)
DISC_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Physique:
    """What of the body differs from patient to patient beyond size.

    Attributes:
        fat: multiplier of the fat under the skin.
        belly: multiplier of the abdomen's depth inside the wall.
        male: sex.
    """

    fat: float
    belly: float
    male: bool


def draw_physique(rng: np.random.Generator, *, male: bool) -> Physique:
    """Fat and build."""
    fat = float(np.clip(rng.gamma(9.0, (0.10 if male else 0.125)), 0.4, 1.9))
    return Physique(fat, float(np.clip(rng.normal(1.02 if male else 0.98, 0.05), 0.88, 1.12)), male)


@dataclass(frozen=True, eq=False)
class Trunk:
    """Distances that organs are bounded by, of the whole grid.

    Attributes:
        depth: below the skin (template mm), negative in the air.
        cavity: inside the ribs and the abdominal wall (template mm).
        skin_fat: shape (slices, 1, 1), thickness of the fat.
    """

    depth: Float32Array
    cavity: Float32Array
    skin_fat: Float32Array


def measure(frame: Frame, physique: Physique) -> Trunk:
    """Work out the distances below the skin and inside the cavity."""
    t = frame.t
    u, v, _ = frame.at(frame.everywhere())
    depth = _inside(u, v, along_body(OUTLINE_WIDTH, t), along_body(OUTLINE_DEPTH, t), along_body(OUTLINE_MIDDLE, t))
    # Between the legs the trunk ends, higher in front and behind.
    depth = np.minimum(depth, (LEG_TOP_MM + 36.0 - t)[:, None, None] - 0.006 * (v - 4.0) ** 2)
    low = np.flatnonzero(t > LEG_TOP_MM - 20.0)
    if len(low):
        part = slice(int(low[0]), int(low[-1]) + 1)
        heights = t[part]
        leg = _inside(
            np.abs(u[part]) - along_body(LEG_MIDDLE_X, heights)[:, None, None],
            v[part], along_body(LEG_WIDTH, heights), along_body(LEG_DEPTH, heights), np.full_like(heights, 6.0),
        )  # fmt: skip
        depth[part] = np.maximum(depth[part], leg)
    belly = np.where(t > 600.0, physique.belly, 1.0).astype(np.float32)
    width, deep = along_body(CAVITY_WIDTH, t), along_body(CAVITY_DEPTH, t) * belly
    cavity = _inside(u, v, width, deep, along_body(CAVITY_MIDDLE, t), round_=True)
    cavity[(t < CAVITY_TOP_MM) | (t > CAVITY_BOTTOM_MM)] = -50.0
    fat = along_body(FAT_MM, t) * np.where(t < 260.0, 1.0, physique.fat).astype(np.float32)
    return Trunk(depth, np.minimum(cavity, depth - fat[:, None, None] - 8.0), fat[:, None, None])


def _inside(
    u: Float32Array, v: Float32Array, width: Float32Array, depth: Float32Array, middle: Float32Array, *,
    round_: bool = False,
) -> Float32Array:  # fmt: skip
    """Distance inside a stack of rounded outlines, along the ray from the middle (mm)."""
    v = v - middle[:, None, None]
    a, b = np.abs(u) * (1 / width)[:, None, None], np.abs(v) * (1 / depth)[:, None, None]
    # Exponent 2 (an ellipse) for the cavity; 2.5, a little squarer, for the skin.
    ratio = np.sqrt(a * a + b * b) if round_ else (a * a * np.sqrt(a) + b * b * np.sqrt(b)) ** np.float32(0.4)
    ratio = np.maximum(ratio, np.float32(1e-3))
    return np.asarray(np.hypot(u, v) * (1.0 / ratio - 1.0), dtype=np.float32)


def diaphragm(u: Float32Array, v: Float32Array) -> Float32Array:
    """Height (t) of the diaphragm over a place."""
    wide, deep, fall = DOME_FALL
    domes = [top + fall * (((u - x) / wide) ** 2 + ((v - y) / deep) ** 2) for x, y, top in DOMES]
    return np.asarray(np.minimum(domes[0], domes[1]), dtype=np.float32)


def spine_middle(t: float) -> float:
    """Where (y) the vertebral bodies have their middle."""
    return float(np.interp(t, list(SPINE_Y), list(SPINE_Y.values())))


def tissues(frame: Frame, trunk: Trunk, physique: Physique) -> Iterator[Solid]:
    """Skin, fat, muscle, what fills the cavity, lungs and ribs, in the order of painting."""
    box = frame.everywhere()
    yield from arms(frame)
    yield Solid("skin", frame.share(trunk.depth), box)
    yield Solid("fat", frame.share(trunk.depth - 2.0), box)
    yield Solid("muscle", frame.share(trunk.depth - trunk.skin_fat), box)
    if not physique.male:
        yield from breasts(frame, physique)
    chest = frame.box((-190.0, -130.0, CAVITY_TOP_MM), (190.0, 130.0, 660.0))
    k = chest[0]
    yield Solid("rib", _ribs(frame, trunk, k), (k, slice(None), slice(None)))
    inner = frame.box((-150.0, -130.0, CAVITY_TOP_MM), (150.0, 130.0, CAVITY_BOTTOM_MM))
    yield Solid("visceral fat", frame.share(trunk.cavity[inner]), inner)
    lungs = frame.box((-145.0, -110.0, 282.0), (145.0, 125.0, 640.0))
    u, v, w = frame.at(lungs)
    inside = np.minimum(trunk.cavity[lungs] - 2.0, diaphragm(u, v) - w)
    # The mediastinum is widest in its middle; in front the lungs nearly meet.
    waist = np.float32(MEDIASTINUM_WAIST) + np.float32(1.15 - MEDIASTINUM_WAIST) * np.exp(-(((v - 6.0) / 44.0) ** 2))
    wide = along_body(MEDIASTINUM_MM, frame.t[lungs[0]])[:, None, None] * waist
    inside = rounded_least(inside, np.abs(u - 3.0) - wide, 6.0)
    yield Solid("lung", frame.share(inside), lungs)


def _ribs(frame: Frame, trunk: Trunk, k: slice) -> Float32Array:
    _, v, w = frame.at((k, slice(0, len(frame.y)), slice(0, len(frame.x))))
    stripe = np.abs((w + np.float32(RIB_SLOPE) * v - RIBS_MM[0]) % RIB_PERIOD_MM - RIB_PERIOD_MM / 2) - 1.0
    shell = 4.0 - np.abs(trunk.cavity[k] + 6.0)
    rib = frame.share(np.minimum(shell, 5.5 - stripe))
    front = v < np.float32(-40.0) + 0.9 * (np.float32(560.0) - w).clip(-200.0, 0.0)  # the costal arch is open in front
    rib[front & (w > 560.0)] = 0.0
    rib[(w < RIBS_MM[0]) | (w > RIBS_MM[1])] = 0.0
    return rib


def arms(frame: Frame) -> Iterator[Solid]:
    """Raised arms beside the head."""
    for sign in (-1.0, 1.0):
        line: list[Point] = [(sign * 148.0, 6.0, 352.0), (sign * 158.0, 2.0, 250.0), (sign * 166.0, -8.0, 60.0)]
        for tissue, radii in (("fat", (54.0, 44.0)), ("muscle", (47.0, 35.0))):
            yield from tube(frame, tissue, line, radii)


def breasts(frame: Frame, physique: Physique) -> Iterator[Solid]:
    """Breasts of a woman lying on her back."""
    size = 0.75 + 0.35 * physique.fat
    for sign in (-1.0, 1.0):
        yield ellipsoid(frame, "fat", (sign * 84.0, -98.0, 448.0), (56.0 * size, 30.0 * size, 54.0 * size))
        yield ellipsoid(frame, "gland", (sign * 82.0, -108.0, 452.0), (24.0 * size, 12.0 * size, 24.0 * size))


def skeleton(frame: Frame) -> Iterator[Solid]:
    """Every bone but the ribs, in the order of painting."""
    yield from _head(frame)
    yield from _spine(frame)
    yield from _shoulders(frame)
    yield from _pelvis(frame)


def _spine(frame: Frame) -> Iterator[Solid]:
    top, bottom = SPINE_MM
    box = frame.box((-45.0, -20.0, top), (45.0, 120.0, bottom))
    u, v, w = frame.at(box)
    t = frame.t[box[0]]
    radius = along_body(SPINE_RADIUS, t)[:, None, None]
    v = v - along_body(SPINE_Y, t)[:, None, None]
    back = v - radius - 7.0
    within = np.minimum(w - top, bottom - w)
    distance = np.sqrt((u * 0.86) ** 2 + v * v)
    steps = np.abs(np.diff(t, prepend=t[:1])) / along_body(SPINE_PERIOD, t)
    phase = np.cumsum(steps)
    disc = (phase - np.floor(phase) < DISC_SHARE)[:, None, None]
    spinous = np.minimum(4.5 - np.abs(u), np.minimum(back, radius + 12.0 - back)) + 0.0 * w
    arch = np.maximum(12.0 - np.hypot(u, back), spinous)
    process = np.minimum(4.5 - np.abs(v - radius - 4.0), radius + 14.0 - np.abs(u)) + 0.0 * w
    posterior = np.minimum(np.maximum(arch, process), within)
    yield Solid("bone", frame.share(np.where(disc, -9.0, posterior)), box)
    yield Solid("bone", frame.share(np.minimum(radius - distance, within)), box)
    yield Solid("marrow", frame.share(np.minimum(radius - 2.5 - distance, within)), box)
    yield Solid("disc", frame.share(np.where(disc, np.minimum(radius - distance, within), -9.0)), box)
    yield Solid("canal", frame.share(np.minimum(7.5 - np.hypot(u, back), within)), box)


def _head(frame: Frame) -> Iterator[Solid]:
    """Skull, brain, face and airways."""
    for tissue, radii in (("skull", (67.0, 87.0, 96.0)), ("brain", (61.0, 81.0, 90.0))):
        solid = ellipsoid(frame, tissue, (0.0, 2.0, 66.0), radii)
        u, v, w = frame.at(solid.box)
        limit = 148.0 + 0.12 * v - w if tissue == "skull" else 139.0 + 0.12 * v - w
        yield Solid(tissue, np.minimum(solid.share, frame.share(limit + 0.0 * u)), solid.box)
    yield ellipsoid(frame, "bone", (0.0, -58.0, 160.0), (40.0, 30.0, 30.0))
    for sign in (-1.0, 1.0):
        yield ellipsoid(frame, "fat", (sign * 31.0, -62.0, 112.0), (20.0, 26.0, 18.0))
        yield ellipsoid(frame, "water", (sign * 31.0, -72.0, 112.0), (12.0, 12.0, 12.0))
        yield ellipsoid(frame, "gas", (sign * 25.0, -55.0, 158.0), (12.0, 16.0, 15.0))
        yield ellipsoid(frame, "gas", (sign * 55.0, 18.0, 150.0), (8.0, 10.0, 10.0))
        jaw: list[Point] = [(sign * 50.0, -8.0, 165.0), (sign * 46.0, -22.0, 205.0), (0.0, -78.0, 214.0)]
        yield from tube(frame, "bone", jaw, (7.0, 6.5))
        yield from tube(frame, "tooth", [(sign * 30.0, -52.0, 192.0), (sign * 8.0, -76.0, 192.0)], (4.5, 4.5))
    yield ellipsoid(frame, "gas", (0.0, -62.0, 156.0), (8.0, 26.0, 20.0))
    yield from tube(frame, "gas", [(0.0, -20.0, 168.0), (0.0, -16.0, 225.0), (0.0, -8.0, 245.0)], (7.0, 6.0))
    yield from tube(frame, "gas", [(0.0, -8.0, 245.0), (0.0, 4.0, 320.0), (0.0, 18.0, 412.0)], (7.5, 8.0))
    for line in both([(0.0, 18.0, 412.0), (34.0, 22.0, 446.0), (58.0, 26.0, 480.0)]):
        yield from tube(frame, "gas", line, (6.5, 3.0))


def _shoulders(frame: Frame) -> Iterator[Solid]:
    yield from tube(frame, "bone", [(0.0, -76.0, 348.0), (0.0, -94.0, 430.0), (0.0, -98.0, 500.0)], (8.0, 6.0))
    for line in both([(12.0, -70.0, 338.0), (70.0, -34.0, 312.0), (136.0, 4.0, 300.0)]):
        yield from tube(frame, "bone", line, (6.0, 5.5))
    for line in both([(152.0, 6.0, 322.0), (160.0, 0.0, 230.0), (166.0, -8.0, 60.0)]):
        yield from tube(frame, "bone", line, (13.0, 11.0))
        yield from tube(frame, "fatty marrow", line, (8.0, 5.5))
        yield ellipsoid(frame, "bone", line[0], (23.0, 23.0, 22.0))
        yield ellipsoid(frame, "marrow", line[0], (20.0, 20.0, 19.0))
        sign = float(np.sign(line[0][0]))
        yield ellipsoid(frame, "bone", (sign * 112.0, 78.0, 372.0), (44.0, 5.0, 62.0), turn_deg=-22.0 * sign)


def _pelvis(frame: Frame) -> Iterator[Solid]:
    yield ellipsoid(frame, "bone", (0.0, 66.0, 812.0), (54.0, 20.0, 52.0))
    yield ellipsoid(frame, "marrow", (0.0, 66.0, 812.0), (50.0, 16.0, 48.0))
    box = frame.box((-150.0, -75.0, 715.0), (150.0, 95.0, 842.0))
    u, v, w = frame.at(box)
    wide = np.clip(128.0 - 0.30 * (w - 725.0), 80.0, 132.0)
    ratio = np.sqrt((u / wide) ** 2 + ((v - 6.0) / 72.0) ** 2)
    shell = np.abs((1.0 - ratio) * 85.0)
    crest = 722.0 + 0.0045 * (v - 5.0) ** 2
    wing = np.minimum(np.minimum(w - crest, 842.0 - w), np.minimum(np.abs(u) - 44.0, v + 62.0 - 0.5 * (w - 722.0)))
    yield Solid("bone", frame.share(np.minimum(7.0 - shell, wing)), box)
    yield Solid("marrow", frame.share(np.minimum(4.0 - shell, wing - 3.0)), box)
    for sign in (-1.0, 1.0):
        hip: Point = (sign * 90.0, 2.0, 856.0)
        yield ellipsoid(frame, "bone", (sign * 84.0, 2.0, 852.0), (36.0, 36.0, 36.0))
        yield ellipsoid(frame, "marrow", (sign * 82.0, 2.0, 850.0), (31.0, 31.0, 31.0))
        yield ellipsoid(frame, "muscle", (hip[0] + sign * 4.0, 2.0, 858.0), (28.0, 28.0, 28.0))
        yield from tube(frame, "bone", [(sign * 62.0, -30.0, 862.0), (sign * 8.0, -54.0, 884.0)], (10.0, 9.0))
        yield from tube(frame, "bone", [(sign * 78.0, 26.0, 872.0), (sign * 58.0, 34.0, 922.0)], (14.0, 13.0))
        yield from tube(frame, "bone", [(sign * 58.0, 30.0, 924.0), (sign * 12.0, -44.0, 896.0)], (8.0, 7.0))
        femur: list[Point] = [(sign * 122.0, 6.0, 892.0), (sign * 118.0, -2.0, 930.0), (sign * 100.0, -6.0, 1095.0)]
        yield from tube(frame, "bone", femur, (19.0, 14.0))
        yield from tube(frame, "bone", [hip, femur[0]], (18.0, 17.0))
        yield ellipsoid(frame, "bone", hip, (25.0, 25.0, 25.0))
        yield ellipsoid(frame, "marrow", hip, (22.5, 22.5, 22.5))
        yield from tube(frame, "marrow", [hip, femur[0]], (13.0, 13.0))
        yield from tube(frame, "fatty marrow", femur, (13.0, 7.5))
