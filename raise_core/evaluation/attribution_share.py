"""How much of an attribution lies inside marked lesions, beside what even spreading and brightness alone would give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.attention_results import AttentionShare, Estimate, PatientAttention, RandomisationCheck
from raise_core.domain.errors import BadInputError, NotInStoreError

LARGEST_CORRELATION = 0.5
"""A map whose rank correlation with that of the shuffled network reaches this does not depend on what was learnt enough
to be believed: half of the maps' order would be there without any training. A convention of this program; the source of
the test (Adebayo et al. 2018) gives none."""

BOOTSTRAPS = 2000
FEWEST_FOR_INTERVAL = 3
AIR = 0.02
"""Prepared images are 0 to 1; the body is where one of them is above this."""

FloatImage = NDArray[np.floating]
BoolImage = NDArray[np.bool_]


def body_mask(images: Sequence[FloatImage]) -> BoolImage:
    """Where the patient is: voxels that are not empty in one of the images, with the holes of each axial slice filled.

    Args:
        images: prepared images of one patient on one grid, (k, j, i) or (j, i).
    """
    from scipy.ndimage import binary_fill_holes

    there = np.logical_or.reduce([image > AIR for image in images])
    if there.ndim == 2:
        return np.asarray(binary_fill_holes(there))
    return np.stack([binary_fill_holes(plane) for plane in there])


def attribution_share(attribution: FloatImage, lesion: BoolImage, *, body: BoolImage | None = None) -> float:
    """Share of the absolute attribution (inside the body) that lies inside the lesions; NaN where there is none of it.

    Args:
        attribution: map of any shape.
        lesion: same shape.
        body: same shape; None for the whole map. Lesion voxels count as body.

    Raises:
        BadInputError: shapes differ.
    """
    if attribution.shape != lesion.shape:
        raise BadInputError(f"map {attribution.shape} and lesion mask {lesion.shape} are not on one grid.")
    amount = np.abs(attribution).astype(np.float64)
    if body is not None:
        amount = np.where(body | lesion, amount, 0.0)
    total = amount.sum()
    return float(amount[lesion].sum() / total) if total > 0 else float("nan")


def volume_share(lesion: BoolImage, body: BoolImage) -> float:
    """Share of the body that the lesions fill: the expected share of an attribution that is spread evenly."""
    size = np.count_nonzero(body | lesion)
    return float(np.count_nonzero(lesion) / size) if size else float("nan")


def summarise_shares(patients: Sequence[PatientAttention], *, seed: int = 0) -> AttentionShare:
    """Means over patients with 95 % percentile bootstrap intervals (patients drawn with replacement).

    Raises:
        NotInStoreError: no patient has a marked lesion and an attribution.
    """
    without_lesion = sum(not one.lesion_of_body > 0 for one in patients)
    used = [one for one in patients if one.lesion_of_body > 0 and np.isfinite(one.share_in_lesion)]
    if not used:
        raise NotInStoreError(
            f"none of the {len(patients)} patients has a marked lesion and an attribution, so there is no share. "
            "Import lesion masks for the baseline scans."
        )
    values = np.array([(one.share_in_lesion, one.lesion_of_body, one.brightness_in_lesion) for one in used])
    drawn = _resampled(values, seed=seed)
    mean = values.mean(axis=0)
    share, even, bright = (_estimate(mean[c], drawn[:, c], len(used)) for c in range(3))
    return AttentionShare(
        patients=len(used),
        without_lesion=without_lesion,
        without_attribution=len(patients) - len(used) - without_lesion,
        share=share,
        lesion_of_body=even,
        brightness=bright,
        times_even=_estimate(mean[0] / mean[1], drawn[:, 0] / drawn[:, 1], len(used)),
        times_brightness=_estimate(mean[0] / mean[2], drawn[:, 0] / drawn[:, 2], len(used)),
    )


def map_correlation(first: FloatImage, second: FloatImage, *, body: BoolImage, signed: bool = False) -> float:
    """Rank correlation (Spearman) of two maps over the body's voxels; NaN where one of them does not vary.

    Args:
        first: map.
        second: map of the same shape.
        body: voxels that count.
        signed: compare with sign; otherwise amounts.
    """
    from scipy.stats import rankdata

    a, b = first[body].astype(np.float64), second[body].astype(np.float64)
    if not signed:
        a, b = np.abs(a), np.abs(b)
    if not a.size or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def map_similarity(first: FloatImage, second: FloatImage, *, sd_voxels: float = 1.5) -> float:
    """Structural similarity of the amounts of two maps, each scaled to its own largest.

    Source: Wang Z et al. Image quality assessment. IEEE TIP 2004 (Gaussian window, K1 = 0.01, K2 = 0.03).
    """
    from scipy.ndimage import gaussian_filter

    def blur(values: NDArray[np.float64]) -> NDArray[np.float64]:
        soft: NDArray[np.float64] = gaussian_filter(values, sd_voxels)
        return soft

    a, b = (np.abs(one).astype(np.float64) / max(float(np.abs(one).max()), 1e-30) for one in (first, second))
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    both = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    values = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return float(values.mean())


def randomisation_check(
    correlation: Sequence[float],
    signed: Sequence[float],
    similarity: Sequence[float],
    *,
    repeatability: Sequence[float] = (),
    seed: int = 0,
) -> RandomisationCheck:
    """The check over patients; those whose map does not vary are left out.

    It passes where maps of trained and shuffled networks correlate under `LARGEST_CORRELATION` and, where each patient
    has several networks, those agree with each other more than with the shuffled one: otherwise what a map shows came
    by chance of training, not from what there was to learn.

    Args:
        correlation: of amounts, trained against shuffled, one a patient.
        signed: likewise with sign.
        similarity: likewise, structural.
        repeatability: of amounts, between networks trained on other folds; NaN where there is one network only.
        seed: of the bootstrap.

    Raises:
        NotInStoreError: no map varies.
    """
    values = np.column_stack([correlation, signed, similarity]).astype(np.float64)
    values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        raise NotInStoreError("no map varies over the body, so maps cannot be compared.")
    drawn, mean = _resampled(values, seed=seed), values.mean(axis=0)
    found = [_estimate(mean[c], drawn[:, c], len(values)) for c in range(3)]
    again = [value for value in repeatability if np.isfinite(value)]
    between = float(np.mean(again)) if again else None
    passed = bool(mean[0] < LARGEST_CORRELATION) and (between is None or between > mean[0])
    return RandomisationCheck(
        len(values), found[0], found[1], found[2], between, passed=passed, limit=LARGEST_CORRELATION
    )


def _resampled(values: NDArray[np.float64], *, seed: int) -> NDArray[np.float64]:
    """Means of bootstrap samples of the rows, shape (BOOTSTRAPS, columns)."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=BOOTSTRAPS)
    means: NDArray[np.float64] = counts @ values / len(values)
    return means


def _estimate(value: float, drawn: NDArray[np.float64], n: int) -> Estimate:
    if n < FEWEST_FOR_INTERVAL:
        return Estimate(float(value), None, None)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))
