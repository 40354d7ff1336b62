"""A table as people take it away: CSV, a web page of its own, a Word document. Each says what it was made from."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from html import escape

import pandas as pd

Cell = str | int | float | None

SIMULATED = "Simulated data"
CSV_MIME, HTML_MIME, WORD_MIME = "text/csv", "text/html", "application/msword"
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""A spreadsheet may run a cell that begins so; from data such a cell is text."""
_RULE = "1px solid #8A8F94"
_INDENT_EM = 1.4
_VALUE, _PROSE = "text-align:right;white-space:nowrap", "text-align:left;min-width:16em"
LONGEST_VALUE = 44  # letters; a longer cell is a sentence


@dataclass(frozen=True)
class Origin:
    """What a table was made from.

    Attributes:
        study_id: study.
        study_title: its name for people.
        snapshot_id: data snapshot.
        cohort_words: the filter in words with its counts; empty for everybody.
        simulated: True when the patients are not real.
        patients: number of patients the table is about.
    """

    study_id: str
    study_title: str
    snapshot_id: str
    cohort_words: str
    simulated: bool
    patients: int

    @property
    def shown(self) -> str:
        """Which patients, in words."""
        return self.cohort_words or f"All patients: {self.patients}"


@dataclass(frozen=True)
class TableRow:
    """One row.

    Attributes:
        cells: one a column; None stays empty.
        section: heading the row stands under, empty for none.
        is_heading: the row names a section and holds nothing else.
    """

    cells: tuple[Cell, ...]
    section: str = ""
    is_heading: bool = False


