"""Metastases of a simulated PRRT patient: how many, how large, how bright, and where in the body they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from raise_core.demo.prrt_body import SPINE_MM, Physique, measure, spine_middle
from raise_core.demo.prrt_frame import (
    FIELD_BOTTOM_MM,
    WAVES,
    Box,
    Build,
    Float32Array,
    Frame,
    Grid,
    Point,
    make_frame,
)
from raise_core.demo.prrt_organs import LIVER_HIGH, LIVER_LOW, Organs, liver_inside
from raise_core.demo.prrt_patients import PrrtPatient, PrrtStream
from raise_core.demo.trial import FloatArray, stream

Site = Literal["liver", "lymph node", "bone", "pancreas"]

SHARE_WITH_LIVER = 0.87
SHARE_WITH_NODES = 0.62
SHARE_WITH_BONE = 0.45
SHARE_WITH_PRIMARY = 0.35
"""Of those whose tumour came from the pancreas: it is still there."""
MOST_LIVER_LESIONS = 16
RADIUS_MM: dict[Site, tuple[float, float]] = {
    "liver": (12.5, 0.36), "lymph node": (8.0, 0.25), "bone": (7.5, 0.25), "pancreas": (14.0, 0.25),
}  # fmt: skip
"""Median and standard deviation of the log."""
RADIUS_PER_LOAD = 0.18
RADIUS_LIMITS_MM = (5.0, 42.0)
FLATNESS = (0.82, 1.0)
"""The two shorter radii against the longest."""
LOBE_AMOUNT = 0.07

SUV_MEDIAN = 17.0
SUV_LOG_SD_PATIENT = 0.35
SUV_LOG_PER_PET = -0.12
SUV_LOG_SD_LESIONS = 0.20
"""Between the lesions of a patient of mean heterogeneity."""
SUV_SPREAD_PER_HETEROGENEITY = 0.5
SUV_LIMITS = (4.0, 75.0)

MOST_TARGETS, MOST_TARGETS_PER_ORGAN = 5, 2
"""RECIST 1.1."""
SMALLEST_TARGET_MM: dict[str, float] = {"lymph node": 15.0}
SMALLEST_TARGET_OTHERWISE_MM = 10.0
READER_LOG_SD = 0.04

CANDIDATES = 1500
GAP_MM = 2.0


@dataclass(frozen=True)
class PlannedLesion:
    """A metastasis (or a primary that is still there), wherever it will lie.

    Attributes:
        lesion_id: name in the tables and masks.
        site: organ.
        radius_mm: half its longest diameter.
        uptake_suv: mean before the scanner's blur.
        diameter_mm: as the reader measured it; short axis of a lymph node.
        target: a RECIST target lesion.
    """

    lesion_id: str
    site: Site
    radius_mm: float
    uptake_suv: float
    diameter_mm: float
    target: bool


@dataclass(frozen=True, eq=False)
class Lesion:
    """A planned lesion in its place.

    Attributes:
        plan: what it is.
        centre: in the template.
        radii_mm: along the body's axes (patient mm).
        lobes: shape (3, 3), directions in which the surface bulges.
        phases: shape (3,).
        offset: persistent deviation of its density, standard normal.
    """

    plan: PlannedLesion
    centre: Point
    radii_mm: Point
    lobes: Float32Array
    phases: Float32Array
    offset: float


@dataclass(frozen=True, eq=False)
class DrawnLesion:
    """A lesion on a grid.

    Attributes:
        lesion: which.
        share: of the box's voxels that is lesion.
        inwards: 0 at the surface, 1 in the middle.
        box: where.
    """

    lesion: Lesion
    share: Float32Array
    inwards: Float32Array
    box: Box


def plan_lesions(patient: PrrtPatient, *, seed: int) -> tuple[PlannedLesion, ...]:
    """Draw a patient's lesions without their places, the largest of each organ first."""
    rng = stream(seed, PrrtStream.LESIONS, patient.index)
    state = patient.latents
    counts: dict[Site, int] = {"liver": 0, "lymph node": 0, "bone": 0, "pancreas": 0}
    if rng.random() < SHARE_WITH_LIVER:
        counts["liver"] = min(1 + int(rng.poisson(np.exp(1.35 + 0.5 * state.load))), MOST_LIVER_LESIONS)
    if rng.random() < SHARE_WITH_NODES:
        counts["lymph node"] = 1 + int(rng.poisson(np.exp(0.25 + 0.3 * state.load)))
    if rng.random() < SHARE_WITH_BONE:
        counts["bone"] = 1 + int(rng.poisson(np.exp(0.45 + 0.4 * state.load)))
    if patient.origin == "Pancreas" and rng.random() < SHARE_WITH_PRIMARY:
        counts["pancreas"] = 1
    if not any(counts.values()):
        counts["liver"] = 1
    counts["lymph node"], counts["bone"] = min(counts["lymph node"], 6), min(counts["bone"], 8)
    level = np.log(SUV_MEDIAN) + SUV_LOG_PER_PET * state.pet + SUV_LOG_SD_PATIENT * rng.normal()
    spread = SUV_LOG_SD_LESIONS * np.exp(SUV_SPREAD_PER_HETEROGENEITY * state.heterogeneity)
    found: list[PlannedLesion] = []
    targets = 0
    for site, count in counts.items():
        median, log_sd = RADIUS_MM[site]
        radii = median * np.exp(RADIUS_PER_LOAD * state.load + log_sd * rng.normal(size=count))
        radii = np.sort(np.clip(radii, *RADIUS_LIMITS_MM))[::-1]
        uptake = np.clip(np.exp(level + spread * rng.normal(size=count)), *SUV_LIMITS)
        for number, (radius, suv) in enumerate(zip(radii, uptake, strict=True)):
            axis = FLATNESS[0] if site == "lymph node" else 1.0
            diameter = round(float(2 * radius * axis * np.exp(READER_LOG_SD * rng.normal())), 1)
            large = diameter >= SMALLEST_TARGET_MM.get(site, SMALLEST_TARGET_OTHERWISE_MM)
            target = site != "bone" and large and number < MOST_TARGETS_PER_ORGAN and targets < MOST_TARGETS
            targets += int(target)
            name = f"L{len(found) + 1:02d}"
            found.append(PlannedLesion(name, site, float(radius), float(suv), diameter, target))
    return tuple(found)


