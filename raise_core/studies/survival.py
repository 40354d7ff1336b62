"""Kaplan-Meier of a study: by a column, or by a marker cut at a threshold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import MarkerKind, Model, parse_marker
from raise_core.domain.outcome import Outcome
from raise_core.domain.results import Provenance
from raise_core.domain.survival_results import Cut, SurvivalReport
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.cohort_filter import cohort_words
from raise_core.evaluation.cut_points import scan_cuts
from raise_core.evaluation.landmark import build_landmark_set, require_endpoint
from raise_core.evaluation.marker_values import MOST_CATEGORIES, MarkerSource
from raise_core.evaluation.survival_comparison import compare_survival

MEDIAN = "median"
PROTOCOL_CUTS = {
    ("sldr", 1.2): "20 % above baseline",
    ("sldr", 0.7): "30 % below baseline, RECIST response",
    ("sldn", 1.2): "20 % above nadir, RECIST progression",
}
"""Thresholds of markers that were fixed before anybody saw these data."""
UPPER_LIMIT = ("ratio:", 1.0, "upper limit of normal")


def survival_by_column(source: MarkerSource, column: str, *, endpoint: str) -> SurvivalReport:
    """Curves from randomisation for each level of a patient column.

    The reference is the study's reference arm, or the first level in alphabetical order.

    Raises:
        NotInStoreError: no such column or endpoint, or nobody with both.
        BadUsageError: too many levels to compare.
    """
    outcomes = require_endpoint(source, endpoint).reindex(source.patient_ids)
    patients = source.cohort.patients.set_index("patient_id")
    if column not in patients.columns:
        known = ", ".join(name for name in patients.columns if patients[name].nunique() <= MOST_CATEGORIES)
        raise NotInStoreError(f"study {source.cohort.study.study_id} has no column {column!r}; it has {known}.")
    known_levels = patients[column].dropna()
    levels = [_level(value) for value in sorted(known_levels.unique())]
    if len(levels) > MOST_CATEGORIES:
        raise BadUsageError(
            f"column {column!r} has {len(levels)} different values; at most {MOST_CATEGORIES} curves can be compared. "
            f"Cut it with: --marker {column} --week 0 --threshold median"
        )
    reference = source.reference_level(column, levels)
    level = known_levels.map(_level).reindex(source.patient_ids)
    reason = pd.Series("", index=source.patient_ids)
    reason[level.isna().to_numpy()] = f"{column} missing"
    reason[outcomes["time_weeks"].isna().to_numpy()] = f"no {endpoint} recorded"
    kept = reason == ""
    present = set(level[kept])
    labels = sorted(present, key=lambda name: (name != reference, levels.index(name)))
    if not labels:
        raise NotInStoreError(f"no patient has both {column!r} and {endpoint} recorded.")
    ends = outcomes[kept.to_numpy()]
    comparison = compare_survival(
        Outcome.of(time_weeks=ends["time_weeks"].to_numpy(float), event=ends["event"].to_numpy(bool)),
        level[kept].map(labels.index).to_numpy(int),
        labels,
    )
    return SurvivalReport(
        endpoint, 0.0, comparison, None, _counted(reason[~kept]), len(source.patient_ids), _provenance(source)
    )


def survival_by_marker(
    source: MarkerSource, marker_text: str, week: LandmarkWeek, *, threshold: float | None, endpoint: str
) -> SurvivalReport:
    """Curves from a landmark for the patients at or below a threshold of a marker and those above it.

    Args:
        source: cohort.
        marker_text: one marker of the tables, a number.
        week: landmark.
        threshold: in the marker's unit; None for the median of the patients at risk.
        endpoint: outcome.

    Raises:
        BadUsageError: not a number, or one of the groups is empty.
        NotInStoreError: no such endpoint, marker or week.
    """
    marker = parse_marker(marker_text)
    if marker.kind is MarkerKind.DEEP:
        raise BadUsageError(f"marker '{marker.text}' comes from a run; cut a marker of the tables.")
    model = Model((marker,))
    landmark = build_landmark_set(source, [model], week, endpoint=endpoint)
    columns, names = landmark.covariates(model)
    if len(names) != 1 or "=" in names[0]:
        raise BadUsageError(f"marker '{marker.text}' is no number; use --by {marker.key}.")
    values = columns[:, 0]
    if not len(values):
        raise NotInStoreError(f"nobody with {marker.text} is at risk after week {week.landmark_weeks:g}.")
    cut_at = float(np.median(values)) if threshold is None else float(threshold)
    above = values > cut_at
    comparison = compare_survival(
        landmark.outcome, above.astype(int), (f"{marker.text} ≤ {cut_at:.4g}", f"{marker.text} > {cut_at:.4g}")
    )
    fixed = "median" if threshold is None else fixed_in_advance(marker.text, cut_at)
    adjusted = None if fixed else adjusted_p(landmark.outcome, values, cut_at)
    return SurvivalReport(
        endpoint,
        week.landmark_weeks,
        comparison,
        Cut(marker.text, week.week, cut_at, fixed, adjusted),
        dict(landmark.excluded),
        landmark.n_study,
        _provenance(source),
    )


def fixed_in_advance(marker: str, threshold: float) -> str:
    """Why a threshold owes nothing to these data: a protocol value, the upper limit of normal; empty otherwise."""
    prefix, limit, name = UPPER_LIMIT
    if marker.startswith(prefix) and threshold == limit:
        return name
    return PROTOCOL_CUTS.get((marker, threshold), "")


def adjusted_p(
    outcome: Outcome, values: np.ndarray[tuple[int], np.dtype[np.float64]], threshold: float
) -> float | None:
    """P-value of a chosen threshold, adjusted for the choice; None where choices are not allowed for."""
    try:
        scan = scan_cuts(outcome, values)
    except BadUsageError:
        return None
    place = scan.place(threshold)
    return None if place is None else scan.adjusted_p(float(scan.statistic[place]))


def _level(value: object) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def _counted(reasons: pd.Series[str]) -> dict[str, int]:
    return {str(reason): int(count) for reason, count in reasons.value_counts().sort_index().items()}


def _provenance(source: MarkerSource) -> Provenance:
    study = source.cohort.study
    return Provenance(
        study.study_id, study.title, study.snapshot_id, study.simulated, cohort_words=cohort_words(source.cohort)
    )
