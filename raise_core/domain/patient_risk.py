"""One patient's out-of-sample risk at a week as a value, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

RANGE_PERCENT = (2.5, 97.5)
"""Percentiles over splits that make the range around a patient's risk."""

QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
"""Quantiles of the cohort drawn behind a patient."""


@dataclass(frozen=True)
class PatientRisk:
    """A patient's out-of-sample risk at a week.

    Attributes:
        week: nominal landmark week.
        risk: mean over the splits that test the patient, in standard deviations from the training patients' mean.
        low: 2.5th percentile over those splits.
        high: 97.5th percentile.
        percentile: percent of the other patients at risk at this week whose risk is lower by the same fit, equal ones
            counting half; mean over those splits; higher = worse.
        percentile_low: 2.5th percentile over those splits.
        percentile_high: 97.5th percentile.
        test_splits: splits with a risk that test the patient.
    """

    week: float
    risk: float
    low: float
    high: float
    percentile: float
    percentile_low: float
    percentile_high: float
    test_splits: int


class NoRisk(StrEnum):
    """Why a patient has no risk at a week."""

    AFTER_EVENT = "after the event"
    NOT_OBSERVED = "observation had ended"
    NO_OUTCOME = "no outcome recorded"
    NO_IMAGES = "no annotated images"
    MARKER_MISSING = "marker missing"
    NEVER_TESTED = "in no test set"
    NOT_ESTIMABLE = "not estimable"
    NOT_IN_COHORT = "not in the cohort"


@dataclass(frozen=True)
class RiskAtWeek:
    """One patient at one week: a risk, or why there is none.

    Attributes:
        week: nominal landmark week.
        risk: the patient's risk, None when there is none.
        reason: why there is none; None with a risk.
        missing: markers that are missing, as in a model.
        detail: more on missing images, as a clause; may be empty.
    """

    week: float
    risk: PatientRisk | None
    reason: NoRisk | None = None
    missing: tuple[str, ...] = ()
    detail: str = ""
