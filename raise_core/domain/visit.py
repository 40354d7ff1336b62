"""Which dates of a patient are one visit."""

from __future__ import annotations

import numpy as np
import pandas as pd

SAME_VISIT_WEEKS = 1.0  # liver and chest are often scanned some days apart; that is one visit


def first_day_of_visit(dates: pd.DataFrame, *, item: str) -> pd.Series[float]:
    """The first day of the visit each row belongs to.

    Dates of a patient at most a week after the first day of a visit belong to it, unless an item (a lesion) is
    measured a second time: then a new visit begins.

    Args:
        dates: `patient_id`, `week` and the `item` column.
        item: what is measured once a visit.

    Returns:
        Weeks from randomisation, on the index of `dates`.
    """
    ordered = dates.sort_values(["patient_id", "week"], kind="stable")
    first = ordered["week"].astype(float).copy()
    days = ordered[["patient_id", "week"]].drop_duplicates()
    gap = days.groupby("patient_id", sort=False)["week"].diff()
    split = days.loc[gap <= SAME_VISIT_WEEKS, "patient_id"].unique()
    for _, rows in ordered[ordered["patient_id"].isin(split)].groupby("patient_id", sort=False):
        start, seen = -np.inf, set[object]()
        for week, day in rows.groupby("week", sort=True):
            items = set(day[item])
            if float(str(week)) > start + SAME_VISIT_WEEKS or items & seen:
                start, seen = float(str(week)), set()
            seen |= items
            first.loc[day.index] = start
    return first.reindex(dates.index)
