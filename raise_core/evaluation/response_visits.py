"""Every visit of every patient read by RECIST, the whole cohort at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from raise_core.domain.lesion import ABSENT, NOT_EVALUABLE, target_measurements
from raise_core.domain.outcome import FloatArray
from raise_core.domain.recist import (
    NO_VISIT,
    NODE_TARGET_MM,
    NON_TARGETS,
    PROGRESSION_FRACTION,
    RESPONSES,
    Codes,
    NonTarget,
    RecistVersion,
    read_visits,
)
from raise_core.domain.visit import SAME_VISIT_WEEKS

LYMPH_NODE = "lymph node"
_VISIT = ["patient_id", "week"]
_LESION = ["patient_id", "lesion_id"]


@dataclass(frozen=True, eq=False)
class VisitTable:
    """The visits of a cohort and their responses.

    Attributes:
        visits: sorted by `patient_id`, `week`; see `CohortResponse.visits` (without `arm`).
        patient_ids: shape (patients,), those with a positive sum and a visit after it: the rows of the matrices.
        codes: shape (patients, visits), places in `RESPONSES` of the follow-up visits.
        since_baseline_weeks: shape (patients, visits), NaN where there is no visit.
        other_lesions: patients with lesions besides targets at baseline.
        small_nodes: patients with a target lymph node below 15 mm at baseline.
    """

    visits: pd.DataFrame
    patient_ids: tuple[str, ...]
    codes: Codes
    since_baseline_weeks: FloatArray
    other_lesions: int
    small_nodes: int


def read_cohort(lesions: pd.DataFrame, sizes: pd.DataFrame, version: RecistVersion) -> VisitTable:
    """Read every visit after baseline: sums from the size history, new lesions and other lesions from the rows.

    A lesion is new when first seen after the baseline visit. Its dates belong to the visit with a sum up to a week
    away, else they are visits of their own. Other lesions known at baseline can keep a complete response from being
    one; their progression is a judgement that no diameter makes, so it is not read.

    Args:
        lesions: `patient_id`, `week`, `lesion_id`, `diameter_mm`, `organ`, `target`, `status`.
        sizes: size history of the same lesions (`size_history`).
        version: edition of the criteria.
    """
    start = _baselines(sizes)
    rows = _measurements(lesions).merge(start, on="patient_id", how="left")
    first_seen = rows[rows["diameter_mm"] != 0.0].groupby(_LESION)["week"].min().rename("first_seen").reset_index()
    rows = rows.merge(first_seen, on=_LESION, how="left")
    rows["new"] = rows["first_seen"] > rows["baseline_week"]
    seen = _at_visits(rows[rows["new"] & (rows["diameter_mm"] != 0.0)], sizes)
    visits = _visits(sizes, seen, start)
    targets = _targets(rows, start, version)
    others = _others(rows, sizes, version)
    visits = visits.merge(targets, on=_VISIT, how="left").merge(others, on=_VISIT, how="left")
    known = visits["patient_id"].isin(rows.loc[_is_other(rows), "patient_id"])
    unread = NON_TARGETS.index(NonTarget.NOT_EVALUATED)
    visits["other"] = visits["other"].fillna(unread).where(known, NON_TARGETS.index(NonTarget.NONE)).astype(np.int8)
    small = rows[rows["node"] & rows["target"] & (rows["week"] == rows["baseline_week"])]
    return _read(
        visits,
        version,
        other_lesions=int(rows.loc[_is_other(rows), "patient_id"].nunique()),
        small_nodes=int(small.loc[small["diameter_mm"] < NODE_TARGET_MM, "patient_id"].nunique()),
    )


def _baselines(sizes: pd.DataFrame) -> pd.DataFrame:
    """`patient_id`, `baseline_week`, `baseline_mm` of the patients who have a baseline visit."""
    at = sizes.loc[sizes["week"] == sizes["baseline_week"], ["patient_id", "baseline_week", "sld"]]
    start: pd.DataFrame = at.rename(columns={"sld": "baseline_mm"}).drop_duplicates("patient_id")
    return start


def _measurements(lesions: pd.DataFrame) -> pd.DataFrame:
    """Every recorded diameter: targets dated by visit, others by their own day; `node` says lymph node."""
    target = lesions["target"].astype(bool)
    others = lesions.loc[~target, ["patient_id", "week", "lesion_id", "diameter_mm", "status"]].copy()
    others.loc[others["status"] == ABSENT, "diameter_mm"] = 0.0
    others.loc[others["status"] == NOT_EVALUABLE, "diameter_mm"] = np.nan
    columns = ["patient_id", "week", "lesion_id", "diameter_mm"]
    both = [target_measurements(lesions)[columns].assign(target=True), others[columns].assign(target=False)]
    rows = pd.concat([table for table in both if len(table)] or both[:1], ignore_index=True)
    organ = lesions["organ"].astype("string").str.strip().str.lower().str.startswith(LYMPH_NODE).fillna(value=False)
    nodes = pd.MultiIndex.from_frame(lesions.loc[organ.to_numpy(dtype=bool), _LESION].drop_duplicates())
    rows["node"] = pd.MultiIndex.from_frame(rows[_LESION]).isin(nodes)
    return rows.astype({"week": float, "diameter_mm": float})


def _at_visits(rows: pd.DataFrame, sizes: pd.DataFrame) -> pd.DataFrame:
    """Rows with their `week` that of the visit they belong to: the one with a sum up to a week away, else their own."""
    dated = rows.reset_index(drop=True).assign(row=np.arange(len(rows)))
    near = dated[["patient_id", "row", "week"]].merge(
        sizes[_VISIT].rename(columns={"week": "visit"}), on="patient_id", how="inner"
    )
    near["away"] = (near["visit"] - near["week"]).abs()
    near = near[near["away"] <= SAME_VISIT_WEEKS].sort_values(["row", "away", "visit"], kind="stable")
    visit = near.drop_duplicates("row").set_index("row")["visit"]
    return dated.assign(week=dated["row"].map(visit).fillna(dated["week"])).drop(columns="row")


def _visits(sizes: pd.DataFrame, seen: pd.DataFrame, start: pd.DataFrame) -> pd.DataFrame:
    """Visits with a sum or a new lesion, sorted, with their sums, baseline and new lesions."""
    named = seen.sort_values([*_VISIT, "target", "lesion_id"], ascending=[True, True, False, True], kind="stable")
    new = named.groupby(_VISIT)["lesion_id"].agg(tuple).rename("new_lesions").reset_index()
    visits = sizes[[*_VISIT, "sld"]].rename(columns={"sld": "sld_mm"}).astype({"week": float})
    visits = visits.merge(new.astype({"week": float}), on=_VISIT, how="outer").merge(start, on="patient_id", how="left")
    visits["new_lesions"] = [names if isinstance(names, tuple) else () for names in visits["new_lesions"]]
    return visits.sort_values(_VISIT, kind="stable", ignore_index=True)


def _targets(rows: pd.DataFrame, start: pd.DataFrame, version: RecistVersion) -> pd.DataFrame:
    """At each visit the sum of the baseline targets that were measured, and whether all of those are gone."""
    mine = rows[rows["target"]]
    chosen = mine.loc[mine["week"] == mine["baseline_week"], _LESION].drop_duplicates()
    mine = mine[mine["diameter_mm"].notna()].merge(chosen, on=_LESION)
    mine = mine.merge(start[["patient_id"]], on="patient_id")
    mine["gone"] = _gone(mine, version)
    found: pd.DataFrame = (
        mine.groupby(_VISIT, as_index=False)
        .agg(measured_mm=("diameter_mm", "sum"), gone=("gone", "all"))
        .astype({"gone": "boolean"})
    )
    return found


def _gone(rows: pd.DataFrame, version: RecistVersion) -> pd.Series[bool]:
    """Which diameters are no disease any more: 0, in version 1.1 also a lymph node below 10 mm."""
    return (rows["diameter_mm"] == 0.0) | (rows["node"] & (rows["diameter_mm"] < version.node_gone_below_mm))


def _is_other(rows: pd.DataFrame) -> pd.Series[bool]:
    """Rows of lesions known at baseline that are no targets."""
    known = rows["first_seen"] <= rows["baseline_week"] + SAME_VISIT_WEEKS
    return ~rows["target"] & ~rows["new"] & known


def _others(rows: pd.DataFrame, sizes: pd.DataFrame, version: RecistVersion) -> pd.DataFrame:
    """At each visit the place in `NON_TARGETS` of what is seen of the other lesions known at baseline."""
    mine = _at_visits(rows[_is_other(rows)], sizes)
    expected = mine.groupby("patient_id")["lesion_id"].nunique().rename("expected")
    known = mine[mine["diameter_mm"].notna()].copy()
    known["gone"] = _gone(known, version).astype(bool)
    at = known.groupby(_VISIT, as_index=False).agg(measured=("lesion_id", "nunique"), gone=("gone", "all"))
    at = at.merge(expected, on="patient_id", how="left")
    names = [NonTarget.INCOMPLETE, NonTarget.NOT_EVALUATED]
    at["other"] = np.select(
        [~at["gone"].astype(bool), at["measured"] < at["expected"]],
        [NON_TARGETS.index(name) for name in names],
        default=NON_TARGETS.index(NonTarget.COMPLETE),
    )
    return at[[*_VISIT, "other"]].astype({"week": float})


def _read(visits: pd.DataFrame, version: RecistVersion, *, other_lesions: int, small_nodes: int) -> VisitTable:
    """Lay the follow-up visits out as a matrix, read it, and bring the readings back to the rows."""
    follow_up = ((visits["week"] > visits["baseline_week"]) & (visits["baseline_mm"] > 0)).to_numpy(dtype=bool)
    mine = visits[follow_up]
    ids, row = np.unique(mine["patient_id"].to_numpy(dtype=str), return_inverse=True)
    column = mine.groupby("patient_id").cumcount().to_numpy()
    shape = (len(ids), int(column.max()) + 1 if len(mine) else 0)
    place = (row, column)

    def matrix(values: object, empty: object) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        whole = np.full(shape, empty)
        whole[place] = values
        return whole

    baseline = np.ones(len(ids))
    baseline[row] = mine["baseline_mm"].to_numpy(dtype=float)
    found = read_visits(
        baseline_mm=baseline,
        sld_mm=matrix(mine["sld_mm"].to_numpy(dtype=float), np.nan),
        new_lesion=matrix([len(names) > 0 for names in mine["new_lesions"]], np.False_),
        version=version,
        gone=matrix(mine["gone"].fillna(value=False).to_numpy(dtype=bool), np.False_),
        measured_mm=matrix(mine["measured_mm"].to_numpy(dtype=float), np.nan),
        non_target=matrix(mine["other"].to_numpy(dtype=np.int8), np.int8(0)),
    )
    read = visits.drop(columns=["measured_mm", "gone", "other"])
    read["since_baseline_weeks"] = read["week"] - read["baseline_week"]
    read.loc[follow_up, "sldr"] = mine["sld_mm"] / mine["baseline_mm"]
    at_baseline = (read["week"] == read["baseline_week"]) & (read["baseline_mm"] > 0)
    read["change_percent"] = (100.0 * (read["sldr"] - 1.0)).mask(at_baseline, 0.0)
    read.loc[follow_up, "nadir_mm"] = found.nadir_mm[place]
    least = read["nadir_mm"] + version.progression_absolute_mm
    read["progression_mm"] = np.maximum((1.0 + PROGRESSION_FRACTION) * read["nadir_mm"], least)
    names = np.array([response.value for response in RESPONSES], dtype=object)
    read["response"] = None
    read.loc[follow_up, "response"] = names[found.codes[place]]
    codes = np.full(shape, NO_VISIT, dtype=np.int8)
    codes[place] = found.codes[place]
    since = np.full(shape, np.nan)
    since[place] = read.loc[follow_up, "since_baseline_weeks"]
    return VisitTable(read, tuple(str(name) for name in ids), codes, since, other_lesions, small_nodes)
