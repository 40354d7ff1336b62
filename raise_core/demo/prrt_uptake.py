"""The somatostatin-receptor PET of a simulated PRRT patient, in SUV.

Mean uptake of healthy organs after published values for 68Ga-DOTATOC (about: spleen 19, kidneys 13, liver 6, pituitary
3 to 4 as seen, adrenals 6, thyroid 2 to 3, blood pool 1.5, muscle below 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit

from raise_core.demo.prrt_frame import Float32Array, Frame, Solid
from raise_core.demo.prrt_lesions import DrawnLesion
from raise_core.demo.prrt_scanner import VolumeNoise, paint

SUV_STEP = 0.02
"""Of the stored whole numbers."""
TISSUE_SUV: dict[str, tuple[float, float]] = {
    # mean over patients, standard deviation of the log
    "skin": (0.35, 0.1), "fat": (0.25, 0.1), "muscle": (0.75, 0.12), "gland": (0.8, 0.2),
    "visceral fat": (0.45, 0.1), "sinus fat": (3.0, 0.2), "lung": (0.45, 0.12), "rib": (0.8, 0.12),
    "bone": (0.8, 0.12), "skull": (0.3, 0.1), "marrow": (1.15, 0.15), "fatty marrow": (0.4, 0.1), "disc": (0.7, 0.1),
    "canal": (0.7, 0.1), "brain": (0.12, 0.2), "tooth": (0.3, 0.1), "water": (0.2, 0.1), "gas": (0.1, 0.1),
    "parotid": (2.4, 0.3), "submandibular": (3.4, 0.3), "thyroid": (3.4, 0.4), "pituitary": (9.0, 0.30),
    "myocardium": (1.4, 0.12), "blood": (1.6, 0.12), "gut wall": (1.3, 0.15), "stomach wall": (3.2, 0.25),
    "stomach content": (1.0, 0.2), "bowel wall": (3.0, 0.3), "bowel content": (2.2, 0.3), "colon wall": (1.9, 0.25),
    "colon content": (1.5, 0.25), "liver": (6.0, 0.22), "liver vessel": (3.6, 0.15), "bile": (1.6, 0.2),
    "pancreas": (3.0, 0.25), "spleen": (19.0, 0.30), "adrenal": (15.0, 0.3), "kidney cortex": (17.0, 0.22),
    "kidney medulla": (12.0, 0.22), "renal pelvis": (20.0, 0.5), "bladder wall": (2.0, 0.2), "urine": (24.0, 0.55),
    "prostate": (2.2, 0.3), "uterus": (1.6, 0.2),
}  # fmt: skip
MOTTLE = 0.06
"""Relative unevenness of healthy tissue."""
MOTTLE_PX = (2.5, 2.0)

TEXTURE_LOG_SD = 0.24
TEXTURE_LOG_PER_STATE = 0.75
TEXTURE_LIMIT = 1.0
TEXTURE_PX = (2.6, 2.1)
COLD_CORE = 0.65
COLD_MIDPOINT = 0.7
STATE_LIMIT = 2.6

FWHM_MM = 6.0
FWHM_PER_SIGMA = 2.3548
NOISE = 0.16
"""Standard deviation at an SUV of 1; it grows with the root of the signal, as counts do."""
FLOOR_SUV = 0.04
NOISE_PX = (0.8, 0.6)


def render_pet(
    frame: Frame, solids: Iterable[Solid], lesions: Sequence[DrawnLesion], *, heterogeneity: float, noise: VolumeNoise,
    rng: np.random.Generator,
) -> NDArray[np.int16]:  # fmt: skip
    """One PET as whole multiples of `SUV_STEP`, shape of the grid.

    Args:
        frame: the PET's.
        solids: tissues, back to front.
        lesions: painted over them.
        heterogeneity: the latent state of uptake.
        noise: ready-made noise.
        rng: the scan's own generator.
    """
    values = {
        tissue: mean * float(np.exp(np.clip(spread * rng.normal(), -2.2 * spread, 2.2 * spread)))
        for tissue, (mean, spread) in TISSUE_SUV.items()
    }
    image = np.zeros(frame.grid.shape, dtype=np.float32)
    paint(image, solids, values)
    image *= 1.0 + np.float32(MOTTLE) * noise.cut(rng, image.shape, plane_px=MOTTLE_PX[0], slice_px=MOTTLE_PX[1])
    state = float(np.clip(heterogeneity, -STATE_LIMIT, STATE_LIMIT))
    for lesion in lesions:
        part = image[lesion.box]
        part += lesion.share * (_lesion_suv(lesion, state, noise, rng) - part)
    sigma = [FWHM_MM / FWHM_PER_SIGMA / step for step in reversed(frame.grid.spacing_mm)]
    image = np.asarray(ndimage.gaussian_filter(image, sigma, truncate=3.0))
    grain = noise.cut(rng, image.shape, plane_px=NOISE_PX[0], slice_px=NOISE_PX[1])
    image += np.float32(NOISE) * np.sqrt(np.maximum(image, 0.0) + np.float32(FLOOR_SUV**2)) * grain
    stored = np.rint(np.maximum(image, 0.0) * np.float32(1.0 / SUV_STEP))
    return np.minimum(stored, np.iinfo(np.int16).max).astype(np.int16)


def _lesion_suv(lesion: DrawnLesion, state: float, noise: VolumeNoise, rng: np.random.Generator) -> Float32Array:
    """Uptake inside one lesion: mean, unevenness, and a core that binds less."""
    sd = min(TEXTURE_LOG_SD * float(np.exp(TEXTURE_LOG_PER_STATE * state)), TEXTURE_LIMIT)
    field = noise.cut(rng, lesion.share.shape, plane_px=TEXTURE_PX[0], slice_px=TEXTURE_PX[1])
    values = np.float32(lesion.lesion.plan.uptake_suv) * np.exp(np.float32(sd) * field - np.float32(sd * sd / 2))
    large = float(np.clip((lesion.lesion.plan.radius_mm - 8.0) / 8.0, 0.0, 1.0))
    cold = COLD_CORE * large * float(expit(2.0 * (state - COLD_MIDPOINT)))
    return np.asarray(values * (1.0 - np.float32(cold) * np.clip((lesion.inwards - 0.3) / 0.3, 0.0, 1.0)), np.float32)
