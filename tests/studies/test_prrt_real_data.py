"""Real scans and laboratory values through the PRRT study: canonical import, preprocessing, every network, forests."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from raise_core.domain.device import plan_for
from raise_core.domain.errors import WeightsMissingError
from raise_core.domain.fusion_model import Head
from raise_core.features.ct_volume import extract_ct_features
from raise_core.features.registry import encoder_named
from raise_core.ingest.importer import import_study
from raise_core.models.network_settings import NetworkSettings
from raise_core.store.home import Home
from raise_core.studies import prrt_plan
from raise_core.studies.opening import open_study
from raise_core.studies.prrt_images import prepare_images, read_image
from raise_core.studies.prrt_material import gather
from raise_core.studies.prrt_report import class_report
from raise_core.studies.prrt_run import run_prrt
from raise_core.studies.prrt_runs import load_prrt_run
from raise_core.studies.prrt_settings import PrrtSettings

pytestmark = [pytest.mark.shared_data, pytest.mark.slow]
TUMOUR_ML = 53.3
"""Volume of the contour in the scans' own grid."""


@pytest.fixture(scope="module")
def pair(shared_data, tmp_path_factory):
    """One patient's PET and CT, imported in the canonical way."""
    folder = tmp_path_factory.mktemp("pair")
    rows = {
        "patients": [{"patient_id": "STS-1", "sex": "female"}],
        "outcomes": [{"patient_id": "STS-1", "endpoint": "PFS", "time_weeks": 60.0, "event": 1}],
        "scans": [],
        "masks": [],
    }
    for modality, name in (("PT", "PET"), ("CT", "CT")):
        for what in ("image", "mask"):
            source = shared_data / "petct_pair" / name / "nifti" / what / f"{what}.nii.gz"
            shutil.copy(source, folder / f"{name}-{what}.nii.gz")
        rows["scans"].append({"patient_id": "STS-1", "week": -1, "path": f"{name}-image.nii.gz", "modality": modality})
        rows["masks"].append({"scan_path": f"{name}-image.nii.gz", "path": f"{name}-mask.nii.gz", "kind": "lesion"})
    for table, content in rows.items():
        pd.DataFrame(content).to_csv(folder / f"{table}.csv", index=False)
    (folder / "study.json").write_text(json.dumps({"title": "One sarcoma"}))
    home = Home.at(tmp_path_factory.mktemp("pair-home"))
    import_study(home, folder, "pair", fmt="tables")
    return home


@pytest.fixture(scope="module")
def prepared(pair):
    from raise_core.store.artifact import ArtifactStore

    settings = PrrtSettings(models=("pet+ct",))
    material = gather(open_study(pair, "pair"), settings)
    plans = prrt_plan.PrrtPlans.of(settings)
    images = prepare_images(
        ArtifactStore(pair), material, settings, plans, encoder=None, device_plan=plan_for("cpu"),
        progress=lambda *_: None, should_stop=None,
    )  # fmt: skip
    assert images.failures == {}
    return material, plans, read_image(ArtifactStore(pair), images.volume_keys["STS-1"])


def test_the_pair_lies_on_one_grid_with_the_tumour_where_the_uptake_is(prepared):
    _, plans, image = prepared
    voxel_ml = np.prod(plans.volumes.spacing_mm) / 1000
    assert image.lesion.sum() * voxel_ml == pytest.approx(TUMOUR_ML, rel=0.1)
    inside, outside = image.pet[image.lesion].mean(), image.pet[~image.lesion].mean()
    assert inside > 5 * outside
    assert 0 <= image.ct.min() <= image.ct.max() <= 1


def test_the_networks_of_pet_and_ct_answer_to_it(prepared):
    import torch

    from raise_core.models.volume_network import build_branch

    _, _, image = prepared
    for volume in (image.pet, image.ct):
        torch.manual_seed(0)
        network = build_branch(NetworkSettings()).eval()
        with torch.inference_mode():
            features, output = network(torch.from_numpy(volume)[None, None])
            empty, _ = network(torch.zeros(1, 1, *volume.shape))
        assert torch.isfinite(features).all()
        assert torch.isfinite(output).all()
        assert (features - empty).abs().max() > 1e-4  # what it says depends on the scan


def test_the_pretrained_network_answers_to_its_ct(prepared):
    material, plans, _ = prepared
    try:
        encoder = encoder_named("resnet152-ct", download=False)
    except WeightsMissingError as error:
        pytest.skip(str(error))
    requests = prrt_plan.slice_requests(material, ["STS-1"])
    ((_, vector),) = extract_ct_features(requests, plan=plans.slices, encoder=encoder, device_plan=plan_for("cpu"))
    assert vector.shape == (4096,)
    assert np.isfinite(vector).all()
    assert vector.std() > 0


def test_real_laboratory_values_through_the_forests(shared_data, tmp_path):
    home = Home.at(tmp_path / "home")
    import_study(home, shared_data / "labs_support2", "support", fmt="tables")
    settings = PrrtSettings(models=("lab",), endpoint="OS", lab_repeats=1)
    run = load_prrt_run(home, run_prrt(home, "support", settings, device="cpu").run_id)
    found = class_report(run, open_study(home, "support"), bootstraps=200).estimate("lab")
    assert found.n + run.patients[Head.CLASS].excluded.get("no laboratory values before treatment", 0) <= 1420
    assert found.n > 1000
    assert found.auroc.ci_low > 0.5
