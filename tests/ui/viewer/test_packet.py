from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from raise_core.imaging.slice_view import store_slice
from raise_core.studies.patient_scans import patient_scans
from raise_core.studies.scan_viewing import open_scan
from raise_core.ui.viewer.packet import packet
from raise_core.ui.viewer.scene import Shown, linked_slice, scene
from tests.studies import viewing_case
from tests.studies.viewing_case import densities


def unpack(message: bytes):
    """What the browser makes of a message: the header and, per slice, values and structures."""
    length = int.from_bytes(message[:4], "little")
    header, blobs = json.loads(message[4 : 4 + length]), message[4 + length :]
    panes = {pane["key"]: pane for pane in header["panes"]}
    found = {}
    for entry in header["slices"]:
        shape = panes[entry["key"]]["rows"], panes[entry["key"]]["columns"]
        start, size = entry["pixels"]
        planes = np.frombuffer(zlib.decompress(blobs[start : start + size]), np.uint8).reshape(2, -1)
        stored = (planes[0].astype(np.uint16) | (planes[1].astype(np.uint16) << 8)).view(np.int16).reshape(shape)
        labels = None
        if entry["labels"] is not None:
            start, size = entry["labels"]
            labels = np.frombuffer(zlib.decompress(blobs[start : start + size]), np.uint8).reshape(shape)
        found[entry["key"], entry["k"]] = stored * entry["slope"] + entry["intercept"], labels, entry["words"]
    return header, found


@pytest.fixture
def shown(tmp_path):
    cohort = viewing_case.cohort(tmp_path)
    sizes = {"T1": "22.4 mm"}
    return {
        scan.scan_id: Shown(open_scan(scan), f"week {scan.visit}", sizes, "T1") for scan in patient_scans(cohort, "A")
    }


def test_slices_arrive_as_they_were(shown):
    main, pet = shown["a0"], shown["pet"]
    header = scene([main, pet], k=4, window=(400.0, 50.0), lesion="T1", link_by_lesion=False)
    header, found = unpack(packet(header, [main.packed(4), main.packed(1), pet.packed(0)]))
    values, labels, words = found[main.key, 4]
    assert np.array_equal(values, densities(0)[4])
    assert np.array_equal(labels & 127, viewing_case.labels()[4])
    assert words == "week 0, CT portal: axial slice 5 of 6 at 20.0 mm; outlined lesion: T1 (22.4 mm)."
    assert found[main.key, 1][2].endswith("outlined lesion: T2.")
    values, labels, words = found[pet.key, 0]
    stored = store_slice(pet.opened.ordered.array[0])
    assert np.allclose(values, stored.stored * stored.slope + stored.intercept)
    assert labels is None
    assert words.endswith("nothing is outlined on this scan.")
    assert header["slice"] == 4
    assert header["window"] == {"width": 400.0, "level": 50.0}


def test_a_slice_without_lesions_says_so(shown):
    assert (
        shown["a0"].packed(0).words
        == "week 0, CT portal: axial slice 1 of 6 at 0.0 mm; no outlined lesion on this slice."
    )


def test_the_header_holds_geometry_in_mm_and_no_pixel(shown):
    header, found = unpack(packet(scene([shown["a0"]], k=0, window=(1.0, 0.0), lesion=None, link_by_lesion=True), []))
    (pane,) = header["panes"]
    assert found == {}
    assert (pane["rows"], pane["columns"], pane["row_mm"], pane["column_mm"]) == (20, 24, 2.0, 2.0)
    assert pane["positions"] == [0, 5, 10, 15, 20, 25]
    assert pane["letters"] == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert pane["lesions"] == ["T1", "T2"]
    assert pane["unit"] == "HU"
    assert pane["anchor"] == 4


def test_one_slice_is_a_small_part_of_a_volume(shown):
    volume = shown["a0"].opened.volume.array.nbytes
    one = shown["a0"].packed(3)
    assert len(one.pixels) + len(one.labels) < volume / 6


def test_scans_are_linked_by_lesion_or_by_table_position(shown):
    now, before = shown["a12"], shown["a0"]
    # the second scan lies 40 mm higher in the scanner; the lesion is on slice 4 of both
    assert linked_slice(now, before, 4, link_by_lesion=True) == 4
    assert linked_slice(now, before, 3, link_by_lesion=True) == 3
    assert linked_slice(now, before, 4, link_by_lesion=False) == 5, "nearest to 60 mm: the highest, at 25 mm"


def test_scans_and_outlines_have_their_own_names_in_the_browser(shown):
    assert len({one.key for one in shown.values()}) == len(shown)
    assert all(len(one.key) == 16 for one in shown.values())
