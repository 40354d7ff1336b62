"""The pretrained 3-D CT network as a branch that is trained further: for a graphics card.

Frozen, its features are computed once and no branch is needed (`FoldWork.ct_features`). Trained further, it reads the
same CT volumes as the study's own CT branch, whose window and resolution differ from those it was trained on; that is
what training further is for.
"""

from __future__ import annotations

from typing import Self

import torch

from raise_core.features import resnet152_ct_3d
from raise_core.features.encoder import Weights
from raise_core.features.residual_network_3d import ResidualNetwork3d
from raise_core.models.network_settings import NetworkSettings

COLOURS = 3
"""Channels the network was trained with; a grey volume is shown in all of them."""

ENCODER = "encoder."
"""What the names of the pretrained network's weights begin with in a branch's weights."""


class PretrainedBranch(torch.nn.Module):
    """A pretrained network with a head of its own; used as a `VolumeBranch` is.

    Batch normalisation keeps the statistics it was trained with: batches of a small cohort would only blur them, and a
    patient's output would depend on who shares the batch.

    Attributes:
        encoder: volumes (n, 3, D, H, W) to features (n, 2048).
        project: those to the features handed to the fusion.
        output: features to the output of the branch alone.
    """

    def __init__(self, encoder: torch.nn.Module, settings: NetworkSettings) -> None:
        """Put a head with random weights from torch's own generator behind the network."""
        super().__init__()
        self.encoder = encoder
        self.project = torch.nn.Sequential(
            torch.nn.Dropout(settings.dropout),
            torch.nn.Linear(resnet152_ct_3d.FEATURE_COUNT, settings.branch_features),
            torch.nn.Tanh(),
        )
        self.drop = torch.nn.Dropout(settings.dropout)
        self.output = torch.nn.Linear(settings.branch_features, 1)

    def forward(self, volumes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (n, branch_features) and output (n,) of volumes (n, 1, D, H, W), 0 to 1."""
        features = self.project(self.encoder(volumes.expand(-1, COLOURS, -1, -1, -1)))
        return features, self.output(self.drop(features)).squeeze(1)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - torch's own signature
        """As torch has it, but for batch normalisation."""
        super().train(mode)
        for module in self.encoder.modules():
            if isinstance(module, torch.nn.BatchNorm3d):
                module.eval()
        return self


def pretrained_branch(weights: Weights, settings: NetworkSettings) -> PretrainedBranch:
    """The branch before it is trained further; memory is saved by computing parts twice."""
    return PretrainedBranch(resnet152_ct_3d.build_3d(weights, recompute=True), settings)


def empty_pretrained_branch(settings: NetworkSettings) -> PretrainedBranch:
    """The same with random weights, to be filled from what was stored of a fold."""
    return PretrainedBranch(ResidualNetwork3d(resnet152_ct_3d.LAYERS), settings)
