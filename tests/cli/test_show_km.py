"""The verb show km: groups, tests and refusals, on made tables and on the colorectal trial."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from lifelines.statistics import logrank_test
from lifelines.utils import restricted_mean_survival_time

N = 60


@pytest.fixture
def home(call, tmp_path) -> Path:
    """A home with a made trial of 60 patients whose larger tumours progress earlier; one has no arm."""
    rng = np.random.default_rng(8)
    growth = rng.normal(1.0, 0.2, N)
    time = np.clip(np.round(rng.exponential(60 / growth**3), 1) + 14, 14.1, 90)
    source = tmp_path / "trial"
    source.mkdir()
    ids = [f"P{number:02d}" for number in range(N)]
    arm = ["" if number == 0 else "AB"[number % 2] for number in range(N)]
    pd.DataFrame({"patient_id": ids, "arm": arm, "age_years": 40 + np.arange(N)}).to_csv(
        source / "patients.csv", index=False
    )
    pd.DataFrame({"patient_id": ids, "endpoint": "PFS", "time_weeks": time, "event": (time < 90).astype(int)}).to_csv(
        source / "outcomes.csv", index=False
    )
    sizes = pd.concat(
        pd.DataFrame({"patient_id": ids, "week": week, "lesion_id": "a", "diameter_mm": size, "target": "true"})
        for week, size in ((0, np.full(N, 30.0)), (12, np.round(30 * growth, 2)))
    )
    sizes.to_csv(source / "lesions.csv", index=False)
    code, _, err = call("--home", tmp_path / "h", "import", source, "--study", "mine")
    assert code == 0, err
    return tmp_path / "h"


def asked(call, home: Path, *how: str, study: str = "mine") -> dict:
    code, out, err = call("--home", home, "--json", "show", "km", "--study", study, *how)
    assert code == 0, err
    return json.loads(out)


def tables(home: Path) -> pd.DataFrame:
    source = home.parent / "trial"
    patients = pd.read_csv(source / "patients.csv").merge(pd.read_csv(source / "outcomes.csv"), on="patient_id")
    lesions = pd.read_csv(source / "lesions.csv").pivot_table(index="patient_id", columns="week", values="diameter_mm")
    return patients.merge((lesions[12] / lesions[0]).rename("sldr").reset_index(), on="patient_id")


def test_curves_by_arm_are_those_of_lifelines(call, home):
    found = asked(call, home, "--by", "arm")
    table = tables(home).dropna(subset="arm")
    assert [group["label"] for group in found["groups"]] == ["A", "B"]
    assert found["excluded"] == {"arm missing": 1}
    assert sum(group["n"] for group in found["groups"]) + 1 == found["n_study"] == N
    for group in found["groups"]:
        rows = table[table["arm"] == group["label"]]
        fitter = KaplanMeierFitter().fit(rows["time_weeks"], rows["event"])
        assert group["events"] == rows["event"].sum()
        mean = restricted_mean_survival_time(fitter, t=found["rmst_horizon_weeks"])
        assert group["rmst_weeks"] == pytest.approx(mean)
        assert group["at_risk"][0] == {"week": 0.0, "n": len(rows)}
    first, second = (table["arm"] == name for name in "AB")
    theirs = logrank_test(
        table["time_weeks"][first], table["time_weeks"][second], table["event"][first], table["event"][second]
    )
    assert found["logrank"]["p"] == pytest.approx(theirs.p_value)
    assert found["hazard_ratio"]["reference"] == "A"
    assert found["p_adjusted"] is None


def test_a_marker_is_cut_after_the_landmark(call, home):
    found = asked(call, home, "--marker", "sldr", "--week", "12", "--threshold", "median")
    table = tables(home)
    at_risk = table[table["time_weeks"] > 13]
    assert found["landmark_weeks"] == 13
    assert [group["n"] for group in found["groups"]] == [
        (at_risk["sldr"] <= at_risk["sldr"].median()).sum(),
        (at_risk["sldr"] > at_risk["sldr"].median()).sum(),
    ]
    assert max(found["groups"][0]["curve"]["weeks"]) <= 90 - 13
    assert found["cut"]["fixed_in_advance"] == "median"
    assert found["p_adjusted"] is None
    assert found["hazard_ratio"]["hr"] > 1


def test_a_chosen_threshold_has_an_adjusted_p_above_the_raw_one_and_a_protocol_value_none(call, home):
    chosen = asked(call, home, "--marker", "sldr", "--week", "12", "--threshold", "1.05")
    assert chosen["logrank"]["p"] < chosen["p_adjusted"] <= 1
    protocol = asked(call, home, "--marker", "sldr", "--week", "12", "--threshold", "1.2")
    assert protocol["p_adjusted"] is None
    assert protocol["cut"]["fixed_in_advance"] == "20 % above baseline"


def test_in_words_it_says_which_p_it_is(call, home):
    _, _, err = call(
        "--home", home, "show", "km", "--study", "mine", "--marker", "sldr", "--week", "12", "--threshold", "1.05"
    )
    assert "adjusted for having chosen the threshold" in " ".join(err.split())
    _, out, err = call("--home", home, "show", "km", "--study", "mine", "--by", "arm")
    assert "Log-rank p" in err
    assert "median (95 % CI)" in out


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        (["--by", "nosuch"], 4, "has no column 'nosuch'"),
        (["--by", "age_years"], 2, "at most 20 curves"),
        (["--by", "arm", "--marker", "sldr"], 2, "either --by"),
        (["--by", "arm", "--week", "12"], 2, "go with --marker"),
        ([], 2, "either --by"),
        (["--marker", "sldr"], 2, "needs --week and --threshold"),
        (["--marker", "sldr", "--week", "12", "--threshold", "big"], 2, "give a number"),
        (["--marker", "sldr", "--week", "12", "--threshold", "9"], 2, "values reach from 0.507 to 1.508"),
        (["--marker", "arm", "--week", "12", "--threshold", "1"], 2, "use --by arm"),
        (["--marker", "sldr", "--week", "48", "--threshold", "1"], 4, "no value dated"),
        (["--by", "arm", "--endpoint", "OS"], 4, "endpoint 'OS'"),
        (["--marker", "dl:lesion-portal", "--week", "12", "--threshold", "0"], 2, "comes from a run"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_advice(call, home, how, code, message):
    found, _, err = call("--home", home, "show", "km", "--study", "mine", *how)
    assert found == code
    assert message in " ".join(err.split())


@pytest.mark.shared_data
def test_size_ratio_at_week_18_divides_the_colorectal_trial(call, shared_data, tmp_path):
    call("--home", tmp_path / "h", "import", shared_data / "crc_recist", "--study", "crc")
    found = asked(
        call,
        tmp_path / "h",
        *("--endpoint", "OS", "--marker", "sldr", "--week", "18", "--threshold", "median"),
        study="crc",
    )
    assert sum(group["n"] for group in found["groups"]) == 107
    assert found["logrank"]["p"] == pytest.approx(0.007, abs=0.001)
