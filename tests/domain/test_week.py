"""The landmark window and the baseline rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from raise_core.domain.errors import BadUsageError
from raise_core.domain.week import WEEKS_PER_YEAR, LandmarkWeek, baseline_values, common_visit_weeks


def values(*rows: tuple[str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["patient_id", "week", "value"])


def test_window_is_open_on_the_left_and_closed_on_the_right():
    table = values(("left", 4.0, 1.0), ("inside", 4.001, 2.0), ("right", 13.0, 3.0), ("after", 13.001, 4.0))
    found = LandmarkWeek(12).latest(table, value="value")
    assert found["value"].to_dict() == {"inside": 2.0, "right": 3.0}
    assert found.loc["right", "visit_week"] == 13.0


def test_latest_value_wins_and_a_missing_one_is_passed_over():
    table = values(("P", 8.0, 1.0), ("P", 12.0, 2.0), ("P", 12.5, np.nan), ("Q", 6.0, 9.0))
    assert LandmarkWeek(12).latest(table, value="value")["value"].to_dict() == {"P": 2.0, "Q": 9.0}


def test_a_value_missing_by_rule_is_not_replaced_by_an_older_one():
    table = pd.DataFrame({"patient_id": ["P", "P"], "week": [6.0, 12.0], "sld": [10.0, 0.0], "tgr": [3.0, np.nan]})
    found = LandmarkWeek(12).latest(table, value="tgr", measured="sld")
    assert np.isnan(found.loc["P", "value"])
    assert found.loc["P", "visit_week"] == 12


def test_landmark_is_week_plus_tolerance():
    assert LandmarkWeek(12).landmark_weeks == 13
    assert LandmarkWeek(12, tolerance_weeks=2.5).landmark_weeks == 14.5


@pytest.mark.parametrize("wrong", [{"window_weeks": 0}, {"tolerance_weeks": -1}, {"window_weeks": float("nan")}])
def test_impossible_windows_are_refused(wrong):
    with pytest.raises(BadUsageError):
        LandmarkWeek(12, **wrong)


def test_baseline_is_latest_up_to_zero_else_first_within_two_weeks():
    table = values(
        ("before", -12, 1), ("before", -0.1, 2), ("before", 1, 3),
        ("after", 0.5, 4), ("after", 1.5, 5), ("late", 2.1, 6), ("zero", 0, 7),
        ("missing", 0, np.nan), ("missing", 2, 8),
    )  # fmt: skip
    baseline = baseline_values(table, by=["patient_id"], value="value").set_index("patient_id")
    assert baseline["baseline"].to_dict() == {"before": 2, "after": 4, "zero": 7, "missing": 8}
    assert baseline.loc["before", "baseline_week"] == -0.1


def test_a_year_is_365_25_days():
    assert pytest.approx(52.178571, abs=1e-6) == WEEKS_PER_YEAR


def test_common_weeks_find_a_jittered_schedule():
    rng = np.random.default_rng(1)
    schedule = np.repeat([0, 12, 24, 36, 48, 72, 96], 50)
    assert common_visit_weeks(schedule + rng.normal(0, 0.3, schedule.size), 50) == (12, 24, 36, 48, 72, 96)


def test_common_weeks_of_nothing():
    assert common_visit_weeks([], 10) == ()
    assert common_visit_weeks([0.0, 1.0], 2) == ()
