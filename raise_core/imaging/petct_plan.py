"""How PET and CT are brought to one grid for a 3-D network: settings only, as they are stored and hashed."""

from __future__ import annotations

import enum
import json
from dataclasses import asdict, dataclass
from typing import Any

from raise_core.domain.errors import BadUsageError
from raise_core.domain.volume import Triple
from raise_core.imaging.window import ABDOMEN_SOFT_TISSUE, HounsfieldWindow

PETCT_VERSION = 1
"""Raise this whenever the same scans and plan would give other voxels: stored volumes are found by it."""

FIELD_MM: Triple = (480.0, 384.0, 960.0)
"""Field along x (left), y (back) and z (head).

A PET/CT from the base of the skull to the middle of the thighs (EANM procedure guideline for somatostatin-receptor
PET, Bozkurt et al., EJNMMI 2017, DOI 10.1007/s00259-017-3728-y) is 850 to 1000 mm long; a torso with its arms raised
is at most about 450 mm wide and 350 mm deep. The field is the same for everybody and never stretched to the body, so
a voxel means the same volume in each patient and a network can read sizes off it. It is longer than wide, and the
voxels with it (10 x 8 x 20 mm at 48 a side): a cube of 960 mm would spend three quarters of its voxels on air beside
the patient and see the liver at 20 mm in the plane too.
"""

SUV_MAXIMUM = 50.0
"""SUV that becomes 1.

Mean SUVmax with 68Ga-DOTATATE is 9 in the liver, 14 in the kidneys, 25 in the spleen and 29 in liver metastases
("Physiological and tumoral uptake of 68Ga-DOTATATE", 120 patients, Ann Nucl Med 2013, DOI
10.1007/s12149-013-0718-4), with single lesions well above. A clip at 10 or 20, as for FDG, would flatten just the
differences between and within metastases.
"""

SIDE_RANGE_VOXELS = (16, 256)
FIELD_RANGE_MM = (50.0, 2500.0)


class SuvScaling(enum.StrEnum):
    """How SUV from 0 to the maximum become values from 0 to 1."""

    SQUARE_ROOT = "square-root"
    """Square root of the share: the spread of counts then grows no longer with the uptake (Anscombe 1948), and both a
    liver at SUV 6 (0.35) and a metastasis at 30 (0.77) stand clear of muscle at 0.5 (0.10)."""
    LINEAR = "linear"
    """The share itself."""


@dataclass(frozen=True)
class PetCtPlan:
    """Everything that turns a PET and a CT into the volumes a 3-D network sees.

    Attributes:
        side_voxels: voxels along each side of the array.
        field_mm: extent of the array along x, y, z, the same for every patient; the voxels are `field_mm /
            side_voxels`, so they need not be cubes. In x and y the middle of the body lies in the middle of the
            field. In z too, unless the body is longer than the field: then the field begins at the top of it.
        window: densities of CT that become 0 to 1.
        suv_maximum: SUV that becomes 1; higher ones do too.
        suv_scaling: how SUV become 0 to 1.
        body_hu: densities above are body (or table) on CT.
        body_suv: uptake above is body on PET, after averaging to about 8 mm.
        remove_table: whether CT outside the body becomes air, so that no network learns the table of a scanner.
    """

    side_voxels: int = 48
    field_mm: Triple = FIELD_MM
    window: HounsfieldWindow = ABDOMEN_SOFT_TISSUE
    suv_maximum: float = SUV_MAXIMUM
    suv_scaling: SuvScaling = SuvScaling.SQUARE_ROOT
    body_hu: float = -300.0
    body_suv: float = 0.15
    remove_table: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that give no volume.

        Raises:
            BadUsageError: a side outside 16-256 voxels, a field outside 50-2500 mm, or thresholds that mean nothing.
        """
        if not SIDE_RANGE_VOXELS[0] <= self.side_voxels <= SIDE_RANGE_VOXELS[1]:
            raise BadUsageError(f"side_voxels is {self.side_voxels}; it must be 16 to 256.")
        if len(self.field_mm) != 3 or not all(FIELD_RANGE_MM[0] <= mm <= FIELD_RANGE_MM[1] for mm in self.field_mm):
            raise BadUsageError(f"field_mm is {self.field_mm}; it must be three lengths of 50 to 2500 mm.")
        if not 0 < self.suv_maximum <= 1000:
            raise BadUsageError(f"suv_maximum is {self.suv_maximum}; it must be above 0 and at most 1000.")
        if not -900 <= self.body_hu <= 0:
            raise BadUsageError(f"body_hu is {self.body_hu}; it must be -900 to 0 HU, between air and water.")
        if not 0 < self.body_suv < self.suv_maximum:
            raise BadUsageError(f"body_suv is {self.body_suv}; it must be above 0 and below suv_maximum.")

    @property
    def spacing_mm(self) -> Triple:
        """Size of a voxel along x, y, z."""
        x, y, z = (mm / self.side_voxels for mm in self.field_mm)
        return x, y, z

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them."""
        return {**asdict(self), "field_mm": list(self.field_mm), "suv_scaling": self.suv_scaling.value}

    def to_json(self) -> str:
        """One line with sorted keys: equal plans give equal text."""
        return json.dumps(self.to_dict(), sort_keys=True, allow_nan=False)

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> PetCtPlan:
        """The plan that `to_dict` wrote.

        Raises:
            BadUsageError: a setting is missing, unknown or impossible.
        """
        settings = dict(value)
        try:
            window = HounsfieldWindow(**settings.pop("window"))
            x, y, z = (float(mm) for mm in settings.pop("field_mm"))
            scaling = SuvScaling(settings.pop("suv_scaling"))
            return cls(window=window, field_mm=(x, y, z), suv_scaling=scaling, **settings)
        except (KeyError, TypeError, ValueError) as error:
            raise BadUsageError(f"this is no plan of PET/CT volumes: {error}.") from error
