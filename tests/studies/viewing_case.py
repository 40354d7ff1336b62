"""A made patient with CT at two visits, PET and masks, as files and tables; shared by tests of viewing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK

from raise_core.domain.cohort import Cohort, Study

SIZE = (24, 20, 6)  # i, j, k
SPACING = (2.0, 2.0, 5.0)
LESION_CENTRE = (8, 9)  # column and row in patient order
LESION_SLICE = 4  # counted from the feet


def write(path: Path, array: np.ndarray, *, spacing=SPACING, origin=(0.0, 0.0, 0.0), upside_down: bool = False) -> Path:
    """Write an array given in patient order; `upside_down` stores the slices from head to foot."""
    image = SimpleITK.GetImageFromArray(array[::-1].copy() if upside_down else array)
    image.SetSpacing(spacing)
    x, y, z = origin
    if upside_down:
        image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, -1))
        z += (array.shape[0] - 1) * spacing[2]
    image.SetOrigin((x, y, z))
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(image, str(path))
    return path


def densities(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(60, 15, SIZE[::-1]).round().astype(np.int16)


def labels() -> np.ndarray:
    """Lesions 1 and 2, on slices 3 to 4 and on slice 1."""
    column, row = LESION_CENTRE
    made = np.zeros(SIZE[::-1], dtype=np.uint8)
    made[LESION_SLICE - 1, row : row + 2, column : column + 2] = 1
    made[LESION_SLICE, row - 1 : row + 3, column - 1 : column + 3] = 1
    made[1, 3:6, 14:17] = 2
    return made


def liver() -> np.ndarray:
    made = np.zeros(SIZE[::-1], dtype=np.uint8)
    made[:, 3:16, 3:19] = 1
    return made


def cohort(folder: Path, *, upside_down: bool = True, slice_index: int | None = None) -> Cohort:
    """Patient A: CT portal at weeks -0.3 and 12, arterial at 12, PET at -0.1; patient B without scans."""
    week0 = write(folder / "a0.nii.gz", densities(0), upside_down=upside_down)
    masks0 = write(folder / "a0_labels.nii.gz", labels(), upside_down=upside_down)
    liver0 = write(folder / "a0_liver.nii.gz", liver())
    week12 = write(folder / "a12.nii.gz", densities(1), origin=(0.0, 0.0, 40.0))
    masks12 = write(folder / "a12_labels.nii.gz", labels(), origin=(0.0, 0.0, 40.0))
    arterial = write(folder / "a12_arterial.nii.gz", densities(2), origin=(0.0, 0.0, 40.0))
    suv = np.random.default_rng(3).gamma(2.0, 2.0, (5, 8, 9)).astype(np.float32)
    pet = write(folder / "pet.nii.gz", suv, spacing=(4.0, 4.0, 3.0))
    scans = pd.DataFrame(
        [
            ("a0", "A", -0.3, "CT", "portal", week0),
            ("pet", "A", -0.1, "PT", None, pet),
            ("a12", "A", 12.2, "CT", "portal", week12),
            ("a12art", "A", 12.2, "CT", "arterial", arterial),
        ],
        columns=["scan_id", "patient_id", "week", "modality", "phase", "file"],
    ).assign(manufacturer="ACME", kernel=None, spacing_x_mm=2.0, spacing_y_mm=2.0, spacing_z_mm=5.0)
    scans = scans.assign(size_x=SIZE[0], size_y=SIZE[1], size_z=SIZE[2], content_sha256=scans["scan_id"])
    masks = pd.DataFrame(
        [
            ("a0", "lesion", "T1", slice_index, 1, masks0),
            ("a0", "lesion", "T2", None, 2, masks0),
            ("a0", "liver", None, None, None, liver0),
            ("a12", "lesion", "T1", None, 1, masks12),
        ],
        columns=["scan_id", "kind", "lesion_id", "slice_index", "label", "file"],
    ).astype({"slice_index": "Int64", "label": "Int64"})
    masks = masks.assign(content_sha256=[f"m{row}" for row in range(len(masks))])
    lesions = pd.DataFrame(
        [
            ("A", -0.3, "T1", 22.4, True, "measured"),
            ("A", -0.3, "T2", 10.0, False, "measured"),
            ("A", 12.2, "T1", 0.0, True, "absent"),
            ("A", 12.0, "T2", np.nan, False, "not evaluable"),
        ],
        columns=["patient_id", "week", "lesion_id", "diameter_mm", "target", "status"],
    ).assign(organ="liver")
    for frame in (scans, masks):
        frame["file"] = frame["file"].map(str)
    study = Study("made", "0" * 32, "Made", simulated=True, reference_arm=None, published_at="2026-01-01T00:00:00")
    nothing = pd.DataFrame()
    return Cohort(study, pd.DataFrame({"patient_id": ["A", "B"]}), nothing, nothing, lesions, scans, masks)
