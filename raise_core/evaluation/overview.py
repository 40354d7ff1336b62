"""Who the patients are and how many are left at each week: the paper's Tables 1 and 2 for any study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from raise_core.domain.marker_name import MarkerKind
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.landmark import require_endpoint
from raise_core.evaluation.marker_history import titled
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.risk_status import RiskStatus, risk_status

ALL_ARMS = "All"


@dataclass(frozen=True)
class AtRiskCount:
    """State of one arm after a week's landmark; counts are cumulative and add up to the arm's patients.

    Attributes:
        week: nominal week; the landmark is week + tolerance.
        arm: arm, or 'All'.
        at_risk: outcome lies after the landmark.
        censored: censored at or before it.
        events: event at or before it.
        unknown: no outcome recorded.
    """

    week: float
    arm: str
    at_risk: int
    censored: int
    events: int
    unknown: int


@dataclass(frozen=True)
class Characteristic:
    """One baseline characteristic in one arm.

    Attributes:
        column: patient column.
        label: in words.
        arm: arm, or 'All'.
        n: patients with a value.
        missing: patients without.
        mean: for numbers, else None.
        sd: standard deviation (ddof 1), for numbers.
        median: for numbers.
        levels: level to number of patients, for categories.
    """

    column: str
    label: str
    arm: str
    n: int
    missing: int
    mean: float | None
    sd: float | None
    median: float | None
    levels: dict[str, int]


@dataclass(frozen=True)
class MarkerCompleteness:
    """How many of the patients at risk at a week have a value of a marker.

    Attributes:
        week: nominal week.
        with_value: patients at risk with a value.
        at_risk: patients at risk.
    """

    week: float
    with_value: int
    at_risk: int


def _arms(source: MarkerSource) -> list[tuple[str, pd.Series[bool]]]:
    patients = source.cohort.patients.set_index("patient_id")
    everyone = pd.Series(data=True, index=patients.index)
    if "arm" not in patients.columns or patients["arm"].nunique() < 2:
        return [(ALL_ARMS, everyone)]
    arms = [(str(arm), patients["arm"] == arm) for arm in sorted(patients["arm"].dropna().unique())]
    return [*arms, (ALL_ARMS, everyone)]


def at_risk_counts(
    source: MarkerSource, weeks: Sequence[float], *, endpoint: str, tolerance_weeks: float = 1.0
) -> tuple[AtRiskCount, ...]:
    """At risk, censored and events by arm after each week.

    Raises:
        NotInStoreError: no such endpoint.
    """
    rows = []
    for number in weeks:
        status = risk_status(source, LandmarkWeek(number, tolerance_weeks=tolerance_weeks), endpoint=endpoint)
        for arm, members in _arms(source):
            rows.append(
                AtRiskCount(
                    week=float(number),
                    arm=arm,
                    at_risk=int((members & (status == RiskStatus.AT_RISK.value)).sum()),
                    censored=int((members & (status == RiskStatus.CENSORED.value)).sum()),
                    events=int((members & (status == RiskStatus.EVENT.value)).sum()),
                    unknown=int((members & (status == RiskStatus.UNKNOWN.value)).sum()),
                )
            )
    return tuple(rows)


def characteristics(source: MarkerSource) -> tuple[Characteristic, ...]:
    """Every usable baseline characteristic but the arm, by arm."""
    patients = source.cohort.patients.set_index("patient_id")
    markers = [m for m in source.markers() if m.kind is MarkerKind.CHARACTERISTIC and m.key != "arm"]
    rows = []
    for marker in markers:
        column = marker.key
        for arm, members in _arms(source):
            values = patients.loc[members.to_numpy(), column]
            known = values.dropna()
            number = pd.api.types.is_numeric_dtype(patients[column]) and not pd.api.types.is_bool_dtype(
                patients[column]
            )
            levels = {} if number else {str(k): int(v) for k, v in known.value_counts().sort_index().items()}
            numeric = known.astype(float) if number and len(known) else None
            rows.append(
                Characteristic(
                    column=column,
                    label=titled(source, marker),
                    arm=arm,
                    n=len(known),
                    missing=int(values.isna().sum()),
                    mean=None if numeric is None else float(numeric.mean()),
                    sd=None if numeric is None or len(numeric) < 2 else float(numeric.std(ddof=1)),
                    median=None if numeric is None else float(numeric.median()),
                    levels=levels,
                )
            )
    return tuple(rows)


def completeness(
    source: MarkerSource, weeks: Sequence[float], *, endpoint: str | None
) -> dict[str, tuple[MarkerCompleteness, ...]]:
    """For every marker the weeks at which somebody has a value, and how many of those at risk do.

    Args:
        source: the study.
        weeks: nominal weeks to look at.
        endpoint: outcome that says who is at risk; None counts all patients at every week.
    """
    ids = source.patient_ids
    time = None if endpoint is None else require_endpoint(source, endpoint).reindex(ids)["time_weeks"].astype(float)
    found: dict[str, tuple[MarkerCompleteness, ...]] = {}
    for marker in source.predictors():
        rows = []
        for number in weeks:
            week = LandmarkWeek(number)
            present = source.present_at(marker, week)
            at_risk = pd.Series(data=True, index=ids) if time is None else time > week.landmark_weeks
            if present.any():
                rows.append(MarkerCompleteness(float(number), int((present & at_risk).sum()), int(at_risk.sum())))
        found[marker.text] = tuple(rows)
    return found
