"""A small 3-D convolutional network for one modality, built from MONAI's blocks.

Stages halve the volume's sides: a convolution each, a residual unit for the last. Groups of channels are normalised
within each patient, so that a patient's output does not depend on who shares the batch. Behind the last stage the mean
and the maximum over space are both kept: load is spread, a hot spot is not.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from raise_core.features.branch_checkpoint import fitted_to
from raise_core.models.network_settings import NORM_GROUPS, NetworkSettings

OUTPUT = "output."
"""What the names of a branch's last layer begin with."""


class VolumeBranch(torch.nn.Module):
    """A branch: volumes to features, and features to an output of its own.

    Attributes:
        stages: volumes (n, 1, D, H, W) to maps (n, channels, d, h, w); what Grad-CAM looks at is what comes out here.
        project: means and maxima of the maps to features.
        output: features to the output of the branch alone: logit of long, or log hazard.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        """Build it with random weights from torch's own generator."""
        super().__init__()
        self.stages = _stages(settings)
        self.project = torch.nn.Sequential(
            torch.nn.Dropout(settings.dropout),
            torch.nn.Linear(2 * settings.channels[-1], settings.branch_features),
            torch.nn.Tanh(),
        )
        self.drop = torch.nn.Dropout(settings.dropout)
        self.output = torch.nn.Linear(settings.branch_features, 1)

    def forward(self, volumes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (n, branch_features) and output (n,) of volumes (n, 1, D, H, W), 0 to 1."""
        maps = self.stages(volumes).flatten(start_dim=2)
        features = self.project(torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1))
        return features, self.output(self.drop(features)).squeeze(1)


def build_branch(settings: NetworkSettings) -> VolumeBranch:
    """A branch with random weights from torch's own generator (`torch.manual_seed`). Imports MONAI: slow."""
    return VolumeBranch(settings)


def load_weights(network: torch.nn.Module, initial: Mapping[str, NDArray[np.float32]], *, source: str) -> None:
    """Begin from given weights.

    Args:
        network: changed in place.
        initial: parameter names to arrays; all of the network's, except that the layer `output` may be left out,
            because it depends on what was predicted.
        source: what to call the weights in messages.

    Raises:
        BadInputError: a name is missing or unknown, or a shape differs.
    """
    own = network.state_dict()
    expected = {name: value for name, value in own.items() if name in initial or not name.startswith(OUTPUT)}
    given = {name: torch.from_numpy(np.array(value)) for name, value in initial.items()}
    network.load_state_dict({**own, **fitted_to(given, expected, source=source)})


def _stages(settings: NetworkSettings) -> torch.nn.Sequential:
    from monai.networks.blocks.convolutions import Convolution, ResidualUnit

    norm = ("GROUP", {"num_groups": NORM_GROUPS})
    stages = torch.nn.Sequential()
    before = 1
    for depth, channels in enumerate(settings.channels):
        last = depth == len(settings.channels) - 1
        block = ResidualUnit if last else Convolution
        stages.append(
            block(
                spatial_dims=3,
                in_channels=before,
                out_channels=channels,
                strides=2,
                kernel_size=3,
                act="RELU",
                norm=norm,
            )
        )
        before = channels
    return stages
