"""Weeks and months."""

import pytest

from raise_core.domain.time_unit import TimeUnit


def test_a_year_is_twelve_months():
    assert TimeUnit.MONTHS.of_weeks(365.25 / 7) == pytest.approx(12.0)
    assert TimeUnit.WEEKS.of_weeks(24.0) == 24.0


def test_visits_as_people_say_them():
    assert TimeUnit.WEEKS.visit(24.0) == "week 24"
    assert TimeUnit.MONTHS.visit(24.0) == "month 5.5"
    assert TimeUnit.MONTHS.write(365.25 / 7) == "12"
