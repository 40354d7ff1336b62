"""What a finished PRRT run says: scores of its models, comparisons, curves, and survival by what was predicted.

The predictions are always those of the whole cohort's run. With a cohort filter the scores are computed anew on the
patients chosen; no model is trained again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raise_core.domain.class_accuracy import ClassCalibration, Confusion
from raise_core.domain.class_results import ClassReport, Measure
from raise_core.domain.errors import NotInStoreError
from raise_core.domain.fusion_model import Head, ModelInput, parse_fusion_model
from raise_core.domain.horizon_results import DecisionCurve
from raise_core.domain.out_of_fold import OutOfFold
from raise_core.domain.outcome import BoolArray, FloatArray, Outcome
from raise_core.domain.progression_class import ProgressionClass, progression_class
from raise_core.domain.results import Provenance
from raise_core.domain.survival_question import ByColumn, SurvivalQuestion
from raise_core.domain.survival_report import HonestP, SurvivalReport
from raise_core.evaluation.class_bootstrap import BOOTSTRAPS, class_estimate
from raise_core.evaluation.class_calibration import class_calibration
from raise_core.evaluation.class_comparison import compare_models
from raise_core.evaluation.class_curves import class_curves
from raise_core.evaluation.class_threshold import confusion, pooled_score
from raise_core.evaluation.cohort_filter import cohort_words
from raise_core.evaluation.cut_points import CutScan, scan_cuts
from raise_core.evaluation.decision_curve import decision_curve
from raise_core.evaluation.landmark import require_endpoint
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.survival_groups import SurvivalMaterial
from raise_core.studies.prrt_runs import HeadPatients, PrrtRun
from raise_core.studies.survival import NOT_ALLOWED_FOR, survival_report

PREDICTION, WHOLE = "prediction", "cohort"
PREDICTED_LONG, PREDICTED_SHORT, EVERYBODY = "Predicted long", "Predicted short", "All patients"
FIXED_THRESHOLDS: Mapping[Head, float] = {Head.CLASS: 0.5, Head.COX: 0.0}
"""Fixed before anybody saw the data: even odds (Baur et al. 2025), and the risk of the average training patient."""
NOT_IN_RUN = "not among the patients this run's models were tested on"
NO_OUTPUT = "the model could not be fitted in the patient's fold"


@dataclass(frozen=True, eq=False)
class PooledPatients:
    """One model's patients with one out-of-fold score each, the mean over the repeats.

    Attributes:
        model: model text.
        patient_ids: n of them.
        score: shape (n,), higher for long: the probability of long, or minus the risk of a Cox head.
        outcome: of these patients.
        classes: short or long, where known.
        fixed_threshold: of the score, fixed in advance; who reaches it is called long.
        excluded: reason to number of patients; with n they add up to `n_study`.
        n_study: patients looked at.
        endpoint: outcome.
        provenance: data and run.
    """

    model: str
    patient_ids: tuple[str, ...]
    score: FloatArray
    outcome: Outcome
    classes: ProgressionClass
    fixed_threshold: float
    excluded: Mapping[str, int]
    n_study: int
    endpoint: str
    provenance: Provenance

    @property
    def is_probability(self) -> bool:
        """Whether the score is a probability of long."""
        return parse_fusion_model(self.model).head is Head.CLASS

    @property
    def known_score(self) -> FloatArray:
        """Scores of the patients with a class."""
        return self.score[self.classes.known]

    @property
    def known_long(self) -> BoolArray:
        """Classes of the patients who have one."""
        return self.classes.long[self.classes.known]


def class_report(run: PrrtRun, source: MarkerSource, *, bootstraps: int = BOOTSTRAPS) -> ClassReport:
    """Scores, paired comparisons and curves of every model of a run.

    Args:
        run: finished.
        source: patients to score, of the run's snapshot.
        bootstraps: resamples of the patients behind the intervals.

    Raises:
        NotInStoreError: the run tested none of these patients.
    """
    settings = run.summary.settings
    chosen = {text: _chosen(run, text, source) for text in run.outputs}
    if not any(len(outcome) for _, outcome in chosen.values()):
        raise NotInStoreError("none of the patients shown was tested by this run; loosen the filter.")
    estimates = tuple(
        class_estimate(
            output, outcome, horizon_weeks=settings.horizon_weeks, folds=settings.folds, bootstraps=bootstraps
        )
        for output, outcome in chosen.values()
    )
    scores = {estimate.model: estimate.by_fold for estimate in estimates}
    outputs = [output for output, _ in chosen.values()]
    comparisons = [
        pair for measure in Measure for pair in compare_models(outputs, scores, folds=settings.folds, measure=measure)
    ]
    curves = tuple(
        class_curves(output, outcome, horizon_weeks=settings.horizon_weeks, folds=settings.folds)
        for output, outcome in chosen.values()
    )
    head = Head.CLASS if Head.CLASS in run.patients else Head.COX
    return ClassReport(
        estimates=estimates,
        comparisons=tuple(comparisons),
        curves=curves,
        endpoint=settings.endpoint,
        horizon_weeks=settings.horizon_weeks,
        bootstraps=bootstraps,
        excluded=_excluded(run.patients[head], source),
        n_study=len(source.patient_ids),
        provenance=_provenance(run, source),
    )


def best_documented(run: PrrtRun) -> str:
    """The fusion model to look at first: all inputs with the pretrained CT if the run has it, else its last one.

    Classifiers come before Cox heads.
    """
    classifiers = [text for text in run.outputs if parse_fusion_model(text).head is Head.CLASS]
    whole = "+".join((ModelInput.PET, ModelInput.CT_PRETRAINED, ModelInput.LAB))
    return whole if whole in classifiers else (classifiers or list(run.outputs))[-1]


def pooled_patients(run: PrrtRun, model: str, source: MarkerSource) -> PooledPatients:
    """One out-of-fold score for every patient shown whom a model was tested on.

    Raises:
        NotInStoreError: the run has no such model, or tested none of these patients.
    """
    output, outcome = _chosen(run, run.output(model).model.text, source)
    score = pooled_score(output)
    there = ~np.isnan(score)
    if not there.any():
        raise NotInStoreError("none of the patients shown has a prediction of this model; loosen the filter.")
    head, horizon = output.model.head, run.summary.settings.horizon_weeks
    excluded = dict(_excluded(run.patients[head], source))
    if not there.all():
        excluded[NO_OUTPUT] = int((~there).sum())
    ids = np.array(output.patient_ids, dtype=object)
    kept = outcome.take(there)
    return PooledPatients(
        output.model.text, tuple(ids[there]), score[there], kept, progression_class(kept, horizon_weeks=horizon),
        FIXED_THRESHOLDS[head], excluded, len(source.patient_ids), run.summary.settings.endpoint,
        _provenance(run, source),
    )  # fmt: skip


def confusion_at(patients: PooledPatients, threshold: float) -> Confusion:
    """Patients with a class, by what they were called at a threshold and what they were."""
    return confusion(patients.known_score, patients.known_long, threshold=threshold)


def calibration_of(patients: PooledPatients) -> ClassCalibration:
    """Calibration and Brier score of a classifier's pooled probabilities.

    Raises:
        BadUsageError: the model has no probabilities, or nobody has a class.
    """
    return class_calibration(patients.known_score, patients.known_long, model=patients.model)


def decision_of(patients: PooledPatients) -> DecisionCurve:
    """Net benefit of acting on a predicted risk of short progression-free survival, over the risks one acts from.

    Raises:
        BadUsageError: the model has no probabilities, or nobody has a class.
    """
    known = patients.outcome.take(patients.classes.known)
    return decision_curve(known, {patients.model: 1.0 - patients.known_score}, patients.classes.horizon_weeks)


def scan_of_score(patients: PooledPatients) -> CutScan | None:
    """Every threshold of the score, tested, for a p-value that allows for having chosen one; None without events."""
    if not patients.outcome.n_events or np.ptp(patients.score) == 0:
        return None
    return scan_cuts(patients.outcome, -patients.score)


def survival_by_prediction(
    patients: PooledPatients, *, threshold: float | None = None, scan: CutScan | None = None
) -> SurvivalReport:
    """Kaplan-Meier of those called long and those called short, from baseline.

    At the threshold fixed in advance the log-rank p stands as it is; at any other it is adjusted for the choice.

    Args:
        patients: with a score each.
        threshold: who reaches it is called long; the fixed one when None.
        scan: every threshold, where it has been made already.

    Raises:
        BadUsageError: everybody is called the same.
    """
    at = patients.fixed_threshold if threshold is None else threshold
    called_short = (patients.score < at).astype(np.int64)
    levels = (PREDICTED_LONG, PREDICTED_SHORT)
    present = np.unique(called_short)
    report = survival_report(
        _material(
            patients.endpoint, patients.patient_ids, patients.outcome, column=PREDICTION,
            levels=tuple(levels[one] for one in present),
            level_of=np.searchsorted(present, called_short).astype(np.int64), excluded=patients.excluded,
            n_study=patients.n_study, provenance=patients.provenance,
        ),
        SurvivalQuestion(patients.endpoint, (ByColumn(PREDICTION),)),
        horizon_weeks=patients.classes.horizon_weeks,
    )  # fmt: skip
    if report.p.value is None or at == patients.fixed_threshold:
        return report
    found = scan_of_score(patients) if scan is None else scan
    return replace(report, p=_adjusted(found, -at))


def survival_of_everybody(run: PrrtRun, source: MarkerSource) -> SurvivalReport:
    """Kaplan-Meier of every patient shown with the outcome, whether a model saw the patient or not.

    Raises:
        NotInStoreError: nobody has the outcome.
    """
    settings = run.summary.settings
    rows = require_endpoint(source, settings.endpoint).reindex(source.patient_ids)
    known = rows["time_weeks"].notna()
    if not known.any():
        raise NotInStoreError(f"none of the patients shown has the outcome {settings.endpoint}; loosen the filter.")
    rows = rows[known]
    left_out = int((~known).sum())
    return survival_report(
        _material(
            settings.endpoint, tuple(str(one) for one in rows.index),
            Outcome.of(time_weeks=rows["time_weeks"].to_numpy(float), event=rows["event"].to_numpy(bool)),
            column=WHOLE, levels=(EVERYBODY,), level_of=np.zeros(len(rows), dtype=np.int64),
            excluded={f"no {settings.endpoint} recorded": left_out} if left_out else {},
            n_study=len(source.patient_ids), provenance=_provenance(run, source),
        ),
        SurvivalQuestion(settings.endpoint, (ByColumn(WHOLE),)),
        horizon_weeks=settings.horizon_weeks,
    )  # fmt: skip


def _adjusted(scan: CutScan | None, cut: float) -> HonestP:
    """P-value of the best threshold doing as well when scores are shuffled; the cut is of the risk, minus the score."""
    place = None if scan is None else scan.place(cut)
    if scan is None or place is None:
        return HonestP(None, is_adjusted=False, reason=NOT_ALLOWED_FOR)
    value = scan.adjusted_p(float(scan.statistic[place]))
    return HonestP(value, is_adjusted=True, reason="adjusted for having chosen the threshold")


def _material(
    endpoint: str,
    patient_ids: tuple[str, ...],
    outcome: Outcome,
    *,
    column: str,
    levels: tuple[str, ...],
    level_of: NDArray[np.int64],
    excluded: Mapping[str, int],
    n_study: int,
    provenance: Provenance,
) -> SurvivalMaterial:
    """Patients divided by one column, their time counted from baseline."""
    return SurvivalMaterial(
        endpoint, None, patient_ids, outcome, {column: levels}, {column: level_of}, {}, {}, excluded,
        pd.DataFrame(columns=["patient_id", "reason"]), n_study, provenance,
    )  # fmt: skip


def _chosen(run: PrrtRun, text: str, source: MarkerSource) -> tuple[OutOfFold, Outcome]:
    """Outputs of a model for the patients shown, and their outcome."""
    output = run.outputs[text]
    shown = frozenset(str(patient) for patient in source.patient_ids)
    kept = np.array([patient in shown for patient in output.patient_ids], dtype=np.bool_)
    ids = tuple(patient for patient in output.patient_ids if patient in shown)
    taken = OutOfFold(output.model, ids, output.value[:, kept], output.fold[:, kept])
    return taken, run.patients[output.model.head].outcome.take(kept)


def _excluded(head: HeadPatients, source: MarkerSource) -> Mapping[str, int]:
    """Patients shown who were not tested; reasons are known of the whole cohort."""
    shown = frozenset(str(patient) for patient in source.patient_ids)
    missing = len(shown) - len(shown & frozenset(head.patient_ids))
    if missing == sum(head.excluded.values()):
        return dict(head.excluded)
    return {NOT_IN_RUN: missing} if missing else {}


def _provenance(run: PrrtRun, source: MarkerSource) -> Provenance:
    study = source.cohort.study
    return Provenance(
        study.study_id, study.title, study.snapshot_id, study.simulated, run_id=run.summary.run_id,
        cohort_words=cohort_words(source.cohort),
    )  # fmt: skip
