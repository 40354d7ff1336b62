"""The workspace file: transactions, other processes, files that are none of ours."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from raise_core.domain.errors import BadInputError, BadUsageError, NotInStoreError
from raise_core.store.home import Home
from raise_core.store.saved_cohorts import delete_cohort, save_cohort, saved_cohorts
from raise_core.store.saved_views import delete_view, named_views, read_view, rename_view, save_view
from raise_core.store.workspace import FILE_NAME, workspace


@pytest.fixture
def home(tmp_path) -> Home:
    return Home.at(tmp_path / "home")


def saved(home, name="Tuesday's meeting", query="show=added"):
    return save_view(home, name=name, page="pages/cindex.py", query=query, study_id="demo", user="ada")


def test_a_view_can_be_saved_listed_renamed_and_forgotten(home):
    view = saved(home)
    assert read_view(home, view.view_id) == view
    rename_view(home, view.view_id, "  Board   meeting ")
    assert [known.name for known in named_views(home)] == ["Board meeting"]
    delete_view(home, view.view_id)
    delete_view(home, view.view_id)
    assert named_views(home) == ()
    with pytest.raises(NotInStoreError, match="may have been deleted"):
        read_view(home, view.view_id)
    with pytest.raises(NotInStoreError):
        rename_view(home, view.view_id, "again")


def test_a_long_address_is_stored_once_and_not_listed(home):
    long = "filter=" + "x" * 3000
    first, second = saved(home, name=None, query=long), saved(home, name=None, query=long)
    assert first == second
    assert named_views(home) == ()


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_view_needs_a_name_that_fits(home, name):
    with pytest.raises(BadUsageError):
        saved(home, name=name)
    with pytest.raises(BadUsageError):
        save_cohort(home, name=name, study_id="demo", filter_text="grade=G2", user="ada")


def test_cohorts_belong_to_a_study_and_a_name_is_kept_once(home):
    save_cohort(home, name="High grade", study_id="demo", filter_text="grade=G2", user="ada")
    save_cohort(home, name="High grade", study_id="demo", filter_text="grade=G3", user="bob")
    save_cohort(home, name="High grade", study_id="other", filter_text="grade=G1", user="ada")
    (kept,) = saved_cohorts(home, "demo")
    assert (kept.filter_text, kept.created_by) == ("grade=G3", "bob")
    with pytest.raises(BadUsageError):
        save_cohort(home, name="Broken", study_id="demo", filter_text="grade", user="ada")
    delete_cohort(home, kept.cohort_id)
    assert saved_cohorts(home, "demo") == ()
    assert len(saved_cohorts(home, "other")) == 1


def test_an_error_leaves_nothing_behind(home):
    def fail_half_way():
        with workspace(home) as connection:
            connection.execute("INSERT INTO saved_cohort VALUES ('1', 'n', 's', '', 'u', 't')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert saved_cohorts(home, "s") == ()


def test_many_threads_write_at_once_and_nothing_is_lost(home):
    threads = [threading.Thread(target=saved, args=(home, f"view {n}")) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(named_views(home)) == 20


def test_processes_that_meet_at_the_very_first_use_wait_for_each_other(tmp_path):
    code = (
        "import sys, time\nfrom raise_core.store.home import Home\nfrom raise_core.store.workspace import workspace\n"
        "print('ready', flush=True)\nbegan = float(sys.stdin.readline())\n"
        "for number in range(100):\n"
        "    while time.time() < began + 0.03 * number:\n        pass\n"  # all of them in the same moment
        "    with workspace(Home.at(f'{sys.argv[1]}/{number}')) as connection:\n"
        "        connection.execute('SELECT count(*) FROM job')\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    assert {process.stdout.readline() for process in running} == {"ready\n"}
    began = time.time() + 0.3
    for process in running:
        process.stdin.write(f"{began}\n")
        process.stdin.flush()
    answers = [(process.communicate(timeout=60)[1], process.returncode) for process in running]
    assert answers == [("", 0)] * 4


def test_a_first_use_waits_for_whoever_reads_the_new_file(home):
    home.path.mkdir(parents=True)
    other = sqlite3.connect(home.path / FILE_NAME, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE x (y)")
    other.execute("BEGIN")
    other.execute("SELECT * FROM x").fetchall()
    leaving = threading.Timer(0.5, other.rollback)
    leaving.start()
    assert named_views(home) == ()
    leaving.join()
    other.close()


def test_a_file_that_is_no_workspace_is_refused_with_its_name(home):
    home.path.mkdir(parents=True)
    (home.path / FILE_NAME).write_bytes(b"not a database at all" * 100)
    with pytest.raises(BadInputError, match=FILE_NAME):
        named_views(home)


def test_a_file_of_a_newer_program_is_refused(home):
    saved(home)
    connection = sqlite3.connect(home.path / FILE_NAME)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(BadInputError, match="newer"):
        named_views(home)
