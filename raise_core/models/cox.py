"""Cox proportional hazards models, many at once: every split, week and marker list in one batch of Newton steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.domain.progress import Progress, silent
from raise_core.models.efron import IntArray, PartialLikelihood, Ties, diagonals, without_information

NO_EVENTS = "no events in training"
CONSTANT_MARKER = "a marker is constant in training"
NOT_CONVERGED = "did not converge"
REASONS = (None, NO_EVENTS, CONSTANT_MARKER, NOT_CONVERGED)
"""Why a fit has no coefficients, by code; code 0 is a fit that succeeded."""

CHUNK_VALUES = 250_000
"""Floats in the running sums of one chunk (2 MB): near the size of a processor core's cache, so the fastest."""

CONSTANT_SD = 1e-12
"""A marker whose sd is below this share of its largest absolute value varies by rounding only."""

INFORMATION_LOSS = 1e-9
"""A coefficient whose information falls to this share of its value at 0 runs to infinity (its likelihood is flat)."""

LARGEST_FALL = 1e-6
"""A step along which no event falls behind its risk set by more than this share of the span leads to infinity."""

STEPS_TO_INFINITY = 100.0
"""How many last steps are added to an infinite coefficient. Each is about one unit of the log hazard, and the other
markers' risks lie far less than 100 units apart, so the order of risks is that of the limit; exp() stays finite."""

LARGEST_LAST_STEP = 1e-5
"""Where a coefficient runs to infinity the likelihood flattens while steps (per sd of the marker) stay near 1."""

LIKELIHOOD_ROUNDING = 1e-12
"""A step that lowers the log likelihood by less than this share of it is not shortened."""


@dataclass(frozen=True, eq=False)
class CoxFits:
    """B fitted Cox models.

    Attributes:
        coef: log hazard ratio per unit of each marker, shape (B, p); 0 for inactive and dropped columns, NaN where
            the fit failed. Where `infinite`, a finite stand-in that puts risks in the order of the limit.
        covariance: inverse of the observed information, shape (B, p, p); 0 in inactive columns, NaN in dropped
            columns, in those of infinite coefficients and where the fit failed.
        centre: mean of each marker over the training rows, shape (B, p).
        log_likelihood: log partial likelihood at `coef`, its limit where `infinite`, shape (B,); NaN where the fit
            failed.
        log_likelihood_null: the same at coefficient 0; NaN without events.
        reason_code: shape (B,), index into `REASONS`; 0 where the fit succeeded.
        dropped: shape (B, p); active columns that were constant in training, or a linear combination of earlier
            columns, and so left out.
        infinite: shape (B,); the likelihood rises for ever along some direction, as when no patient of a level has
            an event. Such a fit succeeded: its order of risks has a limit.
    """

    coef: FloatArray
    covariance: FloatArray
    centre: FloatArray
    log_likelihood: FloatArray
    log_likelihood_null: FloatArray
    reason_code: NDArray[np.int8]
    dropped: BoolArray
    infinite: BoolArray

    @property
    def converged(self) -> BoolArray:
        """Which fits succeeded, shape (B,)."""
        return np.asarray(self.reason_code == 0)

    @property
    def reason(self) -> tuple[str | None, ...]:
        """Why each fit has no coefficients; None where it has."""
        return tuple(REASONS[code] for code in self.reason_code)

    def risk(self, x: FloatArray, *, fits: slice | IntArray | None = None) -> FloatArray:
        """Linear predictor, centred on each fit's training mean; higher is worse.

        Patients with equal markers get exactly equal risks, so ties in a categorical marker stay ties.

        Args:
            x: markers, shape (n, p), or (b, n, p) with one data set for each of the `fits`.
            fits: which fits, all when None.

        Returns:
            Shape (b, n); NaN where the fit failed.
        """
        chosen = slice(None) if fits is None else fits
        coef, centre = self.coef[chosen], self.centre[chosen]
        risk = np.zeros((coef.shape[0], x.shape[-2]))
        for k in range(coef.shape[1]):
            risk += coef[:, k, None] * (x[..., k] - centre[:, k, None])
        return risk


@dataclass(frozen=True, eq=False)
class _DataSets:
    """M data sets with the order of their patients, latest time first; see `fit_cox`."""

    x: FloatArray
    time_weeks: FloatArray
    event: BoolArray
    order: IntArray


@dataclass(frozen=True, eq=False)
class _Batch:
    """What one call of `fit_cox` asks for; attributes are named as its arguments."""

    data: _DataSets
    training: BoolArray
    active: BoolArray
    source: IntArray
    ties: Ties
    max_iterations: int
    tolerance: float


