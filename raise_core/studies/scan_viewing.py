"""A scan as it is looked at: opened with its masks, slice by slice, and kept in bounded memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raise_core.domain.errors import BadInputError
from raise_core.domain.volume import Geometry, Volume
from raise_core.imaging.slice_view import (
    MOST_LESIONS,
    AxialGrid,
    ByteArray,
    MaskLayer,
    StoredSlice,
    axial_grid,
    largest_slice,
    overlay_slice,
    slice_values,
    store_slice,
)
from raise_core.imaging.slices import axial_index
from raise_core.studies.patient_scans import UNNAMED, PatientScan, ScanMask

MOST_BYTES = 1_500_000_000
"""Memory for opened scans of a whole server: about twelve thoracoabdominal CTs of 512 x 512 x 200 with their masks."""


@dataclass(frozen=True, eq=False)
class OpenLesion:
    """A lesion of an opened scan.

    Attributes:
        name: lesion id.
        layer: its mask.
        slice: annotated slice, counted from the feet: the one named with the mask, else that of the largest area;
            None for an empty mask.
    """

    name: str
    layer: MaskLayer
    slice: int | None


@dataclass(frozen=True, eq=False)
class OpenScan:
    """A scan in memory with its masks.

    Attributes:
        scan: which.
        volume: voxels as read.
        ordered: the same in patient order.
        grid: its axial slices.
        lesions: lesions whose mask could be read.
        liver: mask of the liver, None where there is none.
        masks_as_read: mask volumes by file.
        problems: what could not be shown, in sentences.
    """

    scan: PatientScan
    volume: Volume
    ordered: Volume
    grid: AxialGrid
    lesions: tuple[OpenLesion, ...]
    liver: MaskLayer | None
    masks_as_read: Mapping[Path, Volume]
    problems: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Memory it takes."""
        return int(self.volume.array.nbytes + sum(mask.array.nbytes for mask in self.masks_as_read.values()))

    def values(self, k: int) -> StoredSlice:
        """Values of slice k, counted from the feet."""
        return store_slice(slice_values(self.ordered, k))

    def overlay(self, k: int) -> ByteArray | None:
        """Structures of slice k (see `overlay_slice`); None where nothing is drawn on the scan at all."""
        if not self.lesions and self.liver is None:
            return None
        layers = [lesion.layer for lesion in self.lesions]
        return overlay_slice(self.volume.geometry, k, lesions=layers, liver=self.liver)

    def lesion_slice(self, name: str | None) -> int | None:
        """Annotated slice of a lesion; None where it is not drawn here."""
        return next((lesion.slice for lesion in self.lesions if lesion.name == name), None)

    def value_range(self) -> tuple[float, float]:
        """1st and 99th percentile of the middle slices: what a scan without a known scale is first shown with."""
        part = self.ordered.array[:: max(1, self.grid.count // 8), ::4, ::4].astype(np.float64)
        part = part[np.isfinite(part)]
        low, high = (float(v) for v in np.percentile(part, [1, 99])) if part.size else (0.0, 1.0)
        return low, max(high, low + 1e-6)


def open_scan(scan: PatientScan) -> OpenScan:
    """Read a scan and its masks.

    A mask that cannot be read is left out and named among the problems.

    Raises:
        BadInputError: the scan itself cannot be read; the message names the file.
    """
    from raise_core.imaging.read import read_volume  # SimpleITK: only when a scan is really opened

    volume = read_volume(scan.file)
    geometry = volume.geometry
    read: dict[Path, Volume] = {}
    problems: list[str] = []
    for file in dict.fromkeys(mask.file for mask in scan.masks):
        try:
            read[file] = read_volume(file)
        except BadInputError:
            names = ", ".join(mask.name for mask in scan.masks if mask.file == file)
            problems.append(f"The outline of {names} cannot be read: its file is missing or damaged; import it again.")
    lesions, seen = [], set[str]()
    for mask in scan.masks:
        if mask.kind != "lesion" or mask.file not in read or (mask.name != UNNAMED and mask.name in seen):
            continue
        seen.add(mask.name)
        layer = MaskLayer.over(geometry, read[mask.file], mask.label)
        where = _annotated(geometry, mask, read[mask.file], layer)
        if where is None:
            problems.append(f"The outline of {mask.name} is empty.")
        lesions.append(OpenLesion(mask.name, layer, where))
    if len(lesions) > MOST_LESIONS:
        problems.append(f"Only the first {MOST_LESIONS} of {len(lesions)} lesions are drawn.")
    livers = [mask for mask in scan.masks if mask.kind == "liver" and mask.file in read]
    return OpenScan(
        scan=scan,
        volume=volume,
        ordered=volume.in_patient_order(),
        grid=axial_grid(geometry),
        lesions=tuple(lesions),
        liver=MaskLayer.over(geometry, read[livers[0].file], livers[0].label) if livers else None,
        masks_as_read=read,
        problems=tuple(problems),
    )


class ScanShelf:
    """Opened scans in memory, shared by everybody; the ones not looked at for longest go first.

    Args:
        most_bytes: memory for all of them; a single larger scan is still kept, alone.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._open: OrderedDict[PatientScan, OpenScan] = OrderedDict()
        self._opening: dict[PatientScan, threading.Lock] = {}
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Memory in use."""
        with self._lock:
            return sum(one.bytes for one in self._open.values())

    def has(self, scan: PatientScan) -> bool:
        """Whether the scan is open already."""
        with self._lock:
            return scan in self._open

    def take(self, scan: PatientScan) -> OpenScan:
        """The scan, read at its first use; two who ask at once wait for one reading.

        Raises:
            BadInputError: it cannot be read; nothing is kept.
        """
        with self._lock:
            found = self._found(scan)
            waiting = self._opening.setdefault(scan, threading.Lock())
        if found is not None:
            return found
        with waiting:
            with self._lock:
                found = self._found(scan)
            if found is None:
                found = open_scan(scan)
                with self._lock:
                    self._keep(scan, found)
        return found

    def _found(self, scan: PatientScan) -> OpenScan | None:
        found = self._open.get(scan)
        if found is not None:
            self._open.move_to_end(scan)
        return found

    def _keep(self, scan: PatientScan, opened: OpenScan) -> None:
        self._open[scan] = opened
        self._opening.pop(scan, None)
        total = sum(one.bytes for one in self._open.values())
        while total > self._most_bytes and len(self._open) > 1:
            _, gone = self._open.popitem(last=False)
            total -= gone.bytes


def _annotated(geometry: Geometry, mask: ScanMask, as_read: Volume, layer: MaskLayer) -> int | None:
    """Slice on which a lesion is annotated; that of its largest area where none is named or it means no slice here."""
    if mask.slice_index is not None and layer.on_scan_grid:
        try:
            return axial_index(as_read.geometry, mask.slice_index)
        except BadInputError:
            return largest_slice(geometry, layer)
    return largest_slice(geometry, layer)
