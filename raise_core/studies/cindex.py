"""C-index by week for any marker models of a study: landmark sets, splits, designs, evaluation, the rows behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import Model, parse_model
from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.domain.progress import Progress, silent
from raise_core.domain.results import CindexEstimate, CindexReport, CindexSettings, Provenance
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.cindex import Design, evaluate
from raise_core.evaluation.cohort_filter import cohort_words
from raise_core.evaluation.landmark import LandmarkSet, build_landmark_set
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.resampling import monte_carlo_splits
from raise_core.studies.deep_predictions import DeepPredictions

LEAST_PATIENTS = 4  # two on either side of a split; fewer cannot be divided into training and test sets


@dataclass(frozen=True, eq=False)
class CindexResult:
    """A report and the exact rows it was computed from.

    Attributes:
        report: estimates and comparisons.
        landmark_sets: the patients of each week.
        train: training mask of each week, shape (splits, n), columns in the order of the landmark set.
    """

    report: CindexReport
    landmark_sets: tuple[LandmarkSet, ...]
    train: tuple[BoolArray, ...] = field(repr=False)
    deep: DeepPredictions | None = field(default=None, repr=False)

    @property
    def variants(self) -> tuple[str, ...]:
        """Image variants of the models."""
        models = self.landmark_sets[0].models if self.landmark_sets else ()
        return tuple(dict.fromkeys(variant for model in models for variant in model.deep_variants))

    def network_risks(self) -> pd.DataFrame:
        """The networks' out-of-sample risk of every patient in every split, as it entered the models."""
        frames = []
        for landmark, train in zip(self.landmark_sets, self.train, strict=True):
            week, ids = landmark.week.week, landmark.patient_ids
            if self.deep is None or not ids:
                continue
            for variant in self.variants:
                risk = self.deep.risk(week, variant, ids)
                splits, n = risk.shape
                frames.append(
                    pd.DataFrame(
                        {
                            "week": week,
                            "marker": f"dl:{variant}",
                            "split": np.repeat(np.arange(splits), n),
                            "patient_id": ids * splits,
                            "in_training": train.ravel().astype(int),
                            "risk": risk.ravel(),
                        }
                    )
                )
        columns = ["week", "marker", "split", "patient_id", "in_training", "risk"]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)

    def rows(self) -> pd.DataFrame:
        """Every patient used, at every week: visits used and their dates, marker values, time, event, test splits.

        A network's output differs by split: here its mean over the splits that test the patient, all of them in
        `network_risks`.
        """
        frames = []
        for week, train in zip(self.landmark_sets, self.train, strict=True):
            table = week.table()
            table.insert(0, "week", week.week.week)
            if self.deep is not None and week.n:
                _add_network_columns(table, week, train, self.deep, self.variants)
            table["test_in_splits"] = [
                " ".join(str(split) for split in np.flatnonzero(~train[:, row])) for row in range(week.n)
            ]
            frames.append(table)
        return pd.concat(frames, ignore_index=True)

    def left_out(self) -> pd.DataFrame:
        """Every patient not used at a week, with the reason."""
        return pd.concat(
            [week.excluded_patients.assign(week=week.week.week) for week in self.landmark_sets], ignore_index=True
        )[["week", "patient_id", "reason"]]


def _add_network_columns(
    table: pd.DataFrame, landmark: LandmarkSet, train: BoolArray, deep: DeepPredictions, variants: Sequence[str]
) -> None:
    """Scan date and mean test risk of each variant, added to the rows of a week."""
    for variant in variants:
        week, ids = landmark.week.week, landmark.patient_ids
        table[f"visit_week dl:{variant}"] = deep.scan_week(week, variant, ids)
        mean = _mean_where(deep.risk(week, variant, ids), ~train)
        table[f"dl:{variant} (mean over the splits that test the patient)"] = mean


def _mean_where(values: FloatArray, chosen: BoolArray) -> FloatArray:
    """Column means over the chosen rows; NaN where none is chosen."""
    count = chosen.sum(axis=0)
    total = np.where(chosen, values, 0.0).sum(axis=0)
    mean: FloatArray = np.divide(total, count, out=np.full(values.shape[1], np.nan), where=count > 0)
    return mean


def parse_models(texts: Sequence[str]) -> tuple[Model, ...]:
    """Parse the models of a call; the same markers twice, in whatever order or spelling, count once.

    Raises:
        BadUsageError: no model, or one that cannot be parsed.
    """
    found: dict[frozenset[tuple[str, str, str]], Model] = {}
    for model in map(parse_model, texts):
        found.setdefault(frozenset((m.kind.value, m.key, m.transform) for m in model.markers), model)
    models = tuple(found.values())
    if not models:
        raise BadUsageError("name at least one model, for example --model sldr+dlog:CGA.")
    return models


