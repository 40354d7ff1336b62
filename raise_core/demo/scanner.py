"""Scanners of the simulated trial: pixel size, HU offset, reconstruction kernel and its noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from raise_core.demo.trial import Stream, stream

Float32Array = NDArray[np.float32]

GRID = (6, 192, 192)
"""Slices, rows, columns of every slab."""
SLICE_MM = 5.0
OFFSET_SD_HU = 3.0
"""Between scanners: calibration differs by a few HU."""


@dataclass(frozen=True)
class Kernel:
    """A reconstruction kernel.

    Attributes:
        name: as the manufacturer calls it.
        blur_px: Gaussian width of the point spread (pixels).
        noise_px: correlation width of the noise (pixels).
        noise_hu: standard deviation of the noise in a patient of mean size (HU).
    """

    name: str
    blur_px: float
    noise_px: float
    noise_hu: float


KERNELS: dict[str, tuple[Kernel, ...]] = {
    "GE": (Kernel("SOFT", 0.75, 0.85, 9.0), Kernel("STANDARD", 0.6, 0.65, 12.0), Kernel("DETAIL", 0.45, 0.5, 16.0)),
    "Philips": (Kernel("A", 0.8, 0.9, 8.5), Kernel("B", 0.65, 0.7, 11.0), Kernel("C", 0.5, 0.5, 15.0)),
    "Siemens": (Kernel("B20f", 0.75, 0.85, 9.0), Kernel("B30f", 0.6, 0.65, 12.0), Kernel("B40f", 0.5, 0.5, 15.0)),
    "Toshiba": (Kernel("FC08", 0.7, 0.75, 10.5), Kernel("FC13", 0.55, 0.55, 14.0)),
}
MANUFACTURER_SHARES = {"GE": 0.30, "Philips": 0.18, "Siemens": 0.38, "Toshiba": 0.14}
PIXEL_MM = {"GE": 1.85, "Philips": 1.95, "Siemens": 1.8, "Toshiba": 1.9}
PIXEL_STEP_MM = 0.05
SMALLEST_MARGIN_MM = 3.0


@dataclass(frozen=True)
class Scanner:
    """The scanner one patient is followed on.

    Attributes:
        manufacturer: who made it.
        kernel: reconstruction used in the trial.
        pixel_mm: in-plane pixel size (mm).
        offset_hu: added to every value (HU).
    """

    manufacturer: str
    kernel: Kernel
    pixel_mm: float
    offset_hu: float


def choose_scanner(rng: np.random.Generator, *, body_reach_mm: float) -> Scanner:
    """Draw a scanner; its field of view is opened in steps until the body fits."""
    names = list(MANUFACTURER_SHARES)
    manufacturer = names[int(rng.choice(len(names), p=list(MANUFACTURER_SHARES.values())))]
    kernels = KERNELS[manufacturer]
    kernel = kernels[int(rng.integers(len(kernels)))]
    pixel = PIXEL_MM[manufacturer]
    while pixel * GRID[2] / 2 < body_reach_mm + SMALLEST_MARGIN_MM:
        pixel = round(pixel + PIXEL_STEP_MM, 3)
    return Scanner(manufacturer, kernel, pixel, float(rng.normal(0.0, OFFSET_SD_HU)))


class NoisePool:
    """Ready-made noise: one large filtered field per correlation width, cut at random places.

    Filtering a field for each slab would cost several times more and look the same.
    """

    _SHAPE = (GRID[0] + 4, GRID[1] + 96, GRID[2] + 96)

    def __init__(self, seed: int) -> None:
        self._fields = lru_cache(maxsize=None)(self._make)
        self._seed = seed

    def _make(self, width_px: float) -> Float32Array:
        rng = stream(self._seed, Stream.NOISE_POOL, round(1000 * width_px))
        white = rng.standard_normal(self._SHAPE, dtype=np.float32)
        # A reconstructed image has little noise power at the lowest frequencies: take them out.
        smooth = ndimage.gaussian_filter(white, (0.0, width_px, width_px), mode="wrap")
        field = smooth - 0.7 * ndimage.gaussian_filter(white, (0.0, 4 * width_px, 4 * width_px), mode="wrap")
        return np.asarray(field / field.std(), dtype=np.float32)

    def cut(self, rng: np.random.Generator, *, width_px: float, shape: tuple[int, int, int] = GRID) -> Float32Array:
        """A field of standard deviation 1 and the given correlation width (pixels), shape at most `GRID`."""
        field = self._fields(width_px)
        start = [int(rng.integers(0, full - part + 1)) for full, part in zip(field.shape, shape, strict=True)]
        cut = field[tuple(slice(first, first + part) for first, part in zip(start, shape, strict=True))]
        flip = rng.random(2) < 0.5
        return cut[:, :: -1 if flip[0] else 1, :: -1 if flip[1] else 1]
