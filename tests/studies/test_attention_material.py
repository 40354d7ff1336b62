"""A real small run explained: the networks asked are those that the run scored each patient with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from raise_core.domain.fusion_model import Head
from raise_core.store.home import Home
from raise_core.store.snapshot import current_snapshot
from raise_core.studies.attention_material import FROZEN_CT, RunNetworks, explained_models
from raise_core.studies.prrt_runs import list_prrt_runs, load_prrt_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def opened(small_prrt_home):
    """Home and run."""
    home = Home.at(small_prrt_home)
    (summary, *_) = list_prrt_runs(home, current_snapshot(home, "demo-prrt"))
    return home, load_prrt_run(home, summary.run_id)


def test_models_with_images_are_explained(opened):
    _, run = opened
    assert explained_models(run) == tuple(text for text in run.outputs if text != "lab")


@pytest.mark.parametrize("model", ["pet", "pet+ct+lab", "cox:pet+ct+lab"])
def test_each_patient_is_asked_of_the_networks_that_never_saw_the_patient(opened, model):
    """The proof is the number: the explained risk is, to the last digits, what the run predicted out of fold."""
    home, run = opened
    networks, out = RunNetworks(home, run, model), run.output(model)
    for row, patient in list(enumerate(out.patient_ids))[:6]:
        images = networks.images(networks.scan(patient))
        tensors = {name: torch.from_numpy(values)[None, None] for name, values in images.items()}
        with torch.no_grad():
            risks = [float(one.risk(tensors)[0]) for one in networks.left_out(patient)]
        expected = out.value[:, row]
        found = np.array(risks) if out.model.head is Head.COX else 1 / (1 + np.exp(np.array(risks)))
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_images_are_those_the_model_reads(opened):
    home, run = opened
    scan = RunNetworks(home, run, "pet").scan(run.output("pet").patient_ids[0])
    assert set(RunNetworks(home, run, "pet").images(scan)) == {"pet"}
    assert set(RunNetworks(home, run, "pet+ct+lab").images(scan)) == {"pet", "ct"}
    assert RunNetworks(home, run, "pet+ct+lab").without_map == {}
    assert "no way back to the voxels" in FROZEN_CT


def test_fused_features_come_with_who_was_left_out(opened):
    home, run = opened
    networks = RunNetworks(home, run, "pet+ct+lab")
    features, tested = networks.fused(0, 1)
    assert features.shape[0] == len(networks.patient_ids) == len(tested)
    assert (tested == (run.output("pet+ct+lab").fold[0] == 1)).all()
