"""Who takes part in the simulated PRRT cohort: latent state, characteristics, and progression-free survival from it.

The cohort resembles the one of Baur et al. 2025: 116 patients with metastatic neuroendocrine tumours before 177Lu-PRRT,
all of whom progressed, 42 of them within a year. All patients are invented. Cause runs one way: three independent
latent parts (what the laboratory shows, what PET shows, what CT shows) and a little tumour grade raise the hazard, the
hazard gives the time. Nothing is drawn backwards from short or long.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np

from raise_core.demo.trial import KI67_GRADE_1_MAX, correlated, stream
from raise_core.domain.errors import BadUsageError
from raise_core.domain.week import DAYS_PER_WEEK, WEEKS_PER_YEAR

FULL_SIZE = 116
SHORT_SHARE = 42 / FULL_SIZE
"""Patients who progress within a year."""
MIN_PATIENTS = 12

LOG_HAZARD_PER_SD = {"lab": 0.68, "pet": 0.55, "ct": 0.55, "grade": 0.15}
"""Log hazard per standard deviation of each latent part; they are independent of each other."""
WEIBULL_SHAPE = 1.5
TAIL = 0.4
"""How much the hazard rises with time beyond the Weibull law's: nobody stays free of progression for decades."""
SHORTEST_DAYS = 30.0

Origin = Literal["Pancreas", "Midgut", "Hindgut", "Lung", "Unknown or other"]
ORIGINS: tuple[Origin, ...] = ("Pancreas", "Midgut", "Hindgut", "Lung", "Unknown or other")
ORIGIN_SHARES = (0.36, 0.38, 0.06, 0.07, 0.13)
MALE_SHARE = 0.57
AGE_YEARS = (63.5, 10.5)
AGE_LIMITS = (31.0, 86.0)
KI67_MEDIAN = 5.0
KI67_LOG_SD = 0.85
KI67_LIMIT = 45.0
KI67_OF_GRADE = 0.9
"""Correlation of log Ki-67 with the latent grade."""
GRADE_2_MAX = 20.0
KI67_MISSING_SHARE = 0.06
PRIOR_TREATMENTS = ("None", "Surgery only", "Somatostatin analogue", "Chemotherapy or targeted therapy")
PRIOR_TREATMENT_SHARES = (0.08, 0.12, 0.52, 0.28)

CYCLE_WEEKS = 8.0
PLANNED_CYCLES = (2, 3, 4, 5, 6)
PLANNED_SHARES = (0.07, 0.13, 0.52, 0.12, 0.16)
ACTIVITY_GBQ = (7.1, 0.35)
"""177Lu a cycle: mean and standard deviation."""

LOAD_OF_PET = 0.5
"""Correlation of tumour load with the PET part: load is also seen on CT, so most of the part is heterogeneity."""
HETEROGENEITY_OF_PET = 0.9


class PrrtStream(IntEnum):
    """Independent random streams of one seed; the numbers are part of what a seed means, so they never change."""

    PATIENT = 101
    OUTCOME = 102
    LABS = 103
    LESIONS = 104
    BODY = 105
    PET = 106
    CT = 107
    NOISE_POOL = 108


@dataclass(frozen=True)
class Latents:
    """What nobody measures, each standard normal.

    Attributes:
        lab: shows in chromogranin A and gamma-GT alone.
        pet: shows in tumour load and in the heterogeneity of uptake.
        ct: shows in the texture and density of lesions on CT.
        grade: shows in Ki-67.
        load: tumour load, correlated with `pet`.
        heterogeneity: of uptake, correlated with `pet`.
    """

    lab: float
    pet: float
    ct: float
    grade: float
    load: float
    heterogeneity: float

    @property
    def log_hazard(self) -> float:
        """Log hazard against a patient with 0 everywhere."""
        parts = {"lab": self.lab, "pet": self.pet, "ct": self.ct, "grade": self.grade}
        return sum(LOG_HAZARD_PER_SD[name] * value for name, value in parts.items())


