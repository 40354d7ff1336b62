"""A marker in groups of patients as a result: its scale, its spread by arm, its course over the visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raise_core.domain.marker_name import MarkerName
from raise_core.domain.outcome import FloatArray


@dataclass(frozen=True)
class Reference:
    """A value a marker is read against, what it means, and how it is called where room is short."""

    value: float
    label: str
    short: str


@dataclass(frozen=True)
class MarkerScale:
    """How a marker is read.

    Attributes:
        title: plain name with its unit.
        logarithmic: draw it on a log axis.
        references: values to draw as lines, ascending.
    """

    title: str
    logarithmic: bool
    references: tuple[Reference, ...]


@dataclass(frozen=True, eq=False)
class ArmValues:
    """Values of one arm.

    Attributes:
        arm: name.
        patient_ids: patients with a value, sorted.
        values: theirs, shape (n,).
        without: patients of the arm without one.
    """

    arm: str
    patient_ids: tuple[str, ...]
    values: FloatArray
    without: int

    @property
    def n(self) -> int:
        """Patients with a value."""
        return len(self.values)

    @property
    def median(self) -> float | None:
        """Median, None without values."""
        return float(np.median(self.values)) if len(self.values) else None


@dataclass(frozen=True)
class Shift:
    """How much higher one arm lies than the other: the median of all pairwise differences, or ratios.

    Attributes:
        first: arm whose values are taken ...
        second: ... against this one's.
        estimate: Hodges-Lehmann estimate, first minus second, or first over second where `is_ratio`.
        ci_low: lower 95 % limit; None when a group is too small for one.
        ci_high: upper limit.
        is_ratio: True for markers read on a log scale.
    """

    first: str
    second: str
    estimate: float
    ci_low: float | None
    ci_high: float | None
    is_ratio: bool


@dataclass(frozen=True, eq=False)
class NumberDistribution:
    """A numeric marker at one week by arm.

    Attributes:
        marker: which.
        scale: unit, axis, references.
        week: nominal week, None for characteristics.
        arms: arms with at least one value, in the order of the cohort's.
        shift: first arm against the second where there are exactly two, else None.
    """

    marker: MarkerName
    scale: MarkerScale
    week: float | None
    arms: tuple[ArmValues, ...]
    shift: Shift | None

    @property
    def n(self) -> int:
        """Patients with a value."""
        return sum(arm.n for arm in self.arms)


@dataclass(frozen=True)
class LevelDistribution:
    """A category by arm.

    Attributes:
        marker: which.
        title: plain name.
        levels: in their order.
        arms: names.
        counts: patients of each arm at each level, shape arms by levels.
        without: patients of each arm without a level.
        difference: standardised difference between the arms (Yang & Dalton 2012), None where there is none.
    """

    marker: MarkerName
    title: str
    levels: tuple[str, ...]
    arms: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    without: tuple[int, ...]
    difference: float | None


@dataclass(frozen=True)
class TrajectoryPoint:
    """One arm at one visit: median and quartiles over the `n` patients with a value, None for n = 0."""

    week: float
    n: int
    median: float | None
    lower_quartile: float | None
    upper_quartile: float | None


@dataclass(frozen=True, eq=False)
class PatientLine:
    """One patient's values on their actual dates, weeks from randomisation."""

    patient_id: str
    arm: str
    weeks: FloatArray
    values: FloatArray


@dataclass(frozen=True, eq=False)
class Trajectories:
    """A marker over the visits by arm.

    Attributes:
        marker: which.
        scale: unit, axis, references.
        weeks: nominal weeks with at least one value.
        arms: arm to its points, one a week.
        patients: every patient with a value, on actual dates from `first_week` on.
    """

    marker: MarkerName
    scale: MarkerScale
    weeks: tuple[float, ...]
    arms: dict[str, tuple[TrajectoryPoint, ...]]
    patients: tuple[PatientLine, ...]
