"""What if this patient's values were others? A Cox model on a whole landmark set, and its prediction for any values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import TWO_VARIABLE_MODEL, MarkerKind, Model, parse_model
from raise_core.domain.prediction_results import (
    BeyondData,
    Extrapolation,
    ModelReport,
    PredictedPatient,
    Prediction,
)
from raise_core.domain.results import Provenance
from raise_core.domain.survival_results import ProportionalHazards, SurvivalCurve
from raise_core.domain.week import WEEKS_PER_YEAR, LandmarkWeek
from raise_core.evaluation.cohort_filter import cohort_words
from raise_core.evaluation.extrapolation import Reach
from raise_core.evaluation.kaplan_meier import at_risk_at, kaplan_meier, quantile, survival_at
from raise_core.evaluation.landmark import MARKER_MISSING, LandmarkSet, build_landmark_set
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.patient_risk import percentile_among
from raise_core.evaluation.predicted_survival import BaselineHazard, baseline_hazard, predicted_curve
from raise_core.evaluation.proportional_hazards import proportional_hazards
from raise_core.models.cox import CONSTANT_MARKER, NO_EVENTS, CoxFits, fit_cox
from raise_core.studies.individual_markers import column_of, column_words, describe, effects, left_out, value_in
from raise_core.studies.questions import offered_weeks

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Values = Mapping[str, float | str]
MOST_MARKERS = 6
LEAST_PATIENTS = 3
HORIZONS_YEARS = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0)
MAIN_HORIZON_YEARS = 1.0


@dataclass(frozen=True, eq=False)
class IndividualModel:
    """A fitted model with all that a prediction needs.

    Attributes:
        report: what is said of the model.
        landmark: patients it was fitted on.
        columns: covariates with a coefficient, in the order of the coefficients.
        baseline: hazard and coefficients.
        reach: centre and spread of the covariates.
        cohort: Kaplan-Meier of the patients.
        log_hazard: shape (n,), of each patient, against the one in the middle.
        middle: linear predictor of the patient in the middle.
    """

    report: ModelReport
    landmark: LandmarkSet = field(repr=False)
    columns: tuple[str, ...]
    baseline: BaselineHazard = field(repr=False)
    reach: Reach = field(repr=False)
    cohort: SurvivalCurve = field(repr=False)
    log_hazard: FloatArray = field(repr=False)
    middle: float

    @property
    def patient_ids(self) -> tuple[str, ...]:
        """Patients it was fitted on, sorted."""
        return tuple(self.landmark.patient_ids)

    def values_of(self, patient_id: str | None) -> dict[str, float | str]:
        """A patient's measured values at the landmark; those of the typical patient for None.

        Raises:
            NotInStoreError: the patient is not in the set; says why.
        """
        if patient_id is None:
            return {marker.marker.text: marker.typical for marker in self.report.markers}
        if patient_id not in self._measured:
            raise NotInStoreError(f"patient {patient_id} is not in this model: {self.why_not(patient_id)}.")
        return dict(self._measured[patient_id])

    @cached_property
    def _measured(self) -> dict[str, dict[str, float | str]]:
        rows = self.landmark.table().set_index("patient_id")
        return {
            str(patient): {marker.marker.text: value_in(marker, row) for marker in self.report.markers}
            for patient, row in rows.iterrows()
        }

    def why_not(self, patient_id: str) -> str:
        """Why a patient is not in the set."""
        left_out = self.landmark.excluded_patients.set_index("patient_id")["reason"]
        return str(left_out[patient_id]) if patient_id in left_out.index else "not among the patients shown"

    @property
    def horizons_weeks(self) -> tuple[float, ...]:
        """Horizons after the landmark that follow-up reaches; the longest follow-up where it reaches none."""
        last = float(self.cohort.time_weeks[-1])
        reached = tuple(years * WEEKS_PER_YEAR for years in HORIZONS_YEARS if years * WEEKS_PER_YEAR <= last)
        return reached or (last,)

    @property
    def main_horizon_weeks(self) -> float:
        """One year, or the horizon next below it."""
        return max([weeks for weeks in self.horizons_weeks if weeks <= MAIN_HORIZON_YEARS * WEEKS_PER_YEAR + 1e-9]
                   or self.horizons_weeks)  # fmt: skip


def default_markers(source: MarkerSource) -> tuple[str, ...]:
    """The two-variable model where a study has it, else the size ratio, else three tests, else what there is."""
    known = [marker.text for marker in source.predictors()]
    two = [marker.text for marker in parse_model(TWO_VARIABLE_MODEL).markers]
    if set(two) <= set(known):
        return tuple(two)
    sizes = [name for name in ("sldr", "sld") if name in known][:1]
    labs = [name for name in known if name.startswith("lab:")][:3]
    return tuple(sizes or labs or known[:1])


def model_weeks(source: MarkerSource, markers: tuple[str, ...], endpoint: str) -> tuple[float, ...]:
    """Landmark weeks at which every marker is known of somebody: baseline and the study's visits."""
    parsed = [marker for marker in parse_model("+".join(markers)).markers if marker.kind is not MarkerKind.DEEP]
    return tuple(
        week
        for week in sorted({0.0, *offered_weeks(source, endpoint)})
        if all(source.present_at(marker, LandmarkWeek(week)).any() for marker in parsed)
    )


