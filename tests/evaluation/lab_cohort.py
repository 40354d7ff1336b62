"""A cohort made for tests of laboratory importance: what matters is known because it was planted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from raise_core.domain.cohort import Cohort, Study
from raise_core.evaluation.marker_values import MarkerSource

CENSORED_AT = 120.0


def cohort_of(labs: dict[str, np.ndarray], risk: np.ndarray, *, seed: int = 0, week: float = 0.0) -> MarkerSource:
    """Patients with values (NaN where missing) and times that the log hazard `risk` determines.

    Args:
        labs: test to values, one a patient.
        risk: log hazard of each patient.
        seed: of the times.
        week: date of the values.
    """
    rng = np.random.default_rng(seed)
    n = len(risk)
    ids = [f"P{number:04d}" for number in range(n)]
    time = rng.exponential(45.0 * np.exp(-risk)) + 1.5
    censored = rng.uniform(40.0, CENSORED_AT, n)
    rows = [
        {"patient_id": patient, "week": week, "test": test, "value": float(value)}
        for test, values in labs.items()
        for patient, value in zip(ids, values, strict=True)
        if np.isfinite(value)
    ]
    table = pd.DataFrame(rows, columns=["patient_id", "week", "test", "value"])
    table[["unit", "lower_limit", "upper_limit"]] = ["U/L", np.nan, np.nan]
    outcomes = pd.DataFrame(
        {
            "patient_id": ids,
            "endpoint": "PFS",
            "time_weeks": np.round(np.minimum(time, censored), 2),
            "event": time <= censored,
        }
    )
    lesions = pd.DataFrame(
        columns=["patient_id", "week", "lesion_id", "diameter_mm", "organ", "target", "status"]
    ).astype({"week": float, "diameter_mm": float, "target": bool})
    study = Study("made", "0" * 64, "Made for tests", True, None, "2026-01-01T00:00:00Z")
    empty = pd.DataFrame()
    return MarkerSource(Cohort(study, pd.DataFrame({"patient_id": ids}), outcomes, table, lesions, empty, empty))


def normal_labs(n: int, count: int, *, seed: int = 1) -> dict[str, np.ndarray]:
    """Independent values without skewness, named L0, L1, …"""
    rng = np.random.default_rng(seed)
    return {f"L{place}": 10.0 + rng.standard_normal(n) for place in range(count)}
