from __future__ import annotations

import pytest
import torch
from torchvision.models.resnet import Bottleneck, ResNet

from raise_core.domain.errors import WeightsMissingError
from raise_core.features import resnet152_ct
from raise_core.features.registry import encoder_named
from raise_core.features.residual_network import feature_network
from raise_core.features.residual_network_3d import EndRepeatingConv3d, ResidualNetwork3d
from raise_core.features.resnet152_ct_3d import LAYERS, build_3d

TINY = (1, 2, 1, 1)


@pytest.fixture(scope="module")
def tiny():
    """An untrained network whose statistics are not those it starts with."""
    torch.manual_seed(0)
    network = ResidualNetwork3d(TINY)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif name.endswith(("running_mean", "bias")):
            value.normal_(0, 0.1)
    return network.eval()


def deflated(network, layers):
    return feature_network(lambda: ResNet(Bottleneck, list(layers)), resnet152_ct.deflate(network.state_dict()))


@pytest.mark.parametrize("depth", [1, 5, 16])
def test_a_slice_repeated_is_answered_as_the_2d_network_answers_the_slice(tiny, depth):
    pictures = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        solid = tiny(pictures[:, :, None].expand(-1, -1, depth, -1, -1))
        flat = deflated(tiny, TINY)(pictures)
    assert solid.shape == flat.shape == (2, 2048)
    assert float(flat.std(dim=1).min()) > 0
    torch.testing.assert_close(solid, flat, atol=1e-4 * float(flat.abs().max()), rtol=0)


def test_slices_that_differ_are_seen_together(tiny):
    """Their order matters, so the answer is not a mean over slices."""
    stack = torch.rand(1, 3, 16, 48, 48)
    with torch.inference_mode():
        assert not torch.allclose(tiny(stack), tiny(stack[:, :, torch.randperm(16)]), atol=1e-4)


def test_its_tensors_are_named_and_shaped_as_those_of_a_2d_resnet_with_depth():
    flat = {name: value for name, value in ResNet(Bottleneck, list(TINY)).state_dict().items() if name[:3] != "fc."}
    solid = ResidualNetwork3d(TINY).state_dict()
    assert solid.keys() == flat.keys()
    for name, value in solid.items():
        depthless = value.shape if value.ndim < 5 else (*value.shape[:2], *value.shape[3:])
        assert tuple(depthless) == tuple(flat[name].shape)


def test_the_ends_are_repeated_and_the_sides_see_nothing_beyond():
    convolution = EndRepeatingConv3d(1, 1, depth=3, side=3, stride=(1, 1, 1))
    with torch.no_grad():
        convolution.weight.fill_(1.0)
        found = convolution(torch.ones(1, 1, 4, 5, 5))[0, 0]
    assert found.shape == (4, 5, 5)
    assert (found[:, 2, 2] == 27).all()
    assert (found[:, 0, 0] == 12).all()


def test_recomputing_while_training_gives_the_same_gradients():
    gradients = []
    for recompute in (False, True):
        torch.manual_seed(1)
        network = ResidualNetwork3d((1, 1), recompute=recompute).train()
        torch.manual_seed(2)
        network(torch.rand(2, 3, 8, 32, 32)).square().sum().backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_the_real_weights_in_3d_agree_with_their_2d_form():
    """On a scale of about 8 the two differ by a few thousandths at most (the weights are stored in bfloat16)."""
    try:
        encoder = encoder_named(resnet152_ct.NAME, download=False)
    except WeightsMissingError as error:
        pytest.skip(f"weights of {resnet152_ct.NAME} are not installed: {error}")
    assert len(LAYERS) == 4
    torch.manual_seed(0)
    pictures = torch.nn.functional.interpolate(torch.rand(1, 1, 12, 12), size=(96, 96), mode="bilinear")
    pictures = pictures.expand(-1, 3, -1, -1)
    with torch.inference_mode():
        solid = build_3d(encoder.weights)(pictures[:, :, None].expand(-1, -1, 2, -1, -1))
        flat = encoder.network()(pictures)
    assert float((solid - flat).abs().max()) <= 0.003 * float(flat.abs().max()) / 7.8
