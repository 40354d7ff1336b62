"""The parts of the response page below its question: one picture at a time, tables, downloads."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.errors import NotInStoreError, UserFacingError
from raise_core.domain.marker_results import NumberDistribution
from raise_core.domain.response_results import CohortResponse
from raise_core.figures import cohort_words, response_tables, response_words
from raise_core.figures.distribution import number_figure
from raise_core.figures.growth_rate import growth_figure
from raise_core.figures.spider import spider_figure
from raise_core.figures.swimmer import choose_lanes, swimmer_figure
from raise_core.figures.table_export import CSV_MIME, frame_to_csv
from raise_core.figures.template import toolbar
from raise_core.figures.waterfall import bars_of, waterfall_figure
from raise_core.studies.overview import main_endpoint
from raise_core.ui import cohort_reading, response_reading
from raise_core.ui.cohort_reading import Asked
from raise_core.ui.navigation import PATIENT, link
from raise_core.ui.navigation import go as open_page_of
from raise_core.ui.plain_text import plain
from raise_core.ui.response_choice import BEST, GROWTH, LESIONS, TIME, ResponseChoice
from raise_core.ui.shell import PageContext
from raise_core.ui.table_view import download_row, show_table

TABLES_KEY = "response_tables"


def picture(page: PageContext, choice: ResponseChoice, *, place: DeltaGenerator) -> None:
    """The chosen picture with its headline and footnote; or why there is none.

    Args:
        page: where the page stands.
        choice: what is shown.
        place: where.
    """
    try:
        with place:
            if choice.picture == GROWTH:
                _growth(page, choice)
            elif choice.picture == LESIONS:
                _lesions(page, choice)
            else:
                _response(page, choice)
    except UserFacingError as error:
        place.info(plain(str(error)), icon=":material/info:")


def _response(page: PageContext, choice: ResponseChoice) -> None:
    """Waterfall, spider or swimmer."""
    found = _found(page, choice)
    if choice.picture == BEST:
        _require_measured(found)
        _waterfall(page, choice, found)
    elif choice.picture == TIME:
        _require_measured(found)
        _spider(page, choice, found)
    else:
        _swimmer(page, choice, found)


def _found(page: PageContext, choice: ResponseChoice) -> CohortResponse:
    return response_reading.responses(Asked.by(page), choice.settings)


def _require_measured(found: CohortResponse) -> None:
    if bars_of(found).empty:
        raise NotInStoreError(
            f"none of the {len(found.patients)} patients shown has the target lesions measured at baseline and again "
            "later, so there is no change to draw. Import a lesions table, or loosen the patient filter."
        )


def _waterfall(page: PageContext, choice: ResponseChoice, found: CohortResponse) -> None:
    st.markdown(f"**{plain(response_words.waterfall_headline(found))}**")
    _clickable(
        page,
        choice,
        waterfall_figure(
            found, marks=cohort_reading.marks(page), by_response=choice.by_response, theme=page.theme, unit=page.unit
        ),
        alt=response_words.waterfall_alternative(found),
    )
    st.caption(plain(response_words.waterfall_footnote(found, cohort_reading.origin(page), page.unit)))


def _spider(page: PageContext, choice: ResponseChoice, found: CohortResponse) -> None:
    st.markdown(f"**{plain(response_words.spider_headline(found, page.unit))}**")
    _clickable(
        page,
        choice,
        spider_figure(
            found, marks=cohort_reading.marks(page), highlight=choice.patient_id, theme=page.theme, unit=page.unit
        ),
        alt=response_words.spider_alternative(found, page.unit),
    )
    if choice.patient_id:
        link(PATIENT, f"Open patient {plain(choice.patient_id)}", **_asked_of(choice, choice.patient_id))
    st.caption(plain(response_words.spider_footnote(found, cohort_reading.origin(page), page.unit)))


def _swimmer(page: PageContext, choice: ResponseChoice, found: CohortResponse) -> None:
    endpoint = main_endpoint(page.whole_source())
    everybody = response_reading.time_on_study(Asked.by(page), choice.settings, endpoint)
    shown = choose_lanes(everybody, choice.which)
    if not shown:
        who = "responded" if everybody else "was followed after randomisation"
        raise NotInStoreError(f"none of the {len(found.patients)} patients shown {who}, so there is no bar to draw.")
    st.markdown(f"**{plain(response_words.swimmer_headline(everybody, page.unit))}**")
    _clickable(
        page,
        choice,
        swimmer_figure(shown, marks=cohort_reading.marks(page), theme=page.theme, unit=page.unit),
        alt=response_words.swimmer_alternative(shown, everybody, page.unit),
    )
    origin = cohort_reading.origin(page)
    note = response_words.swimmer_footnote(
        found, everybody, shown=len(shown), chosen=choice.which, endpoint=endpoint, origin=origin, unit=page.unit
    )
    st.caption(plain(note))


def _growth(page: PageContext, choice: ResponseChoice) -> None:
    found = response_reading.growth(Asked.by(page), choice.week if choice.week is not None else 0.0)
    st.markdown(f"**{plain(response_words.growth_headline(found, page.unit))}**")
    figure, beyond = growth_figure(found, marks=cohort_reading.marks(page), theme=page.theme, unit=page.unit)
    _clickable(page, choice, figure, alt=response_words.growth_headline(found, page.unit))
    st.markdown(plain(response_words.GROWTH_DEFINITION))
    note = response_words.growth_footnote(found, beyond, cohort_reading.origin(page), page.unit)
    st.caption(plain(note))


def _lesions(page: PageContext, choice: ResponseChoice) -> None:
    if choice.week is None:
        raise NotInStoreError(
            "no patient of this study has two or more target lesions measured at baseline and again at a visit, so "
            "there is no spread between lesions. A table that holds one sum a visit cannot show it: import diameters "
            "lesion by lesion."
        )
    found = cohort_reading.distribution(Asked.by(page), "heterogeneity", choice.week)
    if not isinstance(found, NumberDistribution):
        raise TypeError("the spread between lesions is a number")
    st.markdown(f"**{plain(response_words.spread_headline(found, page.unit))}**")
    _clickable(
        page,
        choice,
        number_figure(found, marks=cohort_reading.marks(page), theme=page.theme),
        alt=f"{found.scale.title} by arm. {response_words.spread_headline(found, page.unit)}",
    )
    st.markdown(plain(response_words.SPREAD_DEFINITION))
    note = cohort_words.distribution_footnote(found, cohort_reading.origin(page), page.unit)
    st.caption(plain(f"{response_words.CLICK}{note}"))


def _clickable(page: PageContext, choice: ResponseChoice, figure: go.Figure, *, alt: str) -> None:
    """The figure; a click on a patient opens the patient."""
    event = st.plotly_chart(
        figure,
        theme=None,
        key=f"response_{choice.picture}",
        config=toolbar(f"{page.study.study_id}-response-{choice.picture}"),
        alt=alt,
        on_select="rerun",
        selection_mode="points",
    )
    for point in event["selection"]["points"]:
        who = point.get("customdata")
        patient = who[0] if isinstance(who, list) and who else who
        if isinstance(patient, str) and patient:
            open_page_of(PATIENT, **_asked_of(choice, patient))


def _asked_of(choice: ResponseChoice, patient: str) -> dict[str, str]:
    """Parameters that open a patient read by the same edition."""
    return {"patient": patient, "recist": choice.settings.version.value}


@st.fragment
def details(page: PageContext, choice: ResponseChoice) -> None:
    """Tables and downloads, made when they are unfolded; growth rates and spread have none."""
    if choice.picture in {GROWTH, LESIONS}:
        return
    folded = st.expander(
        "Best response and response at each visit by arm, downloads",
        icon=":material/table:",
        key=TABLES_KEY,
        on_change="rerun",
    )
    if not folded.open:
        return
    found, origin = _found(page, choice), cohort_reading.origin(page)
    weeks = cohort_reading.visit_weeks(page)
    counted = response_reading.at_visits(Asked.by(page), choice.settings, weeks)
    with folded:
        best = response_tables.best_response_table(found, origin, unit=page.unit)
        st.markdown(f"**{best.title}**")
        show_table(best)
        download_row(best, name="best-response")
        visits = response_tables.visit_response_table(counted, found, origin, unit=page.unit)
        st.markdown(f"**{visits.title}**")
        show_table(visits)
        download_row(visits, name="response-by-visit")
        badge = "simulated-" if page.study.simulated else ""
        with st.container(horizontal=True):
            for label, ending, table, purpose in (
                ("Every patient (CSV)", "patients", response_tables.patients_download, "Best change and response."),
                ("Every visit (CSV)", "visits", response_tables.visits_download, "Sums, nadir, response at each."),
            ):
                st.download_button(
                    label,
                    frame_to_csv(table(found, origin)),
                    file_name=f"{badge}{page.study.study_id}-response-{ending}.csv",
                    mime=CSV_MIME,
                    help=purpose,
                    on_click="ignore",
                )
