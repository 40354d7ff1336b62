"""The words of predictive accuracy are computed from the result, and say what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain import horizon_results
from raise_core.domain.outcome import Outcome
from raise_core.domain.time_unit import TimeUnit
from raise_core.evaluation.decision_curve import decision_curve, net_benefit
from raise_core.evaluation.horizon_accuracy import threshold_accuracy
from raise_core.evaluation.horizon_calibration import calibration_at_horizon
from raise_core.evaluation.time_dependent_auc import roc_at_horizon
from raise_core.figures import horizon_words as words
from raise_core.figures.marker_axis import threshold_text
from raise_core.figures.table_export import Origin, to_csv

ORIGIN = Origin("demo-raise", "A trial", "ab12cd34ef56", "", True, 60)


@pytest.fixture
def trial() -> tuple[Outcome, np.ndarray]:
    """Nobody is censored before week 52: above 1, 30 of 40 patients progress; at or below it, 10 of 60."""
    time = np.r_[np.full(30, 20.0), np.full(10, 60.0), np.full(10, 30.0), np.full(50, 60.0)]
    value = np.r_[np.full(40, 1.25), np.full(60, 0.875)]
    return Outcome.of(time_weeks=time, event=time < 60), value


def test_the_sentence_gives_both_groups_with_their_intervals(trial):
    outcome, value = trial
    found = threshold_accuracy(outcome, value > 1.1, 52)
    sentence = words.cut_sentence(found, what="SLDr", threshold=1.1, endpoint="PFS")
    above = f"{100 * found.ppv.low:.0f}–{100 * found.ppv.high:.0f}"
    below = f"{100 * found.low.risk.low:.0f}–{100 * found.low.risk.high:.0f}"
    assert sentence == (
        f"Of 100 patients with SLDr above 1.1, 75 (95 % CI {above}) progress or die within a year; of 100 at or below "
        f"it, 17 ({below}) do."
    )
    later = words.cut_sentence(found, what="SLDr", threshold=1.1, endpoint="OS", start_weeks=13)
    assert "die within a year after week 13;" in later


def test_a_sentence_without_an_estimate_says_why():
    outcome = Outcome.of(time_weeks=[4, 6, 8, 30, 30, 30], event=[1, 0, 0, 0, 1, 0])
    early = threshold_accuracy(outcome, [True] * 3 + [False] * 3, 20)
    sentence = words.cut_sentence(early, what="CgA", threshold=2, endpoint="OS")
    assert sentence == (
        "Of 100 patients with CgA at or below 2, 0 (no interval: nobody has the event by then) die within 20 weeks; "
        "above it that cannot be said: no patient was followed that long."
    )
    turned = threshold_accuracy(outcome, [False] * 3 + [True] * 3, 20)
    sentence = words.cut_sentence(turned, what="CgA", threshold=2, endpoint="OS")
    assert sentence.endswith("; at or below it that cannot be said: no patient was followed that long.")
    neither = threshold_accuracy(outcome, [True, True, True, True, True, False], 40)
    assert "cannot be said" in words.cut_sentence(neither, what="CgA", threshold=2, endpoint="OS")


@pytest.mark.parametrize(
    ("weeks", "unit", "start", "expected"),
    [
        (52, TimeUnit.WEEKS, 0, "a year"),
        (365.25 / 7, TimeUnit.MONTHS, 0, "a year"),
        (104, TimeUnit.WEEKS, 0, "2 years"),
        (24, TimeUnit.WEEKS, 13, "24 weeks after week 13"),
        (24, TimeUnit.MONTHS, 13, "5.5 months after month 3"),
    ],
)
def test_a_horizon_is_written_as_people_say_it(weeks, unit, start, expected):
    assert words.span(weeks, unit, start) == expected


@pytest.mark.parametrize(
    ("cut", "expected"), [(1.1, "1.1"), (0.8254, "0.8254"), (-0.3, "−0.3"), (100, "100"), (12345.6, "12\u2009346")]
)
def test_a_cut_keeps_its_digits(cut, expected):
    assert threshold_text(cut) == expected


def test_rows_hold_the_numbers_of_the_result(trial):
    outcome, value = trial
    high = value > 1.1
    found = threshold_accuracy(outcome, high, 52)
    benefit = net_benefit(outcome, high, 52, risk_threshold=0.25)
    rows = {row[0]: row[1] for row in words.accuracy_rows(found, benefit, endpoint="PFS")}
    assert rows["Sensitivity"].startswith("75 % (")
    assert rows["Specificity"].startswith("83 % (")
    assert rows["Positive predictive value"].startswith("75 % (")
    assert rows["Negative predictive value"].startswith("83 % (")
    assert rows["Above the cut, of 100 patients"] == "40"
    assert rows["True positives, of 100"] == "30"
    assert rows["False alarms, of 100"] == "10"
    assert rows["Missed, of 100"] == "10"
    assert rows["Number needed to evaluate"].startswith("1.3 (")
    # 30 found, 10 needless ones at a third each; for everybody 40 and 60.
    assert rows["Net benefit when one acts from a risk of 25 %, per 100"].startswith("26.7 (")
    assert rows["The same if everybody is treated"].startswith("20.0 (")
    assert rows["Needless actions spared, per 100"] == "20"


def test_treating_everybody_can_be_better_than_the_cut(trial):
    outcome, value = trial
    benefit = net_benefit(outcome, value > 1.1, 52, risk_threshold=0.1)
    found = threshold_accuracy(outcome, value > 1.1, 52)
    assert words.accuracy_rows(found, benefit, endpoint="PFS")[-1] == (
        "Needless actions spared, per 100", "none", "treating everybody gains as much",
    )  # fmt: skip


def test_the_table_says_when_the_cut_was_chosen_by_looking(trial):
    outcome, value = trial
    found = threshold_accuracy(outcome, value > 1.1, 52)
    table = words.accuracy_table(found, what="SLDr", threshold=1.1, endpoint="PFS", chosen=True, origin=ORIGIN)
    assert words.CHOSEN_BY_LOOKING in table.notes
    assert "40 patients, 30 progressions or deaths within a year, 0 left earlier" in table.notes[0]
    assert b"Sensitivity" in to_csv(table)
    fixed = words.accuracy_table(found, what="SLDr", threshold=1.1, endpoint="PFS", chosen=False, origin=ORIGIN)
    assert words.CHOSEN_BY_LOOKING not in fixed.notes


def test_missing_numbers_carry_their_reason_into_the_table():
    outcome = Outcome.of(time_weeks=[4, 6, 8, 30, 30, 30], event=[1, 0, 0, 0, 1, 0])
    found = threshold_accuracy(outcome, np.zeros(6, bool), 20)
    benefit = net_benefit(outcome, [True] * 3 + [False] * 3, 20, risk_threshold=0.2)
    rows = {row[0]: row[1] for row in words.accuracy_rows(found, benefit, endpoint="OS")}
    assert rows["Positive predictive value"] == f"– ({horizon_results.NO_PATIENT})"
    assert rows["Number needed to evaluate"] == "–"
    assert rows["True positives, of 100"] == "0"
    assert rows["Net benefit when one acts from a risk of 20 %, per 100"] == f"– ({horizon_results.NOT_FOLLOWED})"
    assert rows["Needless actions spared, per 100"] == "–"


def test_footnotes_and_alternatives_hold_counts_and_numbers(trial):
    outcome, value = trial
    risk = np.where(value > 1.1, 0.7, 0.2)
    calibration = calibration_at_horizon(outcome, risk, 52, groups=2)
    curve = decision_curve(outcome, {"sldr": risk}, 52)
    roc = roc_at_horizon(outcome, value, 52)
    counted = "100 patients, 40 progressions or deaths within a year, 0 left earlier"
    assert counted in words.calibration_footnote(calibration, endpoint="PFS")
    assert counted in words.decision_footnote(curve, endpoint="PFS")
    assert "40 progressions or deaths within a year, 60 followed without" in words.roc_footnote(roc, endpoint="PFS")
    text = words.calibration_alternative(calibration, endpoint="PFS")
    assert "60 patients, predicted 20 %, observed 17 %" in text
    assert "Observed to expected 1.00" in text
    assert f"area {roc.at.auc.value:.2f}" in words.roc_alternative(roc, what="SLDr", endpoint="PFS")
    text = words.decision_alternative(curve, endpoint="PFS")
    assert "20 %: SLDr 25.0, everybody treated 25.0" in text  # 20 % reaches the threshold: all are treated
    assert "30 %: SLDr 25.7, everybody treated 14.3" in text
    assert "50 %: SLDr 20.0, everybody treated −20.0" in text


def test_a_group_that_is_not_drawn_is_named():
    outcome = Outcome.of(time_weeks=[4, 6, 8, 30, 30, 30], event=[1, 0, 0, 0, 1, 0])
    calibration = calibration_at_horizon(outcome, [0.8, 0.7, 0.9, 0.1, 0.2, 0.15], 20, groups=2)
    note = words.calibration_footnote(calibration, endpoint="OS")
    assert "Not drawn: 3 patients with a predicted risk of 70 % to 90 %, no patient was followed that long." in note
