"""The command line as scripts rely on it: exit codes, one JSON document, no traceback, messages that help."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from raise_core.cli.app import app
from raise_core.cli.output import plain

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def trial(tmp_path) -> Path:
    """A folder with a small trial in canonical tables."""
    folder = tmp_path / "trial"
    folder.mkdir()
    ids = [f"{number:03d}" for number in range(40)]
    (folder / "patients.csv").write_text(
        "patient_id,arm,age_years\n" + "".join(f"{i},{'AB'[int(i) % 2]},{40 + int(i)}\n" for i in ids)
    )
    (folder / "outcomes.csv").write_text(
        "patient_id,endpoint,time_weeks,event\n"
        + "".join(f"{i},PFS,{20 + (7 * int(i)) % 60},{int(int(i) % 3 > 0)}\n" for i in ids)
    )
    (folder / "lesions.csv").write_text(
        "patient_id,week,lesion_id,diameter_mm,target\n"
        + "".join(f"{i},{w},a,{20 + (w * int(i)) % 17},true\n" for i in ids for w in (0, 12))
    )
    return folder


def test_import_then_look(call, trial, tmp_path):
    home = tmp_path / "h"
    code, out, _ = call("--home", home, "--json", "import", trial, "--study", "mine")
    assert code == 0
    assert json.loads(out)["counts"]["patient"] == 40
    code, out, _ = call("--home", home, "--json", "show", "cohort", "--study", "mine")
    assert code == 0
    cohort = json.loads(out)
    assert cohort["patients"] == 40
    at_week_12 = [row for row in cohort["at_risk"]["PFS"] if row["week"] == 12 and row["arm"] == "All"]
    assert at_week_12[0]["at_risk"] == 40
    code, out, _ = call("--home", home, "--json", "show", "markers", "--study", "mine")
    markers = {line["marker"]: line for line in json.loads(out)["markers"]}
    assert {"arm", "age", "sld", "sldr", "tgr"} <= set(markers)
    assert {"week": 12.0, "with_value": 40, "at_risk": 40} in markers["sldr"]["weeks"]


def test_show_cindex_json_has_the_contract_s_keys_and_is_deterministic(call, trial, tmp_path):
    home = tmp_path / "h"
    call("--home", home, "import", trial, "--study", "mine")
    models = ("--model", "sldr", "--model", "age+sldr")
    arguments = (
        "--home",
        home,
        "--json",
        "show",
        "cindex",
        "--study",
        "mine",
        *models,
        "--weeks",
        "12",
        "--splits",
        "10",
    )
    code, out, _ = call(*arguments)
    assert code == 0
    found = json.loads(out)
    assert [result["model"] for result in found["results"]] == ["sldr", "age+sldr"]
    keys = {
        "model",
        "week",
        "n",
        "events",
        "mean",
        "sd",
        "se_naive",
        "se_corrected",
        "ci_low",
        "ci_high",
        "uno",
        "nan_splits",
    }
    assert keys <= set(found["results"][0])
    keys = {"model_a", "model_b", "week", "difference", "ci_low", "ci_high", "p_corrected", "p_holm"}
    assert keys <= set(found["comparisons"][0])
    assert call(*arguments)[1] == out
    assert sum(found["excluded"]["12.0"].values()) + found["results"][0]["n"] == found["n_study"]


def test_an_estimate_that_cannot_be_made_is_null_with_its_reason(call, trial, tmp_path):
    home = tmp_path / "h"
    (trial / "outcomes.csv").write_text(
        "patient_id,endpoint,time_weeks,event\n" + "".join(f"{i:03d},PFS,50,0\n" for i in range(40))
    )
    call("--home", home, "import", trial, "--study", "mine")
    code, out, _ = call(
        "--home",
        home,
        "--json",
        "show",
        "cindex",
        "--study",
        "mine",
        "--model",
        "sldr",
        "--weeks",
        "12",
        "--splits",
        "5",
    )
    assert code == 0
    result = json.loads(out)["results"][0]
    assert result["mean"] is None
    assert result["ci_low"] is None
    assert result["nan_reasons"] == {"no event after the landmark": 5}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "nonsense"], 2, "No such command"),
        (["show", "cindex", "--study", "mine"], 2, "--model"),
        (["show", "cindex", "--study", "mine", "--model", "sldr+sldr"], 2, "twice"),
        (["show", "cindex", "--study", "mine", "--model", "sldr", "--weeks", "twelve"], 2, "--weeks"),
        (["show", "cindex", "--study", "mine", "--model", "sldr", "--train-fraction", "1.5"], 2, "--train-fraction"),
        (["show", "cindex", "--study", "mine", "--model", "sldr", "--window", "-1", "--weeks", "12"], 2, "window"),
        (["show", "cindex", "--study", "mine", "--model", "foo:CGA"], 2, "prefix"),
        (["import", "nosuch", "--study", "x"], 3, "nosuch"),
        (["show", "cohort", "--study", "nosuch"], 4, "nosuch"),
        (["show", "cindex", "--study", "mine", "--model", "lab:CGA"], 4, "no laboratory values"),
        (["show", "cindex", "--study", "mine", "--model", "netest"], 4, "show markers"),
        (["show", "cindex", "--study", "mine", "--model", "sldr", "--endpoint", "OS"], 4, "PFS"),
        (["show", "cindex", "--study", "mine", "--model", "sldr", "--weeks", "400"], 4, "week 400"),
        (
            ["show", "cindex", "--study", "mine", "--model", "dl:lesion-portal", "--weeks", "12"],
            4,
            "run raise --study mine",
        ),
        (
            [
                "run",
                "raise",
                "--study",
                "mine",
                "--encoder",
                "efficientnet-lite0-imagenet",
                "--models",
                "dl:lesion-portal",
            ],
            4,
            "annotated lesion",
        ),
        (["run", "raise", "--study", "mine", "--encoder", "efficientnet-lite0-imagenet"], 4, "no laboratory values"),
        (["run", "raise", "--study", "mine", "--train-fraction", "1.5"], 2, "--train-fraction"),
        (["show", "cindex", "--study", "mine", "--model", "age", "--encoder", "nonsense"], 2, "resnet50-imagenet"),
        (["run", "raise", "--study", "mine", "--encoder", "resnet9000"], 2, "resnet50-imagenet"),
        (["run", "raise", "--study", "mine", "--models", "sldr"], 2, "dl:"),
    ],
)
def test_mistakes_get_their_exit_code_and_a_message(call, trial, tmp_path, arguments, code, message):
    home = tmp_path / "h"
    call("--home", home, "import", trial, "--study", "mine")
    found, out, err = call("--home", home, "--json", *arguments)
    assert found == code, err
    assert out == "", "nothing but one JSON document goes to standard output"
    assert message in err
    assert "Traceback" not in err


def test_an_earlier_study_stays_when_another_is_imported(call, trial, tmp_path):
    home = tmp_path / "h"
    for name in ("one", "two"):
        assert call("--home", home, "import", trial, "--study", name)[0] == 0
    code, out, _ = call("--home", home, "--json", "doctor")
    assert code == 0
    assert [study["study_id"] for study in json.loads(out)["studies"]] == ["one", "two"]


def test_doctor_names_versions_device_weights_and_sizes(call, tmp_path):
    code, out, _ = call("--home", tmp_path / "h", "--json", "doctor")
    assert code == 0
    found = json.loads(out)
    assert found["device"] in {"cpu", "cuda"}
    assert {"streamlit", "torch", "duckdb"} <= set(found["versions"])
    ready = {encoder["name"]: encoder for encoder in found["encoders"]}
    assert ready["efficientnet-lite0-imagenet"]["available"]
    assert set(ready) == {"resnet50-imagenet", "resnet152-ct", "efficientnet-lite0-imagenet"}


def test_a_dry_run_makes_nothing(call, trial, tmp_path):
    home = tmp_path / "h"
    code, out, _ = call("--home", home, "--json", "import", trial, "--study", "mine", "--dry-run")
    assert code == 0
    assert json.loads(out)["snapshot_id"] is None
    assert not home.exists()


def test_cache_verbs(call, small_home):
    code, out, _ = call("--home", small_home, "--json", "cache", "stats")
    assert code == 0
    assert {"deep-risk", "raise-run"} <= set(json.loads(out)["bytes_by_kind"])
    code, out, _ = call("--home", small_home, "--json", "cache", "verify")
    assert code == 0
    found = json.loads(out)
    assert {"checked", "removed", "freed_bytes"} < set(found)
    assert (found["removed"], found["images_damaged"]) == ([], [])
    assert found["images_checked"] > 100


def test_verify_names_a_damaged_image_and_keeps_it(call, tmp_path):
    image = tmp_path / "h" / "images" / "ee" / f"{'e' * 64}.nii.gz"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"12345")
    code, out, _ = call("--home", tmp_path / "h", "--json", "cache", "verify")
    found = json.loads(out)
    assert (code, found["images_checked"]) == (3, 1)
    assert found["images_damaged"] == [{"file": f"images/ee/{image.name}", "study_ids": []}]
    _, _, err = call("--home", tmp_path / "h", "cache", "verify")
    assert "again from its own files" in " ".join(err.split())
    assert image.read_bytes() == b"12345"


def test_help_lists_only_what_works():
    text = CliRunner().invoke(app, ["show", "--help"]).output
    for verb in ("cohort", "markers", "cindex", "km", "importance", "prrt"):
        assert f" {verb} " in text
    assert " report " not in CliRunner().invoke(app, ["--help"]).output


def test_the_module_runs_as_a_program(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "raise_core", "--home", str(tmp_path), "show", "cohort", "--study", "none"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_warnings_of_an_import_are_in_its_json(call, trial, tmp_path):
    (trial / "patients.csv").write_text((trial / "patients.csv").read_text() + "999,A,50\n")
    code, out, _ = call("--home", tmp_path / "h", "--json", "import", trial, "--study", "mine")
    assert code == 0
    issues = json.loads(out)["issues"]
    assert issues
    assert {issue["severity"] for issue in issues} == {"warning"}
    assert all(issue["remedy"] for issue in issues)


def test_json_never_holds_nan():
    assert plain({"a": float("nan"), "b": (1.5, float("inf"))}) == {"a": None, "b": [1.5, None]}
