"""Concordance by week and model over repeated splits: all Cox fits of a call in one batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.domain.progress import Progress, silent
from raise_core.domain.results import CindexComparison, CindexEstimate
from raise_core.evaluation.comparison import known, paired_comparison
from raise_core.evaluation.concordance import Concordances, censoring_survival_before, harrell_and_uno
from raise_core.evaluation.resampling import ResampledMean, resampled_mean
from raise_core.models.cox import CoxFits, fit_cox
from raise_core.models.efron import IntArray

FEW_EVENTS_PER_VARIABLE = 10
"""Below this many events per Cox variable estimates are unstable (Peduzzi P et al. J Clin Epidemiol 1995;48:1503)."""

NO_DEEP_RISK = "no deep-learning risk for some patients"
"""Why a split is not scored whose out-of-fold risk is NaN for a patient whom the model needs."""

CHUNK_VALUES = 2_000_000
"""Risks held at a time, patients times splits."""


@dataclass(frozen=True, eq=False)
class Design:
    """One model at one landmark week: what is fitted, on whom, in which splits.

    A Cox model gives `x`; a model that was trained elsewhere gives its `risk` in every split.

    Attributes:
        model: markers joined by '+'.
        week: nominal landmark week.
        time_weeks: weeks from the landmark to event or censoring, shape (n,), positive.
        event: bool, shape (n,).
        train: bool, shape (J, n); True where a patient trains the model of that split, False where it tests it.
        columns: names of the Cox variables, in the order of `x`; empty for a ready risk.
        x: markers, shape (n, p), or (J, n, p) where some differ by split (out-of-fold outputs). Finite, but NaN where
            a split has no out-of-fold output for a patient: that split is not scored.
        risk: shape (J, n), higher = worse; only the test patients' are read. NaN where there is none.
    """

    model: str
    week: float
    time_weeks: FloatArray
    event: BoolArray
    train: BoolArray
    columns: tuple[str, ...] = ()
    x: FloatArray | None = field(default=None, repr=False)
    risk: FloatArray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        where = f"{self.model} at week {self.week:g}"
        n = len(self.time_weeks)
        if self.event.shape != (n,) or self.train.ndim != 2 or self.train.shape[1] != n:
            raise ValueError(f"{where}: time_weeks, event and train differ in patients.")
        if (self.x is None) == (self.risk is None):
            raise ValueError(f"{where}: give either x or risk.")
        if self.risk is not None and self.risk.shape != self.train.shape:
            raise ValueError(f"{where}: risk has shape {self.risk.shape}, the splits {self.train.shape}.")
        if self.x is not None:
            p = len(self.columns)
            if p == 0 or self.x.shape not in {(n, p), (*self.train.shape, p)}:
                raise ValueError(f"{where}: x has shape {self.x.shape} for {n} patients and {p} columns.")
            if self.x.ndim == 2 and np.isnan(self.x).any():
                raise ValueError(f"{where}: x holds missing or infinite values; leave those patients out.")

    @property
    def splits(self) -> int:
        """How many splits."""
        return int(self.train.shape[0])

    @property
    def lacks_risk(self) -> BoolArray:
        """Splits without an out-of-fold output for a patient who needs one, shape (J,)."""
        if self.risk is not None:
            return np.asarray((np.isnan(self.risk) & ~self.train).any(axis=1))
        lacking = np.zeros(self.splits, dtype=np.bool_)
        if self.x is not None:
            lacking |= np.isnan(self.x).any(axis=(-2, -1))
        return lacking

    @property
    def n_events(self) -> int:
        """Events after the landmark."""
        return int(self.event.sum())


@dataclass(frozen=True, eq=False)
class CindexEvaluation:
    """What `evaluate` found, with what is behind each number.

    Attributes:
        estimates: one a design, in their order.
        comparisons: every pair of models of a week.
        harrell: Harrell's c of each design and split, shape (D, J); NaN where it could not be scored.
        uno: Uno's c, likewise.
        reasons: why a split could not be scored, None where it was; D tuples of J.
        coefficients: log hazard ratios in each split, shape (J, p), per design; None for a ready risk.
    """

    estimates: tuple[CindexEstimate, ...]
    comparisons: tuple[CindexComparison, ...]
    harrell: FloatArray = field(repr=False)
    uno: FloatArray = field(repr=False)
    reasons: tuple[tuple[str | None, ...], ...] = field(repr=False)
    coefficients: tuple[FloatArray | None, ...] = field(repr=False)


def evaluate(designs: Sequence[Design], *, progress: Progress = silent) -> CindexEvaluation:
    """Score every design on the test patients of each of its splits and compare the models of a week.

    A Cox model learns each marker's direction in training, so its c on test patients can fall below one half: the
    marker then pointed the other way there. A marker that is constant in training is left out of that split's fit; an
    infinite coefficient counts by the order of risks it leads to. Giving such splits up instead would favour the
    marker: they are the ones that test the patients it is wrong about. A split that cannot be scored (no events or
    only constant markers in training, no convergence, no out-of-fold output, no comparable pairs in the test set) is
    missing and counted by reason.

    Uno's weights come from all patients of the design; its truncation time is their last event.

    Args:
        designs: designs of one week have the same patients and splits; all have equally many splits.
        progress: told how far the fits and the scoring are.

    Raises:
        ValueError: designs of a week differ in patients or splits, or the numbers of splits differ.
    """
    chosen = tuple(designs)
    if not chosen:
        empty = np.empty((0, 0))
        return CindexEvaluation((), (), empty, empty, (), ())
    _check(chosen)
    stack = _Stack.of(chosen)
    fits = fit_cox(
        stack.x,
        stack.time_weeks[stack.design],
        stack.event[stack.design],
        rows=(stack.train & ~stack.lacking[:, :, None])[stack.is_cox].reshape(-1, stack.n),
        columns=stack.columns,
        source=stack.source[stack.is_cox].reshape(-1),
        progress=progress,
    )
    harrell, uno, reasons = _score(stack, fits, progress)
    peculiar = np.zeros((len(chosen), 2), dtype=np.intp)
    by_split = np.stack([fits.infinite, fits.dropped.any(axis=1) & fits.converged])
    peculiar[stack.is_cox] = by_split.reshape(2, -1, chosen[0].splits).sum(axis=2).T
    n_train = stack.train.sum(axis=2).mean(axis=1)
    n_test = stack.test.sum(axis=2).mean(axis=1)
    summary = resampled_mean(harrell, n_train=n_train, n_test=n_test)
    uno_mean = resampled_mean(uno, n_train=n_train, n_test=n_test).mean
    estimates = tuple(
        _estimate(
            design,
            i,
            summary,
            scores=harrell[i],
            uno=uno_mean[i],
            tau_weeks=stack.tau_weeks[i],
            reasons=reasons[i],
            peculiar=peculiar[i],
        )
        for i, design in enumerate(chosen)
    )
    pairs = [(a, b) for a, b in combinations(range(len(chosen)), 2) if chosen[a].week == chosen[b].week]
    first, second = (np.array([pair[k] for pair in pairs], dtype=np.intp) for k in (0, 1))
    comparisons = paired_comparison(
        harrell[first],
        harrell[second],
        names=[(chosen[a].model, chosen[b].model) for a, b in pairs],
        weeks=[chosen[a].week for a, _ in pairs],
        n_train=n_train[first],
        n_test=n_test[first],
    )
    by_design = iter(fits.coef.reshape(int(stack.is_cox.sum()), chosen[0].splits, fits.coef.shape[1]))
    coefficients = tuple(
        next(by_design)[:, : len(design.columns)] if design.x is not None else None for design in chosen
    )
    return CindexEvaluation(estimates, comparisons, harrell, uno, reasons, coefficients)


def _check(designs: tuple[Design, ...]) -> None:
    if len({design.splits for design in designs}) > 1:
        raise ValueError(f"designs have different numbers of splits: {sorted({d.splits for d in designs})}.")
    first_of_week: dict[float, Design] = {}
    for design in designs:
        first = first_of_week.setdefault(design.week, design)
        for name in ("time_weeks", "event", "train"):
            if not np.array_equal(getattr(first, name), getattr(design, name)):
                raise ValueError(
                    f"{first.model} and {design.model} differ in {name} at week {design.week:g}; models of one week "
                    "must share patients and splits."
                )


@dataclass(frozen=True, eq=False)
class _Stack:
    """All designs padded to the size of the largest, so that they can be computed together.

    D designs, J splits, n patients, M data sets of p markers; a data set serves all splits of a design, or one.
    """

    time_weeks: FloatArray  # (D, n)
    event: BoolArray  # (D, n)
    train: BoolArray  # (D, J, n)
    test: BoolArray  # (D, J, n)
    censoring_survival: FloatArray  # (D, n)
    tau_weeks: FloatArray  # (D,), NaN without events
    is_cox: BoolArray  # (D,)
    x: FloatArray  # (M, n, p)
    columns: BoolArray  # (M, p)
    design: IntArray  # (M,), the design of each data set
    source: IntArray  # (D, J), the data set of each fit
    lacking: BoolArray  # (D, J), splits without an out-of-fold output that they need
    ready: dict[int, FloatArray]  # design -> risk (J, n of the design)

    @property
    def n(self) -> int:
        return int(self.time_weeks.shape[1])

    @classmethod
    def of(cls, designs: tuple[Design, ...]) -> _Stack:
        count, splits = len(designs), designs[0].splits
        n = max(len(design.time_weeks) for design in designs)
        p = max(len(design.columns) for design in designs)
        sets = [0 if design.x is None else (1 if design.x.ndim == 2 else splits) for design in designs]
        start = np.cumsum([0, *sets])
        times, survival = np.zeros((count, n)), np.ones((count, n))
        event = np.zeros((count, n), dtype=np.bool_)
        train, test = (np.zeros((count, splits, n), dtype=np.bool_) for _ in range(2))
        tau = np.full(count, np.nan)
        x = np.zeros((int(start[-1]), n, p))
        columns = np.zeros((int(start[-1]), p), dtype=np.bool_)
        source = np.zeros((count, splits), dtype=np.intp)
        for i, design in enumerate(designs):
            m = len(design.time_weeks)
            times[i, :m], event[i, :m] = design.time_weeks, design.event
            train[i, :, :m], test[i, :, :m] = design.train, ~design.train
            survival[i, :m] = censoring_survival_before(design.time_weeks, design.event)
            tau[i] = design.time_weeks[design.event].max() if design.n_events else np.nan
            if design.x is not None:
                own = slice(start[i], start[i + 1])
                x[own, :m, : len(design.columns)] = np.where(np.isnan(design.x), 0.0, design.x)
                columns[own, : len(design.columns)] = True
                source[i] = start[i] + (np.arange(splits) if sets[i] > 1 else 0)
        return cls(
            times,
            event,
            train,
            test,
            survival,
            tau,
            np.array([design.x is not None for design in designs]),
            x,
            columns,
            np.repeat(np.arange(count), sets),
            source,
            np.stack([design.lacks_risk for design in designs]),
            {i: design.risk for i, design in enumerate(designs) if design.risk is not None},
        )

    def risk(self, fits: CoxFits, design: IntArray, split: IntArray) -> FloatArray:
        """Risks of some (design, split) pairs, shape (b, n)."""
        cox = self.is_cox[design]
        risk = np.full((len(design), self.n), np.nan)
        fit = (np.cumsum(self.is_cox) - 1)[design[cox]] * self.source.shape[1] + split[cox]
        risk[cox] = fits.risk(self.x[self.source[design[cox], split[cox]]], fits=fit)
        for i in np.unique(design[~cox]):
            ready, mine = self.ready[int(i)], design == i
            risk[mine, : ready.shape[1]] = ready[split[mine]]
        return risk


def _score(
    stack: _Stack, fits: CoxFits, progress: Progress
) -> tuple[FloatArray, FloatArray, tuple[tuple[str | None, ...], ...]]:
    """Harrell's and Uno's c, shapes (D, J), and why a split has none."""
    count, splits = stack.source.shape
    size = max(CHUNK_VALUES // stack.n, 1)
    parts: list[tuple[Concordances, Concordances]] = []
    for start in range(0, count * splits, size):
        design, split = np.divmod(np.arange(start, min(start + size, count * splits)), splits)
        parts.append(
            harrell_and_uno(
                stack.risk(fits, design, split),
                stack.time_weeks[design],
                stack.event[design],
                rows=stack.test[design, split],
                censoring_survival=stack.censoring_survival[design],
                tau_weeks=np.nan_to_num(stack.tau_weeks[design], nan=np.inf),
            )
        )
        progress("test sets", start + len(design), count * splits)
    harrell = np.concatenate([part[0].c for part in parts]).reshape(count, splits)
    uno = np.concatenate([part[1].c for part in parts]).reshape(count, splits)
    reasons = np.array([reason for part in parts for reason in part[0].reason], dtype=object).reshape(count, splits)
    failed = fits.reason_code.reshape(-1, splits) != 0
    of_cox = reasons[stack.is_cox]
    of_cox[failed] = np.array(fits.reason, dtype=object).reshape(-1, splits)[failed]
    reasons[stack.is_cox] = of_cox
    reasons[stack.lacking] = NO_DEEP_RISK
    return harrell, uno, tuple(tuple(row) for row in reasons)


def _estimate(
    design: Design,
    i: int,
    summary: ResampledMean,
    *,
    scores: FloatArray,
    uno: float,
    tau_weeks: float,
    reasons: tuple[str | None, ...],
    peculiar: IntArray,
) -> CindexEstimate:
    """One design's numbers; `peculiar` counts splits with an infinite coefficient and with a marker left out."""
    per_variable = design.n_events / len(design.columns) if design.columns else None
    unscored = dict(Counter(reason for reason in reasons if reason is not None))
    return CindexEstimate(
        model=design.model,
        week=float(design.week),
        n=len(design.time_weeks),
        events=design.n_events,
        mean=known(summary.mean[i]),
        sd=known(summary.sd[i]),
        se_naive=known(summary.se_naive[i]),
        se_corrected=known(summary.se_corrected[i]),
        ci_low=known(np.clip(summary.ci_low[i], 0.0, 1.0)),
        ci_high=known(np.clip(summary.ci_high[i], 0.0, 1.0)),
        uno=known(uno),
        uno_tau_weeks=known(tau_weeks),
        nan_splits=sum(unscored.values()),
        nan_reasons=unscored,
        splits=design.splits,
        events_per_variable=per_variable,
        warnings=_warnings(
            design, per_variable, unscored, known(summary.mean[i]), infinite=int(peculiar[0]), dropped=int(peculiar[1])
        ),
        split_scores=tuple(known(score) for score in scores),
    )


