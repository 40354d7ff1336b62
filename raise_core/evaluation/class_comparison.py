"""Are two models different? Paired over the folds both were tested in, with the corrected t-test and Holm's adjustment.

Folds of one repeat share training patients, and repeats share all patients, so the plain t-test finds differences that
are not there. The variance is corrected by the share of test patients, 1/(k - 1) for k folds (Nadeau & Bengio 2003;
Bouckaert & Frank 2004 for repeated cross-validation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from raise_core.domain.class_results import OTHER_FOLDS, TOO_FEW_FOLDS, ClassComparison, FoldScores, Measure
from raise_core.domain.out_of_fold import OutOfFold
from raise_core.evaluation.comparison import holm, known
from raise_core.evaluation.resampling import resampled_mean


def compare_models(
    outputs: Sequence[OutOfFold], scores: Mapping[str, FoldScores], *, folds: int, measure: Measure
) -> tuple[ClassComparison, ...]:
    """Every pair of models by one measure, in the order of the models.

    Models with different numbers of repeats are compared on the repeats both have. Where patients or folds of those
    differ there is no pairing, so no difference.

    Args:
        outputs: of the models.
        scores: model text to its scores by fold.
        folds: folds of each repeat.
        measure: what is compared.
    """
    pairs = list(combinations(outputs, 2))
    if not pairs:
        return ()
    shared = [_shared_repeats(a, b) for a, b in pairs]
    longest = max(shared)
    differences = np.full((len(pairs), max(longest, 1) * folds), np.nan)
    for row, ((a, b), repeats) in enumerate(zip(pairs, shared, strict=True)):
        first, second = (scores[one.model.text].of(measure)[:repeats] for one in (a, b))
        differences[row, : repeats * folds] = (first - second).ravel()
    # Nadeau & Bengio's n_test / n_train is 1 / (k - 1) for k folds.
    tested = resampled_mean(differences, n_train=folds - 1, n_test=1)
    enough = tested.n_scored >= 2
    p = np.where(enough, tested.p_zero, np.nan)
    adjusted = holm(p)
    return tuple(
        ClassComparison(
            measure=measure,
            model_a=a.model.text,
            model_b=b.model.text,
            repeats=shared[row],
            folds_scored=int(tested.n_scored[row]),
            difference=known(tested.mean[row]) if enough[row] else None,
            ci_low=known(tested.ci_low[row]),
            ci_high=known(tested.ci_high[row]),
            p_corrected=known(p[row]),
            p_holm=known(adjusted[row]),
            reason="" if enough[row] else OTHER_FOLDS if not shared[row] else TOO_FEW_FOLDS,
        )
        for row, (a, b) in enumerate(pairs)
    )


def _shared_repeats(a: OutOfFold, b: OutOfFold) -> int:
    """Repeats whose folds are the same for both; 0 where patients or folds differ."""
    repeats = min(a.repeats, b.repeats)
    same = a.patient_ids == b.patient_ids and np.array_equal(a.fold[:repeats], b.fold[:repeats])
    return repeats if same else 0
