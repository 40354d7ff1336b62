"""Laboratory values that move together: one can stand in for another, so shuffling either alone costs little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from raise_core.domain.outcome import FloatArray

LEAST_PATIENTS = 10
"""Two tests known together in fewer patients count as not correlated."""


@dataclass(frozen=True)
class LabGroup:
    """Tests that are correlated.

    Attributes:
        members: their places, ascending.
        least_correlation: smallest absolute rank correlation of two of them.
    """

    members: tuple[int, ...]
    least_correlation: float


def lab_groups(values: FloatArray, *, least_correlation: float) -> tuple[LabGroup, ...]:
    """Groups of two or more: hierarchical clustering (average linkage) on 1 - |Spearman|, cut at the threshold.

    It looks at the values alone, not at the outcome, and only says what is shuffled together; no model is told.

    Args:
        values: shape (n, p), NaN where missing; each pair is compared on the patients who have both.
        least_correlation: average absolute rank correlation at which two clusters are still joined.
    """
    if values.shape[1] < 2:
        return ()
    found = pd.DataFrame(values).corr(method="spearman", min_periods=LEAST_PATIENTS)
    strength = found.abs().fillna(0.0).to_numpy(copy=True)
    np.fill_diagonal(strength, 1.0)
    tree = linkage(squareform(np.clip(1.0 - strength, 0.0, 1.0), checks=False), method="average")
    cluster = fcluster(tree, 1.0 - least_correlation, criterion="distance")
    groups = []
    for number in np.unique(cluster):
        members = np.flatnonzero(cluster == number)
        if len(members) > 1:
            pairs = strength[np.ix_(members, members)]
            groups.append(LabGroup(tuple(int(one) for one in members), float(pairs.min())))
    return tuple(sorted(groups, key=lambda group: group.members))
