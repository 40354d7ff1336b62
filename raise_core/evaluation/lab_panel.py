"""The laboratory values known at a visit of everybody at risk, and which of them a model can be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import skew

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.domain.marker_name import parse_marker
from raise_core.domain.outcome import BoolArray, FloatArray, Outcome
from raise_core.domain.progression_class import progression_class
from raise_core.evaluation.cohort_filter import lab_units
from raise_core.evaluation.landmark import LandmarkSet, build_landmark_set
from raise_core.evaluation.marker_values import MarkerSource

SKEWED = 1.0
"""Sample skewness above which an always positive value is used as its logarithm. All values of the study count, of any
visit, whatever became of the patients, so the rule knows nothing of the outcome and is the same at every visit."""

EVENTS_A_FOLD = 2
NO_CLASS = "censored within the year, so neither short nor long"
NO_VALUE = "no value at this visit"
SAME_VALUE = "the same value in everybody"


@dataclass(frozen=True, eq=False)
class LabPanel:
    """Patients at risk after a visit with the laboratory values dated there.

    Attributes:
        patient_ids: n, sorted.
        labs: p tests that a model is given, upper case, sorted.
        is_log: shape (p,), whether `values` are natural logarithms.
        values: shape (n, p), NaN where missing.
        units: test to its unit, where there is one.
        outcome: after the landmark.
        short: shape (n,), for the classifier whether the event came within the horizon; else all False.
        unused: tests that a model is not given, with the reason.
        known: test (used or not) to who has a value, shape (n,).
        excluded: reason to patients left out.
        n_study: patients of the study.
    """

    patient_ids: tuple[str, ...]
    labs: tuple[str, ...]
    is_log: BoolArray
    values: FloatArray
    units: Mapping[str, str]
    outcome: Outcome
    short: BoolArray
    unused: Mapping[str, str]
    known: Mapping[str, BoolArray]
    excluded: Mapping[str, int]
    n_study: int

    @property
    def n(self) -> int:
        """Patients."""
        return len(self.patient_ids)

    @property
    def in_units(self) -> FloatArray:
        """Values in the unit of the data, shape (n, p)."""
        return np.where(self.is_log, np.exp(np.where(self.is_log, self.values, 0.0)), self.values)


def lab_panel(source: MarkerSource, settings: ImportanceSettings) -> LabPanel:
    """Collect the values by the landmark rule of the settings.

    Raises:
        NotInStoreError: no laboratory values in the study, none dated at the week, no such endpoint, or nobody at risk.
    """
    study = source.cohort.study.study_id
    if not source.tests:
        raise NotInStoreError(
            f"study {study} has no laboratory values; import a labs file to see which of them matter."
        )
    at_risk = build_landmark_set(source, [], settings.landmark, endpoint=settings.endpoint)
    ids, short, excluded = _with_class(at_risk, settings)
    if not len(ids):
        raise NotInStoreError(
            f"study {study}: nobody is at risk of {settings.endpoint} after week {settings.landmark.landmark_weeks:g}; "
            "choose an earlier --week."
        )
    columns: dict[str, pd.Series[float]] = {}
    unused: dict[str, str] = {}
    known: dict[str, BoolArray] = {}
    is_log = {test: is_skewed(source, test) for test in source.tests}
    for test in source.tests:
        values = _values(source, test, settings, log=is_log[test]).reindex(ids)
        known[test] = values.notna().to_numpy()
        why = _why_not(values, settings)
        if why:
            unused[test] = why
        else:
            columns[test] = values
    if not columns:
        weeks = ", ".join(f"{week:g}" for week in weeks_with_labs(source)) or "none"
        raise NotInStoreError(
            f"study {study} has no laboratory value that could be used at week {settings.week:g} "
            f"({'; '.join(f'{test}: {why}' for test, why in unused.items())}). Weeks with values: {weeks}."
        )
    labs = tuple(columns)
    place = np.flatnonzero(np.isin(at_risk.patient_ids, ids))
    units = lab_units(source.cohort)
    return LabPanel(
        tuple(str(patient) for patient in ids),
        labs,
        np.array([is_log[test] for test in labs]),
        np.column_stack([columns[test].to_numpy(dtype=np.float64) for test in labs]),
        {test: units[test] for test in source.tests if test in units},
        at_risk.outcome.take(place),
        short,
        unused,
        known,
        excluded,
        at_risk.n_study,
    )


def require_possible(panel: LabPanel, settings: ImportanceSettings) -> None:
    """Every fold needs events, and a classifier patients of both classes.

    Raises:
        NotInStoreError: there are too few; says how many.
    """
    least = EVENTS_A_FOLD * settings.folds
    if settings.model is ImportanceModel.CLASS_FOREST:
        short, long = int(panel.short.sum()), int((~panel.short).sum())
        if min(short, long) < least:
            raise NotInStoreError(
                f"{short} patients with a short and {long} with a long time to {settings.endpoint} after week "
                f"{settings.week:g}; {settings.folds}-fold cross-validation needs {least} of each. Choose another "
                "--week or --model rsf."
            )
    elif panel.outcome.n_events < least:
        raise NotInStoreError(
            f"{panel.outcome.n_events} events of {settings.endpoint} lie ahead of week {settings.week:g}; "
            f"{settings.folds}-fold cross-validation needs {least}. Choose an earlier --week or another --endpoint."
        )


def weeks_with_labs(source: MarkerSource) -> tuple[float, ...]:
    """The baseline and the study's visits at which anybody has a laboratory value."""
    dated = source.labs.loc[source.labs["lab"].notna(), "week"].to_numpy(dtype=float)
    found = []
    for week in (0.0, *map(float, source.visit_weeks)):
        rule = ImportanceSettings(week=week).landmark
        if ((dated > week - rule.window_weeks) & (dated <= rule.landmark_weeks)).any():
            found.append(week)
    return tuple(found)


