"""The PRRT page below its title: sentence, figure, controls, notes, one view at a time."""

from __future__ import annotations

import streamlit as st

from raise_core.domain.class_results import ClassReport
from raise_core.domain.errors import UserFacingError
from raise_core.figures import prrt_words
from raise_core.figures.prrt_bars import prrt_bars
from raise_core.figures.prrt_curves import prrt_curves
from raise_core.studies import prrt_protocol
from raise_core.studies.prrt_report import best_documented
from raise_core.ui import address, prrt_choice, prrt_probabilities, prrt_reading, prrt_tables
from raise_core.ui.plain_text import plain
from raise_core.ui.prrt_reading import RunKey
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_bar import figure_bar


@st.fragment
def prrt(page: PageContext, key: RunKey) -> None:
    """Everything below the title; a fragment, so that a slider redraws this and nothing else."""
    view = prrt_choice.choose_view()
    try:
        report = prrt_reading.report(key)
        if view == prrt_choice.MODELS:
            _models(page, key, report)
        elif view == prrt_choice.CURVES:
            _curves(page, key, report)
        elif view == prrt_choice.MAP:
            _map(page, key, report)
        elif view == prrt_choice.NUMBERS:
            prrt_tables.numbers(report)
        else:
            prrt_probabilities.view(page, key, report, view)
    except UserFacingError as error:
        st.warning(plain(str(error)), icon=":material/help:")


def _models(page: PageContext, key: RunKey, report: ClassReport) -> None:
    st.markdown(f"**{plain(prrt_words.headline(report, best_documented(key.run())))}**")
    picture = st.container()
    published = address.switch(
        "Published values",
        key="published",
        default=True,
        help="Hollow grey bars: what the paper reports for its own 116 patients.",
    )
    with picture:
        st.plotly_chart(
            prrt_bars(
                report,
                published=prrt_protocol.PUBLISHED if published else (),
                source=prrt_protocol.SOURCE,
                theme=page.theme,
            ),
            theme=None,
            key="prrt_bars",
            config=figure_bar(page, "prrt-models"),
            alt=prrt_words.text_alternative(report),
        )
    _notes(report)


def _curves(page: PageContext, key: RunKey, report: ClassReport) -> None:
    st.markdown(f"**{plain(prrt_words.headline(report, best_documented(key.run())))}**")
    picture = st.container()
    best = best_documented(key.run())
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        models = prrt_choice.choose_models(
            report.models, default=[text for text in dict.fromkeys(("lab", best)) if text in report.models]
        )
        each = address.switch("Every fold", key="folds", default=False, help="A thin line for every fold.")
    if not models:
        picture.info("Pick at least one model to see its curves.", icon=":material/touch_app:")
        return
    with picture:
        st.plotly_chart(
            prrt_curves(report, models, each_fold=each, theme=page.theme),
            theme=None,
            key="prrt_curves",
            config=figure_bar(page, "prrt-curves"),
            alt=prrt_words.curves_alternative(report, models),
        )
    st.caption(plain(prrt_words.curves_footnote(report)))


def _map(page: PageContext, key: RunKey, report: ClassReport) -> None:
    from raise_core.ui import prrt_map  # what it draws with is not needed by the other views

    model = prrt_choice.choose_model(report.models, default=best_documented(key.run()))
    prrt_map.draw(page, key.run(), model)


def _notes(report: ClassReport) -> None:
    for sentence in (*prrt_words.warnings(report), prrt_words.left_out(report)):
        if sentence:
            st.caption(f":material/warning: {plain(sentence)}")
    st.caption(plain(prrt_words.footnote(report)))
