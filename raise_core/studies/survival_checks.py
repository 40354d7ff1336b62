"""Would the conclusion hold? Subgroups, hazards that change, scans in between, patients left out, competing events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from raise_core.domain.incidence_results import CumulativeIncidence
from raise_core.domain.marker_name import parse_model
from raise_core.domain.outcome import Outcome
from raise_core.domain.sensitivity_results import IntervalSensitivity
from raise_core.domain.subgroup_results import SubgroupForest
from raise_core.domain.survival_results import (
    LogRankTest,
    LogRankWeight,
    ProportionalHazards,
    SurvivalComparison,
)
from raise_core.evaluation.cumulative_incidence import cumulative_incidence, first_event
from raise_core.evaluation.flow import has_annotation
from raise_core.evaluation.interval_censoring import interval_sensitivity, intervals_between_visits
from raise_core.evaluation.landmark import build_landmark_set, require_endpoint
from raise_core.evaluation.log_rank import log_rank
from raise_core.evaluation.marker_values import MOST_CATEGORIES, MarkerSource
from raise_core.evaluation.proportional_hazards import proportional_hazards
from raise_core.evaluation.subgroups import subgroup_forest
from raise_core.evaluation.survival_comparison import compare_survival
from raise_core.evaluation.survival_groups import PatientGroups, SurvivalMaterial
from raise_core.studies.survival_material import level_name

CAUSES = ("PROGRESSION", "DEATH")
SEEN_AT_SCANS = ("PFS", "PROGRESSION")
"""Endpoints whose events are found at scans."""
INCLUDED, NOT_INCLUDED = "In the figure", "Not in the figure"
WITH_IMAGES, WITHOUT_IMAGES = "With readable annotations", "Without"
HIGHER, LOWER = "above the median", "at or below"


@dataclass(frozen=True)
class Comparison:
    """A comparison made to see whether it matters who is in the figure.

    Attributes:
        question: which two groups.
        comparison: of them; None where there is only one group.
        reason: why there is none; empty otherwise.
    """

    question: str
    comparison: SurvivalComparison | None
    reason: str = ""


def subgroups(source: MarkerSource, material: SurvivalMaterial, groups: PatientGroups) -> SubgroupForest:
    """The second group against the first within the levels of every characteristic that does not make the groups.

    Characteristics known only after baseline are left out. Numbers are divided at the median of the patients in the
    figure.

    Args:
        source: cohort.
        material: patients of the figure.
        groups: two of them.
    """
    patients = source.cohort.patients.set_index("patient_id").reindex(list(material.patient_ids))
    used = {marker.key for parts in groups.parts for part in parts for marker in parse_model(part.name).markers}
    columns: dict[str, pd.Series[Any]] = {}
    for column in patients.columns:
        known = patients[column].dropna()
        if column in used or column in source.cohort.study.after_baseline or known.nunique() < 2:
            continue
        if pd.api.types.is_numeric_dtype(known) and known.nunique() > 2:
            columns[str(column)] = _halves(patients[column])
        elif known.nunique() <= MOST_CATEGORIES:
            columns[str(column)] = patients[column].map(level_name, na_action="ignore")
    table = pd.DataFrame(columns, index=patients.index)
    return subgroup_forest(material.outcome, groups.group_of, table, group_labels=groups.labels)


def _halves(values: pd.Series[float]) -> pd.Series[Any]:
    middle = float(values.median())
    labels = np.where(values > middle, f"> {middle:.4g}", f"≤ {middle:.4g}")
    halves = pd.Series(labels, index=values.index).where(values.notna())
    return halves.astype(pd.CategoricalDtype([f"≤ {middle:.4g}", f"> {middle:.4g}"], ordered=True))


def constant_ratio(
    material: SurvivalMaterial, groups: PatientGroups, comparison: SurvivalComparison
) -> ProportionalHazards | None:
    """Whether the hazard ratios change with time; None where one is not finite or events fall at too few times."""
    ratios = [ratio.hr for ratio in comparison.hazard_ratios]
    known = [ratio for ratio in ratios if ratio is not None]
    if not known or len(known) < len(ratios):
        return None
    moments = len(np.unique(material.outcome.time_weeks[material.outcome.event]))
    if moments <= len(known):
        return None
    indicators = (groups.group_of[:, None] == np.arange(1, len(groups.parts))).astype(np.float64)
    try:
        found = proportional_hazards(material.outcome, indicators, np.log(known), groups.labels[1:])
    except np.linalg.LinAlgError:
        return None
    return found if np.isfinite(found.whole.p) else None


def weighted_tests(material: SurvivalMaterial, groups: PatientGroups) -> tuple[LogRankTest, ...]:
    """The log-rank test and those that weigh early events more."""
    return tuple(log_rank(material.outcome, groups.group_of, weight=weight) for weight in LogRankWeight)


def stratified_test(material: SurvivalMaterial, groups: PatientGroups, column: str) -> LogRankTest:
    """The log-rank test with patients compared only within the levels of a column of the material."""
    return log_rank(material.outcome, groups.group_of, strata=material.level_of[column])


def between_scans(
    source: MarkerSource, material: SurvivalMaterial, groups: PatientGroups
) -> IntervalSensitivity | None:
    """The same groups with events dated between scans; None where events are not found at scans, or none is known.

    A death without progression is dated exactly where the study records deaths.
    """
    if material.endpoint not in SEEN_AT_SCANS:
        return None
    start = 0.0 if material.week is None else material.week.landmark_weeks
    tables = [source.cohort.lesions, source.cohort.scans]
    visits = pd.concat([table[["patient_id", "week"]] for table in tables if len(table)] or [tables[0][["patient_id"]]])
    if "week" not in visits.columns or visits.empty:
        return None
    visits = visits.dropna().drop_duplicates()
    place = {patient: position for position, patient in enumerate(material.patient_ids)}
    mine = visits[visits["patient_id"].isin(place)]
    weeks = mine["week"].to_numpy(float) - start
    intervals = intervals_between_visits(
        material.outcome,
        visit_patient=mine["patient_id"].map(place).to_numpy(np.int64)[weeks > 0],
        visit_weeks=weeks[weeks > 0],
        exact=_died_first(source, material),
    )
    return interval_sensitivity(intervals, groups.group_of, groups.labels)


def _died_first(source: MarkerSource, material: SurvivalMaterial) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
    """Whose event is a death; None where the study does not tell."""
    outcomes = source.cohort.outcomes
    deaths = outcomes[outcomes["endpoint"].isin(["DEATH", "OS"]) & outcomes["event"].astype(bool)]
    if deaths.empty:
        return None
    start = 0.0 if material.week is None else material.week.landmark_weeks
    died = deaths.groupby("patient_id")["time_weeks"].min().reindex(list(material.patient_ids))
    same: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.isclose(
        died.to_numpy(float) - start, material.outcome.time_weeks, atol=1e-6
    )
    return same & material.outcome.event


def left_out(source: MarkerSource, material: SurvivalMaterial) -> Comparison:
    """Patients of the figure against those at risk from the same moment who are not in it."""
    question = f"{INCLUDED} v {NOT_INCLUDED.lower()}"
    if material.week is None:
        rows = require_endpoint(source, material.endpoint).reindex(source.patient_ids).dropna()
        ids = [str(patient) for patient in rows.index]
        outcome = Outcome.of(time_weeks=rows["time_weeks"].to_numpy(float), event=rows["event"].to_numpy(bool))
    else:
        everybody = build_landmark_set(source, [], material.week, endpoint=material.endpoint)
        ids, outcome = everybody.patient_ids, everybody.outcome
    inside = np.isin(ids, list(material.patient_ids))
    if inside.all():
        return Comparison(question, None, "everybody at risk is in the figure")
    comparison = compare_survival(outcome, (~inside).astype(int), (INCLUDED, NOT_INCLUDED))
    return Comparison(question, comparison)


def with_images(source: MarkerSource, endpoint: str) -> Comparison:
    """Patients with readable annotations against the others, from randomisation: the papers' 138 against the 66."""
    question = "With readable annotations v without, from randomisation"
    rows = require_endpoint(source, endpoint).reindex(source.patient_ids).dropna()
    imaged = has_annotation(source).reindex(rows.index).to_numpy(bool)
    if not imaged.any() or imaged.all():
        return Comparison(question, None, "all patients are alike in this")
    outcome = Outcome.of(time_weeks=rows["time_weeks"].to_numpy(float), event=rows["event"].to_numpy(bool))
    return Comparison(question, compare_survival(outcome, (~imaged).astype(int), (WITH_IMAGES, WITHOUT_IMAGES)))


