"""A small simulated trial on disk: canonical files, geometry, contours, and the same again for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk  # noqa: N813 -- the library's own abbreviation
from scipy.spatial.distance import pdist

from raise_core.demo.scanner import GRID
from raise_core.demo.write import simulate_raise
from raise_core.domain.errors import BadUsageError

TABLES = ("patients", "outcomes", "labs", "lesions", "scans", "masks")


def longest_diameter_mm(mask: np.ndarray, *, pixel_mm: float) -> float:
    """Longest distance between centres of the mask's pixels, half a pixel added for the raster."""
    return float(pdist(np.argwhere(mask)).max() + 0.5) * pixel_mm


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "trial"
    simulate_raise(path, patients=10, seed=0, workers=1)
    return path


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv")


def test_everything_canonical_is_there(folder):
    assert json.loads((folder / "study.json").read_text(encoding="utf-8")) == {
        "title": "RAISE-like trial (simulated)",
        "simulated": True,
        "reference_arm": "Placebo",
    }
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*(f"{name}.csv" for name in TABLES), "study.json", "images"]
    )
    assert list(table(folder, "scans")) == ["patient_id", "week", "path", "modality", "phase", "manufacturer", "kernel"]
    assert list(table(folder, "masks")) == ["scan_path", "path", "kind", "lesion_id", "slice_index", "label"]
    text = (folder / "lesions.csv").read_text(encoding="utf-8")
    assert ",true,measured\n" in text
    assert "True" not in text


def test_files_and_rows_match_one_to_one(folder):
    scans, masks = table(folder, "scans"), table(folder, "masks")
    listed = set(scans.path) | set(masks.path)
    found = {path.relative_to(folder).as_posix() for path in (folder / "images").rglob("*") if path.is_file()}
    assert listed == found
    assert scans.path.is_unique
    assert not scans.duplicated(["patient_id", "week", "phase"]).any()
    assert set(masks.scan_path) <= set(scans.path)
    assert set(scans.patient_id) <= set(table(folder, "patients").patient_id)
    assert set(scans.phase) == {"arterial", "portal"}


def test_scan_weeks_are_visit_weeks(folder):
    visits = set(map(tuple, table(folder, "lesions")[["patient_id", "week"]].to_numpy().tolist()))
    scans = set(map(tuple, table(folder, "scans")[["patient_id", "week"]].to_numpy().tolist()))
    labs = set(map(tuple, table(folder, "labs")[["patient_id", "week"]].to_numpy().tolist()))
    assert scans <= visits
    assert labs == visits


def test_masks_lie_on_their_scans_grid(folder):
    masks = table(folder, "masks")
    for (scan_path, mask_path), _ in masks.groupby(["scan_path", "path"]):
        scan, mask = sitk.ReadImage(str(folder / scan_path)), sitk.ReadImage(str(folder / mask_path))
        assert scan.GetPixelID() == sitk.sitkInt16
        assert mask.GetPixelID() == sitk.sitkUInt8
        assert scan.GetSize() == GRID[::-1] == mask.GetSize()
        assert scan.GetSpacing() == mask.GetSpacing()
        assert scan.GetOrigin() == mask.GetOrigin()
        assert scan.GetDirection() == mask.GetDirection() == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
        assert scan.GetSpacing()[0] == scan.GetSpacing()[1]
        assert 1.75 < scan.GetSpacing()[0] < 2.15
        assert scan.GetSpacing()[2] == 5.0


def test_contours_match_the_measured_diameters(folder):
    scans = table(folder, "scans").set_index("path")
    lesions = table(folder, "lesions").set_index(["patient_id", "week", "lesion_id"])
    masks = table(folder, "masks")
    errors = []
    for row in masks[masks.kind == "lesion"].itertuples():
        image = sitk.ReadImage(str(folder / row.path))
        labels = sitk.GetArrayFromImage(image)
        mask = labels == int(row.label)
        planes = np.flatnonzero(mask.any(axis=(1, 2)))
        assert planes.tolist() == [int(row.slice_index)]  # one annotated slice per lesion
        scan = scans.loc[row.scan_path]
        lesion = lesions.loc[(scan.patient_id, scan.week, row.lesion_id)]
        assert lesion.organ == "liver"
        drawn = longest_diameter_mm(mask[planes[0]], pixel_mm=image.GetSpacing()[0])
        errors.append((drawn - lesion.diameter_mm) / lesion.diameter_mm)
    # Reader noise of 5 % sits between the two, and a raster of 2 mm.
    assert abs(np.mean(errors)) < 0.05
    assert np.quantile(np.abs(errors), 0.9) < 0.16
    assert len(errors) > 50


def test_every_liver_target_of_an_annotated_scan_has_a_contour(folder):
    scans, masks, lesions = table(folder, "scans"), table(folder, "masks"), table(folder, "lesions")
    targets = lesions[lesions.target & (lesions.organ == "liver")].groupby("patient_id").lesion_id.unique()
    for scan_path, rows in masks.groupby("scan_path"):
        patient_id = scans.set_index("path").patient_id[scan_path]
        assert sorted(rows[rows.kind == "lesion"].lesion_id) == sorted(targets[patient_id])
        assert (rows.kind == "liver").sum() == 1


def test_imaging_set_has_contours_at_two_or_more_visits(folder):
    scans, masks = table(folder, "scans"), table(folder, "masks")
    annotated = scans[scans.path.isin(masks.scan_path)]
    assert annotated.patient_id.nunique() == 6
    assert annotated.groupby("patient_id").week.nunique().min() >= 2
    pfs = table(folder, "outcomes").query("endpoint == 'PFS'").set_index("patient_id").time_weeks
    assert (pfs[annotated.patient_id.unique()] > 13).all()
    last = scans.groupby("patient_id").week.max()
    assert (last <= pfs[last.index].clip(lower=0)).all()  # no scan after progression


def test_liver_masks_hold_liver(folder):
    masks = table(folder, "masks")
    for row in masks[masks.kind == "liver"].drop_duplicates("path").itertuples():
        slab = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / row.scan_path)))
        mask = sitk.ReadImage(str(folder / row.path))
        liver = sitk.GetArrayFromImage(mask) > 0
        assert 40 < np.median(slab[liver]) < 150
        assert 0.2 < liver.sum() * np.prod(mask.GetSpacing()) / 1e6 < 0.7  # litres in three centimetres of height


@pytest.mark.slow
def test_same_seed_same_bytes_whatever_the_workers(tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        simulate_raise(tmp_path / name, patients=4, seed=7, workers=workers)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) > 15
    assert files == sorted(
        path.relative_to(tmp_path / "two") for path in (tmp_path / "two").rglob("*") if path.is_file()
    )
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_progress_counts_patients(tmp_path):
    calls: list[tuple[str, int, int]] = []
    simulate_raise(
        tmp_path / "trial",
        patients=4,
        seed=1,
        workers=1,
        progress=lambda stage, done, total: calls.append((stage, done, total)),
    )
    assert [done for _, done, _ in calls] == list(range(calls[0][2] + 1))
    assert {stage for stage, _, _ in calls} == {"drawing scans"}


def test_refuses_a_folder_in_use_and_leaves_it(tmp_path):
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(BadUsageError, match="not empty"):
        simulate_raise(tmp_path, patients=4)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(BadUsageError, match="workers is 0"):
        simulate_raise(tmp_path / "new", patients=4, workers=0)
