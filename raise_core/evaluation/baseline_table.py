"""The paper's Table 2 for any study: characteristics by arm with missing counts and standardised differences.

Also for cohorts set side by side. No p-values: see `figures.cohort_tables` for why.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from raise_core.domain.characteristics import (
    NO,
    YES,
    BaselineRow,
    BaselineTable,
    CohortComparison,
    GroupSummary,
    Overlap,
    RowKind,
    level_order,
)
from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import SHORT_CHARACTERISTICS, MarkerKind, MarkerName, parse_marker
from raise_core.evaluation import standardised_difference
from raise_core.evaluation.arms import arms_of
from raise_core.evaluation.marker_history import baseline, titled
from raise_core.evaluation.marker_values import MOST_CATEGORIES, MarkerSource

MOST_COHORTS = 4
DEFAULT_BASELINE_MARKERS = ("sld", "lab:CGA")
"""Shown below the characteristics where the study has them: what the paper's models start from."""
_YES_WORDS, _NO_WORDS = frozenset({"true", "yes", "y"}), frozenset({"false", "no", "n"})


def table_markers(source: MarkerSource) -> tuple[str, ...]:
    """Characteristics a table can describe (numbers, and categories that are no free text), the arm not among them.

    One that is the same for everybody stays in: in a filtered cohort that is what the filter did.
    """
    short = {column: name for name, column in SHORT_CHARACTERISTICS.items()}
    patients = source.cohort.patients
    found = []
    for column in patients.columns:
        known = patients[column].dropna()
        few = pd.api.types.is_numeric_dtype(known) or known.nunique() <= MOST_CATEGORIES
        if column not in {"patient_id", "arm"} and len(known) and few:
            found.append(short.get(column, column))
    there = {marker.text for marker in source.markers()}
    return (*found, *(name for name in DEFAULT_BASELINE_MARKERS if name in there))


def baseline_table(
    source: MarkerSource, markers: Sequence[str] | None = None, *, among: pd.Series[bool] | None = None
) -> BaselineTable:
    """Describe a cohort by arm.

    Args:
        source: the cohort.
        markers: characteristics, or markers with a value at baseline; None for `table_markers`.
        among: who is described, index `patient_id`; None for everybody.

    Raises:
        NotInStoreError: a marker the study does not have, or one that is a change from baseline.
    """
    arms = arms_of(source)
    names = table_markers(source) if markers is None else tuple(markers)
    everyone = source.patient_ids
    chosen = everyone if among is None else everyone[among.reindex(everyone).to_numpy(dtype=bool)]
    members = {name: chosen[arms.members(name).reindex(chosen).to_numpy(dtype=bool)] for name in arms.names}
    columns = {name: _values(source, parse_marker(name)) for name in names}
    groups = {arm: {name: values.reindex(ids) for name, values in columns.items()} for arm, ids in members.items()}
    rows = tuple(
        _row(
            name,
            titled(source, parse_marker(name)),
            [groups[arm][name] for arm in arms.names],
            compared=[arms.names.index(arm) for arm in arms.compared],
            overall=columns[name].reindex(chosen),
        )
        for name in names
    )
    sizes = tuple(len(ids) for ids in members.values())
    limit = standardised_difference.chance_limit(*sizes[:2]) if len(arms.compared) == 2 else None
    return BaselineTable(arms.names, sizes, len(chosen), rows, arms.compared, limit)


def compare_groups(
    source: MarkerSource, groups: Mapping[str, pd.Series[bool]], markers: Sequence[str]
) -> BaselineTable:
    """Describe groups of patients of one cohort that do not overlap, as those analysed against those left out.

    Args:
        source: the cohort.
        groups: name to who is in it; index `patient_id`.
        markers: characteristics, or markers with a value at baseline.
    """
    columns = {name: _values(source, parse_marker(name)) for name in markers}
    ids = [source.patient_ids[member.reindex(source.patient_ids).to_numpy(dtype=bool)] for member in groups.values()]
    compared = list(range(len(groups)))
    rows = tuple(
        _row(
            name,
            titled(source, parse_marker(name)),
            [columns[name].reindex(of_group) for of_group in ids],
            compared=compared,
            overall=columns[name],
        )
        for name in markers
    )
    sizes = tuple(len(of_group) for of_group in ids)
    return BaselineTable(tuple(groups), sizes, sum(sizes), rows, tuple(groups), None)


