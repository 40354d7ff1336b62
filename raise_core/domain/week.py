"""Weeks: conversions, the landmark rule's windows and the weeks at which a study was visited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from raise_core.domain.errors import BadUsageError

DAYS_PER_WEEK = 7.0
DAYS_PER_MONTH = 30.4375  # a twelfth of 365.25 days
WEEKS_PER_YEAR = 365.25 / DAYS_PER_WEEK
BASELINE_GRACE_WEEKS = 2.0  # without a value at week <= 0, the first one this soon after counts as baseline
DEFAULT_WINDOW_WEEKS = 8.0
DEFAULT_TOLERANCE_WEEKS = 1.0


@dataclass(frozen=True, order=True)
class LandmarkWeek:
    """A nominal visit week and how far around it a value may be dated.

    A value belongs to the week when it is dated in (week - window, week + tolerance]; a patient is at risk when the
    outcome lies after `landmark_weeks` = week + tolerance, which is also where the clock starts.

    Attributes:
        week: nominal week from randomisation.
        window_weeks: how old a value may be.
        tolerance_weeks: how late a visit may be.
    """

    week: float
    window_weeks: float = DEFAULT_WINDOW_WEEKS
    tolerance_weeks: float = DEFAULT_TOLERANCE_WEEKS

    def __post_init__(self) -> None:
        if not np.isfinite([self.week, self.window_weeks, self.tolerance_weeks]).all():
            raise BadUsageError("week, window and tolerance must be numbers of weeks.")
        if self.window_weeks <= 0:
            raise BadUsageError(f"window is {self.window_weeks:g} weeks; it must be greater than 0.")
        if self.tolerance_weeks < 0:
            raise BadUsageError(f"tolerance is {self.tolerance_weeks:g} weeks; it must not be negative.")

    @property
    def landmark_weeks(self) -> float:
        """The landmark L: patients whose outcome lies after it are at risk."""
        return self.week + self.tolerance_weeks

    def latest(
        self, values: pd.DataFrame, *, value: str, measured: str | None = None, week: str = "week"
    ) -> pd.DataFrame:
        """The value at each patient's latest measurement dated in (week - window, landmark].

        A value that its rule makes missing there (a ratio to a nadir of 0, the log of 0) stays missing: an older visit
        does not stand in for it.

        Args:
            values: long table with `patient_id`, the `week` column, the `value` and the `measured` column.
            value: name of the value column.
            measured: column that says whether anything was measured (not missing); the value itself when None.
            week: name of the column of dates in weeks.

        Returns:
            Frame indexed by `patient_id` with the columns `value` and `visit_week`.
        """
        dated = values[week].to_numpy(dtype=float)
        inside = (dated > self.week - self.window_weeks) & (dated <= self.landmark_weeks)
        found = values.loc[inside & values[measured or value].notna().to_numpy(), ["patient_id", week, value]]
        last = found.sort_values(["patient_id", week], kind="stable").drop_duplicates("patient_id", keep="last")
        return last.set_index("patient_id").rename(columns={week: "visit_week", value: "value"})[
            ["value", "visit_week"]
        ]


def baseline_values(values: pd.DataFrame, *, by: list[str], value: str, week: str = "week") -> pd.DataFrame:
    """The baseline of each group: the latest value at week <= 0, else the first within two weeks after.

    Args:
        values: long table.
        by: columns that make one series, for example `["patient_id", "test"]`.
        value: name of the value column; missing values are passed over.
        week: name of the column of dates in weeks.

    Returns:
        Frame with the `by` columns, `baseline` and `baseline_week`, one row a group that has a baseline.
    """
    known = values.loc[values[value].notna(), [*by, week, value]].sort_values([*by, week], kind="stable")
    before = known[known[week] <= 0].drop_duplicates(by, keep="last")
    after = known[(known[week] > 0) & (known[week] <= BASELINE_GRACE_WEEKS)].drop_duplicates(by, keep="first")
    both = pd.concat([before, after]).drop_duplicates(by, keep="first")
    return both.rename(columns={value: "baseline", week: "baseline_week"}).reset_index(drop=True)


def common_visit_weeks(
    weeks: Iterable[float], n_patients: int, *, least_share: float = 0.1, least_gap_weeks: float = 5.0
) -> tuple[int, ...]:
    """Whole weeks after baseline around which many visits cluster, for studies that state no schedule.

    Greedy: the week with most visits within one week of it first, then the next at least `least_gap_weeks` away, as
    long as a `least_share` of the patients was seen there.

    Args:
        weeks: visit weeks of all patients, one entry a patient and visit.
        n_patients: patients of the study.
        least_share: share of the patients that makes a visit common.
        least_gap_weeks: least distance between two weeks.
    """
    after = np.asarray([w for w in weeks if w > BASELINE_GRACE_WEEKS], dtype=float)
    if after.size == 0 or n_patients == 0:
        return ()
    grid = np.arange(1, int(np.ceil(after.max())) + 1)
    ordered = np.sort(after)
    near = np.searchsorted(ordered, grid + 1.0, side="right") - np.searchsorted(ordered, grid - 1.0, side="left")
    closest = -np.abs(grid[:, None] - ordered[None, :]).clip(max=1.0).sum(axis=1) if ordered.size <= 20_000 else near
    chosen: list[int] = []
    for position in np.lexsort((grid, -closest, -near)):
        if near[position] < least_share * n_patients:
            break
        if all(abs(int(grid[position]) - other) >= least_gap_weeks for other in chosen):
            chosen.append(int(grid[position]))
    return tuple(sorted(chosen))
