"""Blood values of a simulated patient at every attended visit: chromogranin A and a handful of routine ones.

Chromogranin A follows tumour burden, current growth and lesions too small for CT, under much noise. The routine values
carry little: some follow the liver burden, the rest only the patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raise_core.demo.course import BASELINE, Course
from raise_core.demo.trial import Stream, stream

CGA_MEDIAN_UG_L = 230.0
CGA_UPPER_LIMIT_UG_L = 98.1
CGA_LOG_SD_PATIENT = 1.1
CGA_PER_LOG_BURDEN_BETWEEN = 0.8
CGA_PER_LOG_BURDEN_WITHIN = 0.5
CGA_PER_GROWTH_SD = 0.6
CGA_GROWTH_TURNOVER_WEEKS = 8.0
CGA_OCCULT_LESION = 0.28
CGA_NOISE_OF_CHANGE = 0.55
CGA_REFERENCE_SLD_MM = 80.0
CGA_RANGE_UG_L = (8.0, 250_000.0)

MISSING_SHARE = 0.015
"""Tests without a result, independently of everything."""


@dataclass(frozen=True)
class RoutineLab:
    """How one routine value behaves: log-normal between patients and from visit to visit.

    Attributes:
        unit: of value and limits.
        median: value of a patient of the reference liver burden.
        log_sd_patient: spread between patients.
        log_sd_visit: spread between visits of a patient.
        per_log_liver_burden: change of the log with the log of the liver targets' sum.
        lower_limit: of normal, None when only high values matter.
        upper_limit: of normal.
        decimals: as reported.
    """

    unit: str
    median: float
    log_sd_patient: float
    log_sd_visit: float
    per_log_liver_burden: float
    lower_limit: float | None
    upper_limit: float
    decimals: int


ROUTINE: dict[str, RoutineLab] = {
    "ALBUMIN": RoutineLab("g/L", 42.0, 0.07, 0.04, -0.02, 35.0, 52.0, 1),
    "ALT": RoutineLab("U/L", 24.0, 0.38, 0.22, 0.08, None, 45.0, 0),
    "AP": RoutineLab("U/L", 84.0, 0.32, 0.14, 0.14, 40.0, 130.0, 0),
    "AST": RoutineLab("U/L", 25.0, 0.30, 0.20, 0.10, None, 40.0, 0),
    "CREATININE": RoutineLab("µmol/L", 78.0, 0.20, 0.09, 0.0, 45.0, 104.0, 0),
    "GGT": RoutineLab("U/L", 42.0, 0.65, 0.20, 0.25, None, 60.0, 0),
    "HAEMOGLOBIN": RoutineLab("g/L", 136.0, 0.09, 0.04, -0.01, 120.0, 175.0, 0),
    "LDH": RoutineLab("U/L", 188.0, 0.18, 0.11, 0.05, 125.0, 240.0, 0),
}


LabRow = tuple[str, float, str, float, str, float | None, float | None]
LAB_COLUMNS = ("patient_id", "week", "test", "value", "unit", "lower_limit", "upper_limit")


def simulate_labs(course: Course, *, seed: int) -> list[LabRow]:
    """All lab rows of one patient (`LAB_COLUMNS`), in order of visit and test."""
    rng = stream(seed, Stream.LABS, course.patient.index)
    visits = len(course.weeks)
    sld = course.true_sld_mm
    liver = np.sum([lesion.true_mm for lesion in course.liver_targets], axis=0) + np.full(visits, 5.0)

    since = np.maximum(course.weeks, 0.0)
    log_cga = (
        np.log(CGA_MEDIAN_UG_L)
        + CGA_LOG_SD_PATIENT * rng.normal()
        + CGA_PER_LOG_BURDEN_BETWEEN * np.log(sld[BASELINE] / CGA_REFERENCE_SLD_MM)
        + CGA_PER_LOG_BURDEN_WITHIN * np.log(sld / sld[BASELINE])
        + CGA_PER_GROWTH_SD * course.growth_state * -np.expm1(-since / CGA_GROWTH_TURNOVER_WEEKS)
        + CGA_OCCULT_LESION * np.array(course.occult, dtype=np.float64)
        + CGA_NOISE_OF_CHANGE / np.sqrt(2.0) * rng.normal(size=visits)
    )
    values = {"CGA": np.round(np.clip(np.exp(log_cga), *CGA_RANGE_UG_L), 1)}
    for test, lab in ROUTINE.items():
        log_value = np.log(lab.median) + lab.log_sd_patient * rng.normal() + lab.log_sd_visit * rng.normal(size=visits)
        log_value = log_value + lab.per_log_liver_burden * np.log(liver / CGA_REFERENCE_SLD_MM)
        values[test] = np.round(np.exp(log_value), lab.decimals)
    known = rng.random((visits, len(values))) >= MISSING_SHARE

    rows: list[LabRow] = []
    for visit in range(course.attended):
        week = float(course.weeks[visit])
        for column, test in enumerate(sorted(values)):
            if known[visit, column]:
                lower, upper, unit = _limits(test)
                value = float(values[test][visit])
                rows.append((course.patient.patient_id, week, test, value, unit, lower, upper))
    return rows


def _limits(test: str) -> tuple[float | None, float, str]:
    if test == "CGA":
        return None, CGA_UPPER_LIMIT_UG_L, "µg/L"
    lab = ROUTINE[test]
    return lab.lower_limit, lab.upper_limit, lab.unit
