"""What every page opens with: one call that does the gate, the study, the cohort, the badge and the title.

Pages may be opened by their own address on a fresh server, without app.py; so nothing of this stands in app.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.cohort import Study
from raise_core.domain.cohort_filter import EVERYBODY, CohortFilter
from raise_core.domain.errors import BusyError, UserFacingError
from raise_core.domain.job import JobState
from raise_core.domain.time_unit import TimeUnit
from raise_core.evaluation.cohort_filter import cohort_words
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.figures.identity import Theme
from raise_core.ui import access, address, filter_address, filter_builder, navigation, reading, runs_reading, sharing
from raise_core.ui.access import User
from raise_core.ui.navigation import RUNS, Page, draw_navigation
from raise_core.ui.plain_text import plain

_HERE = Path(__file__).parent
PRODUCT = "RAISE"
NOT_A_DEVICE = "A research tool for exploring a cohort; not a medical device. Not for decisions on a patient's care."
SNAPSHOT_LETTERS = 8  # of a snapshot's id, in addresses and footnotes
_UNITS = {"w": "weeks", "m": "months"}


@dataclass(frozen=True)
class PageContext:
    """What a page needs to know of where it stands.

    Attributes:
        home_path: home directory served.
        study: the chosen study with the chosen snapshot.
        theme: light or dark page.
        unit: unit in which times are shown.
        cohort_filter: which patients are looked at.
        user: who looks.
    """

    home_path: str
    study: Study
    theme: Theme
    unit: TimeUnit = TimeUnit.WEEKS
    cohort_filter: CohortFilter = EVERYBODY
    user: User = access.LOCAL_USER

    def source(self) -> MarkerSource:
        """The patients who meet the cohort filter."""
        return reading.study_source(
            self.home_path, self.study.study_id, self.study.snapshot_id, self.cohort_filter.text
        )

    def whole_source(self) -> MarkerSource:
        """Every patient of the study."""
        return reading.whole_source(self.home_path, self.study.study_id, self.study.snapshot_id)

    @property
    def cohort_words(self) -> str:
        """The filter in words with its count, empty for everybody."""
        return cohort_words(self.source().cohort)


def open_page(page: Page, *, title: str) -> PageContext:
    """Open a page: settings, gate, study, cohort, navigation, badge, title. Stops with advice when there is no study.

    Args:
        page: which.
        title: the question the page answers.
    """
    st.set_page_config(page_title=f"{page.name} · {PRODUCT}", page_icon=str(_HERE / "icon.svg"), layout="wide")
    st.html(_HERE / "style.css")
    if current_theme() == "dark":
        st.html(_HERE / "style_dark.css")
    user = access.admit()
    header = st.container()
    address.begin(page.file)
    home_path = str(reading.home().path)
    sharing.follow_saved_view(home_path, page)
    known = {study.study_id: study for study in reading.known_studies(home_path)}
    with st.sidebar:
        st.markdown(f"## {PRODUCT}")
        if not known:
            draw_navigation()
    if not known:
        _explain_empty_home()
    with st.sidebar:
        study = _choose_snapshot(home_path, _choose_study(known))
        context = PageContext(home_path, study, current_theme(), user=user)
        context = replace(context, cohort_filter=_read_filter(context))
        filter_builder.open_button(context)
        links = st.container()
        context = replace(context, unit=_choose_unit())
        with links:  # after the unit was chosen, so that it stays chosen on the next page
            draw_navigation()
        _pin_newest_run(context, page)
        sharing.open_button(context, page)
        _work_under_way(home_path)
        st.caption(f"Data snapshot {study.snapshot_id[:SNAPSHOT_LETTERS]}  \n{NOT_A_DEVICE}")
    with header:
        _title(context, page, title)
    _cohort_line(context)
    if context.cohort_filter and not len(context.source().patient_ids):
        _explain_empty_cohort()
    return context


def picture_above_controls() -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Places for the question, the picture and, under it, the controls it answers to.

    Controls must run before the picture they determine; the places let it stand above them all the same.
    """
    return st.container(), st.container(), st.container()


def current_theme() -> Theme:
    """Light or dark, as the browser shows the page."""
    return "dark" if st.context.theme.type == "dark" else "light"


