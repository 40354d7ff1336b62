"""Which scan of a patient is looked at, and how: visit, phase, lesion, window, one scan or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from raise_core.domain.time_unit import TimeUnit
from raise_core.imaging.slice_view import CT_PRESETS, ct_preset
from raise_core.studies.patient_scans import PatientScan, baseline_of
from raise_core.ui import address

CUSTOM = "custom"
SUV_PRESETS = {"suv5": ("SUV 0–5", 5.0), "suv10": ("SUV 0–10", 10.0), "suv20": ("SUV 0–20", 20.0)}
MOST_SIDE_BY_SIDE = 6  # lesions; more stand in a list
_BY_LESION, _BY_TABLE = "lesion", "table"


@dataclass(frozen=True)
class _Presets:
    """Windows of one modality: parameter of the address, labels by code, and the first one shown."""

    key: str
    labels: Mapping[str, str]
    default: str


_PRESETS = {
    "CT": _Presets(
        "window",
        {"soft": "Soft tissue", "liver": "Liver", "lung": "Lung", "bone": "Bone", CUSTOM: "Custom"},
        "soft",
    ),
    "PT": _Presets("suv", {**{code: label for code, (label, _) in SUV_PRESETS.items()}, CUSTOM: "Custom"}, "suv10"),
}


@dataclass(frozen=True)
class _Limit:
    """What a width or level of one's own may be: HU for CT, SUV for PET."""

    lowest: float
    highest: float
    step: float
    default: float


_LIMITS = {
    "CT": {"width": _Limit(1.0, 4000.0, 1.0, 400.0), "level": _Limit(-1200.0, 3000.0, 1.0, 50.0)},
    "PT": {"width": _Limit(0.5, 100.0, 0.5, 10.0), "level": _Limit(0.0, 50.0, 0.5, 5.0)},
}


@dataclass(frozen=True)
class ScanChoice:
    """A view of a patient's scans.

    Attributes:
        scan: the scan looked at.
        baseline: the scan beside it, None for one alone.
        lesion: lesion that is followed, None where none is outlined.
        window: width and level; None for the scan's own range (MR, or modality not stated).
        link_by_lesion: whether two scans keep the same distance from the lesion.
    """

    scan: PatientScan
    baseline: PatientScan | None
    lesion: str | None
    window: tuple[float, float] | None
    link_by_lesion: bool


def visit_words(unit: TimeUnit, scan: PatientScan) -> str:
    """The visit of a scan: 'baseline', 'week 24'."""
    return "baseline" if scan.visit_week <= 0 else unit.visit(scan.visit_week)


def choose(scans: Sequence[PatientScan], *, unit: TimeUnit) -> ScanChoice:
    """The controls above the viewer.

    Args:
        scans: the patient's, at least one.
        unit: weeks or months.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        visits = {scan.visit: _capital(visit_words(unit, scan)) for scan in scans}
        visit = address.select(
            "Visit", visits, key="visit", default=_latest(scans).visit, help="Visits with a scan.", width=140
        )
        there = [scan for scan in scans if scan.visit == visit]
        phases = {scan.phase: _capital(scan.phase_words.removeprefix("CT ")) for scan in there}
        phase = address.segmented(
            "Scan", phases, key="phase", default=_latest(there).phase, help="Scans of this visit."
        )
        scan = next(scan for scan in there if scan.phase == phase)
        lesion = _lesion(scan)
        preset = _preset(scan)
        baseline = baseline_of(scans, scan)
        if baseline is not None and not address.switch(
            "Baseline beside it",
            key="side",
            default=False,
            help="The baseline scan on the right, moved, enlarged and windowed together with this one.",
        ):
            baseline = None
        by_lesion = (
            lesion is not None and baseline is not None and lesion in baseline.lesion_names and _linked_by_lesion()
        )
    return ScanChoice(scan, baseline, lesion, _width_and_level(scan, preset), by_lesion)


def use_dragged_window(scan: PatientScan, *, width: float, level: float) -> None:
    """Take over a window that was set by dragging on the picture; call it in a callback."""
    if scan.modality not in _PRESETS:
        return
    preset_key = _PRESETS[scan.modality].key
    st.session_state[preset_key] = CUSTOM
    written: dict[str, str | None] = {preset_key: CUSTOM}
    for name, value in (("width", width), ("level", level)):
        limit = _LIMITS[scan.modality][name]
        chosen = min(limit.highest, max(limit.lowest, round(value / limit.step) * limit.step))
        st.session_state[name] = chosen
        written[name] = None if chosen == limit.default else f"{chosen:g}"
    address.put(**written)  # at once, so that it is one step back in the browser


def _latest(scans: Sequence[PatientScan]) -> PatientScan:
    """Where one begins: the last visit with an outlined lesion (else the last), in the portal phase if there is one."""
    outlined = [scan for scan in scans if scan.lesion_names] or list(scans)
    last = [scan for scan in outlined if scan.visit == outlined[-1].visit]
    return next((scan for scan in last if scan.phase == "portal"), last[-1])


def _lesion(scan: PatientScan) -> str | None:
    """The lesion to follow, if any is outlined."""
    names = {name: name for name in scan.lesion_names}
    if not names:
        return None
    draw = address.segmented if len(names) <= MOST_SIDE_BY_SIDE else address.select
    return draw(
        "Lesion",
        names,
        key="lesion",
        default=next(iter(names)),
        help="The viewer goes to the slice on which this lesion was outlined; the network's pictures show it.",
    )


def _preset(scan: PatientScan) -> str | None:
    """Code of the window; None for scans that have no usual ones."""
    presets = _PRESETS.get(scan.modality)
    if presets is None:
        return None
    return address.select(
        "Window",
        presets.labels,
        key=presets.key,
        default=presets.default,
        width=150,
        help="Which values become which greys. Dragging with the right mouse button on the picture sets your own.",
    )


def _width_and_level(scan: PatientScan, preset: str | None) -> tuple[float, float] | None:
    if preset is None:
        return None
    if preset in CT_PRESETS:
        window = ct_preset(preset, scan.contrast)
        return window.width_hu, window.level_hu
    if preset in SUV_PRESETS:
        high = SUV_PRESETS[preset][1]
        return high, high / 2
    with st.container(horizontal=True, gap="medium"):
        width = _limited("Width", "width", scan, help="From black to white")
        level = _limited("Level", "level", scan, help="In the middle of the greys")
    return width, level


def _limited(label: str, key: str, scan: PatientScan, *, help: str) -> float:  # noqa: A002 - Streamlit's name for it
    limit = _LIMITS[scan.modality][key]
    return address.slider(
        f"{label} ({scan.value_unit})",
        key=key,
        minimum=limit.lowest,
        maximum=limit.highest,
        default=limit.default,
        step=limit.step,
        help=f"{help}, in {scan.value_unit}.",
    )


def _linked_by_lesion() -> bool:
    options = {_BY_LESION: "Lesion", _BY_TABLE: "Table position"}
    picked = address.segmented(
        "Linked by",
        options,
        key="link",
        default=_BY_LESION,
        help="Lesion: both pictures keep the same distance in mm from the lesion's outlined slice. Table position: the "
        "same position in mm in the scanner's coordinates.",
    )
    return picked == _BY_LESION


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
