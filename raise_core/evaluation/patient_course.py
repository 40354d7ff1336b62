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
from raise_core.domain.recist import PROGRESSION_FRACTION, RecistVersion, read_recist
from raise_core.domain.visit import first_day_of_visit
from raise_core.evaluation.marker_values import MarkerSource

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
        sizes=_sizes(history, courses, baseline_week, baseline_mm, recist),
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


def _sizes(
    history: pd.DataFrame,
    lesions: tuple[LesionCourse, ...],
    baseline_week: float | None,
    baseline_mm: float | None,
    version: RecistVersion,
) -> tuple[SizeVisit, ...]:
    """Visits with sums, read by RECIST where there is a positive baseline sum."""
    sums = {float(week): float(sld) for week, sld in zip(history["week"], history["sld"], strict=True)}
    seen: dict[float, list[str]] = {}
    for lesion in lesions:
        if lesion.new:
            for week, diameter in zip(lesion.weeks, lesion.diameter_mm, strict=True):
                if diameter != 0.0:
                    seen.setdefault(_visit_of(float(week), sums), []).append(lesion.lesion_id)
    weeks = sorted({*sums, *seen})
    later = [week for week in weeks if baseline_week is not None and week > baseline_week]
    readable = baseline_mm is not None and baseline_mm > 0
    reading = None
    if readable and baseline_mm is not None:
        reading = read_recist(
            baseline_mm=baseline_mm,
            sld_mm=[sums.get(week, np.nan) for week in later],
            new_lesion=[week in seen for week in later],
            version=version,
        )
    visits = []
    for week in weeks:
        sld = sums.get(week, np.nan)
        place = later.index(week) if week in later else None
        nadir = None if reading is None or place is None else float(reading.nadir_mm[place])
        visits.append(
            SizeVisit(
                week=week,
                sld_mm=None if np.isnan(sld) else sld,
                sldr=None if np.isnan(sld) or nadir is None or baseline_mm is None else sld / baseline_mm,
                nadir_mm=nadir,
                progression_mm=None if nadir is None else _progression_from(nadir, version),
                new_lesions=tuple(seen.get(week, ())),
                response=None if reading is None or place is None else reading.responses[place],
            )
        )
    return tuple(visits)


def _visit_of(week: float, sums: dict[float, float]) -> float:
    """The visit a day belongs to: the one with a sum up to a week away, else the day itself."""
    near = [other for other in sums if abs(other - week) <= 1.0]
    return min(near, key=lambda other: abs(other - week)) if near else week


def _progression_from(nadir_mm: float, version: RecistVersion) -> float:
    """Smallest sum that counts as progression over a nadir (mm)."""
    return max((1.0 + PROGRESSION_FRACTION) * nadir_mm, nadir_mm + version.progression_absolute_mm)


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
