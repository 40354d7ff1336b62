"""The layout's limits and vocabularies as pandera schemas, and their failures as findings."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray

from raise_core.ingest.issues import Findings, Severity
from raise_core.ingest.layout import Column, Kind, Layout
from raise_core.ingest.parse import missing_cells
from raise_core.ingest.source import SourceTable, report_rows

_RANGE = "range"
_CHOICE = "choice"


@cache
def schema_of(layout: Layout) -> pa.DataFrameSchema:
    """The pandera schema of a parsed canonical file: limits of numbers and vocabularies, missing cells allowed."""
    columns = {}
    for column in layout.columns:
        checks = []
        if np.isfinite(column.low) or np.isfinite(column.high):
            checks.append(pa.Check.in_range(column.low, column.high, name=_RANGE, error=_RANGE))
        if column.choices:
            checks.append(pa.Check.isin(list(column.choices), name=_CHOICE, error=_CHOICE))
        if checks:
            columns[column.name] = pa.Column(None, checks, nullable=True, required=False)
    return pa.DataFrameSchema(columns, strict=False)


def check_values(frame: pd.DataFrame, source: SourceTable, layout: Layout, findings: Findings) -> None:
    """Report cells outside their limits or vocabulary, and empty cells where a value is needed."""
    try:
        schema_of(layout).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as failed:
        cases = failed.failure_cases
        for (name, check), group in cases.groupby(["column", "check"], sort=False):
            where = np.zeros(len(frame), dtype=bool)
            where[group["index"].to_numpy(dtype=np.int64)] = True
            _report(source, layout.by_name[str(name)], str(check), where, findings)
    for column in layout.columns:
        if column.filled and column.name in source.columns:
            report_rows(
                findings,
                source,
                missing_cells(frame, source, column.name) if column.kind is not Kind.ID else _none(frame, column.name),
                column=column.name,
                message="is empty.",
                remedy=_filling_remedy(column),
            )


def _report(source: SourceTable, column: Column, check: str, where: NDArray[np.bool_], findings: Findings) -> None:
    if check == _RANGE:
        message = f"{{cell}} is not within {column.low:g} to {column.high:g} ({column.reason})."
        remedy = column.remedy
    else:
        message = f"'{{cell}}' is not one of: {', '.join(column.choices)}."
        remedy = "Use one of these words, or leave the cell empty." if not column.filled else "Use one of these words."
    report_rows(findings, source, where, column=column.name, message=message, remedy=remedy, severity=Severity.ERROR)


def _none(frame: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    return np.asarray(frame[name].isna().to_numpy(), dtype=bool)


def _filling_remedy(column: Column) -> str:
    if column.kind is Kind.FLAG:
        return "Write true or false in every row, or leave the whole column out."
    return "Fill it in or leave the row out."
