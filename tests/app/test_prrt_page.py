"""The PRRT page through Streamlit's own test runner: every view with true numbers, filter, threshold, no run yet."""

from __future__ import annotations

import pytest

from raise_core.studies import prrt_report
from raise_core.studies.opening import open_study
from raise_core.studies.prrt_runs import load_prrt_run, newest_prrt_run
from tests.studies.prrt_case import STUDY, make_home

pytestmark = pytest.mark.slow
PAGE, BEST = "pages/prrt.py", "pet+ct-pretrained+lab"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("prrt"))


@pytest.fixture(scope="module")
def study(home):
    source = open_study(home, STUDY)
    return source, load_prrt_run(home, newest_prrt_run(home, STUDY, source.cohort.study.snapshot_id).run_id)


def words(test):
    kinds = (test.markdown, test.caption, test.info, test.warning)
    return " ".join(element.value for kind in kinds for element in kind).replace("\\", "")


def test_models_come_first_with_scores_and_who_is_left_out(home, study, open_app):
    source, run = study
    test = open_app(PAGE, home.path)
    best = prrt_report.class_report(run, source).estimate(BEST).auroc
    said = words(test)
    assert f"{100 * best.value:.0f} are ranked rightly by PET, CT (pretrained) and laboratory values" in said
    assert f"{100 * best.ci_low:.0f}–{100 * best.ci_high:.0f}" in said
    assert "10 of 126 patients are in no classifier" in said


def test_a_threshold_stands_in_the_address_and_is_no_longer_fixed(home, study, open_app):
    source, run = study
    test = open_app(PAGE, home.path, show="threshold")
    assert "fixed beforehand" in words(test)
    next(one for one in test.slider if one.label.startswith("Called long")).set_value(0.61).run()
    assert not test.exception
    assert "".join(test.query_params["threshold"]) == "0.61"
    found = prrt_report.confusion_at(prrt_report.pooled_patients(run, BEST, source), 0.61)
    right = found.long_called_long + found.short_called_short
    assert f"is right in {right} of 116 patients" in words(test)
    assert "chosen by looking" in words(test)


def test_survival_at_the_fixed_and_at_a_chosen_threshold(home, study, open_app):
    source, run = study
    found = prrt_report.survival_by_prediction(prrt_report.pooled_patients(run, BEST, source))
    said = words(open_app(PAGE, home.path, show="survival"))
    assert f"{found.comparison.hazard_ratios[0].hr:.2f} times the rate" in said
    assert "not adjusted for a choice" in said
    assert "Of all 126 patients" in said
    assert "adjusted for the choice of threshold" in words(open_app(PAGE, home.path, show="survival", threshold="0.6"))


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ({"show": "curves"}, "vertical average"),
        ({"show": "curves", "models": "pet~cox:pet+ct-pretrained+lab", "folds": "1"}, "vertical average"),
        ({"show": "calibration"}, "Brier score"),
        ({"show": "calibration", "model": "cox:pet+ct-pretrained+lab"}, "nothing to calibrate"),
        ({"show": "survival", "model": "cox:pet+ct-pretrained+lab"}, "122 patients"),
        ({"show": "numbers", "measure": "auprc"}, "Are the models different? AUPRC"),
        ({"filter": "sex=F"}, "predictions stay those of the run on the whole cohort"),
        ({"show": "threshold", "threshold": "0.01"}, "is right in"),
    ],
)
def test_every_view_opens_by_its_address(home, open_app, address, says):
    assert says in words(open_app(PAGE, home.path, **address))


def test_without_a_run_the_page_says_what_to_do(tmp_path, open_app):
    test = open_app(PAGE, make_home(tmp_path, with_run=False).path)
    assert "no finished PRRT run yet" in words(test)
    assert test.code[0].value == f"python -m raise_core run prrt --study {STUDY}"
