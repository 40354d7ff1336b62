"""What the survival page is asked to show: who is compared, on which outcome, from when, and cut where."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import parse_marker, parse_model, plain_column_name
from raise_core.domain.results import CindexSettings
from raise_core.domain.survival_question import ByColumn, ByCut, Divider, SurvivalQuestion
from raise_core.domain.survival_results import IntervalScale
from raise_core.domain.week import WEEKS_PER_YEAR, LandmarkWeek
from raise_core.figures.identity import endpoint_name, model_name
from raise_core.figures.survival_curves import CurveOptions
from raise_core.studies.overview import main_endpoint
from raise_core.studies.runs import RunSummary
from raise_core.ui import address, reading, survival_reading
from raise_core.ui.shell import PageContext
from raise_core.ui.survival_reading import MaterialKey, without_thresholds
from raise_core.ui.survival_threshold import pinned_thresholds, with_thresholds

ARM, COLUMN, MARKER, TWO, WITH_ARM, RISK = "arm", "col", "marker", "two", "arm-marker", "risk"
_GROUPS = {
    ARM: "Treatment arm",
    COLUMN: "Characteristic",
    MARKER: "Marker",
    TWO: "Two markers",
    WITH_ARM: "Arm and marker",
    RISK: "Model's risk",
}
START, MORE_KEY = "start", "survival_more"
LAST_WEEK = 1040.0  # twenty years
AT_VISIT = (
    "The marker's value at this visit divides the patients; only those without the event then are compared, and time "
    "counts from there. Any other number of weeks can be typed."
)
FROM_WHEN = "From randomisation, or from a visit among those without the event by then (landmark analysis)."
NO_FACET = "none"
_SCALES = {"loglog": IntervalScale.LOG_LOG, "log": IntervalScale.LOG, "plain": IntervalScale.PLAIN}


@dataclass(frozen=True)
class View:
    """What is on the page.

    Attributes:
        question: who is compared, with thresholds.
        key: of the patients and values behind it.
        options: how curves are drawn.
        scale: of their limits.
        horizon_weeks: time of special interest, after the curves' start.
        pinned: thresholds kept for comparison, one set a cut; None without a pin.
        facet: column of the panels; empty for none.
    """

    question: SurvivalQuestion
    key: MaterialKey
    options: CurveOptions
    scale: IntervalScale
    horizon_weeks: float
    pinned: tuple[tuple[float, ...], ...] | None
    facet: str

    @property
    def single_cut(self) -> ByCut | None:
        """The one cut that makes the groups by itself; None otherwise."""
        cuts = self.question.cuts
        return cuts[0] if len(self.question.dividers) == 1 and cuts else None


def choose(page: PageContext, *, question: DeltaGenerator, controls: DeltaGenerator) -> View | None:
    """The controls of the page; None, with the reason on the page, when nothing can be shown.

    Args:
        page: where the page stands.
        question: place of the switch between kinds of groups.
        controls: place of the others.
    """
    source = page.source()
    endpoint = main_endpoint(source)
    if endpoint is None:
        question.info("This study has no outcomes, so there is no survival to show. Import outcomes.csv.")
        return None
    columns, markers = _offered(page)
    runs = reading.known_runs(page.home_path, page.study.snapshot_id)
    risky = survival_reading.risk_models(*_where(page), runs[0].variants if runs else ())
    groups = {
        code: label
        for code, label in _GROUPS.items()
        if not ((code in (ARM, WITH_ARM) and "arm" not in columns) or (code == COLUMN and not columns))
        and not (code in (MARKER, TWO, WITH_ARM) and not markers)
        and not (code == RISK and not risky)
    }
    if not groups:
        question.info("Nothing divides these patients: the study has neither characteristics nor markers.")
        return None
    with question:
        kind = address.segmented(
            "Compare by",
            groups,
            key="by",
            default=next(iter(groups)),
            label_visibility="collapsed",
            help="Treatment arm, a characteristic, a marker above and below a threshold, two markers or arm and marker "
            "crossed, or the held-out risk of a model.",
        )
    with controls:
        return _controls(page, kind, endpoint, columns, markers)


def _offered(page: PageContext) -> tuple[tuple[str, ...], tuple[str, ...]]:
    where = _where(page)
    return survival_reading.comparable_columns(*where), survival_reading.number_markers(*where)


def _where(page: PageContext) -> tuple[str, str, str]:
    return page.home_path, page.study.study_id, page.study.snapshot_id


def _controls(
    page: PageContext, kind: str, main: str, columns: tuple[str, ...], markers: tuple[str, ...]
) -> View | None:
    cut_row, row = (st.container(horizontal=True, vertical_alignment="bottom", gap="medium") for _ in range(2))
    names: list[str] = []
    run, settings = None, None
    with row:
        if kind == COLUMN:
            names = [_column(columns)]
        elif kind == RISK:
            model, run, settings = _risk_model(page)
            names = [model]
        elif kind != ARM:
            names = [_marker("Marker", "marker", markers, default=markers[0])]
            if kind == TWO:
                kind_of = parse_marker(names[0]).kind
                others = [name for name in markers if name != names[0]] or [names[0]]
                second = next((name for name in others if parse_marker(name).kind is not kind_of), others[0])
                names.append(_marker("Second marker", "second", markers, default=second))
        endpoint = _endpoint(page, main)
    try:
        with row:
            week = _start(page, endpoint, kind, names, run)
        question = _question(kind, names, endpoint, week)
        with row:
            options, scale, horizon, facet = _more(page, question, columns)
        key = MaterialKey(
            page.home_path,
            page.study.study_id,
            page.study.snapshot_id,
            page.cohort_filter.text,
            without_thresholds(question),
            facet,
            settings,
            None if run is None else run.run_id,
        )
        with cut_row:
            question = replace(question, dividers=tuple(with_thresholds(one, key) for one in question.dividers))
        pinned = pinned_thresholds(question)
    except (BadUsageError, NotInStoreError) as error:
        st.warning(str(error), icon=":material/help:")
        return None
    return View(question, key, options, scale, horizon, pinned, facet)


def _column(columns: tuple[str, ...]) -> str:
    others = [column for column in columns if column != "arm"] or list(columns)
    return address.select(
        "Characteristic",
        {column: plain_column_name(column) for column in columns},
        key="column",
        default=others[0],
        help="Every level has a curve of its own.",
        width=240,
    )


def _marker(label: str, key: str, markers: tuple[str, ...], *, default: str) -> str:
    return address.select(
        label,
        {name: parse_marker(name).label for name in markers},
        key=key,
        default=default,
        help="Patients are divided by its value at the visit chosen beside.",
        width=280,
    )


def _risk_model(page: PageContext) -> tuple[str, RunSummary | None, CindexSettings | None]:
    """The model whose held-out risk is cut, and the run when it uses networks."""
    runs = reading.known_runs(page.home_path, page.study.snapshot_id)
    run = runs[0] if runs else None
    if runs:
        named = {found.run_id[:8]: found for found in runs}
        code = address.value("run", default=runs[0].run_id[:8], valid=named.__contains__, what="run")
        run = named.get(code, runs[0])
    offered = survival_reading.risk_models(*_where(page), () if run is None else run.variants)
    model = address.select(
        "Model",
        {text: model_name(text) for text in offered},
        key="model",
        default=offered[0],
        help="Each patient's risk is the mean over the splits in which the patient was not in training.",
        width=320,
    )
    used = run if parse_model(model).deep_variants else None
    if used is not None:
        address.pin("run", used.run_id[:8])
    return model, used, None if used is None else used.settings


def _endpoint(page: PageContext, main: str) -> str:
    known = sorted(page.source().cohort.outcomes["endpoint"].unique())
    return address.select(
        "Outcome",
        {name: endpoint_name(name) for name in known},
        key="endpoint",
        default=main,
        help="What is waited for.",
        width=220,
    )


def _start(
    page: PageContext, endpoint: str, kind: str, names: list[str], run: RunSummary | None
) -> LandmarkWeek | None:
    """Week from which time counts; None from randomisation."""
    weeks = run.weeks if run is not None else survival_reading.weeks_ahead(*_where(page), endpoint)
    with_value = kind not in (ARM, COLUMN)
    if with_value and run is None and all(_is_known_at_baseline(name) for name in names):
        weeks = tuple(dict.fromkeys([0.0, *weeks]))
    default = f"{next((week for week in weeks if week), 0.0):g}" if with_value else START
    said = (typed_week(text) for text in (address.get("week"), address.picked("week")))
    typed = {week for week in said if week is not None}
    options = {f"{week:g}": page.unit.visit(week).capitalize() for week in sorted({*weeks, *typed})}
    if not with_value:
        options = {START: "Randomisation", **options}
    code = address.select(
        "At visit" if with_value else "Time from",
        options,
        key="week",
        default=default,
        help=AT_VISIT if with_value else FROM_WHEN,
        accept_new_options=True,
        width=170,
    )  # fmt: skip
    if code == START:
        return None
    chosen = typed_week(code)
    if chosen is None:
        raise BadUsageError(
            f"“{code[:20]}” is no week; type a number of weeks from 0 to {LAST_WEEK:g}, for example 18."
        )
    return LandmarkWeek(chosen)


def typed_week(text: str | None) -> float | None:
    """A landmark week somebody typed; None for anything else."""
    try:
        week = float(text or "")
    except ValueError:
        return None
    return week if 0 <= week <= LAST_WEEK else None


def _is_known_at_baseline(model: str) -> bool:
    return all(
        marker.transform in ("lab", "log", "ratio") or marker.text in ("sld", "age", "ki67", "tgr0")
        for marker in parse_model(model).markers
    )


def _question(kind: str, names: list[str], endpoint: str, week: LandmarkWeek | None) -> SurvivalQuestion:
    dividers: tuple[Divider, ...]
    if kind == ARM:
        dividers = (ByColumn("arm"),)
    elif kind == COLUMN:
        dividers = (ByColumn(names[0]),)
    elif kind == WITH_ARM:
        dividers = (ByColumn("arm"), ByCut(names[0]))
    else:
        if len(set(names)) < len(names):
            raise BadUsageError("Choose two different markers.")
        dividers = tuple(ByCut(name) for name in names)
    return SurvivalQuestion(endpoint, dividers, week)


def _more(
    page: PageContext, question: SurvivalQuestion, columns: tuple[str, ...]
) -> tuple[CurveOptions, IntervalScale, float, str]:
    """How the curves are drawn, behind one button."""
    unit = page.unit
    # Ten controls nobody looks at would take the browser longer than the curves: they are drawn when it is opened.
    button = st.popover(
        "More", icon=":material/tune:", help="How the curves are drawn, panels, intervals.", key=MORE_KEY,
        on_change="rerun",
    )  # fmt: skip
    drawn = bool(button.open)
    with button:
        kind = address.segmented(
            "Show", {"s": "Without the event", "f": "With the event"}, key="curve", drawn=drawn, default="s",
            help="Survival, or 1 − survival.",
        )  # fmt: skip
        bands = address.switch(
            "95 % bands", key="bands", drawn=drawn, default=True, help="Pointwise confidence intervals."
        )
        medians = address.switch(
            "Median lines", key="medians", drawn=drawn, default=True, help="From one half down to the axis."
        )
        extended = address.switch(
            "Censored and events in the table", key="counts", drawn=drawn, default=True, help="Below those at risk."
        )
        from_start = question.week is not None and address.switch(
            "Axis from randomisation", key="axis", drawn=drawn, default=False,
            help="The curves still begin at the landmark, where everybody compared is without the event.",
        )  # fmt: skip
        scale = address.segmented(
            "Interval", {"loglog": "log-log", "log": "log", "plain": "plain"}, key="ci", drawn=drawn, default="loglog",
            help="Scale on which the interval is symmetric. Log-log stays between 0 and 100 %; R's default is log.",
        )  # fmt: skip
        horizon = address.slider(
            "Horizon (weeks after the start)", key="horizon", drawn=drawn, minimum=4.0, maximum=260.0,
            step=4.0, default=52.0,
            help=f"A time of special interest: {unit.write(52)} {unit.value} by default. Survival there stands in the "
            "tables; accuracy of a threshold is counted up to it.",
        )  # fmt: skip
        mark_horizon = address.switch(
            "Line at the horizon", key="line", drawn=drawn, default=False, help="A dotted line."
        )
        asked = {*question.columns}
        facets = {column: plain_column_name(column) for column in columns if column not in asked}
        facet = address.select(
            "Panels", {NO_FACET: "One figure", **facets}, key="panels", drawn=drawn, default=NO_FACET,
            help="One small figure for each level of a characteristic.",
        )  # fmt: skip
    horizon = WEEKS_PER_YEAR if horizon == 52.0 else horizon
    options = CurveOptions(
        failure=kind == "f", bands=bands, medians=medians, from_randomisation=from_start, extended=extended,
        horizon_weeks=horizon if mark_horizon else None,
    )  # fmt: skip
    return options, _SCALES[scale], horizon, "" if facet == NO_FACET else facet
