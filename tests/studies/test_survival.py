"""Survival of a study: who is counted adds up, p-values are what they may be, the recipe gives the same numbers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from raise_core.domain.cohort_filter import parse_filter
from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.outcome import Outcome
from raise_core.domain.results import CindexSettings
from raise_core.domain.survival_question import ByColumn, ByCut, SurvivalQuestion
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.cohort_filter import matching, restrict
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.survival_groups import divide
from raise_core.evaluation.two_cuts import pair_statistic, scan_two_cuts
from raise_core.store.home import Home
from raise_core.studies import survival_checks
from raise_core.studies.opening import open_study
from raise_core.studies.patient import cohort_risks
from raise_core.studies.runs import list_runs, load_predictions
from raise_core.studies.survival import survival_report
from raise_core.studies.survival_material import NO_TEST_SPLIT, survival_material
from raise_core.studies.survival_recipe import survival_recipe

pytestmark = pytest.mark.slow
WEEK = LandmarkWeek(12.0)
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def home(small_home):
    return Home.at(small_home)


@pytest.fixture(scope="module")
def source(home):
    return open_study(home, "demo-raise")


def asked(source, *dividers, week=None, endpoint="PFS", **how):
    question = SurvivalQuestion(endpoint, dividers, week)
    return survival_report(survival_material(source, question, **how), question)


@pytest.mark.parametrize(
    ("dividers", "week"),
    [
        ((ByColumn("arm"),), None),
        ((ByColumn("arm"),), WEEK),
        ((ByColumn("grade"),), None),
        ((ByCut("sldr"),), WEEK),
        ((ByCut("dlog:CGA", (-0.1, 0.1)),), WEEK),
        ((ByColumn("arm"), ByCut("sldr", (1.0,))), WEEK),
        ((ByCut("sldr", (1.0,)), ByCut("dlog:CGA", (0.0,))), WEEK),
    ],
)
def test_patients_in_and_left_out_add_up_to_the_study(source, dividers, week):
    report = asked(source, *dividers, week=week)
    assert report.n + sum(report.excluded.values()) == report.n_study == source.cohort.n_patients
    assert len(report.parts) == len(report.comparison.groups)
    assert (report.mean_difference is None) == (len(report.parts) != 2)


def test_a_landmark_comparison_of_arms_counts_only_those_still_without_the_event(source):
    whole, later = asked(source, ByColumn("arm")), asked(source, ByColumn("arm"), week=WEEK)
    early = source.cohort.outcomes.query("endpoint == 'PFS' and time_weeks <= 13")
    assert later.n == whole.n - len(early)
    assert later.landmark_weeks == 13.0


@pytest.mark.parametrize(
    ("dividers", "adjusted", "reason"),
    [
        ((ByColumn("arm"),), False, ""),
        ((ByCut("sldr"),), False, "median"),
        ((ByCut("sldr", (1.03,)),), True, "adjusted"),
        ((ByCut("ratio:CGA", (1.0,)),), False, "upper limit of normal"),
        ((ByCut("ratio:CGA", (1.0,), by_looking=True),), True, "adjusted"),
        ((ByCut("sldr", (1.0, 1.05)),), True, "adjusted"),
    ],
)
def test_only_a_chosen_threshold_is_adjusted(source, dividers, adjusted, reason):
    report = asked(source, *dividers, week=WEEK)
    assert report.p.value is not None
    assert report.p.is_adjusted is adjusted
    assert reason in report.p.reason
    if not adjusted:
        assert report.p.value == report.comparison.log_rank.p


def test_where_no_adjustment_is_known_no_p_value_is_given(source):
    crossed = asked(source, ByColumn("arm"), ByCut("sldr", (1.03,)), week=WEEK)
    extreme = asked(source, ByCut("sldr", (float(np.sort(values_of(source, "sldr"))[1]),)), week=WEEK)
    assert crossed.p.value is None
    assert "crossed" in crossed.p.reason
    assert extreme.p.value is None
    assert "less than a tenth" in extreme.p.reason


def values_of(source, marker):
    return survival_material(source, SurvivalQuestion("PFS", (ByCut(marker),), WEEK)).marker_values[marker]


def test_a_risk_is_cut_out_of_fold_and_names_its_run(home, source):
    run = list_runs(home, source.cohort.study.snapshot_id)[0]
    model = f"dl:{run.variants[0]}"
    deep = load_predictions(home, run.run_id)
    risks = {model: cohort_risks(source, model, weeks=[12.0], settings=run.settings, deep=deep)}
    report = asked(source, ByCut(model), week=WEEK, risks=risks)
    held_out = risks[model].by_week[12.0]
    assert report.n <= held_out.n
    assert report.n + sum(report.excluded.values()) == report.n_study
    assert report.excluded.get(NO_TEST_SPLIT, 0) == int(np.isnan(held_out.mean_held_out).sum())
    assert report.provenance.run_id == run.run_id
    tested = held_out.of(held_out.patient_ids[0])
    if tested is not None:
        assert held_out.mean_held_out[0] == pytest.approx(tested.risk)


@pytest.mark.parametrize(
    ("dividers", "week", "error", "message"),
    [
        ((ByColumn("nosuch"),), None, NotInStoreError, "has no column 'nosuch'"),
        ((ByColumn("age_years"),), None, BadUsageError, "at most 20 curves"),
        ((ByCut("arm", (1.0,)),), WEEK, BadUsageError, "is no number"),
        ((ByCut("dl:lesion-portal"),), WEEK, NotInStoreError, "no held-out risks"),
    ],
)
def test_what_cannot_divide_is_refused(source, dividers, week, error, message):
    with pytest.raises(error, match=message):
        asked(source, *dividers, week=week)


@pytest.mark.parametrize(
    ("dividers", "week", "filter_text", "with_run"),
    [
        ((ByColumn("arm"),), None, "", False),
        ((ByCut("sldr", (1.0, 1.05), by_looking=True),), WEEK, "", False),
        ((ByCut("sldr", (1.03,)),), WEEK, "grade=G1", False),
        ((ByCut("sldr+dlog:CGA"),), WEEK, "", False),
        ((ByCut("dl:lesion-portal"),), WEEK, "", True),
    ],
)
def test_the_recipe_is_a_program_that_gives_the_same_numbers(home, source, dividers, week, filter_text, with_run):
    question = SurvivalQuestion("PFS", dividers, week)
    run = list_runs(home, source.cohort.study.snapshot_id)[0] if with_run else None
    settings = run.settings if run is not None else CindexSettings(splits=8)
    chosen = parse_filter(filter_text)
    patients = matching(source, chosen).patient_ids
    filtered = MarkerSource(restrict(source.cohort, patients, chosen=chosen)) if filter_text else source
    deep = None if run is None else load_predictions(home, run.run_id)
    risks = {
        cut.model: cohort_risks(filtered, cut.model, weeks=[12.0], settings=settings, deep=deep)
        for cut in question.cuts
        if cut.is_risk
    }
    report = survival_report(survival_material(filtered, question, risks=risks), question)
    program = survival_recipe(
        question,
        study_id="demo-raise",
        snapshot_id=source.cohort.study.snapshot_id,
        filter_text=filter_text,
        settings=settings,
        run_id=None if run is None else run.run_id,
    )
    printed = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=REPOSITORY, env={**os.environ, "RAISE_HOME": str(home.path)}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    ratio = report.comparison.hazard_ratios[0]
    assert re.search(r"hazard ratio .*: (\S+) \(", printed).group(1) == repr(ratio.hr)
    assert f"chi-squared {report.comparison.log_rank.chi2!r}" in printed
    assert f"p {report.p.value!r} (" in printed


def test_subgroups_divide_the_same_patients(source):
    question = SurvivalQuestion("PFS", (ByColumn("arm"),))
    material = survival_material(source, question)
    forest = survival_checks.subgroups(source, material, divide(material, question.dividers))
    whole = survival_report(material, question).comparison.hazard_ratios[0]
    assert forest.overall.hazard_ratio.hr == pytest.approx(whole.hr)
    names = [covariate.name for covariate in forest.covariates]
    assert "arm" not in names
    assert {"sex", "age_years", "grade"} <= set(names)
    for covariate in forest.covariates:
        assert sum(sum(one.n) for one in covariate.subgroups) + covariate.n_missing == material.n


def test_progression_and_death_add_up_to_the_events(source):
    question = SurvivalQuestion("PFS", (ByColumn("arm"),))
    material = survival_material(source, question)
    found = survival_checks.competing_events(source, material, divide(material, question.dividers))
    assert sum(curve.n_events for group in found.groups for curve in group.curves) == material.outcome.n_events


def test_progression_dated_between_scans_comes_earlier(source):
    question = SurvivalQuestion("PFS", (ByColumn("arm"),))
    material = survival_material(source, question)
    groups = divide(material, question.dividers)
    found = survival_checks.between_scans(source, material, groups)
    assert found.n_interval > 0.8 * material.outcome.n_events
    for usual, middle in zip(found.at_detection.groups, found.at_midpoint.groups, strict=True):
        seen, between = (one.curve.time_weeks @ one.curve.events for one in (usual, middle))
        assert between < seen - 3 * usual.curve.n_events, "by more than three weeks on average"
        assert middle.curve.n_events == usual.curve.n_events
    overall = survival_material(source, SurvivalQuestion("OS", (ByColumn("arm"),)))
    assert survival_checks.between_scans(source, overall, groups) is None, "a death is dated exactly"


def test_included_and_left_out_are_everybody_at_risk(source):
    question = SurvivalQuestion("PFS", (ByCut("heterogeneity"),), WEEK)
    material = survival_material(source, question)
    found = survival_checks.left_out(source, material)
    missing = sum(count for reason, count in material.excluded.items() if reason.startswith("marker missing"))
    if found.comparison is None:
        assert missing == 0
    else:
        assert [group.curve.n for group in found.comparison.groups] == [material.n, missing]
    imaged = survival_checks.with_images(source, "PFS").comparison
    assert sum(group.curve.n for group in imaged.groups) == source.cohort.n_patients


def test_a_recipe_with_panels_leaves_out_who_has_no_panel(home, source):
    cohort = source.cohort
    patients = cohort.patients.copy()
    patients.loc[:9, "sex"] = None
    fewer = MarkerSource(replace(cohort, patients=patients))
    question = SurvivalQuestion("PFS", (ByColumn("arm"),))
    report = survival_report(survival_material(fewer, question, further_columns=("sex",)), question)
    assert report.excluded["sex missing"] == 10
    program = survival_recipe(question, study_id="demo-raise", snapshot_id="0", panels="sex", horizon_weeks=52.0)
    assert "further_columns=('sex',)" in program
    assert "horizon_weeks=52.0" in program


def test_two_thresholds_have_a_p_value_wherever_each_group_holds_a_tenth():
    rng = np.random.default_rng(4)
    values = rng.uniform(size=400)
    time, ends = rng.exponential(50, 400), rng.uniform(20, 90, 400)
    outcome = Outcome.of(time_weeks=np.minimum(time, ends), event=time <= ends)
    scan = scan_two_cuts(outcome, values, permutations=100)
    for lower, upper in ((0.333, 0.667), (0.2, 0.81), (0.45, 0.6)):
        chi2 = pair_statistic(outcome, values, lower, upper)
        assert 0 < scan.adjusted_p(chi2) <= 1
    for row, column in ((0, 60), (20, 100)):
        exact = pair_statistic(outcome, values, scan.cuts[row], scan.cuts[column])
        assert exact == pytest.approx(scan.chi2[row, column], rel=1e-12)
    assert pair_statistic(outcome, values, 0.05, 0.5) is None
    assert pair_statistic(outcome, values, 0.5, 0.55) is None


def test_events_at_one_time_only_are_no_test_of_a_changing_ratio(source):
    question = SurvivalQuestion("PFS", (ByColumn("arm"),))
    whole = survival_material(source, question)
    times = np.where(whole.outcome.event, 5.0, 9.0)
    material = replace(whole, outcome=Outcome.of(time_weeks=times, event=whole.outcome.event))
    report = survival_report(material, question)
    assert survival_checks.constant_ratio(material, divide(material, question.dividers), report.comparison) is None


def test_a_cut_column_is_no_subgroup_of_its_own_cut(source):
    question = SurvivalQuestion("PFS", (ByCut("age"),), WEEK)
    material = survival_material(source, question)
    forest = survival_checks.subgroups(source, material, divide(material, question.dividers))
    assert "age_years" not in [covariate.name for covariate in forest.covariates]
