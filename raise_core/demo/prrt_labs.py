"""Blood values of a simulated PRRT patient before treatment and at follow-up.

Chromogranin A and gamma-GT carry the latent part that the hazard knows; nothing else does. Other tests go together as
they do in patients: liver enzymes among themselves, creatinine with the eGFR computed from it, inflammation with
albumin and haemoglobin, and blood counts, which fall under treatment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from raise_core.demo.labs import CGA_RANGE_UG_L, CGA_UPPER_LIMIT_UG_L, LabRow
from raise_core.demo.prrt_patients import PrrtPatient, PrrtStream
from raise_core.demo.trial import stream

PLANTED_LABS = ("CGA", "GGT")
"""The planted truth: these two are higher in short progression-free survival, by cause; all others are not."""

FOLLOW_UP_WEEKS = (8.0, 16.0, 24.0)
VISIT_JITTER_WEEKS = 0.6
BASELINE_WEEKS = (-2.0, 0.0)
VISIT_ATTENDED_SHARE = 0.92
CGA_RISE_PER_HAZARD = 0.22
"""Change of log chromogranin A by week 24 per unit of log hazard, on top of the response to treatment."""
CGA_RESPONSE = -0.25


@dataclass(frozen=True)
class LabTest:
    """How one test behaves: the log (or the value itself) is normal, part of it shared with other tests.

    Attributes:
        unit: of value and limits.
        middle: median of the log-normal ones, mean of the others.
        spread: standard deviation between patients, of the log or of the value.
        shares: correlation with each common factor; the rest is the test's own.
        lower_limit: of normal, None when only high values matter.
        upper_limit: of normal; None when only low values matter.
        decimals: as reported.
        missing: share of visits without the result.
        visit_spread: as `spread`, from visit to visit of a patient.
        log_normal: skewed to the right.
        drift: change by week 24 under treatment, of the log or of the value.
        least: smallest value there can be.
    """

    unit: str
    middle: float
    spread: float
    shares: Mapping[str, float]
    lower_limit: float | None
    upper_limit: float | None
    decimals: int
    missing: float
    visit_spread: float
    log_normal: bool = True
    drift: float = 0.0
    least: float = 0.0
    female: Mapping[str, float] = field(default_factory=dict)
    """What is different in women: middle, lower_limit, upper_limit."""


FACTORS = ("lab", "load", "liver cells", "bile", "kidney", "inflammation", "marrow")
"""Common factors, all standard normal; `lab` and `load` are the patient's latent ones."""

TESTS: dict[str, LabTest] = {
    "CGA": LabTest("µg/L", 290.0, 1.45, {"lab": 0.82, "load": 0.12}, None, CGA_UPPER_LIMIT_UG_L, 1, 0.05, 0.15),
    "GGT": LabTest(
        "U/L", 52.0, 0.85, {"lab": 0.82, "bile": 0.33, "liver cells": 0.15}, None, 60.0, 0, 0.04, 0.12,
        female={"middle": 44.0, "upper_limit": 40.0},
    ),
    "AST": LabTest("U/L", 26.0, 0.34, {"liver cells": 0.88}, None, 50.0, 0, 0.03, 0.15),
    "ALT": LabTest("U/L", 25.0, 0.44, {"liver cells": 0.85}, None, 50.0, 0, 0.03, 0.17),
    "AP": LabTest("U/L", 92.0, 0.40, {"bile": 0.70, "liver cells": 0.10}, 40.0, 130.0, 0, 0.06, 0.10),
    "BILI": LabTest("µmol/L", 8.6, 0.42, {"bile": 0.55, "liver cells": 0.15}, None, 21.0, 1, 0.06, 0.18),
    "ALB": LabTest(
        "g/L", 41.5, 3.6, {"inflammation": -0.60}, 35.0, 52.0, 1, 0.12, 1.3, log_normal=False, drift=-0.4, least=18.0
    ),
    "LDH": LabTest("U/L", 196.0, 0.22, {"liver cells": 0.25, "inflammation": 0.20}, 125.0, 250.0, 0, 0.16, 0.09),
    "CREA": LabTest("µmol/L", 80.0, 0.20, {"kidney": 0.97}, 45.0, 104.0, 0, 0.03, 0.06, drift=0.03,
                    female={"middle": 66.0, "upper_limit": 84.0}),
    "HGB": LabTest("g/L", 137.0, 13.0, {"inflammation": -0.45, "marrow": 0.35}, 135.0, 175.0, 0, 0.03, 4.0,
                   log_normal=False, drift=-7.0, least=65.0, female={"middle": 126.0, "lower_limit": 120.0,
                                                                     "upper_limit": 160.0}),
    "WBC": LabTest("10^9/L", 6.6, 0.28, {"inflammation": 0.45, "marrow": 0.50}, 3.9, 10.2, 1, 0.03, 0.10, drift=-0.22),
    "LYMPH": LabTest("10^9/L", 1.55, 0.38, {"marrow": 0.60}, 1.1, 4.5, 2, 0.15, 0.14, drift=-0.60),
    "PLT": LabTest("10^9/L", 248.0, 0.27, {"inflammation": 0.25, "marrow": 0.55}, 150.0, 370.0, 0, 0.03, 0.09,
                   drift=-0.20),
    "CRP": LabTest("mg/L", 3.8, 1.15, {"inflammation": 0.85}, None, 5.0, 1, 0.22, 0.35),
    "NSE": LabTest("µg/L", 13.5, 0.42, {"liver cells": 0.10}, None, 16.3, 1, 0.25, 0.12),
}  # fmt: skip
EGFR = "EGFR"
"""Computed from creatinine, so missing with it (ml/min/1.73 m2)."""
EGFR_LOWER_LIMIT = 60.0
EGFR_UPPER_LIMIT = 140.0
UMOL_L_PER_MG_DL = 88.42


