"""A patient's course as tables with plain column names, and everything of it as one file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from raise_core.domain.marker_name import plain_test_name
from raise_core.domain.patient_course import PatientCourse
from raise_core.domain.patient_risk import RiskAtWeek
from raise_core.domain.results import Provenance
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.patient_words import RESPONSES


def visits_table(course: PatientCourse, *, unit: TimeUnit) -> pd.DataFrame:
    """One row a visit: what was done, the sum, its ratio, the response."""
    rows = []
    for visit in course.visits:
        size = next((size for size in course.sizes if abs(size.week - visit.week) <= 1.0), None)
        rows.append(
            {
                _time(unit): round(unit.of_weeks(visit.week), 1),
                "Done": ", ".join(visit.done),
                "Sum of target lesions (mm)": None if size is None else size.sld_mm,
                "SLDr": None if size is None else size.sldr,
                "Smallest sum before (mm)": None if size is None else size.nadir_mm,
                f"Response (RECIST {course.recist.value})": ""
                if size is None or size.response is None
                else RESPONSES[size.response],
                "New lesions": "" if size is None else ", ".join(size.new_lesions),
            }
        )
    return pd.DataFrame(rows)


def lesions_table(course: PatientCourse, *, unit: TimeUnit) -> pd.DataFrame:
    """One row a lesion, one column a date, diameters in mm."""
    rows = []
    for lesion in course.lesions:
        row: dict[str, object] = {
            "Lesion": lesion.lesion_id,
            "Organ": lesion.organ or "",
            "Kind": "new" if lesion.new else "target" if lesion.target else "other",
        }
        for week, diameter in zip(lesion.weeks.tolist(), lesion.diameter_mm.tolist(), strict=True):
            row[unit.visit(round(week) if unit is TimeUnit.WEEKS else week).replace("-", "−").capitalize()] = (
                None if np.isnan(diameter) else diameter
            )
        rows.append((lesion.weeks.tolist(), row))
    return pd.DataFrame([row for _, row in rows])


def labs_table(course: PatientCourse, *, unit: TimeUnit) -> pd.DataFrame:
    """One row a date, one column a test with its unit."""
    columns = {
        f"{plain_test_name(lab.test)}{f' ({lab.unit})' if lab.unit else ''}": pd.Series(
            lab.value, index=[round(unit.of_weeks(week), 1) for week in lab.weeks.tolist()]
        )
        .groupby(level=0)
        .last()
        for lab in course.labs.values()
    }
    table = pd.DataFrame(columns).sort_index()
    return table.reset_index(names=_time(unit))


def risk_table(risks: Sequence[RiskAtWeek], at_risk: dict[float, int], *, unit: TimeUnit) -> pd.DataFrame:
    """One row a landmark week: the patient's risk with its range, and its percentile."""
    return pd.DataFrame(
        [
            {
                "Visit": unit.visit(at.week).capitalize(),
                "Patients at risk": at_risk.get(at.week),
                "Others with a lower risk (%)": None if at.risk is None else at.risk.percentile,
                "Range over splits": numbers.MISSING
                if at.risk is None
                else f"{at.risk.percentile_low:.0f}–{at.risk.percentile_high:.0f} %",
                "Risk (SD from average)": None if at.risk is None else at.risk.risk,
                "Splits that test the patient": None if at.risk is None else at.risk.test_splits,
            }
            for at in risks
        ]
    )


def _time(unit: TimeUnit) -> str:
    return unit.value.capitalize()


def download_table(
    course: PatientCourse, risks: Sequence[RiskAtWeek], *, model: str | None, provenance: Provenance
) -> pd.DataFrame:
    """Everything of the patient, a row a value, at full precision with where it came from."""
    rows: list[tuple[float | None, str, str, object, str]] = []
    rows += [(None, "characteristic", name, value, "") for name, value in course.characteristics.items()]
    if course.arm is not None:
        rows.append((None, "characteristic", "arm", course.arm, ""))
    rows += [
        (outcome.week, "outcome", name, int(outcome.event), "1 event, 0 censored")
        for name, outcome in course.outcomes.items()
    ]
    rows += [
        (scan.week, "scan", scan.kind, "outlined" if scan.annotated else "not outlined", "") for scan in course.scans
    ]
    for lesion in course.lesions:
        kind = "new lesion" if lesion.new else "target lesion" if lesion.target else "other lesion"
        rows += [
            (week, kind, lesion.lesion_id, diameter, "mm")
            for week, diameter in zip(lesion.weeks.tolist(), lesion.diameter_mm.tolist(), strict=True)
        ]
    for size in course.sizes:
        rows += [(size.week, "size", "sld", size.sld_mm, "mm"), (size.week, "size", "sldr", size.sldr, "")]
        if size.response is not None:
            rows.append((size.week, "response", f"RECIST {course.recist.value}", size.response.value, ""))
    for lab in course.labs.values():
        rows += [
            (week, "laboratory", lab.test, value, lab.unit)
            for week, value in zip(lab.weeks.tolist(), lab.value.tolist(), strict=True)
        ]
    for at in risks:
        if at.risk is None:
            rows.append((at.week, "risk", "reason", None if at.reason is None else at.reason.value, ""))
            continue
        for name in ("risk", "low", "high", "percentile", "percentile_low", "percentile_high", "test_splits"):
            measure = "%" if name.startswith("percentile") else "splits" if name == "test_splits" else "sd"
            rows.append((at.week, "risk", name, getattr(at.risk, name), measure))
    table = pd.DataFrame(rows, columns=["week", "kind", "name", "value", "unit"])
    about: dict[str, str | bool | None] = {
        "study": provenance.study_id, "simulated_data": provenance.simulated, "snapshot": provenance.snapshot_id,
        "run": provenance.run_id, "encoder": provenance.encoder, "model": model, "cohort": provenance.cohort_words,
        "patient_id": course.patient_id,
    }  # fmt: skip
    for place, (name, value) in enumerate(about.items()):
        table.insert(place, name, value)
    return table