@dataclass(frozen=True)
class PrrtPatient:
    """One patient before the first cycle.

    Attributes:
        index: position in the cohort, from 0.
        patient_id: name in every table.
        latents: the hidden state.
        male: sex.
        age_years: age at the first cycle, one decimal.
        origin: site of the primary tumour.
        ki67_percent: proliferation index, None when not known.
        prior_treatment: strongest treatment before.
        planned_cycles: cycles meant to be given.
        activity_gbq: mean activity of a cycle (GBq).
        pfs_weeks: weeks from the first cycle to progression, whole days.
    """

    index: int
    patient_id: str
    latents: Latents
    male: bool
    age_years: float
    origin: Origin
    ki67_percent: float | None
    prior_treatment: str
    planned_cycles: int
    activity_gbq: float
    pfs_weeks: float

    @property
    def grade(self) -> str | None:
        """WHO grade from Ki-67: G1 to 2 %, G2 to 20 %, else G3; None when Ki-67 is not known."""
        if self.ki67_percent is None:
            return None
        return "G1" if self.ki67_percent <= KI67_GRADE_1_MAX else "G2" if self.ki67_percent <= GRADE_2_MAX else "G3"

    @property
    def short(self) -> bool:
        """Whether progression came within a year."""
        return self.pfs_weeks <= WEEKS_PER_YEAR

    @property
    def cycles(self) -> int:
        """Cycles given: treatment stops at progression."""
        return min(self.planned_cycles, 1 + int(self.pfs_weeks // CYCLE_WEEKS))


def enrol(*, patients: int, seed: int) -> tuple[PrrtPatient, ...]:
    """Draw the patients of one cohort.

    Times are drawn from the hazards of a Weibull model; the one free scale of time is then set so that the planned
    share falls within a year. Who that is follows from the draw alone.

    Raises:
        BadUsageError: fewer than twelve patients, or a negative seed.
    """
    if patients < MIN_PATIENTS:
        raise BadUsageError(f"patients is {patients}; folds of short and long survivors need at least {MIN_PATIENTS}.")
    if seed < 0:
        raise BadUsageError(f"seed is {seed}; give 0 or a positive whole number.")
    latents = [_latents(stream(seed, PrrtStream.PATIENT, index)) for index in range(patients)]
    drawn = np.array([_unscaled_time(one, seed, index) for index, one in enumerate(latents)])
    short = round(patients * SHORT_SHARE)
    order = np.sort(drawn)
    years = drawn / np.sqrt(order[short - 1] * order[short])
    late = years > 1.0
    year = WEEKS_PER_YEAR * DAYS_PER_WEEK
    # Still proportional hazards: time is stretched alike for everybody, and a year stays a year.
    days = np.maximum(np.rint(year * np.log1p(TAIL * years) / np.log1p(TAIL)), SHORTEST_DAYS)
    # Rounding to days must carry nobody across the line.
    days = np.where(late, np.maximum(days, np.ceil(year)), np.minimum(days, np.floor(year)))
    return tuple(
        _patient(index, one, pfs_weeks=float(days[index] / DAYS_PER_WEEK), seed=seed)
        for index, one in enumerate(latents)
    )


def _latents(rng: np.random.Generator) -> Latents:
    lab, pet, ct, grade = (float(value) for value in rng.normal(size=4))
    return Latents(
        lab, pet, ct, grade,
        load=correlated(pet, LOAD_OF_PET, rng),
        heterogeneity=correlated(pet, HETEROGENEITY_OF_PET, rng),
    )  # fmt: skip


def _unscaled_time(latents: Latents, seed: int, index: int) -> float:
    """Time to progression in units that `enrol` turns into weeks."""
    exponential = float(stream(seed, PrrtStream.OUTCOME, index).exponential())
    return float((exponential / np.exp(latents.log_hazard)) ** (1.0 / WEIBULL_SHAPE))


def _patient(index: int, latents: Latents, *, pfs_weeks: float, seed: int) -> PrrtPatient:
    rng = stream(seed, PrrtStream.PATIENT, index, 1)
    log_ki67 = KI67_LOG_SD * correlated(latents.grade, KI67_OF_GRADE, rng)
    ki67 = float(np.clip(KI67_MEDIAN * np.exp(log_ki67), 0.5, KI67_LIMIT))
    return PrrtPatient(
        index=index,
        patient_id=f"PRRT-{index + 1:04d}",
        latents=latents,
        male=bool(rng.random() < MALE_SHARE),
        age_years=round(float(np.clip(rng.normal(*AGE_YEARS), *AGE_LIMITS)), 1),
        origin=ORIGINS[int(rng.choice(len(ORIGINS), p=ORIGIN_SHARES))],
        ki67_percent=None if rng.random() < KI67_MISSING_SHARE else round(ki67, 1 if ki67 < 3 else 0),
        prior_treatment=PRIOR_TREATMENTS[int(rng.choice(len(PRIOR_TREATMENTS), p=PRIOR_TREATMENT_SHARES))],
        planned_cycles=int(rng.choice(PLANNED_CYCLES, p=PLANNED_SHARES)),
        activity_gbq=float(rng.normal(*ACTIVITY_GBQ)),
        pfs_weeks=pfs_weeks,
    )
