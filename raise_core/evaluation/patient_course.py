"""One patient's course read from a study's tables. Nothing is estimated here."""

from __future__ import annotations

import numpy as np
import pandas as pd

from raise_core.domain.cohort import Cohort
from raise_core.domain.errors import NotInStoreError
from raise_core.domain.lesion import ABSENT, NOT_EVALUABLE, target_measurements
from raise_core.domain.patient_course import (
    LabCourse,
    LesionCourse,
    OutcomeAt,
    PatientCourse,
    ScanDate,
    SizeVisit,
    Visit,
)
from raise_core.domain.recist import RecistVersion, Response
from raise_core.domain.visit import first_day_of_visit
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.response_visits import read_cohort

LABS = "laboratory values"
LESIONS = "lesions measured"


def patient_course(
    source: MarkerSource, patient_id: str, *, recist: RecistVersion = RecistVersion.V1_0
) -> PatientCourse:
    """Collect one patient's course.

    Raises:
        NotInStoreError: no such patient in the study.
    """
    cohort = source.cohort
    found = cohort.patients[cohort.patients["patient_id"] == patient_id]
    if found.empty:
        raise NotInStoreError(f"patient '{patient_id}': study {cohort.study.study_id} has no such patient.")
    row = found.iloc[0]
    arm = row.get("arm")
    lesions = _of(cohort.lesions, patient_id)
    measured = _measurements(lesions)
    history = _of(source.sizes, patient_id)
    baseline_week, baseline_mm = _baseline(history)
    courses = _lesions(lesions, measured, baseline_week)
    scans = _scans(cohort, patient_id)
    return PatientCourse(
        patient_id=patient_id,
        characteristics={
            str(name): value
            for name, value in row.items()
            if name not in {"patient_id", "arm"} and not bool(pd.isna(value))
        },
        arm=None if arm is None or bool(pd.isna(arm)) else str(arm),
        outcomes={
            str(name): OutcomeAt(str(name), float(week), bool(event))
            for name, week, event in _of(cohort.outcomes, patient_id)[["endpoint", "time_weeks", "event"]].itertuples(
                index=False
            )
            if not pd.isna(week)
        },
        visits=_visits(cohort, patient_id, scans),
        scans=scans,
        lesions=courses,
        sizes=_sizes(lesions, history, recist),
        baseline_week=baseline_week,
        baseline_mm=baseline_mm,
        recist=recist,
        labs=_labs(_of(cohort.labs, patient_id)),
    )


def _of(table: pd.DataFrame, patient_id: str) -> pd.DataFrame:
    rows: pd.DataFrame = table[table["patient_id"] == patient_id]
    return rows


def _measurements(lesions: pd.DataFrame) -> pd.DataFrame:
    """`week`, `lesion_id`, `diameter_mm` of every recorded lesion; targets dated by visit."""
    others = lesions[~lesions["target"].astype(bool)].copy()
    others.loc[others["status"] == ABSENT, "diameter_mm"] = 0.0
    others.loc[others["status"] == NOT_EVALUABLE, "diameter_mm"] = np.nan
    columns = ["week", "lesion_id", "diameter_mm"]
    measured: pd.DataFrame = pd.concat([target_measurements(lesions)[columns], others[columns]], ignore_index=True)
    return measured


def _baseline(history: pd.DataFrame) -> tuple[float | None, float | None]:
    weeks = history["baseline_week"].dropna()
    if weeks.empty:
        return None, None
    week = float(weeks.iloc[0])
    at_baseline = history.loc[history["week"] == week, "sld"]
    sld = float(at_baseline.iloc[0]) if len(at_baseline) else float("nan")
    return week, (sld if np.isfinite(sld) else None)


