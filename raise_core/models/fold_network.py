"""One model of a fold as one network, from images and laboratory values to its output, rebuilt from stored arrays.

What stands before the dense layers (imputation, logs, scales, principal components) is part of the network, so that an
output can be followed back to voxels and laboratory values, and training and explanation share one implementation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from raise_core.domain.device import one_thread
from raise_core.domain.errors import BadInputError, BadUsageError
from raise_core.domain.fusion_model import FusionModel, ModelInput
from raise_core.domain.outcome import BoolArray
from raise_core.models.fusion_head import FusionHead
from raise_core.models.lab_inputs import LabStatistics
from raise_core.models.network_settings import NetworkSettings
from raise_core.models.pretrained_branch import ENCODER, empty_pretrained_branch
from raise_core.models.volume_network import build_branch

Arrays = Mapping[str, NDArray[Any]]

BLOCK = "-block"
"""What stands behind an input's name in the names of its block's statistics."""

CENTRE = "centre"
"""What is taken off an output: 0 for a class; the training patients' mean log hazard for the Cox head."""

LARGEST_STANDARDISED = 4.0
"""Standardised inputs are cut here, so that one mistyped value cannot carry a network away."""

RANK_TOLERANCE = 1e-6
"""Components with less than this share of the largest standard deviation are rounding."""


class StandardisedBlock(torch.nn.Module):
    """Features of a branch, each with training mean 0 and standard deviation 1; constant ones become 0."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, mean: NDArray[np.float32], scale: NDArray[np.float32]) -> None:
        """Keep the statistics, shape (d,) each."""
        super().__init__()
        self.width = len(mean)
        self.register_buffer("mean", torch.from_numpy(np.array(mean, dtype=np.float32)))
        self.register_buffer("scale", torch.from_numpy(np.array(scale, dtype=np.float32)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Standardised features (n, d) of features (n, d)."""
        scaled = (features - self.mean) * self.scale
        return scaled.clamp(-LARGEST_STANDARDISED, LARGEST_STANDARDISED)


