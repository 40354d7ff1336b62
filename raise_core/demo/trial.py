"""Who takes part in the simulated trial: arms, characteristics, and the latent state everything else follows from.

The trial resembles CLARINET as analysed by RAISE (Pavel et al., Future Oncology 2023, Tables 1 and 2): 204 randomised,
138 of them with readable liver lesions. All patients are invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import BadUsageError

FloatArray = NDArray[np.float64]

TREATED_ARM = "Lanreotide"
REFERENCE_ARM = "Placebo"

FULL_SIZE = 204
TREATED_SHARE = 101 / FULL_SIZE
CT_SHARE = 150 / FULL_SIZE
"""Liver lesions and CT at two or more visits, as a share of the randomised."""
IMAGING_SHARE = 138 / FULL_SIZE
"""Readable annotations, as a share of the randomised."""
LIVER_SHARE = 0.77
"""Patients with a liver lesion; raised within a trial when too few of them reach the second scan."""

MIN_PATIENTS = 4

Origin = Literal["Pancreas", "Midgut", "Hindgut", "Unknown or other"]
ORIGINS: tuple[Origin, ...] = ("Pancreas", "Midgut", "Hindgut", "Unknown or other")
ORIGIN_SHARES = (56 / 138, 52 / 138, 12 / 138, 18 / 138)
MALE_SHARE = 68 / 138
PRIOR_TREATMENT_SHARE = 18 / 138
KI67_MISSING_SHARE = 2 / 138
KI67_GRADE_1_MAX = 2.0
KI67_LIMIT = 9.9
"""The trial admitted tumours with Ki-67 below 10 % only."""
KI67_MEDIAN = 1.3
KI67_LOG_SD = 0.8
KI67_AGGRESSIVENESS = 0.4
"""Correlation of log Ki-67 with aggressiveness: grade predicts, but poorly."""

MEAN_AGE_YEARS = 63.0
SD_AGE_YEARS = 10.0

SHAPE_CORRELATION = 0.9
"""Correlation of contour irregularity with aggressiveness."""


class Stream(IntEnum):
    """Independent random streams of one seed; the numbers are part of what a seed means, so they never change."""

    ALLOCATION = 1
    PATIENT = 2
    COURSE = 3
    LABS = 4
    IMAGING_SET = 5
    SCANS = 6
    ANATOMY = 7
    RENDERING = 8
    NOISE_POOL = 9


def stream(seed: int, purpose: IntEnum, *indices: int) -> np.random.Generator:
    """The generator of one purpose (and patient, visit, phase), whatever was drawn elsewhere before."""
    return np.random.default_rng(np.random.SeedSequence([seed, int(purpose), *indices]))


@dataclass(frozen=True)
class Patient:
    """One randomised patient at baseline.

    Attributes:
        index: position in the trial, from 0.
        patient_id: name in every table.
        treated: True on lanreotide.
        aggressiveness: latent, standard normal; higher grows faster, spreads earlier and looks worse.
        shape_irregularity: latent, standard normal, correlated with aggressiveness.
        male: sex.
        age_years: age at randomisation, one decimal.
        origin: site of the primary tumour.
        ki67_percent: proliferation index, None when not known.
        prior_treatment: had any treatment for the tumour before the trial.
    """

    index: int
    patient_id: str
    treated: bool
    aggressiveness: float
    shape_irregularity: float
    male: bool
    age_years: float
    origin: Origin
    ki67_percent: float | None
    prior_treatment: bool

    @property
    def arm(self) -> str:
        """Name of the arm."""
        return TREATED_ARM if self.treated else REFERENCE_ARM

    @property
    def grade(self) -> str | None:
        """WHO grade from Ki-67: G1 to 2 %, else G2; None when Ki-67 is not known."""
        if self.ki67_percent is None:
            return None
        return "G1" if self.ki67_percent <= KI67_GRADE_1_MAX else "G2"


def randomise(*, patients: int, seed: int) -> tuple[Patient, ...]:
    """Draw the patients of one trial, randomised 1:1 in random order (101 lanreotide, 103 placebo at 204).

    Raises:
        BadUsageError: fewer than four patients, or a negative seed.
    """
    if patients < MIN_PATIENTS:
        raise BadUsageError(f"patients is {patients}; a trial of two arms needs at least {MIN_PATIENTS}.")
    if seed < 0:
        raise BadUsageError(f"seed is {seed}; give 0 or a positive whole number.")
    treated = np.zeros(patients, dtype=np.bool_)
    treated[: round(patients * TREATED_SHARE)] = True
    stream(seed, Stream.ALLOCATION).shuffle(treated)
    return tuple(_patient(index, treated=bool(treated[index]), seed=seed) for index in range(patients))


def _patient(index: int, *, treated: bool, seed: int) -> Patient:
    rng = stream(seed, Stream.PATIENT, index)
    aggressiveness = float(rng.normal())
    shape = correlated(aggressiveness, SHAPE_CORRELATION, rng)
    log_ki67 = KI67_LOG_SD * correlated(aggressiveness, KI67_AGGRESSIVENESS, rng)
    ki67 = round(float(np.clip(KI67_MEDIAN * np.exp(log_ki67), 0.1, KI67_LIMIT)), 1)
    return Patient(
        index=index,
        patient_id=f"SIM-{index + 1:04d}",
        treated=treated,
        aggressiveness=aggressiveness,
        shape_irregularity=shape,
        male=bool(rng.random() < MALE_SHARE),
        age_years=round(float(np.clip(rng.normal(MEAN_AGE_YEARS, SD_AGE_YEARS), 28.0, 92.0)), 1),
        origin=ORIGINS[int(rng.choice(len(ORIGINS), p=ORIGIN_SHARES))],
        ki67_percent=None if rng.random() < KI67_MISSING_SHARE else ki67,
        prior_treatment=bool(rng.random() < PRIOR_TREATMENT_SHARE),
    )


def correlated(value: float, correlation: float, rng: np.random.Generator) -> float:
    """A standard normal draw with the given correlation to a standard normal `value`."""
    return float(correlation * value + np.sqrt(1.0 - correlation**2) * rng.normal())
