"""Results of models that tell long from short progression-free survival: scores, comparisons, curves.

Long is the positive class throughout, as in Baur et al. 2025.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.results import Provenance

FloatArray = NDArray[np.float64]
CHANCE_AUROC = 0.5

ONE_CLASS = "no fold holds patients of both classes"
NOT_FITTED = "the model could not be fitted in any fold"
OTHER_FOLDS = "the two models were not tested on the same patients in the same folds"
TOO_FEW_FOLDS = "fewer than two folds score both models"


@dataclass(frozen=True)
class PublishedScore:
    """What a paper reported for a model; None where it reported nothing.

    Attributes:
        model: model text.
        auroc: mean over repeats.
        auroc_sd: what stands after the ± there.
        auprc: likewise.
        auprc_sd: likewise.
    """

    model: str
    auroc: float
    auroc_sd: float
    auprc: float | None = None
    auprc_sd: float | None = None


class Measure(StrEnum):
    """What a ranking is scored by."""

    AUROC = "auroc"
    AUPRC = "auprc"


@dataclass(frozen=True, eq=False)
class FoldScores:
    """Scores of one model in every fold of every repeat; NaN where a fold lacks a class or an output.

    Attributes:
        auroc: shape (repeats, folds).
        auprc: likewise; average precision with long as the positive class.
        random_auprc: likewise; average precision expected of a score that says nothing.
        not_fitted: shape (repeats, folds), True where an output is missing.
    """

    auroc: FloatArray
    auprc: FloatArray
    random_auprc: FloatArray
    not_fitted: NDArray[np.bool_]

    def of(self, measure: Measure) -> FloatArray:
        """The scores by one measure."""
        return self.auroc if measure is Measure.AUROC else self.auprc


@dataclass(frozen=True)
class RepeatedScore:
    """A score over repeats of k-fold cross-validation.

    Attributes:
        value: mean over repeats of the mean over folds; None where there is none.
        sd: standard deviation of the repeats' means (ddof 1), what the paper's ± is; it says how much the folds'
            shuffling matters and nothing about other patients. None for a single repeat.
        ci_low: lower 95 % limit, percentile bootstrap of the patients.
        ci_high: upper limit.
        scored: folds with a score, over all repeats.
        folds: folds in all.
        reason: why the value is missing; empty otherwise.
    """

    value: float | None
    sd: float | None
    ci_low: float | None
    ci_high: float | None
    scored: int
    folds: int
    reason: str = ""


@dataclass(frozen=True, eq=False)
class ClassEstimate:
    """How well one model tells long from short.

    Attributes:
        model: model text.
        n: patients with a class whom the model was tested on.
        n_long: of them, long.
        repeats: repeats of the cross-validation.
        folds: folds of each.
        auroc: chance that a long patient is ranked before a short one; ties one half.
        auprc: average precision, long as the positive class.
        random_auprc: average precision expected of a score that says nothing in folds of these sizes; None if no fold
            is scored.
        concordance: Harrell's c on all patients, censored or not; for Cox heads only.
        n_all: patients of the concordance; n for a classifier.
        by_fold: the scores behind it.
    """

    model: str
    n: int
    n_long: int
    repeats: int
    folds: int
    auroc: RepeatedScore
    auprc: RepeatedScore
    random_auprc: float | None
    concordance: RepeatedScore | None
    n_all: int
    by_fold: FoldScores = field(repr=False)

    @property
    def n_short(self) -> int:
        """Patients with short progression-free survival."""
        return self.n - self.n_long

    @property
    def prevalence(self) -> float | None:
        """Share of the long: what calling everybody long has for precision."""
        return self.n_long / self.n if self.n else None

    def score(self, measure: Measure) -> RepeatedScore:
        """The score by one measure."""
        return self.auroc if measure is Measure.AUROC else self.auprc


@dataclass(frozen=True)
class ClassComparison:
    """Paired difference of two models over the same folds.

    Attributes:
        measure: what is compared.
        model_a: first model.
        model_b: second model.
        repeats: repeats both models have; the first so many of each are compared.
        folds_scored: folds in which both have a score.
        difference: mean of a - b over them; None where it cannot be given.
        ci_low: lower 95 % limit with the corrected standard error.
        ci_high: upper limit.
        p_corrected: two-sided p of the corrected t-test (Nadeau & Bengio 2003), folds scored - 1 degrees of freedom.
        p_holm: the same adjusted by Holm over all pairs compared by this measure.
        reason: why there is no difference; empty otherwise.
    """

    measure: Measure
    model_a: str
    model_b: str
    repeats: int
    folds_scored: int
    difference: float | None
    ci_low: float | None
    ci_high: float | None
    p_corrected: float | None
    p_holm: float | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class FoldCurve:
    """One kind of curve averaged over folds, vertically, on a common grid.

    Attributes:
        at: shape (g,), the grid: false positive share for ROC, recall for precision-recall; 0 to 1.
        each: shape (scored folds, g), the curve of each fold.
    """

    at: FloatArray
    each: FloatArray

    @property
    def mean(self) -> FloatArray:
        """Shape (g,): mean over folds."""
        return np.asarray(self.each.mean(axis=0))

    @property
    def sd(self) -> FloatArray:
        """Shape (g,): standard deviation over folds (ddof 1); 0 for a single fold."""
        if len(self.each) < 2:
            return np.zeros(self.each.shape[1])
        return np.asarray(self.each.std(axis=0, ddof=1))


@dataclass(frozen=True, eq=False)
class ClassCurves:
    """ROC and precision-recall curves of one model; None where no fold has both classes.

    Attributes:
        model: model text.
        roc: share of the long found against share of the short taken for long.
        precision_recall: share of the long among those called long against share of the long found.
    """

    model: str
    roc: FoldCurve | None
    precision_recall: FoldCurve | None


@dataclass(frozen=True, eq=False)
class ClassReport:
    """The models of one run side by side.

    Attributes:
        estimates: one a model, in the order of the run.
        comparisons: every pair by AUROC, then every pair by AUPRC.
        curves: one a model.
        endpoint: outcome.
        horizon_weeks: what divides short from long.
        bootstraps: resamples of the patients behind the intervals.
        excluded: reason to number of patients who are in no classifier.
        n_study: patients looked at; with n of the classifiers and `excluded` they add up.
        provenance: data and run.
    """

    estimates: tuple[ClassEstimate, ...]
    comparisons: tuple[ClassComparison, ...]
    curves: tuple[ClassCurves, ...]
    endpoint: str
    horizon_weeks: float
    bootstraps: int
    excluded: Mapping[str, int]
    n_study: int
    provenance: Provenance

    @property
    def models(self) -> tuple[str, ...]:
        """Model texts in the order of the run."""
        return tuple(estimate.model for estimate in self.estimates)

    def estimate(self, model: str) -> ClassEstimate:
        """The estimate of one model; it must be one of `models`."""
        return self.estimates[self.models.index(model)]

    def curves_of(self, model: str) -> ClassCurves:
        """The curves of one model; it must be one of `models`."""
        return self.curves[self.models.index(model)]
