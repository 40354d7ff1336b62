from __future__ import annotations

import gzip
import threading
from pathlib import Path

import numpy as np
import pytest

from raise_core.domain.errors import BadInputError
from raise_core.imaging.slice_view import LIVER_BIT
from raise_core.studies import scan_viewing
from raise_core.studies.patient_scans import patient_scans
from raise_core.studies.scan_viewing import ScanShelf, open_scan
from tests.studies import viewing_case
from tests.studies.viewing_case import LESION_SLICE, densities


@pytest.fixture
def cohort(tmp_path):
    return viewing_case.cohort(tmp_path)


def scan_named(cohort, scan_id):
    return next(scan for scan in patient_scans(cohort, "A") if scan.scan_id == scan_id)


@pytest.mark.parametrize("upside_down", [True, False])
def test_a_scan_is_shown_in_patient_order_whatever_way_it_is_stored(tmp_path, upside_down):
    cohort = viewing_case.cohort(tmp_path, upside_down=upside_down)
    opened = open_scan(scan_named(cohort, "a0"))
    assert opened.problems == ()
    assert opened.grid.positions_mm == (0, 5, 10, 15, 20, 25)
    for k in range(opened.grid.count):
        assert np.array_equal(opened.values(k).stored, densities(0)[k])
        marked = opened.overlay(k)
        assert np.array_equal(marked & 127, viewing_case.labels()[k])
        assert np.array_equal(marked & LIVER_BIT > 0, viewing_case.liver()[k] > 0)
    assert opened.lesion_slice("T1") == LESION_SLICE
    assert opened.lesion_slice("T2") == 1
    assert opened.lesion_slice("T9") is None


@pytest.mark.parametrize(("upside_down", "slice_index"), [(True, 2), (False, 3)])
def test_the_annotated_slice_is_counted_along_the_files_axis(tmp_path, upside_down, slice_index):
    cohort = viewing_case.cohort(tmp_path, upside_down=upside_down, slice_index=slice_index)
    assert open_scan(scan_named(cohort, "a0")).lesion_slice("T1") == 3


def test_a_slice_index_beyond_the_scan_falls_back_to_the_largest_area(tmp_path):
    cohort = viewing_case.cohort(tmp_path, slice_index=99)
    assert open_scan(scan_named(cohort, "a0")).lesion_slice("T1") == LESION_SLICE


def test_a_scan_without_outlines_has_no_overlay(cohort):
    opened = open_scan(scan_named(cohort, "pet"))
    assert opened.overlay(0) is None
    assert opened.liver is None
    low, high = opened.value_range()
    assert 0 <= low < high


def test_suv_is_restored_to_three_decimals(cohort):
    opened = open_scan(scan_named(cohort, "pet"))
    stored = opened.values(2)
    truth = np.random.default_rng(3).gamma(2.0, 2.0, (5, 8, 9)).astype(np.float32)[2]
    assert np.abs(stored.stored * stored.slope + stored.intercept - truth).max() < 0.001


def test_a_damaged_outline_is_named_and_the_scan_shown(cohort):
    scan = scan_named(cohort, "a0")
    file = next(mask.file for mask in scan.masks if mask.kind == "lesion")
    file.write_bytes(file.read_bytes()[:100])
    opened = open_scan(scan)
    assert opened.lesions == ()
    assert opened.liver is not None
    assert len(opened.problems) == 1
    assert "outline of T1, T2 cannot be read" in opened.problems[0]
    assert str(file) not in opened.problems[0]


def test_an_empty_outline_is_said(cohort):
    scan = scan_named(cohort, "a12")
    file = Path(scan.masks[0].file)
    viewing_case.write(file, np.zeros(viewing_case.SIZE[::-1], dtype=np.uint8), origin=(0.0, 0.0, 40.0))
    opened = open_scan(scan)
    assert opened.lesion_slice("T1") is None
    assert opened.problems == ("The outline of T1 is empty.",)


def test_a_damaged_scan_is_an_error_that_names_the_file(cohort):
    scan = scan_named(cohort, "a0")
    whole = gzip.decompress(scan.file.read_bytes())
    scan.file.write_bytes(gzip.compress(whole[: len(whole) // 2]))
    shelf = ScanShelf()
    with pytest.raises(BadInputError, match=scan.file.name):
        shelf.take(scan)
    assert not shelf.has(scan)
    assert shelf.bytes == 0


def test_the_shelf_forgets_the_scan_not_looked_at_for_longest(cohort):
    scans = patient_scans(cohort, "A")
    sizes = [open_scan(scan).bytes for scan in scans]
    shelf = ScanShelf(most_bytes=sizes[0] + sizes[2])
    shelf.take(scans[0])
    shelf.take(scans[1])
    shelf.take(scans[0])
    shelf.take(scans[2])
    assert [shelf.has(scan) for scan in scans] == [True, False, True, False]
    assert shelf.bytes == sizes[0] + sizes[2]


def test_a_scan_larger_than_the_shelf_is_kept_alone(cohort):
    scans = patient_scans(cohort, "A")
    shelf = ScanShelf(most_bytes=1)
    shelf.take(scans[0])
    shelf.take(scans[2])
    assert [shelf.has(scan) for scan in scans] == [False, False, True, False]


def test_two_readers_wait_for_one_opening(cohort, monkeypatch):
    scan = scan_named(cohort, "a0")
    entered, go_on, openings = threading.Event(), threading.Event(), []

    def slow(one):
        openings.append(one)
        entered.set()
        assert go_on.wait(10)
        return open_scan(one)

    monkeypatch.setattr(scan_viewing, "open_scan", slow)
    shelf, found = ScanShelf(), []
    readers = [threading.Thread(target=lambda: found.append(shelf.take(scan))) for _ in range(4)]
    for reader in readers:
        reader.start()
    assert entered.wait(10)
    go_on.set()
    for reader in readers:
        reader.join(10)
    assert len(openings) == 1
    assert len(found) == 4
    assert all(one is found[0] for one in found)
