"""A residual network in 3-D whose kernels were inflated from 2-D ones (Carreira and Zisserman, CVPR 2017).

Laid out as a torchvision ResNet with bottlenecks, with names to match, so that its tensors load by name. In depth:
3 x 3 kernels and the first convolution reach one slice up and down, max pooling and the strides of the later stages
halve the slices as they halve rows and columns (the layout of Merlin's image encoder, Blankemeier et al. 2024).

At the ends of the stack the outermost slice is repeated: a stack of one slice repeated then answers as the 2-D network
answers to that slice.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

EXPANSION = 4
STEM_CHANNELS = 64


class EndRepeatingConv3d(nn.Conv3d):
    """A convolution that sees the outermost slices repeated, and nothing beyond the other borders."""

    def __init__(self, channels_in: int, channels_out: int, *, depth: int, side: int, stride: Sequence[int]) -> None:
        """Without bias, as a batch normalisation follows.

        Args:
            channels_in: of the input.
            channels_out: of the output.
            depth: kernel size along the slices, 1 or 3.
            side: kernel size along rows and columns, odd.
            stride: along slices, rows, columns.
        """
        super().__init__(
            channels_in,
            channels_out,
            kernel_size=(depth, side, side),
            stride=(stride[0], stride[1], stride[2]),
            padding=(0, side // 2, side // 2),
            bias=False,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102 - a convolution
        if self.kernel_size[0] > 1:  # by hand: torch's own replicating padding has no repeatable gradient on a GPU
            x = torch.cat([x[:, :, :1], x, x[:, :, -1:]], dim=2)
        return super().forward(x)


class Bottleneck3d(nn.Module):
    """Narrow, look around, widen; added to what came in."""

    def __init__(self, channels_in: int, width: int, stride: int) -> None:
        """The stride holds along slices, rows and columns alike."""
        super().__init__()
        out = width * EXPANSION
        once, steps = (1, 1, 1), (stride, stride, stride)
        self.conv1 = EndRepeatingConv3d(channels_in, width, depth=1, side=1, stride=once)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = EndRepeatingConv3d(width, width, depth=3, side=3, stride=steps)
        self.bn2 = nn.BatchNorm3d(width)
        self.conv3 = EndRepeatingConv3d(width, out, depth=1, side=1, stride=once)
        self.bn3 = nn.BatchNorm3d(out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride > 1 or channels_in != out:
            self.downsample = nn.Sequential(
                EndRepeatingConv3d(channels_in, out, depth=1, side=1, stride=steps), nn.BatchNorm3d(out)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102 - a block
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        widened: torch.Tensor = self.relu(y + shortcut)
        return widened


class ResidualNetwork3d(nn.Module):
    """(n, 3, slices, rows, columns) to (n, 2048) features, the mean over what is left of all three axes."""

    def __init__(self, blocks: Sequence[int], *, recompute: bool = False) -> None:
        """An untrained network.

        Args:
            blocks: of each of the four stages; (3, 8, 36, 3) is ResNet-152.
            recompute: keep only each block's input while training and compute the rest again on the way back:
                a third more time for a fraction of the memory.
        """
        super().__init__()
        self.recompute = recompute
        self.conv1 = EndRepeatingConv3d(3, STEM_CHANNELS, depth=3, side=7, stride=(1, 2, 2))
        self.bn1 = nn.BatchNorm3d(STEM_CHANNELS)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        channels = STEM_CHANNELS
        self._stages = tuple(f"layer{number}" for number in range(1, len(blocks) + 1))
        for number, (name, count) in enumerate(zip(self._stages, blocks, strict=True)):
            width = STEM_CHANNELS * 2**number
            stage = nn.Sequential()
            for position in range(count):
                stage.append(Bottleneck3d(channels, width, 2 if number > 0 and position == 0 else 1))
                channels = width * EXPANSION
            self.add_module(name, stage)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102 - see the class
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for name in self._stages:
            for block in self.get_submodule(name).children():
                if self.recompute and self.training and torch.is_grad_enabled():
                    x = checkpoint(block, x, use_reentrant=False)
                else:
                    x = block(x)
        return x.mean(dim=(2, 3, 4))
