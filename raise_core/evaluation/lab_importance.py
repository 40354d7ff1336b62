"""Which laboratory values does a model use? Shuffling each among held-out patients, beside a column of noise.

Breiman L. Random forests. Machine Learning 2001;45:5-32 (permutation importance), here on the test folds of repeated
stratified k-fold cross-validation, with intervals that allow for the overlap of training sets (Nadeau C, Bengio Y.
Machine Learning 2003;52:239-281). Random numbers are given to every model as one more column: what shuffling them
costs is what a value without information costs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from raise_core.domain.importance_results import (
    Drop,
    GroupImportance,
    ImportanceReport,
    LabEffects,
    LabExplanations,
    LabImportance,
    LabRatio,
)
from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.domain.outcome import FloatArray
from raise_core.domain.progress import Progress, silent
from raise_core.domain.results import Provenance
from raise_core.evaluation.cohort_filter import cohort_words
from raise_core.evaluation.lab_effects import lab_effects, lab_spread
from raise_core.evaluation.lab_explanations import explain
from raise_core.evaluation.lab_groups import LabGroup, lab_groups
from raise_core.evaluation.lab_models import FoldModel, fold_models, joined, score_of, shuffled_orders
from raise_core.evaluation.lab_panel import LabPanel, lab_panel, require_possible
from raise_core.evaluation.lab_permutation import permutation_drops
from raise_core.evaluation.lab_preparation import LabColumns
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.resampling import inner_folds, resampled_mean

TOP = 3
RANK_SHARES = (0.1, 0.9)
STAGE = "Fitting models and shuffling values"


@dataclass(frozen=True, eq=False)
class _Scores:
    """What the folds of all repeats gave: the metric (J,), the falls of tests, noise and groups (J, U + G)."""

    whole: FloatArray
    falls: FloatArray
    explanations: LabExplanations


def lab_importance(
    source: MarkerSource, settings: ImportanceSettings, *, progress: Progress = silent
) -> ImportanceReport:
    """Importance, hazard ratios and explanations of every laboratory value at a week.

    Args:
        source: cohort.
        settings: what is asked.
        progress: told after each fold; an error it raises ends the work.

    Raises:
        NotInStoreError: no laboratory values at the week, no such endpoint, or too few events for the folds.
    """
    started = time.monotonic()
    panel = lab_panel(source, settings)
    require_possible(panel, settings)
    groups = lab_groups(panel.values, least_correlation=settings.group_correlation)
    found = _cross_validated(panel, settings, groups, progress)
    study = source.cohort.study
    provenance = Provenance(
        study.study_id, study.title, study.snapshot_id, study.simulated, cohort_words=cohort_words(source.cohort)
    )
    drops = _drops(found.falls, settings)
    noise_place = len(panel.labs)
    above = _drops(found.falls - found.falls[:, [noise_place]], settings)
    whole = _drops(found.whole[:, None], settings)[0]
    return ImportanceReport(
        settings,
        provenance,
        _labs(panel, found.falls, drops, above, groups),
        tuple(
            GroupImportance(
                tuple(panel.labs[one] for one in group.members),
                drops[noise_place + 1 + place],
                above[noise_place + 1 + place],
                group.least_correlation,
            )
            for place, group in enumerate(groups)
        ),
        drops[noise_place],
        whole.importance,
        None if whole.ci_low is None else max(whole.ci_low, 0.0),
        None if whole.ci_high is None else min(whole.ci_high, 1.0),
        panel.n,
        int(panel.short.sum()) if settings.model is ImportanceModel.CLASS_FOREST else panel.outcome.n_events,
        panel.outcome.n_events,
        dict(panel.excluded),
        panel.n_study,
        int((~np.isnan(found.whole)).sum()),
        found.explanations,
        time.monotonic() - started,
    )


def _cross_validated(
    panel: LabPanel, settings: ImportanceSettings, groups: Sequence[LabGroup], progress: Progress
) -> _Scores:
    columns = LabColumns.of(panel.values)
    units = joined(columns.units, [group.members for group in groups])
    strata = panel.short if settings.model is ImportanceModel.CLASS_FOREST else panel.outcome.event
    everybody = np.ones((settings.repeats, panel.n), dtype=np.bool_)
    fold_of = inner_folds(everybody, strata, folds=settings.folds, seed=settings.seed, keys=panel.patient_ids)
    whole = np.empty((settings.repeats, settings.folds))
    falls = np.empty((settings.repeats, settings.folds, len(units)))
    total = whole.size
    first: list[FoldModel] = []
    progress(STAGE, 0, total)
    for repeat in range(settings.repeats):
        for model in fold_models(panel, settings, columns, fold_of[repeat], repeat):
            orders = shuffled_orders(settings, patients=int(model.test.sum()), repeat=repeat, fold=model.fold)
            whole[repeat, model.fold], falls[repeat, model.fold] = permutation_drops(
                model.columns(panel.values), units, model.predict, score_of(panel, settings, model.test), orders
            )
            if repeat == 0:
                first.append(model)
            progress(STAGE, repeat * settings.folds + model.fold + 1, total)
    return _Scores(whole.ravel(), falls.reshape(total, -1), explain(panel, columns, first))


def _drops(scores: FloatArray, settings: ImportanceSettings) -> tuple[Drop, ...]:
    """Mean and corrected interval of scores (J, U) over the folds of all repeats."""
    found = resampled_mean(scores.T, n_train=settings.folds - 1, n_test=1)
    return tuple(
        Drop(*(_known(array[place]) for array in (found.mean, found.ci_low, found.ci_high, found.se_corrected)))
        for place in range(scores.shape[1])
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _labs(
    panel: LabPanel,
    falls: FloatArray,
    drops: Sequence[Drop],
    above: Sequence[Drop],
    groups: Sequence[LabGroup],
) -> tuple[LabImportance, ...]:
    """Used tests by rank, then the others."""
    p = len(panel.labs)
    mean = np.array([-np.inf if drop.importance is None else drop.importance for drop in drops[:p]])
    order: NDArray[np.intp] = np.argsort(-mean, kind="stable")
    scored = falls[~np.isnan(falls).any(axis=1), :p]
    ranks = rankdata(-scored, axis=1) if len(scored) else np.full((1, p), np.nan)
    low, high = np.quantile(ranks, RANK_SHARES, axis=0)
    effects, spread = lab_effects(panel), lab_spread(panel)
    found = []
    for rank, place in enumerate(order, start=1):
        lab = panel.labs[place]
        others = next((group.members for group in groups if place in group.members), ())
        found.append(
            LabImportance(
                lab,
                panel.units.get(lab, ""),
                bool(panel.is_log[place]),
                drops[place],
                above[place],
                rank,
                float((ranks[:, place] <= TOP).mean()),
                float(low[place]),
                float(high[place]),
                effects[place],
                *_counts(panel, lab),
                sd=float(spread[place]),
                group=tuple(panel.labs[one] for one in others if one != place),
            )
        )
    return (*found, *(_unused(panel, lab, why) for lab, why in panel.unused.items()))


def _counts(panel: LabPanel, lab: str) -> tuple[int, int, float]:
    """Patients with a value, their events (short times for a classifier), and the share without one."""
    known = panel.known[lab]
    events = panel.short if panel.short.any() else panel.outcome.event
    return int(known.sum()), int(events[known].sum()), float(1.0 - known.mean())


def _unused(panel: LabPanel, lab: str, why: str) -> LabImportance:
    nothing, no_ratio = Drop(None, None, None, None), LabRatio(None, None, None, None, why)
    n, events, missing = _counts(panel, lab)
    return LabImportance(
        lab=lab, unit=panel.units.get(lab, ""), is_log=False, drop=nothing, above_noise=nothing, rank=None,
        top_share=None, rank_low=None, rank_high=None, effects=LabEffects(no_ratio, no_ratio, no_ratio, no_ratio),
        n=n, events=events, missing_share=missing, sd=None, reason=why,
    )  # fmt: skip