@lru_cache(maxsize=1)
def _template_frame() -> Frame:
    """A coarse grid on the template itself, to find places on."""
    spacing = 7.0
    size = (int(300 / spacing), int(250 / spacing), int((FIELD_BOTTOM_MM - 400.0) / spacing))
    origin = (-spacing * (size[0] - 1) / 2, -spacing * (size[1] - 1) / 2, -FIELD_BOTTOM_MM)
    still = Build((1.0, 1.0, 1.0), np.zeros((3, WAVES, 2), np.float32), np.zeros((3, WAVES), np.float32))
    return make_frame(Grid(size, (spacing, spacing, spacing), origin), still, shift_mm=(0.0, 0.0), breath_mm=0.0)


def place(
    plans: Sequence[PlannedLesion], *, organs: Organs, physique: Physique, build: Build, rng: np.random.Generator
) -> tuple[Lesion, ...]:
    """Find a place for every lesion; where the liver is too full for the wanted gap, the least crowded one is taken."""
    frame = _template_frame()
    trunk = measure(frame, physique)
    box = frame.box(LIVER_LOW, LIVER_HIGH)
    at = frame.at(box)
    room = liver_inside(organs, trunk.cavity[box], at)
    inside = np.argwhere(room > 3.0)
    chosen = inside[rng.choice(len(inside), size=min(CANDIDATES, len(inside)), replace=False)]
    jitter = rng.uniform(-3.4, 3.4, (len(chosen), 3))
    points = np.stack([axis[tuple(chosen.T)] for axis in at], axis=1) + jitter
    edge = room[tuple(chosen.T)]
    scale = np.array(build.scale)
    taken: list[tuple[FloatArray, float]] = []
    placed = []
    for plan in plans:
        radius = plan.radius_mm / float(np.mean(scale))
        if plan.site == "liver":
            gap = edge - 0.8 * radius
            for other, size in taken:
                gap = np.minimum(gap, np.linalg.norm(points - other, axis=1) - radius - size)
            free = np.flatnonzero(gap >= GAP_MM)
            best = points[int(free[0]) if len(free) else int(np.argmax(gap))]
        else:
            best = _elsewhere(plan.site, radius, taken, rng)
        taken.append((best, radius))
        flat = np.append(rng.uniform(*FLATNESS, 2), 1.0)
        rng.shuffle(flat)
        radii = plan.radius_mm * flat
        placed.append(
            Lesion(
                plan,
                (float(best[0]), float(best[1]), float(best[2])),
                (float(radii[0]), float(radii[1]), float(radii[2])),
                (rng.normal(size=(3, 3)) * 2.2).astype(np.float32),
                rng.uniform(0, 2 * np.pi, 3).astype(np.float32),
                float(rng.normal()),
            )
        )
    return tuple(placed)


