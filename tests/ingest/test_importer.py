from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raise_core.domain.errors import BadInputError, BadUsageError, BusyError
from raise_core.ingest.importer import import_study
from raise_core.store.home import Home
from raise_core.store.queries import load_cohort, load_issues
from raise_core.store.snapshot import current_snapshot, list_snapshots, list_studies, study_lock

ROOT = Path(__file__).resolve().parents[2]


def test_a_study_comes_out_as_it_went_in(source: Path, home: Home) -> None:
    report = import_study(home, source, "trial")
    cohort = load_cohort(home, "trial")

    assert report.counts == {"patient": 3, "outcome": 6, "lab": 4, "lesion": 6, "scan": 2, "mask": 2}
    assert report.snapshot_id == cohort.study.snapshot_id == current_snapshot(home, "trial")
    assert cohort.study.reference_arm == "Placebo"
    assert cohort.study.title == "trial"
    assert not cohort.study.simulated

    patients = cohort.patients
    assert list(patients.columns) == [
        "patient_id", "arm", "sex", "age_years", "ki67_percent", "progressed_at_baseline",
        "who_ps", "site_code", "on_study", "smoker",
    ]  # fmt: skip
    assert patients["patient_id"].tolist() == ["001", "002", "003"]
    assert patients["ki67_percent"].dtype == np.float64
    assert np.isnan(patients["ki67_percent"][1])
    assert patients["progressed_at_baseline"].tolist() == [True, False, pd.NA]
    assert patients["who_ps"].dtype == np.float64
    assert patients["site_code"].tolist() == ["01", "02", "01"]
    assert patients["on_study"].dtype == "boolean"
    assert patients["smoker"].tolist() == ["yes", "no", "no"]

    assert cohort.outcomes["event"].dtype == bool
    assert cohort.outcomes.query("endpoint == 'PFS'")["event"].tolist() == [True, False, True]
    assert cohort.labs["test"].tolist() == ["CGA", "CGA", "CGA", "NA"]
    assert cohort.labs["lower_limit"].tolist()[-1] == 135
    lesions = cohort.lesions
    assert lesions["status"].tolist() == ["measured", "absent", "measured", "measured", "absent", "not evaluable"]
    assert lesions["diameter_mm"].tolist()[:5] == [30, 0, 12, 25.5, 0]
    assert np.isnan(lesions["diameter_mm"][5])
    assert lesions["target"].dtype == bool
    assert lesions["target"].tolist() == [True, True, False, True, True, True]

    scans = cohort.scans
    assert scans["scan_id"].tolist() == ["img/a.nii.gz", "img/b.nii.gz"]
    assert scans["phase"].tolist() == ["portal", "arterial"]
    assert scans["modality"].tolist() == ["CT", "CT"]
    assert scans[["size_x", "size_y", "size_z"]].iloc[0].tolist() == [5, 4, 3]
    assert scans[["spacing_x_mm", "spacing_z_mm"]].iloc[0].tolist() == [1.0, 5.0]
    assert Path(scans["file"][0]).read_bytes() == (source / "img" / "a.nii.gz").read_bytes()
    masks = cohort.masks
    assert masks["kind"].tolist() == ["lesion", "liver"]
    assert masks["label"].tolist() == [2, 1]
    assert masks["slice_index"].tolist() == [1, pd.NA]
    assert Path(masks["file"][0]).read_bytes() == (source / "img" / "a_mask.nii.gz").read_bytes()


def test_times_in_days_become_weeks(source: Path, home: Home) -> None:
    (source / "outcomes.csv").write_text("patient_id,endpoint,time_days,event\n001,OS,70,1\n")
    import_study(home, source, "trial")
    assert load_cohort(home, "trial").outcomes["time_weeks"].tolist() == [10.0]


def test_the_same_content_is_the_same_snapshot_in_any_row_order(source: Path, home: Home) -> None:
    first = import_study(home, source, "trial")
    for name in ("labs.csv", "outcomes.csv"):
        header, *rows = (source / name).read_text().splitlines()
        (source / name).write_text("\n".join([header, *reversed(rows)]) + "\n")
    second = import_study(home, source, "trial")
    assert second.snapshot_id == first.snapshot_id
    assert list_snapshots(home, "trial") == (first.snapshot_id,)

    (source / "labs.csv").write_text((source / "labs.csv").read_text().replace("150", "151"))
    third = import_study(home, source, "trial")
    assert third.snapshot_id != first.snapshot_id
    assert list_snapshots(home, "trial") == (first.snapshot_id, third.snapshot_id)
    assert load_cohort(home, "trial", first.snapshot_id).labs["value"].tolist()[1] == 150
    assert load_cohort(home, "trial").labs["value"].tolist()[1] == 151

    (source / "labs.csv").write_text((source / "labs.csv").read_text().replace("151", "150"))
    assert import_study(home, source, "trial").snapshot_id == first.snapshot_id == current_snapshot(home, "trial")


