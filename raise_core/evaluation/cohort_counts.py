"""What a cohort holds, in a few numbers: patients, outcomes, lesions, scans, laboratory tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from raise_core.domain.cohort import Cohort
from raise_core.domain.outcome import BoolArray, FloatArray


@dataclass(frozen=True)
class EndpointCounts:
    """One outcome over all patients of the cohort.

    Attributes:
        patients: with the outcome recorded.
        events: who had the event.
        median_follow_up_weeks: reverse Kaplan-Meier median; None when fewer than half were censored by any time.
    """

    patients: int
    events: int
    median_follow_up_weeks: float | None


@dataclass(frozen=True)
class CohortCounts:
    """Headline numbers of a cohort.

    Attributes:
        patients: number of patients.
        arms: arm to patients; empty for a study without arms.
        endpoints: outcome to its counts.
        lesions: target and other lesions ever measured.
        lesion_visits: visits at which a lesion was measured.
        scans: contrast phase, or modality where none is stated, to scans.
        lab_values: laboratory test to values.
    """

    patients: int
    arms: Mapping[str, int]
    endpoints: Mapping[str, EndpointCounts]
    lesions: int
    lesion_visits: int
    scans: Mapping[str, int]
    lab_values: Mapping[str, int]


def count_cohort(cohort: Cohort) -> CohortCounts:
    """Count one cohort, filtered or whole."""
    endpoints = {}
    for endpoint, rows in cohort.outcomes.groupby("endpoint"):
        event = rows["event"].to_numpy(dtype=bool)
        time = rows["time_weeks"].to_numpy(dtype=float)
        endpoints[str(endpoint)] = EndpointCounts(len(rows), int(event.sum()), median_follow_up_weeks(time, event))
    arms = cohort.patients["arm"].dropna() if "arm" in cohort.patients.columns else cohort.patients["patient_id"][:0]
    scans = cohort.scans["phase"].fillna(cohort.scans["modality"])
    return CohortCounts(
        patients=cohort.n_patients,
        arms={str(arm): int(n) for arm, n in arms.value_counts().sort_index().items()},
        endpoints=endpoints,
        lesions=len(cohort.lesions[["patient_id", "lesion_id"]].drop_duplicates()),
        lesion_visits=len(cohort.lesions[["patient_id", "week"]].drop_duplicates()),
        scans={str(phase): int(n) for phase, n in scans.value_counts().sort_index().items()},
        lab_values={str(test): int(n) for test, n in cohort.labs["test"].value_counts().sort_index().items()},
    )


def median_follow_up_weeks(time_weeks: FloatArray, event: BoolArray) -> float | None:
    """Median follow-up by the reverse Kaplan-Meier estimate (Schemper & Smith, Control Clin Trials 1996;17:343-346).

    Censoring is what is waited for, and an event ends the waiting. Where the curve runs exactly at one half, the
    middle of that stretch, as R's survfit does.
    """
    times, place = np.unique(time_weeks, return_inverse=True)
    leaving = np.bincount(place, minlength=times.size)
    ended = np.bincount(place, weights=~event, minlength=times.size)
    waiting = leaving[::-1].cumsum()[::-1]
    curve = np.cumprod(1.0 - ended / waiting)
    reached = np.flatnonzero(curve <= 0.5 + 1e-9)
    if reached.size == 0:
        return None
    first = int(reached[0])
    passed = np.flatnonzero(curve < 0.5 - 1e-9)
    if abs(curve[first] - 0.5) <= 1e-9 and passed.size:
        return float((times[first] + times[passed[0]]) / 2)
    return float(times[first])
