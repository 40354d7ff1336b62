"""What the PRRT page is asked to show: which run, which view, which model and which threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from raise_core.figures import durations
from raise_core.figures.fusion_marks import fusion_name
from raise_core.studies.prrt_report import PooledPatients
from raise_core.studies.prrt_runs import PrrtRunSummary
from raise_core.ui import address, navigation, prrt_reading
from raise_core.ui.prrt_reading import RunKey
from raise_core.ui.shell import SNAPSHOT_LETTERS, PageContext

MODELS, CURVES, THRESHOLD, SURVIVAL, CALIBRATION, MAP, NUMBERS = (
    "models", "curves", "threshold", "survival", "calibration", "map", "numbers",
)  # fmt: skip
VIEWS = {
    MODELS: "Models",
    CURVES: "ROC and precision–recall",
    THRESHOLD: "Threshold",
    SURVIVAL: "Survival",
    CALIBRATION: "Calibration and decision",
    MAP: "Map",
    NUMBERS: "Numbers and downloads",
}
MOST_CURVES = 4
STEPS = 100  # of the threshold of a score that is no probability


def choose_run(page: PageContext) -> RunKey | None:
    """The newest run on the data shown, or the one the address names; None, with advice on the page, without any."""
    runs = prrt_reading.known_prrt_runs(page.home_path, page.study.snapshot_id)
    if not runs:
        _explain_no_run(page)
        return None
    named = {run.run_id[:SNAPSHOT_LETTERS]: run for run in runs}
    newest = next(iter(named))
    if len(named) > 1:
        with st.sidebar:
            code = address.select(
                "Run", {code: _label(run) for code, run in named.items()}, key="run", default=newest,
                help="Whose predictions are shown; times are UTC.",
            )  # fmt: skip
    else:
        code = address.value("run", default=newest, valid=named.__contains__, what="run")
        code = code if code in named else newest
    address.pin("run", code)
    return RunKey(
        page.home_path, page.study.study_id, page.study.snapshot_id, page.cohort_filter.text, named[code].run_id
    )


def _label(run: PrrtRunSummary) -> str:
    return f"{durations.moment(run.finished_at)} · {len(run.settings.models)} models · {run.n_patients} patients"


def _explain_no_run(page: PageContext) -> None:
    st.info(
        "These data have no finished PRRT run yet, so no model can be compared. Start one on the page Runs, or in a "
        "terminal; this page finds it within seconds.",
        icon=":material/hub:",
    )
    st.code(f"python -m raise_core run prrt --study {page.study.study_id}", language="bash")
    navigation.link(navigation.RUNS, "Start a run")


def choose_view() -> str:
    """Which part of the results is shown."""
    return address.segmented(
        "Show",
        VIEWS,
        key="show",
        default=MODELS,
        label_visibility="collapsed",
        help="How well each model ranks; its curves; what a threshold does; survival of those called long and short; "
        "whether probabilities are right and worth acting on; patients as the network sees them; tables and files.",
    )


def choose_model(models: Sequence[str], *, default: str) -> str:
    """The one model a view is about."""
    return address.select(
        "Model",
        {text: fusion_name(text) for text in models},
        key="model",
        default=default,
        help="Which model’s out-of-fold predictions are shown.",
        width=340,
    )


def choose_models(models: Sequence[str], *, default: Sequence[str]) -> tuple[str, ...]:
    """Some models side by side."""
    return address.multiselect(
        "Models",
        {text: fusion_name(text) for text in models},
        key="models",
        default=list(default),
        max_selections=MOST_CURVES,
        help=f"Up to {MOST_CURVES} models whose curves are laid over each other.",
    )


def choose_threshold(patients: PooledPatients) -> float:
    """From which score on a patient is called long."""
    if patients.is_probability:
        return address.slider(
            "Called long from a predicted probability of",
            key="threshold",
            minimum=0.01,
            maximum=0.99,
            default=patients.fixed_threshold,
            step=0.01,
            help="Drag, or use the arrow keys. 0.50 was fixed beforehand; any other value is chosen by looking.",
            format="%.2f",
        )
    low, high = float(np.floor(10 * patients.score.min()) / 10), float(np.ceil(10 * patients.score.max()) / 10)
    low, high = min(low, -0.1), max(high, 0.1)
    return address.slider(
        "Called long from a score (minus log relative hazard) of",
        key="threshold-hazard",
        minimum=low,
        maximum=high,
        default=patients.fixed_threshold,
        step=max(round((high - low) / STEPS, 2), 0.01),
        help="Drag, or use the arrow keys. 0, the average patient of the training set, was fixed beforehand.",
        format="%.2f",
    )
