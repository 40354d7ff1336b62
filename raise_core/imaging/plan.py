"""What of a scan the network is shown, and how: settings only, as they are stored and hashed."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import Any

from raise_core.domain.errors import BadUsageError
from raise_core.imaging.window import ABDOMEN_SOFT_TISSUE, HounsfieldWindow

DEFAULT_LESION_CROP_MM = 100.0
"""Side of the square around a lesion; most liver lesions are smaller, a larger one is cut at the square's edge."""

DEFAULT_LIVER_CROP_MM = 320.0
"""Side of the square around the liver; wide enough for an enlarged one."""

SPACING_RANGE_MM = (0.05, 10.0)
INPUT_RANGE_PX = (16, 2048)
LARGEST_CROP_MM = 1000.0
FEWEST_CROP_PIXELS = 4


class Variant(enum.StrEnum):
    """What of the slice the network is shown."""

    LESION = "lesion"
    """Densities inside the lesion's contour, 0 outside."""
    BINARY = "binary"
    """The contour filled with 1: shape and size alone."""
    LIVER = "liver"
    """Densities of the whole liver on the lesion's slice, 0 outside."""


@dataclass(frozen=True)
class SliceImagePlan:
    """Everything that turns a scan and its masks into network pictures.

    Attributes:
        pixel_spacing_mm: in-plane spacing all slices are brought to: the lowest of the cohort.
        input_px: side of the finished square picture, as the encoder wants it.
        window: densities shown.
        lesion_crop_mm: side of the square for `lesion` and `binary`.
        liver_crop_mm: side of the square for `liver`.
    """

    pixel_spacing_mm: float
    input_px: int
    window: HounsfieldWindow = ABDOMEN_SOFT_TISSUE
    lesion_crop_mm: float = DEFAULT_LESION_CROP_MM
    liver_crop_mm: float = DEFAULT_LIVER_CROP_MM

    def __post_init__(self) -> None:
        """Refuse settings that give no picture.

        Raises:
            BadUsageError: a spacing outside 0.05-10 mm, a side outside 16-2048 pixels, or a crop that is not wider
                than a few pixels.
        """
        if not SPACING_RANGE_MM[0] <= self.pixel_spacing_mm <= SPACING_RANGE_MM[1]:
            raise BadUsageError(f"pixel_spacing_mm is {self.pixel_spacing_mm}; it must be 0.05 to 10 mm.")
        if not INPUT_RANGE_PX[0] <= self.input_px <= INPUT_RANGE_PX[1]:
            raise BadUsageError(f"input_px is {self.input_px}; it must be 16 to 2048.")
        for name in ("lesion_crop_mm", "liver_crop_mm"):
            side = getattr(self, name)
            if not FEWEST_CROP_PIXELS * self.pixel_spacing_mm <= side <= LARGEST_CROP_MM:
                raise BadUsageError(f"{name} is {side}; it must be at least 4 pixels and at most 1000 mm.")

    def crop_pixels(self, variant: Variant) -> int:
        """Pixels of `pixel_spacing_mm` along the side of the crop."""
        side_mm = self.liver_crop_mm if variant is Variant.LIVER else self.lesion_crop_mm
        return round(side_mm / self.pixel_spacing_mm)

    def mm_per_pixel(self, variant: Variant) -> float:
        """Size of one pixel of the finished picture."""
        return self.crop_pixels(variant) * self.pixel_spacing_mm / self.input_px

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them."""
        return {
            "pixel_spacing_mm": self.pixel_spacing_mm,
            "input_px": self.input_px,
            "window": {
                "name": self.window.name,
                "level_hu": self.window.level_hu,
                "width_hu": self.window.width_hu,
            },
            "lesion_crop_mm": self.lesion_crop_mm,
            "liver_crop_mm": self.liver_crop_mm,
        }

    def to_json(self) -> str:
        """One line with sorted keys: equal plans give equal text."""
        return json.dumps(self.to_dict(), sort_keys=True, allow_nan=False)

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> SliceImagePlan:
        """The plan that `to_dict` wrote.

        Raises:
            BadUsageError: a setting is missing, unknown or impossible.
        """
        settings = dict(value)
        try:
            window = HounsfieldWindow(**settings.pop("window"))
            return cls(window=window, **settings)
        except (KeyError, TypeError) as error:
            raise BadUsageError(f"this is no plan of slice images: {error}.") from error

    @classmethod
    def from_json(cls, text: str) -> SliceImagePlan:
        """The plan that `to_json` wrote."""
        return cls.from_dict(json.loads(text))
