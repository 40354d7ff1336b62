"""The parts of the c-index page below its controls: evaluation, headline, figure, warnings, tables, downloads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.errors import UserFacingError
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import cindex_by_week as drawing
from raise_core.figures import cindex_tables, cindex_words
from raise_core.figures.table_export import CSV_MIME, frame_to_csv
from raise_core.figures.template import toolbar
from raise_core.studies.cindex import CindexResult
from raise_core.studies.raise_protocol import published_points
from raise_core.ui import reading
from raise_core.ui.cindex_choice import Choice
from raise_core.ui.shell import PageContext

_PICTURE_FORMATS = ["PNG", "SVG"]


def evaluate(page: PageContext, choice: Choice | None, *, place: DeltaGenerator) -> CindexResult | None:
    """The evaluation of the choice; None, with the reason on the page, when it cannot be made."""
    if choice is None:
        return None
    if not choice.models or not choice.weeks:
        place.info("Pick at least one model and one week to see how well it predicts.", icon=":material/touch_app:")
        return None
    try:
        with place:
            return reading.evaluation(
                home_path=page.home_path,
                study_id=page.study.study_id,
                snapshot_id=page.study.snapshot_id,
                filter_text=page.cohort_filter.text,
                models=choice.models,
                weeks=choice.weeks,
                settings=choice.settings,
                run_id=choice.run.run_id if choice.run is not None else None,
            )
    except UserFacingError as error:
        place.warning(str(error), icon=":material/help:")
        return None


def headline(page: PageContext, result: CindexResult, *, place: DeltaGenerator) -> None:
    """One sentence computed from what is on screen."""
    place.markdown(f"**{cindex_words.headline(result.report, unit=page.unit)}**")


def figure(page: PageContext, choice: Choice, result: CindexResult, *, place: DeltaGenerator) -> None:
    """The figure and its footnote."""
    report = result.report
    published = published_points(report.models) if choice.show_published else ()
    shown = [point for point in published if point.week in report.weeks]
    chart = drawing.cindex_by_week(
        report,
        error_bars="naive" if choice.naive_bars else "corrected",
        published=shown,
        theme=page.theme,
        unit=page.unit,
    )
    picture = str(st.session_state.get("picture", _PICTURE_FORMATS[0])).lower()
    place.plotly_chart(
        chart,
        theme=None,
        key="cindex_figure",
        config=toolbar(f"cindex-{page.study.study_id}", picture_format=picture),
        alt=cindex_words.text_alternative(report, unit=page.unit),
    )
    note = cindex_words.footnote(report, naive_bars=choice.naive_bars, unit=page.unit)
    place.caption(f"{note} {cindex_words.AT_RISK_NOT_STATED}" if shown else note)


def warnings(page: PageContext, result: CindexResult) -> None:
    """What the reader must know before believing the figure."""
    for sentence in cindex_words.warnings(result.report, unit=page.unit):
        st.caption(f":material/warning: {sentence}")


def details(page: PageContext, choice: Choice, result: CindexResult) -> None:
    """Tables and downloads, folded away."""
    report = result.report
    name = f"{report.provenance.study_id}-{choice.comparison.key if choice.comparison else 'own'}"
    if report.comparisons:
        with st.expander("Are the models different? Paired differences on the same splits", icon=":material/balance:"):
            st.dataframe(cindex_tables.comparisons_table(report, unit=page.unit), hide_index=True)
            st.caption(
                "Corrected resampled t-test (Nadeau & Bengio 2003), splits − 1 degrees of freedom; Holm's adjustment "
                "over all comparisons shown. A difference whose interval spans 0 has not been shown."
            )
    with st.expander("All numbers", icon=":material/table:"):
        st.dataframe(
            cindex_tables.estimates_table(report, unit=page.unit),
            hide_index=True,
            column_config=_number_columns(page.unit),
        )
    with st.expander("Who is counted, and who is not", icon=":material/group:"):
        st.dataframe(cindex_tables.excluded_table(report, unit=page.unit), hide_index=True)
        st.caption(f"Used and left out add up to the {report.n_study} patients shown at every visit.")
    with st.expander("Downloads", icon=":material/download:"):
        _downloads(name, result)


def _number_columns(unit: TimeUnit) -> dict[str, Any]:
    three = st.column_config.NumberColumn(format="%.3f")
    two = st.column_config.NumberColumn(format="%.2f")
    return {
        "Naive SE": three,
        "Corrected SE": three,
        "Uno's c": two,
        f"Uno's c counts to ({unit.value} after landmark)": st.column_config.NumberColumn(format="%.0f"),
    }


def _downloads(name: str, result: CindexResult) -> None:
    badge = "simulated-" if result.report.provenance.simulated else ""
    st.segmented_control(
        "Format of the camera button above the figure",
        _PICTURE_FORMATS,
        default=_PICTURE_FORMATS[0],
        key="picture",
        help="PNG for slides, SVG for print.",
    )
    files: list[tuple[str, str, str | Callable[[], str], str]] = [  # small ones ready, large ones made when asked for
        (
            "Estimates (CSV)",
            "cindex",
            frame_to_csv(cindex_tables.download_table(result.report)),
            "Every estimate at full precision with its settings, snapshot and run.",
        ),
        (
            "Paired differences (CSV)",
            "differences",
            frame_to_csv(cindex_tables.comparisons_download(result.report)),
            "Every comparison at full precision.",
        ),
        (
            "Patients behind it (CSV)",
            "patients",
            _csv(result.rows),
            "Each patient used: visits and their dates, marker values, time and event, test splits.",
        ),
        ("Patients left out (CSV)", "left-out", _csv(result.left_out), "Each patient not used, with the reason."),
    ]
    if result.variants:
        files.append(
            (
                "Network risks by split (CSV)",
                "network-risks",
                _csv(result.network_risks),
                "The out-of-sample risk of every patient in every split, as it entered the models.",
            )
        )
    with st.container(horizontal=True):
        for label, ending, content, purpose in files:
            st.download_button(
                label,
                content,
                file_name=f"{badge}{name}-{ending}.csv",
                mime=CSV_MIME,
                help=purpose,
                on_click="ignore",
            )


def _csv(table: Callable[[], pd.DataFrame]) -> Callable[[], str]:
    """The table as CSV, made when it is asked for."""
    return lambda: frame_to_csv(table())
