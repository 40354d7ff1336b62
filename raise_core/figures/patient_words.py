"""A patient's course and risk in words: who, what happened, what a model said, and what is not there and why."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from raise_core.domain.marker_name import parse_model, plain_column_name, plain_test_name
from raise_core.domain.patient_course import LesionCourse, OutcomeAt, PatientCourse
from raise_core.domain.patient_risk import NoRisk, PatientRisk, RiskAtWeek
from raise_core.domain.recist import Response
from raise_core.domain.results import CindexEstimate, CindexSettings, Provenance
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.identity import encoder_name, sentence_name, short_model_name
from raise_core.figures.marker_axis import measured

RESPONSES = {
    Response.COMPLETE: "complete response (CR)",
    Response.PARTIAL: "partial response (PR)",
    Response.STABLE: "stable disease (SD)",
    Response.PROGRESSIVE: "progressive disease (PD)",
    Response.NOT_EVALUABLE: "not evaluable (NE)",
}
_EVENT = {"PFS": "Progression or death", "OS": "Death", "PROGRESSION": "Progression", "DEATH": "Death"}
_FREE = {"PFS": "Free of progression", "OS": "Alive", "PROGRESSION": "Free of progression", "DEATH": "Alive"}
_SPOKEN = {"sex": "{}", "age_years": "{} years", "origin": "{}", "grade": "{}", "ki67_percent": "Ki-67 {} %"}
CAUSES = ("PROGRESSION", "DEATH")  # of an event of PFS, where the study tells them apart


@dataclass(frozen=True)
class Milestone:
    """A dated end of something.

    Attributes:
        week: date.
        words: what happened, with the date.
        event: an event, not the end of observation.
    """

    week: float
    words: str
    event: bool


def short_date(week: float, unit: TimeUnit) -> str:
    """A date to a whole week or a tenth of a month: 'week 38', 'month 8.7'."""
    return unit.visit(round(week) if unit is TimeUnit.WEEKS else week).replace("-", "−")


def lesion_name(lesion: LesionCourse) -> str:
    """A lesion as it is labelled: its organ, then its name."""
    return f"{lesion.organ} {lesion.lesion_id}" if lesion.organ else lesion.lesion_id


def panel_name(model: str) -> str:
    """A model in the title of a panel."""
    parsed = parse_model(model)
    return f"network ({short_model_name(model).lower()})" if parsed.is_network_alone else sentence_name(model)


def event_name(course: PatientCourse, outcome: OutcomeAt) -> str:
    """What an event was; the cause where the study says it."""
    if outcome.endpoint == "PFS":
        for cause in CAUSES:
            other = course.outcomes.get(cause)
            if other is not None and other.event and other.week == outcome.week:
                return _EVENT[cause]
    return _EVENT.get(outcome.endpoint, f"{outcome.endpoint} event")


def milestones(course: PatientCourse, endpoint: str | None, *, unit: TimeUnit) -> tuple[Milestone, ...]:
    """How the main outcome ended and, where it comes later, death or the last date known alive; in order of date."""
    found = []
    main = course.outcomes.get(endpoint or "")
    if main is not None:
        found.append(_milestone(course, main, unit))
    survival = course.outcomes.get("OS")
    later = survival is not None and (main is None or survival.week > main.week)
    if survival is not None and later and (survival.event or main is None or main.event):
        found.append(_milestone(course, survival, unit))
    return tuple(found)


def _milestone(course: PatientCourse, outcome: OutcomeAt, unit: TimeUnit) -> Milestone:
    date = short_date(outcome.week, unit)
    words = f"{event_name(course, outcome)}, {date}" if outcome.event else f"{_free(outcome.endpoint)} to {date}"
    return Milestone(outcome.week, words, outcome.event)


def _free(endpoint: str) -> str:
    return _FREE.get(endpoint, f"No {endpoint} event")


def outcome_sentence(course: PatientCourse, endpoint: str | None, *, unit: TimeUnit) -> str:
    """How the patient did, as a clause for the header."""
    outcome = course.outcomes.get(endpoint or "")
    if outcome is None:
        return "No outcome recorded"
    date = short_date(outcome.week, unit)
    if not outcome.event:
        return f"{_free(outcome.endpoint)} and under observation until {date}"
    said = f"{event_name(course, outcome)} at {date}"
    later = course.outcomes.get("OS")
    if endpoint == "PFS" and later is not None and later.week > outcome.week:
        ended = short_date(later.week, unit)
        said += f"; death at {ended}" if later.event else f"; last known alive at {ended}"
    return said


def characteristics(course: PatientCourse) -> tuple[str, ...]:
    """Baseline characteristics in words: those that speak for themselves first and without their name."""
    said = {
        name: _SPOKEN[name].format(value_words(course.characteristics[name]))
        for name in _SPOKEN
        if name in course.characteristics
    }
    named = [
        f"{_lower(plain_column_name(name))}: {value_words(value)}"
        for name, value in course.characteristics.items()
        if name not in _SPOKEN
    ]
    return (*said.values(), *named)


def _lower(text: str) -> str:
    first = text.split(" ", maxsplit=1)[0]
    return text[:1].lower() + text[1:] if first[1:].islower() else text


def end_words(endpoint: str, *, event: bool, cause: str = "") -> str:
    """How an outcome ended, for a list of patients: 'progressed', 'died', 'event-free to'.

    Args:
        endpoint: which outcome.
        event: the event was seen.
        cause: endpoint that names the cause of an event of PFS, where the study tells them apart.
    """
    if not event:
        return "event-free to"
    return {"PFS": "progressed or died", "OS": "died", "PROGRESSION": "progressed", "DEATH": "died"}.get(
        cause or endpoint, f"{endpoint} event"
    )


def value_words(value: object) -> str:
    """A recorded value in words: yes and no for true and false, numbers without needless digits."""
    if isinstance(value, (bool, np.bool_)) or str(value).lower() in {"true", "false"}:
        return "yes" if str(value).lower() == "true" else "no"
    if isinstance(value, (int, float, np.integer, np.floating)):
        return f"{float(value):.4g}"
    return str(value)


def patient_label(patient: Mapping[Hashable, Any], outcome: Milestone | None, *, unit: TimeUnit) -> str:
    """A patient in one line of a list: name, arm, grade, primary tumour, how it ended."""
    parts = [str(patient["patient_id"])]
    for column in ("arm", "grade", "origin", "disease"):
        value = patient.get(column)
        if value is not None and not pd.isna(value):
            parts.append(str(value))
    if outcome is not None:
        parts.append(f"{outcome.words} {short_date(outcome.week, unit)}")
    return " · ".join(parts)


def headline(
    course: PatientCourse, *, model: str | None, risks: Sequence[PatientRisk], at_risk: dict[float, int], unit: TimeUnit
) -> str:
    """One sentence on size and CgA, one on the last risk the model gave; empty when nothing is known."""
    parts = [part for part in (_size_clause(course, unit), _cga_clause(course, unit)) if part]
    said = [f"{_upper(', '.join(parts))}."] if parts else []
    if risks and model is not None:
        last = risks[-1]
        said.append(
            f"At {unit.visit(last.week)}, {sentence_name(model)} put this patient’s risk above {last.percentile:.0f} % "
            f"of the {at_risk[last.week] - 1} others at risk ({last.percentile_low:.0f}–{last.percentile_high:.0f} % "
            "over the splits)."
        )
    return " ".join(said)


def _size_clause(course: PatientCourse, unit: TimeUnit) -> str:
    known = [visit for visit in course.sizes if visit.sldr is not None]
    if not known:
        return ""
    last = known[-1]
    change = 100 * (float(last.sldr or 0.0) - 1)
    words = "unchanged" if abs(change) < 0.5 else f"{change:+.0f} %".replace("-", "−")
    said = "all target lesions vanished" if last.sld_mm == 0 else f"sum of target lesions {words} from baseline"
    said += f" at {short_date(last.week, unit)}"
    new = sum(lesion.new for lesion in course.lesions)
    return said + (f" with {new} new lesion{'s' if new > 1 else ''}" if new else "")


def _cga_clause(course: PatientCourse, unit: TimeUnit) -> str:
    lab = course.labs.get("CGA")
    if lab is None:
        return ""
    limit = lab.upper_limit[np.isfinite(lab.upper_limit)]
    value = f"CgA {measured(float(lab.value[-1]))}{f' {lab.unit}' if lab.unit else ''}"
    times = f" ({lab.value[-1] / limit[-1]:.1f} × upper limit)" if len(limit) and limit[-1] > 0 else ""
    return f"{value}{times} at {short_date(float(lab.weeks[-1]), unit)}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def gap_word(reason: NoRisk, *, endpoint: str) -> str:
    """Why there is no risk at a week, in a word or two for the figure."""
    return {
        NoRisk.AFTER_EVENT: "after the event",
        NoRisk.NOT_OBSERVED: "not observed",
        NoRisk.NO_OUTCOME: f"no {endpoint}",
        NoRisk.NO_IMAGES: "no images",
        NoRisk.MARKER_MISSING: "not measured",
        NoRisk.NEVER_TESTED: "never tested",
        NoRisk.NOT_ESTIMABLE: "too few patients",
        NoRisk.NOT_IN_COHORT: "filtered out",
    }[reason]


def gap_sentences(
    weeks: Sequence[RiskAtWeek], *, settings: CindexSettings, estimates: Sequence[CindexEstimate], unit: TimeUnit
) -> tuple[str, ...]:
    """Why there is no risk at some weeks, each reason once with its weeks."""
    reasons = {estimate.week: estimate.nan_reasons for estimate in estimates}
    grouped: dict[str, list[float]] = {}
    for at in weeks:
        if at.reason is not None:
            clause = _gap_clause(at, settings, reasons.get(at.week, {}), unit)
            grouped.setdefault(clause, []).append(at.week)
    return tuple(f"{_weeks(listed, unit)}: {clause}." for clause, listed in grouped.items())


def _weeks(weeks: Sequence[float], unit: TimeUnit) -> str:
    if len(weeks) == 1:
        return unit.visit(weeks[0]).capitalize()
    return f"{unit.value.capitalize()} {', '.join(unit.write(week) for week in weeks)}"


def _gap_clause(at: RiskAtWeek, settings: CindexSettings, nan_reasons: dict[str, int], unit: TimeUnit) -> str:
    missing = ", ".join(sentence_name(name) for name in at.missing)
    because = f", because {at.detail}" if at.detail else ""
    late = f"{unit.write(settings.tolerance_weeks)} {unit.value.removesuffix('s')} after it"
    return {
        NoRisk.AFTER_EVENT: f"not at risk any more: the event came before the visit or at most {late}",
        NoRisk.NOT_OBSERVED: "not at risk any more: observation had ended",
        NoRisk.NO_OUTCOME: f"no {settings.endpoint} is recorded, so the patient is in no model",
        NoRisk.NO_IMAGES: f"no annotated images{because}{f'; no {missing} either' if missing else ''}",
        NoRisk.MARKER_MISSING: f"no {missing}",
        NoRisk.NEVER_TESTED: f"none of the {settings.splits} splits tests this patient; more splits would",
        NoRisk.NOT_ESTIMABLE: f"no model could be fitted ({'; '.join(nan_reasons) or 'nobody has the markers then'})",
        NoRisk.NOT_IN_COHORT: "the patient is not among those the models were fitted on",
    }[at.reason or NoRisk.NOT_ESTIMABLE]


def missing_course(course: PatientCourse, labs: Sequence[str]) -> tuple[str, ...]:
    """What the course lacks, one sentence each."""
    said = []
    if not course.lesions:
        said.append("No lesion measurements are recorded for this patient, so there is no size and no response.")
    elif course.baseline_mm is None:
        said.append("No visit up to baseline has every target lesion measured, so there is no SLDr and no response.")
    elif course.baseline_mm == 0:
        said.append("The target lesions sum to 0 mm at baseline, so there is no SLDr and no response.")
    elif not any(visit.response is not None for visit in course.sizes):
        said.append("No visit after baseline has lesion measurements, so there is no SLDr and no response.")
    if not course.labs:
        said.append("No laboratory values are recorded for this patient.")
    else:
        absent = [plain_test_name(test) for test in labs if test not in course.labs]
        if absent:
            said.append(f"Not measured in this patient: {', '.join(absent)}.")
        said += [
            f"{plain_test_name(lab.test)}: {lab.other_unit_values} values in another unit are left out."
            for lab in course.labs.values()
            if lab.other_unit_values and lab.test in labs
        ]
    return tuple(said)


def footnote(course: PatientCourse, *, snapshot_id: str) -> str:
    """How the course is drawn and where it comes from."""
    recist = (
        f"Response by RECIST {course.recist.value} from target lesions and new lesions alone: partial from −30 % of "
        "the baseline sum; progression from +20 % over the smallest sum so far"
        f"{' and at least 5 mm' if course.recist.value == '1.1' else ''}, or a new lesion. Non-target disease and "
        "confirmation are not read. "
        if any(visit.response is not None for visit in course.sizes)
        else ""
    )
    grey = "Grey scans have no outlined lesion. " if any(not scan.annotated for scan in course.scans) else ""
    arm = (
        "The bar shows the arm from randomisation to the end of observation; dates of treatment are not in the data. "
        if course.arm
        else ""
    )
    return f"{recist}{arm}{grey}Data snapshot {snapshot_id[:8]}."


def alternative(
    course: PatientCourse, labs: Sequence[str], risks: Sequence[PatientRisk], *, endpoint: str | None, unit: TimeUnit
) -> str:
    """The figure for a screen reader: every point it shows."""
    said = [f"Course of {course.patient_id}. {outcome_sentence(course, endpoint, unit=unit)}."]
    for visit in course.sizes:
        if visit.sld_mm is not None:
            ratio = "" if visit.sldr is None else f", SLDr {visit.sldr:.2f}"
            response = "" if visit.response is None else f", {RESPONSES[visit.response]}"
            said.append(f"{short_date(visit.week, unit).capitalize()}: sum {visit.sld_mm:.1f} mm{ratio}{response}.")
    said += [
        f"New lesion {lesion_name(lesion)} from {short_date(float(lesion.weeks[0]), unit)}."
        for lesion in course.new_lesions
    ]
    for test in labs:
        if test in course.labs:
            lab = course.labs[test]
            points = ", ".join(
                f"{value:g} at {short_date(week, unit)}"
                for week, value in zip(lab.weeks.tolist(), lab.value.tolist(), strict=True)
            )
            said.append(f"{plain_test_name(test)}{f' ({lab.unit})' if lab.unit else ''}: {points}.")
    said += [f"Risk at {unit.visit(risk.week)}: above {risk.percentile:.0f} % of the others at risk." for risk in risks]
    return " ".join(said)


def performance(estimates: Sequence[CindexEstimate], *, unit: TimeUnit) -> str:
    """How well the model ranks patients, so that nobody reads more into one risk than it holds."""
    known = [
        f"{numbers.interval(e.mean, e.ci_low, e.ci_high)} at {unit.visit(e.week)}"
        for e in estimates
        if e.mean is not None
    ]
    return f"c-index (95 % CI) of this model: {', '.join(known)}." if known else ""


def risk_footnote(
    risks: Sequence[RiskAtWeek],
    *,
    n_cohort: int,
    settings: CindexSettings,
    provenance: Provenance,
    estimates: Sequence[CindexEstimate],
    unit: TimeUnit,
) -> str:
    """How the risk is made, on whom, and where it comes from."""
    counts = ", ".join(f"{e.n} and {e.events} ({unit.visit(e.week)})" for e in estimates)
    tested = ", ".join(f"{at.risk.test_splits} ({unit.visit(at.week)})" for at in risks if at.risk is not None)
    mine = f" Splits that test this patient: {tested}." if tested else ""
    run = (
        f" Run {provenance.run_id[:8]}, encoder {encoder_name(provenance.encoder or '')}." if provenance.run_id else ""
    )
    chosen = ""
    if provenance.cohort_words:
        chosen = f" Only {provenance.cohort_words}; Cox models are refitted on them."
        chosen += " Network outputs and splits stay those of the whole-cohort run." if provenance.run_id else ""
    return (
        f"Risk: of {n_cohort} patients, at risk and complete, and events ahead: {counts or 'none'}. Each of "
        f"{settings.splits} Monte Carlo splits fits the model on {100 * settings.train_fraction:.0f} % of them; the "
        "patient’s risk is the mean over the splits that leave the patient out, its whisker the 2.5–97.5 % range over "
        "those splits (how much it hangs on who trained the model, not a confidence interval). SD: standard deviations "
        "of the training patients’ risk. Bands: 5–95 % and 25–75 % of the patients at risk, dotted their median; each "
        f"number: others at risk with a lower risk by the same fit. {settings.endpoint}, Cox models with Efron ties, "
        f"seed {settings.seed}.{mine}{chosen}{run}"
    )
