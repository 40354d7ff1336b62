"""How a marker is spread in each arm: numbers at one week, levels of a category."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import MarkerKind, MarkerName
from raise_core.domain.marker_results import ArmValues, LevelDistribution, NumberDistribution, Shift
from raise_core.domain.outcome import FloatArray
from raise_core.evaluation.arms import ARM_NOT_RECORDED, Arms, arms_of
from raise_core.evaluation.baseline_table import baseline_table
from raise_core.evaluation.marker_history import is_category, marker_scale, values_at
from raise_core.evaluation.marker_values import MarkerSource

NORMAL_QUANTILE = 1.959963984540054
MOST_PAIRS = 4_000_000  # above this the differences of all pairs are not laid out


def level_distribution(source: MarkerSource, marker: MarkerName) -> LevelDistribution:
    """A category by arm.

    Raises:
        BadUsageError: the marker is a number.
        NotInStoreError: the study has no such column.
    """
    if not is_category(source, marker):
        raise BadUsageError(f"marker '{marker.text}' is no category; ask for its distribution instead.")
    table = baseline_table(source, [marker.text])
    (row,) = table.rows
    return LevelDistribution(
        marker, row.label, row.levels, table.groups, tuple(group.counts for group in row.groups),
        tuple(group.missing for group in row.groups), row.difference,
    )  # fmt: skip


def number_distribution(source: MarkerSource, marker: MarkerName, week: float | None) -> NumberDistribution:
    """A numeric marker by arm, at a week by the landmark rule (the latest value in its window), or at baseline.

    All patients with a value count, at risk or not.

    Args:
        source: the cohort.
        marker: a number.
        week: nominal week, 0 for the baseline; None for a characteristic, which has no week.

    Raises:
        BadUsageError: the marker is a category or changes with time and no week is named.
        NotInStoreError: no such marker, nobody has a value at that week, or a change is asked for at baseline.
    """
    if is_category(source, marker):
        raise BadUsageError(f"marker '{marker.text}' is a category; it has levels, not a distribution of numbers.")
    if week is None and marker.kind is not MarkerKind.CHARACTERISTIC:
        raise BadUsageError(f"marker '{marker.text}' changes with time; name a week.")
    values = values_at(source, marker, week or 0.0).astype(float)
    if values.isna().all():
        raise NotInStoreError(f"nobody in this cohort has a value of {marker.label}.")
    arms = arms_of(source)
    scale = marker_scale(source, marker)
    groups = tuple(group for name in arms.names if (group := _arm_values(arms, name, values)).n)
    return NumberDistribution(marker, scale, week, groups, _shift(groups, is_ratio=scale.logarithmic))


def _arm_values(arms: Arms, name: str, values: pd.Series[float]) -> ArmValues:
    own = values[arms.members(name).to_numpy()].sort_index()
    known = own.dropna()
    numbers = np.asarray(known, dtype=np.float64)
    return ArmValues(name, tuple(str(patient) for patient in known.index), numbers, len(own) - len(known))


def _shift(groups: Sequence[ArmValues], *, is_ratio: bool) -> Shift | None:
    compared = [group for group in groups if group.arm != ARM_NOT_RECORDED]
    if len(compared) != 2:
        return None
    first, second = compared
    if is_ratio:
        found = hodges_lehmann(np.log(first.values), np.log(second.values))
    else:
        found = hodges_lehmann(first.values, second.values)
    if found is None:
        return None
    estimate, low, high = found
    if is_ratio:
        estimate = float(np.exp(estimate))
        low, high = (None if limit is None else float(np.exp(limit)) for limit in (low, high))
    return Shift(first.arm, second.arm, estimate, low, high, is_ratio)


def hodges_lehmann(first: FloatArray, second: FloatArray) -> tuple[float, float | None, float | None] | None:
    """Median of all differences first - second, with a 95 % interval from the rank-sum test turned round.

    Large-sample limits: the C-th smallest and largest difference, C = floor(mn/2 - 1.96 sqrt(mn(m+n+1)/12))
    (Hollander, Wolfe & Chicken 2014, section 4.3).

    Returns:
        Estimate and limits, the limits None in groups too small for them; None without values or for more than
        four million pairs.
    """
    m, n = len(first), len(second)
    if not 0 < m * n <= MOST_PAIRS:
        return None
    differences = np.sort(np.subtract.outer(first, second), axis=None)
    rank = int(np.floor(m * n / 2 - NORMAL_QUANTILE * np.sqrt(m * n * (m + n + 1) / 12)))
    estimate = float(np.median(differences))
    if rank < 1:
        return estimate, None, None
    return estimate, float(differences[rank - 1]), float(differences[m * n - rank])
