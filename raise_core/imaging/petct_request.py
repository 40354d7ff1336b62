"""Which PET and CT are wanted on a common grid, and the key under which the result is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from raise_core.imaging.petct_plan import PETCT_VERSION, PetCtPlan


@dataclass(frozen=True)
class LesionFile:
    """An annotated lesion in a file.

    Attributes:
        file: mask or label map on any grid.
        sha256: its content's hash.
        label: value of the lesion's voxels; None: every voxel that is not 0.
    """

    file: Path
    sha256: str
    label: int | None = None


@dataclass(frozen=True)
class PetCtRequest:
    """The scans of one patient.

    Attributes:
        patient_id: whose.
        pet_file: PET in SUV, None where none is wanted or there is none.
        pet_sha256: its content's hash.
        ct_file: CT in HU, None where none is wanted or there is none.
        ct_sha256: its content's hash.
        lesions: annotated lesions, on the grid of either scan or any other.
    """

    patient_id: str
    pet_file: Path | None
    pet_sha256: str | None
    ct_file: Path | None
    ct_sha256: str | None
    lesions: tuple[LesionFile, ...] = ()


def petct_key(request: PetCtRequest, *, plan: PetCtPlan) -> str:
    """SHA-256 (hexadecimal) over everything that determines the volumes, and nothing else.

    Whose scans they are, where the files lie and in which order lesions are listed changes no voxel.
    """
    lesions = sorted({(lesion.sha256, -1 if lesion.label is None else lesion.label) for lesion in request.lesions})
    determined_by = {
        "version": PETCT_VERSION,
        "pet": None if request.pet_file is None else request.pet_sha256,
        "ct": None if request.ct_file is None else request.ct_sha256,
        "lesions": lesions,
        "plan": plan.to_dict(),
    }
    text = json.dumps(determined_by, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
