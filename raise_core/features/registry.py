"""The encoders there are, by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from raise_core.domain.errors import BadUsageError, WeightsMissingError
from raise_core.features import efficientnet_lite0_imagenet, resnet50_imagenet, resnet152_ct
from raise_core.features.encoder import Encoder, EncoderKind

ENCODERS: dict[str, EncoderKind] = {
    kind.name: kind for kind in (resnet50_imagenet.KIND, resnet152_ct.KIND, efficientnet_lite0_imagenet.KIND)
}
DEFAULT_ENCODER = resnet50_imagenet.NAME
"""The RAISE paper's."""


@dataclass(frozen=True)
class EncoderStatus:
    """Whether an encoder can be used on this machine.

    Attributes:
        name: the encoder.
        available: weights are here and their checksum is right.
        detail: where the weights come from, or what is missing and the remedy.
        weights_sha256: None where not available.
    """

    name: str
    available: bool
    detail: str
    weights_sha256: str | None


def encoder_named(name: str, *, weights_file: Path | None = None, download: bool = True) -> Encoder:
    """The encoder of that name with checked weights. Never another one in its place.

    Args:
        name: one of `ENCODERS`.
        weights_file: a file of weights to use instead of looking for one.
        download: whether weights may be fetched from their publisher, where the encoder has that way.

    Raises:
        BadUsageError: no encoder has this name.
        WeightsMissingError: its weights are not on this machine or fail their checksum; the message has the remedies.
    """
    kind = ENCODERS.get(name)
    if kind is None:
        raise BadUsageError(f"encoder {name!r} is not known; use one of {', '.join(ENCODERS)}.")
    return Encoder(
        name=kind.name,
        feature_count=kind.feature_count,
        default_input_px=kind.default_input_px,
        normalisation=kind.normalisation,
        weights=kind.find_weights(weights_file, download),
        build=kind.build,
    )


def encoder_status() -> tuple[EncoderStatus, ...]:
    """Every encoder and whether it can be used here; nothing is downloaded and torch is not imported."""
    found = []
    for name in ENCODERS:
        try:
            weights = encoder_named(name, download=False).weights
        except WeightsMissingError as error:
            found.append(EncoderStatus(name, available=False, detail=str(error), weights_sha256=None))
        else:
            found.append(EncoderStatus(name, available=True, detail=weights.source, weights_sha256=weights.sha256))
    return tuple(found)
