"""The patient's images through Streamlit's own test runner, on a made study with CT, PET and a damaged scan."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from raise_core.ingest.importer import import_study
from raise_core.store.home import Home
from raise_core.store.queries import load_cohort
from tests.studies import viewing_case

SCANS = """patient_id,week,path,modality,phase
A,-0.3,a0.nii.gz,CT,portal
A,-0.1,pet.nii.gz,PT,
A,12.2,a12.nii.gz,CT,portal
A,12.2,a12_arterial.nii.gz,CT,arterial
"""
MASKS = """scan_path,path,kind,lesion_id,slice_index,label
a0.nii.gz,a0_labels.nii.gz,lesion,T1,,1
a0.nii.gz,a0_labels.nii.gz,lesion,T2,,2
a0.nii.gz,a0_liver.nii.gz,liver,,,
a12.nii.gz,a12_labels.nii.gz,lesion,T1,,1
"""
LESIONS = "patient_id,week,lesion_id,diameter_mm,organ,target,status\nA,-0.3,T1,22.4,liver,true,measured\n"
PATIENTS = "patient_id,arm\nA,Placebo\nB,Placebo\n"
OUTCOMES = "patient_id,endpoint,time_weeks,event\nA,PFS,40,1\nB,PFS,20,1\n"


@pytest.fixture
def home(tmp_path) -> Home:
    source = tmp_path / "source"
    viewing_case.cohort(source)
    tables = {"scans": SCANS, "masks": MASKS, "lesions": LESIONS, "patients": PATIENTS, "outcomes": OUTCOMES}
    for name, text in tables.items():
        (source / f"{name}.csv").write_text(text, encoding="utf-8")
    home = Home.at(tmp_path / "home")
    import_study(home, source, "made")
    return home


def page() -> None:

    from raise_core.store.home import Home
    from raise_core.studies.opening import default_home, studies
    from raise_core.ui import address
    from raise_core.ui.patient_images import images
    from raise_core.ui.shell import PageContext

    address.begin("pages/patient.py")
    home = Home.at(default_home())
    (study,) = studies(home)
    images(PageContext(str(home.path), study, "light"), address.get("patient") or "A")


def opened(home: Home, monkeypatch, **parameters: str) -> AppTest:
    monkeypatch.setenv("RAISE_HOME", str(home.path))
    test = AppTest.from_function(page, default_timeout=60)
    for name, value in parameters.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


def labels(test: AppTest) -> list[str]:
    return [widget.label for kind in (test.selectbox, test.button_group, test.toggle, test.slider) for widget in kind]


def test_the_last_visit_opens_in_the_portal_phase(home, monkeypatch):
    test = opened(home, monkeypatch)
    visit, window = test.selectbox
    assert (visit.value, visit.options) == ("12", ["Baseline", "Week 12"])
    assert window.options == ["Soft tissue", "Liver", "Lung", "Bone", "Custom"]
    assert {"Scan", "Lesion", "Baseline beside it"} <= set(labels(test))
    assert [warning.value for warning in test.warning] == []


def test_pet_is_windowed_in_suv(home, monkeypatch):
    test = opened(home, monkeypatch, visit="0", phase="pet")
    assert test.selectbox[1].options == ["SUV 0–5", "SUV 0–10", "SUV 0–20", "Custom"]
    assert any("No lesion is outlined" in caption.value for caption in test.caption)


def test_a_window_of_ones_own_has_its_numbers_in_the_address(home, monkeypatch):
    test = opened(home, monkeypatch, window="custom", width="350", level="-40")
    assert {slider.label: slider.value for slider in test.slider} == {"Width (HU)": 350.0, "Level (HU)": -40.0}


def test_a_patient_without_scans_is_told_how_scans_come_in(home, monkeypatch):
    test = opened(home, monkeypatch, patient="B")
    assert "No scan of this patient" in test.info[0].value


def test_a_damaged_scan_is_a_sentence(home, monkeypatch):
    cohort = load_cohort(home, "made")
    file = Path(cohort.scans.set_index("scan_id").loc["a12.nii.gz", "file"])
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:200])
    test = opened(home, monkeypatch)
    (warning,) = test.warning
    assert warning.value.startswith("The CT portal scan of week 12 cannot be shown")
    assert "/" not in warning.value, "no path of the server"
    assert not opened(home, monkeypatch, visit="0").warning


def test_a_damaged_baseline_leaves_the_visit_on_screen(home, monkeypatch):
    cohort = load_cohort(home, "made")
    file = Path(cohort.scans.set_index("scan_id").loc["a0.nii.gz", "file"])
    file.chmod(0o644)
    file.write_bytes(b"")
    test = opened(home, monkeypatch, side="1")
    assert "scan of week 0 cannot be shown" in test.warning[0].value
    assert any("What the network was given" in text.value for text in test.markdown)


def test_two_scans_can_be_linked_by_lesion_or_table(home, monkeypatch):
    test = opened(home, monkeypatch, side="1")
    assert "Linked by" in labels(test)
    assert "Linked by" not in labels(opened(home, monkeypatch, side="1", visit="0"))


@pytest.mark.parametrize("asked", ["99", "0", "-1", "two", "<script>"])
def test_a_slice_that_is_not_there_is_said(home, monkeypatch, asked):
    test = opened(home, monkeypatch, slice=asked)
    assert "which this scan does not have" in test.warning[0].value
    assert "<" not in test.warning[0].value
    assert "slice" not in test.query_params


def test_a_slice_in_the_address_stays_there_unless_it_is_the_outlined_one(home, monkeypatch):
    assert opened(home, monkeypatch, slice="2").query_params["slice"] == "2"
    assert "slice" not in opened(home, monkeypatch, slice="5").query_params
