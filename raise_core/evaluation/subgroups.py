"""One hazard ratio in many subgroups, and whether it differs between them: Cox models fitted in one batch.

Agrees with R's `coxph` (Efron ties) on each subgroup, and with `anova` of the models with and without interaction.
Subgroups are exploratory: a trial sized for its whole rarely has the events to tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2 as chi2_distribution
from scipy.stats import norm

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import BoolArray, FloatArray, Outcome
from raise_core.domain.subgroup_results import Interaction, Subgroup, SubgroupCovariate, SubgroupForest
from raise_core.domain.survival_results import HazardRatio
from raise_core.evaluation.kaplan_meier import LEVEL
from raise_core.models.cox import CoxFits, fit_cox

IntArray = NDArray[np.int64]
ALL_PATIENTS = "all patients"
NO_EVENTS = "no event"
ONE_GROUP = "all patients are in one group"
NO_EVENT_IN_ONE = "no finite ratio: one of the two groups has no event while the other has patients at risk"
ONE_LEVEL = "fewer than two levels"
NO_INTERACTION = "too few patients or events to tell the levels apart"
INFINITE = "a subgroup has events in one group only, so its ratio has no finite value; read the test with care"


def subgroup_forest(
    outcome: Outcome,
    group: ArrayLike,
    covariates: pd.DataFrame,
    *,
    group_labels: Sequence[str],
    level: float = LEVEL,
) -> SubgroupForest:
    """Hazard ratio of the second group against the first in every level of every covariate.

    Args:
        outcome: times and events of n patients.
        group: shape (n,), 0 for the reference and 1 for the other group.
        covariates: n rows in the order of the outcome, one column of labels a covariate; missing where unknown. Levels
            come in the order of a categorical column, else sorted. Numbers are to be cut into labels before.
        group_labels: names of the two groups.
        level: of confidence.

    Raises:
        BadUsageError: groups are not 0 and 1, or rows do not match.
    """
    groups = np.asarray(group, dtype=np.int64)
    if not set(np.unique(groups).tolist()) <= {0, 1} or len(group_labels) != 2:
        raise BadUsageError("subgroups compare two groups, 0 and 1, with a name each.")
    if len(covariates) != len(outcome) or len(groups) != len(outcome):
        raise BadUsageError(f"{len(covariates)} rows of covariates and {len(groups)} groups, {len(outcome)} patients.")
    factors = [_Factor.of(str(name), covariates[name]) for name in covariates.columns]
    members = [np.ones(len(outcome), dtype=np.bool_)]
    members += [factor.code == number for factor in factors for number in range(len(factor.levels))]
    within = fit_cox(
        groups[:, None].astype(np.float64), outcome.time_weeks, outcome.event, rows=np.array(members, dtype=np.bool_)
    )
    z = float(norm.ppf((1 + level) / 2))
    names = [ALL_PATIENTS] + [label for factor in factors for label in factor.levels]
    rows = [
        _subgroup(name, outcome, groups, inside, _ratio(within, at, group_labels, z))
        for at, (name, inside) in enumerate(zip(names, members, strict=True))
    ]
    tests = _interactions(outcome, groups, factors)
    found, at = [], 1
    for factor, test in zip(factors, tests, strict=True):
        until = at + len(factor.levels)
        found.append(SubgroupCovariate(factor.name, tuple(rows[at:until]), test, int((factor.code < 0).sum())))
        at = until
    return SubgroupForest(rows[0], tuple(found), level)


@dataclass(frozen=True, eq=False)
class _Factor:
    """A covariate as codes.

    Attributes:
        name: of the covariate.
        levels: those at least one patient has.
        code: shape (n,), which level; -1 where missing.
    """

    name: str
    levels: tuple[str, ...]
    code: IntArray

    @classmethod
    def of(cls, name: str, column: pd.Series[str]) -> _Factor:
        values = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
        used = values.cat.remove_unused_categories()
        return cls(name, tuple(str(one) for one in used.cat.categories), used.cat.codes.to_numpy().astype(np.int64))


def _subgroup(name: str, outcome: Outcome, groups: IntArray, inside: BoolArray, ratio: HazardRatio) -> Subgroup:
    n = np.bincount(groups[inside], minlength=2)
    events = np.bincount(groups[inside & outcome.event], minlength=2)
    if ratio.hr is None and not (n.all() and events.any()):
        ratio = replace(ratio, reason=NO_EVENTS if n.all() else ONE_GROUP)
    return Subgroup(name, (int(n[0]), int(n[1])), (int(events[0]), int(events[1])), ratio)


def _ratio(fits: CoxFits, at: int, labels: Sequence[str], z: float) -> HazardRatio:
    reference, other = labels
    log_ratio, variance = float(fits.coef[at, 0]), float(fits.covariance[at, 0, 0])
    if fits.converged[at] and not fits.infinite[at] and np.isfinite(variance) and variance > 0:
        reach = z * np.sqrt(variance)
        hr, low, high = np.exp([log_ratio, log_ratio - reach, log_ratio + reach]).tolist()
        return HazardRatio(other, reference, hr, low, high)
    return HazardRatio(other, reference, None, None, None, NO_EVENT_IN_ONE)


def _interactions(outcome: Outcome, groups: IntArray, factors: Sequence[_Factor]) -> list[Interaction]:
    """Likelihood-ratio tests: for each covariate the models without and with its interaction, all in one batch."""
    if not factors:
        return []
    width = max(1 + 2 * max(len(factor.levels) - 1, 0) for factor in factors)
    designs = np.zeros((2 * len(factors), len(groups), width))
    columns = np.zeros((2 * len(factors), width), dtype=np.bool_)
    rows = np.repeat(np.array([factor.code >= 0 for factor in factors]), 2, axis=0)
    for number, factor in enumerate(factors):
        levels = np.arange(1, len(factor.levels))
        indicators = (factor.code[:, None] == levels).astype(np.float64)
        design = np.column_stack([groups, indicators, groups[:, None] * indicators])
        designs[2 * number : 2 * number + 2, :, : design.shape[1]] = design
        columns[2 * number, : 1 + len(levels)] = True
        columns[2 * number + 1, : design.shape[1]] = True
    fits = fit_cox(designs, outcome.time_weeks, outcome.event, rows=rows, columns=columns)
    estimated = (columns & ~fits.dropped).sum(axis=1)
    return [_interaction(fits, estimated, 2 * number, factor) for number, factor in enumerate(factors)]


def _interaction(fits: CoxFits, estimated: NDArray[np.intp], plain: int, factor: _Factor) -> Interaction:
    if len(factor.levels) < 2:
        return Interaction(None, 0, None, ONE_LEVEL)
    mixed = plain + 1
    df = int(estimated[mixed] - estimated[plain])
    if not fits.converged[plain] or not fits.converged[mixed] or df < 1:
        return Interaction(None, max(df, 0), None, NO_INTERACTION)
    gain: FloatArray = fits.log_likelihood[mixed] - fits.log_likelihood[plain]
    statistic = max(float(2 * gain), 0.0)
    return Interaction(
        statistic, df, float(chi2_distribution.sf(statistic, df)), INFINITE if fits.infinite[mixed] else ""
    )
