"""What ResNet encoders have in common: the classifier taken off and batch normalisation folded into convolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn

CLASSIFIER = ("fc.weight", "fc.bias")


def feature_network(build: Callable[[], nn.Module], tensors: Mapping[str, torch.Tensor]) -> nn.Module:
    """A torchvision ResNet that ends in its pooled features.

    Args:
        build: makes the empty torchvision network.
        tensors: weights for every tensor of it; those of the classifier may be missing.

    Raises:
        RuntimeError: names or shapes do not match (a bug, since checksums were checked).
    """
    from torch import nn
    from torchvision.models.resnet import BasicBlock, Bottleneck

    network = build()
    network.fc = nn.Identity()
    network.load_state_dict({name: value for name, value in tensors.items() if name not in CLASSIFIER}, strict=True)
    network.eval()
    fold_batch_norm(network, "conv1", "bn1")
    for block in network.modules():
        if isinstance(block, (BasicBlock, Bottleneck)):
            for number in range(1, 4 if isinstance(block, Bottleneck) else 3):
                fold_batch_norm(block, f"conv{number}", f"bn{number}")
            if block.downsample is not None:
                fold_batch_norm(block.downsample, "0", "1")
    return network


def fold_batch_norm(parent: nn.Module, convolution: str, norm: str) -> None:
    """Replace a convolution and the batch normalisation after it by one convolution that does both.

    In evaluation mode both are linear, so the result is the same but for rounding, at up to twice the speed.
    """
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    setattr(parent, convolution, fuse_conv_bn_eval(getattr(parent, convolution), getattr(parent, norm)))
    setattr(parent, norm, nn.Identity())
