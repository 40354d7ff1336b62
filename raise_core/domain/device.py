"""Where tensors are computed, and the few decisions that follow from it, taken in one place.

Nothing here imports torch until it is asked for, so pages that only read results stay quick to open.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from raise_core.domain.errors import BadUsageError

if TYPE_CHECKING:
    import torch

DeviceName = Literal["auto", "cpu", "cuda"]
"""What a user may ask for; `auto` is CUDA where there is one, else the CPU."""

DEVICE_NAMES: tuple[str, ...] = get_args(DeviceName)


def usable_processors() -> int:
    """Processors this process may use: those it is confined to, where the system says so, else all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class DevicePlan:
    """A device and how tensors are best handled on it. Holds words and flags only, so it travels between processes.

    Attributes:
        device: 'cpu' or 'cuda', never 'auto'.
        autocast: run convolutions and matrix products of an encoder in half precision. CUDA only: on the CPU bfloat16
            autocast was measured to be about six times slower than float32.
        pin_memory: page-lock host buffers so that copies to the device can overlap with computing.
        non_blocking: let those copies return before they are finished; only sound with pinned buffers.
        channels_last: store images channel by channel for each pixel; faster on both devices.
        compile: whether `torch.compile` was asked for. It needs a C++ compiler (or Triton) and 20 to 40 s, so it
            pays on large jobs only and is never chosen here by itself.
    """

    device: Literal["cpu", "cuda"]
    autocast: bool
    pin_memory: bool
    non_blocking: bool
    channels_last: bool
    compile: bool

    @property
    def is_cuda(self) -> bool:
        """Whether tensors live on an NVIDIA (or ROCm) accelerator."""
        return self.device == "cuda"

    def torch_device(self) -> torch.device:
        """The device as torch names it."""
        import torch

        return torch.device(self.device)

    def autocast_context(self) -> contextlib.AbstractContextManager[object]:
        """A context for an encoder's forward pass: bfloat16 (float16 on older cards) where `autocast`, else nothing."""
        if not self.autocast:
            return contextlib.nullcontext()
        import torch

        dtype = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        return torch.autocast(device_type=self.device, dtype=dtype)


def choose_device(name: str = "auto") -> torch.device:
    """The device a user asked for by name.

    Args:
        name: 'auto' (CUDA where there is one, else the CPU), 'cpu' or 'cuda'.

    Raises:
        BadUsageError: the name is none of these, or 'cuda' was asked for and torch finds no such device.
    """
    import torch

    if name not in DEVICE_NAMES:
        raise BadUsageError(f"device {name!r} is not known; use one of {', '.join(DEVICE_NAMES)}.")
    if name == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if name == "cuda":
        raise BadUsageError(
            "device 'cuda' was asked for, but torch finds no CUDA device (no card, no driver, or a CPU-only build of "
            "torch); use --device cpu or --device auto, or install a CUDA build of torch."
        )
    return torch.device("cpu")


def plan_for(name: str = "auto", *, compile_model: bool = False) -> DevicePlan:
    """The device asked for, with the handling that suits it.

    Args:
        name: as for `choose_device`.
        compile_model: ask for `torch.compile`.

    Raises:
        BadUsageError: as for `choose_device`.
    """
    cuda = choose_device(name).type == "cuda"
    return DevicePlan(
        device="cuda" if cuda else "cpu",
        autocast=cuda,
        pin_memory=cuda,
        non_blocking=cuda,
        channels_last=True,
        compile=compile_model,
    )


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and the BLAS libraries use one CPU thread inside, and what they used before afterwards.

    Results then do not depend on the number of cores, and small matrix products do not wait at thread barriers when
    another process is busy (seen to stall for minutes); several processes use several cores instead.
    """
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    with threadpool_limits(limits=1):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