@dataclass(frozen=True)
class PrintedTable:
    """A table ready to be read: cells are formatted, columns named in words.

    Attributes:
        title: what it shows.
        columns: headings; the first column names the rows.
        rows: in their order.
        notes: sentences under the table: method, abbreviations, what is missing.
        origin: what it was made from.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]
    origin: Origin

    def __post_init__(self) -> None:
        odd = [row for row in self.rows if len(row.cells) != len(self.columns)]
        if odd:
            raise ValueError(f"row {odd[0].cells} does not have the {len(self.columns)} cells of {self.columns}")


def source_line(origin: Origin) -> str:
    """Patients shown, snapshot and whether they are simulated, as every figure and table ends."""
    simulated = f" {SIMULATED}." if origin.simulated else ""
    return f"Patients shown: {origin.shown}. Data snapshot {origin.snapshot_id[:8]}.{simulated}"


def to_csv(table: PrintedTable) -> bytes:
    """The cells with section, study, snapshot, patients and whether they are simulated on every line.

    UTF-8 with a byte-order mark, so that spreadsheets read the letters right; text that a spreadsheet would take for a
    formula is marked as text with an apostrophe.
    """
    origin = table.origin
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [safe_text(name) for name in ("Section", *table.columns)]
        + ["Study", "Snapshot", "Patients shown", "Simulated data"]
    )
    source = [safe_text(part) for part in (origin.study_id, origin.snapshot_id, origin.shown)]
    for row in table.rows:
        cells = [safe_text(cell) if isinstance(cell, str) else ("" if cell is None else cell) for cell in row.cells]
        writer.writerow([safe_text(row.section), *cells, *source, "yes" if origin.simulated else "no"])
    return out.getvalue().encode("utf-8-sig")


def frame_to_csv(frame: pd.DataFrame) -> str:
    """A data frame as CSV at full precision, its text and headings as `safe_text` writes them.

    Args:
        frame: any; its index is left out.
    """
    safe = frame.map(lambda cell: safe_text(cell) if isinstance(cell, str) else cell)
    return safe.rename(columns=safe_text).to_csv(index=False)


def safe_text(text: str) -> str:
    """A text cell on one line that no spreadsheet takes for a formula."""
    text = "".join(character if character.isprintable() else " " for character in text).strip()
    return f"'{text}" if text.startswith(_FORMULA) else text


def to_html(table: PrintedTable) -> bytes:
    """A page that stands alone: title, badge, table, notes, study, snapshot and patients shown."""
    return _document(table, head="", body_style="margin:2em;max-width:70em;color:#16202A;background:#FFFFFF")


def to_word(table: PrintedTable) -> bytes:
    """The same page as Word opens it, A4 landscape; the table is a Word table."""
    head = (
        '<meta name="ProgId" content="Word.Document">'
        "<!--[if gte mso 9]><xml><w:WordDocument><w:View>Print</w:View><w:Zoom>100</w:Zoom></w:WordDocument></xml>"
        "<![endif]-->"
        "<style>@page WordSection1 {size:841.9pt 595.3pt;mso-page-orientation:landscape;margin:2cm}"
        " div.WordSection1 {page:WordSection1}</style>"
    )
    return _document(table, head=head, body_style="color:#000000")


def _document(table: PrintedTable, *, head: str, body_style: str) -> bytes:
    title = escape(table.title)
    text = (
        '<!DOCTYPE html>\n<html lang="en" xmlns="http://www.w3.org/1999/xhtml" '
        'xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:w="urn:schemas-microsoft-com:office:word">\n'
        f'<head><meta charset="utf-8"><title>{title}</title>{head}</head>\n'
        f'<body style="font-family:Calibri,Arial,sans-serif;font-size:11pt;{body_style}">'
        f'<div class="WordSection1">\n<h1 style="font-size:14pt">{title}</h1>\n{_badge(table.origin)}'
        f"{table_element(table, size='11pt')}\n{_below(table)}</div></body></html>\n"
    )
    return text.encode("utf-8")


def _badge(origin: Origin) -> str:
    if not origin.simulated:
        return ""
    return f'<p><b style="background:#FFE3B3;color:#5A3A00;padding:2pt 6pt">{SIMULATED}</b></p>\n'


def _below(table: PrintedTable) -> str:
    origin = table.origin
    lines = [
        *table.notes,
        f"{origin.study_title} (study {origin.study_id}), data snapshot {origin.snapshot_id}.",
        f"Patients shown: {origin.shown}.",
    ]
    if origin.simulated:
        lines.append(f"{SIMULATED}: these patients do not exist.")
    return "".join(f'<p style="font-size:9.5pt;margin:3pt 0">{escape(line)}</p>\n' for line in lines)


def table_element(table: PrintedTable, *, size: str = "1rem") -> str:
    """The table alone, its styles inline, so that it can be copied into a document; colours are the page's own.

    Args:
        table: what to write.
        size: font size, in CSS.
    """
    prose = _prose_columns(table)
    heads = "".join(
        f'<th scope="col" style="text-align:{"left" if place in {0, *prose} else "right"};padding:4px 7px;'
        f'border-top:{_RULE};border-bottom:{_RULE};font-weight:600;vertical-align:bottom">{_heading(name)}</th>'
        for place, name in enumerate(table.columns)
    )
    rows = "\n".join(_row(row, last=place == len(table.rows) - 1, prose=prose) for place, row in enumerate(table.rows))
    return (
        f'<table style="border-collapse:collapse;font-size:{size};font-variant-numeric:tabular-nums" '
        f'aria-label="{escape(table.title)}">\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>'
    )


def _heading(name: str) -> str:
    """A column's name, its number of patients on a line of its own."""
    return escape(name).replace(" (n = ", "<br>(n = ")


def _prose_columns(table: PrintedTable) -> frozenset[int]:
    """Columns with sentences in them: they stand at the left and may break."""
    return frozenset(
        place
        for row in table.rows
        for place, cell in enumerate(row.cells)
        if place and isinstance(cell, str) and len(cell) > LONGEST_VALUE
    )


def _row(row: TableRow, *, last: bool, prose: frozenset[int]) -> str:
    bottom = f"border-bottom:{_RULE};" if last else ""
    indent = f"{_INDENT_EM}em" if row.section and not row.is_heading else "7px"
    weight = "600" if row.is_heading or not row.section else "400"
    first = (
        f'<th scope="row" style="text-align:left;font-weight:{weight};padding:3px 7px 3px {indent};{bottom}">'
        f"{escape(_text(row.cells[0]))}</th>"
    )
    others = "".join(
        f'<td style="{_PROSE if place in prose else _VALUE};padding:3px 7px;{bottom}">{escape(_text(cell))}</td>'
        for place, cell in enumerate(row.cells[1:], start=1)
    )
    return f"<tr>{first}{others}</tr>"


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)
