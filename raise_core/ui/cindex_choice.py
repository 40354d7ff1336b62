"""What the c-index page is asked to show: a published comparison or the reader's own models, and how it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.results import CindexSettings
from raise_core.domain.time_unit import TimeUnit
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.figures import durations
from raise_core.figures.identity import encoder_name, endpoint_name, model_name
from raise_core.studies.overview import main_endpoint
from raise_core.studies.questions import offered_weeks
from raise_core.studies.raise_protocol import COMPARISONS, Comparison
from raise_core.studies.runs import RunSummary
from raise_core.ui import address, reading
from raise_core.ui.shell import PageContext

OWN = "own"
_COMPARISONS = {
    "texture": "Inside or outline",
    "region": "Lesion or liver",
    "phase": "Portal or arterial",
    "added": "Added value",
    OWN: "Your own",
}
_BARS = {"ci": "95 % interval", "se": "naive SE"}
MOST_MODELS = 6


@dataclass(frozen=True)
class Choice:
    """A view of the c-index page.

    Attributes:
        comparison: the published comparison, None for the reader's own models.
        models: models to compare.
        weeks: landmark weeks.
        settings: evaluation settings.
        run: run whose predictions are used, None when none is needed or there.
        naive_bars: draw the paper's naive standard error instead of the corrected interval.
        show_published: lay the paper's points over the figure.
    """

    comparison: Comparison | None
    models: tuple[str, ...]
    weeks: tuple[float, ...]
    settings: CindexSettings
    run: RunSummary | None
    naive_bars: bool
    show_published: bool


def choose(page: PageContext, *, question: DeltaGenerator, controls: DeltaGenerator) -> Choice | None:
    """The controls of the page; None when what is asked for cannot be understood (the reason is shown).

    Args:
        page: where the page stands.
        question: place of the comparison switch.
        controls: place of the others.
    """
    source = page.source()
    runs = reading.known_runs(page.home_path, page.study.snapshot_id)
    offered = _COMPARISONS if runs else {OWN: _COMPARISONS[OWN]}
    with question:
        picked = address.segmented(
            "Compare",
            offered,
            key="show",
            default=next(iter(offered)),
            label_visibility="collapsed",
            help="The four comparisons of the RAISE paper (Figures 4A, 4B, 4C and 5), or any markers of your own.",
        )
    comparison = next((c for c in COMPARISONS if c.key == picked), None)
    run = _pick_run(runs)
    with controls:
        if comparison is not None and run is not None:
            models, weeks, settings = comparison.models, run.weeks, run.settings
        else:
            try:
                models, weeks, settings = _own(source, run, page.unit)
            except (BadUsageError, NotInStoreError) as error:
                st.warning(str(error), icon=":material/help:")
                return None
        naive_bars, show_published = _drawing_controls()
    needs_run = any("dl:" in model for model in models)
    return Choice(comparison, models, weeks, settings, run if needs_run else None, naive_bars, show_published)


def _drawing_controls() -> tuple[bool, bool]:
    """Whether to draw the naive standard error, and the paper's points."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        bars = address.segmented(
            "Error bars",
            _BARS,
            key="bars",
            default="ci",
            help="The corrected interval allows for overlapping training sets. The naive standard error is what the "
            "paper drew; it is several times too small.",
        )
        published = address.switch(
            "Published points",
            key="published",
            default=True,
            help="Hollow grey points: values the paper reports. It does not say who counts as at risk at a week.",
        )
    return bars == "se", published


def _pick_run(runs: Sequence[RunSummary]) -> RunSummary | None:
    """The newest run, or another one from the sidebar when there are several."""
    if not runs:
        return None
    named = {run.run_id[:8]: run for run in runs}
    newest = runs[0].run_id[:8]
    if len(runs) == 1:
        code = address.value("run", default=newest, valid=named.__contains__, what="run")
    else:
        with st.sidebar:
            labels = {
                code: f"{durations.moment(run.finished_at)} · {encoder_name(run.encoder)} · "
                f"{run.settings.splits} splits"
                for code, run in named.items()
            }
            code = address.select(
                "Run", labels, key="run", default=newest, help="Whose network outputs are shown; times are UTC."
            )
    address.pin("run", code)
    return named[code]


def _own(
    source: MarkerSource, run: RunSummary | None, unit: TimeUnit
) -> tuple[tuple[str, ...], tuple[float, ...], CindexSettings]:
    """Controls for the reader's own models.

    Raises:
        NotInStoreError: the study has no outcome or no common visit weeks.
    """
    endpoints = sorted(source.cohort.outcomes["endpoint"].unique())
    main = main_endpoint(source)
    if main is None:
        raise NotInStoreError("This study has no outcomes, so nothing can be predicted. Import outcomes.csv.")
    known = [marker.text for marker in source.predictors()]
    deep = [f"dl:{variant}" for variant in run.variants] if run is not None else []
    labs = sorted((text for text in known if text.startswith("lab:")), key=lambda text: text != "lab:CGA")
    visits = [LandmarkWeek(week) for week in offered_weeks(source, main)]
    sizes = [marker for marker in source.predictors() if marker.text in {"sldr", "sld"}]
    measured = [size.text for size in sizes if any(source.present_at(size, visit).any() for visit in visits)]
    default = sorted(measured, reverse=True) or labs[:3] or known[:1]
    if {"sldr", "dlog:CGA"} <= set(known):
        default = ["sldr", "dlog:CGA", "sldr+dlog:CGA"]
    left, middle, right = st.columns([5, 4, 2])
    with left:
        models = address.multiselect(
            "Models",
            {text: model_name(text) for text in dict.fromkeys([*default, *known, *deep])},
            key="models",
            default=default,
            accept_new=True,
            max_selections=MOST_MODELS,
            help="Pick markers, or type several joined by “+” for one Cox model, for example sldr+dlog:CGA+age. "
            "All models are compared on the patients who have every marker.",
        )
    uses_run = run is not None and any("dl:" in model for model in models)
    if run is not None and uses_run:  # its networks were trained on one outcome
        endpoints, main = [run.settings.endpoint], run.settings.endpoint
    with right:
        endpoint = address.select(
            "Outcome",
            {name: endpoint_name(name) for name in endpoints},
            key="endpoint",
            default=main,
            help="What the markers should predict. Network outputs belong to the outcome they were trained on.",
        )
    offered = {f"{week:g}": unit.write(week) for week in offered_weeks(source, endpoint)}
    with middle:
        weeks = address.multiselect(
            f"Visits ({unit.value})",
            offered,
            key="weeks",
            default=list(offered)[:6],
            accept_new=True,
            help="Landmarks. Values of up to 8 weeks before count; patients must be event-free one week after. "
            "Any other number of weeks can be typed.",
        )
    return tuple(models), _numbers(weeks), _settings(endpoint, run, uses_run=uses_run)


def _numbers(texts: Sequence[str]) -> tuple[float, ...]:
    weeks = []
    for text in texts:
        try:
            weeks.append(float(text))
        except ValueError as error:
            raise BadUsageError(f"“{text[:20]}” is not a number of weeks; write for example 12.") from error
    return tuple(sorted(set(weeks)))


def _settings(endpoint: str, run: RunSummary | None, *, uses_run: bool) -> CindexSettings:
    """Settings of the run when its outputs are used, so that splits match; else the defaults for the endpoint."""
    return run.settings if uses_run and run is not None else CindexSettings(endpoint=endpoint)
