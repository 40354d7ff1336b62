"""The organs of a simulated PRRT patient: where they lie, how they differ, and in which order they are painted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from raise_core.demo.prrt_body import Trunk, diaphragm, spine_middle
from raise_core.demo.prrt_frame import Box, Float32Array, Frame, Point, Solid, both, ellipsoid, rounded_least, tube

LIVER_LOW: Point = (-150.0, -125.0, 500.0)
LIVER_HIGH: Point = (125.0, 115.0, 720.0)
EDGE_RADIUS_MM = 7.0
"""How round the liver's edges are."""
SMALL_BOWEL_LOOPS = 13
GAS_POCKETS = 9


@dataclass(frozen=True, eq=False)
class Organs:
    """The persistent build of one patient's organs.

    Attributes:
        liver_low_mm: how far below the template's the liver's lower edge lies.
        left_lobe: how far the left lobe reaches (template mm).
        spleen_size: multiplier of the radii.
        kidneys: (x, y, t) of the right and the left kidney.
        kidney_size: multiplier of the radii.
        stomach_size: multiplier of the radii.
        bladder_radius_mm: how full it is.
        loops: small-bowel loops.
        colon: its course from the appendix to the rectum.
        gas: pockets in the colon: place on its course (0..1) and radius (mm).
        vessels: branches in the liver, each a line with the radii at its ends.
        ureters: stretches (t) that hold urine.
        male: sex.
    """

    liver_low_mm: float
    left_lobe: float
    spleen_size: float
    kidneys: tuple[Point, Point]
    kidney_size: float
    stomach_size: float
    bladder_radius_mm: float
    loops: tuple[tuple[Point, ...], ...]
    colon: tuple[Point, ...]
    gas: tuple[tuple[float, float], ...]
    vessels: tuple[tuple[tuple[Point, ...], tuple[float, float]], ...]
    ureters: tuple[tuple[float, float, float], ...]
    male: bool


def draw_organs(rng: np.random.Generator, *, male: bool) -> Organs:
    """Draw one patient's organs."""

    def near(x: float, y: float, t: float, spread: float) -> Point:
        moved = rng.normal(0.0, spread, 3)
        return (x + float(moved[0]), y + 0.5 * float(moved[1]), t + float(moved[2]))

    loops = []
    for _ in range(SMALL_BOWEL_LOOPS):
        at = np.array([rng.uniform(-70, 75), rng.uniform(-62, -10), rng.uniform(690, 815)])
        loop: list[Point] = []
        for _ in range(4):
            loop.append((float(at[0]), float(at[1]), float(at[2])))
            at = np.clip(at + rng.normal(0, (26, 12, 20)), (-82, -66, 680), (82, 8, 825))
        loops.append(tuple(loop))
    colon = (
        near(-88, -22, 806, 4), near(-94, -8, 740, 4), near(-92, -20, 682, 4), near(-60, -58, 692, 5),
        near(0, -66, 712, 8), near(58, -58, 690, 6), near(98, 2, 640, 4), near(102, 14, 720, 4), near(94, 0, 790, 5),
        near(52, -18, 824, 8), near(18, 10, 818, 8), near(4, 34, 838, 3), (0.0, 40.0, 890.0),
    )  # fmt: skip
    vessels: list[tuple[tuple[Point, ...], tuple[float, float]]] = []
    hilum: Point = (-22.0, -8.0, 606.0)
    right, left = near(-58, 0, 592, 5), near(8, -34, 578, 5)
    vessels += [((hilum, right), (6.5, 5.0)), ((hilum, left), (5.5, 3.5))]
    vessels += [((right, near(-98, y, t, 8)), (4.0, 1.6)) for y, t in ((-30, 575), (25, 580), (10, 625), (-30, 628))]
    cava: Point = (-22.0, 18.0, 545.0)
    vessels += [((cava, near(x, y, t, 8)), (5.0, 1.8)) for x, y, t in ((-92, 20, 570), (-70, -40, 575), (18, -40, 566))]
    return Organs(
        liver_low_mm=float(np.clip(rng.normal(0.0, 12.0), -25.0, 30.0)),
        left_lobe=float(rng.uniform(60.0, 100.0)),
        spleen_size=float(np.clip(rng.normal(1.0, 0.09), 0.78, 1.25)),
        kidneys=(near(-60, 42, 668, 5), near(62, 42, 652, 5)),
        kidney_size=float(np.clip(rng.normal(1.0, 0.07), 0.82, 1.15)),
        stomach_size=float(rng.uniform(0.8, 1.15)),
        bladder_radius_mm=float(rng.uniform(20.0, 40.0)),
        loops=tuple(loops),
        colon=colon,
        gas=tuple((float(rng.random()), float(rng.uniform(5.0, 15.0))) for _ in range(GAS_POCKETS)),
        vessels=tuple(vessels),
        ureters=tuple(
            (side, top, top + float(rng.uniform(15.0, 45.0)))
            for side in (-1.0, 1.0)
            for top in rng.uniform(705.0, 810.0, rng.integers(0, 3))
        ),
        male=male,
    )


