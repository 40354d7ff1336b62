"""The 3-D form of `resnet152-ct`, from the same weights: for a graphics card, frozen or trained further."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan
from raise_core.features.encoder import Weights
from raise_core.features.residual_network import CLASSIFIER
from raise_core.features.weights import state_dict

if TYPE_CHECKING:
    from torch import nn

LAYERS = (3, 8, 36, 3)
FEATURE_COUNT = 2048


def build_3d(weights: Weights, *, recompute: bool = False) -> nn.Module:
    """The 3-D network in evaluation mode on the CPU: (n, 3, slices, rows, columns), 0 to 1, to (n, 2048).

    Grey volumes are shown as three equal channels. To train it further call `.train()` and put a head behind it.

    Args:
        weights: the checked files of `resnet152-ct`.
        recompute: save memory while training (`ResidualNetwork3d`).
    """
    import torch

    from raise_core.features.residual_network_3d import ResidualNetwork3d

    with torch.device("meta"):  # random starting weights would only be thrown away, after seconds of drawing them
        network = ResidualNetwork3d(LAYERS, recompute=recompute)
    tensors = {name: value for name, value in state_dict(weights).items() if name not in CLASSIFIER}
    network.load_state_dict(tensors, strict=True, assign=True)
    return network.eval()


class VolumeRun:
    """The 3-D network on its device, ready to be fed one scan at a time."""

    def __init__(self, weights: Weights, device_plan: DevicePlan) -> None:
        """Build the network.

        Args:
            weights: the checked files of `resnet152-ct`.
            device_plan: where and how; half precision on a graphics card.
        """
        import torch

        self._plan = device_plan
        self._layout = torch.channels_last_3d if device_plan.channels_last else torch.contiguous_format
        network = build_3d(weights)
        self._network = network.to(device_plan.torch_device(), memory_format=self._layout)  # type: ignore[call-overload]

    def vector(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of one scan.

        Args:
            pictures: (slices, px, px), 0 to 1, evenly spaced.

        Returns:
            (2048,), float32.
        """
        import torch

        grey = torch.from_numpy(np.ascontiguousarray(pictures))[None, None]
        if self._plan.pin_memory:
            grey = grey.pin_memory()
        grey = grey.to(self._plan.torch_device(), non_blocking=self._plan.non_blocking)
        coloured = grey.expand(-1, 3, -1, -1, -1).contiguous(memory_format=self._layout)
        with torch.inference_mode(), self._plan.autocast_context():
            vector: torch.Tensor = self._network(coloured)[0].float().cpu()
        found: NDArray[np.float32] = vector.numpy()
        return found
