"""What every page opens with: one call that does the gate, the study, the badge and the title.

Pages may be opened by their own address on a fresh server, without app.py; so nothing of this stands in app.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.cohort import Study
from raise_core.figures.identity import Theme
from raise_core.ui import address, reading
from raise_core.ui.navigation import Page, draw_navigation

_HERE = Path(__file__).parent
PRODUCT = "RAISE"
NOT_A_DEVICE = "A research tool for exploring a cohort; not a medical device. Not for decisions on a patient's care."


@dataclass(frozen=True)
class PageContext:
    """What a page needs to know of where it stands.

    Attributes:
        home_path: home directory served.
        study: the chosen study with its current snapshot.
        theme: light or dark page.
    """

    home_path: str
    study: Study
    theme: Theme


def open_page(page: Page, *, title: str, other_parameters: dict[str, list[str] | None] | None = None) -> PageContext:
    """Open a page: settings, study switcher, navigation, badge, title. Stops with advice when there is no study.

    Args:
        page: which.
        title: the question the page answers.
        other_parameters: parameters of the page's own in the address, with their possible values.
    """
    st.set_page_config(page_title=f"{page.name} · {PRODUCT}", page_icon=str(_HERE / "icon.svg"), layout="wide")
    st.html(_HERE / "style.css")
    home = reading.home()
    known = {study.study_id: study for study in reading.known_studies(str(home.path))}
    notices = address.unknown_values({"study": list(known), **(other_parameters or {})})
    with st.sidebar:
        st.markdown(f"## {PRODUCT}")
    if not known:
        draw_navigation(study_id=None)
        _explain_empty_home()
    with st.sidebar:
        chosen = st.selectbox(
            "Study",
            list(known),
            key="study",
            bind="query-params",
            help="Every page shows this study. Import another with: python -m raise_core import FOLDER --study NAME",
        )
    study = known[chosen] if chosen in known else next(iter(known.values()))
    draw_navigation(study_id=study.study_id)
    with st.sidebar:
        st.caption(f"Data snapshot {study.snapshot_id[:8]}  \n{NOT_A_DEVICE}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(title, anchor=False, width="content")
        if study.simulated:
            st.badge("Simulated data", icon=":material/science:", color="orange")
    address.announce(notices)
    return PageContext(str(home.path), study, current_theme())


def picture_above_controls() -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Places for the question, the picture and, under it, the controls it answers to.

    Controls must run before the picture they determine; the places let it stand above them all the same.
    """
    return st.container(), st.container(), st.container()


def current_theme() -> Theme:
    """Light or dark, as the browser shows the page."""
    return "dark" if st.context.theme.type == "dark" else "light"


def _explain_empty_home() -> None:
    st.title("No study has been imported yet")
    st.markdown(
        "Make the demonstration cohort, or import your own trial, in a terminal; this page finds it within seconds.\n\n"
        "```\npython -m raise_core demo raise\npython -m raise_core import FOLDER --study NAME\n```"
    )
    st.stop()