def liver_inside(organs: Organs, trunk_cavity: Float32Array, at: tuple[Float32Array, ...]) -> Float32Array:
    """Distance inside the liver's surface (template mm), about."""
    u, v, w = at
    right = np.maximum(u - 20.0, 0.0)
    low = 622.0 + organs.liver_low_mm - 0.52 * u + 0.10 * v - 0.006 * right * right
    under = np.minimum(trunk_cavity - 3.0, w - diaphragm(u, v) - 4.0)
    inside = rounded_least(under, 0.85 * (low - w), EDGE_RADIUS_MM)
    behind = np.minimum(34.0 - 0.75 * (u + 22.0), 60.0 - 0.25 * (u + 22.0)) - v
    left = np.minimum(0.8 * behind, 0.8 * (organs.left_lobe - u))
    return rounded_least(inside, left, EDGE_RADIUS_MM)


def liver(frame: Frame, trunk: Trunk, organs: Organs) -> Solid:
    """The liver, without kidney and vessels cut out of it."""
    box: Box = frame.box(LIVER_LOW, LIVER_HIGH)
    return Solid("liver", frame.share(liver_inside(organs, trunk.cavity[box], frame.at(box))), box)


def organs_of(frame: Frame, trunk: Trunk, organs: Organs) -> Iterator[Solid]:
    """All organs in the order of painting."""
    yield from _neck(frame)
    yield from _chest(frame)
    yield from _gut(frame, organs)
    yield liver(frame, trunk, organs)
    for line, radii in organs.vessels:
        yield from tube(frame, "liver vessel", line, radii)
    yield ellipsoid(frame, "bile", (-44.0, -44.0, 638.0), (15.0, 19.0, 28.0), tilt_deg=15.0)
    yield from _upper_abdomen(frame, trunk, organs)
    yield from _great_vessels(frame)
    for side in (-1.0, 1.0):
        course = ((24.0, 672.0), (46.0, 740.0), (72.0, 838.0))
        psoas: list[Point] = [(side * x, spine_middle(t) - 2.0 - 0.35 * max(t - 760.0, 0.0), t) for x, t in course]
        yield from tube(frame, "muscle", psoas, (13.0, 19.0))
        for _, top, bottom in (stretch for stretch in organs.ureters if stretch[0] == side):
            yield from tube(frame, "urine", [(side * 36.0, 12.0, top), (side * 38.0, 14.0, bottom)], (2.6, 2.6))
    yield from _pelvic(frame, organs)


def _neck(frame: Frame) -> Iterator[Solid]:
    yield ellipsoid(frame, "pituitary", (0.0, -14.0, 122.0), (6.5, 5.5, 5.0))
    for sign in (-1.0, 1.0):
        yield ellipsoid(frame, "parotid", (sign * 56.0, 2.0, 180.0), (9.0, 16.0, 20.0))
        yield ellipsoid(frame, "submandibular", (sign * 32.0, -36.0, 216.0), (9.0, 12.0, 10.0))
        yield ellipsoid(frame, "thyroid", (sign * 17.0, -12.0, 276.0), (8.0, 8.0, 18.0))
        yield from tube(frame, "blood", [(sign * 24.0, -2.0, 225.0), (sign * 20.0, -6.0, 325.0)], (5.0, 6.0))


