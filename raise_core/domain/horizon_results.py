"""Results at a horizon: how well a cut, a marker or a predicted risk tells who has the event by a week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NO_PATIENT = "no patient is in this group"
NOT_FOLLOWED = "no patient was followed that long"
NO_EVENT = "nobody has the event by then"
NOBODY_LEFT = "everybody has the event by then"
NO_CASE = "no event seen by then"
NO_CONTROL = "nobody was followed event-free until then"
SEPARATED = "every patient with the event by then ranks on the same side of all others"
NO_SPREAD = "all predicted risks are equal"
CERTAIN_RISK = "a predicted risk is exactly 0 or 1"
NO_FINITE_SLOPE = "the slope has no finite estimate"


@dataclass(frozen=True)
class HorizonEstimate:
    """A number with its confidence interval and, where one is missing, why.

    Attributes:
        value: estimate; None where it cannot be made.
        low: lower 95 % limit; None where there is none.
        high: upper limit.
        reason: why the value or its interval is missing; empty otherwise.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""

    @property
    def complement(self) -> HorizonEstimate:
        """One minus the number, its limits exchanged."""
        value, low, high = (None if x is None else 1.0 - x for x in (self.value, self.high, self.low))
        return HorizonEstimate(value, low, high, self.reason)

    @property
    def inverse(self) -> HorizonEstimate:
        """One divided by the number, its limits exchanged; infinite limits and values are missing."""
        value, low, high = (1.0 / x if x else None for x in (self.value, self.high, self.low))
        return HorizonEstimate(value, low, high, self.reason or ("" if self.value != 0 else NO_EVENT))


@dataclass(frozen=True)
class GroupAtHorizon:
    """What becomes of a group of patients by a horizon.

    Attributes:
        n: patients.
        events: of them with the event by the horizon.
        followed: of them known to be without the event at the horizon; the rest left earlier.
        risk: probability of the event by the horizon (Kaplan-Meier, log-log limits).
    """

    n: int
    events: int
    followed: int
    risk: HorizonEstimate

    @property
    def left_earlier(self) -> int:
        """Patients censored before the horizon."""
        return self.n - self.events - self.followed


@dataclass(frozen=True)
class ThresholdAccuracy:
    """How well a cut tells who has the event by a horizon; the patients above it are called high.

    Attributes:
        horizon_weeks: weeks from the clock's start.
        high: patients above the cut; their risk is the positive predictive value.
        low: the others; one minus their risk is the negative predictive value.
        everybody: all patients together.
        sensitivity: share of those with the event by the horizon who are high.
        specificity: share of those without it who are not.
    """

    horizon_weeks: float
    high: GroupAtHorizon
    low: GroupAtHorizon
    everybody: GroupAtHorizon
    sensitivity: HorizonEstimate
    specificity: HorizonEstimate

    @property
    def ppv(self) -> HorizonEstimate:
        """Positive predictive value: probability of the event by the horizon above the cut."""
        return self.high.risk

    @property
    def npv(self) -> HorizonEstimate:
        """Negative predictive value: probability of no event by the horizon at or below the cut."""
        return self.low.risk.complement

    @property
    def number_needed_to_evaluate(self) -> HorizonEstimate:
        """Patients flagged for each one who has the event: 1 / PPV."""
        return self.high.risk.inverse

    @property
    def share_high(self) -> float:
        """Share of the patients above the cut."""
        return self.high.n / self.everybody.n

    @property
    def flagged_per_100(self) -> float:
        """Patients above the cut among 100."""
        return 100.0 * self.share_high

    @property
    def true_positives_per_100(self) -> float | None:
        """Of 100 patients, those above the cut who have the event; None where the PPV is missing."""
        if not self.high.n:
            return 0.0
        return None if self.ppv.value is None else self.flagged_per_100 * self.ppv.value

    @property
    def false_alarms_per_100(self) -> float | None:
        """Of 100 patients, those above the cut who do not have the event."""
        found = self.true_positives_per_100
        return None if found is None else self.flagged_per_100 - found

    @property
    def missed_per_100(self) -> float | None:
        """Of 100 patients, those at or below the cut who have the event."""
        if not self.low.n:
            return 0.0
        return None if self.low.risk.value is None else (100.0 - self.flagged_per_100) * self.low.risk.value


@dataclass(frozen=True, eq=False)
class CutAccuracies:
    """`ThresholdAccuracy` of C cuts as arrays; estimates have value, lower and upper limit, NaN where missing.

    Attributes:
        horizon_weeks: weeks from the clock's start.
        everybody: all patients together.
        n: shape (C, 2), patients at or below and above each cut.
        events: shape (C, 2), of them with the event by the horizon.
        followed: shape (C, 2), of them known to be without it then.
        risk: shape (C, 2, 3), probability of the event in both groups.
        sensitivity: shape (C, 3).
        specificity: shape (C, 3).
        risk_variance: shape (C, 2), variance of both risks.
    """

    horizon_weeks: float
    everybody: GroupAtHorizon
    n: IntArray
    events: IntArray
    followed: IntArray
    risk: FloatArray
    sensitivity: FloatArray
    specificity: FloatArray
    risk_variance: FloatArray

    def __len__(self) -> int:
        return len(self.n)


