"""Pictures for a list of requests, each file read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import BadInputError
from raise_core.domain.volume import Geometry, Volume
from raise_core.features.plan import ImageRequest
from raise_core.imaging.plan import SliceImagePlan, Variant
from raise_core.imaging.read import read_geometry, read_volume
from raise_core.imaging.slices import network_image

UNIT_PICTURES = 64
"""Pictures made at a time (about 4 MB at 128 pixels): enough to fill batches, few enough to bound memory."""


@dataclass(frozen=True)
class Picture:
    """One finished picture, or why there is none.

    Attributes:
        position: of its request in the list.
        pixels: (px, px), float32, 0..1; None if it failed.
        reason: why it failed; None if it did not.
    """

    position: int
    pixels: NDArray[np.float32] | None
    reason: str | None


def units_by_scan(requests: Sequence[ImageRequest], *, unit_pictures: int) -> tuple[tuple[int, ...], ...]:
    """Positions of `requests` cut into units of about `unit_pictures`, all requests of a scan in one unit.

    Order is that in which scans first appear.
    """
    by_scan: dict[Path, list[int]] = defaultdict(list)
    for position, request in enumerate(requests):
        by_scan[request.scan_file].append(position)
    units: list[tuple[int, ...]] = []
    unit: list[int] = []
    for positions in by_scan.values():
        if unit and len(unit) + len(positions) > unit_pictures:
            units.append(tuple(unit))
            unit = []
        unit.extend(positions)
    if unit:
        units.append(tuple(unit))
    return tuple(units)


def pictures(requests: Sequence[ImageRequest], *, plan: SliceImagePlan) -> Iterator[Picture]:
    """The picture of each request, in an order that reads each file once and holds few at a time.

    A file that cannot be used gives the reason with each of its requests; the others go on.
    """
    by_scan: dict[Path, list[int]] = defaultdict(list)
    for position, request in enumerate(requests):
        by_scan[request.scan_file].append(position)
    for scan_file, positions in by_scan.items():
        yield from _pictures_of_scan(scan_file, {position: requests[position] for position in positions}, plan)


def _pictures_of_scan(scan_file: Path, requests: dict[int, ImageRequest], plan: SliceImagePlan) -> Iterator[Picture]:
    """Pictures of one scan: scan and liver masks stay in memory, lesion masks come one after the other."""
    only_contours = all(request.variant is Variant.BINARY for request in requests.values())
    scan: Volume | Geometry | BadInputError
    try:
        scan = read_geometry(scan_file) if only_contours else read_volume(scan_file)
    except BadInputError as error:
        scan = error
    masks = _Masks(
        [request.lesion_mask_file for request in requests.values()]
        + [r.liver_mask_file for r in requests.values() if r.liver_mask_file and r.variant is Variant.LIVER]
    )
    by_lesion_file = sorted(requests, key=lambda position: str(requests[position].lesion_mask_file))
    for position in by_lesion_file:
        request = requests[position]
        try:
            if isinstance(scan, BadInputError):
                raise scan
            wants_liver = request.variant is Variant.LIVER
            lesion = masks.take(request.lesion_mask_file)
            liver = masks.take(request.liver_mask_file) if wants_liver and request.liver_mask_file else None
            pixels = network_image(
                request.variant,
                plan=plan,
                scan=scan,
                lesion=lesion,
                label=request.lesion_label,
                liver=liver,
                liver_label=request.liver_label,
                slice_index=request.slice_index,
            )
        except BadInputError as error:
            yield Picture(position, None, str(error))
        else:
            yield Picture(position, pixels, None)


class _Masks:
    """Mask volumes of one scan, each read when first wanted and forgotten after its last use."""

    def __init__(self, uses: Sequence[Path]) -> None:
        self._left: dict[Path, int] = defaultdict(int)
        for file in uses:
            self._left[file] += 1
        self._read: dict[Path, Volume | BadInputError] = {}

    def take(self, file: Path) -> Volume:
        """The mask; raises the same `BadInputError` at each use of a file that cannot be read."""
        if file not in self._read:
            try:
                self._read[file] = read_volume(file)
            except BadInputError as error:
                self._read[file] = error
        mask = self._read[file]
        self._left[file] -= 1
        if self._left[file] <= 0:
            del self._read[file]
        if isinstance(mask, BadInputError):
            raise mask
        return mask
