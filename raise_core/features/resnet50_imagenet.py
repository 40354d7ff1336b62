"""`resnet50-imagenet`: torchvision's ResNet50 trained on ImageNet, the RAISE paper's encoder.

He et al., Deep residual learning for image recognition, CVPR 2016. Weights: torchvision, IMAGENET1K_V2 or _V1.
"""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from raise_core.domain.errors import WeightsMissingError
from raise_core.features.encoder import IMAGENET_NORMALISATION, EncoderKind, Weights
from raise_core.features.residual_network import feature_network
from raise_core.features.weights import checked, state_dict

if TYPE_CHECKING:
    from torch import nn

NAME = "resnet50-imagenet"
WEIGHT_FILES = {"resnet50-11ad3fa6.pth": "IMAGENET1K_V2", "resnet50-0676ba61.pth": "IMAGENET1K_V1"}
"""torchvision's files, preferred first. The name ends in the first eight digits of the file's SHA-256."""

DOWNLOAD_URL = "https://download.pytorch.org/models/"
REACHABLE_WITHIN_S = 10.0


def cache_folder() -> Path:
    """Where torch keeps downloaded weights: $TORCH_HOME, else $XDG_CACHE_HOME/torch, else ~/.cache/torch."""
    home = os.environ.get("TORCH_HOME")
    if home is None:
        home = str(Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


def _remedies() -> str:
    preferred = next(iter(WEIGHT_FILES))
    return (
        f"Remedies: (1) give the file with --weights FILE ({' or '.join(WEIGHT_FILES)}); (2) copy it to "
        f"{cache_folder()}; (3) run once where {DOWNLOAD_URL}{preferred} can be reached, and torchvision downloads it. "
        "Or choose another encoder with --encoder."
    )


def _prefix(file_name: str) -> str:
    return Path(file_name).stem.rpartition("-")[2]


def find_weights(explicit: Path | None, download: bool) -> Weights:  # noqa: FBT001 - the shape all encoders share
    """The file given, else one in torch's cache, else torchvision's download.

    Raises:
        WeightsMissingError: none of these, or a wrong checksum; the message names all three remedies.
    """
    if explicit is not None:
        if not explicit.is_file():
            raise WeightsMissingError(f"{explicit}: there is no such file of {NAME} weights. {_remedies()}")
        prefixes = [_prefix(name) for name in WEIGHT_FILES]
        return checked([explicit], sha256_prefixes=prefixes, source=f"torchvision, {explicit.name}", remedy=_remedies())
    cached = [name for name in WEIGHT_FILES if (cache_folder() / name).is_file()]
    if not cached:
        if not download:
            raise WeightsMissingError(f"the weights of {NAME} are not on this machine. {_remedies()}")
        cached = [_download()]
    name = cached[0]
    return checked(
        [cache_folder() / name],
        sha256_prefixes=[_prefix(name)],
        source=f"torchvision, {WEIGHT_FILES[name]}",
        remedy=_remedies(),
    )


def _download() -> str:
    """Fetch the preferred file into torch's cache; its name."""
    name = next(iter(WEIGHT_FILES))
    url = DOWNLOAD_URL + name
    target = cache_folder() / name
    try:
        with urllib.request.urlopen(url, timeout=REACHABLE_WITHIN_S):  # noqa: S310 - a constant https address
            pass  # torch's own download has no time limit: ask first whether the address answers
        from torch import hub

        target.parent.mkdir(parents=True, exist_ok=True)
        hub.download_url_to_file(url, str(target), hash_prefix=_prefix(name), progress=False)
    except (OSError, RuntimeError) as error:
        raise WeightsMissingError(f"the weights of {NAME} could not be downloaded ({error}). {_remedies()}") from error
    return name


def build(weights: Weights) -> nn.Module:
    """The network without its classifier: 2048 features."""
    from torchvision.models import resnet50

    return feature_network(lambda: resnet50(weights=None), state_dict(weights))


KIND = EncoderKind(
    name=NAME,
    feature_count=2048,
    default_input_px=224,
    normalisation=IMAGENET_NORMALISATION,
    find_weights=find_weights,
    build=build,
)
