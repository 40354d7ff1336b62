from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from raise_core.ingest.issues import Findings
from raise_core.ingest.source import read_source

cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=6)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(cell, cell, cell), max_size=8), st.booleans())
def test_text_and_lines_agree_with_the_standard_library(rows: list[tuple[str, str, str]], quote_all: bool) -> None:
    """Any text survives, quotes and line breaks included, and each row knows the line it starts on."""
    stream = io.StringIO()
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    csv.writer(stream, lineterminator="\n", quoting=quoting).writerows([("a", "b", "c"), *rows])

    expected, started = [], 1
    reader = csv.reader(io.StringIO(stream.getvalue(), newline=""))
    for row in reader:
        expected.append((started, row))
        started = reader.line_num + 1
    kept = [(line, row) for line, row in expected[1:] if any(row)]

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(stream.getvalue().encode())
        findings = Findings()
        table = read_source(path, findings)
    assert findings.issues == []
    assert table is not None
    assert table.rows.tolist() == [line for line, _ in kept]
    for position, name in enumerate("abc"):
        assert table.columns[name].to_pylist() == [row[position] for _, row in kept]
