"""From exact text to typed columns; every cell that does not fit its column is reported with its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from raise_core.ingest.issues import Findings, Severity
from raise_core.ingest.layout import MISSING_TEXTS, Column, Kind, Layout
from raise_core.ingest.source import SourceTable, report_rows

_TRUE = ("true", "t", "yes", "y", "1", "1.0")
_FALSE = ("false", "f", "no", "n", "0", "0.0")
_PLAIN_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_CODE_WITH_LEADING_ZERO = r"^[+-]?0\d"
_LONG_DIGITS = r"^[+-]?\d{16,}$"
_MOSTLY_NUMBERS = 0.8
"""From this share of numbers on, a column that is kept as text is probably a number column with slips."""


@dataclass(eq=False)
class ParsedTable:
    """A typed frame beside the file it came from; row n of the frame is line `source.rows[n]`."""

    frame: pd.DataFrame
    source: SourceTable


Parsed = Mapping[str, ParsedTable]
"""Parsed tables by the name of their file without suffix."""


def parse_table(source: SourceTable, layout: Layout, findings: Findings) -> pd.DataFrame:
    """Typed columns of one canonical file, in the layout's order, then (for `patients`) its covariates.

    Ids and text are `object` with None, numbers float64 with NaN, true/false and event codes 'boolean'. A cell that
    cannot be understood is reported and left missing. Row n of the frame stands on line `source.rows[n]`.
    """
    frame = pd.DataFrame(index=pd.RangeIndex(len(source)))
    for column in layout.columns:
        if column.name in source.columns:
            frame[column.name] = _typed(source, column, findings)
    if layout.open_ended:
        for name in source.columns:
            if name not in layout.by_name:
                values = _covariate(source, name, findings)
                if values is not None:
                    frame[name] = values
    return frame


def missing_cells(frame: pd.DataFrame, source: SourceTable, name: str) -> NDArray[np.bool_]:
    """Cells of a column that are empty in the file, as against filled with what could not be understood."""
    cells = source.columns[name]
    empty = pc.is_in(pc.utf8_trim_whitespace(pc.fill_null(cells, "")), value_set=pa.array(MISSING_TEXTS))
    return np.asarray(empty, dtype=bool) & frame[name].isna().to_numpy()


def _typed(source: SourceTable, column: Column, findings: Findings) -> pd.Series:
    if column.kind is Kind.ID:
        return _exact(source, column, findings)
    text = _trimmed(source, column.name)
    if column.kind in (Kind.NUMBER, Kind.WHOLE):
        return _numbers(source, column, text, findings)
    if column.kind is Kind.FLAG:
        return _flags(source, column, text, findings)
    if column.kind is Kind.EVENT:
        return _events(source, column, text, findings)
    if column.kind is Kind.CHOICE:
        words = {word.lower(): word for word in column.choices}
        return _objects(text).map(lambda word: words.get(word.lower(), word), na_action="ignore")
    return _objects(text)


def _trimmed(source: SourceTable, name: str) -> pa.Array:
    """Cells without surrounding blanks, null where nothing is known."""
    text = pc.utf8_trim_whitespace(source.columns[name])
    return pc.if_else(pc.is_in(text, value_set=pa.array(MISSING_TEXTS)), pa.scalar(None, pa.string()), text)


def _objects(text: pa.Array) -> pd.Series:
    values: pd.Series = text.to_pandas().astype(object)
    return values


def _exact(source: SourceTable, column: Column, findings: Findings) -> pd.Series:
    cells = source.columns[column.name]
    padded = pc.fill_null(pc.not_equal(cells, pc.utf8_trim_whitespace(cells)), fill_value=False)
    report_rows(
        findings,
        source,
        np.asarray(padded, dtype=bool),
        column=column.name,
        message="'{cell}' has blanks around it.",
        remedy="Remove them: ids are compared exactly.",
    )
    return _objects(pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells))


def _numbers(source: SourceTable, column: Column, text: pa.Array, findings: Findings) -> pd.Series:
    numbers = _as_float(text)
    given = np.asarray(text.is_valid(), dtype=bool)
    wrong = given & ~np.isfinite(numbers.to_numpy())
    if wrong.any():
        decimal_comma = np.asarray(pc.fill_null(pc.match_substring_regex(text, r"^[+-]?\d*,\d+$"), fill_value=False))
        beyond_limit = np.asarray(pc.fill_null(pc.match_substring_regex(text, r"^\s*[<>]"), fill_value=False))
        for where, message, remedy in (
            (wrong & decimal_comma, "'{cell}' has a decimal comma.", "Write decimals with a point, as in 2.5."),
            (
                wrong & beyond_limit,
                "'{cell}' is a limit, not a number.",
                "Give a number (for a value below the detection limit, say half of it) or leave the row out.",
            ),
            (
                wrong & ~decimal_comma & ~beyond_limit,
                "'{cell}' is not a number.",
                "Give a finite number without unit or thousands separator.",
            ),
        ):
            report_rows(findings, source, where, column=column.name, message=message, remedy=remedy)
    if column.kind is Kind.WHOLE:
        report_rows(
            findings,
            source,
            np.asarray((numbers.notna() & (numbers % 1 != 0)).to_numpy() & ~wrong),
            column=column.name,
            message="'{cell}' is not a whole number.",
            remedy="Give a whole number or leave the cell empty.",
        )
    return numbers.where(np.isfinite(numbers))


def _as_float(text: pa.Array) -> pd.Series:
    """Numbers, NaN where a cell is none."""
    try:
        numbers: pd.Series = pc.cast(text, pa.float64()).to_pandas().astype("float64")
    except pa.ArrowInvalid:  # slower, but goes on after a cell that is no number
        numbers = pd.to_numeric(text.to_pandas().astype(object), errors="coerce").astype("float64")
    return numbers


def _flags(source: SourceTable, column: Column, text: pa.Array, findings: Findings) -> pd.Series:
    lower = pc.utf8_lower(text)
    true = np.asarray(pc.fill_null(pc.is_in(lower, value_set=pa.array(_TRUE)), fill_value=False), dtype=bool)
    false = np.asarray(pc.fill_null(pc.is_in(lower, value_set=pa.array(_FALSE)), fill_value=False), dtype=bool)
    report_rows(
        findings,
        source,
        np.asarray(text.is_valid(), dtype=bool) & ~true & ~false,
        column=column.name,
        message="'{cell}' is neither true nor false.",
        remedy="Write true or false.",
    )
    return pd.Series(pd.arrays.BooleanArray(true, ~(true | false)))


def _events(source: SourceTable, column: Column, text: pa.Array, findings: Findings) -> pd.Series:
    lower = pc.utf8_lower(text)
    true = np.asarray(pc.fill_null(pc.is_in(lower, value_set=pa.array(["1", "1.0", "true"])), fill_value=False))
    false = np.asarray(pc.fill_null(pc.is_in(lower, value_set=pa.array(["0", "0.0", "false"])), fill_value=False))
    given = np.asarray(text.is_valid(), dtype=bool)
    twos = np.asarray(pc.fill_null(pc.is_in(lower, value_set=pa.array(["2", "2.0"])), fill_value=False))
    wrong = given & ~true & ~false
    if wrong.any() and not (wrong & ~twos).any() and not false.any():
        report_rows(
            findings,
            source,
            wrong,
            column=column.name,
            message="'{cell}': events are coded 1 and 2 here, not 0 and 1.",
            remedy="1 must be an event and 0 censored: if 2 means event and 1 censored, subtract 1 in every row.",
        )
    else:
        report_rows(
            findings,
            source,
            wrong,
            column=column.name,
            message="'{cell}' is not 0 (censored) or 1 (event).",
            remedy="Recode the column; of a censoring flag (CNSR, 1 = censored) take 1 - CNSR.",
        )
    return pd.Series(pd.arrays.BooleanArray(true, ~(true | false)))


def _covariate(source: SourceTable, name: str, findings: Findings) -> pd.Series | None:
    """A further patient column: numbers, true/false, else text; None when it has no value at all."""
    text = _trimmed(source, name)
    known = text.drop_null()
    if len(known) == 0:
        if len(source):
            findings.warn(source.file, "has no value in any row.", "It was left out.", row=1, column=name)
        return None
    if name in source.text_columns:
        return _objects(text)
    lower = pc.utf8_lower(known)
    if pc.all(pc.is_in(lower, value_set=pa.array(["true", "false"]))).as_py():
        true = np.asarray(pc.fill_null(pc.equal(pc.utf8_lower(text), "true"), fill_value=False), dtype=bool)
        return pd.Series(pd.arrays.BooleanArray(true, np.asarray(text.is_null(), dtype=bool)))
    plain = pc.match_substring_regex(known, _PLAIN_NUMBER)
    codes = pc.or_(
        pc.match_substring_regex(known, _CODE_WITH_LEADING_ZERO), pc.match_substring_regex(known, _LONG_DIGITS)
    )
    if pc.all(plain).as_py() and not pc.any(codes).as_py():
        return _as_float(text)
    share = pc.sum(plain).as_py() / len(known)
    if share >= _MOSTLY_NUMBERS and not pc.any(codes).as_py():
        wrong = pc.and_(text.is_valid(), pc.invert(pc.match_substring_regex(text, _PLAIN_NUMBER)))
        report_rows(
            findings,
            source,
            np.asarray(pc.fill_null(wrong, fill_value=False), dtype=bool),
            column=name,
            message="'{cell}' is not a number, so the whole column is kept as categories.",
            remedy="Correct or empty the cell if the column is meant to be numbers.",
            severity=Severity.WARNING,
        )
    return _objects(text)
