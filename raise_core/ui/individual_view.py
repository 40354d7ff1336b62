"""The parts of the what-if page below its choices: curve and sliders together, then the model and its limits."""

from __future__ import annotations

import streamlit as st

from raise_core.domain.marker_name import parse_model
from raise_core.figures import effect_words, individual_words
from raise_core.figures.identity import short_model_name
from raise_core.figures.model_effects import effects_figure
from raise_core.figures.predicted_survival import prediction_figure
from raise_core.figures.template import toolbar
from raise_core.studies.individual import predict
from raise_core.ui import cohort_reading
from raise_core.ui.individual_choice import IndividualChoice, choose_values, forget_values
from raise_core.ui.navigation import PATIENT, link
from raise_core.ui.plain_text import plain
from raise_core.ui.shell import PageContext
from raise_core.ui.table_view import download_row, show_table

CURVE_AND_VALUES = (7, 3)  # widths


@st.fragment
def explore(page: PageContext, choice: IndividualChoice) -> None:
    """Headline, curve and sliders, which run by themselves: moving a value draws nothing else again."""
    sentence = st.container()
    picture, values = st.columns(CURVE_AND_VALUES, gap="medium")
    with values:
        chosen, below = choose_values(choice)
    found = predict(choice.model, chosen, patient_id=choice.patient_id, horizon_weeks=choice.horizon_weeks)
    with values:
        for marker, warning in individual_words.value_warnings(found).items():
            below[marker].warning(plain(warning))
        together = individual_words.joint_warning(found)
        if together:
            st.warning(plain(together))
        label = "Back to the median values" if choice.patient_id is None else "Back to the values measured"
        st.button(
            label, icon=":material/undo:", disabled=not found.changed, on_click=forget_values, key="values_back",
            type="tertiary",
        )  # fmt: skip
        if choice.patient_id is not None:
            link(PATIENT, f"Course of {choice.patient_id}", patient=choice.patient_id)
    sentence.markdown(f"**{plain(individual_words.headline(found, unit=page.unit))}**")
    with picture:
        st.plotly_chart(
            prediction_figure(found, theme=page.theme, unit=page.unit),
            theme=None,
            key="individual_figure",
            config=toolbar(f"what-if-{page.study.study_id}"),
            alt=individual_words.text_alternative(found, unit=page.unit),
        )
    st.markdown(plain(individual_words.median_sentence(found, unit=page.unit)))
    for warning in individual_words.model_warnings(found, unit=page.unit):
        st.caption(f":material/warning: {plain(warning)}")
    st.caption(plain(individual_words.footnote(found, unit=page.unit)))


def model(page: PageContext, choice: IndividualChoice) -> None:
    """What each marker does in the model, and whether its assumption holds."""
    report = choice.model.report
    st.subheader("What does each marker do in this model?", anchor=False)
    st.markdown(plain(effect_words.proportional_sentence(report)))
    st.plotly_chart(
        effects_figure(report, theme=page.theme),
        theme=None,
        key="individual_effects",
        config=toolbar(f"hazard-ratios-{page.study.study_id}"),
        alt=effect_words.effects_alternative(report),
    )
    st.caption(plain(effect_words.effects_note(report)))


def details(page: PageContext, choice: IndividualChoice) -> None:
    """Numbers, patients left out and downloads, folded away."""
    report = choice.model.report
    table = effect_words.effects_table(report, cohort_reading.origin(page))
    with st.expander("All numbers and downloads", icon=":material/table:"):
        show_table(table)
        download_row(
            table, name=f"what-if-{short_model_name(parse_model(report.model).text)}".lower().replace(" ", "-")
        )
    with st.expander("Who is counted, and who is not", icon=":material/group:"):
        st.dataframe(effect_words.excluded_table(report, unit=page.unit), hide_index=True)
        st.caption(f"They add up to the {report.n_study} patients shown.")
