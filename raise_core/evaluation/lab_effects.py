"""Hazard ratios of laboratory values, each alone and all together: Cox models (Efron ties) in two batches."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from raise_core.domain.importance_results import LabEffects, LabRatio
from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.evaluation.kaplan_meier import LEVEL
from raise_core.evaluation.lab_panel import LabPanel
from raise_core.models.cox import CoxFits, fit_cox

NOT_POSITIVE = "can be 0, so has no doubling"
NO_DOUBLE = "hardly anybody has twice the value of another"
NOT_LOG = "not used as a logarithm"
NO_RATIO = "too few events to tell"
TOO_MANY = "more values than events"
DOUBLING = float(np.log(2.0))
CENTRAL = (0.05, 0.95)
"""Where the upper of these percentiles is less than twice the lower, as for sodium or pH, a doubling means nothing."""


def lab_effects(panel: LabPanel) -> tuple[LabEffects, ...]:
    """Ratios of every test of the panel, in its order.

    Alone: on the patients who have the value. Together: on all patients, with the median in place of missing values
    and an indicator of their being missing; a description of the whole panel, not a prediction.
    """
    spread = lab_spread(panel)
    alone = _alone(panel, panel.values)
    logs = np.where(panel.is_log, panel.values, _log(panel))
    doubled = _alone(panel, logs)
    together = _together(panel)
    found = []
    for place, sd in enumerate(spread):
        no_doubling = _no_doubling(panel.in_units[:, place])
        log = bool(panel.is_log[place])
        found.append(
            LabEffects(
                _ratio(alone, place, 0, sd),
                _none(no_doubling) if no_doubling else _ratio(doubled, place, 0, DOUBLING),
                _none(TOO_MANY) if together is None else _ratio(together, 0, place, sd),
                _none(TOO_MANY) if together is None else (
                    _ratio(together, 0, place, DOUBLING) if log and not no_doubling else _none(no_doubling or NOT_LOG)
                ),
            )
        )  # fmt: skip
    return tuple(found)


def _no_doubling(values: FloatArray) -> str:
    """Why twice the value is no sensible step; empty where it is."""
    known = values[~np.isnan(values)]
    if not (known > 0).all():
        return NOT_POSITIVE
    low, high = np.quantile(known, CENTRAL)
    return NO_DOUBLE if high < 2.0 * low else ""


def lab_spread(panel: LabPanel) -> FloatArray:
    """Standard deviation (ddof 1) of each test on its scale, shape (p,)."""
    return np.asarray(np.nanstd(panel.values, axis=0, ddof=1))


def _log(panel: LabPanel) -> FloatArray:
    """Natural logarithms; where one test has a value that is not positive, all of it stays as it is."""
    raw = panel.in_units
    positive = np.array([(raw[:, k][~np.isnan(raw[:, k])] > 0).all() for k in range(raw.shape[1])])
    return np.where(positive, np.log(np.where(raw > 0, raw, 1.0)), raw)


def _alone(panel: LabPanel, values: FloatArray) -> CoxFits:
    known = ~np.isnan(panel.values)
    columns = np.where(known, values, 0.0).T[:, :, None]
    return fit_cox(columns, panel.outcome.time_weeks, panel.outcome.event, rows=known.T)


def _together(panel: LabPanel) -> CoxFits | None:
    """One model of all tests and indicators; None with fewer events than columns."""
    missing = np.isnan(panel.values)
    filled = np.where(missing, np.nanmedian(panel.values, axis=0), panel.values)
    columns = np.column_stack([filled, missing[:, missing.any(axis=0)].astype(np.float64)])
    if panel.outcome.n_events <= columns.shape[1]:
        return None
    everybody: BoolArray = np.ones((1, panel.n), dtype=np.bool_)
    return fit_cox(columns, panel.outcome.time_weeks, panel.outcome.event, rows=everybody)


def _ratio(fits: CoxFits, fit: int, column: int, step: float) -> LabRatio:
    if fits.reason_code[fit]:
        return _none(fits.reason[fit] or NO_RATIO)
    variance = float(fits.covariance[fit, column, column])
    if not np.isfinite(variance) or variance <= 0:
        return _none(NO_RATIO)
    beta, error = float(fits.coef[fit, column]) * step, float(np.sqrt(variance)) * step
    half = float(norm.ppf((1 + LEVEL) / 2)) * error
    return LabRatio(
        float(np.exp(beta)), float(np.exp(beta - half)), float(np.exp(beta + half)),
        float(2 * norm.sf(abs(beta) / error)),
    )  # fmt: skip


def _none(reason: str) -> LabRatio:
    return LabRatio(None, None, None, None, reason)
