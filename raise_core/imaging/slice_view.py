"""A volume as a radiologist looks at it: axial slices in patient order with their edges, positions, masks and values.

Conventions, stated once:

* Slices are counted from the feet, row 0 at the front, column 0 at the patient's right (radiological orientation),
  whatever order the file has its axes in. An oblique scan is cut along its own axes, never resampled; the letters at
  the edges say where they run.
* The position of a slice is the distance of its plane from the origin of the patient's coordinates along the slices'
  own normal, in mm, growing towards the head; for a scan that is not oblique this is the table position z of DICOM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.volume import Geometry, Volume
from raise_core.imaging.resample import TIE_PIXELS
from raise_core.imaging.window import ABDOMEN_SOFT_TISSUE, LIVER, HounsfieldWindow

OBLIQUE_COMPONENT = 0.25
"""A direction gets a second letter from this component on (an axis tilted by about 15 degrees)."""

NO_VALUE = -32768
"""Stored in place of a value that is not a number."""

MOST_LESIONS = 127
"""Lesions that fit beside the liver in one byte a pixel."""

LIVER_BIT = 128

LUNG = HounsfieldWindow("lung", level_hu=-600.0, width_hu=1500.0)
"""W 1500, L -600: Radiopaedia, "Windowing (CT)", typical values, https://radiopaedia.org/articles/windowing-ct."""

BONE = HounsfieldWindow("bone", level_hu=400.0, width_hu=1800.0)
"""W 1800, L 400: same source."""

LIVER_ARTERIAL = HounsfieldWindow("liver, arterial phase", level_hu=80.0, width_hu=215.0)
"""What radiologists chose for liver lesions on 120 kV images: W 216, L 82 (DOI 10.1016/j.ejrad.2016.01.007)."""

LIVER_PORTAL = HounsfieldWindow("liver, portal phase", level_hu=70.0, width_hu=175.0)
"""W 173, L 69: same source; also used for the delayed phase."""

CT_PRESETS = {"soft": ABDOMEN_SOFT_TISSUE, "liver": LIVER, "lung": LUNG, "bone": BONE}
"""Windows offered for CT, by their short code; `liver` without contrast agent."""

_LIVER_WITH_CONTRAST = {"arterial": LIVER_ARTERIAL, "portal": LIVER_PORTAL, "delayed": LIVER_PORTAL}

ByteArray = NDArray[np.uint8]


@dataclass(frozen=True)
class EdgeLetters:
    """What lies beyond each edge of the picture: R, L, A, P, S, I; two letters where the axis is oblique."""

    left: str
    right: str
    top: str
    bottom: str


@dataclass(frozen=True)
class AxialGrid:
    """The axial slices of a scan.

    Attributes:
        count: slices.
        rows: pixels from front to back.
        columns: pixels from the patient's right to the left.
        row_mm: height of a pixel.
        column_mm: width of a pixel.
        slice_mm: distance between slices.
        letters: orientation at the edges.
        positions_mm: position of each slice, rising.
    """

    count: int
    rows: int
    columns: int
    row_mm: float
    column_mm: float
    slice_mm: float
    letters: EdgeLetters
    positions_mm: tuple[float, ...]

    def nearest_slice(self, position_mm: float) -> int:
        """The slice whose position is nearest."""
        return int(np.abs(np.asarray(self.positions_mm) - position_mm).argmin())


@dataclass(frozen=True, eq=False)
class StoredSlice:
    """Values of one slice as 16-bit whole numbers: value = stored * slope + intercept.

    Attributes:
        stored: (rows, columns), int16; `NO_VALUE` where the scan holds no number.
        slope: 1 where the scan holds whole numbers, which are then exact.
        intercept: added after scaling.
    """

    stored: NDArray[np.int16]
    slope: float
    intercept: float


@dataclass(frozen=True, eq=False)
class MaskLayer:
    """One structure to lay over a scan.

    Attributes:
        mask: mask or label map in patient order, on any grid.
        label: value of the structure's voxels; None: every voxel that is not 0.
        on_scan_grid: whether its voxels lie where the scan's do.
    """

    mask: Volume
    label: int | None
    on_scan_grid: bool

    @classmethod
    def over(cls, scan: Geometry, mask: Volume, label: int | None) -> MaskLayer:
        """A layer from a mask as it was read."""
        return cls(mask.in_patient_order(), label, scan.same_grid(mask.geometry))


def ct_preset(code: str, phase: str) -> HounsfieldWindow:
    """The window of a short code for a scan in this contrast phase: enhanced liver is brighter than unenhanced."""
    return _LIVER_WITH_CONTRAST.get(phase, LIVER) if code == "liver" else CT_PRESETS[code]


