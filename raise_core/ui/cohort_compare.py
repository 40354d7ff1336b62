"""Saved cohorts side by side on the cohort page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from raise_core.evaluation.baseline_table import MOST_COHORTS
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.figures import cohort_tables, cohort_words
from raise_core.ui import address, cohort_reading
from raise_core.ui.cohort_reading import Asked
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.table_view import download_row, show_table

SHOWN, EVERYBODY = "shown", "everybody"


def saved_cohorts(page: PageContext) -> None:
    """Choose two to four cohorts and set them side by side."""
    place = st.container()
    asked = Asked.by(page)
    kept = {cohort.cohort_id: cohort for cohort in cohort_reading.kept_cohorts(page)}
    named = {EVERYBODY: ("Everybody", asked.everybody())}
    if page.cohort_filter:
        named[SHOWN] = ("Patients shown now", asked)
    named |= {
        cohort_id: (cohort.name, replace(asked, filter_text=cohort.filter_text)) for cohort_id, cohort in kept.items()
    }
    if len(named) < 2:
        place.info(
            "There is nothing to compare yet: choose patients with the button at the left, and save them there under "
            "a name.",
            icon=":material/bookmark:",
        )
        return
    chosen = address.multiselect(
        "Cohorts",
        {code: name for code, (name, _) in named.items()},
        key="cohorts",
        default=list(named)[: 2 if page.cohort_filter else MOST_COHORTS],
        max_selections=MOST_COHORTS,
        help=f"Two to {MOST_COHORTS} cohorts; save more with the button that chooses patients.",
    )
    with place:
        if len(chosen) < 2:
            st.info("Choose at least two cohorts below.", icon=":material/touch_app:")
            return
        cohort_comparison(page, {named[code][0]: named[code][1].source() for code in chosen})


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
