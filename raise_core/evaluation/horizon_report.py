"""Discrimination, calibration and use of markers by a horizon, from out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from raise_core.domain.accuracy_results import HorizonReport
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.brier import brier_scores
from raise_core.evaluation.concordance import censoring_survival_before, harrell_and_uno
from raise_core.evaluation.decision_curve import decision_curve
from raise_core.evaluation.horizon_calibration import calibration_at_horizon
from raise_core.evaluation.out_of_fold_risk import FOLDS, out_of_fold_survival
from raise_core.evaluation.time_dependent_auc import time_dependent_auc

SHARES_OF_HORIZON = (0.25, 0.5, 0.75, 1.0)
"""Where between the start and the horizon accuracy is looked at as well."""


def horizon_report(
    outcome: Outcome, covariates: ArrayLike, horizon_weeks: float, *, model: str, patients: Sequence[str]
) -> HorizonReport:
    """Predict every patient from the other folds and compare with what happened.

    Args:
        outcome: times and events of n patients.
        covariates: shape (n, p), the model's markers.
        horizon_weeks: weeks from the clock's start.
        model: markers joined by '+'.
        patients: ids, shape (n,).

    Raises:
        BadUsageError: as `out_of_fold_survival`.
    """
    horizons = tuple(share * horizon_weeks for share in SHARES_OF_HORIZON)
    shares = out_of_fold_survival(outcome, covariates, horizons, patients=patients)
    risk = 1.0 - shares[:, -1]
    everybody = np.ones((1, len(outcome)), dtype=np.bool_)
    harrell, uno = harrell_and_uno(
        risk,
        outcome.time_weeks,
        outcome.event,
        rows=everybody,
        censoring_survival=censoring_survival_before(outcome.time_weeks, outcome.event),
        tau_weeks=horizon_weeks,
    )
    return HorizonReport(
        model=model,
        horizons_weeks=horizons,
        horizon_weeks=horizon_weeks,
        harrell=_or_none(harrell.c[0]),
        uno=_or_none(uno.c[0]),
        auc=time_dependent_auc(outcome, risk, horizons),
        brier=brier_scores(outcome, shares, horizons),
        calibration=calibration_at_horizon(outcome, risk, horizon_weeks),
        decision=decision_curve(outcome, {model: risk}, horizon_weeks),
        folds=FOLDS,
        n=len(outcome),
        events=outcome.n_events,
    )


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