def _chest(frame: Frame) -> Iterator[Solid]:
    yield ellipsoid(frame, "myocardium", (30.0, -26.0, 496.0), (58.0, 46.0, 54.0), turn_deg=-25.0, tilt_deg=30.0)
    yield ellipsoid(frame, "blood", (40.0, -20.0, 500.0), (27.0, 22.0, 32.0), turn_deg=-25.0, tilt_deg=30.0)
    yield ellipsoid(frame, "blood", (2.0, -30.0, 486.0), (30.0, 25.0, 34.0), tilt_deg=20.0)
    yield from tube(frame, "blood", [(2.0, -22.0, 455.0), (-8.0, -18.0, 405.0), (0.0, 0.0, 384.0)], (14.0, 13.0))
    yield from tube(frame, "blood", [(0.0, 0.0, 384.0), (18.0, 26.0, 392.0), (22.0, 36.0, 425.0)], (13.0, 12.0))
    yield from tube(frame, "blood", [(-24.0, -14.0, 345.0), (-26.0, -12.0, 455.0)], (9.0, 10.0))
    yield from tube(frame, "blood", [(14.0, -22.0, 450.0), (12.0, -4.0, 425.0), (40.0, 16.0, 432.0)], (13.0, 8.0))
    yield from tube(frame, "blood", [(12.0, -4.0, 428.0), (-36.0, 14.0, 436.0)], (10.0, 8.0))
    for line in both([(38.0, 14.0, 436.0), (62.0, 22.0, 470.0), (78.0, 30.0, 520.0)]):
        yield from tube(frame, "blood", line, (6.5, 2.5))
    for line in both([(38.0, 10.0, 430.0), (58.0, 0.0, 390.0), (66.0, -6.0, 350.0)]):
        yield from tube(frame, "blood", line, (5.5, 2.0))
    for line in both([(40.0, 18.0, 440.0), (72.0, 46.0, 455.0), (92.0, 58.0, 500.0)]):
        yield from tube(frame, "blood", line, (4.5, 1.5))
    for line in both([(44.0, 4.0, 436.0), (74.0, -24.0, 440.0), (94.0, -40.0, 470.0)]):
        yield from tube(frame, "blood", line, (4.0, 1.3))
    for line in both([(52.0, 20.0, 455.0), (88.0, 10.0, 470.0), (108.0, 10.0, 500.0)]):
        yield from tube(frame, "blood", line, (3.5, 1.2))
    yield from tube(frame, "gut wall", [(4.0, 26.0, 330.0), (8.0, 34.0, 460.0), (22.0, 18.0, 548.0)], (6.0, 7.0))


def _gut(frame: Frame, organs: Organs) -> Iterator[Solid]:
    size = organs.stomach_size
    yield ellipsoid(
        frame, "stomach wall", (58.0, -22.0, 592.0), (42.0 * size, 37.0 * size, 54.0 * size), tilt_deg=-28.0
    )
    yield ellipsoid(
        frame, "stomach content", (58.0, -22.0, 592.0), (36.0 * size, 31.0 * size, 48.0 * size), tilt_deg=-28.0
    )
    yield ellipsoid(frame, "gas", (60.0, -36.0 - 8.0 * size, 572.0), (18.0, 10.0, 20.0))
    for loop in organs.loops:
        yield from tube(frame, "bowel wall", loop, (13.0, 12.0))
        yield from tube(frame, "bowel content", loop, (9.0, 8.0))
    yield from tube(frame, "colon wall", organs.colon, (21.0, 17.0))
    yield from tube(frame, "colon content", organs.colon, (18.0, 13.5))
    stations = np.linspace(0.0, 1.0, len(organs.colon))
    course = np.array(organs.colon)
    for place, radius in organs.gas:
        x, y, t = (float(np.interp(place, stations, course[:, axis])) for axis in range(3))
        yield ellipsoid(frame, "gas", (x, y - 3.0, t), (radius, 0.8 * radius, 1.5 * radius))


