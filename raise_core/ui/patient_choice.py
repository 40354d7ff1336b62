"""What the patient page is asked to show: which patient, which model's risk, which blood tests, which RECIST."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from raise_core.domain.marker_name import plain_test_name
from raise_core.domain.recist import RecistVersion
from raise_core.domain.time_unit import TimeUnit
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.figures.identity import model_name
from raise_core.figures.patient_words import CAUSES, Milestone, end_words, patient_label
from raise_core.studies.overview import main_endpoint
from raise_core.studies.runs import RunSummary
from raise_core.ui import address, reading
from raise_core.ui.shell import PageContext

PATIENT_KEY = "patient"
MOST_LABS = 6
_FIRST_LABS = ("CGA", "AP", "LDH")  # shown unless others are asked for, where the study has them
_SHORT_CODES = {"sldr+dlog:CGA": "two", "sldr+dlog:CGA+dl:lesion-portal": "three"}
_NO_MODEL = "none"


@dataclass(frozen=True)
class PatientChoice:
    """A view of the patient page.

    Attributes:
        patient_id: who.
        in_cohort: the patient meets the cohort filter.
        model: whose risk is drawn, None for none.
        run: run whose networks the model uses, None when it needs none.
        labs: tests drawn, upper case.
        recist: edition the response is read by.
        endpoint: the study's main outcome, None without outcomes.
    """

    patient_id: str
    in_cohort: bool
    model: str | None
    run: RunSummary | None
    labs: tuple[str, ...]
    recist: RecistVersion
    endpoint: str | None


def choose(page: PageContext) -> PatientChoice:
    """The controls of the page, in one row: patient, previous and next, and what is drawn behind a button."""
    whole = page.whole_source()
    endpoint = main_endpoint(whole)
    runs = reading.known_runs(page.home_path, page.study.snapshot_id)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        patient_id, in_cohort = _patient(page, endpoint)
        with st.popover("Model and tests", icon=":material/tune:", help="What is drawn: risk, blood tests, RECIST"):
            model, run = _model(page, endpoint, _run(runs))
            labs, recist = _labs(whole), _recist()
    if not in_cohort:
        st.info(
            "The cohort filter leaves this patient out: the risk is that among all patients of the study.",
            icon=":material/filter_alt_off:",
        )
    return PatientChoice(patient_id, in_cohort, model, run, labs, recist, endpoint)


def _patient(page: PageContext, endpoint: str | None) -> tuple[str, bool]:
    """The patient, by list, buttons or address, and whether the patient meets the cohort filter."""
    study = page.study
    key = (page.home_path, study.study_id, study.snapshot_id)
    labels = patient_labels(*key, page.cohort_filter.text, endpoint=endpoint, unit=page.unit)
    options, asked = dict(labels), address.parameters().get(PATIENT_KEY)
    if asked is not None and asked not in options and asked in page.whole_source().patient_ids:
        everybody = patient_labels(*key, endpoint=endpoint, unit=page.unit)
        options[asked] = f"{everybody[asked]} · outside the filter"
    patient_id = address.select(
        "Patient",
        options,
        key=PATIENT_KEY,
        default=next(iter(labels)),
        help="Type to search: name, arm, grade, primary tumour. The list follows the cohort filter.",
        width=400,
    )
    address.pin(PATIENT_KEY, patient_id)
    names = list(labels)
    place = names.index(patient_id) if patient_id in labels else None
    for label, step, icon in (("Previous", -1, ":material/chevron_left:"), ("Next", 1, ":material/chevron_right:")):
        target = 0 if place is None else place + step
        st.button(
            label,
            icon=icon,
            key=f"patient_{label.lower()}",
            help=f"{label} patient of the list" if place is not None else "Back into the list",
            disabled=not 0 <= target < len(names),
            on_click=_go_to,
            args=(names[min(max(target, 0), len(names) - 1)],),
        )
    return patient_id, patient_id in labels


def _go_to(patient_id: str) -> None:
    st.session_state[PATIENT_KEY] = patient_id


@st.cache_data(max_entries=32, show_spinner=False)
def patient_labels(
    home_path: str, study_id: str, snapshot_id: str, filter_text: str = "", *, endpoint: str | None, unit: TimeUnit
) -> dict[str, str]:
    """Patients of a filtered cohort, each in one line."""
    cohort = reading.study_source(home_path, study_id, snapshot_id, filter_text).cohort
    seen = cohort.outcomes[cohort.outcomes["event"].astype(bool)]
    causes = {
        (patient, week): name
        for patient, week, name in zip(seen["patient_id"], seen["time_weeks"], seen["endpoint"], strict=True)
        if name in CAUSES and endpoint == "PFS"
    }
    rows = cohort.outcomes[(cohort.outcomes["endpoint"] == endpoint) & cohort.outcomes["time_weeks"].notna()]
    ends = {
        patient: Milestone(
            float(week), end_words(endpoint or "", event=event, cause=causes.get((patient, week), "")), event
        )
        for patient, week, event in zip(rows["patient_id"], rows["time_weeks"], rows["event"].astype(bool), strict=True)
    }
    return {
        str(patient["patient_id"]): patient_label(patient, ends.get(patient["patient_id"]), unit=unit)
        for patient in cohort.patients.to_dict("records")
    }


def _run(runs: Sequence[RunSummary]) -> RunSummary | None:
    """The newest run, or the one the address names."""
    if not runs:
        return None
    named = {run.run_id[:8]: run for run in runs}
    newest = runs[0].run_id[:8]
    return named[address.value("run", default=newest, valid=named.__contains__, what="run")]


def _model(page: PageContext, endpoint: str | None, run: RunSummary | None) -> tuple[str | None, RunSummary | None]:
    """The model whose risk is drawn, and its run when it uses networks."""
    if endpoint is None:
        return None, None
    study, variants = page.study, () if run is None else run.variants
    offered = reading.offered_models(page.home_path, study.study_id, study.snapshot_id, variants)
    texts = {model_code(text): text for text in offered}
    code = address.select(
        "Risk by",
        {**{code: model_name(text) for code, text in texts.items()}, _NO_MODEL: "No model"},
        key="model",
        default=next(iter(texts), _NO_MODEL),
        help="Whose risk is drawn at each visit, out of sample. Networks are those of the newest run.",
    )
    model = texts.get(code)
    uses_run = model is not None and "dl:" in model and run is not None
    if uses_run and run is not None:
        address.pin("run", run.run_id[:8])
    return model, run if uses_run else None


def model_code(text: str) -> str:
    """A model in the address: 'two', 'three', else its markers in lower case without prefix of networks."""
    return _SHORT_CODES.get(text, text.lower().removeprefix("dl:"))


def _labs(whole: MarkerSource) -> tuple[str, ...]:
    """Tests to draw."""
    if not whole.tests:
        return ()
    codes = address.multiselect(
        "Blood tests",
        {test.lower(): plain_test_name(test) for test in whole.tests},
        key="labs",
        default=default_labs(whole.tests),
        help="Each has a panel of its own.",
        max_selections=MOST_LABS,
    )
    return tuple(code.upper() for code in codes)


def default_labs(tests: Sequence[str]) -> tuple[str, ...]:
    """Codes of CgA and two liver-related tests, or the first three there are."""
    known = [test for test in _FIRST_LABS if test in tests]
    rest = [test for test in tests if test not in known]
    return tuple(test.lower() for test in [*known, *rest][:3])


def _recist() -> RecistVersion:
    code = address.segmented(
        "RECIST",
        {version.value: version.value for version in RecistVersion},
        key="recist",
        default=RecistVersion.V1_0.value,
        help="1.1 also wants 5 mm of growth for progression. The trial used 1.0.",
    )
    return RecistVersion(code)
