"""A small simulated PRRT cohort on disk: canonical files, grids, values, organs, masks, and what the images tell."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from raise_core.demo.prrt_tables import simulate_tables
from raise_core.demo.prrt_write import Plan, draw_patient, simulate_prrt
from raise_core.domain.errors import BadUsageError
from raise_core.domain.volume import Volume
from raise_core.imaging.read import read_volume
from raise_core.ingest.importer import import_study
from raise_core.store.home import Home
from raise_core.store.queries import load_cohort

PATIENTS = 12
TABLES = ("patients", "outcomes", "labs", "lesions", "scans", "masks")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prrt") / "cohort"
    simulate_prrt(path, patients=PATIENTS, seed=0, workers=1)
    return path


@pytest.fixture(scope="module")
def volumes(folder: Path) -> dict[tuple[str, str], tuple[Volume, Volume]]:
    """Scan and lesion labels by patient and modality."""
    scans = table(folder, "scans")
    masks = table(folder, "masks").drop_duplicates("scan_path").set_index("scan_path").path
    return {
        (row.patient_id, row.modality): (read_volume(folder / row.path), read_volume(folder / masks[row.path]))
        for row in scans.itertuples()
    }


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv")


def of(volumes, modality: str) -> list[tuple[Volume, Volume]]:
    return [pair for (_, kind), pair in volumes.items() if kind == modality]


def test_everything_canonical_is_there(folder):
    assert json.loads((folder / "study.json").read_text(encoding="utf-8")) == {
        "title": "PRRT-like cohort (simulated)",
        "simulated": True,
        "after_baseline": ["prrt_cycles", "cumulative_activity_gbq"],
    }
    expected = {*(f"{name}.csv" for name in TABLES), "study.json", "images"}
    assert {path.name for path in folder.iterdir()} == expected
    scans, masks = table(folder, "scans"), table(folder, "masks")
    found = {path.relative_to(folder).as_posix() for path in (folder / "images").rglob("*") if path.is_file()}
    assert found == set(scans.path) | set(masks.path)
    assert set(scans.groupby("patient_id").modality.agg(lambda kinds: "+".join(sorted(kinds)))) == {"CT+PT"}
    assert set(scans[scans.modality == "CT"].phase) == {"portal"}
    assert scans[scans.modality == "PT"].phase.isna().all()
    assert scans.week.between(-6, -0.5).all()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size / PATIENTS * 116 < 400e6


def test_each_scan_has_a_grid_of_its_own(volumes):
    for patient in {name for name, _ in volumes}:
        ct, pet = volumes[patient, "CT"][0].geometry, volumes[patient, "PT"][0].geometry
        assert 2.9 < ct.spacing_mm[0] < 3.6
        assert pet.spacing_mm[:2] == pytest.approx((4.07, 4.07), abs=1e-4)
        assert not ct.same_grid(pet)
        tops = [grid.corners_mm()[:, 2].max() for grid in (ct, pet)]
        assert abs(tops[0] - tops[1]) < 6
        assert 800 < ct.size[2] * ct.spacing_mm[2] < 1200
    assert len({pair[0].geometry for pair in of(volumes, "CT")}) > PATIENTS / 2


def test_masks_lie_on_their_scans_grid_and_hold_every_lesion(folder, volumes):
    masks, lesions = table(folder, "masks"), table(folder, "lesions")
    patient_of = table(folder, "scans").set_index("path").patient_id
    assert (masks.kind == "lesion").all()
    for scan, labels in volumes.values():
        assert scan.same_grid(labels)
    for path, rows in masks.groupby("scan_path"):
        patient = patient_of[path]
        assert sorted(rows.lesion_id) == sorted(lesions[lesions.patient_id == patient].lesion_id)
        modality = "CT" if path.endswith("ct.nii.gz") else "PT"
        there = set(np.unique(volumes[patient, modality][1].array)) - {0}
        assert there == set(rows.label)


def test_drawn_lesions_have_the_size_of_the_table(folder, volumes):
    masks = table(folder, "masks")
    lesions = table(folder, "lesions").set_index(["patient_id", "lesion_id"])
    scans = table(folder, "scans").set_index("path")
    ratios = []
    for row in masks.itertuples():
        scan = scans.loc[row.scan_path]
        lesion = lesions.loc[(scan.patient_id, row.lesion_id)]
        if lesion.organ == "lymph node" or lesion.diameter_mm < 25:
            continue
        labels = volumes[scan.patient_id, scan.modality][1]
        volume = (labels.array == row.label).sum() * np.prod(labels.geometry.spacing_mm)
        ratios.append((6 * volume / np.pi) ** (1 / 3) / lesion.diameter_mm)
    assert len(ratios) > 15
    assert 0.82 < np.median(ratios) < 1.0  # the longest diameter against that of a ball of the same volume


def test_ct_is_in_hounsfield_units(volumes):
    for ct, labels in of(volumes, "CT"):
        values = ct.array
        assert values.dtype == np.int16
        assert values.min() >= -1024
        assert 600 < values.max() <= 3071
        assert np.median(values[:, 0, :]) == -1000
        body = ndimage.binary_opening(values > -300, iterations=2)
        share = {
            "lung": ((values > -920) & (values < -700)).mean(),
            "fat": ((values > -150) & (values < -60)).mean(),
            "soft": ((values > 20) & (values < 100)).mean(),
            "bone": (values > 250).mean(),
        }
        assert share["lung"] > 0.02
        assert share["fat"] > 0.04
        assert share["soft"] > 0.05
        assert 0.003 < share["bone"] < 0.06
        litres = body.sum() * np.prod(ct.geometry.spacing_mm) / 1e6
        assert 30 < litres < 115
        assert 30 < np.median(values[labels.array > 0]) < 260


def test_pet_is_in_suv_with_physiological_uptake(volumes):
    for pet, labels in of(volumes, "PT"):
        values = pet.array
        assert values.dtype.kind == "f"  # whole numbers with a slope
        assert values.min() == 0
        assert 15 < values.max() < 200
        inside = values > 0.25
        assert np.median(values[inside]) < 2
        # Spleen and kidneys are hot and large, and no lesions.
        healthy = np.where(labels.array > 0, 0, values)
        hot, count = ndimage.label(healthy > 6.5)
        sizes = ndimage.sum_labels(np.ones_like(hot), hot, np.arange(1, count + 1)) * np.prod(pet.geometry.spacing_mm)
        assert (sizes > 40e3).sum() >= 2
        # The pituitary is a small focus in the middle of the uppermost centimetres.
        size = values.shape
        head = values[-14:, :, size[2] // 2 - 8 : size[2] // 2 + 8]
        assert head.max() > 1.2
        assert head.max() > 3 * np.median(head[head > 0.05])


def test_bladder_and_liver_take_up(folder, volumes):
    """Read in the middle of organs of patients of ordinary build: the bladder low in front, the liver on the right."""
    found = []
    for (patient, modality), (pet, labels) in volumes.items():
        if modality == "PT":
            values = np.where(labels.array > 0, np.nan, pet.array)
            depth = pet.geometry.size[2]
            low = values[int(0.12 * depth) : int(0.30 * depth), :, 48:78]
            middle = values[int(0.44 * depth) : int(0.52 * depth), :, 28:51]
            found.append((patient, np.nanmax(low), np.nanpercentile(middle, 85)))
    bladder, liver = np.median([row[1] for row in found]), np.median([row[2] for row in found])
    assert bladder > 8
    assert 2.5 < liver < 20


def test_it_imports_without_a_word_and_keeps_what_is_known_only_later(folder, tmp_path):
    home = Home.at(tmp_path / "home")
    report = import_study(home, folder, "demo-prrt", fmt="tables")
    assert report.issues == ()
    assert report.counts["patient"] == PATIENTS
    assert report.counts["scan"] == 2 * PATIENTS
    cohort = load_cohort(home, "demo-prrt")
    assert cohort.study.after_baseline == ("prrt_cycles", "cumulative_activity_gbq")
    assert cohort.study.simulated
    assert cohort.study.reference_arm is None
    assert set(cohort.scans.modality) == {"CT", "PT"}
    assert cohort.masks.slice_index.isna().all()
    assert cohort.masks.label.notna().all()


def measured(folder: Path, patient: str, liver: list[int]) -> dict[str, float]:
    """Simple statistics inside the lesion masks of a patient."""
    at = folder / "images" / patient
    ct, ct_labels = (read_volume(at / f"ct{name}.nii.gz").array for name in ("", "-lesions"))
    pet, pet_labels = (read_volume(at / f"pt{name}.nii.gz").array for name in ("", "-lesions"))
    core = ndimage.binary_erosion(np.isin(ct_labels, liver), np.ones((1, 3, 3)))
    smooth = ndimage.uniform_filter(ct.astype(np.float32), (1, 3, 3))
    coarse = ndimage.uniform_filter(ct.astype(np.float32), (2, 3, 3))
    uptake = [pet[pet_labels == label] for label in np.unique(pet_labels[pet_labels > 0])]
    within = [values.std() / values.mean() for values in uptake if len(values) > 30]
    return {
        "density": float(ct[core].mean()),
        "coarse density": float(coarse[core].mean()),
        "texture": float(smooth[core].std()),
        "spread within": float(np.mean(within)),
    }


@pytest.mark.slow
def test_each_image_shows_its_part_and_the_other_does_not(tmp_path):
    """The same patients with another latent part: texture and density change on CT alone, unevenness on PET alone."""
    cohort = simulate_tables(patients=40, seed=0)
    with_liver = [
        (patient, plans)
        for patient, plans in zip(cohort.enrolled, cohort.lesions_of, strict=True)
        if sum(plan.site == "liver" and plan.radius_mm > 12 for plan in plans) >= 2
    ]
    assert len(with_liver) >= 3
    for patient, plans in with_liver[:3]:
        found, stored = {}, {}
        for name, ct, heterogeneity in (("calm", -1.5, -1.5), ("ct", 1.5, -1.5), ("pet", -1.5, 1.5)):
            folder = tmp_path / patient.patient_id / name
            state = replace(patient.latents, ct=ct, heterogeneity=heterogeneity)
            draw_patient(Plan(replace(patient, latents=state), plans, -2.0, folder, 0))
            liver = [number for number, plan in enumerate(plans, start=1) if plan.site == "liver"]
            found[name] = measured(folder, patient.patient_id, liver)
            images = folder / "images" / patient.patient_id
            stored[name] = [(images / f"{kind}.nii.gz").read_bytes() for kind in ("ct", "pt")]
        assert found["ct"]["texture"] > 1.3 * found["calm"]["texture"]
        assert found["ct"]["density"] < found["calm"]["density"] - 15
        assert found["ct"]["coarse density"] < found["calm"]["coarse density"] - 12
        assert found["pet"]["spread within"] > 1.25 * found["calm"]["spread within"]
        assert stored["ct"][1] == stored["calm"][1]
        assert stored["pet"][0] == stored["calm"][0]


@pytest.mark.slow
def test_same_seed_same_bytes_whatever_the_workers(folder, tmp_path):
    simulate_prrt(tmp_path / "two", patients=PATIENTS, seed=0, workers=2)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(files) == PATIENTS * 4 + 7
    for name in files:
        assert (folder / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_refuses_a_folder_in_use_and_leaves_it(tmp_path):
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(BadUsageError, match="not empty"):
        simulate_prrt(tmp_path, patients=12)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(BadUsageError, match="workers is 0"):
        simulate_prrt(tmp_path / "new", patients=12, workers=0)