def compare_cohorts(sources: Mapping[str, MarkerSource], markers: Sequence[str] | None = None) -> CohortComparison:
    """Set two to four cohorts of a study side by side; they may share patients.

    Args:
        sources: name to cohort, in the order of the columns.
        markers: rows; None for what every cohort can be described by.

    Raises:
        BadUsageError: fewer than two cohorts or more than four.
    """
    if not 2 <= len(sources) <= MOST_COHORTS:
        raise BadUsageError(f"{len(sources)} cohorts cannot be compared; choose 2 to {MOST_COHORTS}.")
    every = list(sources.values())
    if markers is None:
        offered = dict.fromkeys(name for source in every for name in ("arm", *table_markers(source)))
        names = tuple(name for name in offered if all(_has(source, name) for source in every))
    else:
        names = tuple(markers)
    rows = tuple(
        _row(
            name,
            titled(every[0], parse_marker(name)),
            [_values(source, parse_marker(name)) for source in every],
            compared=list(range(len(every))),
            overall=None,
        )
        for name in names
    )
    table = BaselineTable(
        tuple(sources), tuple(len(source.patient_ids) for source in every), None, rows, tuple(sources), None
    )
    members = {name: frozenset(source.patient_ids) for name, source in sources.items()}
    overlaps = tuple(
        Overlap(a, b, len(members[a] & members[b]), len(members[a] - members[b]), len(members[b] - members[a]))
        for a, b in itertools.combinations(members, 2)
    )
    return CohortComparison(table, overlaps)


def _has(source: MarkerSource, name: str) -> bool:
    """Whether a cohort can be described by a marker; nobody may have a value."""
    marker = parse_marker(name)
    if marker.kind is MarkerKind.CHARACTERISTIC:
        return marker.key in source.cohort.patients.columns
    try:
        source.require(marker)
    except NotInStoreError:
        return False
    return True


def _values(source: MarkerSource, marker: MarkerName) -> pd.Series:
    """Values at baseline: float with NaN, or text levels with None."""
    values = baseline(source, marker).reindex(source.patient_ids)
    known = values.dropna().infer_objects()
    if pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known):
        return values.astype(float)
    return values.astype(object).map(_level, na_action="ignore").astype(object)


def _level(value: object) -> str:
    """A level as a reader expects it: yes and no, a capital in front, names otherwise as recorded."""
    text = str(value).strip()
    if text.lower() in _YES_WORDS:
        return YES
    if text.lower() in _NO_WORDS:
        return NO
    return text[:1].upper() + text[1:] if text.islower() else text


def _row(
    name: str, label: str, groups: Sequence[pd.Series], *, compared: Sequence[int], overall: pd.Series | None
) -> BaselineRow:
    known = [values.dropna() for values in groups]
    if all(pd.api.types.is_numeric_dtype(values) for values in groups):
        gaps = [standardised_difference.of_numbers(known[a], known[b]) for a, b in itertools.combinations(compared, 2)]
        return BaselineRow(
            name, label, RowKind.NUMBER, (),
            tuple(_of_numbers(values) for values in groups),
            None if overall is None else _of_numbers(overall),
            _largest(gaps),
        )  # fmt: skip
    found = {str(level) for values in [*known, *([] if overall is None else [overall.dropna()])] for level in values}
    yes_no = found <= {YES, NO}
    levels = (YES, NO) if yes_no else tuple(sorted(found, key=level_order))
    summaries = [_of_levels(values, levels) for values in groups]
    gaps = [
        standardised_difference.of_categories(summaries[a].counts, summaries[b].counts)
        for a, b in itertools.combinations(compared, 2)
    ]
    return BaselineRow(
        name, label, RowKind.YES_NO if yes_no else RowKind.CATEGORY, levels, tuple(summaries),
        None if overall is None else _of_levels(overall, levels), _largest(gaps),
    )  # fmt: skip


def _largest(gaps: Sequence[float | None]) -> float | None:
    """The largest of all pairs; missing when one of them cannot be made."""
    known = [gap for gap in gaps if gap is not None]
    return max(known) if gaps and len(known) == len(gaps) else None


def _of_numbers(values: pd.Series) -> GroupSummary:
    known = values.dropna().to_numpy(dtype=np.float64)
    missing = len(values) - len(known)
    if not len(known):
        return GroupSummary(0, missing)
    low, middle, high = (float(value) for value in np.quantile(known, [0.25, 0.5, 0.75]))
    sd = float(known.std(ddof=1)) if len(known) > 1 else None
    return GroupSummary(len(known), missing, float(known.mean()), sd, middle, low, high)


def _of_levels(values: pd.Series, levels: Sequence[str]) -> GroupSummary:
    counted = values.value_counts()
    counts = tuple(int(counted.get(level, 0)) for level in levels)
    return GroupSummary(sum(counts), len(values) - sum(counts), counts=counts)