def _elsewhere(
    site: Site, radius: float, taken: Sequence[tuple[FloatArray, float]], rng: np.random.Generator
) -> FloatArray:
    """The freest of some random places outside the liver."""
    best, freest = np.zeros(3), -np.inf
    for _ in range(25):
        at = np.array(_SITES[site](rng))
        gap = min((float(np.linalg.norm(at - other)) - radius - size for other, size in taken), default=np.inf)
        if gap > freest:
            best, freest = at, gap
        if gap >= GAP_MM:
            break
    return best


def _node(rng: np.random.Generator) -> Point:
    kind = rng.choice(4, p=(0.4, 0.35, 0.15, 0.10))
    if kind == 0:  # mesenteric root
        return (float(rng.normal(6, 16)), float(rng.normal(-30, 8)), float(rng.normal(708, 20)))
    if kind == 1:  # beside aorta and cava
        t = float(rng.uniform(625, 735))
        return (float(rng.choice((-1.0, 1.0)) * rng.uniform(20, 28)), spine_middle(t) - 28.0, t)
    if kind == 2:  # hepatic hilum
        return (float(rng.normal(-12, 6)), float(rng.normal(-12, 5)), float(rng.normal(622, 8)))
    return (float(rng.normal(4, 14)), float(rng.normal(10, 6)), float(rng.uniform(395, 460)))  # mediastinum


def _bone(rng: np.random.Generator) -> Point:
    kind = rng.choice(4, p=(0.55, 0.2, 0.15, 0.10))
    side = float(rng.choice((-1.0, 1.0)))
    if kind == 0:
        t = float(rng.uniform(330.0, SPINE_MM[1] - 10.0))
        return (float(rng.normal(0, 6)), spine_middle(t) + float(rng.normal(0, 4)), t)
    if kind == 1:  # iliac wing
        return (side * float(rng.uniform(72, 92)), float(rng.uniform(42, 54)), float(rng.uniform(752, 800)))
    if kind == 2:  # sacrum
        return (float(rng.normal(0, 22)), 66.0, float(rng.normal(806, 18)))
    return (side * float(rng.normal(100, 6)), float(rng.normal(2, 4)), float(rng.uniform(852, 900)))  # hip


def _pancreas(rng: np.random.Generator) -> Point:
    x, y, t = ((-22.0, -10.0, 655.0), (72.0, 16.0, 614.0))[int(rng.integers(2))]
    return (x + float(rng.normal(0, 4)), y, t)


_SITES: dict[str, Callable[[np.random.Generator], Point]] = {"lymph node": _node, "bone": _bone, "pancreas": _pancreas}


def draw(frame: Frame, lesions: Sequence[Lesion], build: Build) -> Iterator[DrawnLesion]:
    """Every lesion on a grid; one that would fall between the voxels gets the nearest."""
    for lesion in lesions:
        radii = [radius / scale for radius, scale in zip(lesion.radii_mm, build.scale, strict=True)]
        reach = [radius * (1.0 + 2.5 * LOBE_AMOUNT) for radius in radii]
        x, y, t = lesion.centre
        box = frame.box((x - reach[0], y - reach[1], t - reach[2]), (x + reach[0], y + reach[1], t + reach[2]))
        u, v, w = frame.at(box)
        u, v, w = (u - np.float32(x)) / radii[0], (v - np.float32(y)) / radii[1], (w - np.float32(t)) / radii[2]
        distance = np.maximum(np.sqrt(u * u + v * v + w * w), np.float32(1e-4))
        bulge = np.zeros_like(distance)
        for direction, phase in zip(lesion.lobes, lesion.phases, strict=True):
            bulge += np.cos((u * direction[0] + v * direction[1] + w * direction[2]) / distance + phase)
        inwards = 1.0 - distance / (1.0 + np.float32(LOBE_AMOUNT) * bulge)
        share = frame.share(inwards * np.float32(min(radii)))
        if share.max() < 0.5:
            share[np.unravel_index(int(np.argmax(inwards)), share.shape)] = 1.0
        yield DrawnLesion(lesion, share, np.clip(inwards, 0.0, 1.0), box)
