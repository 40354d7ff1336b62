"""Patients called long or short at a threshold of the pooled out-of-fold score, against what they were."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from raise_core.domain.class_accuracy import NOBODY_CALLED, NOBODY_OF_CLASS, Confusion
from raise_core.domain.horizon_results import HorizonEstimate
from raise_core.domain.out_of_fold import OutOfFold
from raise_core.domain.outcome import FloatArray
from raise_core.evaluation.class_scores import long_score, mean_of_known
from raise_core.evaluation.resampling import CONFIDENCE


def pooled_score(output: OutOfFold) -> FloatArray:
    """Mean over the repeats of what ranks long patients first, shape (n,): a probability for a classifier.

    NaN for a patient whose fold could not be fitted in any repeat.
    """
    return mean_of_known(long_score(output).T)


def wilson(count: int, n: int, *, if_empty: str) -> HorizonEstimate:
    """A share with Wilson's score limits (JASA 1927;22:209-212); missing with the reason given where n is 0."""
    if not n:
        return HorizonEstimate(None, reason=if_empty)
    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    share = count / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return HorizonEstimate(share, max(middle - reach, 0.0), min(middle + reach, 1.0))


def confusion(score: ArrayLike, long: ArrayLike, *, threshold: float) -> Confusion:
    """Count the patients; whoever scores the threshold or more is called long (Baur et al. 2025: 0.5).

    Args:
        score: shape (n,), higher for long, finite.
        long: bool, shape (n,).
        threshold: on the score's scale.
    """
    called, truly = np.asarray(score, dtype=np.float64) >= threshold, np.asarray(long, dtype=np.bool_)
    hit, missed = int((called & truly).sum()), int((~called & truly).sum())
    alarm, right = int((called & ~truly).sum()), int((~called & ~truly).sum())
    return Confusion(
        threshold, hit, missed, alarm, right,
        sensitivity=wilson(hit, hit + missed, if_empty=NOBODY_OF_CLASS),
        specificity=wilson(right, right + alarm, if_empty=NOBODY_OF_CLASS),
        ppv=wilson(hit, hit + alarm, if_empty=NOBODY_CALLED),
        npv=wilson(right, right + missed, if_empty=NOBODY_CALLED),
    )  # fmt: skip