class ComponentBlock(torch.nn.Module):
    """Frozen features as a few principal components of their standardised columns, with training spread 1."""

    mean: torch.Tensor
    loadings: torch.Tensor

    def __init__(self, mean: NDArray[np.float32], loadings: NDArray[np.float32]) -> None:
        """Keep what was fitted; see `fit_component_block`.

        Args:
            mean: training means, shape (d,).
            loadings: shape (d, k), with the scales of columns and components multiplied in.
        """
        super().__init__()
        self.width = loadings.shape[1]
        self.register_buffer("mean", torch.from_numpy(np.array(mean, dtype=np.float32)))
        self.register_buffer("loadings", torch.from_numpy(np.array(loadings, dtype=np.float32)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Components (n, k) of features (n, d)."""
        scores = (features - self.mean) @ self.loadings
        return scores.clamp(-LARGEST_STANDARDISED, LARGEST_STANDARDISED)


class LabBlock(torch.nn.Module):
    """Laboratory values imputed, logged where skewed and standardised, then indicators of what was missing."""

    median: torch.Tensor
    floor: torch.Tensor
    logged: torch.Tensor
    indicated: torch.Tensor
    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, statistics: LabStatistics) -> None:
        """Keep the statistics, in float64: values may be of any size."""
        super().__init__()
        self.width = statistics.n_inputs
        for name in ("median", "floor", "logged", "indicated", "mean", "scale"):
            self.register_buffer(name, torch.from_numpy(np.array(getattr(statistics, name))))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Inputs (n, width), float32, of values (n, p), NaN where missing."""
        values = values.to(torch.float64)
        missing = torch.isnan(values)
        filled = torch.maximum(torch.where(missing, self.median, values), self.floor)
        ready = torch.where(self.logged, torch.log(torch.where(self.logged, filled, 1.0)), filled)
        scaled = ((ready - self.mean) * self.scale).clamp(-LARGEST_STANDARDISED, LARGEST_STANDARDISED)
        return torch.cat([scaled, missing[:, self.indicated].to(torch.float64)], dim=1).to(torch.float32)


Block = StandardisedBlock | ComponentBlock | LabBlock


class FoldNetwork(torch.nn.Module):
    """A model of a fold: branches, blocks and dense layers, in that order.

    Attributes:
        branches: input name to its 3-D network; for 'ct-pretrained' only where it was trained further.
        blocks: input name to what stands between the input (or its branch) and the dense layers; empty for a model of
            one branch.
        head: the dense layers; None for a model of one branch, whose own output is the model's.
        centre: what is taken off the output.
    """

    centre: torch.Tensor

    def __init__(
        self, branches: torch.nn.ModuleDict, blocks: torch.nn.ModuleDict, head: FusionHead | None, *, centre: float
    ) -> None:
        """Put the parts together."""
        super().__init__()
        self.branches = branches
        self.blocks = blocks
        self.head = head
        self.register_buffer("centre", torch.tensor(centre, dtype=torch.float64))

    def forward(
        self,
        pet: torch.Tensor | None = None,
        ct: torch.Tensor | None = None,
        ct_features: torch.Tensor | None = None,
        labs: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The model's output, shape (n,): logit of long, or the centred log hazard. Differentiable in every input.

        Args:
            pet: shape (n, 1, D, H, W), 0 to 1; needed where the model reads it, as are the others.
            ct: likewise.
            ct_features: shape (n, d), of the frozen pretrained CT network.
            labs: shape (n, p), NaN where missing, in the units of training.

        Raises:
            BadUsageError: an input of the model was not given.
        """
        given = {"pet": pet, "ct": ct, "ct-pretrained": ct if "ct-pretrained" in self.branches else ct_features}
        given["lab"] = labs
        if self.head is None:
            (name,) = self.branches
            output: torch.Tensor = self.branches[name](_needed(given, name))[1]
            return output - self.centre.to(output.dtype)
        ready = {}
        for name, block in self.blocks.items():
            inputs = _needed(given, name)
            ready[name] = block(self.branches[name](inputs)[0] if name in self.branches else inputs)
        joined = self.head(ready)[1]
        return cast("torch.Tensor", joined - self.centre.to(joined.dtype))


def fit_standardised_block(features: NDArray[np.float32], train: BoolArray) -> StandardisedBlock:
    """Means and standard deviations of features (n, d) over the training rows."""
    mean, scale = _moments(features[train].astype(np.float64))
    return StandardisedBlock(mean.astype(np.float32), scale.astype(np.float32))


def fit_component_block(features: NDArray[np.float32], train: BoolArray, *, n_components: int) -> ComponentBlock:
    """Principal components of the standardised columns of features (n, d), from the training rows alone.

    What `StandardScaler`, `PCA` and a second scaler of scikit-learn do, folded into one product. Signs are arbitrary.

    Raises:
        BadInputError: shapes disagree or a feature is not finite.
    """
    if features.ndim != 2 or len(features) != len(train) or not np.isfinite(features).all():
        raise BadInputError(
            f"pretrained CT features have shape {features.shape}; ({len(train)}, columns) is needed, all finite."
        )
    rows = features[train].astype(np.float64)
    mean, scale = _moments(rows)
    found = min(n_components, len(rows) - 1, rows.shape[1])
    with one_thread():
        _, singular, axes = np.linalg.svd((rows - mean) * scale, full_matrices=False)
    spread = singular[:found] / np.sqrt(len(rows))
    kept = spread > RANK_TOLERANCE * spread.max(initial=0.0)
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=kept)
    loadings = scale[:, None] * axes[:found].T * inverse
    return ComponentBlock(mean.astype(np.float32), loadings.astype(np.float32))


def block_arrays(name: str, block: Block) -> dict[str, NDArray[Any]]:
    """What to store of an input's block."""
    return {f"{name}{BLOCK}.{each}": value.cpu().numpy().copy() for each, value in block.state_dict().items()}


def fold_network(weights: Arrays, model: FusionModel, settings: NetworkSettings) -> FoldNetwork:
    """Rebuild a model from what was stored of its fold.

    Args:
        weights: arrays of the fold; see `FoldResult.weights`.
        model: one of the fold's models.
        settings: those the fold was trained with.

    Raises:
        BadUsageError: the fold has no such model.
    """
    if f"{model.text}/{CENTRE}" not in weights:
        raise BadUsageError(f"model {model.text!r} was not trained in this fold, or its training failed.")
    branches = torch.nn.ModuleDict()
    for each in model.image_inputs:
        own = _under(weights, f"{each}.")
        if own:
            pretrained = any(name.startswith(ENCODER) for name in own)
            branch = empty_pretrained_branch(settings) if pretrained else build_branch(settings)
            branches[each.value] = _loaded(branch, own)
    blocks = torch.nn.ModuleDict()
    head: FusionHead | None = None
    own = {name: value for name, value in _under(weights, f"{model.text}/").items() if name != CENTRE}
    if own:
        for each in model.inputs:
            blocks[each.value] = _block(each, _under(weights, f"{each}{BLOCK}."))
        widths = {name: cast("Block", block).width for name, block in blocks.items()}
        head = FusionHead(widths, settings)
        _loaded(head, own)
    network = FoldNetwork(branches, blocks, head, centre=weights[f"{model.text}/{CENTRE}"].item())
    return network.eval()


def _block(name: ModelInput, arrays: dict[str, NDArray[Any]]) -> Block:
    if name is ModelInput.LAB:
        return LabBlock(LabStatistics(**arrays))
    if "loadings" in arrays:
        return ComponentBlock(arrays["mean"], arrays["loadings"])
    return StandardisedBlock(arrays["mean"], arrays["scale"])


def _under(weights: Arrays, prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _loaded(network: torch.nn.Module, arrays: Arrays) -> torch.nn.Module:
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in arrays.items()})
    return network


def _needed(given: Mapping[str, torch.Tensor | None], name: str) -> torch.Tensor:
    found = given[name]
    if found is None:
        raise BadUsageError(f"the model reads {name!r}, which was not given.")
    return found


def _moments(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and 1 / standard deviation (ddof 0) of each column; 0 where it does not vary."""
    mean, sd = rows.mean(axis=0), rows.std(axis=0)
    varies = sd > 1e-6 * np.maximum(np.abs(mean), np.finfo(np.float64).tiny)
    return mean, np.divide(1.0, sd, out=np.zeros_like(sd), where=varies)
