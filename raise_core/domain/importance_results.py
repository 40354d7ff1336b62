"""Results of asking which laboratory values a model uses; what figures draw and the command line prints."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.domain.outcome import FloatArray
from raise_core.domain.results import Provenance

NOISE = "noise"
"""Key of the column of random numbers that every model is given beside the laboratory values."""


@dataclass(frozen=True)
class Drop:
    """What shuffling something among patients that a model has not seen costs.

    Attributes:
        importance: mean drop of the metric over the folds of all repeats; None where no fold could be scored.
        ci_low: lower 95 % limit, t with folds x repeats - 1 degrees of freedom and the corrected standard error.
        ci_high: upper limit.
        se_corrected: sd * sqrt(1/(k r) + 1/(k - 1)) (Nadeau & Bengio 2003).
    """

    importance: float | None
    ci_low: float | None
    ci_high: float | None
    se_corrected: float | None


@dataclass(frozen=True)
class LabRatio:
    """A hazard ratio with its 95 % Wald limits; None with a reason where there is none."""

    hr: float | None
    ci_low: float | None
    ci_high: float | None
    p: float | None
    reason: str = ""


@dataclass(frozen=True)
class LabEffects:
    """Cox models of one laboratory value.

    Attributes:
        per_sd: alone, per standard deviation of the value on its scale.
        per_doubling: alone, for twice the value; says why not where the value can be 0.
        adjusted_per_sd: with all other laboratory values in the model.
        adjusted_per_doubling: the same for twice the value; only for values used as logarithms.
    """

    per_sd: LabRatio
    per_doubling: LabRatio
    adjusted_per_sd: LabRatio
    adjusted_per_doubling: LabRatio


@dataclass(frozen=True)
class LabImportance:
    """One laboratory value.

    Attributes:
        lab: test, upper case.
        unit: as in the data, empty where none is given.
        is_log: the model is given its logarithm.
        drop: what shuffling it costs.
        above_noise: the same minus that of the noise column on the same folds.
        rank: 1 for the largest drop; None where it was not used.
        top_share: share of the folds in which it was among the three largest.
        rank_low: its rank in the folds, 10th percentile; None like `rank`.
        rank_high: 90th percentile.
        effects: hazard ratios.
        n: patients at risk with a value.
        events: their events.
        missing_share: share of the patients at risk without a value.
        sd: standard deviation on its scale; None with fewer than two values.
        group: other tests it is correlated with; empty for none.
        reason: why it was not used in the model; empty where it was.
    """

    lab: str
    unit: str
    is_log: bool
    drop: Drop
    above_noise: Drop
    rank: int | None
    top_share: float | None
    rank_low: float | None
    rank_high: float | None
    effects: LabEffects
    n: int
    events: int
    missing_share: float
    sd: float | None
    group: tuple[str, ...] = ()
    reason: str = ""

    @property
    def used(self) -> bool:
        """Whether the model was given it."""
        return not self.reason

    @property
    def is_seen(self) -> bool:
        """Whether it can be told from noise: the interval of its drop above the noise column's excludes 0."""
        return self.above_noise.ci_low is not None and self.above_noise.ci_low > 0


@dataclass(frozen=True)
class GroupImportance:
    """Correlated laboratory values shuffled together.

    Attributes:
        labs: tests, upper case.
        drop: what shuffling all of them with one order costs.
        above_noise: the same minus that of the noise column.
        least_correlation: smallest absolute rank correlation of two of them.
    """

    labs: tuple[str, ...]
    drop: Drop
    above_noise: Drop
    least_correlation: float

    @property
    def is_seen(self) -> bool:
        """Whether it can be told from noise."""
        return self.above_noise.ci_low is not None and self.above_noise.ci_low > 0


