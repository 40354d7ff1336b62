"""A prediction in words: headline, what is extrapolated, what the model can bear, footnote, text alternative."""

from __future__ import annotations

import math

from raise_core.domain.marker_name import plain_test_name
from raise_core.domain.prediction_results import (
    BeyondData,
    ModelMarker,
    ModelReport,
    PredictedPatient,
    Prediction,
)
from raise_core.domain.survival_results import Estimate
from raise_core.domain.time_unit import TimeUnit
from raise_core.domain.week import WEEKS_PER_YEAR
from raise_core.figures.cindex_tables import plain_reason
from raise_core.figures.cindex_words import event_words
from raise_core.figures.marker_axis import in_sentence, measured

LEAST_EVENTS_PER_VARIABLE = 10  # Peduzzi et al., J Clin Epidemiol 1995;48:1503-1510
LEAST_AT_RISK = 10
DOUBTFUL_P = 0.05
NEAR_CERTAIN = 0.02
IN_SAMPLE = "The model is fitted on these same patients and not validated on others; not for decisions on care."
ASSUMED = "The curve is the model's assumption, not experience."
_FREE = {
    "PFS": "alive and free of progression", "OS": "alive", "PROGRESSION": "free of progression", "DEATH": "alive",
}  # fmt: skip
_AXIS = {
    "PFS": "Alive, no progression (%)", "OS": "Alive (%)", "PROGRESSION": "No progression (%)", "DEATH": "Alive (%)",
}  # fmt: skip


def free_of_event(endpoint: str) -> str:
    """How a patient without the event is, as it ends a sentence."""
    return _FREE.get(endpoint, f"without a {endpoint} event")


def survival_axis(endpoint: str) -> str:
    """Title of the axis of the curve."""
    return _AXIS.get(endpoint, f"No {endpoint} event (%)")


def span_words(weeks: float, unit: TimeUnit) -> str:
    """A length of time: 6 months, 1 year, 2 years; any other in the unit of the page."""
    years = weeks / WEEKS_PER_YEAR
    for number, name in ((years, "year"), (years * 12, "month")):
        whole = round(number)
        if whole and abs(number - whole) < 1e-6:
            return f"{whole} {name}{'s' if whole > 1 else ''}"
    return f"{unit.of_weeks(weeks):.0f} {unit.value}"


def value_words(marker: ModelMarker, value: float | str) -> str:
    """A marker with its value as a clinician says it: 'SLDr 0.95', 'CgA 1.3-fold of baseline', 'tumour grade G2'."""
    name = marker.marker
    if isinstance(value, str):
        return f"{in_sentence(marker.title)} {value}"
    if name.transform in {"dlog", "log"}:
        return f"{plain_test_name(name.key)} {in_clinical_unit(marker, value)}"
    if name.transform == "ratio":
        return f"{plain_test_name(name.key)} {measured(value)} times the upper limit of normal"
    if name.text == "sldr":
        return f"SLDr {measured(value)}"
    label, unit = label_and_unit(marker.title)
    return f"{in_sentence(label)} {_number(value)} {unit}".rstrip()


def in_clinical_unit(marker: ModelMarker, value: float) -> str:
    """What a number on a transformed scale stands for; empty where it stands for itself.

    The log of a test becomes its value, a change of the log the ratio to baseline, SLDr the change in percent.
    """
    name = marker.marker
    if name.transform == "dlog":
        return f"{measured(math.exp(value))}-fold of baseline"
    if name.transform == "log":
        return f"{measured(math.exp(value))} {marker.unit}".rstrip()
    if name.text in {"sldr", "sldn"}:
        change = 100 * (value - 1)
        against = "at baseline" if name.text == "sldr" else "the smallest so far"
        if abs(change) < 0.5:
            return f"as {against}"
        return f"{abs(change):.0f} % {'larger' if change > 0 else 'smaller'} than {against}"
    return ""


def label_and_unit(title: str) -> tuple[str, str]:
    """The two parts of 'Age (years)'."""
    label, _, unit = title.partition(" (")
    return label, unit.removesuffix(")")


def _number(value: float) -> str:
    """A value as it was set: whole where it is whole."""
    return f"{value:.0f}".replace("-", "−") if value == round(value) and abs(value) < 1000 else measured(value)


