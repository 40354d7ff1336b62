"""A patient's scans on the patient page: the viewer, and beside it what the network was given."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import streamlit as st

from raise_core.domain.errors import BadInputError
from raise_core.studies.patient_scans import PatientScan, lesion_sizes, patient_scans
from raise_core.studies.scan_viewing import OpenScan, ScanShelf
from raise_core.ui import address, network_view
from raise_core.ui.scan_choice import ScanChoice, choose, use_dragged_window, visit_words
from raise_core.ui.shell import PageContext
from raise_core.ui.viewer.component import image_viewer
from raise_core.ui.viewer.packet import PackedSlice, packet
from raise_core.ui.viewer.scene import Shown, linked_slice, scene

MOST_SLICES_A_MESSAGE = 8
MOST_DIGITS = 6  # of a slice number in the address
_VIEWER = "image_viewer"
_AT = "_images_at"
"""Session: scan, lesion and slice last shown, so that another visit or phase opens at the same place."""
"""Session: parameters of the address as they were left, and the run of the page they belong to."""
_HEARD, _ANSWERED, _SENT = "_images_heard", "_images_answered", "_images_sent"
"""Session: what the browser last settled on; number of its message last answered; slices last sent unasked."""


def images(page: PageContext, patient_id: str) -> None:
    """The viewer with its controls, and the network's pictures; call it inside a fragment.

    Args:
        page: where the page stands.
        patient_id: whose scans.
    """
    scans = _scans(page.home_path, page.study.study_id, page.study.snapshot_id, patient_id)
    if not scans:
        st.info(
            "No scan of this patient is in the study. Scans come in with scans.csv, their outlines with masks.csv.",
            icon=":material/image_not_supported:",
        )
        return
    choice = choose(scans, unit=page.unit)
    opened = _open(choice.scan)
    if opened is None:
        return
    baseline = _open(choice.baseline) if choice.baseline is not None else None
    if baseline is None:
        picture, beside = st.columns([3, 1], gap="medium")
    else:
        picture, beside = st.container(), st.container()
    with picture:
        _viewer(page, choice, [one for one in (opened, baseline) if one is not None])
        for problem in (*opened.problems, *(baseline.problems if baseline else ())):
            st.caption(f":material/warning: {problem}")
    with beside:
        network_view.network_pictures(page, opened, choice.lesion, in_a_row=baseline is not None)


@st.cache_resource(max_entries=64, show_spinner=False)
def _scans(home_path: str, study_id: str, snapshot_id: str, patient_id: str) -> tuple[PatientScan, ...]:
    """Scans of one patient of a snapshot."""
    return patient_scans(network_view.cohort(home_path, study_id, snapshot_id), patient_id)


@st.cache_resource(max_entries=256, show_spinner=False, hash_funcs={PatientScan: attrgetter("scan_id")})
def _sizes(home_path: str, study_id: str, snapshot_id: str, scan: PatientScan) -> dict[str, str]:
    """Measured sizes of the lesions at the visit of a scan."""
    return lesion_sizes(network_view.cohort(home_path, study_id, snapshot_id), scan)


@st.cache_resource(show_spinner=False)
def _shelf() -> ScanShelf:
    """Opened scans of the whole server, in bounded memory."""
    return ScanShelf()


def _open(scan: PatientScan) -> OpenScan | None:
    """The scan in memory; None, with a sentence on the page, when it cannot be shown."""
    shelf = _shelf()
    try:
        if shelf.has(scan):
            return shelf.take(scan)
        with st.spinner("Opening the scan …"):
            return shelf.take(scan)
    except BadInputError:
        st.warning(
            f"The {scan.phase_words} scan of week {scan.visit_week:g} cannot be shown: its file is missing or damaged. "
            "Other scans are not affected; import this one again.",
            icon=":material/broken_image:",
        )
        return None


def _viewer(page: PageContext, choice: ScanChoice, opened: Sequence[OpenScan]) -> None:
    """Mount the viewer and send it what it asked for."""
    shown = [
        Shown(
            one,
            visit_words=visit_words(page.unit, one.scan),
            sizes=_sizes(page.home_path, page.study.study_id, page.study.snapshot_id, one.scan),
            lesion=choice.lesion,
        )
        for one in opened
    ]
    k = _slice(choice, opened[0])
    if st.session_state[_AT]["problem"]:
        st.warning(st.session_state[_AT]["problem"], icon=":material/link_off:")
    header = scene(
        shown,
        k=k,
        window=choice.window or _own_range(opened[0]),
        lesion=choice.lesion,
        link_by_lesion=choice.link_by_lesion,
    )
    said = _said()
    header["heard"] = said.get("sequence", 0)
    slices = _slices_to_send(shown, k, said, link_by_lesion=choice.link_by_lesion)
    image_viewer(packet(header, slices), key=_VIEWER, on_view_change=lambda: _moved(choice.scan))
    st.session_state[_ANSWERED] = said.get("sequence")


def _said() -> dict[str, Any]:
    """What the browser last said, before the viewer is mounted again."""
    state = st.session_state.get(_VIEWER)
    view = state.get("view") if state else None
    return dict(view) if view else {}


def _slices_to_send(shown: Sequence[Shown], k: int, said: dict[str, Any], *, link_by_lesion: bool) -> list[PackedSlice]:
    """The slices on screen when they are new, and those the browser asks for."""
    main = shown[0]
    first = [(main.key, k)] + [
        (one.key, linked_slice(main, one, k, link_by_lesion=link_by_lesion)) for one in shown[1:]
    ]
    wanted = said.get("wanted", []) if said.get("sequence") != st.session_state.get(_ANSWERED) else []
    asked = [(str(key), int(number)) for key, number in wanted]
    scans = [one.key for one in shown]
    known = st.session_state.get(_SENT)
    due = asked if known is not None and known[0] == scans else [*first, *asked]
    st.session_state[_SENT] = (scans,)
    by_key = {one.key: one for one in shown}
    valid = [
        (key, number)
        for key, number in dict.fromkeys(due)
        if key in by_key and 0 <= number < by_key[key].opened.grid.count
    ]
    return [by_key[key].packed(number) for key, number in valid[:MOST_SLICES_A_MESSAGE]]


def _slice(choice: ScanChoice, opened: OpenScan) -> int:
    """The slice to show, counted from the feet: the address's; after a change of scan or lesion, the matching one."""
    grid = opened.grid
    outlined = opened.lesion_slice(choice.lesion)
    default = grid.count // 2 if outlined is None else outlined
    before = st.session_state.get(_AT)
    asked = address.parameters().get("slice", "")
    looked_at = (choice.scan, choice.lesion)
    moved_on = before is not None and before["looked_at"] != looked_at and before["asked"] == asked
    problem = before["problem"] if before is not None and before["looked_at"] == looked_at else ""
    if before is not None and moved_on:
        k = _same_place(before, opened, choice.lesion, default)
    elif not asked:
        k = default
    elif len(asked) <= MOST_DIGITS and asked.isascii() and asked.isdigit() and 1 <= int(asked) <= grid.count:
        k, problem = int(asked) - 1, ""
    else:
        k = default
        problem = f"The address asks for slice “{_plain(asked)}”, which this scan does not have; another one is shown."
    written = "" if k == default else str(k + 1)
    if written != asked:
        address.put(slice=written or None)
    anchor = None if outlined is None else grid.positions_mm[outlined]
    st.session_state[_AT] = {
        "looked_at": looked_at,
        "asked": written,
        "default": default,
        "problem": problem,
        "position": grid.positions_mm[k],
        "anchor": anchor,
    }
    return k


