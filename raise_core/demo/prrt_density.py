"""The portal-venous CT of a simulated PRRT patient, in Hounsfield units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit

from raise_core.demo.prrt_frame import Float32Array, Frame, Solid
from raise_core.demo.prrt_lesions import DrawnLesion, Site
from raise_core.demo.prrt_scanner import VolumeNoise, paint

AIR_HU = -1000.0
TISSUE_HU: dict[str, float] = {
    "skin": 10.0, "fat": -102.0, "muscle": 60.0, "gland": 25.0, "visceral fat": -98.0, "sinus fat": -85.0,
    "lung": -840.0, "rib": 230.0, "bone": 330.0, "skull": 780.0, "marrow": 165.0, "fatty marrow": -20.0,
    "disc": 85.0, "canal": 28.0, "brain": 36.0, "tooth": 1500.0, "water": 8.0, "gas": -960.0,
    "parotid": 30.0, "submandibular": 70.0, "thyroid": 135.0, "pituitary": 75.0,
    "myocardium": 108.0, "blood": 150.0, "gut wall": 65.0, "stomach wall": 80.0, "stomach content": 12.0,
    "bowel wall": 92.0, "bowel content": 28.0, "colon wall": 78.0, "colon content": 22.0,
    "liver": 112.0, "liver vessel": 160.0, "bile": 8.0, "pancreas": 92.0, "spleen": 122.0, "adrenal": 72.0,
    "kidney cortex": 185.0, "kidney medulla": 172.0, "renal pelvis": 25.0,
    "bladder wall": 55.0, "urine": 6.0, "prostate": 62.0, "uterus": 88.0,
}  # fmt: skip
LIVER_SD_HU = 9.0
"""Between patients: fat and iron."""
CONTRAST_SD = 0.08
"""How much the strength of enhancement varies from patient to patient."""
ENHANCED = ("blood", "spleen", "kidney cortex", "kidney medulla", "liver vessel", "myocardium", "pancreas")
NATIVE_HU = 42.0
MOTTLE_HU = {"lung": 45.0, "liver": 4.0, "marrow": 35.0, "fat": 5.0, "visceral fat": 14.0, "muscle": 8.0}
MOTTLE_PX = (1.6, 0.9)

LESION_HU: dict[Site, float] = {"liver": 84.0, "lymph node": 92.0, "bone": 330.0, "pancreas": 98.0}
LESION_OWN_SD_HU = 5.0
LESION_PER_STATE_HU = -9.0
"""Aggressive tissue takes up less contrast."""
TEXTURE_HU = 9.0
TEXTURE_LOG_PER_STATE = 0.75
TEXTURE_PX = (2.2, 1.3)
"""Coarse enough to be seen in slices resampled to the double."""
BONE_TEXTURE = 5.0
NECROSIS_HU = 34.0
NECROSIS_MIDPOINT = 0.6
RIM_HU = 16.0
STATE_LIMIT = 2.6

BLUR_PX = 0.45
NOISE_HU = 11.0
NOISE_PX = (0.65, 0.35)
NOISELESS_BELOW_HU = -985.0
"""Air outside the patient stays even: noise there says nothing and would double the size of the files."""
HU_LIMITS = (-1024, 3071)


def render_ct(
    frame: Frame, solids: Iterable[Solid], lesions: Sequence[DrawnLesion], *, state: float, noise: VolumeNoise,
    rng: np.random.Generator,
) -> NDArray[np.int16]:  # fmt: skip
    """One CT in HU, int16, shape of the grid.

    Args:
        frame: the CT's.
        solids: tissues, back to front.
        lesions: painted over them.
        state: the latent part that CT shows.
        noise: ready-made noise.
        rng: the scan's own generator.
    """
    values = dict(TISSUE_HU)
    contrast = float(rng.normal(1.0, CONTRAST_SD))
    for tissue in ENHANCED:
        values[tissue] = NATIVE_HU + contrast * (values[tissue] - NATIVE_HU)
    values["liver"] += float(rng.normal(0.0, LIVER_SD_HU))
    mottle = noise.cut(rng, frame.grid.shape, plane_px=MOTTLE_PX[0], slice_px=MOTTLE_PX[1])
    image = np.full(frame.grid.shape, AIR_HU, dtype=np.float32)
    for solid in solids:
        paint(image, (solid,), values)
        amount = MOTTLE_HU.get(solid.tissue)
        if amount is not None:
            image[solid.box] += np.float32(amount) * solid.share * mottle[solid.box]
    state = float(np.clip(state, -STATE_LIMIT, STATE_LIMIT))
    for lesion in lesions:
        part = image[lesion.box]
        part += lesion.share * (_lesion_hu(lesion, state, values["liver"] - TISSUE_HU["liver"], noise, rng) - part)
    image = np.asarray(ndimage.gaussian_filter1d(image, BLUR_PX, axis=1, truncate=3.0))
    image = np.asarray(ndimage.gaussian_filter1d(image, BLUR_PX, axis=2, truncate=3.0))
    grain = noise.cut(rng, frame.grid.shape, plane_px=NOISE_PX[0], slice_px=NOISE_PX[1])
    image += np.where(image < NOISELESS_BELOW_HU, np.float32(0.0), np.float32(NOISE_HU) * grain)
    return np.clip(np.rint(image), *HU_LIMITS).astype(np.int16)


def _lesion_hu(
    lesion: DrawnLesion, state: float, liver_offset: float, noise: VolumeNoise, rng: np.random.Generator
) -> Float32Array:
    """Density inside one lesion: mean, texture, a core that is dying, a rim."""
    site = lesion.lesion.plan.site
    bone = site == "bone"
    texture = TEXTURE_HU * np.exp(TEXTURE_LOG_PER_STATE * state) * (BONE_TEXTURE if bone else 1.0)
    field = noise.cut(rng, lesion.share.shape, plane_px=TEXTURE_PX[0], slice_px=TEXTURE_PX[1])
    level = LESION_HU[site] + LESION_OWN_SD_HU * lesion.lesion.offset + (liver_offset if site == "liver" else 0.0)
    values = np.float32(level + LESION_PER_STATE_HU * state) + np.float32(texture) * field
    if not bone:
        large = float(np.clip((lesion.lesion.plan.radius_mm - 6.0) / 8.0, 0.0, 1.0))
        depth = NECROSIS_HU * large * float(expit(2.0 * (state - NECROSIS_MIDPOINT)))
        core = np.clip((lesion.inwards - 0.35) / 0.3, 0.0, 1.0)
        values = values - np.float32(depth) * core
        rim = RIM_HU * float(expit(1.5 * state))
        values = values + np.float32(rim) * np.clip(1.0 - np.abs(lesion.inwards - 0.15) / 0.15, 0.0, 1.0)
    return np.asarray(values, dtype=np.float32)
