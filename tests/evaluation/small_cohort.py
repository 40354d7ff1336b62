"""Cohorts small enough to count by hand, for the tests of this folder and of figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from raise_core.domain.cohort import Cohort, Study

STUDY = Study("s", "0123456789abcdef", "A study", True, "Placebo", "2026-01-01T00:00:00Z")
SCAN_COLUMNS = ["scan_id", "patient_id", "week", "modality", "phase", "content_sha256", "file"]
MASK_COLUMNS = ["scan_id", "kind", "lesion_id", "slice_index", "label", "content_sha256", "file"]


def make_cohort(patients: pd.DataFrame, *, outcomes=(), labs=(), lesions=(), scans=(), masks=(), study=STUDY) -> Cohort:
    """outcomes: (patient, weeks, event); labs: (patient, week, test, value, upper limit);

    lesions: (patient, week, lesion, mm, organ); scans: (scan, patient, week, phase); masks: scan of each lesion mask.
    """
    scan_rows = [(scan, who, week, "CT", phase, scan, f"/{scan}") for scan, who, week, phase in scans]
    mask_rows = [(scan, "lesion", "T1", 0, 1, f"m{scan}", f"/m{scan}") for scan in masks]
    dated = {"week": float}
    return Cohort(
        study=study,
        patients=patients.reset_index(drop=True),
        outcomes=pd.DataFrame(
            [(who, "PFS", float(weeks), bool(event)) for who, weeks, event in outcomes],
            columns=["patient_id", "endpoint", "time_weeks", "event"],
        ),
        labs=pd.DataFrame(labs, columns=["patient_id", "week", "test", "value", "upper_limit"])
        .assign(unit="µg/L", lower_limit=np.nan)
        .astype(dated | {"value": float, "upper_limit": float}),
        lesions=pd.DataFrame(lesions, columns=["patient_id", "week", "lesion_id", "diameter_mm", "organ"])
        .assign(target=True, status="measured")
        .astype(dated | {"diameter_mm": float}),
        scans=pd.DataFrame(scan_rows, columns=SCAN_COLUMNS).astype(dated),
        masks=pd.DataFrame(mask_rows, columns=MASK_COLUMNS),
    )


def two_arms(n: int, *, columns=None) -> pd.DataFrame:
    """Patients p000, p001, … taking turns in Drug and Placebo."""
    frame = pd.DataFrame(
        {"patient_id": [f"p{i:03d}" for i in range(n)], "arm": ["Drug" if i % 2 == 0 else "Placebo" for i in range(n)]}
    )
    return frame.assign(**(columns or {}))
