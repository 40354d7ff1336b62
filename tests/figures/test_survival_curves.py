"""The survival figure draws the report's numbers, and its table stands under the same axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from raise_core.domain.outcome import Outcome
from raise_core.domain.results import Provenance
from raise_core.domain.survival_question import ByColumn, ByCut, SurvivalQuestion
from raise_core.domain.survival_results import IntervalScale
from raise_core.domain.time_unit import WEEKS_PER_MONTH, TimeUnit
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.survival_groups import SurvivalMaterial
from raise_core.figures import survival_tables, survival_words
from raise_core.figures.identity import CONTROL_ARM, TREATMENT_ARM
from raise_core.figures.survival_check_words import mean_words
from raise_core.figures.survival_curves import MOST_STEPS, CurveOptions, Ghost, survival_figure, table_counts
from raise_core.figures.survival_marks import group_marks, group_names
from raise_core.figures.survival_page import figure_page
from raise_core.studies.survival import survival_report

BY_ARM = (ByColumn("arm"),)


def report_of(*, n=60, dividers=BY_ARM, week=None, seed=1, endpoint="PFS", horizon_weeks=None):
    rng = np.random.default_rng(seed)
    values = rng.normal(1.0, 0.1, n)
    arm = rng.integers(0, 2, n)
    time = rng.exponential(60 * np.exp(-0.7 * arm) * np.exp(-3 * (values - 1)))
    ends = rng.uniform(40, 120, n)
    material = SurvivalMaterial(
        endpoint, week, tuple(map(str, range(n))),
        Outcome.of(time_weeks=np.minimum(time, ends), event=time <= ends),
        {"arm": ("Placebo", "Drug")}, {"arm": arm}, {"sldr": values}, {"sldr": float(np.median(values))}, {},
        pd.DataFrame({"patient_id": [], "reason": []}), n,
        Provenance("demo", "A trial", "abcdef0123456789", simulated=True),
    )  # fmt: skip
    question = SurvivalQuestion(endpoint, dividers, week)
    return survival_report(material, question, horizon_weeks=horizon_weeks)


def drawn(report, **how):
    marks = group_marks(report, study_arms=["Drug", "Placebo"], reference_arm="Placebo")
    unit = how.pop("unit", TimeUnit.WEEKS)
    return survival_figure(report, marks, theme=how.pop("theme", "light"), unit=unit, **how)


def lines(figure, report):
    names = group_names(report)
    return [trace for trace in figure.data if trace.name in names]


@pytest.mark.parametrize("failure", [False, True])
def test_lines_are_the_curves(failure):
    report = report_of()
    figure = drawn(report, options=CurveOptions(failure=failure))
    for trace, group in zip(lines(figure, report), report.comparison.groups, strict=True):
        expected = np.r_[1.0, group.curve.survival]
        assert np.allclose(trace.y, 100 * (1 - expected) if failure else 100 * expected)
        assert np.allclose(trace.x, np.r_[0.0, group.curve.time_weeks])
        assert trace.line.shape == "hv"


def test_months_and_an_axis_from_randomisation_move_the_curves_and_nothing_else():
    report = report_of(dividers=(ByCut("sldr"),), week=LandmarkWeek(12.0))
    plain = drawn(report)
    moved = drawn(report, options=CurveOptions(from_randomisation=True), unit=TimeUnit.MONTHS)
    for one, other in zip(lines(plain, report), lines(moved, report), strict=True):
        assert np.allclose(np.asarray(other.x) * WEEKS_PER_MONTH - 13.0, one.x)
        assert np.allclose(one.y, other.y)
    assert "landmark" in plain.layout.xaxis.title.text
    assert moved.layout.xaxis.title.text == "Months from randomisation"
    assert any(note.text == "landmark" for note in moved.layout.annotations)


def test_the_table_shares_the_axis_and_adds_up():
    report = report_of()
    figure = drawn(report)
    assert figure.layout.xaxis2.matches == "x"
    assert figure.layout.yaxis.domain[0] > figure.layout.yaxis2.domain[1]
    (texts,) = [trace for trace in figure.data if trace.mode == "text"]
    weeks = report.comparison.at_risk_weeks
    by_row = np.array(texts.text).reshape(-1, len(weeks))
    assert len(by_row) == 3 * len(report.parts)
    assert np.array(texts.x).reshape(by_row.shape)[1].tolist() == weeks.tolist()
    for place, group in enumerate(report.comparison.groups):
        counts = table_counts(group.curve, weeks)
        assert (sum(counts.values()) == group.curve.n).all()
        assert counts["At risk"].tolist() == group.at_risk.tolist()
        shown = by_row[3 * place : 3 * place + 3].tolist()
        assert shown == [[str(count) for count in counts[kind]] for kind in ("At risk", "Censored", "Events")]


def test_arms_keep_their_colours():
    figure = drawn(report_of())
    colours = {trace.name: trace.line.color for trace in figure.data if trace.name in ("Drug", "Placebo")}
    assert colours == {"Drug": TREATMENT_ARM, "Placebo": CONTROL_ARM}


def test_a_hundred_thousand_patients_are_thinned_to_what_a_screen_shows():
    report = report_of(n=20_000)
    figure = drawn(report)
    for trace, group in zip(lines(figure, report), report.comparison.groups, strict=True):
        assert len(trace.x) <= MOST_STEPS + 2
        places = np.searchsorted(group.curve.time_weeks, np.asarray(trace.x)[1:], side="right") - 1
        assert np.allclose(np.asarray(trace.y)[1:], 100 * group.curve.survival[places]), "drawn corners are true"


def test_pinned_curves_stand_behind():
    report = report_of()
    marks = group_marks(report)
    curve = report.comparison.groups[0].curve
    figure = drawn(report, ghosts=(Ghost("SLDr ≤ 1.1", curve, marks[0]),))
    assert figure.data[0].name == "Pinned: SLDr ≤ 1.1"
    assert figure.data[0].line.dash == "dot"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_many_groups_have_names_apart(theme):
    report = report_of(n=200, dividers=(ByColumn("arm"), ByCut("sldr", (0.95,))), week=LandmarkWeek(12.0))
    figure = drawn(report, theme=theme)
    heights = sorted(note.y for note in figure.layout.annotations if "events" in note.text)
    assert len(heights) == 4
    assert (np.diff(heights) >= 14.9).all()


def test_headline_and_footnote_say_how_much_and_how_sure():
    report = report_of(dividers=(ByCut("sldr", (1.02,)),), week=LandmarkWeek(12.0))
    said = survival_words.headline(report, unit=TimeUnit.WEEKS)
    ratio = report.comparison.hazard_ratios[0]
    assert f"{ratio.hr:.2f} times the rate with SLDr > 1.02 than with SLDr ≤ 1.02" in said
    assert f"{ratio.ci_low:.2f}–{ratio.ci_high:.2f}" in said
    assert f"60 patients, {report.n_events} events" in said
    assert "adjusted for the choice of threshold" in said
    note = survival_words.footnote(report, unit=TimeUnit.WEEKS, scale=IntervalScale.LOG_LOG)
    for part in ("n 60", "Efron ties", "log-log", "week 12 + 1", "snapshot abcdef01", "permutations"):
        assert part in note
    assert "chosen by looking" in survival_words.warnings(report)[0]


def test_a_fixed_threshold_says_so():
    report = report_of(dividers=(ByCut("sldr"),), week=LandmarkWeek(12.0))
    assert "fixed in advance" in survival_words.headline(report, unit=TimeUnit.WEEKS)
    assert "not adjusted" in survival_words.warnings(report)[0]


def test_tables_give_the_reports_numbers():
    report = report_of(horizon_weeks=52.0)
    table = survival_tables.groups_table(report, unit=TimeUnit.WEEKS)
    first, second = table.rows
    groups = report.comparison.groups
    assert first.cells[1:3] == (groups[0].curve.n, groups[0].curve.n_events)
    assert "week 52" in " ".join(table.columns)
    assert first.cells[-1] == "reference"
    assert f"{report.comparison.hazard_ratios[0].hr:.2f}" in second.cells[-1]
    risk = survival_tables.risk_table(report, unit=TimeUnit.WEEKS)
    assert [row.cells[1] for row in risk.rows if row.cells[0] == "At risk"] == [group.curve.n for group in groups]
    excluded = survival_tables.excluded_table(report)
    assert excluded.rows[-1].cells == ("All patients looked at", 60)


def test_the_download_rebuilds_the_curves():
    report = report_of()
    frame = survival_tables.curves_download(report)
    for name, group in zip(group_names(report), report.comparison.groups, strict=True):
        mine = frame[frame["group"] == name]
        assert np.array_equal(mine["survival"], group.curve.survival)
        assert mine["events"].sum() == group.curve.n_events
    assert set(frame["simulated"]) == {"yes"}
    assert set(frame["snapshot"]) == {"abcdef0123456789"}


def test_a_picture_of_simulated_patients_says_so_itself():
    report = report_of()
    assert any(note.text == "Simulated data" for note in drawn(report).layout.annotations)
    real = replace(report, provenance=replace(report.provenance, simulated=False))
    assert not any(note.text == "Simulated data" for note in drawn(real).layout.annotations)


def test_a_mean_difference_has_no_p_where_the_threshold_was_chosen():
    chosen = report_of(dividers=(ByCut("sldr", (1.02,)),), week=LandmarkWeek(12.0))
    fixed = report_of(dividers=(ByCut("sldr"),), week=LandmarkWeek(12.0))
    assert ", p " not in mean_words(chosen, unit=TimeUnit.WEEKS)
    assert "does not allow for the choice" in mean_words(chosen, unit=TimeUnit.WEEKS)
    assert ", p " in mean_words(fixed, unit=TimeUnit.WEEKS)


def test_two_thresholds_are_described_by_their_own_test():
    report = report_of(n=150, dividers=(ByCut("sldr", (0.97, 1.03), by_looking=True),), week=LandmarkWeek(12.0))
    assert report.p.is_adjusted
    note = survival_words.footnote(report, unit=TimeUnit.WEEKS, scale=IntervalScale.LOG_LOG)
    assert "three-group" in note
    assert "Lausen" not in note


def test_the_web_page_stands_alone():
    report = report_of(dividers=(ByCut("sldr", (1.02,)),), week=LandmarkWeek(12.0))
    page = figure_page(drawn(report), report, unit=TimeUnit.WEEKS)
    assert "Simulated data: these patients do not exist" in page
    assert "SLDr &gt; 1.02" in page
    assert 'src="http' not in page
    assert "snapshot abcdef01" in page
