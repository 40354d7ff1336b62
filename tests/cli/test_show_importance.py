"""The verb show importance: its keys, its refusals, and that it computes once."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

KEYS = {
    "lab", "importance", "ci_low", "ci_high", "rank", "hazard_ratio_per_sd", "hr_ci", "missing_share", "n", "events",
}  # fmt: skip
N = 90


@pytest.fixture
def home(call, tmp_path):
    """A home with a made study of 90 patients whose CgA matters, and one without laboratory values."""
    rng = np.random.default_rng(2)
    source = tmp_path / "study"
    source.mkdir()
    ids = [f"P{number:02d}" for number in range(N)]
    cga = np.exp(rng.standard_normal(N) + 5)
    time = np.round(rng.exponential(60 / (cga / np.exp(5))) + 2, 1)
    pd.DataFrame({"patient_id": ids}).to_csv(source / "patients.csv", index=False)
    pd.DataFrame(
        {"patient_id": ids, "endpoint": "PFS", "time_weeks": np.minimum(time, 150), "event": (time < 150).astype(int)}
    ).to_csv(source / "outcomes.csv", index=False)
    bare = shutil.copytree(source, tmp_path / "bare")
    labs = [
        {"patient_id": patient, "week": 0, "test": test, "value": round(value, 3), "unit": "µg/L"}
        for test, values in {"CgA": cga, "New": 5 + rng.standard_normal(N)}.items()
        for patient, value in zip(ids, values, strict=True)
        if not (test == "New" and patient.endswith("7"))
    ]
    pd.DataFrame(labs).to_csv(source / "labs.csv", index=False)
    for name, folder in (("mine", source), ("bare", bare)):
        code, _, err = call("--home", tmp_path / "h", "import", folder, "--study", name)
        assert code == 0, err
    return tmp_path / "h"


def test_the_document_has_the_agreed_keys(call, home):
    code, out, err = call("--home", home, "--json", "show", "importance", "--study", "mine", "--model", "cox")
    assert code == 0, err
    found = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} in the JSON"))
    assert (found["model"], found["metric"]) == ("cox", "c-index")
    assert [lab["lab"] for lab in found["labs"]] == ["CGA", "NEW"]
    for lab in found["labs"]:
        assert set(lab) >= KEYS
        assert lab["ci_low"] < lab["importance"] < lab["ci_high"]
        assert lab["hr_ci"][0] < lab["hazard_ratio_per_sd"] < lab["hr_ci"][1]
    assert found["labs"][0]["above_noise"]
    assert found["labs"][0]["scale"] == "log"
    assert found["labs"][1]["missing_share"] == pytest.approx(0.1)
    assert found["n"] + sum(found["excluded"].values()) == found["n_study"] == N
    again = call("--home", home, "--json", "show", "importance", "--study", "mine", "--model", "cox")
    assert again[1] == out
    assert "Fitting" not in again[2]


def test_people_get_a_sentence_and_a_table(call, home):
    code, out, err = call("--home", home, "show", "importance", "--study", "mine", "--model", "cox")
    assert code == 0
    assert "CgA matters most at baseline: shuffling it costs" in err.replace("\n", " ")
    assert "CgA" in out
    assert "NEW" in out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--study", "nosuch"], 4, "nosuch"),
        (["--study", "bare"], 4, "no laboratory values"),
        (["--study", "mine", "--endpoint", "OS"], 4, "endpoint 'OS'"),
        (["--study", "mine", "--week", "24"], 4, "no laboratory value that could be used at week 24"),
        (["--study", "mine", "--model", "svm"], 2, "model"),
        (["--study", "mine", "--week", "soon"], 2, "week"),
        (["--study", "mine", "--week", "-4"], 2, "baseline"),
        ([], 2, "study"),
    ],
)
def test_mistakes_are_answered_with_the_agreed_codes(call, home, options, code, said):
    found, out, err = call("--home", home, "--json", "show", "importance", *options)
    assert found == code
    assert said in err
    assert out == ""
