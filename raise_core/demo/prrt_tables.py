"""One simulated PRRT cohort as canonical tables, without its images."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from raise_core.demo.labs import LAB_COLUMNS
from raise_core.demo.prrt_labs import simulate_labs
from raise_core.demo.prrt_lesions import PlannedLesion, plan_lesions
from raise_core.demo.prrt_patients import FULL_SIZE, PrrtPatient, PrrtStream, enrol
from raise_core.demo.trial import stream

AFTER_BASELINE = ("prrt_cycles", "cumulative_activity_gbq")
"""Characteristics that only the course of treatment shows."""
SCAN_WEEKS = (-6.0, -0.5)


@dataclass(frozen=True, eq=False)
class SimulatedPrrt:
    """A whole cohort without its images.

    Attributes:
        seed: what it was drawn with.
        enrolled: patients, in order of `PrrtPatient.index`.
        lesions_of: theirs, likewise.
        scan_weeks: when PET and CT were made, likewise.
        patients: canonical table.
        outcomes: canonical table: PFS, an event for everybody.
        labs: canonical table.
        lesions: canonical table: every lesion at baseline.
    """

    seed: int
    enrolled: tuple[PrrtPatient, ...]
    lesions_of: tuple[tuple[PlannedLesion, ...], ...]
    scan_weeks: tuple[float, ...]
    patients: pd.DataFrame
    outcomes: pd.DataFrame
    labs: pd.DataFrame
    lesions: pd.DataFrame


def simulate_tables(*, patients: int = FULL_SIZE, seed: int = 0) -> SimulatedPrrt:
    """Simulate the cohort: patients, outcomes, labs, lesions.

    Raises:
        BadUsageError: fewer than twelve patients, or a negative seed.
    """
    enrolled = enrol(patients=patients, seed=seed)
    lesions_of = tuple(plan_lesions(patient, seed=seed) for patient in enrolled)
    scan_weeks = tuple(
        round(stream(seed, PrrtStream.PATIENT, patient.index, 2).uniform(*SCAN_WEEKS) * 7) / 7 for patient in enrolled
    )
    lesions = [
        (patient.patient_id, week, lesion.lesion_id, lesion.diameter_mm, lesion.site, lesion.target, "measured")
        for patient, week, plans in zip(enrolled, scan_weeks, lesions_of, strict=True)
        for lesion in plans
    ]
    columns = ["patient_id", "week", "lesion_id", "diameter_mm", "organ", "target", "status"]
    return SimulatedPrrt(
        seed=seed,
        enrolled=enrolled,
        lesions_of=lesions_of,
        scan_weeks=scan_weeks,
        patients=_patients_table(enrolled),
        outcomes=pd.DataFrame(
            [(patient.patient_id, "PFS", patient.pfs_weeks, 1) for patient in enrolled],
            columns=["patient_id", "endpoint", "time_weeks", "event"],
        ),
        labs=pd.DataFrame(
            [row for patient in enrolled for row in simulate_labs(patient, seed=seed)], columns=LAB_COLUMNS
        ),
        lesions=pd.DataFrame(lesions, columns=columns),
    )


def _patients_table(enrolled: tuple[PrrtPatient, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "patient_id": patient.patient_id,
                "sex": "male" if patient.male else "female",
                "age_years": patient.age_years,
                "origin": patient.origin,
                "grade": patient.grade,
                "ki67_percent": patient.ki67_percent,
                "prior_treatment": patient.prior_treatment,
                "prrt_cycles": patient.cycles,
                "cumulative_activity_gbq": round(patient.cycles * patient.activity_gbq, 1),
            }
            for patient in enrolled
        ]
    )
