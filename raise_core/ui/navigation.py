"""The pages there are, grouped by the question a user comes with."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Page:
    """One page of the dashboard.

    Attributes:
        file: script, relative to the folder of app.py.
        name: name in the sidebar.
        icon: Material icon.
        group: the question it belongs to; empty for home.
    """

    file: str
    name: str
    icon: str
    group: str = ""


HOME = Page("app.py", "Home", ":material/home:")
CINDEX = Page("pages/cindex.py", "C-index by week", ":material/stacked_line_chart:", "Does it predict?")
PAGES: tuple[Page, ...] = (HOME, CINDEX)


def draw_navigation(*, study_id: str | None) -> None:
    """Links to every page, in the sidebar; the study stays chosen."""
    group = ""
    for page in PAGES:
        if page.group != group:
            group = page.group
            st.sidebar.markdown(f"**{group}**")
        st.sidebar.page_link(
            page.file,
            label=page.name,
            icon=page.icon,
            width="stretch",
            query_params={"study": study_id} if study_id else None,
        )
