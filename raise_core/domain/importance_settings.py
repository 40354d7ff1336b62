"""What an analysis of laboratory values is asked for: outcome, week, model, and how it is cross-validated."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from raise_core.domain.errors import BadUsageError
from raise_core.domain.week import (
    DEFAULT_TOLERANCE_WEEKS,
    DEFAULT_WINDOW_WEEKS,
    WEEKS_PER_YEAR,
    LandmarkWeek,
)

CINDEX, AUROC = "c-index", "AUROC"
MOST_FOLDS, MOST_REPEATS = 20, 50


class ImportanceModel(StrEnum):
    """The model whose use of each laboratory value is measured."""

    SURVIVAL_FOREST = "rsf"
    COX = "cox"
    CLASS_FOREST = "rf"

    @property
    def metric(self) -> str:
        """What a value's shuffling costs: AUROC of long against short, or the c-index."""
        return AUROC if self is ImportanceModel.CLASS_FOREST else CINDEX


DEFAULT_MODEL = ImportanceModel.SURVIVAL_FOREST
"""Works wherever outcomes are censored, and sees thresholds and combinations that a Cox model does not."""


@dataclass(frozen=True)
class ImportanceSettings:
    """Everything besides the data that determines an analysis.

    Attributes:
        endpoint: outcome to predict.
        week: visit week; 0 is the baseline.
        model: which model.
        folds: folds of each repeat.
        repeats: repeats of the cross-validation.
        permutations: how often each value is shuffled among the patients of a test fold.
        trees: of a forest.
        seed: of folds, forests, shuffling and noise.
        horizon_weeks: after the visit week; divides short from long for the classifier.
        group_correlation: values whose absolute rank correlation is at least this are also shuffled together.
        most_missing: a value missing in a larger share of the patients is listed, not used.
        window_weeks: how old a value may be.
        tolerance_weeks: how late a visit may be.
    """

    endpoint: str = "PFS"
    week: float = 0.0
    model: ImportanceModel = DEFAULT_MODEL
    folds: int = 5
    repeats: int = 5
    permutations: int = 15
    trees: int = 150
    seed: int = 0
    horizon_weeks: float = WEEKS_PER_YEAR
    group_correlation: float = 0.6
    most_missing: float = 0.8
    window_weeks: float = DEFAULT_WINDOW_WEEKS
    tolerance_weeks: float = DEFAULT_TOLERANCE_WEEKS

    def __post_init__(self) -> None:
        if not 2 <= self.folds <= MOST_FOLDS or not 1 <= self.repeats <= MOST_REPEATS:
            raise BadUsageError(
                f"{self.folds} folds and {self.repeats} repeats; use 2 to {MOST_FOLDS} folds and 1 to {MOST_REPEATS} "
                "repeats."
            )
        if self.permutations < 1 or self.trees < 1 or self.seed < 0:
            raise BadUsageError("permutations and trees must be at least 1, and seed (--seed) not negative.")
        if self.horizon_weeks <= 0:
            raise BadUsageError(f"the horizon is {self.horizon_weeks:g} weeks; it must be greater than 0.")
        if not 0 < self.group_correlation <= 1 or not 0 < self.most_missing <= 1:
            raise BadUsageError("group_correlation and most_missing must lie between 0 and 1.")
        if self.week < 0:
            raise BadUsageError(f"week (--week) is {self.week:g}; 0 is the baseline, visits after it are positive.")
        object.__setattr__(self, "model", ImportanceModel(self.model))
        object.__setattr__(self, "week", float(self.week))

    @property
    def landmark(self) -> LandmarkWeek:
        """The landmark rule of the week."""
        return LandmarkWeek(self.week, self.window_weeks, self.tolerance_weeks)

    def at_week(self, week: float) -> ImportanceSettings:
        """The same at another visit."""
        return replace(self, week=float(week))

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold it; equal settings give equal documents."""
        return {**asdict(self), "model": self.model.value}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> ImportanceSettings:
        """The settings that `to_document` wrote."""
        return cls(**{**document, "model": ImportanceModel(document["model"])})
