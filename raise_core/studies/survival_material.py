"""What a survival figure is made of: patients at risk with the columns, markers and held-out risks that divide them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import Model, parse_marker, parse_model
from raise_core.domain.outcome import Outcome
from raise_core.domain.results import Provenance
from raise_core.domain.survival_question import ByCut, SurvivalQuestion
from raise_core.evaluation.cohort_filter import cohort_words
from raise_core.evaluation.landmark import build_landmark_set, require_endpoint
from raise_core.evaluation.marker_values import MOST_CATEGORIES, MarkerSource
from raise_core.evaluation.survival_groups import SurvivalMaterial
from raise_core.studies.patient import CohortRisks

NO_TEST_SPLIT = "no split tests the patient"


def survival_material(
    source: MarkerSource,
    question: SurvivalQuestion,
    *,
    further_columns: Sequence[str] = (),
    risks: Mapping[str, CohortRisks] | None = None,
) -> SurvivalMaterial:
    """Everybody at risk for whom all of the question's dividers are known.

    Args:
        source: cohort.
        question: thresholds are not looked at.
        further_columns: columns that are wanted as well, as for facets.
        risks: held-out risks of the models that are cut, at the question's week.

    Raises:
        BadUsageError: a column with too many levels, or a marker that is no number.
        NotInStoreError: no such endpoint, column, marker or week.
    """
    markers = [cut.model for cut in question.cuts if not cut.is_risk]
    models = [parse_model(text) for text in dict.fromkeys(markers)]
    left_out, outcome, values = _at_risk(source, question, models)
    columns = list(dict.fromkeys([*question.columns, *further_columns]))
    levels = {column: column_levels(source, column) for column in columns}
    patients = source.cohort.patients.set_index("patient_id")
    for column in columns:
        known = patients[column].reindex(outcome.index).notna()
        _leave_out(left_out, outcome.index[~known], f"{column} missing")
        outcome = outcome[known.to_numpy()]
    for cut in question.cuts:
        if cut.is_risk:
            values[cut.model] = _held_out(cut, question, risks or {}, left_out, outcome.index)
            outcome = outcome[values[cut.model].reindex(outcome.index).notna().to_numpy()]
    reasons = pd.Series(left_out, dtype=object)
    level_of = {
        column: patients[column].reindex(outcome.index).map(level_name).map(levels[column].index).to_numpy(np.int64)
        for column in columns
    }
    present = {column: np.unique(places) for column, places in level_of.items()}
    numbers = {name: np.asarray(found.reindex(outcome.index), dtype=np.float64) for name, found in values.items()}
    return SurvivalMaterial(
        endpoint=question.endpoint,
        week=question.week,
        patient_ids=tuple(str(patient) for patient in outcome.index),
        outcome=Outcome.of(time_weeks=outcome["time_weeks"].to_numpy(float), event=outcome["event"].to_numpy(bool)),
        levels={column: tuple(levels[column][place] for place in present[column]) for column in columns},
        level_of={column: np.searchsorted(present[column], level_of[column]).astype(np.int64) for column in columns},
        marker_values=numbers,
        medians={name: float(np.median(found)) for name, found in numbers.items() if len(found)},
        excluded={str(reason): int(count) for reason, count in reasons.value_counts().sort_index().items()},
        excluded_patients=pd.DataFrame({"patient_id": list(reasons.index), "reason": list(reasons)}),
        n_study=len(source.patient_ids),
        provenance=_provenance(source, risks or {}),
    )


def _at_risk(
    source: MarkerSource, question: SurvivalQuestion, models: Sequence[Model]
) -> tuple[dict[str, str], pd.DataFrame, dict[str, pd.Series[float]]]:
    """Reasons of those left out; time and event of the others, index `patient_id`; values of the table markers."""
    if question.week is None:
        rows = require_endpoint(source, question.endpoint).reindex(source.patient_ids)
        known = rows["time_weeks"].notna()
        left_out = {str(patient): f"no {question.endpoint} recorded" for patient in rows.index[~known]}
        return left_out, rows[known], {}
    landmark = build_landmark_set(source, models, question.week, endpoint=question.endpoint)
    values = {}
    for model in models:
        columns, names = landmark.covariates(model)
        if len(names) != 1 or "=" in names[0]:
            raise BadUsageError(f"marker '{model.text}' is no number; use --by {model.markers[0].key}.")
        values[model.text] = pd.Series(columns[:, 0], index=pd.Index(landmark.patient_ids))
    left = landmark.excluded_patients
    left_out = dict(zip(left["patient_id"].astype(str), left["reason"].astype(str), strict=True))
    rows = pd.DataFrame(
        {"time_weeks": landmark.outcome.time_weeks, "event": landmark.outcome.event},
        index=pd.Index(landmark.patient_ids),
    )
    return left_out, rows, values


def _held_out(
    cut: ByCut,
    question: SurvivalQuestion,
    risks: Mapping[str, CohortRisks],
    left_out: dict[str, str],
    patients: pd.Index[str],
) -> pd.Series[float]:
    """Mean risk over the splits that test a patient; who has none is left out with the model's own reason."""
    week = question.week.week if question.week is not None else 0.0
    found = risks.get(cut.model)
    held_out = None if found is None else found.by_week.get(week)
    if found is None or held_out is None:
        raise NotInStoreError(f"model '{cut.model}' has no held-out risks at week {week:g}; choose another week.")
    risk = pd.Series(held_out.mean_held_out, index=pd.Index(held_out.patient_ids)).dropna()
    reasons = found.excluded.get(week, {})
    for patient in patients.difference(risk.index):
        _leave_out(left_out, [patient], reasons.get(str(patient), NO_TEST_SPLIT))
    return risk


