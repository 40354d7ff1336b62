"""Patients with everything that may divide them, and their division into groups: the part a slider repeats."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.outcome import Outcome
from raise_core.domain.results import Provenance
from raise_core.domain.survival_question import ByColumn, ByCut, Divider
from raise_core.domain.survival_report import GroupPart
from raise_core.domain.week import LandmarkWeek

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SurvivalMaterial:
    """Patients at risk from one moment on, complete for all that may divide them.

    Attributes:
        endpoint: what is waited for.
        week: landmark; None from randomisation.
        patient_ids: shape (n,).
        outcome: times in weeks from the landmark or randomisation.
        levels: column to its levels, the reference first.
        level_of: column to shape (n,), position of each patient's level.
        marker_values: marker or model to shape (n,), finite.
        medians: marker or model to the median of the patients at risk.
        excluded: reason to number of patients; with n they add up to `n_study`.
        excluded_patients: `patient_id`, `reason`.
        n_study: patients looked at.
        provenance: data and run.
    """

    endpoint: str
    week: LandmarkWeek | None
    patient_ids: tuple[str, ...]
    outcome: Outcome
    levels: Mapping[str, tuple[str, ...]]
    level_of: Mapping[str, IntArray] = field(repr=False)
    marker_values: Mapping[str, FloatArray] = field(repr=False)
    medians: Mapping[str, float]
    excluded: Mapping[str, int]
    excluded_patients: pd.DataFrame = field(repr=False)
    n_study: int
    provenance: Provenance

    @property
    def n(self) -> int:
        """Patients."""
        return len(self.patient_ids)

    def table(self) -> pd.DataFrame:
        """The rows behind every figure: patient, levels, values, time, event."""
        columns: dict[str, object] = {"patient_id": list(self.patient_ids)}
        for column, levels in self.levels.items():
            columns[column] = [levels[place] for place in self.level_of[column]]
        columns.update(self.marker_values)
        columns["time_weeks"] = self.outcome.time_weeks
        columns["event"] = self.outcome.event.astype(int)
        table = pd.DataFrame(columns)
        table.insert(1, "counted_from_week", 0.0 if self.week is None else self.week.landmark_weeks)
        return table


def subset(material: SurvivalMaterial, column: str, level: int) -> SurvivalMaterial:
    """The patients of one level of a column; the others are counted as left out. Medians stay those of everybody.

    Args:
        material: with the column among its levels.
        column: which.
        level: position of the level.
    """
    inside = material.level_of[column] == level
    others = material.n - int(inside.sum())
    kept = np.flatnonzero(inside)
    ids = np.array(material.patient_ids, dtype=object)
    name = f"{column} other than {material.levels[column][level]}"
    away = pd.DataFrame({"patient_id": ids[~inside], "reason": name})
    values = {model: found[kept] for model, found in material.marker_values.items()}
    return replace(
        material,
        patient_ids=tuple(ids[kept]),
        outcome=material.outcome.take(kept),
        level_of={other: found[kept] for other, found in material.level_of.items()},
        marker_values=values,
        excluded={**material.excluded, name: others} if others else material.excluded,
        excluded_patients=pd.concat([material.excluded_patients, away], ignore_index=True),
    )


@dataclass(frozen=True, eq=False)
class PatientGroups:
    """A division of the patients; every group has at least one.

    Attributes:
        group_of: shape (n,), 0 to k - 1.
        parts: what the patients of each of the k groups have in common.
    """

    group_of: IntArray
    parts: tuple[tuple[GroupPart, ...], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the groups."""
        return tuple(", ".join(part.label for part in parts) for parts in self.parts)


def divide(material: SurvivalMaterial, dividers: Sequence[Divider]) -> PatientGroups:
    """Put every patient into a group; two dividers are crossed, the first changing slowest.

    Raises:
        BadUsageError: a threshold leaves nobody on one side.
        NotInStoreError: no patient is left to divide.
    """
    if not material.n:
        raise NotInStoreError(f"nobody can be compared: {_reasons(material.excluded)}.")
    divided = [_places(material, divider) for divider in dividers]
    every = list(itertools.product(*(range(len(parts)) for _, parts in divided)))
    code = np.zeros(material.n, dtype=np.int64)
    for places, parts in divided:
        code = code * len(parts) + places
    present = np.flatnonzero(np.bincount(code, minlength=len(every)))
    renumbered = np.searchsorted(present, code).astype(np.int64)
    named = tuple(tuple(divided[i][1][place] for i, place in enumerate(every[k])) for k in present)
    return PatientGroups(renumbered, named)


def thresholds_of(material: SurvivalMaterial, cut: ByCut) -> tuple[float, ...]:
    """The thresholds asked for, or the median of the patients at risk."""
    return cut.thresholds or (material.medians[cut.model],)


def _places(material: SurvivalMaterial, divider: Divider) -> tuple[IntArray, tuple[GroupPart, ...]]:
    if isinstance(divider, ByColumn):
        levels = material.levels[divider.column]
        return material.level_of[divider.column], tuple(GroupPart(divider.column, level) for level in levels)
    thresholds = thresholds_of(material, divider)
    values = material.marker_values[divider.model]
    places = np.searchsorted(np.array(thresholds), values, side="left").astype(np.int64)
    bounds = [None, *thresholds, None]
    parts = tuple(GroupPart(divider.model, above=above, up_to=up_to) for above, up_to in itertools.pairwise(bounds))
    empty = [
        part.label for part, count in zip(parts, np.bincount(places, minlength=len(parts)), strict=True) if not count
    ]
    if empty:
        raise BadUsageError(
            f"no patient has {' or '.join(empty)}; values reach from {values.min():.4g} to {values.max():.4g}."
        )
    return places, parts


def _reasons(excluded: Mapping[str, int]) -> str:
    return "; ".join(f"{reason} ({count})" for reason, count in excluded.items()) or "there is no patient"
