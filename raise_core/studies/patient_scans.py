"""Which scans a patient has: by visit and phase, with the structures drawn on them and the sizes measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from raise_core.domain.cohort import Cohort
from raise_core.domain.visit import SAME_VISIT_WEEKS
from raise_core.domain.week import BASELINE_GRACE_WEEKS

UNNAMED = "unnamed"


@dataclass(frozen=True)
class ScanMask:
    """One structure drawn on a scan.

    Attributes:
        kind: 'lesion' or 'liver'.
        name: lesion id; 'unnamed' where there is none, 'liver' for the liver.
        file: stored mask.
        label: value of its voxels; None: every voxel that is not 0.
        slice_index: annotated slice along the file's third axis, None where not stated.
    """

    kind: str
    name: str
    file: Path
    label: int | None
    slice_index: int | None


@dataclass(frozen=True)
class PatientScan:
    """One scan of a patient.

    Attributes:
        scan_id: name of the scan in the study.
        patient_id: whose.
        week: date, weeks from randomisation.
        visit: short code of its visit in addresses: the first day's week, rounded.
        visit_week: week of the visit's first day, rounded.
        modality: CT, PT, MR; '' where not stated.
        contrast: contrast phase; '' where not stated.
        phase: short code: contrast phase, else modality; numbered where a visit has several.
        phase_words: the same for people.
        equipment: manufacturer and kernel, '' where not stated.
        file: stored image.
        masks: structures drawn on it, lesions first.
    """

    scan_id: str
    patient_id: str
    week: float
    visit: str
    visit_week: float
    modality: str
    contrast: str
    phase: str
    phase_words: str
    equipment: str
    file: Path
    masks: tuple[ScanMask, ...]

    @property
    def value_unit(self) -> str:
        """Unit of the voxels' values: HU for CT, SUV for PET, none for other scans."""
        return {"CT": "HU", "PT": "SUV"}.get(self.modality, "")

    @property
    def lesion_names(self) -> tuple[str, ...]:
        """Lesions drawn on the scan, in order."""
        return tuple(dict.fromkeys(mask.name for mask in self.masks if mask.kind == "lesion"))


def patient_scans(cohort: Cohort, patient_id: str) -> tuple[PatientScan, ...]:
    """Every scan of a patient, by date, then by phase in the order of the examination."""
    rows = cohort.scans[cohort.scans["patient_id"] == patient_id]
    if rows.empty:
        return ()
    order = {"non-enhanced": 0, "arterial": 1, "portal": 2, "delayed": 3}
    records = sorted(
        rows.to_dict("records"), key=lambda row: (row["week"], order.get(row["phase"], 9), str(row["scan_id"]))
    )
    masks = cohort.masks[cohort.masks["scan_id"].isin(rows["scan_id"])]
    visits = _visit_codes([float(row["week"]) for row in records])
    taken: set[tuple[str, str]] = set()
    scans = []
    for row in records:
        visit, visit_week = visits[float(row["week"])]
        phase, words = _phase(row, visit, taken)
        equipment = ", ".join(str(row[name]) for name in ("manufacturer", "kernel") if row[name])
        own = masks[masks["scan_id"] == row["scan_id"]].to_dict("records")
        scans.append(
            PatientScan(
                scan_id=str(row["scan_id"]),
                patient_id=patient_id,
                week=float(row["week"]),
                visit=visit,
                visit_week=visit_week,
                modality=str(row["modality"] or ""),
                contrast=str(row["phase"] or ""),
                phase=phase,
                phase_words=words,
                equipment=equipment,
                file=Path(str(row["file"])),
                masks=_masks(own),
            )
        )
    return tuple(scans)


def baseline_of(scans: Sequence[PatientScan], current: PatientScan) -> PatientScan | None:
    """The baseline scan to set beside another: the latest at week <= 0, else the first within two weeks after.

    One of the same modality and phase is taken where there is one, else one of the same modality; None where the
    patient has no such scan, or it is the current one itself.
    """
    same = [scan for scan in scans if scan.modality == current.modality]
    for wanted in ([scan for scan in same if scan.phase == current.phase], same):
        before = [scan for scan in wanted if scan.week <= 0]
        soon = [scan for scan in wanted if 0 < scan.week <= BASELINE_GRACE_WEEKS]
        if before or soon:
            found = before[-1] if before else soon[0]
            return None if found.scan_id == current.scan_id else found
    return None


def lesion_sizes(cohort: Cohort, scan: PatientScan) -> dict[str, str]:
    """Measured size of each of the patient's lesions at the visit of a scan, in words: '22.4 mm', 'vanished'."""
    rows = cohort.lesions[cohort.lesions["patient_id"] == scan.patient_id]
    apart = (rows["week"] - scan.week).abs()
    rows = rows.assign(apart=apart)[apart <= SAME_VISIT_WEEKS].sort_values("apart", kind="stable")
    nearest = rows.drop_duplicates("lesion_id").to_dict("records")
    return {str(row["lesion_id"]): _size_words(row) for row in nearest}


def _visit_codes(weeks: Sequence[float]) -> dict[float, tuple[str, float]]:
    """Code and week of the visit of each date; dates at most a week after a visit's first day belong to it."""
    codes: dict[float, tuple[str, float]] = {}
    first, used = -np.inf, set[str]()
    for week in sorted(set(weeks)):
        if week <= first + SAME_VISIT_WEEKS:
            codes[week] = codes[first]
            continue
        first = week
        code = f"{round(week)}" if f"{round(week)}" not in used else f"{week:.2f}"
        used.add(code)
        codes[week] = (code, float(code))
    return codes


def _phase(row: Mapping[Any, Any], visit: str, taken: set[tuple[str, str]]) -> tuple[str, str]:
    """Code and words of a scan's phase, made distinct within its visit."""
    modality = {"CT": "CT", "PT": "PET", "MR": "MR"}.get(str(row["modality"] or ""), "scan")
    stated = str(row["phase"] or "")
    code = stated or modality.lower()
    if stated and modality not in {"CT", "scan"}:
        code = f"{modality.lower()}-{stated}"
    words = f"{modality} {stated}".strip()
    number, distinct = 1, code
    while (visit, distinct) in taken:
        number += 1
        distinct = f"{code}-{number}"
    taken.add((visit, distinct))
    return distinct, words if number == 1 else f"{words} ({number})"


def _masks(rows: Sequence[Mapping[Any, Any]]) -> tuple[ScanMask, ...]:
    """Structures of one scan, lesions first, in the order of their names."""
    found = [
        ScanMask(
            kind=str(row["kind"]),
            name=str(row["lesion_id"] or UNNAMED) if row["kind"] == "lesion" else "liver",
            file=Path(str(row["file"])),
            label=None if pd.isna(row["label"]) else int(row["label"]),
            slice_index=None if pd.isna(row["slice_index"]) else int(row["slice_index"]),
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda mask: (mask.kind != "lesion", mask.name, str(mask.file))))


def _size_words(row: Mapping[Any, Any]) -> str:
    if row["status"] == "absent":
        return "vanished"
    if row["status"] == "not evaluable" or pd.isna(row["diameter_mm"]):
        return "not evaluable"
    return f"{row['diameter_mm']:.1f} mm"
