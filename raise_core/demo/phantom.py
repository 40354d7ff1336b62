"""From tissue layers to Hounsfield units: contrast phases, lesions that show the tumour's state, noise and kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from raise_core.demo.anatomy import Abdomen
from raise_core.demo.outline import TABLE
from raise_core.demo.scanner import GRID, Float32Array, NoisePool, Scanner
from raise_core.demo.tables import Phase
from raise_core.demo.trial import FloatArray
from raise_core.demo.tumour import Tumour

AIR_HU = -1000.0
TISSUE_HU: dict[str, tuple[float, float]] = {
    # tissue: arterial, portal
    "skin": (15.0, 20.0),
    "fat": (-104.0, -102.0),
    "muscle": (56.0, 62.0),
    "liver": (70.0, 112.0),
    "spleen": (118.0, 124.0),
    "stomach wall": (72.0, 84.0),
    "stomach content": (14.0, 14.0),
    "colon wall": (66.0, 80.0),
    "colon content": (25.0, 25.0),
    "gas": (-920.0, -920.0),
    "pancreas": (98.0, 96.0),
    "bile": (8.0, 8.0),
    "kidney cortex": (178.0, 182.0),
    "kidney medulla": (84.0, 172.0),
    "aorta": (278.0, 162.0),
    "artery": (262.0, 156.0),
    "ivc": (92.0, 148.0),
    "portal vein": (98.0, 172.0),
    "hepatic vein": (70.0, 164.0),
    "cortical bone": (480.0, 480.0),
    "marrow": (185.0, 188.0),
    "rib": (410.0, 410.0),
    "canal": (28.0, 30.0),
}
NATIVE_HU = {"liver": 56.0, "spleen": 48.0, "aorta": 40.0}
BLOOD = (
    "aorta",
    "artery",
    "ivc",
    "portal vein",
    "hepatic vein",
    "kidney cortex",
    "kidney medulla",
    "spleen",
    "pancreas",
)
BLOOD_NATIVE_HU = 42.0
TIMING_SD: dict[Phase, float] = {"arterial": 0.12, "portal": 0.07}
"""How much the strength of a phase's enhancement varies from scan to scan."""
LIVER_SD_HU = 7.0
"""Between patients: fat and iron."""
MOTTLE_HU: dict[str, float] = {"liver": 3.5, "spleen": 4.0, "fat": 4.0, "muscle": 6.0, "marrow": 25.0}
MOTTLE_PX = 3.0

STATE_CORRELATION: dict[Phase, float] = {"portal": 0.95, "arterial": 0.6}
"""How clearly a phase shows the tumour's current state."""
STATE_LIMIT = 2.5
LESION_OVER_LIVER_HU: dict[Phase, float] = {"portal": -12.0, "arterial": 42.0}
LESION_PER_STATE_HU = -10.0
"""Aggressive tissue takes up less contrast."""
LESION_OWN_SD_HU = 4.0
TEXTURE_HU = 7.0
TEXTURE_LOG_PER_STATE = 0.45
TEXTURE_PX = 1.4
TEXTURE_SHAPE = (GRID[0], 128, 128)
NECROSIS_HU = 38.0
NECROSIS_MIDPOINT = 1.0
RIM_HU = 14.0
NOISE_RADIAL = (1.15, 0.3)
"""Noise in the middle of the body, and how much of it is lost towards the skin."""


@dataclass(frozen=True, eq=False)
class ScanLook:
    """What is particular to one scan.

    Attributes:
        phase: contrast phase.
        timing: multiplier of enhancement over native tissue.
        shown_state: the tumour's state as far as this scan shows it, in standard deviations.
    """

    phase: Phase
    timing: float
    shown_state: float


def look_of(rng: np.random.Generator, *, phase: Phase, tumour_state: float) -> ScanLook:
    """Draw one scan's contrast timing and how the tumour's state comes out in it."""
    correlation = STATE_CORRELATION[phase]
    shown = correlation * tumour_state + np.sqrt(1.0 - correlation**2) * rng.normal()
    return ScanLook(phase, float(rng.normal(1.0, TIMING_SD[phase])), float(np.clip(shown, -STATE_LIMIT, STATE_LIMIT)))


def render(
    abdomen: Abdomen,
    tumours: Sequence[Tumour],
    diameters_mm: Sequence[float],
    *,
    look: ScanLook,
    shift_mm: tuple[float, float],
    scanner: Scanner,
    liver_offset_hu: float,
    texture_seeds: Sequence[np.random.Generator],
    pool: NoisePool,
    rng: np.random.Generator,
) -> NDArray[np.int16]:
    """One slab in HU, int16, shape `GRID`.

    Args:
        abdomen: tissue layers of the visit.
        tumours: liver lesions.
        diameters_mm: their true longest diameters at this visit (mm).
        look: contrast phase and what it shows.
        shift_mm: where the patient's middle lies from the image's middle.
        scanner: pixel size, offset, kernel.
        liver_offset_hu: the patient's own liver density.
        texture_seeds: one generator per lesion that starts alike at every visit, so structure persists.
        pool: ready-made noise.
        rng: the scan's own generator.
    """
    image = np.full(GRID, AIR_HU, dtype=np.float32)
    for layer in abdomen.layers:
        part = image[(slice(None), *layer.box)]
        value = np.float32(_tissue_hu(layer.tissue, look, liver_offset_hu=liver_offset_hu))
        mottle = MOTTLE_HU.get(layer.tissue)
        if mottle is None:
            part += layer.share * (value - part)
        else:
            grain = pool.cut(rng, width_px=MOTTLE_PX, shape=(GRID[0], part.shape[1], part.shape[2]))
            part += layer.share * (value + np.float32(mottle) * grain - part)
    liver_hu = _tissue_hu("liver", look, liver_offset_hu=liver_offset_hu)
    for tumour, diameter, seeded in zip(tumours, diameters_mm, texture_seeds, strict=True):
        centre_px = _pixel_of(tumour.centre_mm, shift_mm=shift_mm, pixel_mm=scanner.pixel_mm)
        window, lesion_hu, share = _lesion_hu(
            tumour,
            look,
            diameter_px=diameter / scanner.pixel_mm,
            slice_sizes=tumour.slice_sizes(diameter),
            centre_px=centre_px,
            liver_hu=liver_hu,
            structure=pool.cut(seeded, width_px=TEXTURE_PX, shape=TEXTURE_SHAPE),
        )
        image[window] += share * (lesion_hu - image[window])
    sigma = scanner.kernel.blur_px
    image = np.asarray(
        ndimage.gaussian_filter(image, (0.0, sigma, sigma), mode="nearest", truncate=3.0), dtype=np.float32
    )
    image += np.float32(scanner.offset_hu) * abdomen.body
    image += pool.cut(rng, width_px=scanner.kernel.noise_px) * _noise_profile(abdomen.body, scanner)
    return np.asarray(np.round(np.clip(image, -1024.0, 3071.0)), dtype=np.int16)