def _warnings(
    design: Design,
    per_variable: float | None,
    unscored: dict[str, int],
    mean: float | None,
    *,
    infinite: int,
    dropped: int,
) -> tuple[str, ...]:
    """Plain sentences for whoever reads the estimate."""
    said = []
    if per_variable is not None and per_variable < FEW_EVENTS_PER_VARIABLE:
        ahead = "1 event lies" if design.n_events == 1 else f"{design.n_events} events lie"
        variables = "1 variable" if len(design.columns) == 1 else f"{len(design.columns)} variables"
        said.append(
            f"Only {ahead} ahead for {variables} ({per_variable:.1f} per variable; fewer than "
            f"{FEW_EVENTS_PER_VARIABLE}): estimates are unstable."
        )
    if infinite:
        said.append(
            f"In {infinite} of {design.splits} splits a marker level had no events in training; its coefficient is "
            "infinite and only the order of risks was used."
        )
    if dropped:
        said.append(
            f"In {dropped} of {design.splits} splits a marker was constant in training, or followed from the others, "
            "and was left out of that fit."
        )
    if unscored:
        why = "; ".join(f"{reason} ({count})" for reason, count in sorted(unscored.items()))
        said.append(f"{sum(unscored.values())} of {design.splits} splits could not be scored: {why}.")
        if mean is not None:
            said.append("The mean covers the scored splits only, which are not a random sample of all splits.")
    if len(design.columns) == 1 and mean is not None and mean < 0.5:
        said.append(
            "The marker's direction is learnt in training; a c below 0.5 means that it pointed the other way in the "
            "test patients."
        )
    return tuple(said)
