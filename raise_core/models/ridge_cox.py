"""Cox models with a light ridge, many training sets at once: for more columns than the events can carry.

The penalty is a normal prior with mean 0 and sd `PRIOR_SD` on each log hazard ratio per standard deviation: a hazard
ratio of 2.7 per sd lies two prior sd away, so what the data say clearly is hardly moved, and what they do not say stays
near 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raise_core.domain.outcome import BoolArray, FloatArray, Outcome
from raise_core.models.efron import PartialLikelihood

PRIOR_SD = 0.5
MOST_STEPS = 60
TOLERANCE = 1e-9
CONSTANT_SD = 1e-12


@dataclass(frozen=True, eq=False)
class RidgeCox:
    """B fitted models on the columns' own units.

    Attributes:
        coef: shape (B, p), log hazard ratio per unit; 0 for columns that are constant in training.
        centre: shape (B, p), mean over the training patients.
    """

    coef: FloatArray
    centre: FloatArray

    def risk(self, x: FloatArray, fit: int) -> FloatArray:
        """Log hazard against the mean training patient, shape (m,); higher is worse.

        Args:
            x: shape (m, p).
            fit: which of the models.
        """
        return np.asarray((x - self.centre[fit]) @ self.coef[fit])

    def shares(self, x: FloatArray, fit: int) -> FloatArray:
        """SHAP values of a linear model, shape (m, p): coefficient times distance from the training mean.

        They add up to `risk`, whose mean over the training patients is 0.
        """
        return np.asarray((x - self.centre[fit]) * self.coef[fit])


def fit_ridge_cox(x: FloatArray, outcome: Outcome, *, rows: BoolArray, prior_sd: float = PRIOR_SD) -> RidgeCox:
    """Fit by Newton steps with halving, all models at once (Efron ties).

    Args:
        x: shape (B, n, p), finite: the columns as each model's training split prepares them.
        outcome: n patients.
        rows: bool, shape (B, n): the training patients of each model, with at least one event.
        prior_sd: see above.
    """
    latest_first = np.argsort(-outcome.time_weeks, kind="stable")
    member = rows[:, latest_first]
    place = np.argsort(~member, axis=1, kind="stable")[:, : int(member.sum(axis=1).max())]
    member = np.take_along_axis(member, place, axis=1)
    patient = latest_first[place]
    columns = np.take_along_axis(x, patient[:, :, None], axis=1)
    count = member.sum(axis=1)[:, None]
    centre = np.where(member[:, :, None], columns, 0.0).sum(axis=1) / count
    z = np.where(member[:, :, None], columns - centre[:, None, :], 0.0)
    sd = np.sqrt((z * z).sum(axis=1) / count)
    constant = sd <= CONSTANT_SD * np.maximum(np.abs(columns).max(axis=1), 1.0)
    scale = np.where(constant, 1.0, sd)
    z = np.where(constant[:, None, :], 0.0, z / scale[:, None, :])
    likelihood = PartialLikelihood.of(
        np.moveaxis(z, 2, 0),
        np.where(member, outcome.time_weeks[patient], -np.inf),
        outcome.event[patient] & member,
        member,
        ties="efron",
    )
    return RidgeCox(_climb(likelihood, prior_sd) / scale, centre)


def _climb(likelihood: PartialLikelihood, prior_sd: float) -> FloatArray:
    """Coefficients of the standardised columns, shape (B, p). The penalised likelihood has one maximum."""
    fits, p = likelihood.z.shape[1], len(likelihood.z)
    precision = prior_sd**-2
    coef, step = np.zeros((fits, p)), np.zeros((fits, p))
    best = np.full(fits, -np.inf)
    for _ in range(MOST_STEPS):
        tried = coef + step
        value, gradient, information = likelihood.evaluate(tried)
        value = value - 0.5 * precision * (tried**2).sum(axis=1)
        better = value >= best - 1e-12 * np.abs(best)
        better |= ~np.isfinite(best)
        coef = np.where(better[:, None], tried, coef)
        best = np.where(better, value, best)
        newton = np.linalg.solve(information + precision * np.eye(p), (gradient - precision * tried)[:, :, None])[
            :, :, 0
        ]
        step = np.where(better[:, None], newton, step / 2)
        if np.abs(step).max(initial=0.0) < TOLERANCE:
            break
    return coef