def visit_weeks(patient: PrrtPatient, rng: np.random.Generator) -> list[float]:
    """Dates of blood samples: before the first cycle, then until progression."""
    weeks = [float(round(rng.uniform(*BASELINE_WEEKS) * 7) / 7)]
    for week in FOLLOW_UP_WEEKS:
        date = float(round((week + rng.uniform(-VISIT_JITTER_WEEKS, VISIT_JITTER_WEEKS)) * 7) / 7)
        if date < patient.pfs_weeks and rng.random() < VISIT_ATTENDED_SHARE:
            weeks.append(date)
    return weeks


def simulate_labs(patient: PrrtPatient, *, seed: int) -> list[LabRow]:
    """All lab rows of one patient (`raise_core.demo.labs.LAB_COLUMNS`), in order of visit and test."""
    rng = stream(seed, PrrtStream.LABS, patient.index)
    weeks = np.array(visit_weeks(patient, rng))
    factors = dict(zip(FACTORS, rng.normal(size=len(FACTORS)).tolist(), strict=True))
    factors |= {"lab": patient.latents.lab, "load": patient.latents.load}
    values = {test: _values(test, patient, factors, weeks, rng) for test in TESTS}
    values[EGFR] = egfr(values["CREA"], age_years=patient.age_years, male=patient.male)
    missing = {test: rng.random(len(weeks)) < lab.missing for test, lab in TESTS.items()}
    missing[EGFR] = missing["CREA"]
    rows: list[LabRow] = []
    for visit, week in enumerate(weeks):
        for test in sorted(values):
            if not missing[test][visit]:
                lower, upper, unit = _limits(test, patient)
                rows.append((patient.patient_id, float(week), test, float(values[test][visit]), unit, lower, upper))
    return rows


def _values(
    test: str, patient: PrrtPatient, factors: Mapping[str, float], weeks: np.ndarray[tuple[int], np.dtype[np.float64]],
    rng: np.random.Generator,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:  # fmt: skip
    lab = TESTS[test]
    shared = sum(weight * factors[name] for name, weight in lab.shares.items())
    own = np.sqrt(1.0 - sum(weight**2 for weight in lab.shares.values()))
    state = shared + own * rng.normal()
    since = np.clip(weeks, 0.0, None) / FOLLOW_UP_WEEKS[-1]
    change = lab.drift * since
    if test == "CGA":
        change = (CGA_RESPONSE + CGA_RISE_PER_HAZARD * patient.latents.log_hazard) * since
    moved = lab.spread * state + change + lab.visit_spread * rng.normal(size=len(weeks))
    middle = lab.middle if patient.male else lab.female.get("middle", lab.middle)
    values = middle * np.exp(moved) if lab.log_normal else middle + moved
    if test == "CGA":
        values = np.clip(values, *CGA_RANGE_UG_L)
    return np.asarray(np.round(np.maximum(values, max(lab.least, 10.0**-lab.decimals)), lab.decimals))


def egfr(
    creatinine_umol_l: np.ndarray[tuple[int], np.dtype[np.float64]], *, age_years: float, male: bool
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Estimated glomerular filtration rate, whole ml/min/1.73 m2 (CKD-EPI 2021, Inker et al., N Engl J Med 2021)."""
    kappa, alpha, factor = (0.9, -0.302, 1.0) if male else (0.7, -0.241, 1.012)
    ratio = creatinine_umol_l / UMOL_L_PER_MG_DL / kappa
    rate = 142.0 * np.minimum(ratio, 1.0) ** alpha * np.maximum(ratio, 1.0) ** -1.200 * 0.9938**age_years * factor
    return np.asarray(np.round(rate))


def _limits(test: str, patient: PrrtPatient) -> tuple[float | None, float | None, str]:
    if test == EGFR:
        return EGFR_LOWER_LIMIT, EGFR_UPPER_LIMIT, "ml/min/1.73 m²"
    lab = TESTS[test]
    own = {} if patient.male else lab.female
    return own.get("lower_limit", lab.lower_limit), own.get("upper_limit", lab.upper_limit), lab.unit