def fit_individual(source: MarkerSource, model_text: str, week: LandmarkWeek, *, endpoint: str) -> IndividualModel:
    """Fit a Cox model (Efron ties) on everybody at risk after a landmark with all its markers.

    Args:
        source: cohort.
        model_text: markers of the tables joined by '+', at most `MOST_MARKERS`.
        week: landmark.
        endpoint: outcome.

    Raises:
        BadUsageError: a marker of a run, too many markers, or a model that cannot be fitted; says why.
        NotInStoreError: no such endpoint, marker or week, or nobody at risk with all markers.
    """
    model = parse_model(model_text)
    if model.deep_variants:
        raise BadUsageError("Network outputs differ by split and cannot be set by hand; use markers of the tables.")
    if len(model.markers) > MOST_MARKERS:
        raise BadUsageError(f"The model has {len(model.markers)} markers; choose at most {MOST_MARKERS}.")
    landmark = build_landmark_set(source, [model], week, endpoint=endpoint)
    if landmark.n < LEAST_PATIENTS:
        lacking = sum(count for reason, count in landmark.excluded.items() if reason.startswith(MARKER_MISSING))
        raise NotInStoreError(
            f"Only {landmark.n} of {landmark.n_study} patients are at risk after week {week.landmark_weeks:g} with all "
            f"markers known; {lacking} lack a marker, the others had the event or are no longer followed. Choose "
            "another visit or fewer markers."
        )
    x, names = landmark.covariates(model)
    outcome = landmark.outcome
    everybody = np.ones((1, landmark.n), dtype=np.bool_)
    fits = fit_cox(x, outcome.time_weeks, outcome.event, rows=everybody)
    _require_fit(fits, names, week, source, model)
    kept = ~fits.dropped[0]
    used = tuple(name for name, keep in zip(names, kept, strict=True) if keep)
    coef, covariance = fits.coef[0][kept], fits.covariance[0][np.ix_(kept, kept)]
    x = x[:, kept]
    baseline = baseline_hazard(outcome, x, coef, covariance)
    log_hazard = np.asarray(x @ coef, dtype=np.float64)
    middle = float(np.median(log_hazard))
    markers = tuple(describe(source, landmark, marker, used) for marker in model.markers)
    report = ModelReport(
        model.text,
        endpoint,
        week,
        landmark.n,
        outcome.n_events,
        markers,
        effects(markers, used, coef, covariance),
        left_out(source, landmark, markers, used),
        _proportional(landmark, x, coef, used),
        dict(landmark.excluded),
        landmark.n_study,
        _provenance(source),
    )
    return IndividualModel(
        report, landmark, used, baseline, Reach.of(x), kaplan_meier(outcome), log_hazard - middle, middle
    )


def _require_fit(fits: CoxFits, names: tuple[str, ...], week: LandmarkWeek, source: MarkerSource, model: Model) -> None:
    """Refuse a fit without finite coefficients, in words that say what to do."""
    reason = fits.reason[0] if names else CONSTANT_MARKER
    at = f"at week {week.week:g}"
    if reason == NO_EVENTS:
        raise BadUsageError(f"No event lies ahead of these patients {at}, so nothing can be predicted; choose an "
                            "earlier visit or another outcome.")  # fmt: skip
    if reason == CONSTANT_MARKER:
        raise BadUsageError(f"All patients have the same values of these markers {at}; choose others.")
    if reason is not None:
        raise BadUsageError(f"The model {reason} {at}; choose fewer markers or another visit.")
    if fits.infinite[0]:
        unknown = np.isnan(np.diagonal(fits.covariance[0])) & ~fits.dropped[0]
        named = ", ".join(column_words(source, model, names[place]) for place in np.flatnonzero(unknown))
        raise BadUsageError(
            f"The hazard ratio of {named} has no finite value {at}: every event is on one side, so no curve can be "
            "predicted. Leave it out or choose another visit."
        )