def fit_cox(
    x: ArrayLike,
    time_weeks: ArrayLike,
    event: ArrayLike,
    *,
    rows: ArrayLike,
    columns: ArrayLike | None = None,
    source: ArrayLike | None = None,
    ties: Ties = "efron",
    max_iterations: int = 50,
    tolerance: float = 1e-10,
    progress: Progress = silent,
) -> CoxFits:
    """Fit B Cox models by batched Newton steps with step halving.

    Models of different sizes share a batch: `rows` switches patients off, `columns` switches markers off. Markers are
    centred and scaled on each fit's own rows inside, so units do not matter; results are per original unit.

    A marker without information of its own on a fit's rows (constant, or a combination of earlier markers) is left out
    of that fit, as in R; the fit fails only when no marker is left. A likelihood without a maximum gives the order of
    risks in its limit.

    Args:
        x: markers, float, finite, shape (n, p) or (M, n, p) for M data sets.
        time_weeks: shape (n,) or (M, n).
        event: bool, shape (n,) or (M, n).
        rows: bool, shape (B, n); the patients each fit is trained on.
        columns: bool, shape (p,) or (M, p); the markers each data set has. All when None. x may hold anything
            finite elsewhere.
        source: int, shape (B,): the data set each fit uses. When None there is one data set, or one per fit.
        ties: 'efron' (Efron 1977) or 'breslow'.
        max_iterations: evaluations of the likelihood after which a fit is given up.
        tolerance: a fit is finished when the next step would move it by less than this many standard errors.
        progress: told how many fits are finished.

    Raises:
        BadUsageError: `ties` is unknown.
        ValueError: shapes do not belong together or x is not finite.

    Source: Efron B. The efficiency of Cox's likelihood function for censored data. JASA 1977;72:557-565.
    """
    if ties not in {"efron", "breslow"}:
        raise BadUsageError(f"ties is {ties!r}; it must be 'efron' or 'breslow'.")
    training = np.atleast_2d(np.asarray(rows, dtype=np.bool_))
    data = _data_sets(x, time_weeks, event)
    sets, n, p = data.x.shape
    if training.shape[1] != n:
        raise ValueError(f"rows covers {training.shape[1]} patients, x {n}.")
    used = _sources(source, fits=len(training), sets=sets)
    active = np.broadcast_to(
        np.ones(p, dtype=np.bool_) if columns is None else np.asarray(columns, np.bool_), (sets, p)
    )

    batch = _Batch(data, training, active, used, ties, max_iterations, tolerance)
    fits = _nothing_fitted(len(training), p)
    n_active = active.sum(axis=1)[used]
    n_rows = training.sum(axis=1)
    by_size = np.lexsort((n_rows, n_active))
    done = 0
    for chunk in _chunks(by_size, n_active, n_rows):
        _fit_chunk(fits, chunk, batch)
        done += len(chunk)
        progress("Cox models", done, len(training))
    return fits


def _data_sets(x: ArrayLike, time_weeks: ArrayLike, event: ArrayLike) -> _DataSets:
    markers = np.asarray(x, dtype=np.float64)
    markers = markers[None] if markers.ndim == 2 else markers
    times = np.atleast_2d(np.asarray(time_weeks, dtype=np.float64))
    events = np.atleast_2d(np.asarray(event, dtype=np.bool_))
    if markers.ndim != 3 or times.shape[1] != markers.shape[1] or events.shape[1] != markers.shape[1]:
        raise ValueError(f"x {markers.shape}, time_weeks {times.shape} and event {events.shape} differ in patients.")
    if not np.isfinite(markers).all():
        raise ValueError("x holds missing or infinite values; leave those patients out of the landmark set.")
    sets = max(len(markers), len(times), len(events))
    order = np.argsort(-times, axis=1, kind="stable")
    n = markers.shape[1]
    return _DataSets(
        np.broadcast_to(markers, (sets, *markers.shape[1:])),
        np.broadcast_to(times, (sets, n)),
        np.broadcast_to(events, (sets, n)),
        np.broadcast_to(order, (sets, n)),
    )


def _sources(source: ArrayLike | None, *, fits: int, sets: int) -> IntArray:
    if source is not None:
        used = np.asarray(source, dtype=np.intp)
        if used.shape != (fits,) or (fits and not 0 <= used.min() <= used.max() < sets):
            raise ValueError(f"source must name one of the {sets} data sets for each of the {fits} fits.")
        return used
    if sets not in {1, fits}:
        raise ValueError(f"{sets} data sets for {fits} fits; say with source which fit uses which.")
    return np.arange(fits) if sets == fits else np.zeros(fits, dtype=np.intp)


