"""One patient of a study: who can be chosen, the risk a model gives the cohort at each week, and this patient in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from raise_core.domain.marker_name import (
    DEEP_VARIANTS,
    THREE_VARIABLE_MODEL,
    TWO_VARIABLE_MODEL,
    MarkerKind,
    Model,
    parse_model,
)
from raise_core.domain.patient_risk import NoRisk, RiskAtWeek
from raise_core.domain.results import CindexReport, CindexSettings, Provenance
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.landmark import MARKER_MISSING, NO_IMAGES, LandmarkSet
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.patient_risk import HeldOutRisks, held_out_risks
from raise_core.studies.cindex import cindex_by_week, model_design
from raise_core.studies.deep_predictions import DeepPredictions
from raise_core.studies.overview import main_endpoint
from raise_core.studies.questions import offered_weeks
from raise_core.studies.runs import RunSummary

BASELINE_WEEK = 0.0


@dataclass(frozen=True, eq=False)
class CohortRisks:
    """What one model says of everybody, out of sample, week by week.

    Attributes:
        model: markers joined by '+'.
        settings: endpoint, splits, landmark rule.
        provenance: data and run.
        report: the model's c-index at the same weeks, on the same patients and splits.
        weeks: weeks looked at, ascending.
        by_week: risks of the weeks at which they could be made.
        excluded: week to patient to reason, of everybody not at risk or not complete.
        n_cohort: patients of the cohort.
    """

    model: str
    settings: CindexSettings
    provenance: Provenance
    report: CindexReport
    weeks: tuple[float, ...]
    by_week: dict[float, HeldOutRisks] = field(repr=False)
    excluded: dict[float, dict[str, str]] = field(repr=False)
    n_cohort: int


def model_choices(source: MarkerSource, variants: Sequence[str] = ()) -> tuple[str, ...]:
    """Models whose risk can be shown: the two- and three-variable ones, a run's networks, every single marker.

    Args:
        source: the whole study.
        variants: image variants of the run whose networks are offered.
    """
    markers = [marker.text for marker in source.predictors()]
    deep = [f"dl:{variant}" for variant in DEEP_VARIANTS if variant in variants]
    joined = [
        text
        for text in (TWO_VARIABLE_MODEL, THREE_VARIABLE_MODEL)
        if {marker.text for marker in parse_model(text).markers} <= {*markers, *deep}
    ]
    sizes = [text for text in ("sldr", "sld") if text in markers]
    labs = [text for text in markers if text.startswith("lab:")]
    return tuple(dict.fromkeys([*joined, *deep, *sizes, *labs, *markers]))


def risk_settings(source: MarkerSource, model: str, run: RunSummary | None) -> CindexSettings | None:
    """The run's settings where the model uses its networks, so that splits match; else the defaults of the c-index.

    None in a study without outcomes.
    """
    if run is not None and parse_model(model).deep_variants:
        return run.settings
    endpoint = main_endpoint(source)
    return None if endpoint is None else CindexSettings(endpoint=endpoint)


def risk_weeks(whole: MarkerSource, model: str, settings: CindexSettings, run: RunSummary | None) -> tuple[float, ...]:
    """Landmark weeks at which the model's risk is looked at: the run's, or baseline and the study's visit weeks.

    Args:
        whole: the whole study, so that the weeks do not change with the cohort filter.
        model: markers joined by '+'.
        settings: landmark rule and endpoint.
        run: the run whose networks are used.
    """
    parsed = parse_model(model)
    if run is not None and parsed.deep_variants:
        return run.weeks
    return tuple(
        week
        for week in sorted({BASELINE_WEEK, *offered_weeks(whole, settings.endpoint)})
        if _has_values(whole, parsed, _rule(week, settings))
    )


def cohort_risks(
    source: MarkerSource,
    model: str,
    *,
    weeks: Sequence[float],
    settings: CindexSettings,
    deep: DeepPredictions | None = None,
) -> CohortRisks:
    """Out-of-sample risks of a cohort by one model, on the patients and splits of the c-index of that model alone.

    Args:
        source: the cohort; Cox models are fitted on it.
        model: markers joined by '+'.
        weeks: landmark weeks.
        settings: splits, seed, landmark rule.
        deep: predictions of a run, needed for `dl:` markers; they stay those of the whole study.

    Raises:
        BadUsageError: a setting out of range.
        NotInStoreError: an endpoint or prediction that is not there.
    """
    parsed = parse_model(model)
    possible = tuple(week for week in sorted(set(weeks)) if _has_values(source, parsed, _rule(week, settings)))
    study = source.cohort.study
    if not possible:
        provenance = Provenance(study.study_id, study.title, study.snapshot_id, study.simulated)
        empty = CindexReport(settings, provenance, (), (), {}, source.cohort.n_patients)
        return CohortRisks(
            parsed.text, settings, provenance, empty, tuple(sorted(set(weeks))), {}, {}, source.cohort.n_patients
        )
    result = cindex_by_week(source, [parsed], possible, settings, deep=deep)
    by_week: dict[float, HeldOutRisks] = {}
    for landmark, train in zip(result.landmark_sets, result.train, strict=True):
        estimate = result.report.estimate(parsed.text, landmark.week.week)
        design = model_design(landmark, parsed, train, deep) if estimate is not None and estimate.n else None
        # An estimate without events, or of too few patients, has no scored split and no fit either.
        if design is not None and estimate is not None and estimate.nan_splits < estimate.splits:
            by_week[landmark.week.week] = held_out_risks(design, landmark.patient_ids)
    return CohortRisks(
        model=parsed.text,
        settings=settings,
        provenance=result.report.provenance,
        report=result.report,
        weeks=tuple(sorted(set(weeks))),
        by_week=by_week,
        excluded={landmark.week.week: _reasons(landmark) for landmark in result.landmark_sets},
        n_cohort=source.cohort.n_patients,
    )


def patient_risks(risks: CohortRisks, source: MarkerSource, patient_id: str) -> tuple[RiskAtWeek, ...]:
    """One patient's risk at every week, or why there is none.

    Args:
        risks: of a cohort.
        source: a cohort with the patient in it.
        patient_id: who.
    """
    found = []
    for week in risks.weeks:
        held_out = risks.by_week.get(week)
        risk = None if held_out is None else held_out.of(patient_id)
        if risk is not None:
            found.append(RiskAtWeek(week, risk))
            continue
        found.append(_without_risk(risks, source, week, patient_id))
    return tuple(found)


def _without_risk(risks: CohortRisks, source: MarkerSource, week: float, patient_id: str) -> RiskAtWeek:
    """Why a patient has no risk at a week."""
    held_out = risks.by_week.get(week)
    said = risks.excluded.get(week, {}).get(patient_id)
    if said is None:
        if held_out is None:
            return RiskAtWeek(week, None, NoRisk.NOT_ESTIMABLE)
        tested = patient_id in held_out.patient_ids
        return RiskAtWeek(week, None, NoRisk.NEVER_TESTED if tested else NoRisk.NOT_IN_COHORT)
    if said.startswith(MARKER_MISSING):
        missing = tuple(said.removeprefix(MARKER_MISSING).split("; "))
        markers = tuple(name for name in missing if name != NO_IMAGES)
        if NO_IMAGES in missing:
            detail = image_gap(source, patient_id, week, risks.settings)
            return RiskAtWeek(week, None, NoRisk.NO_IMAGES, markers, detail)
        return RiskAtWeek(week, None, NoRisk.MARKER_MISSING, markers)
    for beginning, reason in (("event by", NoRisk.AFTER_EVENT), ("censored by", NoRisk.NOT_OBSERVED)):
        if said.startswith(beginning):
            return RiskAtWeek(week, None, reason)
    return RiskAtWeek(week, None, NoRisk.NO_OUTCOME)


def _reasons(landmark: LandmarkSet) -> dict[str, str]:
    rows = landmark.excluded_patients
    return {str(patient): str(reason) for patient, reason in zip(rows["patient_id"], rows["reason"], strict=True)}


def image_gap(source: MarkerSource, patient_id: str, week: float, settings: CindexSettings) -> str:
    """Why a patient has no image marker at a week, as a clause: no scan, nothing outlined, a phase missing.

    Empty when the tables give no reason.
    """
    rule = _rule(week, settings)
    scans = source.cohort.scans
    mine = scans[scans["patient_id"] == patient_id]
    if mine.empty:
        return "no scan of this patient was archived"
    near = mine[(mine["week"] > rule.week - rule.window_weeks) & (mine["week"] <= rule.landmark_weeks)]
    if near.empty:
        return "no scan is dated near this visit"
    masks = source.cohort.masks
    outlined = near[near["scan_id"].isin(masks.loc[masks["kind"] == "lesion", "scan_id"])]
    if outlined.empty:
        return "the scan near this visit has no outlined lesion"
    phases = {str(phase) for phase in scans["phase"].dropna().unique()}
    lacking = sorted(phases - {str(phase) for phase in outlined["phase"].dropna()})
    return f"no outlined {' or '.join(lacking)} scan near this visit" if lacking else ""


def _rule(week: float, settings: CindexSettings) -> LandmarkWeek:
    return LandmarkWeek(week, settings.window_weeks, settings.tolerance_weeks)


def _has_values(source: MarkerSource, model: Model, rule: LandmarkWeek) -> bool:
    return all(
        marker.kind is MarkerKind.DEEP or bool(source.present_at(marker, rule).any()) for marker in model.markers
    )
