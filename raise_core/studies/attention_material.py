"""A finished PRRT run as what explaining it needs: its networks, and what each patient's networks were given.

Everything that depends on how a run keeps its parts stands here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.fusion_model import FusionModel, Head, ModelInput, parse_fusion_model
from raise_core.evaluation.attribution import ExplainedNetwork
from raise_core.evaluation.fusion_folds import fold_network
from raise_core.features.registry import encoder_named
from raise_core.features.resnet152_ct import NAME as CT_BACKBONE
from raise_core.models.network_settings import NetworkSettings
from raise_core.store.artifact import ArtifactStore
from raise_core.store.feature_shelf import FeatureShelf
from raise_core.store.home import Home
from raise_core.studies import prrt_plan
from raise_core.studies.attention_store import FloatImage, PreparedScan, load_scan
from raise_core.studies.opening import open_study
from raise_core.studies.prrt_material import gather
from raise_core.studies.prrt_plan import PrrtPlans
from raise_core.studies.prrt_runs import CT_SHELF, RUN_KIND, PrrtRun, fold_artifact, load_prrt_run

if TYPE_CHECKING:
    from collections.abc import Mapping as Tensors

    import torch
    from torch import nn

FROZEN_CT = (
    "This model reads CT through a network that was trained on other patients before and is frozen: its features were "
    "made once for each slice and are a plain input here, so there is no way back to the voxels."
)
NETWORKS_IN_MEMORY = 64


def explained_models(run: PrrtRun) -> tuple[str, ...]:
    """Models of a run that read PET or CT voxel by voxel; forests on laboratory values have no map."""
    return tuple(text for text in run.outputs if parse_fusion_model(text).image_inputs)


class RunNetworks:
    """The networks of one model of a run (see `raise_core.studies.attention.ModelNetworks`)."""

    def __init__(self, home: Home, run: PrrtRun, model: str) -> None:
        """Look up what the model needs.

        Args:
            home: where the run is kept.
            run: the run.
            model: one of its models with images.

        Raises:
            NotInStoreError: the run has no such model, or lost a part.
        """
        self._home, self._run = home, run
        self._parsed: FusionModel = parse_fusion_model(model)
        self._out = run.output(model)
        record = ArtifactStore(home).read(RUN_KIND, run.summary.run_id)
        if record is None:
            raise NotInStoreError(f"run {run.summary.run_id[:8]} is no longer in the store.")
        self._settings = NetworkSettings.from_dict(record.document["plans"]["network"])
        self._other = _other_inputs(home, run, self._parsed, half_precision=record.document["device"] == "cuda")
        self._position = {patient: row for row, patient in enumerate(self._out.patient_ids)}
        self._network = lru_cache(maxsize=NETWORKS_IN_MEMORY)(self._load)

    @property
    def model(self) -> str:
        """The model's text."""
        return self._parsed.text

    @property
    def run_id(self) -> str:
        """The run."""
        return self._run.summary.run_id

    @property
    def patient_ids(self) -> Sequence[str]:
        """Patients the model was tested on."""
        return self._out.patient_ids

    @property
    def without_map(self) -> Mapping[str, str]:
        """Image that the model uses but that cannot have a map, with the reason."""
        return {"ct": FROZEN_CT} if "ct_features" in self._other else {}

    def scan(self, patient_id: str) -> PreparedScan:
        """What the patient's networks saw."""
        return load_scan(self._home, self._run.images[patient_id])

    def images(self, scan: PreparedScan) -> Mapping[str, FloatImage]:
        """Of that, the images this model reads voxel by voxel."""
        read = {"pet"} & set(self._parsed.inputs)
        reads_ct = {ModelInput.CT, ModelInput.CT_PRETRAINED} & set(self._parsed.inputs)
        if reads_ct and not self.without_map:
            read = read | {"ct"}
        return {name: scan.images[name] for name in ("pet", "ct") if name in read}

    def left_out(self, patient_id: str) -> Sequence[ExplainedNetwork]:
        """One network a repeat, each not trained on the patient; repeats whose training failed are left out.

        Raises:
            NotInStoreError: training failed in every repeat.
        """
        row = self._position[patient_id]
        found = [self._network(repeat, int(fold)) for repeat, fold in enumerate(self._out.fold[:, row])]
        usable = [network for network in found if network is not None]
        if not usable:
            raise NotInStoreError(f"no network of {self.model} that left {patient_id} out could be trained.")
        return [ExplainedNetwork(network, self._forward(row)) for network in usable]

    def fused(self, repeat: int, fold: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Fused features (n, h) of every patient by one network, and who was left out of its training."""
        kept = fold_artifact(self._home, self._run.fold_keys[self._parsed.head][repeat][fold])
        return kept.arrays[f"fused/{self.model}"].astype(np.float32), np.asarray(self._out.fold[repeat] == fold)

    def _load(self, repeat: int, fold: int) -> nn.Module | None:
        kept = fold_artifact(self._home, self._run.fold_keys[self._parsed.head][repeat][fold])
        try:
            network = fold_network(kept.arrays, self._parsed, self._settings)
        except BadUsageError:
            return None  # its training failed, which the run's page says
        return network.eval()

    def _forward(self, row: int) -> Any:  # noqa: ANN401 - `attribution.Forward`, whose torch types are not there at run time
        sign = 1.0 if self._parsed.head is Head.COX else -1.0  # the risk of a short time is minus the logit of long
        own = {name: values[row] for name, values in self._other.items()}

        def forward(network: nn.Module, images: Tensors[str, torch.Tensor]) -> torch.Tensor:
            import torch

            count = len(next(iter(images.values())))
            rest = {name: torch.from_numpy(np.repeat(values[None], count, axis=0)) for name, values in own.items()}
            risk: torch.Tensor = sign * network(**images, **rest)
            return risk.float()

        return forward


def open_networks(home: Home, run_id: str, model: str) -> RunNetworks:
    """The networks of a model of a run.

    Raises:
        NotInStoreError: no such run or model.
    """
    return RunNetworks(home, load_prrt_run(home, run_id), model)


def _other_inputs(home: Home, run: PrrtRun, model: FusionModel, *, half_precision: bool) -> dict[str, NDArray[Any]]:
    """What the networks read besides voxels, one row a patient in the run's order."""
    found: dict[str, NDArray[Any]] = {}
    patients = run.patients[model.head].patient_ids
    if not {ModelInput.LAB, ModelInput.CT_PRETRAINED} & set(model.inputs):
        return found
    settings = run.summary.settings
    material = gather(open_study(home, run.summary.study_id, run.summary.snapshot_id), settings)
    if ModelInput.LAB in model.inputs:
        found["labs"] = material.labs_of(patients)
    if ModelInput.CT_PRETRAINED in model.inputs:
        encoder = encoder_named(CT_BACKBONE, download=False)
        requests = prrt_plan.slice_requests(material, patients)
        keys = prrt_plan.slice_keys(requests, PrrtPlans.of(settings), encoder, half_precision=half_precision)
        shelf = FeatureShelf(ArtifactStore(home), CT_SHELF)
        if set(keys.values()) <= shelf.known_keys():  # else its CT branch was trained further and reads voxels
            found["ct_features"] = shelf.get([keys[patient] for patient in patients])
    return found
