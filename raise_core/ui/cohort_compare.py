"""Saved cohorts side by side on the cohort page.

A link to a comparison names the cohorts by their filters, so that it shows the same patients after a saved cohort was
renamed, deleted or given another filter; one with a very long filter is named by its id. “Patients shown now” are those
of the filter in the same link. No saved cohort is chosen by itself, so what is chosen always stands in the link.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count
from urllib.parse import unquote

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.cohort_filter import parse_filter
from raise_core.domain.filter_words import filter_words
from raise_core.evaluation.baseline_table import MOST_COHORTS
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.figures import cohort_tables, cohort_words
from raise_core.store.saved_cohorts import SavedCohort
from raise_core.ui import address, cohort_reading
from raise_core.ui.cohort_reading import Asked
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.table_view import download_row, show_table

SHOWN, EVERYBODY = "shown", "everybody"
COHORTS_KEY = "cohorts"
LONGEST_CODE = address.LONGEST_VALUE // MOST_COHORTS - 1  # as many as can be compared fit into the address


def saved_cohorts(page: PageContext) -> None:
    """Choose two to four cohorts and set them side by side."""
    place = st.container()
    filters, names = _offered(page, place)
    if len(filters) < 2:
        place.info(
            "There is nothing to compare yet: choose patients with the button at the left, and save them there under "
            "a name.",
            icon=":material/bookmark:",
        )
        return
    chosen = address.multiselect(
        "Cohorts",
        names,
        key=COHORTS_KEY,
        default=[code for code in (EVERYBODY, SHOWN) if code in filters],  # saved ones come and go
        max_selections=MOST_COHORTS,
        help=f"Two to {MOST_COHORTS} cohorts; save more with the button that chooses patients.",
    )
    with place:
        if len(chosen) < 2:
            st.info("Choose at least two cohorts below.", icon=":material/touch_app:")
            return
        cohort_comparison(page, {names[code]: filters[code].source() for code in chosen})


def _offered(page: PageContext, place: DeltaGenerator) -> tuple[dict[str, Asked], dict[str, str]]:
    """What can be compared and how each is called, by its code in the address; what cannot be is said in `place`."""
    asked = Asked.by(page)
    filters, names = {EVERYBODY: asked.everybody()}, {EVERYBODY: "Everybody"}
    if page.cohort_filter:
        filters[SHOWN], names[SHOWN] = asked, "Patients shown now"
    refused = []
    for cohort in cohort_reading.kept_cohorts(page):
        patients, code = replace(asked, filter_text=cohort.filter_text), code_of(cohort)
        if reason := cohort_reading.why_not(patients):
            refused.append(f"“{cohort.name}” ({reason})")
            continue
        names[code] = f"{names[code]}, {cohort.name}" if code in names else cohort.name
        filters[code] = patients
    for code in _in_address():
        patients = replace(asked, filter_text=code)
        if code not in filters and not cohort_reading.why_not(patients):
            filters[code], names[code] = patients, filter_words(parse_filter(code))
    if refused:
        place.warning(
            plain(f"Left out, since they cannot be used on this data snapshot: {'; '.join(refused)}"),
            icon=":material/filter_alt_off:",
        )
    return filters, distinct(names)


def code_of(cohort: SavedCohort) -> str:
    """A saved cohort in the address: its filter, its id where that is too long."""
    fits = len(_escaped(cohort.filter_text)) <= LONGEST_CODE
    return (cohort.filter_text if fits else cohort.cohort_id) or EVERYBODY


def distinct(names: Mapping[str, str]) -> dict[str, str]:
    """The names with a number behind those that are there already; the first keeps its own."""
    given: dict[str, str] = {}
    for code, name in names.items():
        variants: Iterable[str] = (name if turn == 1 else f"{name} ({turn})" for turn in count(1))
        given[code] = next(variant for variant in variants if variant not in given.values())
    return given


def _in_address() -> list[str]:
    """Codes the address asks for."""
    written = address.parameters().get(COHORTS_KEY, "")
    return [unquote(part) for part in written.split(address.BETWEEN) if part and len(written) <= address.LONGEST_VALUE]


def _escaped(code: str) -> str:
    """A code as `address.multiselect` writes it."""
    return code.replace("%", "%25").replace(address.BETWEEN, "%7E")


def cohort_comparison(page: PageContext, cohorts: Mapping[str, MarkerSource]) -> None:
    """Cohorts side by side: patients they share, characteristics, standardised differences.

    Args:
        page: where the page stands.
        cohorts: name to cohort, two to four.
    """
    found = cohort_reading.comparison(dict(cohorts))
    origin = replace(
        cohort_reading.origin(page),
        cohort_words="; ".join(f"{name} ({n})" for name, n in zip(found.table.groups, found.table.sizes, strict=True)),
    )
    st.markdown(f"**{plain(cohort_words.comparison_headline(found))}**")
    overlap = cohort_tables.overlap_table(found, origin)
    table = cohort_tables.comparison_table(found, origin)
    show_table(table)
    download_row(table, name="cohorts")
    show_table(overlap)
    download_row(overlap, name="shared-patients")