def is_skewed(source: MarkerSource, test: str) -> bool:
    """Whether a test is used as its logarithm: always positive and skewed; see `SKEWED`."""
    values = source.labs.loc[source.labs["test"] == test, "lab"].dropna().to_numpy(dtype=np.float64)
    if len(values) < 3 or not (values > 0).all() or (values == values[0]).all():
        return False
    return bool(skew(values) > SKEWED)


def _with_class(at_risk: LandmarkSet, settings: ImportanceSettings) -> tuple[pd.Index[str], BoolArray, dict[str, int]]:
    """Patients, who of them is short, and how many were left out why. Only the classifier needs a class.

    The horizon counts from the visit, the clock of the outcome from the landmark a little later.
    """
    ids: pd.Index[str] = pd.Index(at_risk.patient_ids, name="patient_id")
    excluded = dict(at_risk.excluded)
    if settings.model is not ImportanceModel.CLASS_FOREST:
        return ids, np.zeros(len(ids), dtype=np.bool_), excluded
    classes = progression_class(at_risk.outcome, horizon_weeks=settings.horizon_weeks - settings.tolerance_weeks)
    if classes.n_unknown:
        excluded[NO_CLASS] = classes.n_unknown
    return ids[classes.known], ~classes.long[classes.known], excluded


def _values(source: MarkerSource, test: str, settings: ImportanceSettings, *, log: bool) -> pd.Series[float]:
    """A test on its scale, index `patient_id`; all missing where nobody has a value at the week."""
    marker = parse_marker(f"{'log' if log else 'lab'}:{test}")
    try:
        return source.at(marker, settings.landmark).by_patient[marker.text]
    except NotInStoreError:
        return pd.Series(np.nan, index=source.patient_ids)


def _why_not(values: pd.Series[float], settings: ImportanceSettings) -> str:
    missing = float(values.isna().mean())
    if missing == 1.0:
        return NO_VALUE
    if missing > settings.most_missing:
        return f"missing in {100 * missing:.0f} % of the patients at risk"
    return SAME_VALUE if values.nunique() < 2 else ""
