"""What predictive accuracy at a horizon says in words: sentences, table rows, footnotes, text alternatives."""

from __future__ import annotations

import math

from raise_core.domain.horizon_results import (
    DecisionCurve,
    GroupAtHorizon,
    HorizonCalibration,
    HorizonEstimate,
    HorizonRoc,
    NetBenefit,
    ThresholdAccuracy,
)
from raise_core.domain.time_unit import TimeUnit
from raise_core.domain.week import WEEKS_PER_YEAR
from raise_core.figures import numbers
from raise_core.figures.cindex_words import event_noun, event_words
from raise_core.figures.identity import short_model_name
from raise_core.figures.marker_axis import MINUS, threshold_text
from raise_core.figures.table_export import Cell, Origin, PrintedTable, TableRow

NEARLY_A_YEAR_WEEKS = 0.6
"""52 weeks are called a year, too."""
CHOSEN_BY_LOOKING = (
    "The cut was chosen on these same patients, so the figures flatter it: in new patients it will do worse."
)
_VERBS = {"PFS": "progress or die", "OS": "die", "PROGRESSION": "progress", "DEATH": "die"}


def event_verb(endpoint: str) -> str:
    """What patients do who have the event, in the plural."""
    return _VERBS.get(endpoint, f"have the {endpoint} event")


def span(horizon_weeks: float, unit: TimeUnit = TimeUnit.WEEKS, start_weeks: float = 0.0) -> str:
    """A horizon as people say it: a year, 2 years, 24 weeks, 5.5 months; a year after week 13.

    Args:
        horizon_weeks: weeks from the clock's start.
        unit: in which times are written.
        start_weeks: where the clock starts, weeks from randomisation.
    """
    after = f" after {unit.visit(start_weeks)}" if start_weeks else ""
    years = round(horizon_weeks / WEEKS_PER_YEAR)
    if years >= 1 and abs(horizon_weeks - years * WEEKS_PER_YEAR) < NEARLY_A_YEAR_WEEKS * years:
        return f"{'a year' if years == 1 else f'{years} years'}{after}"
    return f"{unit.write(horizon_weeks)} {unit.value}{after}"


def share(estimate: HorizonEstimate) -> str:
    """A probability in percent with its interval: 63 % (48–77)."""
    text = numbers.percent(estimate.value)
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({100 * estimate.low:.0f}–{100 * estimate.high:.0f})"


def _of_100(estimate: HorizonEstimate, *, first: bool) -> str:
    text = f"{100 * (estimate.value or 0):.0f}"
    if estimate.low is None or estimate.high is None:
        return f"{text} (no interval: {estimate.reason})"
    return f"{text} ({'95 % CI ' if first else ''}{100 * estimate.low:.0f}–{100 * estimate.high:.0f})"


def counts(group: GroupAtHorizon, endpoint: str, *, horizon: str) -> str:
    """Patients, events by the horizon, and how many left before: what an estimate rests on."""
    seen = f"{group.n} {'patient' if group.n == 1 else 'patients'}, {group.events} {event_words(endpoint)}"
    return f"{seen} within {horizon}, {group.left_earlier} left earlier"


def cut_sentence(
    accuracy: ThresholdAccuracy,
    *,
    what: str,
    threshold: float,
    endpoint: str,
    unit: TimeUnit = TimeUnit.WEEKS,
    start_weeks: float = 0.0,
    others: str = "at or below it",
) -> str:
    """What becomes of patients above and below a cut: "Of 100 patients with SLDr above 1.1, 63 (95 % CI 48–77) ...".

    Args:
        accuracy: of the cut.
        what: the marker as it stands in a sentence.
        threshold: the cut, in the marker's unit.
        endpoint: what is waited for.
        unit: in which times are written.
        start_weeks: where the clock starts, weeks from randomisation.
        others: how the patients below are called after "of 100".
    """
    horizon, verb, cut = (
        span(accuracy.horizon_weeks, unit, start_weeks),
        event_verb(endpoint),
        threshold_text(threshold),
    )
    high, low = accuracy.high.risk, accuracy.low.risk
    if high.value is None and low.value is None:
        return (
            f"What becomes of patients above and below {cut} ({what}) within {horizon} cannot be said: {high.reason}."
        )
    if high.value is None:
        return (
            f"Of 100 patients with {what} at or below {cut}, {_of_100(low, first=True)} {verb} within {horizon}; above "
            f"it that cannot be said: {high.reason}."
        )
    sentence = f"Of 100 patients with {what} above {cut}, {_of_100(high, first=True)} {verb} within {horizon}"
    if low.value is None:
        return f"{sentence}; at or below it that cannot be said: {low.reason}."
    return f"{sentence}; of 100 {others}, {_of_100(low, first=False)} do."


