"""The pages on runs and home on a cohort with PET: the PRRT form, what is kept, and the finished run."""

import pytest

pytestmark = pytest.mark.slow


def said(test):
    return " ".join(element.value for kind in ("markdown", "caption", "info", "success") for element in test.get(kind))


def test_a_cohort_with_pet_is_asked_about_prrt_first(open_app, small_prrt_home):
    test = open_app("pages/runs.py", small_prrt_home)
    assert test.segmented_control(key="protocol").value == "prrt"
    assert "1 run is finished on this study" in said(test)
    table = test.dataframe[0].value
    assert table["Models"].tolist() == [6]
    assert table["Repeats × folds"].tolist() == ["2 × 2"]


def test_the_form_says_what_is_kept_and_what_is_to_make(open_app, small_prrt_home):
    test = open_app("pages/runs.py", small_prrt_home, fusion="lab~pet", repeats="2", folds="2", side="32")
    words = said(test)
    assert "24 patients" in words
    assert "4 sets of networks (all to make)" in words
    assert "Time: **" in words
    assert any(button.label == "Start" for button in test.button)


def test_forests_alone_need_no_scan(open_app, small_prrt_home):
    test = open_app("pages/runs.py", small_prrt_home, fusion="lab")
    assert "forests on laboratory values only" in said(test)


def test_home_tells_what_the_models_say(open_app, small_prrt_home):
    test = open_app("app.py", small_prrt_home)
    words = said(test)
    assert "Who stays free of progression for a year?" in words
    assert "are ranked rightly by" in words
    assert test.dataframe[0].value["Patients"].tolist() == [24]
