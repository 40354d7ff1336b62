"""The survival page through Streamlit's own test runner: every kind of group, every further view, true numbers."""

from __future__ import annotations

import pytest

from raise_core.domain.survival_question import ByColumn, ByCut, SurvivalQuestion
from raise_core.domain.week import LandmarkWeek
from raise_core.store.home import Home
from raise_core.studies.opening import open_study
from raise_core.studies.survival import survival_report
from raise_core.studies.survival_material import survival_material

pytestmark = pytest.mark.slow
PAGE = "pages/survival.py"


def words(test):
    shown = " ".join(element.value for kind in (test.markdown, test.caption, test.info) for element in kind)
    return shown.replace("\\", "")  # which keeps Markdown from reading signs of its own


def expected(home, *dividers, week=None):
    question = SurvivalQuestion("PFS", dividers, week)
    return survival_report(survival_material(open_study(Home.at(home), "demo-raise"), question), question)


def test_arms_are_compared_first(small_home, open_app):
    test = open_app(PAGE, small_home)
    ratio = expected(small_home, ByColumn("arm")).comparison.hazard_ratios[0]
    assert f"{ratio.hr:.2f} times the rate with Lanreotide than with Placebo" in words(test)
    assert f"{ratio.ci_low:.2f}–{ratio.ci_high:.2f}" in words(test)
    assert "Time counts from randomisation" in words(test)


def test_a_moved_slider_is_the_new_comparison_and_stands_in_the_address(small_home, open_app):
    test = open_app(PAGE, small_home, by="marker")
    slider = next(one for one in test.slider if one.label.startswith("Threshold"))
    slider.set_value(1.02).run()
    report = expected(small_home, ByCut("sldr", (1.02,)), week=LandmarkWeek(12.0))
    assert not test.exception
    assert "".join(test.query_params["at-sldr"]) == "1.02"
    assert f"{report.comparison.hazard_ratios[0].hr:.2f} times the rate with SLDr > 1.02" in words(test)
    assert "adjusted for the choice of threshold" in words(test)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ({"by": "col", "column": "grade"}, "G2"),
        ({"by": "arm", "week": "24"}, "Landmark analysis"),
        ({"by": "marker", "cut-sldr": "median"}, "fixed in advance"),
        ({"by": "marker", "cut-sldr": "best"}, "adjusted for the choice"),
        ({"by": "marker", "cut-sldr": "three"}, "3 groups"),
        ({"by": "marker", "marker": "age", "week": "0"}, "week 0 + 1"),
        ({"by": "two"}, "No p-value can be given"),
        (
            {"by": "two", "more": "whatif", "rule": "either", "pin": "sldr@1.05~dlog:cga@0.1"},
            "Against the pinned 1.05, 0.1",
        ),
        ({"by": "marker", "cut-sldr": "three", "pin": "sldr@1.05"}, "3 groups"),
        ({"by": "arm-marker"}, "between the 4 groups"),
        ({"by": "risk", "cut-sldr+dlog:cga": "median"}, "out of fold"),
        ({"by": "risk", "model": "dl:lesion-portal"}, "run "),
        ({"by": "arm", "panels": "sex"}, "female"),
        ({"by": "arm", "panels": "sex", "more": "checks"}, "Stratified by sex"),
        ({"by": "arm", "endpoint": "OS"}, "Overall survival"),
        ({"by": "arm", "filter": "grade=G1"}, "Only G1"),
        ({"by": "arm", "curve": "f", "bands": "0", "medians": "0", "counts": "0", "line": "1", "time": "m"}, "Kaplan"),
        ({"by": "marker", "axis": "1", "ci": "plain"}, "(plain)"),
        ({"by": "marker", "pin": "sldr@1.05", "more": "whatif"}, "Against the pinned 1.05"),
    ],
)
def test_every_kind_of_group_and_drawing_opens_by_its_address(small_home, open_app, address, says):
    test = open_app(PAGE, small_home, **address)
    assert not test.exception
    assert says in words(test)
    assert not test.warning, [element.value for element in test.warning]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("numbers", "Kaplan–Meier; limits of the median"),
        ("whatif", "Of 100 patients"),
        ("cuts", "Out of fold"),
        ("subgroups", "Exploratory"),
        ("checks", "Grambsch"),
        ("how", "The same numbers in Python"),
    ],
)
def test_every_further_view_opens(small_home, open_app, more, says):
    test = open_app(PAGE, small_home, by="marker", more=more)
    assert not test.exception
    assert says in words(test)


@pytest.mark.parametrize(
    "address",
    [
        {"by": "nonsense", "week": "-4", "cut-sldr": "x"},
        {"by": "marker", "at-sldr": "nan", "pin": "sldr@2,1"},
        {"by": "marker", "at-sldr": "1e9"},
        {"by": "col", "column": "patient_id"},
        {"by": "risk", "model": "dl:<script>"},
    ],
)
def test_a_hostile_address_gives_the_default_and_a_notice(small_home, open_app, address):
    test = open_app(PAGE, small_home, **address)
    assert not test.exception
    assert test.warning
    assert "hazard ratio" in words(test)


def test_a_week_after_everything_says_why_nothing_can_be_shown(small_home, open_app):
    test = open_app(PAGE, small_home, by="arm", week="999")
    assert not test.exception
    assert any("nobody can be compared" in warning.value for warning in test.warning)


def test_pinning_keeps_the_exact_threshold_and_unpinning_takes_it_away(small_home, open_app):
    test = open_app(PAGE, small_home, by="marker", more="whatif", **{"cut-sldr": "best"})
    next(button for button in test.button if button.label.startswith("Pin ")).click().run()
    assert not test.exception
    best = float("".join(test.query_params["pin"]).split("@")[1])
    material = survival_material(
        open_study(Home.at(small_home), "demo-raise"), SurvivalQuestion("PFS", (ByCut("sldr"),), LandmarkWeek(12.0))
    )
    assert best in material.marker_values["sldr"], "not a rounded one"
    assert "nobody changes group" in words(test)
    next(button for button in test.button if button.label == "Unpin").click().run()
    assert "pin" not in test.query_params
