"""A marker over time and at baseline, and how it is read: its unit, its scale, the values to hold it against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.marker_name import MarkerKind, MarkerName
from raise_core.domain.marker_results import MarkerScale, Reference
from raise_core.domain.recist import PARTIAL_RESPONSE_FRACTION, PROGRESSION_FRACTION
from raise_core.domain.week import LandmarkWeek, baseline_values
from raise_core.evaluation.marker_values import MarkerSource

UPPER_LIMIT = ("upper limit of normal", "ULN")
AFTER_BASELINE_WORDS = "known only after baseline"
FAR_TAIL = 10.0
"""A positive laboratory value whose largest is this many times its median is drawn on a log axis."""


def is_category(source: MarkerSource, marker: MarkerName) -> bool:
    """Whether a marker's values are levels, not numbers."""
    if marker.kind is not MarkerKind.CHARACTERISTIC or marker.key not in source.cohort.patients.columns:
        return False
    column = source.cohort.patients[marker.key]
    return pd.api.types.is_bool_dtype(column.dropna().infer_objects()) or not pd.api.types.is_numeric_dtype(column)


def history(source: MarkerSource, marker: MarkerName) -> pd.DataFrame:
    """Every value of a marker on its actual date: `patient_id`, `week`, `value`, sorted; missing values left out.

    Characteristics do not change with time and have none.
    """
    if marker.kind is MarkerKind.LAB:
        rows = source.labs.loc[source.labs["test"] == marker.key, ["patient_id", "week", marker.transform]]
        dated = rows.rename(columns={marker.transform: "value"})
    elif marker.kind is MarkerKind.SIZE and marker.key != "tgr0":
        dated = source.sizes[["patient_id", "week", marker.key]].rename(columns={marker.key: "value"})
    else:
        dated = pd.DataFrame({"patient_id": pd.Series(dtype=object), "week": [], "value": []})
    known = dated[dated["value"].notna()].astype({"week": float, "value": float})
    return known.sort_values(["patient_id", "week"], kind="stable", ignore_index=True)


def baseline(source: MarkerSource, marker: MarkerName) -> pd.Series:
    """A marker at baseline, index `patient_id`: characteristics as recorded, NaN where nothing is known.

    The baseline is the latest value at week <= 0, else the first within two weeks after. For the sum of diameters it
    is the visit its ratios are taken to.

    Raises:
        NotInStoreError: the study has no such marker, or it is a change from baseline.
    """
    source.require(marker)
    if marker.kind is MarkerKind.CHARACTERISTIC:
        values: pd.Series = source.cohort.patients.set_index("patient_id")[marker.key]
        return values
    if marker.kind is MarkerKind.LAB and marker.transform != "dlog":
        rows = history(source, marker)
        found = baseline_values(rows, by=["patient_id"], value="value")
        return found.set_index("patient_id")["baseline"].reindex(source.patient_ids)
    if marker.kind is MarkerKind.SIZE and marker.key in {"sld", "tgr0"}:
        sizes = source.sizes
        rows = sizes[sizes["week"] == sizes["baseline_week"]] if marker.key == "sld" else sizes
        return rows.drop_duplicates("patient_id").set_index("patient_id")[marker.key].reindex(source.patient_ids)
    raise NotInStoreError(f"marker '{marker.text}' is a change from baseline, so it has no value at baseline.")


def has_baseline(marker: MarkerName) -> bool:
    """Whether a marker of the tables can have a value at baseline."""
    if marker.kind is MarkerKind.SIZE:
        return marker.key in {"sld", "tgr0"}
    return marker.kind is MarkerKind.CHARACTERISTIC or (marker.kind is MarkerKind.LAB and marker.transform != "dlog")