def _proportional(
    landmark: LandmarkSet, x: FloatArray, coef: FloatArray, used: tuple[str, ...]
) -> ProportionalHazards | None:
    """The tests; None with so few different event times that they cannot be made."""
    times = np.unique(landmark.outcome.time_weeks[landmark.outcome.event])
    if len(times) <= 1 + len(used):
        return None
    try:
        found = proportional_hazards(landmark.outcome, x, coef, used)
    except np.linalg.LinAlgError:
        return None
    return found if np.isfinite(found.whole.p) else None


def covariates(model: IndividualModel, values: Values) -> FloatArray:
    """Values of the markers as the covariates of the model, shape (p,).

    Raises:
        BadUsageError: a marker without a value, or a level that no patient of the set has.
    """
    row: dict[str, float] = {}
    for marker in model.report.markers:
        text = marker.marker.text
        value = values.get(text)
        if marker.range is not None:
            if not isinstance(value, (int, float)) or not np.isfinite(value):
                raise BadUsageError(f"{marker.title} is {value!r}; give a number.")
            if marker.used:
                row[column_of(marker, model.columns)] = float(value)
        else:
            if value not in marker.levels:
                raise BadUsageError(f"{marker.title} is {value!r}; patients here have {', '.join(marker.levels)}.")
            row[f"{text}={value}"] = 1.0
    return np.array([row.get(name, 0.0) for name in model.columns])


def predict(
    model: IndividualModel, values: Values, *, patient_id: str | None = None, horizon_weeks: float | None = None
) -> Prediction:
    """The course predicted for some values, beside the reference: a patient's own values, or the typical ones.

    Args:
        model: fitted.
        values: marker text to a number or level; markers that are not named stay as in the reference.
        patient_id: whose measured values are the reference.
        horizon_weeks: after the landmark; one year, or what follow-up reaches, when None.

    Raises:
        BadUsageError: a value that cannot be used.
        NotInStoreError: the patient is not in the set.
    """
    horizon = model.main_horizon_weeks if horizon_weeks is None else horizon_weeks
    reference = model.values_of(patient_id)
    now = {**reference, **{text: value for text, value in values.items() if text in reference}}
    return Prediction(
        model.report,
        horizon,
        int(at_risk_at(model.landmark.outcome, np.array([horizon]))[0]),
        patient_id,
        _predicted(model, now, patient_id, horizon),
        _predicted(model, reference, patient_id, horizon),
        model.cohort,
        np.exp(model.log_hazard),
    )


def _predicted(
    model: IndividualModel, values: dict[str, float | str], patient_id: str | None, horizon: float
) -> PredictedPatient:
    row = covariates(model, values)
    curve = predicted_curve(model.baseline, row)
    log_hazard = float(row @ model.baseline.coef) - model.middle
    others = np.array([who != patient_id for who in model.patient_ids])
    return PredictedPatient(
        values,
        curve,
        survival_at(curve, horizon),
        quantile(curve),
        float(np.exp(log_hazard)),
        percentile_among(log_hazard, model.log_hazard[others]),
        _extrapolation(model, values, row),
    )


def _extrapolation(model: IndividualModel, values: Values, row: FloatArray) -> Extrapolation:
    beyond = []
    for marker in model.report.markers:
        value, limits = values[marker.marker.text], marker.range
        if limits is None or isinstance(value, str) or not marker.used:
            continue
        if not limits.low <= value <= limits.high:
            beyond.append(BeyondData(marker, value, not limits.minimum <= value <= limits.maximum))
    return Extrapolation(tuple(beyond), model.reach.distance(row), model.reach.largest)


def _provenance(source: MarkerSource) -> Provenance:
    study = source.cohort.study
    return Provenance(
        study.study_id, study.title, study.snapshot_id, study.simulated, cohort_words=cohort_words(source.cohort)
    )
