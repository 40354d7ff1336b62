"""Each sentence of the size-marker rules, on patients small enough to check by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.lesion import growth_rate, size_history


def lesions(*rows: tuple) -> pd.DataFrame:
    """Rows of (week, lesion, diameter[, target[, status]]) for one patient 'P'."""
    full = [(*row, True, "measured")[:5] if len(row) == 3 else (*row, "measured")[:5] for row in rows]
    frame = pd.DataFrame(full, columns=["week", "lesion_id", "diameter_mm", "target", "status"])
    frame["diameter_mm"] = frame["diameter_mm"].astype(float)
    return frame.assign(patient_id="P", organ="liver")


def at(history: pd.DataFrame, week: float, column: str) -> float:
    return float(history.loc[history["week"] == week, column].iloc[0])


def test_ratio_to_baseline_uses_the_latest_visit_at_or_before_week_zero():
    history = size_history(lesions((-12, "a", 10), (-0.3, "a", 20), (12.1, "a", 30)))
    assert at(history, 12.1, "sld") == 30
    assert at(history, 12.1, "sldr") == pytest.approx(1.5)
    assert math.isnan(at(history, -0.3, "sldr")), "a change needs a value dated after the baseline"
    assert math.isnan(at(history, -12, "sldr"))


def test_without_a_visit_before_zero_the_first_within_two_weeks_is_the_baseline():
    history = size_history(lesions((1.5, "a", 20), (12, "a", 30)))
    assert at(history, 12, "sldr") == pytest.approx(1.5)
    late = size_history(lesions((2.5, "a", 20), (12, "a", 30)))
    assert late["sldr"].isna().all()


def test_sum_is_missing_unless_every_baseline_target_is_measured():
    history = size_history(
        lesions((0, "a", 20), (0, "b", 10), (12, "a", 22), (24, "a", 22), (24, "b", np.nan, True, "not evaluable"))
    )
    assert at(history, 0, "sld") == 30
    assert math.isnan(at(history, 12, "sld"))
    assert math.isnan(at(history, 24, "sld"))


def test_absent_counts_zero_and_a_lesion_first_seen_later_is_not_a_target():
    history = size_history(
        lesions((0, "a", 20), (0, "b", 10), (12, "a", 15), (12, "b", np.nan, True, "absent"), (12, "new", 50))
    )
    assert at(history, 12, "sld") == 15


def test_non_target_lesions_do_not_count():
    history = size_history(lesions((0, "a", 20), (0, "x", 90, False), (12, "a", 22), (12, "x", 95, False)))
    assert at(history, 12, "sld") == 22


def test_nadir_runs_from_baseline_to_the_visit_before():
    history = size_history(lesions((-12, "a", 5), (0, "a", 20), (12, "a", 16), (24, "a", 18), (36, "a", 10)))
    assert at(history, 12, "sldn") == pytest.approx(16 / 20), "screening is not part of the nadir"
    assert at(history, 24, "sldn") == pytest.approx(18 / 16)
    assert at(history, 36, "sldn") == pytest.approx(10 / 16), "the visit itself is not part of its own nadir"


def test_nadir_passes_over_a_visit_without_a_sum():
    history = size_history(lesions((0, "a", 20), (12, "a", np.nan, True, "not evaluable"), (24, "a", 30)))
    assert at(history, 24, "sldn") == pytest.approx(1.5)


@pytest.mark.parametrize("column", ["sldr", "tgr"])
def test_zero_baseline_makes_a_ratio_missing(column):
    assert math.isnan(at(size_history(lesions((0, "a", 0), (12, "a", 8))), 12, column))


def test_zero_nadir_makes_the_nadir_ratio_missing():
    history = size_history(lesions((0, "a", 10), (12, "a", 0), (24, "a", 8)))
    assert at(history, 12, "sldr") == 0
    assert at(history, 12, "sldn") == 0
    assert math.isnan(at(history, 24, "sldn"))
    assert math.isnan(at(history, 12, "tgr")), "growth rate takes no zero sizes"


def test_growth_rate_of_a_doubling_volume_in_one_month_is_100_percent():
    month_weeks = 30.4375 / 7
    history = size_history(lesions((0, "a", 10), (month_weeks, "a", 10 * 2 ** (1 / 3))))
    assert at(history, month_weeks, "tgr") == pytest.approx(100)


def test_growth_rate_before_baseline_reads_screening_to_baseline_on_actual_dates():
    history = size_history(lesions((-12.2, "a", 10), (0.0, "a", 12), (12, "a", 12)))
    months = 12.2 * 7 / 30.4375
    assert at(history, 12, "tgr0") == pytest.approx(100 * (math.exp(3 * math.log(1.2) / months) - 1))
    assert at(history, 12, "tgr") == pytest.approx(0)


def test_heterogeneity_is_the_sd_of_log_change_over_at_least_two_lesions_floored_at_5_mm():
    history = size_history(lesions((0, "a", 20), (0, "b", 10), (12, "a", 40), (12, "b", 2)))
    expected = np.std([math.log(2), math.log(5 / 10)], ddof=1)
    assert at(history, 12, "heterogeneity") == pytest.approx(expected)
    alone = size_history(lesions((0, "a", 20), (12, "a", 40)))
    assert alone["heterogeneity"].isna().all()


def test_lesions_dated_some_days_apart_are_one_visit():
    history = size_history(
        lesions(
            (0, "liver", 20),
            (0.3, "lung", 10),
            (12, "liver", 22),
            (12.6, "lung", 40),
            (24, "liver", 21),
            (24, "lung", 41),
        )
    )
    assert history["week"].tolist() == [0.3, 12.6, 24]
    assert at(history, 12.6, "sldr") == pytest.approx(62 / 30)


def test_a_visit_that_begins_before_randomisation_and_ends_after_is_the_baseline():
    history = size_history(
        lesions((-12, "a", 10), (-12, "b", 10), (-0.4, "a", 20), (0.4, "b", 10), (12, "a", 20), (12, "b", 40))
    )
    assert at(history, 12, "sldr") == 2


def test_a_lesion_measured_again_within_a_week_begins_a_new_visit():
    history = size_history(lesions((0, "a", 20), (0.5, "a", 30), (12, "a", 60)))
    assert history["week"].tolist() == [0, 0.5, 12]
    assert at(history, 12, "sldr") == 3


def test_a_lesion_recorded_at_screening_only_is_no_baseline_target():
    history = size_history(lesions((-12, "a", 10), (-12, "gone", 10), (0, "a", 20), (12, "a", 30)))
    assert at(history, 12, "sldr") == 1.5


def test_a_baseline_visit_with_a_target_that_cannot_be_read_is_passed_over():
    unreadable = (0, "b", np.nan, True, "not evaluable")
    history = size_history(
        lesions((-4, "a", 10), (-4, "b", 10), (0, "a", 11), unreadable, (12, "a", 20), (12, "b", 20))
    )
    assert at(history, 12, "sldr") == 2


def test_patients_do_not_mix():
    one = lesions((0, "a", 20), (12, "a", 10), (24, "a", 15))
    two = lesions((0, "a", 50), (12, "a", 60)).assign(patient_id="Q")
    both = size_history(pd.concat([two, one]))
    alone = size_history(one)
    pd.testing.assert_frame_equal(both[both["patient_id"] == "P"].reset_index(drop=True), alone)


@given(st.lists(st.floats(1, 200), min_size=2, max_size=6), st.floats(0.1, 10))
def test_ratios_do_not_depend_on_the_unit(sizes, factor):
    rows = [(12.0 * i, "a", size) for i, size in enumerate(sizes)]
    scaled = [(week, lesion, size * factor) for week, lesion, size in rows]
    first, second = size_history(lesions(*rows)), size_history(lesions(*scaled))
    for column in ("sldr", "sldn", "tgr"):
        np.testing.assert_allclose(first[column], second[column], rtol=1e-9, atol=1e-9)


@given(st.permutations(range(6)))
def test_row_order_does_not_matter(order):
    table = lesions((0, "a", 20), (0.2, "b", 10), (12, "a", 22), (12.5, "b", 12), (24, "a", 30), (24, "b", 5))
    pd.testing.assert_frame_equal(size_history(table.iloc[list(order)]), size_history(table))


def test_no_time_elapsed_gives_no_growth():
    assert growth_rate(pd.Series([10.0]), pd.Series([5.0]), pd.Series([0.0])).isna().all()


def test_a_study_without_lesions_has_an_empty_history():
    assert size_history(lesions().iloc[0:0]).empty
