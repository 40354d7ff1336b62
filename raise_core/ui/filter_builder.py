"""The cohort filter: a dialog with live counts that opens from every page. Nothing changes until it is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from raise_core.domain.cohort_filter import EVERYBODY, CohortFilter, parse_filter
from raise_core.domain.errors import UserFacingError
from raise_core.domain.filter_words import condition_words, filter_words
from raise_core.evaluation.cohort_filter import FilteredPatients, lab_units
from raise_core.store.home import Home
from raise_core.store.saved_cohorts import delete_cohort, save_cohort, saved_cohorts
from raise_core.ui import filter_address, filter_condition, reading
from raise_core.ui.plain_text import plain

if TYPE_CHECKING:
    from raise_core.ui.shell import PageContext

_DRAFT, _BEFORE = "_filter_draft", "_filter_before"


def open_button(page: PageContext) -> None:
    """Button that says how many patients are shown and opens the builder."""
    n, whole = len(page.source().patient_ids), len(page.whole_source().patient_ids)
    label = f"{n} of {whole} patients" if page.cohort_filter else f"All {whole} patients"
    pressed = st.button(
        label,
        icon=":material/filter_alt:",
        key="open_filter",
        width="stretch",
        type="primary" if page.cohort_filter else "secondary",
        help="Choose which patients every page shows: by characteristic, marker, scanner, phase or available data.",
    )
    if pressed:
        st.session_state[_DRAFT] = page.cohort_filter.text
        st.session_state[_BEFORE] = []
        _builder(page)


@st.dialog("Which patients?", width="large")
def _builder(page: PageContext) -> None:
    """The dialog; each click inside reruns only itself."""
    try:
        draft = parse_filter(st.session_state[_DRAFT])
        found = reading.filtered(page.home_path, page.study.study_id, page.study.snapshot_id, draft.text)
    except UserFacingError as error:  # a saved cohort of other data, say: what was there before is shown again
        st.warning(str(error), icon=":material/help:")
        st.session_state[_DRAFT] = st.session_state[_BEFORE].pop() if st.session_state[_BEFORE] else EVERYBODY.text
        draft = parse_filter(st.session_state[_DRAFT])
        found = reading.filtered(page.home_path, page.study.study_id, page.study.snapshot_id, draft.text)
    units = lab_units(page.whole_source().cohort)
    _conditions(draft, found, units)
    new = filter_condition.compose(page, draft)
    if new is not None:
        _change(draft.with_condition(new))
        st.rerun(scope="fragment")
    _kept_cohorts(page, draft)
    _buttons(page, draft, found)


def _conditions(draft: CohortFilter, found: FilteredPatients, units: dict[str, str]) -> None:
    """What is asked for so far, each with its count and a way out."""
    if not draft:
        st.markdown(f"**Everybody: {found.n_study} patients.** Add a condition below; all conditions must hold.")
        return
    words = filter_words(draft, units=units)
    st.markdown(f"**{plain(words)}: {len(found.patient_ids)} of {found.n_study} patients**")
    for position, count in enumerate(found.counts):
        with st.container(horizontal=True, vertical_alignment="center"):
            unknown = f", {count.unknown} left out because it is not known" if count.unknown else ""
            st.markdown(
                f"{plain(condition_words(count.condition, units=units))} — {count.alone} meet it{unknown}; "
                f"{count.remaining} remain",
                width="stretch",
            )
            if st.button(
                "Remove",
                key=f"remove_{position}",
                icon=":material/close:",
                type="tertiary",
                help="Drop this condition.",
            ):
                _change(draft.without(position))
                st.rerun(scope="fragment")


def _kept_cohorts(page: PageContext, draft: CohortFilter) -> None:
    home = Home.at(page.home_path)
    kept = {cohort.cohort_id: cohort for cohort in saved_cohorts(home, page.study.study_id)}
    with st.expander(f"Saved cohorts ({len(kept)})", icon=":material/bookmark:"):
        if kept:
            with st.container(horizontal=True, vertical_alignment="bottom"):
                picked = st.selectbox(
                    "Saved cohort",
                    list(kept),
                    format_func=lambda cohort_id: kept[cohort_id].name,
                    key="kept_cohort",
                    help="Cohorts saved for this study by anybody who uses this dashboard.",
                )
                if st.button("Use", key="use_cohort", icon=":material/check:", help="Take its conditions."):
                    _change(parse_filter(kept[picked].filter_text))
                    st.rerun(scope="fragment")
                if st.button("Delete", key="delete_cohort", icon=":material/delete:", help="Forget this saved cohort."):
                    delete_cohort(home, picked)
                    st.rerun(scope="fragment")
        with st.form("save_cohort_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(
                "Name", key="cohort_name", max_chars=80, help="A name that is there already gets these conditions."
            )
            wanted = st.form_submit_button(
                "Save", icon=":material/save:", disabled=not draft, help="Keep the cohort under this name."
            )
        if wanted:
            try:
                save_cohort(home, name=name, study_id=page.study.study_id, filter_text=draft.text, user=page.user.name)
            except UserFacingError as error:
                st.warning(str(error))
            else:
                st.rerun(scope="fragment")


def _buttons(page: PageContext, draft: CohortFilter, found: FilteredPatients) -> None:
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(
            "Undo",
            key="undo_filter",
            icon=":material/undo:",
            disabled=not st.session_state[_BEFORE],
            help="One step back.",
        ):
            st.session_state[_DRAFT] = st.session_state[_BEFORE].pop()
            st.rerun(scope="fragment")
        if st.button("Clear", key="clear_filter", disabled=not draft, help="Back to everybody."):
            _change(EVERYBODY)
            st.rerun(scope="fragment")
        n = len(found.patient_ids)
        if st.button(
            f"Show these {n} patients", key="apply_filter", type="primary", disabled=n == 0, help="On every page."
        ):
            filter_address.apply(page.home_path, draft, study_id=page.study.study_id, user=page.user.name)
            st.rerun()


def _change(new: CohortFilter) -> None:
    st.session_state[_BEFORE].append(st.session_state[_DRAFT])
    st.session_state[_DRAFT] = new.text