def competing_events(
    source: MarkerSource, material: SurvivalMaterial, groups: PatientGroups
) -> CumulativeIncidence | None:
    """How likely progression, and death without it, have come first; None where the study does not tell them apart.

    Patients of the figure without any of the two by its start.
    """
    known = set(source.cohort.outcomes["endpoint"])
    if not known >= set(CAUSES):
        return None
    start = 0.0 if material.week is None else material.week.landmark_weeks
    tables = [require_endpoint(source, cause).reindex(list(material.patient_ids)) for cause in CAUSES]
    # At randomisation everybody counts, at a landmark only who has had neither by then.
    after = [
        table["time_weeks"] > start if material.week is not None else table["time_weeks"].notna() for table in tables
    ]
    kept = np.logical_and.reduce([one.to_numpy() for one in after])
    if not kept.any():
        return None
    progression, death = (
        Outcome.of(
            time_weeks=table[kept]["time_weeks"].to_numpy(float) - start, event=table[kept]["event"].to_numpy(bool)
        )
        for table in tables
    )
    time_weeks, cause = first_event(progression, death)
    present, codes = np.unique(groups.group_of[kept], return_inverse=True)
    labels = tuple(groups.labels[place] for place in present)
    return cumulative_incidence(
        time_weeks, cause, ("Progression", "Death without progression"), group=codes, labels=labels
    )