def values_at(source: MarkerSource, marker: MarkerName, week: float) -> pd.Series:
    """A marker at a visit by the landmark rule, at week 0 at baseline as `baseline` has it; index `patient_id`.

    Args:
        source: the cohort.
        marker: of the tables; at a later week no category.
        week: nominal week, 0 for the baseline.

    Raises:
        NotInStoreError: no such marker, nobody has a value at that week, or a change is asked for at baseline.
    """
    if week == 0:
        return baseline(source, marker)
    return source.at(marker, LandmarkWeek(week)).by_patient.iloc[:, 0]


def known_weeks(source: MarkerSource, marker: MarkerName, weeks: Sequence[float]) -> tuple[float, ...]:
    """Those of `weeks`, and week 0 before them, at which anybody has a value; empty for characteristics."""
    if marker.kind is MarkerKind.CHARACTERISTIC:
        return ()
    asked = dict.fromkeys([0.0, *(float(week) for week in weeks)])
    return tuple(week for week in asked if _anybody_at(source, marker, week))


def _anybody_at(source: MarkerSource, marker: MarkerName, week: float) -> bool:
    try:
        return bool(values_at(source, marker, week).notna().any())
    except NotInStoreError:
        return False


def marker_scale(source: MarkerSource, marker: MarkerName) -> MarkerScale:
    """Unit, scale and reference values of a numeric marker of the tables."""
    title = titled(source, marker)
    if marker.kind is MarkerKind.CHARACTERISTIC:
        return MarkerScale(title, logarithmic=False, references=())
    values = history(source, marker)["value"].to_numpy()
    return MarkerScale(title, _is_wide(marker, values), tuple(_references(source, marker)))


def titled(source: MarkerSource, marker: MarkerName) -> str:
    """Plain name of a marker, with the unit of a laboratory value as in the data, and a word where it comes late."""
    label = marker.label
    if label.split(" ", maxsplit=1)[0].islower():  # abbreviations keep their spelling: eGFR
        label = label[:1].upper() + label[1:]
    if source.is_after_baseline(marker):
        return f"{label} ({AFTER_BASELINE_WORDS})"
    if marker.kind is not MarkerKind.LAB or marker.transform != "lab":
        return label
    unit = _of_test(source, marker)["unit"].dropna() if "unit" in source.cohort.labs.columns else pd.Series(dtype=str)
    return f"{label} ({unit.iloc[0]})" if len(unit) else label


def _of_test(source: MarkerSource, marker: MarkerName) -> pd.DataFrame:
    labs = source.cohort.labs
    return labs[labs["test"].str.upper() == marker.key]


def _is_wide(marker: MarkerName, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> bool:
    """Whether a log axis serves: a laboratory value with a long tail, not a log already."""
    if marker.transform not in {"lab", "ratio"} or len(values) == 0 or (values <= 0).any():
        return False
    return bool(values.max() >= FAR_TAIL * np.median(values))


def _references(source: MarkerSource, marker: MarkerName) -> list[Reference]:
    if marker.kind is MarkerKind.SIZE:
        return {
            "sldr": [
                Reference(1 - PARTIAL_RESPONSE_FRACTION, "30 % smaller than at baseline (partial response)", "−30 %"),
                Reference(1.0, "as at baseline", "baseline"),
            ],
            "sldn": [Reference(1 + PROGRESSION_FRACTION, "20 % above the smallest size so far (progression)", "+20 %")],
            "tgr": [Reference(0.0, "no growth", "no growth")],
            "tgr0": [Reference(0.0, "no growth", "no growth")],
        }.get(marker.key, [])
    if marker.transform == "dlog":
        return [Reference(0.0, "as at baseline", "baseline")]
    if marker.transform == "ratio":
        return [Reference(1.0, *UPPER_LIMIT)]
    limits = pd.to_numeric(_of_test(source, marker)["upper_limit"], errors="coerce").dropna()
    if limits.empty or limits.min() < limits.max():  # limits that differ between patients are no one line
        return []
    limit = float(limits.iloc[0])
    if marker.transform == "log":
        return [Reference(float(np.log(limit)), *UPPER_LIMIT)] if limit > 0 else []
    return [Reference(limit, *UPPER_LIMIT)]
