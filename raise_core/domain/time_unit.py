"""Weeks or months: one switch for every axis and table. The data are in weeks; a month is 30.4375 days."""

from __future__ import annotations

from enum import StrEnum

from raise_core.domain.week import DAYS_PER_MONTH, DAYS_PER_WEEK

WEEKS_PER_MONTH = DAYS_PER_MONTH / DAYS_PER_WEEK


class TimeUnit(StrEnum):
    """Unit in which times are shown; everything is computed in weeks."""

    WEEKS = "weeks"
    MONTHS = "months"

    @property
    def weeks_per_unit(self) -> float:
        """Length of one unit in weeks; times in weeks are divided by it."""
        return 1.0 if self is TimeUnit.WEEKS else WEEKS_PER_MONTH

    def of_weeks(self, weeks: float) -> float:
        """A time in weeks, in this unit."""
        return weeks / self.weeks_per_unit

    def write(self, weeks: float) -> str:
        """A time in weeks as text in this unit without its name: 24, or 5.5."""
        if self is TimeUnit.WEEKS:
            return f"{weeks:g}"
        return f"{self.of_weeks(weeks):.1f}".removesuffix(".0")

    def visit(self, week: float) -> str:
        """A visit as people say it: 'week 24', or 'month 5.5'."""
        return f"{self.value.removesuffix('s')} {self.write(week)}"
