"""Which voxels moved a network's risk: integrated gradients and Grad-CAM, with Captum.

Conventions, stated once:

* The score explained is a risk: a positive attribution raises it, a negative one lowers it.
* The reference of integrated gradients is the empty scan unless another is given: every voxel 0, which is what prepared
  images hold for air and for no uptake. Everything else the network is given (laboratory values, frozen features) stays
  the patient's own.
* Completeness: the attributions of all images together add up to score(scan) - score(reference), up to the error of the
  numerical integral (Gauss-Legendre). The gap is part of the result: where it is large, the maps are not what they say.
* Grad-CAM is taken at the last convolution that depends on one image alone and still has `LEAST_SIDE` voxels along each
  side, keeps its sign (so that it can point both ways, as integrated gradients do), and is brought to the image's grid
  by linear interpolation: it says where at the scale of that layer, not to the voxel.
* Maps are smoothed for the eye only (`smoothed`); shares and checks use them as computed.

Sources: Sundararajan M, Taly A, Yan Q. Axiomatic attribution for deep networks. ICML 2017. Selvaraju RR et al.
Grad-CAM: visual explanations from deep networks. ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import BadInputError

if TYPE_CHECKING:
    import torch
    from torch import nn

IG_STEPS = 24
BATCH = 8
SMOOTHING_SD_VOXELS = 1.0
LEAST_SIDE = 4

FloatImage = NDArray[np.float32]
Forward = Callable[["nn.Module", "Mapping[str, torch.Tensor]"], "torch.Tensor"]
"""(network, image name to tensor (m, 1, ...)) to risk (m,); whatever else the network needs is the forward's own."""