def accuracy_rows(
    accuracy: ThresholdAccuracy,
    benefit: NetBenefit | None = None,
    *,
    endpoint: str,
    unit: TimeUnit = TimeUnit.WEEKS,
    start_weeks: float = 0.0,
) -> tuple[tuple[str, str, str], ...]:
    """Rows of the table: measure, estimate with its 95 % interval, meaning in words."""
    horizon, noun, verb = span(accuracy.horizon_weeks, unit, start_weeks), event_noun(endpoint), event_verb(endpoint)
    needed = accuracy.number_needed_to_evaluate
    rows = [
        (
            "Sensitivity", _or_reason(accuracy.sensitivity),
            f"of those who {verb} within {horizon}, the share above the cut",
        ),
        (
            "Specificity", _or_reason(accuracy.specificity),
            "of those who do not, the share at or below it",
        ),
        ("Positive predictive value", _or_reason(accuracy.ppv), f"above the cut: risk of {noun} within {horizon}"),
        ("Negative predictive value", _or_reason(accuracy.npv), "at or below it: probability of none"),
        ("Above the cut, of 100 patients", f"{accuracy.flagged_per_100:.0f}", "patients called high"),
        ("True positives, of 100", _whole(accuracy.true_positives_per_100), f"above the cut and {verb}"),
        ("False alarms, of 100", _whole(accuracy.false_alarms_per_100), "above the cut and do not"),
        ("Missed, of 100", _whole(accuracy.missed_per_100), f"at or below the cut and {verb}"),
        (
            "Number needed to evaluate",
            numbers.MISSING if needed.value is None else _one_decimal(needed),
            f"patients above the cut for each one with {noun}",
        ),
    ]  # fmt: skip
    return (*rows, *(() if benefit is None else _benefit_rows(benefit)))


def _benefit_rows(benefit: NetBenefit) -> tuple[tuple[str, str, str], ...]:
    at = numbers.percent(benefit.risk_threshold)
    spared = benefit.spared_per_100
    gains = spared is None or spared > 0
    return (
        (
            f"Net benefit when one acts from a risk of {at}, per 100",
            _per_100(benefit.marker),
            "events found less needless actions, weighed by that risk",
        ),
        ("The same if everybody is treated", _per_100(benefit.treat_all), "treating nobody gives 0"),
        (
            "Needless actions spared, per 100",
            numbers.MISSING if spared is None else f"{spared:.0f}" if gains else "none",
            "against treating everybody, at the same events found" if gains else "treating everybody gains as much",
        ),
    )


def _or_reason(estimate: HorizonEstimate) -> str:
    if estimate.value is None:
        return f"{numbers.MISSING} ({estimate.reason})"
    return share(estimate) if not estimate.reason else f"{share(estimate)} (no interval: {estimate.reason})"


def _whole(value: float | None) -> str:
    return numbers.MISSING if value is None else f"{value:.0f}"


def _one_decimal(estimate: HorizonEstimate) -> str:
    text = f"{estimate.value or 0:.1f}"
    return text if estimate.low is None or estimate.high is None else f"{text} ({estimate.low:.1f}–{estimate.high:.1f})"