def _nothing_fitted(fits: int, p: int) -> CoxFits:
    return CoxFits(
        coef=np.full((fits, p), np.nan),
        covariance=np.full((fits, p, p), np.nan),
        centre=np.zeros((fits, p)),
        log_likelihood=np.full(fits, np.nan),
        log_likelihood_null=np.full(fits, np.nan),
        reason_code=np.zeros(fits, dtype=np.int8),
        dropped=np.zeros((fits, p), dtype=np.bool_),
        infinite=np.zeros(fits, dtype=np.bool_),
    )


def _chunks(by_size: IntArray, n_active: IntArray, n_rows: IntArray) -> list[IntArray]:
    """Cut fits, sorted by number of markers and then of rows, into chunks of one number of markers and bounded size."""
    chunks = []
    for p in np.unique(n_active):
        fits = by_size[n_active[by_size] == p]
        width = 1 + p + p * (p + 1) // 2
        largest = max(int(n_rows[fits].max()), 1)
        size = max(int(CHUNK_VALUES // (width * largest)), 1)
        chunks += [fits[start : start + size] for start in range(0, len(fits), size)]
    return chunks


def _fit_chunk(fits: CoxFits, chunk: IntArray, batch: _Batch) -> None:
    """Fit the models of one chunk, which have equally many markers, and write them into `fits`."""
    data, active = batch.data, batch.active
    source = batch.source[chunk][:, None]
    latest_first = data.order[source[:, 0]]
    chosen = np.take_along_axis(batch.training[chunk], latest_first, axis=1)
    most = max(int(chosen.sum(axis=1).max()), 1)
    place = np.argsort(~chosen, axis=1, kind="stable")[:, :most]
    member = np.take_along_axis(chosen, place, axis=1)
    patient = np.take_along_axis(latest_first, place, axis=1)
    time_weeks = np.where(member, data.time_weeks[source, patient], -np.inf)
    event = data.event[source, patient] & member

    width = int(active[source[0, 0]].sum())
    column = np.argsort(~active, axis=1, kind="stable")[:, :width][source[:, 0]]
    x = np.moveaxis(data.x[source[:, :, None], patient[:, :, None], column[:, None, :]], 2, 0)
    count = np.maximum(member.sum(axis=1), 1)
    centre = np.where(member, x, 0.0).sum(axis=2) / count
    z = np.where(member, x - centre[:, :, None], 0.0)
    sd = np.sqrt((z * z).sum(axis=2) / count)
    constant = sd <= CONSTANT_SD * np.abs(np.where(member, x, 0.0)).max(axis=2)
    fits.centre[chunk[:, None], column] = centre.T

    z[constant], sd[constant] = 0.0, 1.0
    fits.reason_code[chunk[~event.any(axis=1)]] = REASONS.index(NO_EVENTS)
    fit = fits.reason_code[chunk] == 0
    if width == 0 or not fit.any():
        return
    scale = sd[:, fit]
    likelihood = PartialLikelihood.of(
        z[:, fit] / scale[:, :, None], time_weeks[fit], event[fit], member[fit], ties=batch.ties
    )
    newton = _newton(likelihood, max_iterations=batch.max_iterations, tolerance=batch.tolerance)
    where = chunk[fit]
    fits.reason_code[where] = newton.reason_code
    fits.log_likelihood_null[where] = newton.log_likelihood_null
    fits.infinite[where] = newton.infinite.any(axis=1)
    fits.dropped[where[:, None], column[fit]] = newton.dropped
    done = newton.reason_code == 0
    where, kept, scale = where[done], column[fit][done], scale.T[done]
    fits.log_likelihood[where] = newton.log_likelihood[done]
    fits.coef[where] = 0.0
    fits.coef[where[:, None], kept] = newton.coef[done] / scale
    fits.covariance[where] = 0.0
    unknown = (newton.dropped | newton.infinite)[done]
    inverse = newton.covariance[done] / (scale[:, :, None] * scale[:, None, :])
    inverse[unknown[:, :, None] | unknown[:, None, :]] = np.nan
    fits.covariance[where[:, None, None], kept[:, :, None], kept[:, None, :]] = inverse


@dataclass(eq=False)
class _Climb:
    """Where the Newton steps of B models stand, on the scaled markers."""

    coef: FloatArray  # (B, p), the best so far
    step: FloatArray  # (B, p), what is tried next, from coef
    covariance: FloatArray  # (B, p, p), inverse of the information at coef
    log_likelihood: FloatArray  # (B,), at coef
    log_likelihood_null: FloatArray  # (B,)
    reason_code: NDArray[np.int8]  # (B,), as in CoxFits
    dropped: BoolArray  # (B, p), coefficients that are kept at 0
    infinite: BoolArray  # (B, p), coefficients whose information has vanished
    climbing: BoolArray  # (B,), models still to be finished

    @classmethod
    def from_zero(cls, value: FloatArray, information: FloatArray, n_events: IntArray) -> _Climb:
        """The start, given log likelihood and information at coefficient 0."""
        fits, p = information.shape[:2]
        dropped = without_information(information, n_events)
        nothing_left = dropped.all(axis=1)
        return cls(
            coef=np.zeros((fits, p)),
            step=np.zeros((fits, p)),
            covariance=np.zeros((fits, p, p)),
            log_likelihood=np.full(fits, -np.inf),
            log_likelihood_null=value,
            reason_code=np.where(nothing_left, REASONS.index(CONSTANT_MARKER), REASONS.index(NOT_CONVERGED)).astype(
                np.int8
            ),
            dropped=dropped,
            infinite=np.zeros((fits, p), dtype=np.bool_),
            climbing=np.asarray(~nothing_left),
        )

    def leave_out(self, batch: IntArray, gradient: FloatArray, curvature: FloatArray) -> None:
        """Give dropped coefficients no gradient and an information of 1: they stay at 0 and touch no other."""
        absent = self.dropped[batch]
        gradient[absent] = 0.0
        curvature[absent[:, :, None] | absent[:, None, :]] = 0.0
        np.einsum("bkk->bk", curvature)[absent] = 1.0

    def take_to_infinity(self, at: IntArray, value: FloatArray) -> None:
        """Finish models whose next step leads to infinity, where they reach log likelihood `value`."""
        self.coef[at] += STEPS_TO_INFINITY * self.step[at]
        self.log_likelihood[at] = np.fmax(self.log_likelihood[at], value)
        # Where rounding hides which coefficients are infinite, none is claimed to be known.
        self.infinite[at] |= ~(self.infinite[at].any(axis=1, keepdims=True) | self.dropped[at])
        self.climbing[at] = False

    def finish(self, at: IntArray) -> None:
        """Finish models whose next step is too small to matter."""
        self.coef[at] += self.step[at]
        self.infinite[at] = False
        self.reason_code[at] = 0
        self.climbing[at] = False


def _newton(likelihood: PartialLikelihood, *, max_iterations: int, tolerance: float) -> _Climb:
    """Climb all likelihoods together; finished and failed models leave the batch when they are half of it."""
    p, fits, _ = likelihood.z.shape
    batch = np.arange(fits)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        value, gradient, curvature = likelihood.evaluate(np.zeros((fits, p)))
        climb = _Climb.from_zero(value, curvature, likelihood.event.sum(axis=1))
        null_information = np.empty((fits, p))
        for evaluation in range(max_iterations):
            if evaluation:
                value, gradient, curvature = likelihood.evaluate(climb.coef[batch] + climb.step[batch])
            climb.leave_out(batch, gradient, curvature)
            usable = np.isfinite(value) & np.isfinite(curvature).all(axis=(1, 2)) & climb.climbing[batch]
            singular = ~(np.linalg.det(curvature) > 0)
            inverse = np.linalg.inv(np.where((usable & ~singular)[:, None, None], curvature, np.eye(p)))
            information = 1.0 / diagonals(inverse)
            if evaluation == 0:
                null_information = information
            higher = usable & (value >= climb.log_likelihood[batch] - LIKELIHOOD_ROUNDING * (np.abs(value) + 1.0))
            sound = higher & ~singular
            climb.infinite[batch[sound]] = ~(information > INFORMATION_LOSS * null_information[batch])[sound]

            lost = ~usable | (higher & singular) | climb.infinite[batch].any(axis=1)
            lost &= climb.climbing[batch]
            if lost.any():
                fall, span = likelihood.fall_along(climb.step[batch])
                certain = lost & (fall <= LARGEST_FALL * span) & (span > 0)
                climb.take_to_infinity(batch[certain], value[certain])
                sound &= ~certain
            climb.step[batch[~sound]] *= 0.5
            at = batch[sound]
            climb.coef[at] += climb.step[at]
            climb.log_likelihood[at], climb.covariance[at] = value[sound], inverse[sound]
            climb.step[at] = (inverse[sound] @ gradient[sound][:, :, None])[:, :, 0]
            decrement = (gradient[sound] * climb.step[at]).sum(axis=1)
            climb.finish(at[(decrement < tolerance**2) & (np.abs(climb.step[at]).max(axis=1) < LARGEST_LAST_STEP)])
            remaining = climb.climbing[batch]
            if not remaining.any():
                break
            if 2 * remaining.sum() <= len(batch):
                likelihood = likelihood.take(remaining)
                batch = batch[remaining]
    climb.reason_code[climb.infinite.any(axis=1)] = 0
    return climb
