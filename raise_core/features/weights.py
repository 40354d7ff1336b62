"""Weight files: their checksum, and reading them without running anything they contain."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from raise_core.domain.errors import WeightsMissingError
from raise_core.features.encoder import Weights

if TYPE_CHECKING:
    import torch

BLOCK_BYTES = 1 << 22


def sha256_of(files: Sequence[Path]) -> str:
    """SHA-256 of the bytes of `files` one after the other, hexadecimal.

    Raises:
        WeightsMissingError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    digest.update(block)
        except OSError as error:
            raise WeightsMissingError(
                f"{path}: the weights cannot be read ({error.strerror}); check the file."
            ) from error
    return digest.hexdigest()


def checked(files: Sequence[Path], *, sha256_prefixes: Sequence[str], source: str, remedy: str) -> Weights:
    """The files as weights, if their checksum begins with one of the published ones.

    Raises:
        WeightsMissingError: it does not; the message names the file, both checksums and `remedy`.
    """
    digest = sha256_of(files)
    if not any(digest.startswith(prefix) for prefix in sha256_prefixes):
        names = ", ".join(str(path) for path in files)
        raise WeightsMissingError(
            f"{names}: these are not the expected weights ({source}): SHA-256 begins {digest[:8]}, expected "
            f"{' or '.join(prefix[:8] for prefix in sha256_prefixes)}. {remedy}"
        )
    return Weights(tuple(files), digest, source)


def state_dict(weights: Weights) -> dict[str, torch.Tensor]:
    """Tensors by name, in float32 on the CPU. Only tensors are read: code inside the file is never run.

    A nested dictionary under the key `state_dict` is opened.
    """
    import torch

    content: Path | io.BytesIO
    if len(weights.files) == 1:
        content = weights.files[0]
    else:
        content = io.BytesIO(b"".join(path.read_bytes() for path in weights.files))
    loaded = torch.load(content, map_location="cpu", weights_only=True)
    tensors = cast("dict[str, torch.Tensor]", loaded.get("state_dict", loaded))
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
