"""Who meets a cohort filter, condition by condition, and the cohort cut down to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from raise_core.domain.cohort import Cohort
from raise_core.domain.cohort_filter import HAS, PATIENT, SCAN, CohortFilter, Condition, Operator
from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.filter_words import filter_words
from raise_core.domain.marker_name import MarkerKind, MarkerName
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.marker_history import baseline, has_baseline
from raise_core.evaluation.marker_values import MarkerSource


@dataclass(frozen=True)
class ConditionCount:
    """What one condition does.

    Attributes:
        condition: which.
        alone: patients of the study who meet it, whatever the others say.
        unknown: patients left out by it because the value is not known.
        remaining: patients who meet it and all conditions before it.
    """

    condition: Condition
    alone: int
    unknown: int
    remaining: int


@dataclass(frozen=True, eq=False)
class FilteredPatients:
    """Patients who meet a filter.

    Attributes:
        patient_ids: they, in the order of the patients table.
        counts: one entry a condition.
        n_study: patients of the study.
    """

    patient_ids: pd.Index[str]
    counts: tuple[ConditionCount, ...]
    n_study: int


def matching(source: MarkerSource, chosen: CohortFilter) -> FilteredPatients:
    """Apply a filter. A patient whose value is not known meets no condition on it, not even `!=`.

    Raises:
        NotInStoreError: a condition names a column, test or week the study does not have.
        BadUsageError: an order comparison of a category.
    """
    ids = source.patient_ids
    kept = pd.Series(data=True, index=ids)
    counts = []
    for condition in chosen.conditions:
        met, known = _meets(source, condition)
        kept &= met
        counts.append(ConditionCount(condition, int(met.sum()), int((~known).sum()), int(kept.sum())))
    return FilteredPatients(ids[kept.to_numpy()], tuple(counts), len(ids))


def restrict(cohort: Cohort, patient_ids: pd.Index[str], *, chosen: CohortFilter) -> Cohort:
    """The cohort with only these patients, in every table; it says by which filter."""
    wanted = frozenset(patient_ids)

    def of_them(table: pd.DataFrame) -> pd.DataFrame:
        return table[table["patient_id"].isin(wanted)].reset_index(drop=True)

    scans = of_them(cohort.scans)
    masks = cohort.masks[cohort.masks["scan_id"].isin(frozenset(scans["scan_id"]))].reset_index(drop=True)
    return replace(
        cohort,
        patients=of_them(cohort.patients),
        outcomes=of_them(cohort.outcomes),
        labs=of_them(cohort.labs),
        lesions=of_them(cohort.lesions),
        scans=scans,
        masks=masks,
        chosen=chosen,
        n_study=cohort.n_patients if cohort.n_study is None else cohort.n_study,
    )


def cohort_words(cohort: Cohort) -> str:
    """The filter in words with the patients it leaves: "G2, pancreas or midgut: 41 of 138"; empty for everybody."""
    if not cohort.chosen:
        return ""
    named = filter_words(cohort.chosen, units=lab_units(cohort))
    return f"{named}: {cohort.n_patients} of {cohort.n_study} patients"


def lab_units(cohort: Cohort) -> dict[str, str]:
    """Unit of each laboratory test (upper case) that has only one."""
    known = cohort.labs[["test", "unit"]].dropna().drop_duplicates()
    known = known.assign(test=known["test"].str.upper()).drop_duplicates("test", keep=False)
    return dict(zip(known["test"], known["unit"].astype(str), strict=True))


def _meets(source: MarkerSource, condition: Condition) -> tuple[pd.Series[bool], pd.Series[bool]]:
    """Whether each patient meets the condition, and whether that is known."""
    ids = source.patient_ids
    everybody = pd.Series(data=True, index=ids)
    denied = condition.operator is Operator.NONE_OF
    if condition.subject == PATIENT:
        named = pd.Series(ids.isin(condition.values), index=ids)
        return (~named if denied else named), everybody
    if condition.subject == HAS:
        there = pd.Series(data=False, index=ids)
        for kind in condition.values:  # noqa: PD011 - a tuple, not a frame
            there |= _recorded(source, kind, condition.week)
        return (~there if denied else there), everybody
    if condition.subject.startswith(SCAN):
        return _scanned(source, condition)
    marker = condition.marker
    if marker is None:
        raise TypeError(f"{condition.subject} is no marker")
    values = _values(source, marker, condition)
    known = values.notna()
    return _compare(values, condition) & known, known


def _compare(values: pd.Series, condition: Condition) -> pd.Series[bool]:
    if condition.operator is Operator.KNOWN:
        return values.notna()
    if condition.operator.compares_numbers:
        if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            raise BadUsageError(f"cohort filter: {condition.subject} is a category; choose values with = instead.")
        number = condition.number
        compared = {
            Operator.ABOVE: values > number, Operator.AT_LEAST: values >= number,
            Operator.BELOW: values < number, Operator.AT_MOST: values <= number,
        }  # fmt: skip
        return compared[condition.operator].fillna(value=False).astype(bool)
    named = _as_text(values).str.casefold().isin(condition.folded_values)
    return ~named if condition.operator is Operator.NONE_OF else named


def _as_text(values: pd.Series) -> pd.Series[str]:
    """Values as they stand in a filter: yes and no, numbers without trailing zeros, text."""

    def write(value: object) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | float):
            return f"{value:g}"
        return {"true": "yes", "false": "no"}.get(str(value).casefold(), str(value))

    return values.astype(object).map(write, na_action="ignore")


def value_levels(source: MarkerSource, column: str) -> dict[str, int]:
    """Values of a characteristic as a filter writes them, with the number of patients, in their order."""
    values = source.cohort.patients[column].dropna()
    numeric = pd.api.types.is_numeric_dtype(values)
    counts = values.value_counts().sort_index() if numeric else _as_text(values).value_counts().sort_index()
    return dict(zip(_as_text(counts.index.to_series()), counts.astype(int), strict=True))


def _values(source: MarkerSource, marker: MarkerName, condition: Condition) -> pd.Series:
    """The marker of every patient: characteristics as they are, others at the condition's week.

    Without one, and at week 0, the baseline as it is defined for changes is meant.
    """
    if marker.kind is MarkerKind.CHARACTERISTIC:
        patients = source.cohort.patients
        if marker.key not in patients.columns or source.is_after_baseline(marker):
            source.require_predictor(marker)  # says which columns there are, or why not this one
        return patients.set_index("patient_id")[marker.key].reindex(source.patient_ids)
    source.require(marker)
    if condition.week:
        found = source.at(marker, LandmarkWeek(condition.week)).by_patient
        return found.iloc[:, 0].reindex(source.patient_ids)
    if not has_baseline(marker):
        raise NotInStoreError(f"cohort filter: {marker.text} is a change since baseline; give a later week, as @12.")
    return baseline(source, marker)


def _recorded(source: MarkerSource, kind: str, week: float | None) -> pd.Series[bool]:
    """Who has anything of a kind recorded, at any time or within a week's window."""
    cohort, ids = source.cohort, source.patient_ids
    tables = {"labs": cohort.labs, "lesions": cohort.lesions, "scans": cohort.scans, "outcome": cohort.outcomes}
    annotated = cohort.scans[cohort.scans["scan_id"].isin(frozenset(cohort.masks["scan_id"]))]
    rows = annotated if kind == "masks" else tables[kind]
    return pd.Series(ids.isin(_dated(rows, week)["patient_id"]), index=ids)


def _dated(rows: pd.DataFrame, week: float | None) -> pd.DataFrame:
    """Rows within the landmark window of a week; all of them without one, or where nothing is dated."""
    if week is None or "week" not in rows.columns:
        return rows
    rule = LandmarkWeek(week)
    return rows[(rows["week"] > week - rule.window_weeks) & (rows["week"] <= rule.landmark_weeks)]


def _scanned(source: MarkerSource, condition: Condition) -> tuple[pd.Series[bool], pd.Series[bool]]:
    ids = source.patient_ids
    scans = _dated(source.cohort.scans, condition.week)
    written = _as_text(scans[condition.subject.removeprefix(SCAN)]).str.casefold()
    with_value = scans[written.isin(condition.folded_values)]
    met = pd.Series(ids.isin(with_value["patient_id"]), index=ids)
    known = pd.Series(ids.isin(scans["patient_id"]), index=ids)
    return (~met & known if condition.operator is Operator.NONE_OF else met), known
