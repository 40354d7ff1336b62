"""Characteristics of groups of patients as a result: summaries, their order, differences, cohorts side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

YES, NO = "Yes", "No"
NEGLIGIBLE_DIFFERENCE = 0.1
"""Below this a standardised difference is commonly called negligible (Austin PC. Stat Med 2009;28:3083)."""
_RISING = ("none", "absent", "minimal", "low", "mild", "intermediate", "moderate", "high", "severe", "extensive")
_NUMBERED = re.compile(r"(?P<sign>[<>≤≥]?) ?(?:G|Grade |Stage )?(?P<number>\d+(?:\.\d+)?)")
_LAST = ("other", "unknown", "not known", "missing")


class RowKind(StrEnum):
    """How a characteristic is summarised."""

    NUMBER = "number"
    CATEGORY = "category"
    YES_NO = "yes or no"


@dataclass(frozen=True)
class GroupSummary:
    """One characteristic in one group.

    Attributes:
        n: patients with a value.
        missing: patients without.
        mean: of numbers; None for categories or without a value.
        sd: standard deviation (ddof 1); None with fewer than two values.
        median: of numbers.
        lower_quartile: 25 % quantile (linear interpolation, as R's type 7).
        upper_quartile: 75 % quantile.
        counts: patients at each level, in the order of the row's levels.
    """

    n: int
    missing: int
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    lower_quartile: float | None = None
    upper_quartile: float | None = None
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class BaselineRow:
    """One characteristic in all groups.

    Attributes:
        marker: as it stands in a model.
        label: plain name with unit.
        kind: number, category or yes/no.
        levels: of a category, in their order.
        groups: one summary a group, in the table's order.
        overall: all patients together; None where groups may overlap.
        difference: largest standardised difference between two groups, absolute; None where it cannot be made.
    """

    marker: str
    label: str
    kind: RowKind
    levels: tuple[str, ...]
    groups: tuple[GroupSummary, ...]
    overall: GroupSummary | None
    difference: float | None


@dataclass(frozen=True)
class BaselineTable:
    """Characteristics by group.

    Attributes:
        groups: names.
        sizes: patients in each.
        n: patients of all groups together; None where groups may overlap.
        rows: one a characteristic.
        compared: names of the groups the standardised differences are between; fewer than two: there are none.
        chance_limit: what chance alone stays below in 95 % of randomisations, for two groups that do not overlap.
    """

    groups: tuple[str, ...]
    sizes: tuple[int, ...]
    n: int | None
    rows: tuple[BaselineRow, ...]
    compared: tuple[str, ...]
    chance_limit: float | None


@dataclass(frozen=True)
class Overlap:
    """Patients that two cohorts share."""

    first: str
    second: str
    both: int
    only_first: int
    only_second: int


@dataclass(frozen=True)
class CohortComparison:
    """Cohorts side by side, and how many patients they share."""

    table: BaselineTable
    overlaps: tuple[Overlap, ...]


def is_ordered(levels: Sequence[str]) -> bool:
    """Whether all levels but the unknown are degrees of one thing: low to high, G1 to G3, age groups."""
    known = [level for level in levels if not _is_last(level)]
    return len(known) > 1 and all(level.lower() in _RISING or _NUMBERED.match(level) for level in known)


def level_order(level: str) -> tuple[bool, int, float, str]:
    """Alphabetical, with words of degree and numbers in their order and what is unknown or other at the end."""
    word = level.lower()
    number = _NUMBERED.match(level)
    size = 0.0
    if number is not None:
        size = float(number["number"]) + {"<": -0.5, "≤": -0.5, ">": 0.5, "≥": 0.5}.get(number["sign"], 0.0)
    return _is_last(level), _RISING.index(word) if word in _RISING else len(_RISING), size, word


def _is_last(level: str) -> bool:
    return any(level.lower().startswith(end) for end in _LAST)