def _upper_abdomen(frame: Frame, trunk: Trunk, organs: Organs) -> Iterator[Solid]:
    yield from tube(
        frame, "pancreas", [(-26.0, -8.0, 664.0), (-8.0, -12.0, 640.0), (34.0, -2.0, 626.0), (78.0, 22.0, 612.0)],
        (13.0, 9.0),
    )  # fmt: skip
    size = organs.spleen_size
    spleen = ellipsoid(
        frame, "spleen", (98.0, 40.0, 584.0), (26.0 * size, 40.0 * size, 54.0 * size), turn_deg=28.0, tilt_deg=14.0
    )
    yield Solid("spleen", np.minimum(spleen.share, frame.share(trunk.cavity[spleen.box] - 2.0)), spleen.box)
    for side, (x, y, t) in zip((-1.0, 1.0), organs.kidneys, strict=True):
        yield from _kidney(frame, side, (x, y, t), organs.kidney_size)
        limbs: list[Point] = [(38.0, 22.0, t - 66.0), (34.0, 30.0, t - 54.0), (42.0, 38.0, t - 48.0)]
        yield from tube(frame, "adrenal", [(side * a, b, c) for a, b, c in limbs], (3.0, 3.6))


def _kidney(frame: Frame, side: float, centre: Point, size: float) -> Iterator[Solid]:
    x, y, t = centre
    shape = {"turn_deg": side * -30.0, "tilt_deg": side * 12.0}
    yield ellipsoid(frame, "visceral fat", (x + side * 2.0, y, t), (42.0, 40.0, 68.0), **shape)
    yield ellipsoid(frame, "kidney cortex", centre, (29.0 * size, 25.0 * size, 55.0 * size), **shape)
    yield ellipsoid(frame, "kidney medulla", (x - side * 2.0, y, t), (20.0 * size, 16.0 * size, 44.0 * size), **shape)
    yield ellipsoid(frame, "sinus fat", (x - side * 13.0, y - 4.0, t), (14.0, 9.0, 24.0), **shape)
    yield ellipsoid(frame, "renal pelvis", (x - side * 15.0, y - 6.0, t + 2.0), (7.0, 5.0, 11.0), **shape)


def _great_vessels(frame: Frame) -> Iterator[Solid]:
    def before_spine(t: float, gap: float) -> float:
        return spine_middle(t) - float(np.interp(t, [420, 700], [16, 24])) - gap

    aorta: list[Point] = [(22.0, 36.0, 425.0), (20.0, before_spine(480, 0), 480.0), (10.0, before_spine(560, 9), 560.0)]
    aorta += [(8.0, before_spine(640, 11), 640.0), (6.0, before_spine(725, 11), 725.0)]
    yield from tube(frame, "blood", aorta, (12.0, 9.0))
    cava: list[Point] = [(-24.0, 8.0, 528.0), (-22.0, 16.0, 580.0), (-19.0, before_spine(650, 10), 650.0)]
    cava += [(-16.0, before_spine(728, 10), 728.0)]
    yield from tube(frame, "blood", cava, (12.0, 10.0))
    for line in both([(10.0, 4.0, 728.0), (40.0, 22.0, 785.0), (66.0, -20.0, 838.0), (82.0, -52.0, 885.0)]):
        yield from tube(frame, "blood", line, (7.5, 6.0))
    for line in both([(82.0, -52.0, 885.0), (86.0, -48.0, 960.0), (74.0, -30.0, 1090.0)]):
        yield from tube(frame, "blood", line, (7.0, 5.0))
    yield from tube(frame, "blood", [(-2.0, -6.0, 642.0), (-22.0, -8.0, 606.0)], (7.0, 6.5))
    yield from tube(frame, "blood", [(-2.0, -6.0, 642.0), (36.0, 8.0, 620.0), (80.0, 32.0, 598.0)], (5.0, 4.0))


def _pelvic(frame: Frame, organs: Organs) -> Iterator[Solid]:
    radius = organs.bladder_radius_mm
    bladder: Point = (0.0, -22.0, 868.0 - 0.5 * radius)
    yield ellipsoid(frame, "bladder wall", bladder, (1.15 * radius + 3.0, 0.85 * radius + 3.0, 0.9 * radius + 3.0))
    yield ellipsoid(frame, "urine", bladder, (1.15 * radius, 0.85 * radius, 0.9 * radius))
    if organs.male:
        yield ellipsoid(frame, "prostate", (0.0, -10.0, 890.0), (21.0, 16.0, 16.0))
    else:
        yield ellipsoid(frame, "uterus", (2.0, 12.0, 850.0), (24.0, 18.0, 30.0))
