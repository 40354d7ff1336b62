"""The PET/CT scanner of the simulated PRRT cohort: grids, noise, and how tissue values become an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from raise_core.demo.prrt_frame import (
    FIELD_BOTTOM_MM,
    FIELD_TOP_MM,
    Build,
    Float32Array,
    Frame,
    Grid,
    Point,
    Solid,
    make_frame,
)
from raise_core.demo.prrt_patients import PrrtStream
from raise_core.demo.trial import stream

CT_PIXELS = (156, 104)
CT_PIXEL_MM = 3.0
"""Of the narrowest field of view; it is opened in steps until the arms fit."""
PET_PIXELS = (126, 80)
PET_PIXEL_MM = 4.07
PIXEL_STEP_MM = 0.1
SLICE_MM = {"CT": 5.0, "PT": 5.0}
ARM_REACH_MM = 217.0
"""Farthest the arms lie from the body's middle in the template, with the deformation."""
SHIFT_SD_MM = 4.0
"""How far a patient lies from the middle of the table, x and y."""
MOTION_SD_MM = 1.2
"""How far they move between CT and PET, x and y."""
BREATH_SD_MM = 4.0
PET_BREATH_MM = 4.0
"""CT is taken in shallow expiration, PET over minutes of breathing."""

POOL_MARGIN = (12, 24, 40)
LARGEST = (236, 104, 156)


@dataclass(frozen=True, eq=False)
class Scanned:
    """One patient in the scanner: the frames of both scans."""

    ct: Frame
    pet: Frame


def scan_frames(build: Build, rng: np.random.Generator) -> Scanned:
    """Lay a patient on the table and choose the grids."""
    shift = np.clip(rng.normal(0.0, SHIFT_SD_MM, 2), -8.0, 8.0)
    motion = np.clip(rng.normal(0.0, MOTION_SD_MM, 2), -3.0, 3.0)
    breath = float(np.clip(rng.normal(0.0, BREATH_SD_MM), -8.0, 8.0))
    pixel = CT_PIXEL_MM
    while pixel * CT_PIXELS[0] / 2 < ARM_REACH_MM * build.scale[0] + abs(float(shift[0])):
        pixel = round(pixel + PIXEL_STEP_MM, 3)
    start = rng.uniform(0.0, SLICE_MM["PT"], 2)
    ct = _grid(CT_PIXELS, pixel, SLICE_MM["CT"], build, start_mm=float(start[0]))
    pet = _grid(PET_PIXELS, PET_PIXEL_MM, SLICE_MM["PT"], build, start_mm=float(start[1]))
    return Scanned(
        make_frame(ct, build, shift_mm=(float(shift[0]), float(shift[1])), breath_mm=breath),
        make_frame(
            pet,
            build,
            shift_mm=(float(shift[0] + motion[0]), float(shift[1] + motion[1])),
            breath_mm=breath + PET_BREATH_MM + float(rng.normal(0.0, 2.0)),
        ),
    )


def _grid(pixels: tuple[int, int], pixel_mm: float, slice_mm: float, build: Build, *, start_mm: float) -> Grid:
    top, bottom = -FIELD_TOP_MM * build.scale[2] - start_mm, -FIELD_BOTTOM_MM * build.scale[2]
    slices = min(int((top - bottom) / slice_mm), LARGEST[0])
    origin: Point = (
        round(-(pixels[0] - 1) / 2 * pixel_mm, 3),
        round(-(pixels[1] - 1) / 2 * pixel_mm, 3),
        round(top - (slices - 1) * slice_mm, 3),
    )
    return Grid((*pixels, slices), (pixel_mm, pixel_mm, slice_mm), origin)


def paint(image: Float32Array, solids: Iterable[Solid], values: Mapping[str, float]) -> None:
    """Paint solids over each other, back to front; a tissue without a value is left out."""
    for solid in solids:
        value = values.get(solid.tissue)
        if value is not None and solid.share.size:
            part = image[solid.box]
            part += solid.share * (np.float32(value) - part)


class VolumeNoise:
    """Ready-made noise: one large filtered field per correlation width, cut at random places."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._fields = lru_cache(maxsize=None)(self._make)

    def _make(self, plane_px: float, slice_px: float) -> Float32Array:
        rng = stream(self._seed, PrrtStream.NOISE_POOL, round(1000 * plane_px), round(1000 * slice_px))
        shape = [large + margin for large, margin in zip(LARGEST, POOL_MARGIN, strict=True)]
        white = rng.standard_normal(shape, dtype=np.float32)
        smooth = ndimage.gaussian_filter(white, (slice_px, plane_px, plane_px), mode="wrap", truncate=3.0)
        return np.asarray(smooth / smooth.std(), dtype=np.float32)

    def cut(
        self, rng: np.random.Generator, shape: tuple[int, ...], *, plane_px: float, slice_px: float
    ) -> Float32Array:
        """A field of standard deviation about 1, shape at most `LARGEST`, correlated over the given widths (voxels)."""
        field = self._fields(plane_px, slice_px)
        start = [int(rng.integers(0, full - part + 1)) for full, part in zip(field.shape, shape, strict=True)]
        cut = field[tuple(slice(first, first + part) for first, part in zip(start, shape, strict=True))]
        flip = [-1 if turn else 1 for turn in rng.random(3) < 0.5]
        return cut[:: flip[0], :: flip[1], :: flip[2]]