@dataclass(frozen=True)
class NetBenefit:
    """What acting on a cut gains at a risk from which one would act.

    Attributes:
        risk_threshold: probability from which the action is worth it; one missed event weighs as much as
            (1 - threshold) / threshold needless actions.
        marker: events found minus needless actions, weighed so, per patient.
        treat_all: the same when everybody is treated; treating nobody gives 0.
        spared_per_100: needless actions spared per 100 patients against treating everybody, no event more missed.
    """

    risk_threshold: float
    marker: HorizonEstimate
    treat_all: HorizonEstimate
    spared_per_100: float | None


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit of several models over the risks from which one would act.

    Attributes:
        horizon_weeks: weeks from the clock's start.
        risk_threshold: shape (T,), ascending.
        models: names in the order given.
        net_benefit: shape (models, T, 3), value and limits; NaN where missing.
        flagged: shape (models, T), share of the patients treated.
        treat_all: shape (T, 3).
        everybody: all patients together.
    """

    horizon_weeks: float
    risk_threshold: FloatArray
    models: tuple[str, ...]
    net_benefit: FloatArray
    flagged: FloatArray
    treat_all: FloatArray
    everybody: GroupAtHorizon


@dataclass(frozen=True)
class AucAtHorizon:
    """Whether those with the event by a horizon had the higher risk than those still without it.

    Attributes:
        horizon_weeks: weeks from the clock's start.
        n: patients.
        cases: with the event by the horizon.
        controls: known to be without it then; the rest left earlier and count through weights.
        auc: probability that a case had the higher risk than a control, ties one half.
    """

    horizon_weeks: float
    n: int
    cases: int
    controls: int
    auc: HorizonEstimate


@dataclass(frozen=True, eq=False)
class HorizonRoc:
    """ROC curve at a horizon, from nobody to everybody called high.

    Attributes:
        at: the area and its counts.
        cut: shape (k,), descending, the first infinite; high are those with a value of `cut` or more.
        sensitivity: shape (k,), ascending.
        false_positive_share: shape (k,), ascending; one minus specificity.
    """

    at: AucAtHorizon
    cut: FloatArray
    sensitivity: FloatArray
    false_positive_share: FloatArray


@dataclass(frozen=True)
class BrierAtHorizon:
    """Mean squared error of predicted probabilities at a horizon.

    Attributes:
        horizon_weeks: weeks from the clock's start.
        n: patients.
        cases: with the event by the horizon.
        controls: known to be without it then.
        brier: the error; 0 is perfect.
        null: error when everybody is given the Kaplan-Meier probability of these patients.
        scaled: 1 - brier / null, the index of prediction accuracy; below 0 is worse than knowing nothing.
    """

    horizon_weeks: float
    n: int
    cases: int
    controls: int
    brier: HorizonEstimate
    null: float | None
    scaled: HorizonEstimate


@dataclass(frozen=True)
class BrierScores:
    """Errors over time, and their mean.

    Attributes:
        horizons: ascending.
        integrated: mean error from the first to the last horizon (trapezoidal rule); None for fewer than two, or where
            one of them is missing.
        integrated_null: the same of the Kaplan-Meier prediction.
        integrated_scaled: 1 - integrated / integrated_null.
    """

    horizons: tuple[BrierAtHorizon, ...]
    integrated: HorizonEstimate
    integrated_null: float | None
    integrated_scaled: HorizonEstimate


@dataclass(frozen=True)
class CalibrationGroup:
    """Patients of similar predicted risk.

    Attributes:
        predicted: their mean predicted risk.
        predicted_low: lowest of them.
        predicted_high: highest.
        observed: what became of them.
    """

    predicted: float
    predicted_low: float
    predicted_high: float
    observed: GroupAtHorizon


@dataclass(frozen=True, eq=False)
class HorizonCalibration:
    """Whether predicted risks are as high as what happens.

    Attributes:
        horizon_weeks: weeks from the clock's start.
        groups: ascending in predicted risk.
        everybody: all patients together.
        mean_predicted: over all patients.
        observed_to_expected: observed risk / mean predicted risk; above 1 the predictions are too low.
        slope: Cox coefficient of log(-log(1 - predicted risk)); below 1 the predictions are too extreme.
        predicted: shape (n,), predicted risks, ascending.
    """

    horizon_weeks: float
    groups: tuple[CalibrationGroup, ...]
    everybody: GroupAtHorizon
    mean_predicted: float
    observed_to_expected: HorizonEstimate
    slope: HorizonEstimate
    predicted: FloatArray
