"""A simulated RAISE-like trial as a canonical import folder: tables as CSV, slabs and masks as NIfTI."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raise_core.demo.anatomy import Anatomy
from raise_core.demo.contour import draw_contour
from raise_core.demo.course import BASELINE, NOMINAL_WEEKS, Course
from raise_core.demo.import_folder import (
    IMAGES,
    MASK_COLUMNS,
    SCAN_COLUMNS,
    draw_all,
    prepare,
    processes_for,
    write_nifti,
    write_tables,
)
from raise_core.demo.phantom import LIVER_SD_HU, look_of, render
from raise_core.demo.scanner import GRID, SLICE_MM, NoisePool, choose_scanner
from raise_core.demo.tables import PHASES, PlannedScan, simulate_trial
from raise_core.demo.trial import FULL_SIZE, REFERENCE_ARM, Stream, stream
from raise_core.demo.tumour import Tumour, place
from raise_core.domain.progress import Progress, silent

SIMULATION_VERSION = 1
"""Raise this whenever the same seed would give other tables or pixels."""

TITLE = "RAISE-like trial (simulated)"
SHIFT_SD_MM = (1.6, 2.5)
SHIFT_LIMIT_MM = 4.0
"""How far a patient lies from where the last scan had them, x and y."""


@dataclass(frozen=True)
class _Plan:
    """What one process needs to draw one patient."""

    course: Course
    scans: tuple[PlannedScan, ...]
    folder: Path
    seed: int


@dataclass(frozen=True)
class _Written:
    """Rows of the scans and masks tables for one patient."""

    scans: list[tuple[str, float, str, str, str, str, str]]
    masks: list[tuple[str, str, str, str | None, int | None, int | None]]


def simulate_raise(
    folder: Path,
    *,
    patients: int = FULL_SIZE,
    seed: int = 0,
    progress: Progress = silent,
    workers: int | None = None,
) -> None:
    """Simulate a trial and write it as a canonical import folder.

    The same seed and size give the same tables and pixels whatever the number of workers.

    Args:
        folder: where to write; made if need be, and must be empty.
        patients: number randomised; the imaging set keeps its share of it.
        seed: what the whole trial is drawn from.
        progress: told of each finished patient.
        workers: processes that draw scans; None for one per CPU. With 1 everything happens in this process.

    Raises:
        BadUsageError: the folder is not empty, fewer than four patients, a negative seed, or no workers.
    """
    processes = processes_for(workers)
    prepare(folder)

    trial = simulate_trial(patients=patients, seed=seed)
    plans = [
        _Plan(trial.courses[index], tuple(scans), folder, seed)
        for index, scans in groupby(trial.scans, key=lambda scan: scan.patient_index)
    ]
    written = draw_all(_draw_patient, plans, processes=processes, progress=progress)

    scans = pd.DataFrame([row for rows in written for row in rows.scans], columns=SCAN_COLUMNS)
    masks = pd.DataFrame([row for rows in written for row in rows.masks], columns=MASK_COLUMNS)
    masks = masks.astype({"slice_index": "Int64", "label": "Int64"})
    tables = {
        "patients": trial.patients,
        "outcomes": trial.outcomes,
        "labs": trial.labs,
        "lesions": trial.lesions,
        "scans": scans,
        "masks": masks,
    }
    write_tables(folder, tables, study={"title": TITLE, "simulated": True, "reference_arm": REFERENCE_ARM})


@lru_cache(maxsize=1)
def _noise_pool(seed: int) -> NoisePool:
    return NoisePool(seed)


def _draw_patient(plan: _Plan) -> _Written:
    """Draw and write all scans of one patient."""
    course, folder, seed = plan.course, plan.folder, plan.seed
    index = course.patient.index
    rng = stream(seed, Stream.ANATOMY, index)
    anatomy = Anatomy(rng)
    scanner = choose_scanner(rng, body_reach_mm=anatomy.reach_mm + SHIFT_LIMIT_MM)
    liver_offset = float(rng.normal(0.0, LIVER_SD_HU))
    tumours = _place_tumours(course, anatomy, rng, pixel_mm=scanner.pixel_mm)
    states = course.tumour_state
    pool = _noise_pool(seed)
    folder_name = f"{IMAGES}/{course.patient.patient_id}"
    (folder / folder_name).mkdir(parents=True)
    rows = _Written([], [])
    for visit, planned in groupby(plan.scans, key=lambda scan: scan.visit):
        visit_rng = stream(seed, Stream.RENDERING, index, visit)
        x, y = np.clip(visit_rng.normal(0.0, SHIFT_SD_MM), -SHIFT_LIMIT_MM, SHIFT_LIMIT_MM)
        shift = (float(x), float(y))
        abdomen = anatomy.at(pixel_mm=scanner.pixel_mm, shift_mm=shift)
        diameters = [float(lesion.true_mm[visit]) for lesion in course.liver_targets]
        name = f"{folder_name}/week{NOMINAL_WEEKS[visit]:+04.0f}".replace("+", "")
        for scan in planned:
            scan_rng = stream(seed, Stream.RENDERING, index, visit, 1 + PHASES.index(scan.phase))
            look = look_of(scan_rng, phase=scan.phase, tumour_state=float(states[visit]))
            slab = render(
                abdomen,
                tumours,
                diameters,
                look=look,
                shift_mm=shift,
                scanner=scanner,
                liver_offset_hu=liver_offset,
                texture_seeds=[stream(seed, Stream.ANATOMY, index, 1 + number) for number in range(len(tumours))],
                pool=pool,
                rng=scan_rng,
            )
            path = f"{name}-{scan.phase}.nii.gz"
            _write_nifti(folder / path, slab, pixel_mm=scanner.pixel_mm)
            week = float(course.weeks[visit])
            maker = (scanner.manufacturer, scanner.kernel.name)
            rows.scans.append((course.patient.patient_id, week, path, "CT", scan.phase, *maker))
            if not scan.annotated:
                continue
            labels = np.zeros(GRID, dtype=np.uint8)
            labels_path = f"{name}-{scan.phase}-lesions.nii.gz"
            for number, (tumour, diameter) in enumerate(zip(tumours, diameters, strict=True), start=1):
                contour = draw_contour(
                    tumour,
                    diameter_mm=diameter,
                    shift_mm=shift,
                    pixel_mm=scanner.pixel_mm,
                    phase=scan.phase,
                    rng=scan_rng,
                )
                plane = labels[tumour.slice_index]
                plane[contour & (plane == 0)] = number
                rows.masks.append((path, labels_path, "lesion", tumour.lesion_id, tumour.slice_index, number))
            _write_nifti(folder / labels_path, labels, pixel_mm=scanner.pixel_mm)
            # Both phases of a visit lie on one grid in one breath, so they share the liver mask.
            liver_path = f"{name}-liver.nii.gz"
            if not (folder / liver_path).exists():
                liver = (abdomen.liver >= 0.5).astype(np.uint8)
                _write_nifti(folder / liver_path, liver, pixel_mm=scanner.pixel_mm)
            rows.masks.append((path, liver_path, "liver", None, None, None))
    return rows


def _place_tumours(
    course: Course, anatomy: Anatomy, rng: np.random.Generator, *, pixel_mm: float
) -> tuple[Tumour, ...]:
    lesions = course.liver_targets
    abdomen = anatomy.at(pixel_mm=pixel_mm, shift_mm=(0.0, 0.0))
    return place(
        rng,
        liver=abdomen.liver,
        pixel_mm=pixel_mm,
        lesion_ids=[lesion.lesion_id for lesion in lesions],
        largest_mm=[float(lesion.true_mm[BASELINE : course.attended].max()) for lesion in lesions],
        irregularity=course.patient.shape_irregularity,
    )


def _write_nifti(path: Path, voxels: NDArray[Any], *, pixel_mm: float) -> None:
    write_nifti(path, voxels, spacing_mm=(pixel_mm, pixel_mm, SLICE_MM))