def _choose_study(known: dict[str, Study]) -> Study:
    first = next(iter(known))
    asked = address.get("study") or first
    chosen = address.select(
        "Study",
        {study_id: study_id for study_id in known},
        key="study",
        default=first,
        help="Every page shows this study. Import another with: python -m raise_core import FOLDER --study NAME",
    )
    if asked in known and chosen != asked:  # by hand, not by a link
        address.keep_only("study", "time")
    address.pin("study", chosen)
    return known[chosen]


def _choose_snapshot(home_path: str, current: Study) -> Study:
    """The current snapshot, or an older one that the address names."""
    newest = current.snapshot_id[:SNAPSHOT_LETTERS]
    others = {
        study.snapshot_id[:SNAPSHOT_LETTERS]: study
        for study in reading.known_snapshots(home_path, current.study_id)
        if study.snapshot_id != current.snapshot_id
    }
    named = {newest: current, **others}
    if others:
        labels = {
            letters: f"{letters} · {study.published_at[:10]}" + (" · current" if letters == newest else "")
            for letters, study in named.items()
        }
        chosen = address.select(
            "Data snapshot",
            labels,
            key="snapshot",
            default=newest,
            help="Imports never change a snapshot; they add one.",
        )
    else:
        chosen = address.value("snapshot", default=newest, valid=named.__contains__, what="data snapshot")
        chosen = chosen if chosen in named else newest
    address.pin("snapshot", chosen)
    if chosen != newest:
        st.info(f"Newer data are there: snapshot {newest}.", icon=":material/update:")
    return named[chosen]


def _choose_unit() -> TimeUnit:
    code = address.segmented(
        "Time in", _UNITS, key="time", default="w", help="Unit of every axis and table; a month is 30.4 days."
    )
    return TimeUnit(_UNITS[code])


def _pin_newest_run(context: PageContext, page: Page) -> None:
    """A link to a page that shows a run names it, so that a newer run does not change the picture."""
    runs = reading.known_runs(context.home_path, context.study.snapshot_id) if page.shows_run else ()
    if runs:
        address.pin("run", runs[0].run_id[:SNAPSHOT_LETTERS])


def _read_filter(context: PageContext) -> CohortFilter:
    """The filter the address asks for; everybody, with a notice, when it cannot be applied."""
    try:
        chosen = filter_address.read(context.home_path)
        reading.filtered(context.home_path, context.study.study_id, context.study.snapshot_id, chosen.text)
    except UserFacingError as error:
        return _refuse_filter(str(error))
    return chosen


def _refuse_filter(reason: str) -> CohortFilter:
    address.notice(f"The patients the address asks for cannot be chosen; everybody is shown. {reason}")
    address.put(filter=None)
    return EVERYBODY


def _work_under_way(home_path: str) -> None:
    """One line while a job runs. Looking is also how a killed worker is noticed, on whatever page somebody is."""
    try:
        running = [job for job in runs_reading.jobs(home_path) if job.state is JobState.RUNNING]
    except BusyError:
        return  # somebody else is writing; the next look will do
    for job in running:
        share = f"{100 * job.done / job.total:.0f} %" if job.total else "begun"
        navigation.link(RUNS, f"Working: {job.stage or 'starting'}, {share}", icon=":material/sync:")


def _title(context: PageContext, page: Page, title: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(title, anchor=False, width="content", help=page.help)
        if context.study.simulated:
            st.badge("Simulated data", icon=":material/science:", color="orange")


def _cohort_line(context: PageContext) -> None:
    """Which patients are shown, on every page, as soon as it is not everybody."""
    if not context.cohort_filter:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/filter_alt: **Patients shown:** {plain(context.cohort_words)}", width="content")
        if st.button("Show everybody", type="tertiary", icon=":material/close:", key="everybody"):
            address.put(filter=None)
            st.rerun()


def _explain_empty_cohort() -> None:
    st.info(
        "No patient meets all conditions. Loosen the filter (button “Patients” at the left), or show everybody.",
        icon=":material/person_off:",
    )
    st.stop()


def _explain_empty_home() -> None:
    st.title("No study has been imported yet")
    st.markdown(
        "Make the demonstration cohort, or import your own trial, in a terminal; this page finds it within seconds.\n\n"
        "```\npython -m raise_core demo raise\npython -m raise_core import FOLDER --study NAME\n```"
    )
    st.stop()