@dataclass(frozen=True, eq=False)
class LabExplanations:
    """What the models of the first repeat say of each patient they have not seen; higher is worse.

    The scale is the model's: expected events (survival forest), log hazard (Cox), probability of short (classifier).

    Attributes:
        patient_ids: n of them, sorted.
        labs: p tests used, in the order of the columns; the noise column comes last where there are p + 1.
        values: shape (n, p), in the unit of the data; NaN where missing.
        fold: shape (n,), int8, the fold whose model speaks of the patient.
        prediction: shape (n,).
        base: shape (n,), the model's mean prediction over its training patients.
        shap: shape (n, p + 1), shares of each value, and of the noise column, in prediction - base.
        grid: shape (p, g), ascending values in the unit of the data.
        ice: shape (n, p, g), prediction if the patient had that value and everything else as it is.
        coef: shape (folds, p), log hazard ratio per unit of each value on its scale, for Cox; else no rows.
        missing_coef: shape (folds, p), added where the value is missing; else no rows.
        fill: shape (folds, p), median of the training patients on the scale of the model, which stands in for
            missing ones; for Cox; else no rows.
    """

    patient_ids: tuple[str, ...]
    labs: tuple[str, ...]
    values: FloatArray
    fold: NDArray[np.int8]
    prediction: FloatArray
    base: FloatArray
    shap: FloatArray
    grid: FloatArray
    ice: FloatArray
    coef: FloatArray
    missing_coef: FloatArray
    fill: FloatArray

    def row(self, patient_id: str) -> int:
        """Place of a patient.

        Raises:
            NotInStoreError: nobody of that name is in the analysis.
        """
        if patient_id not in self.patient_ids:
            raise NotInStoreError(f"patient {patient_id} is not in this analysis.")
        return self.patient_ids.index(patient_id)


@dataclass(frozen=True, eq=False)
class LabWhatIf:
    """A patient's prediction with some values set by hand.

    Attributes:
        patient_id: who.
        moved: test to the value set, in the unit of the data; without those left as measured.
        lab: test whose curve is drawn.
        value: its value, set or measured; NaN where it was neither.
        prediction: with the values set.
        measured_prediction: with all values as measured.
        curve: prediction over the grid of `lab`, all else as set.
    """

    patient_id: str
    moved: dict[str, float]
    lab: str
    value: float
    prediction: float
    measured_prediction: float
    curve: FloatArray


@dataclass(frozen=True, eq=False)
class ImportanceReport:
    """Which laboratory values matter at a week.

    Attributes:
        settings: what was asked for.
        provenance: data.
        labs: every test of the study: used ones by rank, then those not used.
        groups: of correlated tests.
        noise: drop of the noise column.
        metric_mean: the metric of the whole model on patients not seen.
        metric_low: lower 95 % limit.
        metric_high: upper limit.
        n: patients in the model.
        events: their events after the landmark; for the classifier the patients with short time.
        events_followed: events at any time after the landmark, which hazard ratios rest on.
        excluded: reason to patients left out; with n they add up to `n_study`.
        n_study: patients of the study.
        scored_folds: folds that could be scored, of folds x repeats.
        explanations: by patient.
        seconds: time it took to compute.
    """

    settings: ImportanceSettings
    provenance: Provenance
    labs: tuple[LabImportance, ...]
    groups: tuple[GroupImportance, ...]
    noise: Drop
    metric_mean: float | None
    metric_low: float | None
    metric_high: float | None
    n: int
    events: int
    events_followed: int
    excluded: dict[str, int]
    n_study: int
    scored_folds: int
    explanations: LabExplanations = field(repr=False)
    seconds: float = 0.0

    @property
    def used(self) -> tuple[LabImportance, ...]:
        """Tests that the model was given, by rank."""
        return tuple(lab for lab in self.labs if lab.used)

    @property
    def seen(self) -> tuple[LabImportance, ...]:
        """Tests that can be told from noise, by rank."""
        return tuple(lab for lab in self.used if lab.is_seen)

    @property
    def metric(self) -> str:
        """What a drop is a drop of."""
        return self.settings.model.metric

    @property
    def is_classifier(self) -> bool:
        """Whether short and long are told apart, not times ranked."""
        return self.settings.model is ImportanceModel.CLASS_FOREST

    def lab(self, name: str) -> LabImportance:
        """One test.

        Raises:
            NotInStoreError: the study has no such test.
        """
        found = next((lab for lab in self.labs if lab.lab == name.upper()), None)
        if found is None:
            raise NotInStoreError(f"no test {name}; there are {', '.join(lab.lab for lab in self.labs)}.")
        return found