def _lesions(lesions: pd.DataFrame, measured: pd.DataFrame, baseline_week: float | None) -> tuple[LesionCourse, ...]:
    courses = []
    first = lesions.drop_duplicates("lesion_id")
    organs = dict(zip(first["lesion_id"], first["organ"], strict=True))
    targets = set(first.loc[first["target"].astype(bool), "lesion_id"])
    for lesion_id, rows in measured.groupby("lesion_id", sort=True):
        dated = rows.sort_values("week", kind="stable")
        there = dated[~(dated["diameter_mm"] == 0.0)]
        organ = organs[lesion_id]
        courses.append(
            LesionCourse(
                lesion_id=str(lesion_id),
                organ=None if bool(pd.isna(organ)) else str(organ),
                target=lesion_id in targets,
                new=baseline_week is not None and len(there) > 0 and float(there["week"].iloc[0]) > baseline_week,
                weeks=dated["week"].to_numpy(dtype=float),
                diameter_mm=dated["diameter_mm"].to_numpy(dtype=float),
            )
        )
    return tuple(sorted(courses, key=lambda lesion: (not lesion.target, lesion.lesion_id)))


def _sizes(lesions: pd.DataFrame, history: pd.DataFrame, version: RecistVersion) -> tuple[SizeVisit, ...]:
    """Visits with sums or new lesions, read by RECIST where there is a positive baseline sum."""
    read = read_cohort(lesions, history, version).visits
    return tuple(
        SizeVisit(
            week=float(row["week"]),
            sld_mm=_known(row["sld_mm"]),
            sldr=_known(row["sldr"]),
            nadir_mm=_known(row["nadir_mm"]),
            progression_mm=_known(row["progression_mm"]),
            new_lesions=row["new_lesions"],
            response=None if row["response"] is None else Response(row["response"]),
        )
        for row in read.to_dict("records")
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _labs(labs: pd.DataFrame) -> dict[str, LabCourse]:
    courses = {}
    known = labs[labs["value"].notna()]
    for test, rows in known.groupby(known["test"].str.upper(), sort=True):
        units = rows["unit"].fillna("")
        unit = str(units.value_counts().index[0])
        same = rows[units == unit].sort_values("week", kind="stable")
        courses[str(test)] = LabCourse(
            test=str(test),
            unit=unit,
            weeks=same["week"].to_numpy(dtype=float),
            value=same["value"].to_numpy(dtype=float),
            lower_limit=pd.to_numeric(same["lower_limit"], errors="coerce").to_numpy(dtype=float),
            upper_limit=pd.to_numeric(same["upper_limit"], errors="coerce").to_numpy(dtype=float),
            other_unit_values=len(rows) - len(same),
        )
    return courses


def _scans(cohort: Cohort, patient_id: str) -> tuple[ScanDate, ...]:
    scans = _of(cohort.scans, patient_id)
    scans = scans.sort_values(["week", "scan_id"], kind="stable")
    annotated = scans["scan_id"].isin(cohort.masks.loc[cohort.masks["kind"] == "lesion", "scan_id"])
    modalities, phases = scans["modality"].fillna(""), scans["phase"].fillna("")
    return tuple(
        ScanDate(float(week), f"{modality or 'scan'} {phase}".strip(), phase or None, bool(outlined))
        for week, modality, phase, outlined in zip(scans["week"], modalities, phases, annotated, strict=True)
    )


def _visits(cohort: Cohort, patient_id: str, scans: tuple[ScanDate, ...]) -> tuple[Visit, ...]:
    """Dates at most a week apart are one visit, unless the same thing was done twice."""
    labs = _of(cohort.labs, patient_id)
    done = pd.concat(
        [
            pd.DataFrame({"week": [scan.week for scan in scans], "item": [scan.kind for scan in scans]}),
            pd.DataFrame({"week": labs["week"].to_numpy(dtype=float), "item": LABS}),
            pd.DataFrame({"week": _of(cohort.lesions, patient_id)["week"].to_numpy(dtype=float), "item": LESIONS}),
        ],
        ignore_index=True,
    ).drop_duplicates()
    if done.empty:
        return ()
    done.insert(0, "patient_id", patient_id)
    done["visit"] = first_day_of_visit(done, item="item")
    return tuple(
        Visit(float(str(week)), tuple(dict.fromkeys(str(item) for item in rows["item"])))
        for week, rows in done.groupby("visit", sort=True)
    )
