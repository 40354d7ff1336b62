"""Tumour growth rate before and during treatment: both markers by arm, and the change of patients with both."""

from __future__ import annotations

import numpy as np
from scipy import special

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.marker_name import parse_marker
from raise_core.domain.marker_results import NumberDistribution
from raise_core.domain.outcome import FloatArray
from raise_core.domain.response_results import GrowthChange, MedianChange
from raise_core.evaluation.arms import arms_of
from raise_core.evaluation.distribution import number_distribution
from raise_core.evaluation.marker_values import MarkerSource

BEFORE, DURING = "tgr0", "tgr"
TAIL = 0.025  # of a 95 % interval


def growth_change(source: MarkerSource, week: float) -> GrowthChange:
    """Growth rate before baseline and from baseline to a week, by arm, and how it changed within patients.

    Args:
        source: the cohort.
        week: nominal week after baseline.

    Raises:
        NotInStoreError: nobody has a growth rate, before or during.
    """
    before, during = _known(source, BEFORE, 0.0), _known(source, DURING, week)
    if before is None and during is None:
        raise NotInStoreError(
            f"nobody in this cohort has a tumour growth rate at week {week:g}: it needs a sum of target lesions above "
            "0 mm at baseline, and another before or after."
        )
    paired = {}
    for arm in arms_of(source).names:
        first, second = _of(before, arm), _of(during, arm)
        both = sorted(first.keys() & second.keys())
        paired[arm] = median_change(np.array([second[who] - first[who] for who in both], dtype=np.float64))
    return GrowthChange(before, during, week, paired)


def _known(source: MarkerSource, marker: str, week: float) -> NumberDistribution | None:
    try:
        return number_distribution(source, parse_marker(marker), week)
    except NotInStoreError:
        return None


def _of(found: NumberDistribution | None, arm: str) -> dict[str, float]:
    """Values of an arm by patient."""
    groups = () if found is None else [group for group in found.arms if group.arm == arm]
    return {who: float(value) for group in groups for who, value in zip(group.patient_ids, group.values, strict=True)}


def median_change(differences: FloatArray) -> MedianChange:
    """Median with the distribution-free interval that turns the sign test round.

    The limits are the k-th smallest and largest difference, k the largest rank with P(X < k) <= 2.5 % for X binomial
    (n, 1/2) (Conover 1999, section 3.2); fewer than six differences have none.

    Args:
        differences: shape (n,), of pairs.
    """
    n = len(differences)
    if n == 0:
        return MedianChange(0, None, None, None)
    ordered = np.sort(differences)
    below = special.bdtr(np.arange(n, dtype=np.float64), n, 0.5)  # P(X <= j)
    rank = int((below <= TAIL).sum())
    median = float(np.median(ordered))
    if rank < 1:
        return MedianChange(n, median, None, None)
    return MedianChange(n, median, float(ordered[rank - 1]), float(ordered[n - rank]))
