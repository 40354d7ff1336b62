"""The same code on real files: a colorectal cancer trial and a liver CT with a tumour."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from raise_core.domain.device import plan_for
from raise_core.domain.errors import WeightsMissingError
from raise_core.domain.results import CindexSettings
from raise_core.domain.week import LandmarkWeek
from raise_core.features.extraction import extract
from raise_core.features.registry import ENCODERS, encoder_named
from raise_core.ingest.importer import import_study
from raise_core.store.artifact import ArtifactStore
from raise_core.store.feature_shelf import FeatureShelf
from raise_core.store.home import Home
from raise_core.studies.opening import open_study
from raise_core.studies.questions import cindex
from raise_core.studies.raise_images import lesion_pictures, slice_plan

pytestmark = pytest.mark.shared_data


def test_size_ranks_survival_modestly_in_the_colorectal_trial(shared_data, tmp_path):
    home = Home.at(tmp_path / "home")
    import_study(home, shared_data / "crc_recist", "crc")
    result = cindex(home, "crc", ["sldr", "sld"], CindexSettings(endpoint="OS"), weeks=[9, 18, 27, 36])
    sldr = {e.week: e for e in result.report.estimates if e.model == "sldr"}
    assert (sldr[9].n, sldr[18].n) == (99, 107)
    for week in (9, 18):
        assert 0.57 < sldr[week].mean < 0.65
        assert sldr[week].ci_low < sldr[week].mean < sldr[week].ci_high
    progression = cindex(home, "crc", ["sldr"], CindexSettings(endpoint="PFS"), weeks=[9, 18]).report
    assert all(abs(e.mean - 0.5) < 0.1 for e in progression.estimates), "hardly a signal for progression"
    for week in (9.0, 18.0):
        used = sldr[week].n
        assert used + sum(result.report.excluded[week].values()) == 150


@pytest.fixture(scope="module")
def liver_ct(shared_data, tmp_path_factory):
    """One patient's CT with a liver tumour, brought in through canonical files."""
    folder = tmp_path_factory.mktemp("liver") / "source"
    folder.mkdir()
    for name in ("image.nii.gz", "labels.nii.gz"):
        shutil.copy(shared_data / "ct_liver_lesion" / name, folder / name)
    (folder / "patients.csv").write_text("patient_id\nL117\n")
    (folder / "outcomes.csv").write_text("patient_id,endpoint,time_weeks,event\nL117,PFS,60,1\n")
    (folder / "scans.csv").write_text("patient_id,week,path,modality,phase\nL117,12,image.nii.gz,CT,portal\n")
    (folder / "masks.csv").write_text(
        "scan_path,path,kind,lesion_id,slice_index,label\n"
        "image.nii.gz,labels.nii.gz,lesion,T1,,2\nimage.nii.gz,labels.nii.gz,liver,,,\n"
    )
    (folder / "study.json").write_text(json.dumps({"title": "One liver CT", "simulated": False}))
    home = Home.at(folder.parent / "home")
    import_study(home, folder, "liver")
    return home


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ENCODERS))
def test_a_real_liver_tumour_becomes_a_feature_vector(liver_ct, name):
    try:
        encoder = encoder_named(name, download=False)
    except WeightsMissingError as error:
        pytest.skip(str(error))
    source = open_study(liver_ct, "liver")
    plan = slice_plan(source.cohort, input_px=encoder.default_input_px)
    requests = [
        picture.request
        for variant in ("lesion-portal", "binary-portal", "liver-portal")
        for picture in lesion_pictures(source.cohort, LandmarkWeek(12), variant, ["L117"])
    ]
    assert len(requests) == 3
    shelf = FeatureShelf(ArtifactStore(liver_ct), name)
    report = extract(requests, plan=plan, encoder=encoder, device_plan=plan_for("cpu"), shelf=shelf)
    assert report.failures == ()
    assert report.vectors.shape == (3, encoder.feature_count)
    assert np.isfinite(report.vectors).all()
    distances = np.linalg.norm(report.vectors[:, None] - report.vectors[None], axis=2)
    assert distances[np.triu_indices(3, 1)].min() > 0.1 * np.linalg.norm(report.vectors, axis=1).mean()
    again = extract(requests, plan=plan, encoder=encoder, device_plan=plan_for("cpu"), shelf=shelf)
    assert (again.computed, again.reused) == (0, 3)
    np.testing.assert_array_equal(again.vectors, report.vectors)