def test_parquet_gives_what_csv_gives(source: Path, home: Home) -> None:
    import_study(home, source, "csv")
    for name in ("patients", "outcomes", "labs", "lesions"):
        text = ["patient_id", "site_code", "test", "lesion_id"]
        frame = pd.read_csv(
            source / f"{name}.csv", dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""]
        )
        if name == "patients":
            frame["ki67_percent"] = pd.to_numeric(frame["ki67_percent"].replace("NA", None))
        frame.to_parquet(source / f"{name}.parquet", index=False)
        (source / f"{name}.csv").unlink()
    import_study(home, source, "parquet")
    csv, parquet = load_cohort(home, "csv"), load_cohort(home, "parquet")
    for table in ("patients", "outcomes", "labs", "lesions", "scans", "masks"):
        pd.testing.assert_frame_equal(getattr(csv, table), getattr(parquet, table))


def test_several_studies_share_images_and_nothing_else(source: Path, home: Home) -> None:
    import_study(home, source, "one")
    import_study(home, source, "two")
    assert list_studies(home) == ("one", "two")
    assert load_cohort(home, "one").scans["file"].tolist() == load_cohort(home, "two").scans["file"].tolist()
    assert sum(path.is_file() for path in home.images.rglob("*")) == 3


def test_a_dry_run_writes_nothing_at_all(source: Path, home: Home, fingerprint) -> None:
    report = import_study(home, source, "trial", dry_run=True)
    assert report.snapshot_id is None
    assert report.counts["patient"] == 3
    assert not home.path.exists()
    import_study(home, source, "trial")
    before = fingerprint(home.path)
    import_study(home, source, "other", dry_run=True)
    assert fingerprint(home.path) == before


def test_description_names_title_reference_and_simulation(source: Path, home: Home) -> None:
    content = {"title": "A trial", "simulated": True, "reference_arm": "Lanreotide"}
    (source / "study.json").write_text(json.dumps(content))
    import_study(home, source, "trial")
    study = load_cohort(home, "trial").study
    assert (study.title, study.simulated, study.reference_arm) == ("A trial", True, "Lanreotide")


def test_without_arms_there_is_no_reference(source: Path, home: Home) -> None:
    (source / "patients.csv").write_text("patient_id\n001\n002\n003\n")
    import_study(home, source, "trial")
    cohort = load_cohort(home, "trial")
    assert cohort.study.reference_arm is None
    assert list(cohort.patients.columns) == ["patient_id"]


def test_warnings_are_kept_with_the_snapshot(source: Path, home: Home) -> None:
    (source / "outcomes.csv").write_text("patient_id,endpoint,time_weeks,event\n001,OS,10,1\n002,OS,96,0\n")
    (source / "lesions.csv").write_text(
        "patient_id,week,lesion_id,diameter_mm,target\n001,0,L1,30,true\n003,12,L1,20,true\n"
    )
    report = import_study(home, source, "trial")
    kept = load_issues(home, "trial")
    assert len(kept) == len(report.issues)
    told = {(issue.file, issue.row, issue.column): issue.message for issue in report.issues}
    assert "has no outcome" in told["patients.csv", 4, "patient_id"]
    assert "last outcome time" in told["labs.csv", 3, "week"]
    assert "first target lesions" in told["lesions.csv", 3, "week"]
    assert "upper case: CgA" in told["labs.csv", None, "test"]


def test_format_and_study_names_are_checked(source: Path, home: Home) -> None:
    with pytest.raises(BadUsageError, match="auto, tables"):
        import_study(home, source, "trial", fmt="sdtm")
    with pytest.raises(BadUsageError, match="cannot name a study"):
        import_study(home, source, "../trial")
    (source / "patients.csv").unlink()
    with pytest.raises(BadInputError, match=r"no format is recognised.*patients\.csv"):
        import_study(home, source, "trial")
    with pytest.raises(BadInputError, match="no such folder"):
        import_study(home, source / "nosuch", "trial")
    assert not home.path.exists()