def _per_100(estimate: HorizonEstimate) -> str:
    if estimate.value is None:
        return f"{numbers.MISSING} ({estimate.reason})"
    text = per_100(estimate.value)
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({per_100(estimate.low)} to {per_100(estimate.high)})"


def accuracy_table(
    accuracy: ThresholdAccuracy,
    benefit: NetBenefit | None = None,
    *,
    what: str,
    threshold: float,
    endpoint: str,
    chosen: bool,
    origin: Origin,
    unit: TimeUnit = TimeUnit.WEEKS,
    start_weeks: float = 0.0,
) -> PrintedTable:
    """The table of a cut, ready to be read and taken away.

    Args:
        accuracy: of the cut.
        benefit: net benefit at a risk threshold, if one was set.
        what: the marker as it stands in a sentence.
        threshold: the cut.
        endpoint: what is waited for.
        chosen: True when the cut was found on these patients, not fixed in advance.
        origin: what the table was made from.
        unit: in which times are written.
        start_weeks: where the clock starts, weeks from randomisation.
    """
    rows = accuracy_rows(accuracy, benefit, endpoint=endpoint, unit=unit, start_weeks=start_weeks)
    cells: list[tuple[Cell, ...]] = [tuple(row) for row in rows]
    horizon = span(accuracy.horizon_weeks, unit, start_weeks)
    return PrintedTable(
        f"Accuracy of {what} above {threshold_text(threshold)} for {event_noun(endpoint)} within {horizon}",
        ("Measure", "Estimate (95 % CI)", "Meaning"),
        tuple(TableRow(row) for row in cells),
        (
            accuracy_footnote(accuracy, endpoint=endpoint, unit=unit, start_weeks=start_weeks),
            *((CHOSEN_BY_LOOKING,) if chosen else ()),
        ),
        origin,
    )


def accuracy_footnote(
    accuracy: ThresholdAccuracy, *, endpoint: str, unit: TimeUnit = TimeUnit.WEEKS, start_weeks: float = 0.0
) -> str:
    """Patients and events of both groups, and the method."""
    horizon = span(accuracy.horizon_weeks, unit, start_weeks)
    return (
        f"Above the cut {counts(accuracy.high, endpoint, horizon=horizon)}; at or below it "
        f"{counts(accuracy.low, endpoint, horizon=horizon)}. Predictive values: Kaplan–Meier in each group, log-log "
        "limits; sensitivity and specificity from them by Bayes' rule (Heagerty, Lumley & Pepe 2000), delta method on "
        "the logit scale."
    )


def roc_footnote(roc: HorizonRoc, *, endpoint: str, unit: TimeUnit = TimeUnit.WEEKS, start_weeks: float = 0.0) -> str:
    """Counts and method of a ROC curve."""
    at, horizon = roc.at, span(roc.at.horizon_weeks, unit, start_weeks)
    return (
        f"{at.n} patients: {at.cases} {event_words(endpoint)} within {horizon}, {at.controls} "
        f"followed without, {at.n - at.cases - at.controls} left earlier. Cumulative cases against dynamic controls, "
        "weighted by the inverse probability of not being censored; interval of the area from each patient's "
        "influence, logit scale. The marked cut is estimated by Kaplan–Meier in both groups and may lie a little off "
        "the curve."
    )


def calibration_footnote(
    calibration: HorizonCalibration, *, endpoint: str, unit: TimeUnit = TimeUnit.WEEKS, start_weeks: float = 0.0
) -> str:
    """Counts and method of a calibration plot, and groups that could not be estimated."""
    everybody, horizon = calibration.everybody, span(calibration.horizon_weeks, unit, start_weeks)
    missing = [group for group in calibration.groups if group.observed.risk.value is None]
    text = (
        f"{counts(everybody, endpoint, horizon=horizon)}. Points: groups of about equal size by predicted risk; "
        "observed risk is 1 − Kaplan–Meier with log-log 95 % limits. Slope: Cox coefficient (Efron ties) of "
        "log(−log(1 − predicted risk)), 1 when predictions are neither too extreme nor too flat. Predictions are out "
        "of fold."
    )
    for group in missing:
        text += (
            f" Not drawn: {group.observed.n} patients with a predicted risk of "
            f"{numbers.percent(group.predicted_low)} to {numbers.percent(group.predicted_high)}, "
            f"{group.observed.risk.reason}."
        )
    return text


