"""How a marker runs over the visits: median and quartiles by arm, and every patient's own line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import MarkerKind, MarkerName
from raise_core.domain.marker_results import PatientLine, Trajectories, TrajectoryPoint
from raise_core.domain.outcome import FloatArray
from raise_core.evaluation.arms import arms_of
from raise_core.evaluation.marker_history import history, known_weeks, marker_scale, values_at
from raise_core.evaluation.marker_values import MarkerSource


def trajectories(source: MarkerSource, marker: MarkerName, weeks: Sequence[float]) -> Trajectories:
    """Median and quartiles of a marker at baseline and at each visit week, by arm, and every patient's own line.

    Values at a visit are those of the landmark rule, at week 0 the baseline's; a change has none there.

    Args:
        source: the cohort.
        marker: a size or laboratory marker.
        weeks: nominal visit weeks.

    Raises:
        BadUsageError: the marker does not change with time.
        NotInStoreError: no such marker, or nobody has a value at any of the weeks.
    """
    source.require(marker)
    rows = history(source, marker)
    if marker.kind is MarkerKind.CHARACTERISTIC or marker.key == "tgr0":
        raise BadUsageError(f"marker '{marker.text}' is known once; it does not change over the visits.")
    shown = known_weeks(source, marker, weeks)
    if not shown:
        raise NotInStoreError(f"nobody in this cohort has a value of {marker.label} at baseline or at a visit week.")
    arms = arms_of(source)
    points: dict[str, list[TrajectoryPoint]] = {name: [] for name in arms.names}
    for week in shown:
        values = values_at(source, marker, week)
        for name in arms.names:
            points[name].append(_point(week, values[arms.members(name).to_numpy()].dropna().to_numpy(dtype=np.float64)))
    lines = tuple(
        PatientLine(
            str(patient), str(arms.of_patient[patient]), own["week"].to_numpy(dtype=np.float64),
            own["value"].to_numpy(dtype=np.float64),
        )
        for patient, own in rows.groupby("patient_id", sort=True)
    )  # fmt: skip
    return Trajectories(
        marker,
        marker_scale(source, marker),
        shown,
        {name: tuple(found) for name, found in points.items() if any(point.n for point in found)},
        lines,
    )


def _point(week: float, values: FloatArray) -> TrajectoryPoint:
    if not len(values):
        return TrajectoryPoint(week, 0, None, None, None)
    low, middle, high = (float(value) for value in np.quantile(values, [0.25, 0.5, 0.75]))
    return TrajectoryPoint(week, len(values), middle, low, high)