def test_a_second_import_waits_and_then_gives_up(source: Path, home: Home, fingerprint) -> None:
    import_study(home, source, "trial")
    with study_lock(home, "trial"):
        before = fingerprint(home.path)
        with pytest.raises(BusyError, match=f"process {os.getpid()}"):
            import_study(home, source, "trial", wait_seconds=0.2)
        assert fingerprint(home.path) == before
        import_study(home, source, "another", wait_seconds=0.2)

    released = threading.Event()

    def hold() -> None:
        with study_lock(home, "trial"):
            released.set()
            time.sleep(0.3)

    thread = threading.Thread(target=hold)
    thread.start()
    released.wait()
    assert import_study(home, source, "trial", wait_seconds=20).snapshot_id is not None
    thread.join()


def test_a_copy_that_fails_leaves_no_trace(source: Path, home: Home, fingerprint, monkeypatch) -> None:
    import_study(home, source, "trial")
    before = fingerprint(home.path)
    (source / "img" / "b.nii.gz").write_bytes((source / "img" / "a_mask.nii.gz").read_bytes())
    kept = Path.open

    def refuse(path: Path, *arguments, **named):
        if path.name == "b.nii.gz" and path.parent == (source / "img").resolve():
            raise PermissionError(13, "Permission denied")
        return kept(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(BadInputError, match=r"img/b\.nii\.gz: cannot be read \(Permission denied\)"):
        import_study(home, source, "trial")
    assert fingerprint(home.path) == before


KILLED = textwrap.dedent(
    """
    import os, shutil, signal, sys
    from pathlib import Path
    from raise_core.ingest.importer import import_study
    from raise_core.store.home import Home

    template, work, source = map(Path, sys.argv[1:4])
    # Every fsync and rename is a moment at which the state on disk changes: die just before the n-th of them.
    names = ("fsync", "replace", "rename", "unlink")
    for n in range(1, 200):
        target = work / str(n)
        shutil.copytree(template, target)
        child = os.fork()
        if child == 0:
            count = 0
            def armed(call):
                def counted(*arguments, **named):
                    global count
                    count += 1
                    if count == n:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return call(*arguments, **named)
                return counted
            for name in names:
                setattr(os, name, armed(getattr(os, name)))
            import_study(Home.at(target), source, "trial")
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if status == 0:
            print(n)
            break
        assert os.WTERMSIG(status) == signal.SIGKILL, status
    """
)


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_the_old_snapshot_or_the_new(source: Path, tmp_path: Path) -> None:
    template = Home.at(tmp_path / "template")
    old = import_study(template, source, "trial").snapshot_id
    (source / "labs.csv").write_text((source / "labs.csv").read_text().replace("150", "151"))
    shutil.copy(source / "img" / "a.nii.gz", source / "img" / "c.nii.gz")
    (source / "img" / "b.nii.gz").write_bytes((source / "img" / "a_mask.nii.gz").read_bytes())
    new = import_study(Home.at(tmp_path / "after"), source, "trial").snapshot_id
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(template.path), str(work), str(source)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    finished = int(done.stdout)
    assert finished > 8  # at that many moments the import was killed
    seen = set()
    for n in range(1, finished + 1):
        home = Home.at(work / str(n))
        current = current_snapshot(home, "trial")
        seen.add(current)
        value = load_cohort(home, "trial").labs["value"].tolist()[1]
        assert (current, value) in {(old, 150), (new, 151)}
        if n in (2, finished // 2, finished - 1):
            assert import_study(home, source, "trial").snapshot_id == new
            assert list(home.temporary.iterdir()) == []
    assert seen == {old, new}


@pytest.mark.shared_data
@pytest.mark.parametrize("folder", ["crc_recist", "labs_support2"])
def test_real_cohorts_import_whole(folder: str, home: Home, shared_data: Path) -> None:
    path = shared_data / folder
    import_study(home, path, "real")
    cohort = load_cohort(home, "real")
    patients, outcomes = pd.read_csv(path / "patients.csv"), pd.read_csv(path / "outcomes.csv")
    assert cohort.n_patients == len(patients)
    expected = outcomes.groupby("endpoint")["event"].agg(["sum", "size"])
    found = cohort.outcomes.groupby("endpoint")["event"].agg(["sum", "size"])
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    for table in ("labs", "lesions"):
        if (path / f"{table}.csv").exists():
            rows = pd.read_csv(path / f"{table}.csv")
            value = "value" if table == "labs" else "diameter_mm"
            assert len(getattr(cohort, table)) == len(rows)
            assert getattr(cohort, table)[value].sum() == pytest.approx(rows[value].sum(), rel=1e-12)


def test_a_damaged_image_is_mended_by_importing_again(source: Path, home: Home) -> None:
    import_study(home, source, "trial")
    stored = next(file for file in home.images.rglob("*") if file.is_file())
    whole = stored.read_bytes()
    stored.chmod(0o644)
    stored.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    import_study(home, source, "trial")
    assert stored.read_bytes() == whole
