"""One simulated trial as canonical tables, and the plan of which scans were archived. No images are drawn here.

Who belongs to the imaging set follows the paper's two steps: liver lesions and CT at two or more visits (150 of 204),
then readable annotations (138, 69 per arm). How many is fixed; who is random among those who got past the first visit
after randomisation, since others have no second scan in the archive.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
import pandas as pd

from raise_core.demo.course import BASELINE, Course, run_course
from raise_core.demo.labs import LAB_COLUMNS, simulate_labs
from raise_core.demo.trial import (
    CT_SHARE,
    IMAGING_SHARE,
    LIVER_SHARE,
    Patient,
    Stream,
    randomise,
    stream,
)

Phase = Literal["arterial", "portal"]
PHASES: tuple[Phase, ...] = ("arterial", "portal")

VISIT_IMAGED_SHARE = 0.87
ARTERIAL_MISSING_SHARE = 0.03
"""Visits with images that lack the arterial phase."""
UNREADABLE_VISITS = 2
"""Visits whose scans are kept for patients without readable annotations."""

FIRST_VISIT_PASSED_WEEKS = 13.0

LOAD_BANDS_MM = ((0.0, "none"), (60.0, "low"), (120.0, "intermediate"), (np.inf, "high"))
"""Upper limits of the sum of liver targets at baseline."""


class Archive(StrEnum):
    """What the image archive holds of a patient."""

    NO_LIVER_LESION = "no liver lesion"
    TOO_FEW_CT = "CT at fewer than two visits"
    UNREADABLE = "annotations not readable"
    ANALYSED = "in the imaging set"


@dataclass(frozen=True)
class PlannedScan:
    """One scan to draw.

    Attributes:
        patient_index: position of the patient.
        visit: position of the visit.
        phase: contrast phase.
        annotated: lesion contours exist.
    """

    patient_index: int
    visit: int
    phase: Phase
    annotated: bool


@dataclass(frozen=True, eq=False)
class SimulatedTrial:
    """A whole trial without its images.

    Attributes:
        seed: what it was drawn with.
        courses: one per patient, in order of `Patient.index`.
        archive: one per patient.
        patients: canonical table.
        outcomes: canonical table: PFS, its two causes PROGRESSION and DEATH at the same times, and OS.
        labs: canonical table.
        lesions: canonical table.
        scans: scans to draw, in order of patient, visit and phase.
    """

    seed: int
    courses: tuple[Course, ...]
    archive: tuple[Archive, ...]
    patients: pd.DataFrame
    outcomes: pd.DataFrame
    labs: pd.DataFrame
    lesions: pd.DataFrame
    scans: tuple[PlannedScan, ...]


def simulate_trial(*, patients: int = 204, seed: int = 0) -> SimulatedTrial:
    """Simulate the trial: patients, courses, tables and archive.

    Raises:
        BadUsageError: fewer than four patients, or a negative seed.
    """
    enrolled = randomise(patients=patients, seed=seed)
    courses: dict[int, Course] = {}
    archive: dict[int, Archive] = {}
    for treated in (False, True):
        members = [patient for patient in enrolled if patient.treated is treated]
        arm_courses, arm_archive = _arm(members, trial_size=patients, seed=seed)
        courses |= arm_courses
        archive |= arm_archive
    ordered = tuple(courses[patient.index] for patient in enrolled)
    return SimulatedTrial(
        seed=seed,
        courses=ordered,
        archive=tuple(archive[patient.index] for patient in enrolled),
        patients=_patients_table(ordered),
        outcomes=_outcomes_table(ordered),
        labs=pd.DataFrame([row for course in ordered for row in simulate_labs(course, seed=seed)], columns=LAB_COLUMNS),
        lesions=_lesions_table(ordered),
        scans=tuple(
            scan for course in ordered for scan in _plan_scans(course, archive[course.patient.index], seed=seed)
        ),
    )


def _arm(members: list[Patient], *, trial_size: int, seed: int) -> tuple[dict[int, Course], dict[int, Archive]]:
    """Courses and archive status of one arm."""
    order = stream(seed, Stream.IMAGING_SET, int(members[0].treated)).permutation(len(members))
    shuffled = [members[position] for position in order]
    with_ct = min(round(trial_size * CT_SHARE / 2), len(shuffled))
    analysed = min(round(trial_size * IMAGING_SHARE / 2), with_ct)
    with_liver = round(LIVER_SHARE * len(shuffled))
    courses: dict[int, Course] = {}
    archive: dict[int, Archive] = {}
    followed = 0
    for position, patient in enumerate(shuffled):
        # Past the planned share, liver lesions go on being dealt until enough of their bearers have a second scan.
        liver = position < with_liver or followed < with_ct
        course = run_course(patient, liver=liver, seed=seed)
        courses[patient.index] = course
        if not liver:
            archive[patient.index] = Archive.NO_LIVER_LESION
            continue
        second_scan = course.pfs_weeks > FIRST_VISIT_PASSED_WEEKS and course.attended > BASELINE + 1
        if not second_scan or followed >= with_ct:
            archive[patient.index] = Archive.TOO_FEW_CT
            continue
        archive[patient.index] = Archive.ANALYSED if followed < analysed else Archive.UNREADABLE
        followed += 1
    return courses, archive


def _plan_scans(course: Course, archive: Archive, *, seed: int) -> list[PlannedScan]:
    index = course.patient.index
    if archive is Archive.NO_LIVER_LESION:
        return []
    if archive is Archive.TOO_FEW_CT:
        return [PlannedScan(index, BASELINE, "portal", annotated=False)]
    if archive is Archive.UNREADABLE:
        visits = range(BASELINE, BASELINE + UNREADABLE_VISITS)
        return [PlannedScan(index, visit, "portal", annotated=False) for visit in visits]
    rng = stream(seed, Stream.SCANS, index)
    imaged = rng.random(len(course.weeks)) < VISIT_IMAGED_SHARE
    arterial = rng.random(len(course.weeks)) >= ARTERIAL_MISSING_SHARE
    attended = np.arange(len(course.weeks)) < course.attended
    imaged &= attended & (np.arange(len(course.weeks)) >= BASELINE)
    for visit in (BASELINE, BASELINE + 1):
        if imaged.sum() < 2:  # otherwise the patient would not be in the set
            imaged[visit] = True
    return [
        PlannedScan(index, int(visit), phase, annotated=True)
        for visit in np.flatnonzero(imaged)
        for phase in PHASES
        if phase == "portal" or arterial[visit]
    ]


def _patients_table(courses: tuple[Course, ...]) -> pd.DataFrame:
    rows = [
        {
            "patient_id": course.patient.patient_id,
            "arm": course.patient.arm,
            "sex": "male" if course.patient.male else "female",
            "age_years": course.patient.age_years,
            "origin": course.patient.origin,
            "grade": course.patient.grade,
            "ki67_percent": course.patient.ki67_percent,
            "prior_treatment": course.patient.prior_treatment,
            "progressed_at_baseline": course.progressed_at_baseline,
            "liver_tumour_load": _load_band(course),
        }
        for course in courses
    ]
    return pd.DataFrame(rows)


def _load_band(course: Course) -> str:
    total = sum(float(lesion.measured_mm[BASELINE]) for lesion in course.liver_targets)
    return next(name for limit, name in LOAD_BANDS_MM if total <= limit)


def _outcomes_table(courses: tuple[Course, ...]) -> pd.DataFrame:
    rows = []
    for course in courses:
        for endpoint, weeks, event in (
            ("PFS", course.pfs_weeks, course.progressed or course.died_first),
            ("PROGRESSION", course.pfs_weeks, course.progressed),
            ("DEATH", course.pfs_weeks, course.died_first),
            ("OS", course.os_weeks, course.died),
        ):
            rows.append((course.patient.patient_id, endpoint, weeks, int(event)))
    return pd.DataFrame(rows, columns=["patient_id", "endpoint", "time_weeks", "event"])


def _lesions_table(courses: tuple[Course, ...]) -> pd.DataFrame:
    rows = [
        (
            course.patient.patient_id,
            course.weeks[visit],
            lesion.lesion_id,
            lesion.measured_mm[visit],
            lesion.organ,
            lesion.target,
            "measured",
        )
        for course in courses
        for visit in range(course.attended)
        for lesion in course.lesions
        if visit >= lesion.first_visit
    ]
    return pd.DataFrame(rows, columns=["patient_id", "week", "lesion_id", "diameter_mm", "organ", "target", "status"])
