"""What the response page is asked to show: which picture, and how responses are read."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.recist import CONFIRMATION_WEEKS, MINIMUM_STABLE_WEEKS, RecistVersion
from raise_core.domain.response_results import ResponseSettings
from raise_core.figures.swimmer import LONGEST, MOST_LANES, RESPONDERS, SHORTEST, SPREAD
from raise_core.ui import address, cohort_reading
from raise_core.ui.cohort_reading import Asked
from raise_core.ui.shell import PageContext

BEST, TIME, STUDY, GROWTH, LESIONS = "best", "time", "study", "growth", "lesions"
PICTURES = {
    BEST: "Best change",
    TIME: "Over time",
    STUDY: "Time on study",
    GROWTH: "Growth rate",
    LESIONS: "Between lesions",
}
BY_ARM, BY_RESPONSE = "arm", "response"
_WHICH = {
    SPREAD: "An even choice",
    RESPONDERS: "Responders",
    LONGEST: "Longest",
    SHORTEST: "Shortest",
}
_LONGEST_CONFIRMATION, _LONGEST_STABLE = 12.0, 24.0
NOBODY = "-"


@dataclass(frozen=True)
class ResponseChoice:
    """A view of the response page.

    Attributes:
        picture: which.
        settings: how responses are read.
        by_response: bars of the waterfall are coloured by response.
        which: lanes of the swimmer plot that are drawn.
        week: visit of the growth rate or of the spread between lesions, None where there is none.
        patient_id: patient whose line stands out, empty for none.
    """

    picture: str
    settings: ResponseSettings
    by_response: bool = False
    which: str = SPREAD
    week: float | None = None
    patient_id: str = ""


def choose(page: PageContext, *, question: DeltaGenerator, controls: DeltaGenerator) -> ResponseChoice:
    """The controls of the page.

    Args:
        page: where the page stands.
        question: place of the switch between pictures.
        controls: place of the others.
    """
    with question:
        picture = address.segmented(
            "Picture",
            PICTURES,
            key="show",
            default=BEST,
            help="Waterfall, spider and swimmer plot, tumour growth rate, spread between a patient’s lesions.",
            label_visibility="collapsed",
        )
    with controls, st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        if picture in {GROWTH, LESIONS}:
            return ResponseChoice(
                picture, ResponseSettings(), week=_week(page, "tgr" if picture == GROWTH else LESIONS)
            )
        settings = _rules()
        if picture == BEST:
            return ResponseChoice(picture, settings, by_response=_colour(page))
        if picture == TIME:
            return ResponseChoice(picture, settings, patient_id=_patient(page))
        return ResponseChoice(picture, settings, which=_lanes(page))


def _rules() -> ResponseSettings:
    """Edition, confirmation, and behind a button the two intervals."""
    version = address.segmented(
        "RECIST",
        {version.value: version.value for version in RecistVersion},
        key="recist",
        default=RecistVersion.V1_0.value,
        help="1.1 also wants 5 mm of growth for progression, and takes lymph nodes below 10 mm for normal.",
    )
    confirm = address.switch(
        "Confirmed only",
        key="confirm",
        default=False,
        help="Complete and partial response count when a later visit shows them again; else they are stable disease.",
    )
    with st.popover("Intervals", icon=":material/tune:", help="How long stable disease must last, and when to confirm"):
        stable = address.slider(
            "Stable disease counts from (weeks after baseline)",
            key="stable",
            minimum=0.0,
            maximum=_LONGEST_STABLE,
            default=MINIMUM_STABLE_WEEKS,
            step=1.0,
            help="RECIST: in general six to eight weeks, set in the protocol.",
        )
        again = address.slider(
            "Confirmation at least (weeks later)",
            key="again",
            minimum=1.0,
            maximum=_LONGEST_CONFIRMATION,
            default=CONFIRMATION_WEEKS,
            step=1.0,
            help="RECIST: at least four weeks.",
            disabled=not confirm,
        )
    return ResponseSettings(RecistVersion(version), confirm, again, stable)


def _colour(page: PageContext) -> bool:
    several = len(cohort_reading.marks(page)) > 1
    if not several:
        return True
    chosen = address.segmented(
        "Colour by",
        {BY_ARM: "Arm", BY_RESPONSE: "Best response"},
        key="colour",
        default=BY_ARM,
        help="What the colour of a bar says.",
    )
    return chosen == BY_RESPONSE


def _patient(page: PageContext) -> str:
    """A patient to be found among the lines."""
    names = [str(who) for who in page.source().patient_ids]
    chosen = address.select(
        "Find a patient",
        {NOBODY: "Nobody in particular", **{name: name for name in names}},
        key="who",
        default=NOBODY,
        help="Draws one patient’s line thick; type to search.",
        width=240,
    )
    return "" if chosen == NOBODY else chosen


def _lanes(page: PageContext) -> str:
    """Which bars; asked only where not all fit."""
    if len(page.source().patient_ids) <= MOST_LANES:
        return SPREAD
    return address.select(
        "Patients drawn",
        _WHICH,
        key="bars",
        default=SPREAD,
        help=f"At most {MOST_LANES} bars can be read. An even choice takes patients at equal steps from the longest to "
        "the shortest time on study; responders come best response first.",
        width=220,
    )


def _week(page: PageContext, marker: str) -> float | None:
    """The visit; the one at which most patients have a value unless asked otherwise."""
    name = "heterogeneity" if marker == LESIONS else marker
    weeks = cohort_reading.marker_weeks(Asked.by(page).everybody(), name, cohort_reading.visit_weeks(page))
    weeks = tuple(week for week in weeks if week > 0)
    if not weeks:
        return None
    return float(
        address.select(
            "Visit",
            {f"{week:g}": page.unit.visit(week) for week in weeks},
            key="week",
            default=f"{weeks[0]:g}",
            help="Which visit’s values.",
            width=220,
        )
    )
