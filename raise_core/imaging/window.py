"""Hounsfield windows: which densities become which greys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.errors import BadUsageError


@dataclass(frozen=True)
class HounsfieldWindow:
    """A window by its middle and width, as on a radiologist's workstation.

    Attributes:
        name: short name used in plans.
        level_hu: density in the middle of the window.
        width_hu: densities from black to white.
    """

    name: str
    level_hu: float
    width_hu: float

    def __post_init__(self) -> None:
        """Refuse a window without width."""
        if not (np.isfinite(self.level_hu) and np.isfinite(self.width_hu) and self.width_hu > 0):
            raise BadUsageError(f"window {self.name!r} needs a finite level and a positive width in HU.")

    @property
    def low_hu(self) -> float:
        """Densities here and below are black (0)."""
        return self.level_hu - self.width_hu / 2

    @property
    def high_hu(self) -> float:
        """Densities here and above are white (1)."""
        return self.level_hu + self.width_hu / 2


ABDOMEN_SOFT_TISSUE = HounsfieldWindow("abdomen soft tissue", level_hu=50.0, width_hu=400.0)
"""W 400, L 50: Radiopaedia, "Windowing (CT)", typical values, https://radiopaedia.org/articles/windowing-ct.

The default: enhancing liver and arterial lesions (up to about 200 HU) stay inside it in every phase.
"""

LIVER = HounsfieldWindow("liver", level_hu=30.0, width_hu=150.0)
"""W 150, L 30: same source. More contrast inside the liver without contrast agent; portal-phase liver turns white."""

WINDOWS = {window.name: window for window in (ABDOMEN_SOFT_TISSUE, LIVER)}


def apply_window(hounsfield: ArrayLike, window: HounsfieldWindow) -> NDArray[np.float64]:
    """Greys from 0 (black) to 1 (white) of densities of any shape, in HU."""
    values = np.asarray(hounsfield, dtype=np.float64)
    grey: NDArray[np.float64] = np.clip((values - window.low_hu) / window.width_hu, 0.0, 1.0)
    return grey
