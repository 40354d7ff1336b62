"""Predicted risks by a Cox model that never saw the patient, for calibration, Brier score and decision curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.predicted_survival import baseline_hazard, predicted_shares
from raise_core.evaluation.resampling import inner_folds
from raise_core.models.cox import fit_cox

FloatArray = NDArray[np.float64]
FOLDS = 10


def out_of_fold_survival(
    outcome: Outcome,
    covariates: ArrayLike,
    weeks: ArrayLike,
    *,
    patients: Sequence[str],
    folds: int = FOLDS,
    seed: int = 0,
) -> FloatArray:
    """Probability of no event by some weeks, each patient's from a model fitted on the other folds.

    Coefficients and baseline hazard are both those of the training folds; folds are by patient, stratified by event.

    Args:
        outcome: times and events of n patients.
        covariates: shape (n, p), finite.
        weeks: shape (h,).
        patients: ids, shape (n,), all different.
        folds: how many.
        seed: of the folds.

    Returns:
        Shape (n, h).

    Raises:
        BadUsageError: fewer patients than folds, or a model that cannot be fitted in one of them.
    """
    x = np.asarray(covariates, dtype=np.float64)
    horizons = np.asarray(weeks, dtype=np.float64)
    everybody = np.ones((1, len(outcome)), dtype=np.bool_)
    fold = inner_folds(everybody, outcome.event, folds=folds, seed=seed, keys=list(patients))[0]
    training = fold[None, :] != np.arange(folds)[:, None]
    fits = fit_cox(x, outcome.time_weeks, outcome.event, rows=training)
    if not fits.converged.all() or fits.dropped.any():
        raise BadUsageError(
            f"the model cannot be fitted in each of {folds} folds: too few events, or markers that repeat each other."
        )
    shares = np.empty((len(outcome), len(horizons)))
    for number in range(folds):
        inside = training[number]
        known = baseline_hazard(outcome.take(inside), x[inside], fits.coef[number], fits.covariance[number])
        shares[~inside] = predicted_shares(known, x[~inside], horizons)
    return shares
