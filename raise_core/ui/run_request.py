"""Asking for a run: what every form of the page on runs shares, from the choice of a device to the button."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.errors import BadUsageError, UserFacingError
from raise_core.domain.job import Job
from raise_core.figures import durations
from raise_core.jobs import desk
from raise_core.jobs.accelerator import graphics_card
from raise_core.jobs.estimate import Span
from raise_core.store.home import Home
from raise_core.ui import address, navigation, runs_reading
from raise_core.ui.navigation import Page
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext

RAISE, PRRT = "raise", "prrt"
_SUBMITTED = "_run_submitted"


class RunSettings(Protocol):
    """Settings of any kind of run."""

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold them."""


SettingsT = TypeVar("SettingsT", bound=RunSettings)


@dataclass(frozen=True)
class Wish(Generic[SettingsT]):
    """What a form asks for: the kind of run, its settings and where to compute it."""

    kind: str
    settings: SettingsT
    device: str


def usual_protocol(page: PageContext) -> str:
    """PRRT where the data have PET, else RAISE."""
    return PRRT if (page.whole_source().cohort.scans["modality"] == "PT").any() else RAISE


def protocol(page: PageContext) -> str:
    """Which study's protocol to run."""
    return address.segmented(
        "Protocol",
        {RAISE: "RAISE: CT lesions at each visit", PRRT: "PRRT: PET, CT and labs before treatment"},
        key="protocol",
        default=usual_protocol(page),
        help="RAISE follows annotated CT lesions over the visits; PRRT tells long from short progression-free survival "
        "from one examination before treatment.",
    )


def device() -> str:
    """Where to compute."""
    card = graphics_card()
    offered = {"auto": "Best there is", "cpu": "Processor"} | ({"cuda": "Graphics card"} if card else {})
    return address.segmented(
        "Compute on",
        offered,
        key="device",
        default="auto",
        help=f"Graphics card: {card}." if card else "No graphics card that can be used was found on this machine.",
    )


def number(text: str, what: str) -> float:
    """A number somebody typed.

    Raises:
        BadUsageError: it is none.
    """
    try:
        return float(text)
    except ValueError as error:
        raise BadUsageError(f"{what}: “{text[:20]}” is not a number.") from error


def whole(text: str, what: str, *, least: int) -> int:
    """A whole number somebody typed.

    Raises:
        BadUsageError: it is none, or too small.
    """
    found = number(text, what)
    if not found.is_integer() or not least <= found < 2**31:
        raise BadUsageError(f"{what}: “{text[:20]}” is not a whole number from {least}.")
    return int(found)


class Found(Protocol):
    """What is said of a run before it is started."""

    @property
    def finished_run_id(self) -> str | None:
        """The run, when it is finished already."""


FoundT = TypeVar("FoundT", bound=Found)


def offer(
    page: PageContext,
    wish: Wish[SettingsT] | None,
    *,
    needed: Callable[[str, str, str, str, str], FoundT],
    say_needs: Callable[[FoundT], None],
    results: Page,
    place: DeltaGenerator,
) -> None:
    """What the wish needs, how long it takes, and the button that starts it.

    Args:
        page: where the page stands.
        wish: what the form asks for; None draws nothing.
        needed: looks up what a run needs, by home, study, snapshot, settings as JSON, and device.
        say_needs: writes that on the page.
        results: the page with the results of a run that is finished already.
        place: where to draw.
    """
    if wish is None:
        return
    with place:
        settings = json.dumps(wish.settings.to_document(), sort_keys=True)
        try:
            found = needed(page.home_path, page.study.study_id, page.study.snapshot_id, settings, wish.device)
        except UserFacingError as error:
            st.warning(plain(str(error)), icon=":material/help:")
            return
        if found.finished_run_id is not None:
            st.success(
                "A run with exactly these settings is finished; there is nothing to compute.", icon=":material/check:"
            )
            navigation.link(results, "Look at its results", run=found.finished_run_id[:8])
        else:
            say_needs(found)
            _start_button(page, wish)


def say_time(seconds: Span | None, *, measured: bool) -> None:
    """How long it takes, and what that stands on."""
    if seconds is None:
        return
    span = durations.duration_range(seconds.low, seconds.high)
    basis = "from the speed of earlier runs here" if measured else "a coarse guess: no earlier run here to measure from"
    st.markdown(f"Time: **{span}** ({basis}).")


def _start_button(page: PageContext, wish: Wish[Any]) -> None:
    """The button that starts what is wished for, unless exactly that is under way."""
    same = _under_way(page, wish)
    if same is not None:
        st.info(f"Exactly this is under way already: job {same.job_id}.", icon=":material/hourglass_top:")
    st.button(
        "Start",
        disabled=same is not None,
        icon=":material/play_arrow:",
        type="primary",
        on_click=ask_for,
        args=(page, wish),
    )


def _under_way(page: PageContext, wish: Wish[Any]) -> Job | None:
    asked = (wish.kind, page.study.study_id, page.study.snapshot_id, wish.settings.to_document())
    for job in runs_reading.jobs(page.home_path):
        if job.state.is_open and (job.kind, job.study_id, job.snapshot_id, job.settings) == asked:
            return job
    return None


def ask_for(page: PageContext, wish: Wish[Any], *, snapshot_id: str | None = None) -> None:
    """Hand the wish to the worker; `answer` says at the next drawing what became of it.

    Args:
        page: where the page stands.
        wish: what is asked for.
        snapshot_id: data to work on; None for those on screen.
    """
    try:
        found = desk.submit(
            Home.at(page.home_path),
            kind=wish.kind,
            study_id=page.study.study_id,
            snapshot_id=snapshot_id or page.study.snapshot_id,
            settings=wish.settings.to_document(),
            device=wish.device,
            requested_by=page.user.name,
        )
    except UserFacingError as error:
        st.session_state[_SUBMITTED] = ("error", str(error))
        return
    runs_reading.forget()
    if found.job is None:
        words = "This run is finished already and whole; there is nothing to compute."
    elif found.shared:
        words = f"{found.job.requested_by or 'Somebody'} started the same before; you share job {found.job.job_id}."
    else:
        words = f"Job {found.job.job_id} has been started; it goes on when this page is closed."
    st.session_state[_SUBMITTED] = ("info", words)


def answer() -> None:
    """What became of the last press of the button, once."""
    said = st.session_state.pop(_SUBMITTED, None)
    if said is not None:
        kind, words = said
        (st.error if kind == "error" else st.toast)(plain(words))
