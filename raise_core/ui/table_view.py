"""A printed table on a page: a real table, to be read, copied into a document or downloaded."""

from __future__ import annotations

import streamlit as st

from raise_core.figures.table_export import (
    CSV_MIME,
    HTML_MIME,
    WORD_MIME,
    PrintedTable,
    source_line,
    table_element,
    to_csv,
    to_html,
    to_word,
)
from raise_core.ui.plain_text import plain


def show_table(table: PrintedTable) -> None:
    """The table and its notes; wide ones scroll sideways in their own frame."""
    written = table_element(table, size="0.94rem")
    st.html(f'<div style="overflow-x:auto" tabindex="0" role="region" aria-label="Table">{written}</div>')
    st.caption(plain(" ".join([*table.notes, source_line(table.origin)])))


def download_row(table: PrintedTable, *, name: str) -> None:
    """Buttons that download the table; each file says what it was made from.

    Args:
        table: what to download.
        name: of the files, without ending; also tells the buttons of several tables apart.
    """
    badge = "simulated-" if table.origin.simulated else ""
    with st.container(horizontal=True):
        for label, ending, content, mime, purpose in (
            ("CSV", "csv", to_csv(table), CSV_MIME, "For a spreadsheet or a program; every line names its snapshot."),
            ("Web page", "html", to_html(table), HTML_MIME, "Opens in a browser; the table can be pasted anywhere."),
            ("Word", "doc", to_word(table), WORD_MIME, "Opens in Word as a table that can be edited."),
        ):
            st.download_button(
                label, content, file_name=f"{badge}{table.origin.study_id}-{name}.{ending}", mime=mime, help=purpose,
                on_click="ignore", icon=":material/download:", key=f"download_{name}_{ending}",
            )  # fmt: skip