def cindex_by_week(
    source: MarkerSource,
    models: Sequence[Model],
    weeks: Sequence[float],
    settings: CindexSettings,
    *,
    deep: DeepPredictions | None = None,
    progress: Progress = silent,
) -> CindexResult:
    """Evaluate `models` at `weeks`: every model of a week on the same patients and the same splits.

    With a deep-learning marker among them the patients are those of the run's images and the splits are the run's,
    so that its predictions are those of the same split.

    Args:
        source: the study.
        models: from `parse_models`.
        weeks: nominal landmark weeks.
        settings: splits, seed, landmark window.
        deep: predictions of a matching run; needed when a model has a `dl:` marker.
        progress: told how far it is.

    Raises:
        BadUsageError: no weeks, or a setting out of range.
        NotInStoreError: an endpoint, marker, week or prediction that is not there.
    """
    chosen = tuple(sorted(set(weeks)))
    if not chosen:
        raise BadUsageError("name at least one week, for example --weeks 12,24.")
    _check_fraction(settings)
    uses_deep = any(model.deep_variants for model in models)
    if uses_deep and deep is None:
        raise NotInStoreError("a dl: marker needs the predictions of a run.")
    sets, masks, designs, estimates = [], [], [], {}
    for number in chosen:
        week = LandmarkWeek(number, settings.window_weeks, settings.tolerance_weeks)
        imaged = deep.imaged_patients(number) if deep is not None and uses_deep else None
        landmark = build_landmark_set(source, models, week, endpoint=settings.endpoint, imaged_patients=imaged)
        train = _splits(landmark, settings, deep if uses_deep else None)
        sets.append(landmark)
        masks.append(train)
        for model in models:
            design = None if _too_few(landmark) else model_design(landmark, model, train, deep)
            if design is None:
                estimates[(model.text, number)] = _not_estimable(landmark, model, settings)
            else:
                designs.append(design)
    evaluation = evaluate(designs, progress=progress)
    estimates |= {(e.model, e.week): e for e in evaluation.estimates}
    for landmark in sets:
        for model in models:
            key = (model.text, landmark.week.week)
            estimates[key] = _with_left_out_markers(estimates[key], landmark, model)
    study = source.cohort.study
    report = CindexReport(
        settings=settings,
        provenance=Provenance(
            study.study_id,
            study.title,
            study.snapshot_id,
            study.simulated,
            deep.run_id if deep is not None and uses_deep else None,
            deep.encoder if deep is not None and uses_deep else None,
            cohort_words(source.cohort),
        ),
        estimates=tuple(estimates[(model.text, week)] for model in models for week in chosen),
        comparisons=evaluation.comparisons,
        excluded={landmark.week.week: dict(landmark.excluded) for landmark in sets},
        n_study=source.cohort.n_patients,
    )
    return CindexResult(report, tuple(sets), tuple(masks), deep if uses_deep else None)


def _with_left_out_markers(estimate: CindexEstimate, landmark: LandmarkSet, model: Model) -> CindexEstimate:
    """The estimate with a warning for every marker that is the same for all patients and so takes no part."""
    said = tuple(
        f"{marker.label} is the same for every patient here and was left out."
        for marker in model.markers
        if landmark.n and landmark.is_constant(marker)
    )
    return replace(estimate, warnings=(*estimate.warnings, *said)) if said else estimate


def _check_fraction(settings: CindexSettings) -> None:
    if settings.splits < 2:
        raise BadUsageError(f"splits (--splits) is {settings.splits}; at least 2 are needed for an interval.")
    if not 0.0 < settings.train_fraction < 1.0:
        raise BadUsageError(
            f"train_fraction (--train-fraction) is {settings.train_fraction:g}; it must lie between 0 and 1."
        )


def _too_few(landmark: LandmarkSet) -> bool:
    return landmark.n < LEAST_PATIENTS or landmark.outcome.n_events == 0


def _splits(landmark: LandmarkSet, settings: CindexSettings, deep: DeepPredictions | None) -> BoolArray:
    if landmark.n == 0:
        return np.zeros((settings.splits, 0), dtype=np.bool_)
    if deep is not None:
        return deep.train_mask(landmark.week.week, landmark.patient_ids)
    return monte_carlo_splits(
        landmark.outcome.event,
        splits=settings.splits,
        train_fraction=settings.train_fraction,
        seed=settings.seed,
        keys=landmark.patient_ids,
    )


def model_design(landmark: LandmarkSet, model: Model, train: BoolArray, deep: DeepPredictions | None) -> Design | None:
    """What the evaluation needs for one model, None when none of its columns varies."""
    week, ids = landmark.week.week, landmark.patient_ids
    time, event = landmark.outcome.time_weeks, landmark.outcome.event
    risks = [] if deep is None else [deep.risk(week, variant, ids) for variant in model.deep_variants]
    if model.is_network_alone:
        return Design(model=model.text, week=week, time_weeks=time, event=event, train=train, risk=risks[0])
    fixed, names = landmark.covariates(model)
    x: FloatArray = fixed
    if risks:
        repeated = np.broadcast_to(fixed, (train.shape[0], *fixed.shape))
        x = np.concatenate([repeated, np.stack(risks, axis=2)], axis=2)
        names = (*names, *(f"dl:{variant}" for variant in model.deep_variants))
    if not names:
        return None
    return Design(model=model.text, week=week, time_weeks=time, event=event, train=train, columns=names, x=x)


def _not_estimable(landmark: LandmarkSet, model: Model, settings: CindexSettings) -> CindexEstimate:
    if landmark.n == 0:
        reason = "no patient is at risk and complete"
    elif landmark.outcome.n_events == 0:
        reason = "no event after the landmark"
    elif landmark.n < LEAST_PATIENTS:
        reason = f"fewer than {LEAST_PATIENTS} patients at risk"
    else:
        reason = "the marker is the same for every patient"
    return CindexEstimate(
        model=model.text, week=landmark.week.week, n=landmark.n, events=landmark.outcome.n_events,
        mean=None, sd=None, se_naive=None, se_corrected=None, ci_low=None, ci_high=None, uno=None, uno_tau_weeks=None,
        nan_splits=settings.splits, nan_reasons={reason: settings.splits}, splits=settings.splits,
        events_per_variable=None, warnings=(f"Not estimated: {reason}.",), split_scores=(None,) * settings.splits,
    )  # fmt: skip
