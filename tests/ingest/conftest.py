"""A small made study in canonical files, and a fingerprint of whole folders."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from raise_core.store.home import Home

FILES = {
    "patients.csv": (
        "patient_id,arm,sex,age_years,ki67_percent,progressed_at_baseline,who_ps,site_code,on_study,smoker\n"
        "001,Placebo,F,61.5,3,true,0,01,true,yes\n"
        "002,Lanreotide,M,70,NA,false,1,02,false,no\n"
        "003,Lanreotide,F,55,10,,2,01,,no\n"
    ),
    "outcomes.csv": (
        "patient_id,endpoint,time_weeks,event\n001,PFS,40.5,1\n002,PFS,96,0\n003,PFS,30,1\n001,OS,90,0\n002,OS,96,0\n"
        "003,OS,50,1\n"
    ),
    "labs.csv": (
        "patient_id,week,test,value,unit,lower_limit,upper_limit\n"
        "001,0,CGA,120,ug/L,,100\n001,12,CGA,150,ug/L,,100\n002,0,CgA,80,ug/L,,100\n002,0,NA,140,mmol/L,135,145\n"
    ),
    "lesions.csv": (
        "patient_id,week,lesion_id,diameter_mm,organ,target,status\n"
        "001,0,L1,30,liver,true,measured\n001,12,L1,0,liver,true,\n001,12,L2,12,liver,false,measured\n"
        "002,0,L1,25.5,liver,true,\n002,12,L1,,liver,true,absent\n002,24,L1,,liver,true,not evaluable\n"
    ),
    "scans.csv": (
        "patient_id,week,path,modality,phase,manufacturer,kernel\n"
        "001,0,img/a.nii.gz,ct,Portal,ACME,B30\n001,12,./img/b.nii.gz,CT,arterial,,\n"
    ),
    "masks.csv": (
        "scan_path,path,kind,lesion_id,slice_index,label\n"
        "img/a.nii.gz,img/a_mask.nii.gz,lesion,L1,1,2\nimg/a.nii.gz,img/a_mask.nii.gz,liver,,,1\n"
    ),
}


def _write_image(path: Path, *, size: tuple[int, int, int] = (5, 4, 3), spacing: float = 1.0, fill: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.full(size[::-1], fill, dtype=np.int16)
    array[1, 1:3, 1:3] = 2
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing((spacing, spacing, 5.0))
    SimpleITK.WriteImage(image, str(path))


def _make_source(folder: Path) -> Path:
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    _write_image(folder / "img" / "a.nii.gz", fill=7)
    _write_image(folder / "img" / "b.nii.gz", fill=9)
    _write_image(folder / "img" / "a_mask.nii.gz")
    return folder


@pytest.fixture(scope="session")
def make_source():
    """Writes the sound study into a new folder."""
    return _make_source


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder that imports without an error."""
    return _make_source(tmp_path / "source")


@pytest.fixture
def write_image():
    """Writes a tiny int16 NIfTI: size (i, j, k), in-plane spacing (mm), background value."""
    return _write_image


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home")


@pytest.fixture
def fingerprint():
    """Hash of every path, mode and byte under a folder; of nothing when it is not there."""

    def of(folder: Path) -> str:
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            digest.update(f"{path.relative_to(folder)} {path.lstat().st_mode}".encode())
            if path.is_file():
                digest.update(path.read_bytes())
        return f"{folder.exists()} {digest.hexdigest()}"

    return of
