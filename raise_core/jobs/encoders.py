"""The image encoders as a form offers them; nothing is downloaded and torch is not imported."""

from __future__ import annotations

from raise_core.features.efficientnet_lite0_imagenet import NAME as QUICKEST
from raise_core.features.registry import ENCODERS, EncoderStatus, encoder_status

__all__ = ["QUICKEST", "EncoderStatus", "encoders", "own_input_px"]


def encoders() -> tuple[EncoderStatus, ...]:
    """Every encoder and whether its weights are on this machine."""
    return encoder_status()


def own_input_px(encoder: str) -> int:
    """Side of the pictures an encoder is fed unless a run says otherwise."""
    return ENCODERS[encoder].default_input_px
