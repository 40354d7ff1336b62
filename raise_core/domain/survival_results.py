"""Results of survival analysis: curves, estimates with intervals, tests between groups."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class IntervalScale(StrEnum):
    """Scale on which a confidence interval of a survival probability is symmetric."""

    PLAIN = "plain"
    LOG = "log"
    LOG_LOG = "log-log"


class LogRankWeight(StrEnum):
    """Weight of an event time in a test between groups.

    LOG_RANK weighs all alike; PETO by the pooled survival just before (Peto & Peto, R's rho = 1), so early differences
    count more; GEHAN by the number at risk; TARONE_WARE by its square root.
    """

    LOG_RANK = "log-rank"
    PETO = "peto"
    GEHAN = "gehan"
    TARONE_WARE = "tarone-ware"


@dataclass(frozen=True)
class Estimate:
    """A number with its confidence interval; None where it cannot be given.

    Attributes:
        value: estimate.
        low: lower limit.
        high: upper limit.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class RestrictedMean:
    """Mean time without the event up to a horizon: the area under the survival curve.

    Attributes:
        horizon_weeks: where the area ends.
        weeks: the mean.
        std_error: its standard error, weeks.
    """

    horizon_weeks: float
    weeks: float
    std_error: float


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
    """A Kaplan-Meier curve at each distinct time of its patients, events and censorings alike.

    Attributes:
        n: patients.
        time_weeks: shape (k,), ascending.
        at_risk: shape (k,), patients at risk just before each time.
        events: shape (k,).
        censored: shape (k,); events come first where both happen at one time.
        survival: shape (k,), from each time on.
        log_std_error: shape (k,), standard error of the log survival (Greenwood); infinite once survival is 0.
        low: shape (k,), lower limits; NaN where the scale has none (survival 0, and 1 on the log-log scale).
        high: shape (k,), upper limits.
        scale: of the limits.
        level: of confidence.
    """

    n: int
    time_weeks: FloatArray
    at_risk: IntArray
    events: IntArray
    censored: IntArray
    survival: FloatArray
    log_std_error: FloatArray
    low: FloatArray
    high: FloatArray
    scale: IntervalScale
    level: float

    @property
    def n_events(self) -> int:
        """Events in all."""
        return int(self.events.sum())


@dataclass(frozen=True, eq=False)
class LogRankTest:
    """A test of equal survival in several groups.

    Attributes:
        weight: of the event times.
        observed: shape (groups,), weighted events seen.
        expected: shape (groups,), weighted events expected if survival were equal.
        chi2: statistic; None when fewer than two groups can be compared.
        df: degrees of freedom.
        p: p-value; None like `chi2`.
    """

    weight: LogRankWeight
    observed: FloatArray
    expected: FloatArray
    chi2: float | None
    df: int
    p: float | None


@dataclass(frozen=True)
class ProportionalHazardsTest:
    """Whether a hazard ratio changes with time.

    Attributes:
        name: covariate, or the whole model.
        chi2: score statistic.
        df: degrees of freedom.
        p: p-value; small where the hazards are not proportional.
    """

    name: str
    chi2: float
    df: int
    p: float


@dataclass(frozen=True, eq=False)
class ProportionalHazards:
    """Tests of proportional hazards, and the residuals that show how a coefficient changes.

    Attributes:
        tests: one a covariate.
        whole: of all covariates together.
        time_weeks: shape (events,), ascending.
        transformed_time: shape (events,), 1 - S(t-).
        scaled_residuals: shape (events, p); their smooth over time is the coefficient over time.
    """

    tests: tuple[ProportionalHazardsTest, ...]
    whole: ProportionalHazardsTest
    time_weeks: FloatArray
    transformed_time: FloatArray
    scaled_residuals: FloatArray


@dataclass(frozen=True, eq=False)
class RatioOverTime:
    """How a log hazard ratio seems to change with time: the smooth of the scaled Schoenfeld residuals.

    Attributes:
        time_weeks: shape (events,), ascending.
        smooth: shape (events,), log hazard ratio over time (lowess); equal times have equal values.
        overall: the one log ratio of the whole time.
    """

    time_weeks: FloatArray
    smooth: FloatArray
    overall: float


@dataclass(frozen=True)
class HazardRatio:
    """Hazard of one group against another (Cox model, Efron ties).

    Attributes:
        group: whose hazard.
        reference: against whose.
        hr: ratio; None where it cannot be given.
        ci_low: lower 95 % limit.
        ci_high: upper 95 % limit.
        reason: why there is none; empty otherwise.
    """

    group: str
    reference: str
    hr: float | None
    ci_low: float | None
    ci_high: float | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class SurvivalGroup:
    """One curve of a comparison.

    Attributes:
        label: what its patients have in common.
        curve: Kaplan-Meier.
        median_weeks: with its interval.
        restricted_mean: up to the horizon of the comparison; None where that is 0.
        at_risk: shape of the comparison's `at_risk_weeks`.
        survival: shape of the comparison's `at_risk_weeks`, share without the event up to each week.
        at_horizon: share without the event up to the comparison's `horizon_weeks`.
    """

    label: str
    curve: SurvivalCurve
    median_weeks: Estimate
    restricted_mean: RestrictedMean | None
    at_risk: IntArray
    survival: tuple[Estimate, ...]
    at_horizon: Estimate


@dataclass(frozen=True, eq=False)
class SurvivalComparison:
    """Survival of several groups of patients.

    Attributes:
        groups: the first is the one others are read against.
        log_rank: test of equal survival.
        hazard_ratios: every other group against the first.
        rmst_horizon_weeks: the smallest group's longest time, so that every curve is known up to it.
        at_risk_weeks: shape (w,), where patients at risk are counted.
        horizon_weeks: a time of special interest; None without one.
    """

    groups: tuple[SurvivalGroup, ...]
    log_rank: LogRankTest
    hazard_ratios: tuple[HazardRatio, ...]
    rmst_horizon_weeks: float
    at_risk_weeks: FloatArray
    horizon_weeks: float | None = None
