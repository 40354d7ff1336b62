"""Results of predicting one patient from a fitted Cox model: curve, place in the cohort, what is extrapolated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.marker_name import MarkerName
from raise_core.domain.results import Provenance
from raise_core.domain.survival_results import Estimate, ProportionalHazards, SurvivalCurve
from raise_core.domain.week import LandmarkWeek

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class NumberRange:
    """Values of a numeric marker among the patients a model was fitted on.

    Attributes:
        minimum: smallest.
        low: 1 % quantile.
        median: 50 % quantile.
        high: 99 % quantile.
        maximum: largest.
        whole: all of them are whole numbers.
    """

    minimum: float
    low: float
    median: float
    high: float
    maximum: float
    whole: bool = False


@dataclass(frozen=True)
class ModelMarker:
    """One marker of a fitted model.

    Attributes:
        marker: which.
        title: plain name with its unit.
        unit: of a laboratory test, also where the marker is its log; empty where the data name none.
        range: of a number; None for a category.
        levels: of a category that patients of the set have, the most frequent first; empty for a number.
        reference: level of a category that others are read against.
        used: whether it has a coefficient; one that is constant, or repeats earlier markers, has none.
    """

    marker: MarkerName
    title: str
    unit: str
    range: NumberRange | None
    levels: tuple[str, ...]
    reference: str
    used: bool

    @property
    def typical(self) -> float | str:
        """The median of a number, the most frequent level of a category."""
        return self.levels[0] if self.range is None else self.range.median


@dataclass(frozen=True)
class MarkerEffect:
    """Hazard ratio of one coefficient over a difference that means something.

    Attributes:
        marker: whose.
        title: plain name with its unit.
        step: difference of a number, in its unit (ln 2 for a log: twice as high); None for a level of a category.
        level: of a category; empty for a number.
        reference: level it is read against.
        hr: hazard ratio.
        ci_low: lower 95 % limit (Wald).
        ci_high: upper limit.
        p: of the Wald test.
    """

    marker: MarkerName
    title: str
    step: float | None
    level: str
    reference: str
    hr: float
    ci_low: float
    ci_high: float
    p: float


@dataclass(frozen=True, eq=False)
class ModelReport:
    """A Cox model fitted on a whole landmark set.

    Attributes:
        model: markers joined by '+'.
        endpoint: what is waited for.
        week: landmark rule.
        n: patients it was fitted on.
        events: events among them.
        markers: of the model, in its order.
        effects: one for each coefficient.
        left_out: columns without a coefficient of their own, in words.
        proportional: tests of proportional hazards; None where they cannot be made.
        excluded: reason to number of patients; with `n` they add up to `n_study`.
        n_study: patients looked at.
        provenance: data.
    """

    model: str
    endpoint: str
    week: LandmarkWeek
    n: int
    events: int
    markers: tuple[ModelMarker, ...]
    effects: tuple[MarkerEffect, ...]
    left_out: tuple[str, ...]
    proportional: ProportionalHazards | None
    excluded: dict[str, int]
    n_study: int
    provenance: Provenance

    @property
    def events_per_variable(self) -> float:
        """Events divided by the number of coefficients."""
        return self.events / max(1, len(self.effects))


@dataclass(frozen=True)
class BeyondData:
    """A value of a number that few or no patients of the set have.

    Attributes:
        marker: whose.
        value: set.
        outside: beyond the smallest or largest value; else only beyond the central 98 %.
    """

    marker: ModelMarker
    value: float
    outside: bool


@dataclass(frozen=True)
class Extrapolation:
    """Where a prediction leaves the data.

    Attributes:
        values: markers whose value is rare or not there.
        distance: Mahalanobis distance from the centre of the patients.
        largest_distance: of any patient of the set.
    """

    values: tuple[BeyondData, ...]
    distance: float
    largest_distance: float

    @property
    def outside(self) -> tuple[BeyondData, ...]:
        """Values that no patient of the set reaches."""
        return tuple(value for value in self.values if value.outside)

    @property
    def rare(self) -> tuple[BeyondData, ...]:
        """Values within the range, but beyond the central 98 %."""
        return tuple(value for value in self.values if not value.outside)

    @property
    def joint(self) -> bool:
        """Each value is known, but no patient is as far from the others in all of them together."""
        return not self.outside and self.distance > self.largest_distance * (1 + 1e-9)


@dataclass(frozen=True, eq=False)
class PredictedPatient:
    """What a model predicts for one set of values, in sample.

    Attributes:
        values: marker text to a number or level.
        curve: survival after the landmark with pointwise limits.
        at_horizon: probability of no event up to the horizon.
        median_weeks: time by which half of such patients have had the event, after the landmark.
        relative_hazard: hazard against the patient of the set whose risk lies in the middle; higher is worse.
        percentile: percent of the other patients with a lower risk, equal ones counting half.
        extrapolation: where it leaves the data.
    """

    values: dict[str, float | str]
    curve: SurvivalCurve
    at_horizon: Estimate
    median_weeks: Estimate
    relative_hazard: float
    percentile: float
    extrapolation: Extrapolation

    def value_of(self, marker: ModelMarker) -> float | str:
        """The value of one marker."""
        return self.values[marker.marker.text]


@dataclass(frozen=True, eq=False)
class Prediction:
    """One patient's predicted course beside the reference and the cohort.

    Attributes:
        report: the model.
        horizon_weeks: after the landmark.
        at_risk_at_horizon: patients of the set still followed there.
        patient_id: whose measured values are the reference; None for the typical patient.
        now: with the values set.
        reference: with the patient's measured, or the typical, values.
        cohort: Kaplan-Meier of the set.
        cohort_hazard: shape (n,), hazard of each patient of the set against the one in the middle.
    """

    report: ModelReport
    horizon_weeks: float
    at_risk_at_horizon: int
    patient_id: str | None
    now: PredictedPatient
    reference: PredictedPatient
    cohort: SurvivalCurve
    cohort_hazard: FloatArray

    @property
    def changed(self) -> tuple[ModelMarker, ...]:
        """Markers whose value is not that of the reference."""
        return tuple(
            marker for marker in self.report.markers if self.now.value_of(marker) != self.reference.value_of(marker)
        )
