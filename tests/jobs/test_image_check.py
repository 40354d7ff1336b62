"""Imported images against their checksums: damaged ones are named with their study and stay where they are."""

from __future__ import annotations

import shutil

import pytest

from raise_core.domain.errors import BusyError
from raise_core.domain.progress import silent
from raise_core.jobs import verify_job
from raise_core.jobs.image_check import check_images
from raise_core.jobs.order import Order
from raise_core.store.home import Home
from raise_core.studies.opening import open_study

STUDY = "demo-raise"


@pytest.fixture
def home(small_home, tmp_path) -> Home:
    """The small home's tables and images of one scan, in files of their own."""
    home = Home.at(tmp_path / "h")
    shutil.copytree(small_home / "studies", home.studies)
    for sha256 in open_study(home, STUDY).cohort.scans["content_sha256"][:3]:
        for source in (small_home / "images" / sha256[:2]).glob(f"{sha256}*"):
            (home.images / sha256[:2]).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, home.images / sha256[:2] / source.name)
    return home


def test_a_damaged_image_is_named_with_its_study_and_kept(home):
    files = sorted(home.images.glob("*/*"))
    assert (check_images(home).checked, check_images(home).damaged) == (len(files), ())
    assert verify(home).endswith("3 imported images checked: all are as they were written.")
    content = bytearray(files[1].read_bytes())
    content[len(content) // 2] ^= 1
    files[1].write_bytes(content)
    (damaged,) = check_images(home).damaged
    assert damaged.file == files[1].relative_to(home.path).as_posix()
    assert damaged.study_ids == (STUDY,)
    words = verify(home)
    assert "1 imported images are damaged" in words
    assert damaged.file in words
    assert f"Import study {STUDY} again" in words
    assert files[1].read_bytes() == content


def verify(home: Home) -> str:
    return verify_job.run(Order(home, verify_job.NAME, "", "", {}, "auto"), silent, lambda: False).message


def test_a_check_of_images_tells_how_far_it_is_and_can_be_stopped(home):
    told = []

    def stop() -> bool:
        return len(told) == 2

    with pytest.raises(BusyError, match="stopped after 2 of 3"):
        verify_job.run(Order(home, verify_job.NAME, "", "", {}, "auto"), lambda *report: told.append(report[1:]), stop)
    assert told == [(1, 3), (2, 3)]
