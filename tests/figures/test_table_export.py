"""Tables as files: the same cells everywhere, nothing a spreadsheet runs, origin on each."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.figures.table_export import (
    Origin,
    PrintedTable,
    TableRow,
    frame_to_csv,
    safe_text,
    table_element,
    to_csv,
    to_html,
    to_word,
)

ORIGIN = Origin("trial-1", "A trial", "abc123", "G2: 41 of 138 patients", simulated=True, patients=41)
TABLE = PrintedTable(
    "Baseline <characteristics>",
    ("Characteristic", "Drug (n = 2)", "Placebo (n = 3)"),
    (
        TableRow(("Origin, n (%)", "", ""), "Origin, n (%)", is_heading=True),
        TableRow(("Midgut & more", "1 (50)", "2 (67)"), "Origin, n (%)"),
        TableRow(("Not known", 0, None), "Origin, n (%)"),
        TableRow(("Age (years)", 61.5, "=HYPERLINK(1)")),
    ),
    ("A note.",),
    ORIGIN,
)


class Cells(HTMLParser):
    """Text of every cell of the tables of a document, and everything else it says."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in {"br", "meta"}:
            if tag == "br" and self.open and self.open[-1] in {"td", "th"}:
                self.rows[-1][-1] += " "
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} is not closed in order"

    def handle_data(self, data):
        if self.open and self.open[-1] in {"td", "th"}:
            self.rows[-1][-1] += data
        self.text += data


def parsed(document: bytes) -> Cells:
    cells = Cells()
    cells.feed(document.decode("utf-8"))
    cells.close()
    assert cells.open == []
    return cells


def test_web_page_and_word_hold_the_same_cells():
    web, word = parsed(to_html(TABLE)), parsed(to_word(TABLE))
    assert web.rows == word.rows
    assert web.rows[0] == list(TABLE.columns)
    assert web.rows[2] == ["Midgut & more", "1 (50)", "2 (67)"]
    assert web.rows[3] == ["Not known", "0", ""]
    assert web.rows[4] == ["Age (years)", "61.50", "=HYPERLINK(1)"]
    assert len(web.rows) == 1 + len(TABLE.rows)


@pytest.mark.parametrize("write", [to_html, to_word])
def test_documents_say_what_they_were_made_from(write):
    text = parsed(write(TABLE)).text
    for part in (
        "Baseline <characteristics>",
        "A trial",
        "abc123",
        "G2: 41 of 138 patients",
        "Simulated data",
        "A note.",
    ):
        assert part in text
    real = replace(TABLE, origin=replace(ORIGIN, simulated=False, cohort_words=""))
    assert "Simulated" not in parsed(write(real)).text
    assert "All patients: 41" in parsed(write(real)).text


def test_word_finds_its_namespace_and_a_landscape_page():
    text = to_word(TABLE).decode("utf-8")
    assert 'xmlns:w="urn:schemas-microsoft-com:office:word"' in text
    assert "Word.Document" in text
    assert "landscape" in text
    assert "http-equiv" not in text
    assert "<script" not in text


def test_csv_has_origin_on_every_line_and_reads_back():
    rows = pd.read_csv(io.BytesIO(to_csv(TABLE)))
    assert list(rows.columns[:4]) == ["Section", *TABLE.columns]
    assert len(rows) == len(TABLE.rows)
    assert set(rows["Snapshot"]) == {"abc123"}
    assert set(rows["Simulated data"]) == {"yes"}
    assert set(rows["Patients shown"]) == {"G2: 41 of 138 patients"}
    assert rows.loc[3, "Drug (n = 2)"] == "61.5", "numbers keep every digit"
    assert rows.loc[3, "Placebo (n = 3)"] == "'=HYPERLINK(1)"


@given(st.text(max_size=20))
def test_no_text_of_a_csv_begins_like_a_formula(text):
    table = PrintedTable("t", ("a", "b"), (TableRow((text, text), section=text),), (), replace(ORIGIN, study_id=text))
    (_, row) = csv.reader(io.StringIO(to_csv(table).decode("utf-8-sig"), newline=""))
    for cell in row:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert row[0] == safe_text(text)


def test_ordinary_text_stays_as_it_is():
    assert safe_text("1.3 [0.8–2.5]") == "1.3 [0.8–2.5]"
    assert safe_text("−0.3") == "−0.3", "a minus sign is no formula, a hyphen may be one"
    assert safe_text("-0.3") == "'-0.3"
    assert safe_text(" \t=1+1") == "'=1+1"


@given(st.text(max_size=30))
def test_text_from_data_stays_text_in_html(text):
    table = PrintedTable(
        "t",
        ("a",),
        (
            TableRow(
                (f"<b>{text}</b><script>",),
            ),
        ),
        (),
        ORIGIN,
    )
    written = table_element(table)
    assert "<script" not in written
    assert "<b>" not in written


def test_a_row_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not have the 2 cells"):
        PrintedTable("t", ("a", "b"), (TableRow(("x",)),), (), ORIGIN)


def test_a_data_frame_is_written_with_safe_text_and_whole_numbers():
    frame = pd.DataFrame({"=name": ["=HYPERLINK(1)", None, "G2\n+1"], "value": [0.1 + 0.2, -1.5, None]})
    rows = list(csv.reader(io.StringIO(frame_to_csv(frame))))
    assert rows[0] == ["'=name", "value"]
    assert [row[0] for row in rows[1:]] == ["'=HYPERLINK(1)", "", "G2 +1"]
    assert [row[1] for row in rows[1:]] == ["0.30000000000000004", "-1.5", ""], "a negative number is no text"
    assert frame_to_csv(pd.DataFrame(columns=["a", "b"])) == "a,b\n"