def axial_grid(geometry: Geometry) -> AxialGrid:
    """How the axial slices of a scan lie in the patient."""
    ordered = geometry.in_patient_order()
    columns, rows, count = ordered.size
    column_mm, row_mm, slice_mm = ordered.spacing_mm
    direction = np.asarray(ordered.direction)
    across, down, normal = direction[:, 0], direction[:, 1], direction[:, 2]
    first = float(np.asarray(ordered.origin_mm) @ normal)
    return AxialGrid(
        count=count,
        rows=rows,
        columns=columns,
        row_mm=row_mm,
        column_mm=column_mm,
        slice_mm=slice_mm,
        letters=EdgeLetters(_letters(-across), _letters(across), _letters(-down), _letters(down)),
        positions_mm=tuple(first + k * slice_mm for k in range(count)),
    )


def slice_values(ordered: Volume, k: int) -> NDArray[Any]:
    """Values (rows, columns) of slice k, counted from the feet, of a volume in patient order."""
    values: NDArray[Any] = ordered.array[k]
    return values


def store_slice(values: NDArray[Any]) -> StoredSlice:
    """A slice as whole numbers of 16 bits.

    Whole numbers that span fewer than 65,535 steps stay exact (every CT); others are rounded to 1/65,534 of the
    slice's range, for SUV up to 60 less than 0.001.
    """
    if values.dtype == np.int16:
        return StoredSlice(np.ascontiguousarray(values), 1.0, 0.0)
    numbers = values.astype(np.float64)
    known = np.isfinite(numbers)
    if not known.any():
        return StoredSlice(np.full(values.shape, NO_VALUE, dtype=np.int16), 1.0, 0.0)
    low, high = float(numbers[known].min()), float(numbers[known].max())
    whole = values.dtype.kind in "biu" or bool(np.all(numbers[known] == np.rint(numbers[known])))
    if whole and low >= -32767 and high <= 32767:
        slope, intercept = 1.0, 0.0
    elif whole and high - low <= 65534:
        slope, intercept = 1.0, low + 32767
    else:
        slope = (high - low) / 65534 or 1.0
        intercept = low + 32767 * slope
    stored = np.full(values.shape, NO_VALUE, dtype=np.int16)
    stored[known] = np.rint((numbers[known] - intercept) / slope).astype(np.int16)
    return StoredSlice(stored, slope, intercept)


def mask_on_slice(scan: Geometry, layer: MaskLayer, k: int) -> NDArray[np.bool_]:
    """Where a structure lies on slice k of a scan, (rows, columns).

    A mask on a grid of its own is read at the voxel nearest to each pixel; beyond its border nothing is marked.
    """
    if layer.on_scan_grid:
        return _chosen(layer.mask.array[k], layer.label)
    ordered = scan.in_patient_order()
    columns, rows, _ = ordered.size
    j, i = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    pixels = np.stack([i, j, np.full_like(i, k)], axis=-1)
    position = layer.mask.geometry.mm_to_index(ordered.index_to_mm(pixels))
    index = np.floor(position + 0.5 + TIE_PIXELS).astype(np.int64)
    inside = np.all((index >= 0) & (index < np.asarray(layer.mask.geometry.size)), axis=-1)
    found = np.zeros((rows, columns), dtype=np.bool_)
    x, y, z = index[inside].T
    found[inside] = _chosen(layer.mask.array[z, y, x], layer.label)
    return found


def overlay_slice(scan: Geometry, k: int, *, lesions: Sequence[MaskLayer], liver: MaskLayer | None) -> ByteArray:
    """All structures of slice k in one byte a pixel: lesion number (1 for the first) plus `LIVER_BIT` inside the liver.

    Where lesions overlap, the later one counts; beyond `MOST_LESIONS` they are left out.
    """
    ordered = scan.in_patient_order()
    marked = np.zeros((ordered.size[1], ordered.size[0]), dtype=np.uint8)
    for number, layer in enumerate(lesions[:MOST_LESIONS], start=1):
        marked[mask_on_slice(scan, layer, k)] = number
    if liver is not None:
        marked[mask_on_slice(scan, liver, k)] |= LIVER_BIT
    return marked


def largest_slice(scan: Geometry, layer: MaskLayer) -> int | None:
    """The scan's slice with the largest area of a structure, the lowest of equal ones; None for an empty mask."""
    if layer.on_scan_grid:
        areas = [int(np.count_nonzero(_chosen(one, layer.label))) for one in layer.mask.array]
    else:
        areas = [int(np.count_nonzero(mask_on_slice(scan, layer, k))) for k in range(axial_grid(scan).count)]
    return int(np.argmax(areas)) if max(areas) > 0 else None


def _chosen(values: NDArray[Any], label: int | None) -> NDArray[np.bool_]:
    chosen: NDArray[np.bool_] = values != 0 if label is None else values == label
    return chosen


def _letters(direction: NDArray[np.float64]) -> str:
    """Where a direction (LPS) points: its main letter, then others in falling order of their component."""
    names = (("R", "L"), ("A", "P"), ("I", "S"))
    order = np.argsort(-np.abs(direction), kind="stable")
    shown = [axis for place, axis in enumerate(order) if place == 0 or abs(direction[axis]) >= OBLIQUE_COMPONENT]
    return "".join(names[axis][int(direction[axis] > 0)] for axis in shown)
