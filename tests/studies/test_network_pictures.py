from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.week import LandmarkWeek
from raise_core.features.pictures import pictures
from raise_core.features.registry import DEFAULT_ENCODER, ENCODERS
from raise_core.imaging.plan import Variant
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.studies.network_pictures import network_pictures, picture_plan
from raise_core.studies.opening import open_study
from raise_core.studies.patient_scans import patient_scans
from raise_core.studies.raise_images import lesion_pictures
from raise_core.studies.runs import RUN_KIND, list_runs
from raise_core.studies.scan_viewing import open_scan
from tests.studies import viewing_case


@pytest.fixture
def cohort(tmp_path):
    return viewing_case.cohort(tmp_path)


def opened(cohort, scan_id):
    return open_scan(next(scan for scan in patient_scans(cohort, "A") if scan.scan_id == scan_id))


def test_without_a_run_the_default_encoders_settings_apply(cohort, tmp_path):
    plan = picture_plan(Home.at(tmp_path), cohort, None)
    assert plan.encoder == DEFAULT_ENCODER
    assert plan.plan.input_px == ENCODERS[DEFAULT_ENCODER].default_input_px
    assert plan.plan.pixel_spacing_mm == 2.0
    assert plan.run_id is None


def test_a_run_that_is_gone_is_said(cohort, tmp_path):
    with pytest.raises(NotInStoreError, match="no longer in the store"):
        picture_plan(Home.at(tmp_path), cohort, "0" * 64)


def test_pictures_are_those_that_extraction_makes(cohort, tmp_path):
    plan = picture_plan(Home.at(tmp_path), cohort, None)
    shown = network_pictures(cohort, opened(cohort, "a0"), "T1", plan)
    assert [picture.variant for picture in shown] == [Variant.LESION, Variant.BINARY, Variant.LIVER]
    for picture in shown:
        (wanted,) = lesion_pictures(cohort, LandmarkWeek(0.0), f"{picture.variant.value}-portal", ["A"])
        (made,) = pictures([wanted.request], plan=plan.plan)
        assert picture.reason is None
        assert np.array_equal(picture.pixels, made.pixels)
        assert picture.side_mm == {"liver": 320.0}.get(picture.variant.value, 100.0)
        assert picture.weeks == ()


def test_reasons_are_given_where_there_is_no_picture(cohort, tmp_path):
    plan = picture_plan(Home.at(tmp_path), cohort, None)

    def reasons(scan_id, lesion):
        return [picture.reason for picture in network_pictures(cohort, opened(cohort, scan_id), lesion, plan)]

    assert reasons("a12", "T1") == [None, None, "The liver is not outlined on this scan."]
    assert all("portal and arterial CT" in reason for reason in reasons("pet", "T1"))
    assert all("target lesions" in reason for reason in reasons("a0", "T2")), "T2 is no target lesion"


def test_an_empty_outline_gives_its_reason(cohort, tmp_path):
    plan = picture_plan(Home.at(tmp_path), cohort, None)
    empty = replace(cohort, masks=cohort.masks.assign(label=9).astype({"label": "Int64"}))
    assert all("no voxel of label 9" in p.reason for p in network_pictures(empty, opened(empty, "a0"), "T1", plan))


def test_of_two_scans_of_a_day_only_the_runs_has_pictures(cohort, tmp_path):
    twice = replace(cohort, scans=cohort.scans.assign(phase="portal", modality="CT"))
    masks = cohort.masks.assign(scan_id=cohort.masks["scan_id"].replace({"a0": "a12art"}))
    twice = replace(twice, masks=masks)
    plan = picture_plan(Home.at(tmp_path), twice, None)
    shown = network_pictures(twice, opened(twice, "a12"), "T1", plan)
    assert {picture.reason for picture in shown} == {"Another scan of the same day and phase is given to the network."}


@pytest.mark.slow
def test_a_runs_pictures_are_made_with_its_plan_and_say_when_it_used_them(small_home):
    home = Home.at(small_home)
    cohort = open_study(home, "demo-raise").cohort
    (run,) = list_runs(home, cohort.study.snapshot_id)
    record = ArtifactStore(home).read(RUN_KIND, run.run_id).document
    plan = picture_plan(home, cohort, run.run_id)
    assert plan.plan.to_dict() == record["plan"]
    assert plan.plan.input_px == 64
    assert plan.encoder == "efficientnet-lite0-imagenet"

    first = record["weeks"][0]
    patient, scan_week = first["patients"][0], first["scan_weeks"]["lesion-portal"][0]
    scan = next(s for s in patient_scans(cohort, patient) if s.week == scan_week and s.contrast == "portal")
    for wanted in lesion_pictures(cohort, LandmarkWeek(first["week"]), "lesion-portal", [patient]):
        assert wanted.request.scan_file == scan.file
        shown = network_pictures(cohort, open_scan(scan), wanted.lesion_id, plan)
        (made,) = pictures([wanted.request], plan=plan.plan)
        assert np.array_equal(shown[0].pixels, made.pixels)
        assert first["week"] in shown[0].weeks


def test_looking_at_a_scan_imports_no_torch(tmp_path):
    viewing_case.cohort(tmp_path)
    code = (
        "import sys; from pathlib import Path\n"
        "from raise_core.studies.network_pictures import network_pictures, picture_plan\n"
        "from raise_core.studies.scan_viewing import open_scan\n"
        "from raise_core.studies.patient_scans import patient_scans\n"
        "print('SimpleITK' in sys.modules)\n"
        "from raise_core.store.home import Home; from tests.studies import viewing_case\n"
        f"folder = Path({str(tmp_path)!r}); cohort = viewing_case.cohort(folder)\n"
        "one = open_scan(patient_scans(cohort, 'A')[0])\n"
        "made = network_pictures(cohort, one, 'T1', picture_plan(Home.at(folder), cohort, None))\n"
        "print(all(p.pixels is not None for p in made), {'torch', 'torchvision', 'sklearn'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False", "True set()"]
