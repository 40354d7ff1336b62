"""Characteristics known only after baseline in the store: kept, part of the id, and absent from older snapshots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from raise_core.store.home import Home
from raise_core.store.queries import load_cohort, load_study
from raise_core.store.snapshot import StudyContent, publish

CONTENT = StudyContent(
    "Title",
    simulated=False,
    reference_arm="A",
    tables={
        "patient": pa.table({"patient_id": ["000", "001"], "arm": ["A", "B"], "cycles": [4.0, 2.0]}),
        "outcome": pa.table(
            {"patient_id": ["000", "001"], "endpoint": ["OS"] * 2, "time_weeks": [1.0, 2.0], "event": [True, False]}
        ),
    },
)
ID_BEFORE_THERE_WAS_SUCH_AN_ENTRY = "dcb1b9cc471b02be545bb48f99246d70"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home")


def test_studies_without_keep_their_id(home):
    assert publish(home, "trial", CONTENT) == ID_BEFORE_THERE_WAS_SUCH_AN_ENTRY
    assert load_study(home, "trial").after_baseline == ()


def test_it_is_kept_in_the_order_given_and_makes_another_snapshot(home):
    first = publish(home, "trial", CONTENT)
    with_it = replace(CONTENT, after_baseline=("cycles", "arm"))
    second = publish(home, "trial", with_it)
    assert second != first
    assert load_study(home, "trial").after_baseline == ("cycles", "arm")
    assert load_cohort(home, "trial").study.after_baseline == ("cycles", "arm")
    assert load_study(home, "trial", first).after_baseline == ()
    assert (
        publish(home, "trial", replace(CONTENT, after_baseline=("arm", "cycles"))) == second
    )  # the order says nothing


def test_a_snapshot_written_before_opens(home):
    snapshot_id = publish(home, "trial", CONTENT)
    file = home.snapshot("trial", snapshot_id)
    file.chmod(0o644)
    with duckdb.connect(file) as connection:  # as version 1 wrote it
        connection.execute("ALTER TABLE study DROP COLUMN after_baseline")
        connection.execute("UPDATE study SET schema_version = 1")
    cohort = load_cohort(home, "trial")
    assert cohort.study.after_baseline == ()
    assert cohort.study.title == "Title"
    assert cohort.n_patients == 2
    assert publish(home, "trial", CONTENT) == snapshot_id  # it is whole: nothing is written again
