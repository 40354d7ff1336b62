from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import lifelines
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from raise_core.domain.errors import BadInputError, BadUsageError, BusyError, NotInStoreError
from raise_core.store.home import Home, validate_study_id
from raise_core.store.lock import clean_leftovers, held, work_folder
from raise_core.store.queries import load_cohort, load_study
from raise_core.store.snapshot import StudyContent, current_snapshot, list_snapshots, list_studies, publish
from raise_core.store.summary import ALL_ARMS, summarise

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home")


def content(n: int = 4, *, shift: float = 0.0, **tables: pa.Table) -> StudyContent:
    ids = [f"{i:03d}" for i in range(n)]
    patient = pa.table({"patient_id": ids, "arm": ["A", "B"] * (n // 2), 'odd "name"; DROP': [1.0, None] * (n // 2)})
    outcome = pa.table(
        {
            "patient_id": ids,
            "endpoint": ["OS"] * n,
            "time_weeks": [1.0 + shift + i for i in range(n)],
            "event": [True, False] * (n // 2),
        }
    )
    return StudyContent(
        "Title", simulated=False, reference_arm="A", tables={"patient": patient, "outcome": outcome, **tables}
    )


def test_study_ids() -> None:
    for good in ("a", "crc", "demo-raise", "0", "a" * 64, "x_1"):
        assert validate_study_id(good) == good
    for bad in ("", "A", "-a", "_a", "a b", "a/b", "..", "a" * 65, "é", "a\n"):
        with pytest.raises(BadUsageError, match="cannot name a study"):
            validate_study_id(bad)


def test_a_home_that_is_only_named_creates_nothing(home: Home) -> None:
    assert list_studies(home) == ()
    with pytest.raises(NotInStoreError, match=r"studies: none yet.*import SOURCE --study trial"):
        current_snapshot(home, "trial")
    assert not home.path.exists()


def test_a_missing_study_or_snapshot_is_told_with_what_there_is(home: Home) -> None:
    first = publish(home, "trial", content())
    with pytest.raises(NotInStoreError, match=r"no study 'other'.*studies: trial"):
        load_cohort(home, "other")
    with pytest.raises(NotInStoreError, match=f"no snapshot 'abc'; it has {first}"):
        load_study(home, "trial", "abc")


def test_publishing_again_changes_id_only_with_content(home: Home) -> None:
    first = publish(home, "trial", content())
    published_at = load_study(home, "trial").published_at
    assert publish(home, "trial", content()) == first
    assert load_study(home, "trial").published_at == published_at
    shuffled = content()
    table = shuffled.tables["patient"].take([3, 1, 0, 2])
    assert publish(home, "trial", StudyContent("Title", False, "A", {**shuffled.tables, "patient": table})) == first
    others = {
        publish(home, "trial", content(shift=1e-9)),
        publish(home, "trial", StudyContent("Other", False, "A", content().tables)),
        publish(home, "trial", StudyContent("Title", True, "A", content().tables)),
        publish(home, "trial", StudyContent("Title", False, "B", content().tables)),
        publish(home, "second", content()),
    }
    assert len(others | {first}) == 6
    assert len(list_snapshots(home, "trial")) == 5


def test_text_cells_do_not_run_together_in_the_id(home: Home) -> None:
    def arms(first: str | None, second: str | None) -> StudyContent:
        table = pa.table({"patient_id": ["1", "2"], "arm": pa.array([first, second], pa.string())})
        return StudyContent("t", simulated=False, reference_arm=None, tables={"patient": table})

    pairs = [("ab", "c"), ("a", "bc"), ("", "abc"), (None, "abc"), ("abc", None), ("abc", "")]
    assert len({publish(home, "trial", arms(*pair)) for pair in pairs}) == len(pairs)


def test_a_snapshot_cannot_be_written_and_a_damaged_one_is_named_and_replaced(home: Home) -> None:
    snapshot_id = publish(home, "trial", content())
    file = home.snapshot("trial", snapshot_id)
    assert file.stat().st_mode & 0o222 == 0
    file.chmod(0o644)
    file.write_bytes(b"no database at all" * 1000)
    with pytest.raises(BadInputError, match=r"damaged.*Import study 'trial' again"):
        load_cohort(home, "trial")
    assert publish(home, "trial", content()) == snapshot_id
    assert load_cohort(home, "trial").n_patients == 4


def test_the_schema_refuses_what_validation_should_have_caught(home: Home) -> None:
    before = publish(home, "trial", content())
    bad = pa.table(
        {
            "patient_id": ["000"],
            "week": [0.0],
            "lesion_id": ["L"],
            "diameter_mm": [-3.0],
            "target": [True],
            "status": ["measured"],
        }
    )
    with pytest.raises(BadInputError, match="table lesion breaks a rule"):
        publish(home, "trial", content(lesion=bad))
    with pytest.raises(TypeError, match="no column 'colour'"):
        publish(home, "trial", content(lesion=bad.append_column("colour", pa.array(["red"]))))
    assert current_snapshot(home, "trial") == before
    assert list(home.temporary.iterdir()) == []


def test_covariate_names_are_only_names(home: Home) -> None:
    publish(home, "trial", content())
    patients = load_cohort(home, "trial").patients
    assert list(patients.columns) == ["patient_id", "arm", 'odd "name"; DROP']
    assert patients['odd "name"; DROP'].tolist()[0] == 1.0


def test_many_readers_at_once_see_the_same(home: Home) -> None:
    publish(home, "trial", content(200))
    expected = load_cohort(home, "trial").outcomes
    reader = (
        "import sys; from raise_core.store.home import Home; from raise_core.store.queries import load_cohort; "
        "print(len(load_cohort(Home.at(sys.argv[1]), 'trial').outcomes))"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", reader, str(home.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    with ThreadPoolExecutor(6) as pool:
        for found in pool.map(lambda _: load_cohort(home, "trial").outcomes, range(24)):
            pd.testing.assert_frame_equal(found, expected)
    for other in others:
        assert other.communicate()[0].strip() == "200"


def test_a_file_open_for_writing_elsewhere_is_busy(home: Home) -> None:
    snapshot_id = publish(home, "trial", content())
    file = home.snapshot("trial", snapshot_id)
    file.chmod(0o644)
    writer = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline().strip() == "open"
        with pytest.raises(BusyError, match="open for writing"):
            load_cohort(home, "trial")
        other.communicate("")


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(home: Home) -> None:
    script = (
        "import sys, os; from raise_core.store.home import Home; from raise_core.store.lock import work_folder\n"
        "with work_folder(Home.at(sys.argv[1])) as work:\n"
        "    (work / 'half.bin').write_bytes(b'x'); os._exit(1)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(home.path)], cwd=ROOT, check=False)
    (home.temporary / "work-without-lock").mkdir()
    assert len(list(home.temporary.glob("work-*/half.bin"))) == 1
    with work_folder(home) as mine:
        (mine / "kept.bin").write_bytes(b"y")
        assert clean_leftovers(home) == 2
        assert (mine / "kept.bin").exists()
    assert list(home.temporary.iterdir()) == []
    assert clean_leftovers(home) == 0


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with (
        held(path, wait_seconds=0, busy="Taken"),
        pytest.raises(BusyError, match=rf"Taken \(process {os.getpid()}\)"),
        held(path, wait_seconds=0, busy="Taken"),
    ):
        pytest.fail("two held one lock")
    assert not path.exists()
    with held(path, wait_seconds=0, busy="Taken"):
        assert path.exists()


def test_summary_counts_and_follow_up_agree_with_lifelines(home: Home) -> None:
    rng = np.random.default_rng(1)
    n = 120
    ids = [f"{i:03d}" for i in range(n)]
    arm = rng.choice(["A", "B"], n)
    time = np.ceil(rng.exponential(40, n))  # whole weeks: many ties
    event = rng.random(n) < 0.5
    labs = pa.table(
        {
            "patient_id": ids,
            "week": [0.0] * n,
            "test": ["CGA"] * n,
            "value": [1.0] * n,
            "unit": ["x"] * n,
            "upper_limit": [2.0] * 10 + [None] * (n - 10),
        }
    )
    tables = {
        "patient": pa.table({"patient_id": ids, "arm": arm}),
        "outcome": pa.table({"patient_id": ids, "endpoint": ["PFS"] * n, "time_weeks": time, "event": event}),
        "lab": labs,
    }
    publish(home, "trial", StudyContent("t", simulated=True, reference_arm="A", tables=tables))
    summary = summarise(home, "trial")
    assert summary.patients == n
    assert summary.study.simulated
    assert {found.arm: found.patients for found in summary.arms} == {"A": (arm == "A").sum(), "B": (arm == "B").sum()}
    (cga,) = summary.labs
    assert (cga.test, cga.unit, cga.values, cga.patients, cga.with_upper_limit) == ("CGA", "x", n, n, 10)
    assert [found.arm for found in summary.endpoints] == [ALL_ARMS, "A", "B"]
    for found in summary.endpoints:
        chosen = np.full(n, fill_value=True) if found.arm == ALL_ARMS else arm == found.arm
        assert (found.patients, found.events) == (chosen.sum(), event[chosen].sum())
        reverse = lifelines.KaplanMeierFitter().fit(time[chosen], ~event[chosen])
        assert found.median_follow_up_weeks == pytest.approx(reverse.median_survival_time_)
        assert found.longest_weeks == time[chosen].max()


def test_follow_up_that_runs_at_one_half_is_the_middle_of_that_stretch(home: Home) -> None:
    # survfit(Surv(c(2, 4, 6, 8), c(1, 1, 1, 1))) has its median at (4 + 6) / 2 = 5.
    outcome = pa.table(
        {"patient_id": list("abcd"), "endpoint": ["OS"] * 4, "time_weeks": [2.0, 4.0, 6.0, 8.0], "event": [False] * 4}
    )
    publish(
        home,
        "trial",
        StudyContent("t", False, None, {"patient": pa.table({"patient_id": list("abcd")}), "outcome": outcome}),
    )
    everyone = summarise(home, "trial").endpoints[0]
    assert everyone.median_follow_up_weeks == 5.0
    all_events = outcome.set_column(3, "event", pa.array([True] * 4))
    publish(
        home,
        "trial",
        StudyContent("t", False, None, {"patient": pa.table({"patient_id": list("abcd")}), "outcome": all_events}),
    )
    assert summarise(home, "trial").endpoints[0].median_follow_up_weeks is None


def test_snapshots_are_opened_read_only(home: Home) -> None:
    from raise_core.store.snapshot import open_snapshot

    publish(home, "trial", content())
    with open_snapshot(home, "trial") as connection, pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("DELETE FROM patient")