def chance_words(found: Estimate) -> tuple[str, str]:
    """A chance and its limits in percent: ('79 %', '73–86'); one decimal near 0 and 100, where whole ones hide all."""
    if found.value is None:
        return "unknown", ""
    digits = 0 if NEAR_CERTAIN <= found.value <= 1 - NEAR_CERTAIN else 1
    value = f"{100 * found.value:.{digits}f} %"
    if digits:
        value = {"0.0 %": "under 0.1 %", "100.0 %": "over 99.9 %"}.get(value, value)
    if found.low is None or found.high is None:
        return value, ""
    return value, f"{100 * found.low:.{digits}f}–{100 * found.high:.{digits}f}"


def _chance(found: Estimate) -> str:
    value, limits = chance_words(found)
    return f"{value} (95 % CI {limits})" if limits else value


def reference_name(prediction: Prediction) -> str:
    """Whom the values set are compared with."""
    return "median values" if prediction.patient_id is None else "the values measured"


def headline(prediction: Prediction, *, unit: TimeUnit) -> str:
    """The chance at the horizon with its interval, against the reference, and the place in the cohort."""
    report, now = prediction.report, prediction.now
    when = f"{span_words(prediction.horizon_weeks, unit)} after {unit.visit(report.week.landmark_weeks)}"
    state = free_of_event(report.endpoint)
    place = f"risk {place_words(now.percentile)} the {_others(prediction)} patients.{_extrapolated(prediction)}"
    if not prediction.changed:
        who = "A patient with median values" if prediction.patient_id is None else f"Patient {prediction.patient_id}"
        return f"{who}: predicted chance {_chance(now.at_horizon)} of being {state} {when}; {place}"
    told = " and ".join(value_words(marker, now.value_of(marker)) for marker in prediction.changed)
    return (
        f"With {told}, the predicted chance of being {state} {when} is {_chance(now.at_horizon)}, against "
        f"{_chance(prediction.reference.at_horizon)} with {reference_name(prediction)}; {place}"
    )


def not_in_model(patient_id: str, reason: str, *, unit: TimeUnit) -> str:
    """Why a patient cannot be chosen."""
    return f"Patient {patient_id} has no place in this model ({plain_reason(reason, unit)}); median values are shown."


def place_words(percentile: float) -> str:
    """A place among the risks of others: 'above 71 % of', never 'above 100 %' while somebody is higher."""
    if percentile in (0.0, 100.0):
        return "above all of" if percentile else "below all of"
    return f"above {min(max(round(percentile), 1), 99)} % of"


def is_extrapolated(prediction: Prediction) -> bool:
    """Whether no patient has such values, one by one or together."""
    found = prediction.now.extrapolation
    return bool(found.outside) or found.joint


def _extrapolated(prediction: Prediction) -> str:
    return " Extrapolated." if is_extrapolated(prediction) else ""


def _others(prediction: Prediction) -> str:
    return f"{prediction.report.n - 1} other" if prediction.patient_id is not None else f"{prediction.report.n}"


def median_sentence(prediction: Prediction, *, unit: TimeUnit) -> str:
    """Predicted median time, or that half of such patients are still without the event when follow-up ends."""
    found, ahead = prediction.now.median_weeks, event_words(prediction.report.endpoint)
    if found.value is None:
        last = unit.of_weeks(float(prediction.cohort.time_weeks[-1]))
        return f"Predicted median: not reached within the {last:.0f} {unit.value} of follow-up after the landmark."
    low, high = (None if limit is None else f"{unit.of_weeks(limit):.0f}" for limit in (found.low, found.high))
    limits = f" (95 % CI {low or '–'}–{high or 'not reached'})" if low or high else ""
    return f"Predicted median time to {_singular(ahead)}: {unit.of_weeks(found.value):.0f} {unit.value}{limits}."


def _singular(events: str) -> str:
    return events.replace("progressions", "progression").replace("deaths", "death").removesuffix(" events")


def value_warnings(prediction: Prediction) -> dict[str, str]:
    """Marker text to a sentence, for each value that lies at the edge of the data or outside of them."""
    return {
        one.marker.marker.text: _outside(one, prediction.report.n) if one.outside else _rare(one)
        for one in prediction.now.extrapolation.values
    }


def joint_warning(prediction: Prediction) -> str:
    """Whether the values lie outside the data together, though each by itself does not; empty when they do not."""
    found = prediction.now.extrapolation
    if not found.joint:
        return ""
    return (
        f"Outside the data: no patient has this combination. Together the values lie further from the centre of the "
        f"{prediction.report.n} patients than those of any of them (Mahalanobis distance {found.distance:.1f}, largest "
        f"seen {found.largest_distance:.1f}). {ASSUMED}"
    )


