"""Densities of CT before they are averaged: whether they are HU, extremes cut off, air outside the body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import BadInputError
from raise_core.domain.volume import Volume
from raise_core.imaging.body import Body, body_on_ct

AIR_HU = -1000.0
"""Density of what a CT does not show."""

HU_RANGE = (-1024.0, 3071.0)
"""Densities are cut to what 12 bits hold: padding at -3024 and metal at 30000 would spoil means."""

AIR_BELOW_HU = -200.0
"""Every CT of a body shows something less dense: air around it or within."""


def checked_body(ct: Volume, *, above_hu: float) -> Body:
    """The body on a CT along the patient's axes.

    Raises:
        BadInputError: the values are not HU, or no body is found.
    """
    lowest = float(ct.array.min())
    if lowest >= AIR_BELOW_HU:
        raise BadInputError(
            f"the CT never falls below {AIR_BELOW_HU:g} HU (its lowest value is {lowest:g}), so its values are not HU "
            "or it shows no air at all; apply the rescale slope and intercept (often an offset of 1024 is missing), "
            "and give the scan uncropped and without a window."
        )
    return body_on_ct(ct, above_hu=above_hu)


@dataclass(frozen=True, eq=False)
class CtValues:
    """Changes axial slices of a CT for `area_mean.mean_over`.

    Attributes:
        body: what lies outside becomes air; None: nothing does.
    """

    body: Body | None

    def __call__(self, values: NDArray[np.float32], k: int, rows: slice, columns: slice) -> NDArray[np.float32]:
        """The slice's densities, changed in place."""
        np.clip(values, *HU_RANGE, out=values)
        if self.body is not None:
            up, down, across = self.body.steps
            j, i = np.arange(rows.start, rows.stop) // down, np.arange(columns.start, columns.stop) // across
            outside = ~self.body.mask[k // up]
            np.copyto(values, np.float32(AIR_HU), where=outside.take(j, axis=0).take(i, axis=1))
        return values