def _leave_out(left_out: dict[str, str], patients: Sequence[str] | pd.Index[str], reason: str) -> None:
    left_out.update({str(patient): reason for patient in patients})


def column_levels(source: MarkerSource, column: str) -> tuple[str, ...]:
    """Levels of a patient column: the study's reference arm or the first in order first.

    Raises:
        NotInStoreError: no such column.
        BadUsageError: too many levels to compare, or the column is known only after baseline.
    """
    patients = source.cohort.patients
    if column in source.cohort.study.after_baseline:
        source.require_predictor(parse_marker(column))
    if column not in patients.columns or column == "patient_id":
        known = ", ".join(name for name in patients.columns if patients[name].nunique() <= MOST_CATEGORIES)
        raise NotInStoreError(f"study {source.cohort.study.study_id} has no column {column!r}; it has {known}.")
    levels = [level_name(value) for value in sorted(patients[column].dropna().unique())]
    if len(levels) > MOST_CATEGORIES:
        raise BadUsageError(
            f"column {column!r} has {len(levels)} different values; at most {MOST_CATEGORIES} curves can be compared. "
            f"Cut it with: --marker {column} --week 0 --threshold median"
        )
    reference = source.reference_level(column, levels)
    return tuple(sorted(levels, key=lambda name: (name != reference, levels.index(name))))


def level_name(value: object) -> str:
    """A level of a patient column as text; true and false in words."""
    if isinstance(value, (bool, np.bool_)) or str(value).lower() in ("true", "false"):
        return "yes" if str(value).lower() == "true" else "no"
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def _provenance(source: MarkerSource, risks: Mapping[str, CohortRisks]) -> Provenance:
    study = source.cohort.study
    of_run = [found.provenance for found in risks.values() if found.provenance.run_id is not None]
    return Provenance(
        study.study_id,
        study.title,
        study.snapshot_id,
        study.simulated,
        run_id=of_run[0].run_id if of_run else None,
        encoder=of_run[0].encoder if of_run else None,
        cohort_words=cohort_words(source.cohort),
    )
