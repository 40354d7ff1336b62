"""A simulated PRRT cohort as a canonical import folder: tables as CSV, PET, CT and lesion masks as NIfTI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
from raise_core.demo.prrt_body import draw_physique, measure, skeleton, tissues
from raise_core.demo.prrt_density import render_ct
from raise_core.demo.prrt_frame import Frame, draw_build
from raise_core.demo.prrt_lesions import DrawnLesion, PlannedLesion, draw, place
from raise_core.demo.prrt_organs import draw_organs, organs_of
from raise_core.demo.prrt_patients import FULL_SIZE, PrrtPatient, PrrtStream
from raise_core.demo.prrt_scanner import VolumeNoise, scan_frames
from raise_core.demo.prrt_tables import AFTER_BASELINE, simulate_tables
from raise_core.demo.prrt_uptake import SUV_STEP, render_pet
from raise_core.demo.trial import stream
from raise_core.domain.progress import Progress, silent

PRRT_SIMULATION_VERSION = 1
"""Raise this whenever the same seed would give other tables or pixels."""
TITLE = "PRRT-like cohort (simulated)"


@dataclass(frozen=True)
class Plan:
    """What one process needs to draw one patient.

    Attributes:
        patient: with the latent state that the images show.
        lesions: theirs.
        week: when PET and CT were made.
        folder: import folder.
        seed: of the cohort.
    """

    patient: PrrtPatient
    lesions: tuple[PlannedLesion, ...]
    week: float
    folder: Path
    seed: int


@dataclass(frozen=True)
class Written:
    """Rows of the scans and masks tables for one patient."""

    scans: list[tuple[str, float, str, str, str | None, str, str]]
    masks: list[tuple[str, str, str, str, None, int]]


def simulate_prrt(
    folder: Path,
    *,
    patients: int = FULL_SIZE,
    seed: int = 0,
    progress: Progress = silent,
    workers: int | None = None,
) -> None:
    """Simulate a cohort and write it as a canonical import folder.

    The same seed and size give the same tables and voxels whatever the number of workers.

    Args:
        folder: where to write; made if need be, and must be empty.
        patients: number of patients; 42 of 116 progress within a year, and the same share of any other number.
        seed: what the whole cohort is drawn from.
        progress: told of each finished patient.
        workers: processes that draw scans; None for one per CPU. With 1 everything happens in this process.

    Raises:
        BadUsageError: the folder is not empty, fewer than twelve patients, a negative seed, or no workers.
    """
    processes = processes_for(workers)
    prepare(folder)
    cohort = simulate_tables(patients=patients, seed=seed)
    plans = [
        Plan(patient, lesions, week, folder, seed)
        for patient, lesions, week in zip(cohort.enrolled, cohort.lesions_of, cohort.scan_weeks, strict=True)
    ]
    written = draw_all(draw_patient, plans, processes=processes, progress=progress)
    masks = pd.DataFrame([row for rows in written for row in rows.masks], columns=MASK_COLUMNS)
    tables = {
        "patients": cohort.patients,
        "outcomes": cohort.outcomes,
        "labs": cohort.labs,
        "lesions": cohort.lesions,
        "scans": pd.DataFrame([row for rows in written for row in rows.scans], columns=SCAN_COLUMNS),
        "masks": masks.drop(columns="slice_index"),
    }
    study = {"title": TITLE, "simulated": True, "after_baseline": list(AFTER_BASELINE)}
    write_tables(folder, tables, study=study)


@lru_cache(maxsize=1)
def _noise(seed: int) -> VolumeNoise:
    return VolumeNoise(seed)


def draw_patient(plan: Plan) -> Written:
    """Draw and write PET, CT and their masks."""
    patient, seed = plan.patient, plan.seed
    rng = stream(seed, PrrtStream.BODY, patient.index)
    build = draw_build(rng, male=patient.male)
    physique = draw_physique(rng, male=patient.male)
    organs = draw_organs(rng, male=patient.male)
    lesions = place(plan.lesions, organs=organs, physique=physique, build=build, rng=rng)
    scanned = scan_frames(build, rng)
    noise = _noise(seed)
    name = f"{IMAGES}/{patient.patient_id}"
    (plan.folder / name).mkdir(parents=True)
    rows = Written([], [])
    for modality, frame in (("CT", scanned.ct), ("PT", scanned.pet)):
        trunk = measure(frame, physique)
        solids = chain(tissues(frame, trunk, physique), skeleton(frame), organs_of(frame, trunk, organs))
        drawn = list(draw(frame, lesions, build))
        state = patient.latents
        if modality == "CT":
            own = stream(seed, PrrtStream.CT, patient.index)
            voxels = render_ct(frame, solids, drawn, state=state.ct, noise=noise, rng=own)
        else:
            own = stream(seed, PrrtStream.PET, patient.index)
            voxels = render_pet(frame, solids, drawn, heterogeneity=state.heterogeneity, noise=noise, rng=own)
        path, labels_path = f"{name}/{modality.lower()}.nii.gz", f"{name}/{modality.lower()}-lesions.nii.gz"
        _write(plan.folder / path, voxels, frame, slope=SUV_STEP if modality == "PT" else None)
        _write(plan.folder / labels_path, label_map(frame, drawn), frame)
        phase, kernel = ("portal", "B30f") if modality == "CT" else (None, "OSEM")
        rows.scans.append((patient.patient_id, plan.week, path, modality, phase, "Siemens", kernel))
        rows.masks.extend(
            (path, labels_path, "lesion", lesion.plan.lesion_id, None, number)
            for number, lesion in enumerate(lesions, start=1)
        )
    return rows


def label_map(frame: Frame, lesions: Sequence[DrawnLesion]) -> NDArray[np.uint8]:
    """Lesions numbered from 1 on a grid; where two touch, the voxel is the one's that fills more of it.

    Every lesion keeps at least the voxel it fills most.
    """
    labels = np.zeros(frame.grid.shape, dtype=np.uint8)
    best = np.full(frame.grid.shape, 0.5, dtype=np.float32)
    for number, lesion in enumerate(lesions, start=1):
        own = lesion.share >= best[lesion.box]
        labels[lesion.box][own] = number
        best[lesion.box][own] = lesion.share[own]
    for number, lesion in enumerate(lesions, start=1):
        if not (labels[lesion.box] == number).any():
            labels[lesion.box][np.unravel_index(int(np.argmax(lesion.inwards)), lesion.share.shape)] = number
    return labels


def _write(path: Path, voxels: NDArray[Any], frame: Frame, *, slope: float | None = None) -> None:
    write_nifti(path, voxels, spacing_mm=frame.grid.spacing_mm, origin_mm=frame.grid.origin_mm, slope=slope)
