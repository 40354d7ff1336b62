"""The pages there are, grouped by the question a user comes with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from raise_core.ui import address


@dataclass(frozen=True)
class Page:
    """One page of the dashboard.

    Attributes:
        file: script, relative to the folder of app.py.
        name: name in the sidebar.
        icon: Material icon.
        group: the question it belongs to; empty for home.
        shows_run: whether it shows outputs of a run, so that a link must say which.
    """

    file: str
    name: str
    icon: str
    group: str = ""
    shows_run: bool = False


_ROOT = Path(__file__).resolve().parents[2]
WHO, PREDICTS, WHY, DATA = "Who are they?", "Does it predict?", "Why?", "Data and runs"
HOME = Page("app.py", "Home", ":material/home:")
COHORT = Page("pages/cohort.py", "Cohort", ":material/groups:", WHO)
PATIENT = Page("pages/patient.py", "Patient", ":material/person:", WHO, shows_run=True)
CINDEX = Page("pages/cindex.py", "C-index by week", ":material/stacked_line_chart:", PREDICTS, shows_run=True)
RUNS = Page("pages/runs.py", "Runs", ":material/play_circle:", DATA)
CACHE = Page("pages/cache.py", "Cache", ":material/inventory_2:", DATA)
PAGES: tuple[Page, ...] = tuple(
    page for page in (HOME, COHORT, PATIENT, CINDEX, RUNS, CACHE) if (_ROOT / page.file).is_file()
)
CARRIED = ("study", "snapshot", "filter", "time")
"""Parameters every page knows: what is looked at stays chosen when the page changes."""


def target(**parameters: str) -> dict[str, str]:
    """Parameters of a link to another page: those every page knows, and `parameters`."""
    known = address.parameters()
    return {key: known[key] for key in CARRIED if key in known} | parameters


def link(page: Page, label: str, *, icon: str | None = None, **parameters: str) -> None:
    """A link to another page that keeps study, snapshot, filter and time unit."""
    st.page_link(page.file, label=label, icon=icon or page.icon, query_params=target(**parameters))


def go(page: Page, **parameters: str) -> None:
    """Open another page now, keeping study, snapshot, filter and time unit."""
    st.switch_page(page.file, query_params=target(**parameters))


def draw_navigation() -> None:
    """Links to every page; what is looked at stays chosen."""
    group = ""
    for page in PAGES:
        if page.group != group:
            group = page.group
            st.markdown(f"**{group}**")
        st.page_link(page.file, label=page.name, icon=page.icon, width="stretch", query_params=target())