def _tissue_hu(tissue: str, look: ScanLook, *, liver_offset_hu: float) -> float:
    arterial, portal = TISSUE_HU[tissue]
    value = arterial if look.phase == "arterial" else portal
    if tissue == "liver":
        return NATIVE_HU["liver"] + (value - NATIVE_HU["liver"]) * look.timing + liver_offset_hu
    if tissue in BLOOD:
        native = NATIVE_HU.get(tissue, BLOOD_NATIVE_HU)
        return native + (value - native) * look.timing
    return value


def _pixel_of(point_mm: tuple[float, float], *, shift_mm: tuple[float, float], pixel_mm: float) -> tuple[float, float]:
    """Column and row of a point given from the patient's middle."""
    column = (point_mm[0] + shift_mm[0]) / pixel_mm + (GRID[2] - 1) / 2
    row = (point_mm[1] + shift_mm[1]) / pixel_mm + (GRID[1] - 1) / 2
    return column, row


def _lesion_hu(
    tumour: Tumour,
    look: ScanLook,
    *,
    diameter_px: float,
    slice_sizes: FloatArray,
    centre_px: tuple[float, float],
    liver_hu: float,
    structure: Float32Array,
) -> tuple[tuple[slice, slice, slice], Float32Array, Float32Array]:
    """The window one lesion fills, its HU there and its share of every voxel.

    `structure` is noise of shape `TEXTURE_SHAPE` whose middle stays on the lesion's middle as it grows.
    """
    state = look.shown_state
    reach = min(int(np.ceil(float(tumour.outline.max()) * diameter_px)) + 2, TEXTURE_SHAPE[1] // 2 - 1)
    at_column, at_row = round(centre_px[0]), round(centre_px[1])
    columns = slice(max(at_column - reach, 0), min(at_column + reach + 1, GRID[2]))
    rows = slice(max(at_row - reach, 0), min(at_row + reach + 1, GRID[1]))
    across = (np.arange(columns.start, columns.stop) - centre_px[0])[None, :]
    down = (np.arange(rows.start, rows.stop) - centre_px[1])[:, None]
    distance = np.hypot(across, down).astype(np.float32)
    turn = np.round(np.arctan2(down, across) * (TABLE / (2 * np.pi))).astype(np.int64) % TABLE
    sizes = slice_sizes.astype(np.float32)[:, None, None]
    radius = tumour.outline[turn] * np.float32(diameter_px) * sizes
    share = np.clip(radius - distance + np.float32(0.5), 0.0, 1.0) * (sizes > 0)
    depth = distance / np.maximum(radius, np.float32(0.5))

    middle = (TEXTURE_SHAPE[1] // 2 - at_row, TEXTURE_SHAPE[2] // 2 - at_column)
    grain = structure[
        :, rows.start + middle[0] : rows.stop + middle[0], columns.start + middle[1] : columns.stop + middle[1]
    ]
    necrosis = NECROSIS_HU / (1.0 + np.exp(-2.0 * (state - NECROSIS_MIDPOINT)))
    level = liver_hu + LESION_OVER_LIVER_HU[look.phase] * look.timing + LESION_PER_STATE_HU * state
    own = np.float32(level + LESION_OWN_SD_HU * tumour.texture_offset)
    value = own + np.float32(TEXTURE_HU * np.exp(TEXTURE_LOG_PER_STATE * state)) * grain
    value -= np.float32(necrosis) * np.clip((np.float32(0.65) - depth) / np.float32(0.35), 0.0, 1.0)
    value += np.float32(RIM_HU) * np.clip(1.0 - np.abs(depth - np.float32(0.9)) / np.float32(0.18), 0.0, 1.0)
    return (slice(0, GRID[0]), rows, columns), value, share


def _noise_profile(body: Float32Array, scanner: Scanner) -> Float32Array:
    """Standard deviation of the noise (HU): highest in the middle of the body, none in the air around it."""
    middle = [(size - 1) / 2 for size in GRID[1:]]
    y, x = np.meshgrid(np.arange(GRID[1]) - middle[0], np.arange(GRID[2]) - middle[1], indexing="ij")
    radial = NOISE_RADIAL[0] - NOISE_RADIAL[1] * np.hypot(x, y) / (GRID[2] / 2)
    return np.asarray(body * (scanner.kernel.noise_hu * radial).astype(np.float32), dtype=np.float32)