@dataclass(frozen=True, eq=False)
class ExplainedNetwork:
    """A network seen as a function of one patient's images alone.

    Attributes:
        network: in evaluation mode.
        forward: how it is asked for a risk.
    """

    network: nn.Module
    forward: Forward

    def risk(self, images: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Risk of m versions of the images, shape (m,)."""
        return self.forward(self.network, images)

    def with_shuffled_weights(self, *, seed: int) -> ExplainedNetwork:
        """The same architecture with the entries of every weight tensor in random order."""
        return replace(self, network=shuffled_weights(self.network, seed=seed))


@dataclass(frozen=True, eq=False)
class IntegratedGradientMaps:
    """Integrated gradients of one patient.

    Attributes:
        maps: image name to attributions, on the image's grid.
        score: risk of the scan.
        reference_score: risk of the reference with the same other inputs.
    """

    maps: Mapping[str, FloatImage]
    score: float
    reference_score: float

    @property
    def completeness_gap(self) -> float:
        """(sum of attributions - difference of scores) / |difference of scores|; NaN where there is no difference."""
        difference = self.score - self.reference_score
        total = sum(float(values.sum(dtype=np.float64)) for values in self.maps.values())
        return (total - difference) / abs(difference) if difference else float("nan")


def integrated_gradients(
    explained: ExplainedNetwork,
    images: Mapping[str, FloatImage],
    *,
    reference: Mapping[str, FloatImage] | None = None,
    steps: int = IG_STEPS,
    batch: int = BATCH,
) -> IntegratedGradientMaps:
    """Integrated gradients of the risk with respect to every image at once.

    Args:
        explained: the network.
        images: image name to values, each (side, ...) of two or three dimensions, 0 where there is nothing.
        reference: where the integral starts, as `images`; the empty scan when None.
        steps: points of the integral between the reference and the scan.
        batch: points computed together.

    Raises:
        BadInputError: an image holds a value that is not a number.
    """
    import torch
    from captum.attr import IntegratedGradients  # type: ignore[import-untyped]

    names, tensors = _tensors(images)

    def forward(*values: torch.Tensor) -> torch.Tensor:
        return explained.risk(dict(zip(names, values, strict=True)))

    start = _tensors(reference)[1] if reference is not None else [torch.zeros_like(tensor) for tensor in tensors]
    found = IntegratedGradients(forward).attribute(
        tuple(tensor.requires_grad_() for tensor in tensors),
        baselines=tuple(start),
        n_steps=steps,
        internal_batch_size=batch,
    )
    with torch.no_grad():
        score = float(forward(*tensors)[0])
        at_start = float(forward(*start)[0])
    maps = {name: _array(values) for name, values in zip(names, found, strict=True)}
    return IntegratedGradientMaps(maps, score, at_start)


def grad_cam(explained: ExplainedNetwork, images: Mapping[str, FloatImage]) -> dict[str, FloatImage]:
    """Grad-CAM of every image that has a branch of convolutions of its own; other images are left out.

    Args:
        explained: the network.
        images: as for `integrated_gradients`.

    Raises:
        BadInputError: an image holds a value that is not a number.
    """
    from captum.attr import LayerAttribution, LayerGradCam

    names, tensors = _tensors(images)

    def forward(*values: torch.Tensor) -> torch.Tensor:
        return explained.risk(dict(zip(names, values, strict=True)))

    maps = {}
    for name, layer in branch_layers(explained, images).items():
        inputs = tuple(tensor.detach().requires_grad_() for tensor in tensors)
        coarse = LayerGradCam(forward, layer).attribute(inputs, relu_attributions=False)
        side = images[name].shape
        mode = "trilinear" if len(side) == 3 else "bilinear"
        maps[name] = _array(LayerAttribution.interpolate(coarse, side, mode))
    return maps


def branch_layers(explained: ExplainedNetwork, images: Mapping[str, FloatImage]) -> dict[str, nn.Module]:
    """For each image the last convolution that depends on it, on no other image, and still has a place.

    Found by asking: each image in turn is emptied, and the layers whose output changes are those that depend on it.
    """
    import torch

    names, tensors = _tensors(images)
    full = dict(zip(names, tensors, strict=True))
    with torch.no_grad():
        outputs = _outputs(explained, full)
        moved = {
            name: {
                layer
                for layer, output in _outputs(explained, {**full, name: torch.zeros_like(full[name])}).items()
                if layer in outputs and not torch.equal(output, outputs[layer])
            }
            for name in names
        }
    found = {}
    for name in names:
        others = set().union(*(moved[other] for other in names if other != name))
        own = [
            layer
            for layer, output in outputs.items()
            if layer in moved[name] and layer not in others and min(output.shape[2:]) >= LEAST_SIDE
        ]
        if own:
            found[name] = own[-1]
    return found


def shuffled_weights(network: nn.Module, *, seed: int) -> nn.Module:
    """A copy whose every weight tensor has its entries in random order: same architecture, same sizes of weights.

    Source: the model-randomisation test of Adebayo J et al., Sanity checks for saliency maps, NeurIPS 2018.
    """
    import copy

    import torch

    copied = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in copied.parameters():
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.reshape(-1)[order].reshape(parameter.shape))
    return copied.eval()


def smoothed(attribution: FloatImage, *, sd_voxels: float = SMOOTHING_SD_VOXELS) -> FloatImage:
    """The map under a small Gaussian, for the eye; its sum stays."""
    from scipy.ndimage import gaussian_filter

    soft: FloatImage = gaussian_filter(attribution.astype(np.float32), sd_voxels, mode="reflect")
    return soft


def _outputs(explained: ExplainedNetwork, images: Mapping[str, torch.Tensor]) -> dict[nn.Module, torch.Tensor]:
    """Output of every convolution, in the order they are computed; a layer used twice is left out."""
    from torch import nn

    outputs: dict[nn.Module, torch.Tensor] = {}
    twice: set[nn.Module] = set()

    def keep(layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        twice.update({layer} & outputs.keys())
        outputs[layer] = output.detach().clone()

    convolutions = [layer for layer in explained.network.modules() if isinstance(layer, (nn.Conv2d, nn.Conv3d))]
    hooks = [layer.register_forward_hook(keep) for layer in convolutions]
    try:
        explained.risk(images)
    finally:
        for hook in hooks:
            hook.remove()
    return {layer: output for layer, output in outputs.items() if layer not in twice}


def _tensors(images: Mapping[str, FloatImage]) -> tuple[tuple[str, ...], list[torch.Tensor]]:
    import torch

    for name, values in images.items():
        if not np.isfinite(values).all():
            raise BadInputError(f"the {name} image holds values that are not numbers; prepare it again.")
    return tuple(images), [
        torch.from_numpy(np.array(values, dtype=np.float32))[None, None] for values in images.values()
    ]


def _array(values: torch.Tensor) -> FloatImage:
    flat: FloatImage = values.detach()[0, 0].to("cpu").numpy().astype(np.float32)
    return flat