def _outside(beyond: BeyondData, n: int) -> str:
    limits = beyond.marker.range
    if limits is None:
        raise ValueError("a level of a category lies within the data")
    side = "above the highest" if beyond.value > limits.maximum else "below the lowest"
    return (
        f"Outside the data: {value_words(beyond.marker, beyond.value)} is {side} of the {n} patients "
        f"({_range_words(beyond.marker, limits.minimum, limits.maximum)}). {ASSUMED}"
    )


def _rare(beyond: BeyondData) -> str:
    limits = beyond.marker.range
    if limits is None:
        raise ValueError("a level of a category lies within the data")
    return (
        f"At the edge of the data: {value_words(beyond.marker, beyond.value)} lies outside the central 98 % of the "
        f"patients ({_range_words(beyond.marker, limits.low, limits.high)}); few of them speak for the curve."
    )


def _range_words(marker: ModelMarker, low: float, high: float) -> str:
    """A range in the unit in which the value is told."""
    if marker.marker.transform in {"log", "dlog"}:
        low, high = math.exp(low), math.exp(high)
    return f"{measured(low)} to {measured(high)}"


def model_warnings(prediction: Prediction, *, unit: TimeUnit) -> list[str]:
    """What the model cannot bear, one sentence each."""
    report = prediction.report
    told = [
        f"{words} has no effect here: it is the same for all these patients, or follows from the other markers."
        for words in report.left_out
    ]
    if report.events_per_variable < LEAST_EVENTS_PER_VARIABLE:
        told.append(
            f"{report.events} {event_words(report.endpoint)} for {_counted(len(report.effects), 'coefficient')}: with "
            f"fewer than {LEAST_EVENTS_PER_VARIABLE} events for each the model fits chance as well. Use fewer markers."
        )
    if prediction.at_risk_at_horizon < LEAST_AT_RISK:
        told.append(
            f"Of {report.n} patients only {prediction.at_risk_at_horizon} are still followed "
            f"{span_words(prediction.horizon_weeks, unit)} after the landmark; choose a shorter horizon."
        )
    if _is_doubtful(report):
        told.append("A hazard ratio seems to change with time (below), so the curve is doubtful in its course.")
    return told


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _is_doubtful(report: ModelReport) -> bool:
    found = report.proportional
    return found is not None and min(test.p for test in (*found.tests, found.whole)) < DOUBTFUL_P


def footnote(prediction: Prediction, *, unit: TimeUnit) -> str:
    """Patients, events, method, ties, interval, snapshot."""
    report = prediction.report
    week = report.week
    left_out = sum(report.excluded.values())
    filtered = f" Only {report.provenance.cohort_words}." if report.provenance.cohort_words else ""
    return (
        f"{report.endpoint}; {report.n} patients at risk after {unit.visit(week.landmark_weeks)} with all markers "
        f"known, {report.events} {event_words(report.endpoint)} ahead ({left_out} of {report.n_study} left out). Cox "
        f"model, Efron ties; predicted survival with a 95 % band on the log scale that holds the uncertainty of "
        f"hazard ratios and baseline hazard: it is that of the curve, not of a single patient's fate. Grey: "
        f"Kaplan-Meier of the same patients. Values are dated from {week.window_weeks:g} weeks before the visit to "
        f"{week.tolerance_weeks:g} after. {IN_SAMPLE} Data snapshot {report.provenance.snapshot_id[:8]}.{filtered}"
    )


def text_alternative(prediction: Prediction, *, unit: TimeUnit) -> str:
    """The figure for a screen reader."""
    now, reference = prediction.now, prediction.reference
    lines = [
        headline(prediction, unit=unit),
        median_sentence(prediction, unit=unit),
        f"Risk {_times(now)} that of the patient in the middle, {place_words(now.percentile)} the cohort.",
    ]
    if prediction.changed:
        lines.append(
            f"With {reference_name(prediction)}: {_times(reference)}, {place_words(reference.percentile)} the cohort."
        )
    return "Predicted survival and place in the cohort's risks. " + " ".join(lines)


def _times(patient: PredictedPatient) -> str:
    return f"{measured(patient.relative_hazard)} times"
