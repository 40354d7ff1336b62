"""What the viewer is told of the scans on screen, and each slice in words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raise_core.figures.identity import LESION, LIVER
from raise_core.imaging.slice_view import LIVER_BIT, ByteArray
from raise_core.studies.scan_viewing import OpenScan
from raise_core.ui.viewer.packet import PackedSlice, packed_labels, packed_values

KEY_LETTERS = 16
_LESION_BITS = LIVER_BIT - 1


@dataclass(frozen=True, eq=False)
class Shown:
    """One scan on screen.

    Attributes:
        opened: the scan.
        visit_words: its visit, as people say it.
        sizes: measured size of each lesion at that visit, in words.
        lesion: lesion that is being followed, None for none.
    """

    opened: OpenScan
    visit_words: str
    sizes: Mapping[str, str]
    lesion: str | None

    @property
    def key(self) -> str:
        """Name of the scan with its outlines in the browser's memory."""
        scan = self.opened.scan
        return hashlib.sha256(repr((str(scan.file), scan.masks, self.visit_words)).encode()).hexdigest()[:KEY_LETTERS]

    def pane(self, *, link_by_lesion: bool) -> dict[str, Any]:
        """Everything but pixels."""
        scan, grid = self.opened.scan, self.opened.grid
        return {
            "key": self.key,
            "frame": scan.patient_id,
            "title": f"{self.visit_words} · {scan.phase_words}",
            "subtitle": scan.equipment,
            "unit": scan.value_unit,
            "inverse": scan.modality == "PT",
            "rows": grid.rows,
            "columns": grid.columns,
            "row_mm": grid.row_mm,
            "column_mm": grid.column_mm,
            "slice_mm": grid.slice_mm,
            "positions": [round(position, 3) for position in grid.positions_mm],
            "letters": vars(grid.letters),
            "lesions": [lesion.name for lesion in self.opened.lesions],
            "has_liver": self.opened.liver is not None,
            "anchor": self.opened.lesion_slice(self.lesion) if link_by_lesion else None,
        }

    def packed(self, k: int) -> PackedSlice:
        """One slice, ready to travel."""
        values, labels = self.opened.values(k), self.opened.overlay(k)
        return PackedSlice(
            key=self.key,
            k=k,
            slope=values.slope,
            intercept=values.intercept,
            pixels=packed_values(values),
            labels=packed_labels(labels),
            words=self.words(k, labels),
        )

    def words(self, k: int, labels: ByteArray | None) -> str:
        """The slice in a sentence that follows the patient's name, for who cannot see it."""
        scan, grid = self.opened.scan, self.opened.grid
        position = f"{grid.positions_mm[k]:.1f}".replace("-", "−")
        start = f"{self.visit_words}, {scan.phase_words}: axial slice {k + 1} of {grid.count} at {position} mm"
        if labels is None:
            return f"{start}; nothing is outlined on this scan."
        there = np.unique(labels)
        numbers = sorted({int(value) & _LESION_BITS for value in there} - {0})
        names = [self.opened.lesions[number - 1].name for number in numbers]
        found = [f"{name} ({self.sizes[name]})" if name in self.sizes else name for name in names]
        if not found:
            return f"{start}; no outlined lesion on this slice."
        return f"{start}; outlined {'lesion' if len(found) == 1 else 'lesions'}: {', '.join(found)}."


def linked_slice(main: Shown, other: Shown, k: int, *, link_by_lesion: bool) -> int:
    """Slice of the other scan that belongs to slice k of the main one; the browser reckons the same way."""
    position = main.opened.grid.positions_mm[k]
    here, there = main.opened.lesion_slice(main.lesion), other.opened.lesion_slice(other.lesion)
    if link_by_lesion and here is not None and there is not None:
        position += other.opened.grid.positions_mm[there] - main.opened.grid.positions_mm[here]
    return other.opened.grid.nearest_slice(position)


def scene(
    shown: Sequence[Shown], *, k: int, window: tuple[float, float], lesion: str | None, link_by_lesion: bool
) -> dict[str, Any]:
    """The header of a message.

    Args:
        shown: scans on screen, the main one first.
        k: slice of the main one.
        window: width and level.
        lesion: lesion that is followed.
        link_by_lesion: go through both scans at the same distance from the lesion, not at the same table position.
    """
    return {
        "panes": [one.pane(link_by_lesion=link_by_lesion) for one in shown],
        "slice": k,
        "window": {"width": window[0], "level": window[1]},
        "lesion": lesion,
        "colours": {"lesion": LESION, "liver": LIVER},
    }
