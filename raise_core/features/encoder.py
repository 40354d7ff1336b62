"""What an encoder is: a network with checked weights that turns pictures into feature vectors.

An `Encoder` holds words, numbers and file names only, so it travels between processes; torch is imported when its
network is built. One file beside this one describes each encoder; `registry.py` finds them by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import nn

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Normalisation:
    """What an encoder's training did to pictures of 0..1: (picture - mean) / sd, channel by channel.

    Attributes:
        mean: subtracted, for red, green, blue (grey pictures are shown as three equal channels).
        sd: divisor.
    """

    mean: Rgb
    sd: Rgb


IMAGENET_NORMALISATION = Normalisation(mean=(0.485, 0.456, 0.406), sd=(0.229, 0.224, 0.225))
"""Means and standard deviations of ImageNet's pictures, as torchvision's weights were trained with them."""


class FeatureEncoder(Protocol):
    """What extraction needs of an encoder; must be picklable for worker processes."""

    @property
    def name(self) -> str:
        """Name shown with every result."""

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the weights, part of every feature's key."""

    @property
    def feature_count(self) -> int:
        """Length of a feature vector."""

    @property
    def normalisation(self) -> Normalisation:
        """What is done to pictures before the network."""

    def network(self) -> nn.Module:
        """The network in evaluation mode: (n, 3, px, px) normalised pictures to (n, feature_count)."""


@dataclass(frozen=True)
class EncoderKind:
    """What is known of an encoder before its weights are looked for.

    Attributes:
        name: name on the command line and in results.
        feature_count: length of a feature vector.
        default_input_px: side of the pictures it is fed unless a plan says otherwise.
        normalisation: what is done to pictures before the network.
        find_weights: (explicit file or None, whether to download) to checked files; raises `WeightsMissingError`.
        build: checked files to a network in evaluation mode on the CPU.
    """

    name: str
    feature_count: int
    default_input_px: int
    normalisation: Normalisation
    find_weights: Callable[[Path | None, bool], Weights]
    build: Callable[[Weights], nn.Module]


@dataclass(frozen=True)
class Weights:
    """Weight files that have been found and whose checksum is right.

    Attributes:
        files: one file, or the parts whose bytes follow each other.
        sha256: of all bytes, hexadecimal.
        source: where they come from, for people.
    """

    files: tuple[Path, ...]
    sha256: str
    source: str


@dataclass(frozen=True)
class Encoder:
    """An encoder whose weights are on this machine and checked.

    Attributes:
        name: name on the command line and in results.
        feature_count: length of a feature vector.
        default_input_px: side of the pictures it is fed unless a plan says otherwise.
        normalisation: what is done to pictures before the network.
        weights: the checked files.
        build: checked files to a network.
    """

    name: str
    feature_count: int
    default_input_px: int
    normalisation: Normalisation
    weights: Weights
    build: Callable[[Weights], nn.Module]

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the weights, part of every feature's key."""
        return self.weights.sha256

    def network(self) -> nn.Module:
        """The network in evaluation mode on the CPU: (n, 3, px, px) normalised pictures to (n, feature_count)."""
        return self.build(self.weights).eval()
