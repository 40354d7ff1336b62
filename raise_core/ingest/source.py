"""One table file as exact text with the line each row stands on; nothing is guessed about types yet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from raise_core.ingest.issues import Findings, Severity

_BLOCK_BYTES = 32 * 2**20
_UTF8_BOM = b"\xef\xbb\xbf"
_UTF8_REMEDY = "Save the file as UTF-8 (in Excel: 'CSV UTF-8'; in R: fileEncoding = \"UTF-8\")."
_FOREIGN_STARTS = {
    b"\xff\xfe": ("is UTF-16 text", _UTF8_REMEDY),
    b"\xfe\xff": ("is UTF-16 text", _UTF8_REMEDY),
    b"PK\x03\x04": ("is an Excel workbook or a zip archive, not CSV text", "Save the sheet as 'CSV UTF-8'."),
    b"\x1f\x8b": ("is gzip-compressed", "Unpack it first."),
}


@dataclass(frozen=True, eq=False)
class SourceTable:
    """A file's cells as text.

    Attributes:
        file: name inside the import folder.
        columns: Arrow text arrays of equal length by column name; a null is a missing cell of a Parquet file.
        rows: line of each row as an editor counts it; in a Parquet file the first row is 2, as if a header stood above.
        text_columns: columns a Parquet file declares to be text, which are not to be taken for numbers.
    """

    file: str
    columns: Mapping[str, pa.Array]
    rows: NDArray[np.int64]
    text_columns: frozenset[str]

    def __len__(self) -> int:
        return len(self.rows)


def read_source(path: Path, findings: Findings) -> SourceTable | None:
    """Read a CSV or Parquet file; what is wrong with it goes to `findings`, then None is returned."""
    return _read_parquet(path, findings) if path.suffix == ".parquet" else _read_csv(path, findings)


def _read_csv(path: Path, findings: Findings) -> SourceTable | None:
    content = path.read_bytes().removeprefix(_UTF8_BOM)
    if not _is_plain_text(path.name, content, findings):
        return None
    names = _header(path.name, content, findings)
    if names is None:
        return None
    ragged: list[pa_csv.InvalidRow] = []

    def note(row: pa_csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    try:
        table = pa_csv.read_csv(
            io.BytesIO(content),
            read_options=pa_csv.ReadOptions(
                use_threads=False, skip_rows=1, column_names=names, block_size=_BLOCK_BYTES
            ),
            parse_options=pa_csv.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=note
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV file" not in str(error):
            remedy = "Look for a quotation mark that is not closed."
            findings.error(path.name, f"cannot be read as CSV ({error}).", remedy)
            return None
        table = pa.table({name: pa.array([], pa.string()) for name in names})
    columns = {name: table.column(name).combine_chunks() for name in names}
    lines = _lines(columns, table.num_rows, ragged)
    skipped = np.array([row.number - 2 for row in ragged], dtype=np.int64)
    findings.at_rows(
        Severity.ERROR,
        path.name,
        lines[skipped],
        column=None,
        message=lambda n: f"has {ragged[n].actual_columns} cells where the header has {len(names)}.",
        remedy="Put text that holds commas in quotation marks, and give every row the same number of cells.",
    )
    return None if ragged else _without_blank_rows(path.name, columns, lines)


def _is_plain_text(file: str, content: bytes, findings: Findings) -> bool:
    for start, (what, remedy) in _FOREIGN_STARTS.items():
        if content.startswith(start):
            findings.error(file, f"{what}.", remedy)
            return False
    if not content.strip():
        findings.error(file, "is empty.", "Write at least the header line, or leave the file out.", row=1)
        return False
    if b"\x00" in content:
        row = content[: content.index(b"\x00")].count(b"\n") + 1
        findings.error(file, "holds a NUL byte, so it is not plain text.", _UTF8_REMEDY, row=row)
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        bad = sum(not _decodes(line) for line in content.split(b"\n"))
        byte = content[error.start : error.start + 1]
        likely = byte.decode("windows-1252", errors="replace")
        findings.error(
            file,
            f"is not UTF-8 in {bad} of its lines: this is the first, with the byte 0x{byte.hex().upper()} "
            f"('{likely}' in Windows-1252). The encodings may be mixed.",
            _UTF8_REMEDY,
            row=row,
        )
        return False
    return True


def _decodes(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _header(file: str, content: bytes, findings: Findings) -> list[str] | None:
    """Column names, or None when the file is not comma-separated or names are missing or doubled."""
    first = content.split(b"\n", 1)[0].decode("utf-8").rstrip("\r")
    for mark, word in ((";", "semicolons"), ("\t", "tabs")):
        if mark in first and "," not in first:
            findings.error(
                file,
                f"is separated by {word}.",
                "Separate cells by commas and write decimals with a point "
                "(in R: write.csv, not write.csv2; in Excel: a region with a decimal point).",
                row=1,
            )
            return None
    names = [name.strip() for name in next(csv.reader([first], strict=False), [])]
    return names if check_names(file, names, findings) else None


def check_names(file: str, names: list[str], findings: Findings) -> bool:
    """Note names that are empty or stand twice (upper and lower case are one); True when there are none."""
    sound = True
    seen: dict[str, str] = {}
    for position, name in enumerate(names, start=1):
        if not name:
            findings.error(
                file,
                f"column {position} has no name.",
                "Name it or remove it (in R: write.csv(..., row.names = FALSE)).",
                row=1,
            )
            sound = False
        elif name.lower() in seen:
            earlier = seen[name.lower()]
            both = "stands twice" if earlier == name else f"differs from {earlier!r} only by upper and lower case"
            findings.error(file, f"column {name!r} {both}.", "Keep one of them or rename one.", row=1, column=name)
            sound = False
        seen.setdefault(name.lower(), name)
    return sound


def _lines(columns: Mapping[str, pa.Array], n_rows: int, ragged: list[pa_csv.InvalidRow]) -> NDArray[np.int64]:
    """Editor line of every row, ragged ones included: its number plus the line breaks in quoted cells above."""
    breaks = np.zeros(n_rows, dtype=np.int64)
    for column in columns.values():
        if pc.any(pc.match_substring(column, "\n")).as_py():
            breaks += np.asarray(pc.count_substring(column, "\n"), dtype=np.int64)
    for row in ragged:  # ascending, so that each position is right when its turn comes
        breaks = np.insert(breaks, row.number - 2, row.text.count("\n"))
    before: NDArray[np.int64] = np.cumsum(breaks) - breaks
    return np.arange(2, len(breaks) + 2) + before


def _without_blank_rows(file: str, columns: Mapping[str, pa.Array], rows: NDArray[np.int64]) -> SourceTable:
    """Drop rows without any text, which editors and Excel leave at the end."""
    blank = np.ones(len(rows), dtype=bool)
    for column in columns.values():
        if not blank.any():
            break
        blank &= np.asarray(pc.equal(pc.binary_length(column), 0), dtype=bool)
    if blank.any():
        keep = pa.array(~blank)
        columns = {name: column.filter(keep) for name, column in columns.items()}
        rows = rows[~blank]
    return SourceTable(file, columns, rows, frozenset())


def _read_parquet(path: Path, findings: Findings) -> SourceTable | None:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else "no reason given"
        findings.error(path.name, f"cannot be read as Parquet ({reason}).", "Write the file again, or bring CSV.")
        return None
    if not check_names(path.name, [name.strip() for name in table.column_names], findings):
        return None
    columns: dict[str, pa.Array] = {}
    text_columns = set()
    for name, chunked in zip(table.column_names, table.columns, strict=True):
        kind = chunked.type.value_type if pa.types.is_dictionary(chunked.type) else chunked.type
        try:
            columns[name.strip()] = chunked.cast(pa.string()).combine_chunks()
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            findings.error(
                path.name, f"holds {chunked.type}, not text, numbers or true/false.", "Convert it.", row=1, column=name
            )
            continue
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            text_columns.add(name.strip())
        elif pa.types.is_floating(kind) and name.strip().endswith(("_id", "test", "endpoint")):
            findings.error(
                path.name,
                "holds decimal numbers where ids are text; leading zeros are lost already.",
                "Write the column as text.",
                row=1,
                column=name,
            )
    if len(columns) < table.num_columns:
        return None
    rows = np.arange(table.num_rows, dtype=np.int64) + 2
    return SourceTable(path.name, columns, rows, frozenset(text_columns))


def report_rows(
    findings: Findings,
    table: SourceTable,
    where: NDArray[np.bool_],
    *,
    column: str | None,
    message: str,
    remedy: str,
    severity: Severity = Severity.ERROR,
) -> None:
    """Note a finding at every row where `where` is true; `{cell}` in `message` becomes the cell's text."""
    positions = np.flatnonzero(where)
    cells = table.columns.get(column) if column is not None else None

    def text(n: int) -> str:
        cell = cells[int(positions[n])].as_py() if cells is not None else None
        shown = "" if cell is None else cell if len(cell) <= 60 else cell[:57] + "..."
        return message.replace("{cell}", shown)

    findings.at_rows(severity, table.file, table.rows[positions], column=column, message=text, remedy=remedy)
