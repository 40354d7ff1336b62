"""A user's own weights for the CT branch: read without running anything the file contains, and checked by name."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raise_core.domain.errors import BadInputError

if TYPE_CHECKING:
    import torch

SAFETENSORS = ".safetensors"
TORCH_SUFFIXES = (".pt", ".pth")
NESTED_UNDER = ("state_dict", "model_state_dict", "model")
"""Names under which training programs put the weights beside other things."""

WRAPPER_PREFIX = "module."
"""What torch's data-parallel wrappers put before every name."""

MOST_NAMES = 6
"""Names a message lists before it says how many more there are."""


def branch_checkpoint(file: Path) -> dict[str, torch.Tensor]:
    """Tensors of a checkpoint by name, in float32 on the CPU.

    Args:
        file: `.safetensors`, or `.pt`/`.pth` that holds tensors only, by name.

    Raises:
        BadInputError: no such file, another kind of file, a file that holds more than tensors, or values that are not
            finite. The message names the file and the remedy.
    """
    if not file.is_file():
        raise BadInputError(f"{file}: there is no such checkpoint file.")
    suffix = file.suffix.lower()
    if suffix == SAFETENSORS:
        found = _safetensors(file)
    elif suffix in TORCH_SUFFIXES:
        found = _torch_file(file)
    else:
        raise BadInputError(
            f"{file}: a checkpoint is a {SAFETENSORS} file or a .pt file of tensors by name; save it as one of these."
        )
    return _checked(file, found)


def fitted_to(
    tensors: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor], *, source: str
) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint that a network needs, after checking that all are there and have its shapes.

    Args:
        tensors: from `branch_checkpoint`.
        expected: the network's own `state_dict()`.
        source: the file's name, for messages.

    Returns:
        One tensor for each of `expected`; counters of batch normalisation may be missing and stay as they are.

    Raises:
        BadInputError: names or shapes do not fit; the message lists those that are expected.
    """
    counters = {name for name in expected if name.endswith("num_batches_tracked")}
    missing = [name for name in expected if name not in tensors and name not in counters]
    unknown = [name for name in tensors if name not in expected]
    if missing or unknown:
        parts = []
        if missing:
            parts.append(f"{len(missing)} are missing ({_listed(missing)})")
        if unknown:
            parts.append(f"{len(unknown)} are not known ({_listed(unknown)})")
        raise BadInputError(
            f"{source}: the checkpoint does not fit the CT branch: {' and '.join(parts)}. Expected are "
            f"{len(expected) - len(counters)} tensors: {_listed(_described(expected, counters))}."
        )
    other = [name for name, value in tensors.items() if value.shape != expected[name].shape]
    if other:
        shapes = [f"{name} {tuple(tensors[name].shape)} instead of {tuple(expected[name].shape)}" for name in other]
        raise BadInputError(f"{source}: the checkpoint does not fit the CT branch: {_listed(shapes)}.")
    return {name: tensors.get(name, value).to(value.dtype) for name, value in expected.items()}


def _safetensors(file: Path) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file, device="cpu")
    except SafetensorError as error:
        raise BadInputError(f"{file}: this is no whole safetensors file ({error}); save it again.") from error


def _torch_file(file: Path) -> object:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")  # refused or read, both said here
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadInputError(
            f"{file}: the file holds more than tensors, or is none of torch's; it is not opened, since that could run "
            "code. Save the state dict alone: torch.save(network.state_dict(), file), or use safetensors."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise BadInputError(f"{file}: the checkpoint is damaged or cut off; save it again.") from error


def _checked(file: Path, found: object) -> dict[str, torch.Tensor]:
    import torch

    for name in NESTED_UNDER:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
            break
    if not isinstance(found, Mapping) or not found or not all(isinstance(name, str) for name in found):
        raise BadInputError(f"{file}: the checkpoint is no set of tensors by name; save network.state_dict() alone.")
    others = [name for name, value in found.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise BadInputError(
            f"{file}: the checkpoint holds more than tensors ({_listed(others)}); save network.state_dict() alone."
        )
    values: Mapping[str, Any] = found
    if all(name.startswith(WRAPPER_PREFIX) for name in values):
        values = {name.removeprefix(WRAPPER_PREFIX): value for name, value in values.items()}
    odd = [name for name, value in values.items() if value.is_floating_point() and not torch.isfinite(value).all()]
    if odd:
        raise BadInputError(f"{file}: these tensors hold values that are not finite numbers: {_listed(odd)}.")
    return {name: value.float() if value.is_floating_point() else value for name, value in values.items()}


def _described(expected: Mapping[str, torch.Tensor], counters: set[str]) -> list[str]:
    return [f"{name} {tuple(value.shape)}" for name, value in expected.items() if name not in counters]


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
