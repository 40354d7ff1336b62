"""A small cohort with PET and CT as an import folder: bodies of one density with a hot spot, labs, PFS."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk  # noqa: N813 - the library's own abbreviation

PATIENTS = 24


def write_cohort(folder: Path, *, patients: int = PATIENTS, seed: int = 0) -> Path:
    """Every other patient has short PFS, a hotter spot and a higher CGA; one lacks its PET, one is censored early."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    rows = {"patients": [], "outcomes": [], "labs": [], "scans": [], "masks": []}
    for number in range(patients):
        patient, short = f"P{number:02d}", number % 2 == 0
        who = {"patient_id": patient}
        weeks = float(rng.uniform(10, 50) if short else rng.uniform(60, 200))
        rows["patients"].append(who | {"age_years": 60 + number % 7})
        seen = int(number != patients - 2)
        rows["outcomes"].append(who | {"endpoint": "PFS", "time_weeks": weeks, "event": seen})
        for test, value in (("CGA", rng.lognormal(5 + 1.5 * short, 0.4)), ("HGB", rng.normal(13, 1))):
            rows["labs"].append(who | {"week": -1.0, "test": test, "value": round(value, 2), "unit": "U/L"})
        for modality, spacing in (("PT", (10.0, 10.0, 12.0)), ("CT", (8.0, 8.0, 10.0))):
            if number == 1 and modality == "PT":
                continue
            path = f"images/{patient}-{modality}.nii.gz"
            image, mask = draw(modality, spacing, hot=20.0 if short else 8.0, rng=rng)
            sitk.WriteImage(image, str(folder / path))
            rows["scans"].append(who | {"week": -1.0, "path": path, "modality": modality, "phase": None})
            if modality == "CT":
                mask_path = path.replace("-CT", "-lesion")
                sitk.WriteImage(mask, str(folder / mask_path))
                rows["masks"].append({"scan_path": path, "path": mask_path, "kind": "lesion", "lesion_id": "L1"})
    for name, table in rows.items():
        pd.DataFrame(table).to_csv(folder / f"{name}.csv", index=False)
    (folder / "study.json").write_text(json.dumps({"title": "A small PRRT cohort", "simulated": True}))
    return folder


def draw(modality, spacing, *, hot, rng):
    """Scan and lesion mask: an elliptic cylinder of 300 x 200 x 480 mm with a sphere of 50 mm across."""
    extent = np.array([400.0, 300.0, 480.0])
    size = np.round(extent / spacing).astype(int)
    axes = [(np.arange(n) + 0.5) * s - e / 2 for n, s, e in zip(size, spacing, extent, strict=True)]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    body = (x / 150) ** 2 + (y / 100) ** 2 <= 1
    sphere = (x - 60) ** 2 + (y - 10) ** 2 + (z - 40) ** 2 <= 25.0**2
    if modality == "PT":
        values = np.where(body, 1.0, 0.0) + np.where(sphere, hot, 0.0) + rng.random(body.shape) * 0.1
    else:
        values = np.where(body, 40.0, -1000.0) + np.where(sphere, 30.0, 0.0) + rng.normal(0, 5, body.shape)
    image = sitk.GetImageFromArray(values.astype(np.float32))
    mask = sitk.GetImageFromArray(sphere.astype(np.uint8))
    for each in (image, mask):
        each.SetSpacing([float(one) for one in spacing])
    return image, mask
