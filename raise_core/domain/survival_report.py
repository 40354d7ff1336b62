"""Survival by groups of a study: the groups, how they were made, and the p-value that may be shown."""

from __future__ import annotations

from dataclasses import dataclass

from raise_core.domain.mean_difference import RestrictedMeanDifference
from raise_core.domain.results import Provenance
from raise_core.domain.survival_question import SurvivalQuestion
from raise_core.domain.survival_results import SurvivalComparison


@dataclass(frozen=True)
class GroupPart:
    """One thing the patients of a group have in common.

    Attributes:
        name: patient column, marker or model.
        level: of a column; empty for a cut.
        above: values above this; None without a lower bound.
        up_to: values up to and including this; None without an upper bound.
    """

    name: str
    level: str = ""
    above: float | None = None
    up_to: float | None = None

    @property
    def label(self) -> str:
        """As in `sldr > 1.2` or `G2`."""
        if self.above is None and self.up_to is None:
            return self.level
        if self.above is None:
            return f"{self.name} ≤ {self.up_to:.6g}"
        return f"{self.name} > {self.above:.6g}" + ("" if self.up_to is None else f" to {self.up_to:.6g}")


@dataclass(frozen=True)
class Cut:
    """One or two thresholds that divided patients; a value on a threshold belongs below it.

    Attributes:
        model: the marker that is cut, or the model whose held-out risk is.
        week: landmark week of its value.
        thresholds: ascending, in the marker's unit.
        fixed_in_advance: why the data had no say in it (the median, a protocol value); empty when it was chosen.
    """

    model: str
    week: float
    thresholds: tuple[float, ...]
    fixed_in_advance: str


@dataclass(frozen=True)
class HonestP:
    """The p-value that may be shown.

    Attributes:
        value: None where none may be.
        is_adjusted: whether it takes into account that thresholds were chosen by looking.
        reason: why it is what it is, or why there is none.
    """

    value: float | None
    is_adjusted: bool
    reason: str


@dataclass(frozen=True, eq=False)
class SurvivalReport:
    """Survival by groups of a study's patients.

    Attributes:
        question: what was asked.
        landmark_weeks: week from which time counts and patients are at risk; 0 from randomisation.
        comparison: the groups.
        parts: what the patients of each group have in common.
        cuts: how markers made the groups.
        p: p-value of the groups' difference that may be shown.
        mean_difference: of two groups, up to the comparison's `rmst_horizon_weeks`; None otherwise.
        excluded: reason to number of patients; with those of the groups they add up to `n_study`.
        n_study: patients looked at.
        provenance: data and run.
    """

    question: SurvivalQuestion
    landmark_weeks: float
    comparison: SurvivalComparison
    parts: tuple[tuple[GroupPart, ...], ...]
    cuts: tuple[Cut, ...]
    p: HonestP
    mean_difference: RestrictedMeanDifference | None
    excluded: dict[str, int]
    n_study: int
    provenance: Provenance

    @property
    def threshold_chosen(self) -> bool:
        """Whether somebody looked at these data to choose a threshold."""
        return any(not cut.fixed_in_advance for cut in self.cuts)

    @property
    def n(self) -> int:
        """Patients in the groups."""
        return sum(group.curve.n for group in self.comparison.groups)

    @property
    def n_events(self) -> int:
        """Events in the groups."""
        return sum(group.curve.n_events for group in self.comparison.groups)