def decision_footnote(
    curve: DecisionCurve, *, endpoint: str, unit: TimeUnit = TimeUnit.WEEKS, start_weeks: float = 0.0
) -> str:
    """Counts and method of a decision curve."""
    horizon = span(curve.horizon_weeks, unit, start_weeks)
    return (
        f"{counts(curve.everybody, endpoint, horizon=horizon)}. Net benefit per 100 patients: events found, less "
        "needless actions weighed by the odds of the risk from which one would act (Vickers & Elkin 2006; with "
        "censoring, Kaplan–Meier among those treated, Vickers 2008). Patients are treated when their predicted risk, "
        "out of fold, reaches that risk."
    )


def calibration_alternative(
    calibration: HorizonCalibration, *, endpoint: str, unit: TimeUnit = TimeUnit.WEEKS, start_weeks: float = 0.0
) -> str:
    """The calibration plot for a screen reader."""
    groups = "; ".join(
        f"{group.observed.n} patients, predicted {numbers.percent(group.predicted)}, observed "
        f"{share(group.observed.risk)}"
        for group in calibration.groups
    )
    return (
        f"Predicted against observed risk of {event_noun(endpoint)} within "
        f"{span(calibration.horizon_weeks, unit, start_weeks)}. "
        f"{groups}. Observed to expected {ratio(calibration.observed_to_expected)}, slope {ratio(calibration.slope)}."
    )


def roc_alternative(
    roc: HorizonRoc, *, what: str, endpoint: str, unit: TimeUnit = TimeUnit.WEEKS, start_weeks: float = 0.0
) -> str:
    """The ROC curve for a screen reader."""
    return (
        f"ROC curve of {what} for {event_noun(endpoint)} within {span(roc.at.horizon_weeks, unit, start_weeks)}: area "
        f"{ratio(roc.at.auc)}, {roc.at.cases} patients with the event, {roc.at.controls} without."
    )


def decision_alternative(
    curve: DecisionCurve, *, endpoint: str, unit: TimeUnit = TimeUnit.WEEKS, start_weeks: float = 0.0
) -> str:
    """The decision curve for a screen reader: net benefit at 10, 20 ... 90 %."""
    lines = []
    for place, threshold in enumerate(curve.risk_threshold):
        if abs(threshold * 10 - round(threshold * 10)) > 1e-9:
            continue
        values = [
            f"{short_model_name(model)} {per_100(float(curve.net_benefit[k, place, 0]))}"
            for k, model in enumerate(curve.models)
        ]
        everybody = f"everybody treated {per_100(float(curve.treat_all[place, 0]))}"
        lines.append(f"{numbers.percent(float(threshold))}: {', '.join([*values, everybody])}")
    return (
        f"Net benefit per 100 patients for {event_noun(endpoint)} within "
        f"{span(curve.horizon_weeks, unit, start_weeks)}, by "
        f"the risk from which one would act. {'; '.join(lines)}."
    )


def per_100(net_benefit: float) -> str:
    """A net benefit per 100 patients: 12.3, −4.0; missing where it is not a number."""
    return numbers.MISSING if math.isnan(net_benefit) else f"{100 * net_benefit:.1f}".replace("-", MINUS)


def ratio(estimate: HorizonEstimate) -> str:
    """A ratio, slope or area with its interval, or why there is none."""
    if estimate.value is None:
        return f"{numbers.MISSING} ({estimate.reason})"
    return numbers.interval(estimate.value, estimate.low, estimate.high).replace("-", MINUS)
