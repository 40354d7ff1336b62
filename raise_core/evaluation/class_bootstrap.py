"""Patient-level uncertainty of out-of-fold scores: patients are drawn again, predictions stay as they are.

The interval says how the score would move with other patients of the same kind; it takes the trained models as given,
so what training on other patients would change is not in it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.class_results import ClassEstimate, RepeatedScore
from raise_core.domain.fusion_model import Head
from raise_core.domain.out_of_fold import OutOfFold
from raise_core.domain.outcome import FloatArray, Outcome
from raise_core.domain.progression_class import progression_class
from raise_core.evaluation.class_scores import fold_scores, long_score, mean_over_repeats, repeated_score
from raise_core.evaluation.class_scores import resampled_scores as scores_of_resamples

BOOTSTRAPS = 1000


def patient_weights(strata: ArrayLike, *, bootstraps: int = BOOTSTRAPS, seed: int = 0) -> FloatArray:
    """How often each patient is drawn in each bootstrap, strata drawn apart so that their sizes stay.

    Args:
        strata: shape (n,), any codes.
        bootstraps: how many.
        seed: the same seed and strata give the same draws.

    Returns:
        Shape (bootstraps, n).
    """
    layer = np.unique(np.asarray(strata), return_inverse=True)[1].astype(np.int64)
    return _drawn(layer.tobytes(), bootstraps, seed)


@lru_cache(maxsize=4)
def _drawn(layers: bytes, bootstraps: int, seed: int) -> FloatArray:
    """The draws, kept, because every model of a run has the same patients."""
    layer = np.frombuffer(layers, dtype=np.int64)
    rng = np.random.default_rng(seed)
    weights = np.zeros((bootstraps, len(layer)))
    for one in range(int(layer.max(initial=-1)) + 1):
        members = np.flatnonzero(layer == one)
        weights[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size=bootstraps)
    weights.setflags(write=False)
    return weights


def class_estimate(
    output: OutOfFold, outcome: Outcome, *, horizon_weeks: float, folds: int, bootstraps: int = BOOTSTRAPS
) -> ClassEstimate:
    """Scores of one model with their spread over repeats and their patient-level interval.

    Args:
        output: of the model, for n patients.
        outcome: of the same patients.
        horizon_weeks: what divides short from long; patients censored before have no class and count for the
            concordance of a Cox head alone.
        folds: folds of each repeat of the run.
        bootstraps: resamples of the patients, drawn within the classes.
    """
    classes = progression_class(outcome, horizon_weeks=horizon_weeks)
    weights = patient_weights(np.where(classes.known, classes.long, 2), bootstraps=bootstraps)
    seen = classes.known
    score, fold, long = long_score(output)[:, seen], output.fold[:, seen], classes.long[seen]
    by_fold = fold_scores(score, fold, long, folds=folds)
    auroc, auprc = scores_of_resamples(score, fold, long, weights[:, seen], folds=folds)
    random = float(mean_over_repeats(by_fold.random_auprc))
    return ClassEstimate(
        model=output.model.text,
        n=int(seen.sum()),
        n_long=int(long.sum()),
        repeats=output.repeats,
        folds=folds,
        auroc=repeated_score(by_fold.auroc, auroc, not_fitted=by_fold.not_fitted),
        auprc=repeated_score(by_fold.auprc, auprc, not_fitted=by_fold.not_fitted),
        random_auprc=None if np.isnan(random) else random,
        concordance=_concordance(output, outcome, weights, folds) if output.model.head is Head.COX else None,
        n_all=len(outcome),
        by_fold=by_fold,
    )


def weighted_concordance(risk: FloatArray, outcome: Outcome, weights: FloatArray) -> FloatArray:
    """Harrell's c of one risk under B weightings of m patients; NaN where no pair can be compared.

    Pairs as in `raise_core.evaluation.concordance.harrell_c`, each weighing the product of its patients' weights.

    Args:
        risk: shape (m,), higher = worse, finite.
        outcome: of the m patients.
        weights: shape (B, m).

    Returns:
        Shape (B,).
    """
    time, event = outcome.time_weeks, outcome.event
    later = (time[None, :] > time[:, None]) | ((time[None, :] == time[:, None]) & ~event[None, :])
    comparable = (event[:, None] & later).astype(np.float64)
    concordant = comparable * ((risk[:, None] > risk[None, :]) + 0.5 * (risk[:, None] == risk[None, :]))
    pairs = ((weights @ comparable) * weights).sum(axis=1)
    ranked = ((weights @ concordant) * weights).sum(axis=1)
    return np.asarray(np.divide(ranked, pairs, out=np.full(len(weights), np.nan), where=pairs > 0))


def _concordance(output: OutOfFold, outcome: Outcome, weights: FloatArray, folds: int) -> RepeatedScore:
    """Harrell's c over folds and repeats: every patient once in the first row, the resamples below it."""
    everybody = np.vstack([np.ones(len(outcome)), weights])
    found = np.full((len(everybody), output.repeats, folds), np.nan)
    missing = np.zeros((output.repeats, folds), dtype=np.bool_)
    for repeat in range(output.repeats):
        for one in range(folds):
            tested = np.flatnonzero(output.fold[repeat] == one)
            risk = output.risk[repeat, tested]
            missing[repeat, one] = bool(np.isnan(risk).any())
            if len(tested) and not missing[repeat, one]:
                found[:, repeat, one] = weighted_concordance(risk, outcome.take(tested), everybody[:, tested])
    return repeated_score(found[0], found[1:], not_fitted=missing)


def percentile_interval(draws: FloatArray, *, level: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper percentiles over the first axis, NaN ignored.

    Args:
        draws: shape (B, ...), at least one of B not NaN in each place.
        level: of confidence.
    """
    tail = (1 - level) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail], axis=0)
    return np.asarray(low), np.asarray(high)
