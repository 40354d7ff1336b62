"""Running an encoder's network over pictures, on the CPU or a GPU."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan
from raise_core.features.encoder import FeatureEncoder

if TYPE_CHECKING:
    import torch

CPU_BATCH = 16
"""Small batches stay in the processor's cache: measured 220 pictures a second at 16, 170 at 64 (EfficientNet-Lite0)."""

GPU_BATCH = 256

FloatPictures = NDArray[np.float32]

_log = logging.getLogger(__name__)


class NetworkRun:
    """An encoder's network on its device, ready to be fed."""

    def __init__(self, encoder: FeatureEncoder, device_plan: DevicePlan, *, batch_size: int | None = None) -> None:
        """Build the network.

        Args:
            encoder: which one.
            device_plan: where and how.
            batch_size: pictures at a time; None: what suits the device.
        """
        import torch

        self._plan = device_plan
        self._device = device_plan.torch_device()
        self._layout = torch.channels_last if device_plan.channels_last else torch.contiguous_format
        self.batch_size = batch_size or (GPU_BATCH if device_plan.is_cuda else CPU_BATCH)
        network: Any = encoder.network().to(self._device, memory_format=self._layout)  # type: ignore[call-overload]
        self._eager = network
        self._compiled: Any | None = torch.compile(network, dynamic=False) if device_plan.compile else None
        self._mean = torch.tensor(encoder.normalisation.mean, device=self._device).view(1, 3, 1, 1)
        self._sd = torch.tensor(encoder.normalisation.sd, device=self._device).view(1, 3, 1, 1)
        self._feature_count = encoder.feature_count

    def vectors(self, pictures: FloatPictures) -> FloatPictures:
        """Feature vectors of pictures.

        On a GPU the copies of a batch and the computing of the one before overlap.

        Args:
            pictures: (n, px, px), 0..1.

        Returns:
            (n, feature_count), float32.
        """
        import torch

        batches = (pictures[at : at + self.batch_size] for at in range(0, len(pictures), self.batch_size))
        with torch.inference_mode():
            done = [one.cpu().numpy() for one in _one_ahead(self._started(batch) for batch in batches)]
        if not done:
            return np.empty((0, self._feature_count), dtype=np.float32)
        return np.concatenate(done).astype(np.float32, copy=False)

    def _started(self, batch: FloatPictures) -> torch.Tensor:
        """Vectors of one batch; on a GPU still being computed when this returns."""
        import torch

        grey = torch.from_numpy(np.ascontiguousarray(batch)).unsqueeze(1)
        if self._plan.pin_memory:
            grey = grey.pin_memory()
        grey = grey.to(self._device, non_blocking=self._plan.non_blocking)
        coloured = ((grey - self._mean) / self._sd).contiguous(memory_format=self._layout)
        with self._plan.autocast_context():
            vectors = self._forward(coloured)
        return vectors.float()

    def _forward(self, batch: torch.Tensor) -> torch.Tensor:
        """The network's answer; compiled where that was asked for and works, which the log tells."""
        if self._compiled is not None:
            import torch
            from torch._dynamo.exc import TorchDynamoException

            missing = self.batch_size - len(batch)  # a compiled network is for one shape
            full = torch.nn.functional.pad(batch, (0, 0, 0, 0, 0, 0, 0, missing)) if missing else batch
            try:
                compiled: torch.Tensor = self._compiled(full)
            except TorchDynamoException as error:
                _log.warning("torch.compile did not work here (%s); going on without it.", type(error).__name__)
                self._compiled = None
            else:
                return compiled[: len(batch)]
        eager: torch.Tensor = self._eager(batch)
        return eager


def _one_ahead(items: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
    """The same items, each handed on only after the next has been asked for, so that two are under way."""
    waiting: torch.Tensor | None = None
    for item in items:
        if waiting is not None:
            yield waiting
        waiting = item
    if waiting is not None:
        yield waiting