def _plain(text: str) -> str:
    """Letters and digits of a text from the address, safe to show."""
    return "".join(character for character in text[:20] if character.isalnum() or character in " -.")


def _same_place(before: dict[str, Any], opened: OpenScan, lesion: str | None, default: int) -> int:
    """Slice of another scan at the same distance from the lesion; a newly chosen lesion's own slice."""
    scan_before, lesion_before = before["looked_at"]
    if scan_before.patient_id != opened.scan.patient_id or lesion != lesion_before:
        return default
    outlined = opened.lesion_slice(lesion)
    if outlined is None or before["anchor"] is None:
        return opened.grid.nearest_slice(before["position"])
    return opened.grid.nearest_slice(opened.grid.positions_mm[outlined] + before["position"] - before["anchor"])


def _own_range(opened: OpenScan) -> tuple[float, float]:
    """Window of a scan without a known scale."""
    low, high = opened.value_range()
    return high - low, (high + low) / 2


def _moved(scan: PatientScan) -> None:
    """Callback: put the slice and window the reader settled on into the address."""
    said = _said()
    heard = st.session_state.get(_HEARD, {})
    at = st.session_state.get(_AT)
    news = {name: said[name] for name in ("slice", "window") if name in said and said[name] != heard.get(name)}
    st.session_state[_HEARD] = {**heard, **news}
    if "slice" in news and at is not None:
        k = int(news["slice"]["value"])
        address.put(slice=None if k == at["default"] else str(k + 1))
    if "window" in news:
        window = news["window"]["value"]
        use_dragged_window(scan, width=float(window["width"]), level=float(window["level"]))
