"""The verb show prrt: its document, its tables, and what it says where there is no run."""

from __future__ import annotations

import json

import pytest

from tests.studies.prrt_case import SIGNALS, STUDY, make_home


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("prrt")).path


def test_the_document_has_the_promised_keys(call, home):
    code, out, err = call("--home", home, "--json", "show", "prrt", "--study", STUDY)
    assert code == 0, err
    found = json.loads(out)
    assert [one["model"] for one in found["results"]] == list(SIGNALS)
    wanted = {"model", "auroc", "auroc_sd", "auroc_ci", "auprc", "auprc_sd", "auprc_ci", "n", "n_long", "repeats"}
    for one in found["results"]:
        assert set(one) == wanted
        assert one["auroc_ci"][0] < one["auroc"] < one["auroc_ci"][1]
        assert (one["n"], one["n_long"]) == (116, 74)
    km = found["km"]
    assert (km["model"], km["threshold"], km["p_adjusted"]) == ("pet+ct-pretrained+lab", 0.5, None)
    assert [group["label"] for group in km["groups"]] == ["Predicted long", "Predicted short"]
    assert sum(group["n"] for group in km["groups"]) == 116
    assert {"n", "events", "median_weeks", "median_ci", "rmst_weeks", "at_risk", "curve"} <= set(km["groups"][0])
    assert km["hazard_ratio"]["hr"] > 1
    assert found["concordance"][0]["n"] == 122
    assert found["chance"]["auprc"][0]["random_order"] > found["chance"]["auprc"][0]["prevalence"]
    assert len(found["comparisons"]) == 56
    assert sum(found["excluded"].values()) + 116 == found["n_study"]


def test_people_get_tables_and_the_footnote(call, home):
    code, out, err = call("--home", home, "show", "prrt", "--study", STUDY)
    assert code == 0, err
    assert "pet+ct-pretrained+lab" in out
    assert "p Holm" in out
    assert "10 of 126 patients are in no classifier" in err


def test_no_run_is_exit_4_with_the_command(call, tmp_path):
    home = make_home(tmp_path, with_run=False).path
    code, out, err = call("--home", home, "--json", "show", "prrt", "--study", STUDY)
    assert (code, out) == (4, "")
    assert f"run prrt --study {STUDY}" in err
