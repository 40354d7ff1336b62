"""Where a marker is cut: by a slider, at the median, at the best or a protocol value; and the pinned threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.survival_question import ByCut, Divider, SurvivalQuestion
from raise_core.domain.survival_report import Cut
from raise_core.figures.identity import model_name, short_model_name
from raise_core.studies.survival import PROTOCOL_CUTS, UPPER_LIMIT
from raise_core.ui import address, survival_reading
from raise_core.ui.survival_reading import MaterialKey

SLIDER, MEDIAN_CUT, BEST, THREE = "own", "median", "best", "three"
SLIDER_STEPS = 200
BETWEEN = "~"  # between the markers of a pin


def with_thresholds(divider: Divider, key: MaterialKey) -> Divider:
    """The controls that say where a marker is cut."""
    if not isinstance(divider, ByCut):
        return divider
    material = survival_reading.material(key)
    values = material.marker_values[divider.model]
    if not material.n or values.min() == values.max():
        raise NotInStoreError(f"{model_name(divider.model)} is the same for everybody here, so it divides nobody.")
    code = divider.model.lower()
    fixed = {f"{value:g}": name for (model, value), name in PROTOCOL_CUTS.items() if model == divider.model}
    prefix, limit, name = UPPER_LIMIT
    if divider.model.startswith(prefix):
        fixed[f"{limit:g}"] = name
    low, high, step = _range(float(values.min()), float(values.max()))
    fixed = {at: why for at, why in fixed.items() if low <= float(at) < values.max()}
    options = {SLIDER: "Slider", MEDIAN_CUT: "Median", BEST: "Best cut", THREE: "Two cuts"}
    if len(key.question.dividers) > 1:
        del options[THREE]
    options |= {at: f"{float(at):g} ({why})" for at, why in fixed.items()}
    how = address.select(
        "Cut" if len(key.question.cuts) == 1 else f"Cut, {short_model_name(divider.model)}",
        options,
        key=f"cut-{code}",
        default=SLIDER,
        help="A threshold you drag, and the best one, are chosen by looking: their p-value is adjusted for it. The "
        "median and protocol values are fixed in advance.",
        width=170,
    )
    median = material.medians[divider.model]
    if how == MEDIAN_CUT:
        return ByCut(divider.model)
    if how == BEST:
        scan = survival_reading.scan(key, divider.model)
        if scan is None:
            raise NotInStoreError("No cut can be tested here: too few events, or the values hardly differ.")
        return ByCut(divider.model, (float(scan.cuts[scan.best]),), by_looking=True)
    if how in (SLIDER, THREE):
        first = _threshold(divider.model, f"at-{code}", low, high, step, start=median, second=False)
        if how == SLIDER:
            return ByCut(divider.model, (first,), by_looking=True)
        above = median + (high - median) / 2
        second = _threshold(divider.model, f"at2-{code}", low, high, step, start=above, second=True)
        if first == second:
            raise BadUsageError("Both thresholds are the same; move one of them.")
        return ByCut(divider.model, tuple(sorted((first, second))), by_looking=True)
    return ByCut(divider.model, (float(how),))


def _threshold(model: str, key: str, low: float, high: float, step: float, *, start: float, second: bool) -> float:
    default = min(max(low + round((start - low) / step) * step, low), high)
    digits = max(0, -math.floor(math.log10(step)))
    return address.slider(
        f"{'Second threshold' if second else 'Threshold'}: {_unit_words(model)}",
        key=key,
        minimum=round(low, digits),
        maximum=round(high, digits),
        default=round(default, digits),
        step=round(step, digits),
        help="Drag, or use the arrow keys. A patient on the threshold belongs to the group below.",
        format=f"%.{digits}f",
        width="stretch",
    )


def _unit_words(model: str) -> str:
    if ByCut(model).is_risk:
        return "risk, standard deviations from the mean"
    return model_name(model)


def _range(least: float, most: float) -> tuple[float, float, float]:
    """Round ends and step of a slider on which everybody lies neither below nor above."""
    raw = (most - least) / SLIDER_STEPS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= raw)
    low = math.ceil(least / step) * step
    high = (math.ceil(most / step) - 1) * step
    return low, max(high, low + step), step


def pinned_thresholds(question: SurvivalQuestion) -> tuple[tuple[float, ...], ...] | None:
    """Thresholds that were pinned, one set a cut; None where there are none for these markers."""
    text = address.value("pin", default="", valid=lambda text: bool(_pins(text)), what="pinned threshold")
    if not text and address.get("pin") is not None:
        address.put(pin=None)  # so that it is said once, however often the slider moves
    pins = _pins(text)
    models = [] if question.columns else [cut.model.lower() for cut in question.cuts]
    return tuple(pins[model] for model in models) if models and list(pins) == models else None


def pinned_question(
    question: SurvivalQuestion, pinned: tuple[tuple[float, ...], ...] | None
) -> SurvivalQuestion | None:
    """The question at the pinned thresholds; None without a pin."""
    if pinned is None:
        return None
    left = iter(pinned)
    dividers = tuple(
        replace(one, thresholds=next(left), by_looking=True) if isinstance(one, ByCut) else one
        for one in question.dividers
    )
    return replace(question, dividers=dividers)


def pin_text(cuts: Sequence[Cut]) -> str:
    """The thresholds on screen as they stand in the address."""
    return BETWEEN.join(f"{cut.model.lower()}@{','.join(repr(value) for value in cut.thresholds)}" for cut in cuts)


def _pins(text: str) -> dict[str, tuple[float, ...]]:
    """Model to its pinned thresholds; empty where the text is none."""
    found: dict[str, tuple[float, ...]] = {}
    for part in text.split(BETWEEN):
        model, _, numbers = part.rpartition("@")
        try:
            values = tuple(float(number) for number in numbers.split(","))
        except ValueError:
            return {}
        if len(values) != 1 or not math.isfinite(values[0]):
            return {}
        found[model] = values
    return found
