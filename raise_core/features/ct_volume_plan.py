"""Which slices of a CT the pretrained network is shown, and the key under which a patient's features are kept."""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raise_core.domain.errors import BadUsageError
from raise_core.features.encoder import FeatureEncoder
from raise_core.imaging.window import HounsfieldWindow

CT_VOLUME_VERSION = 1
"""Raise this whenever the same scan, plan and weights would give other features: stored ones are found by it."""

AS_TRAINED = HounsfieldWindow("as trained", level_hu=0.0, width_hu=2000.0)
"""-1000 to 1000 HU become 0 to 1, as in the training of the CT network (Merlin, `merlin/data/monai_transforms.py`,
https://github.com/StanfordMIMI/Merlin; voxels of 1.5 x 1.5 x 3 mm)."""


LEAST_STRETCH_MM = 100.0
"""A scan that shows less of the upper abdomen is shown whole."""


class CtForm(enum.StrEnum):
    """How the network reads the slices."""

    SLICES = "slices"
    """One by one through the 2-D form of the network; mean and maximum over slices."""
    VOLUME = "volume"
    """As one stack through the 3-D network; its own mean over the stack. For a graphics card."""


@dataclass(frozen=True)
class CtSlicesPlan:
    """Axial slices of a CT as the network sees them.

    Attributes:
        slices: number of slices, evenly spaced over the stretch shown.
        below_lungs_mm: the stretch shown begins this far below the lower end of the lungs.
        above_lungs_mm: and ends this far above it. The two enclose liver, pancreas, adrenals and kidneys: where most
            metastases of gastro-entero-pancreatic tumours lie, and what the network was trained on. A scan that shows
            no lungs is shown from its lowest to its highest point, as with `whole_body`.
        whole_body: show the body from its lowest to its highest point instead.
        input_px: side of a slice's picture.
        field_mm: side of the square shown, centred on the body; wide enough for a torso with its arms raised.
        slab_mm: thickness that a slice is averaged over: thin slices are noisier, and scans of another thickness
            must not look different.
        window: densities shown.
        body_hu: densities above are body (or table); what lies outside the body is shown as air.
        form: how the network reads the slices.
    """

    slices: int = 20
    input_px: int = 128
    field_mm: float = 400.0
    slab_mm: float = 5.0
    below_lungs_mm: float = 220.0
    above_lungs_mm: float = 80.0
    whole_body: bool = False
    window: HounsfieldWindow = AS_TRAINED
    body_hu: float = -300.0
    form: CtForm = CtForm.SLICES

    @classmethod
    def in_3d(cls) -> CtSlicesPlan:
        """For a graphics card: the voxels of 1.5 x 1.5 x 3 mm and the 480 mm that the 3-D network was trained on."""
        return cls(
            slices=160,
            input_px=256,
            field_mm=384.0,
            slab_mm=3.0,
            below_lungs_mm=300.0,
            above_lungs_mm=180.0,
            form=CtForm.VOLUME,
        )

    def __post_init__(self) -> None:
        """Refuse settings that give no pictures.

        Raises:
            BadUsageError: no slice, a side outside 32-1024 pixels, or lengths that make no sense.
        """
        if not 1 <= self.slices <= 512:
            raise BadUsageError(f"slices is {self.slices}; it must be 1 to 512.")
        if not 32 <= self.input_px <= 1024:
            raise BadUsageError(f"input_px is {self.input_px}; it must be 32 to 1024.")
        if not 50 <= self.field_mm <= 1000 or not 0.1 <= self.slab_mm <= 50:
            raise BadUsageError(
                f"field_mm is {self.field_mm} and slab_mm {self.slab_mm}; they must be 50 to 1000 and 0.1 to 50 mm."
            )
        if not 0 <= self.below_lungs_mm <= 1000 or not 0 <= self.above_lungs_mm <= 1000:
            raise BadUsageError("below_lungs_mm and above_lungs_mm must be 0 to 1000 mm.")
        if self.below_lungs_mm + self.above_lungs_mm < LEAST_STRETCH_MM:
            raise BadUsageError(f"the slices must span at least {LEAST_STRETCH_MM:g} mm.")
        if not -900 <= self.body_hu <= 0:
            raise BadUsageError(f"body_hu is {self.body_hu}; it must be -900 to 0 HU, between air and water.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them."""
        return {**asdict(self), "form": self.form.value}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> CtSlicesPlan:
        """The plan that `to_dict` wrote.

        Raises:
            BadUsageError: a setting is missing, unknown or impossible.
        """
        settings = dict(value)
        try:
            window = HounsfieldWindow(**settings.pop("window"))
            return cls(window=window, form=CtForm(settings.pop("form")), **settings)
        except (KeyError, TypeError, ValueError) as error:
            raise BadUsageError(f"this is no plan of CT slices: {error}.") from error


@dataclass(frozen=True)
class CtVolumeRequest:
    """The CT of one patient.

    Attributes:
        patient_id: whose.
        scan_file: image in HU.
        scan_sha256: its content's hash.
    """

    patient_id: str
    scan_file: Path
    scan_sha256: str


def ct_feature_count(plan: CtSlicesPlan, encoder: FeatureEncoder) -> int:
    """Length of a patient's vector."""
    return encoder.feature_count * (2 if plan.form is CtForm.SLICES else 1)


def ct_feature_key(
    request: CtVolumeRequest, *, plan: CtSlicesPlan, encoder: FeatureEncoder, half_precision: bool = False
) -> str:
    """SHA-256 (hexadecimal) over everything that determines the vector, and nothing else.

    Args:
        request: the scan; whose it is and where it lies does not count.
        plan: which slices, and how they are shown.
        encoder: by its name and weights.
        half_precision: whether the network runs in half precision (autocast), which changes vectors visibly.
    """
    determined_by = {
        "version": CT_VOLUME_VERSION,
        "scan": request.scan_sha256,
        "plan": plan.to_dict(),
        "encoder": [encoder.name, encoder.weights_sha256],
        "half_precision": half_precision,
    }
    text = json.dumps(determined_by, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
