"""The Cox partial likelihood of many data sets at once, with its gradient and information."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.outcome import BoolArray, FloatArray

IntArray = NDArray[np.intp]
Ties = Literal["efron", "breslow"]

SMALLEST_PIVOT = 1e-10
"""Share of a marker's information at coefficient 0 that earlier markers leave; below this it repeats them."""


def last_of_run(differs: BoolArray) -> IntArray:
    """Position of the last member of each element's run along the last axis.

    Args:
        differs: shape (..., n); True where an element differs from its right neighbour (always True at the end).
    """
    n = differs.shape[-1]
    ends = np.where(differs, np.arange(n), n - 1)
    return np.minimum.accumulate(ends[..., ::-1], axis=-1)[..., ::-1]


@dataclass(frozen=True, eq=False)
class PartialLikelihood:
    """Partial likelihood of B Cox models whose patients are stored latest time first.

    With patients in that order the sum over a risk set is a running sum read at the end of the tie group, so all
    models are evaluated by one cumulative sum. Tied events follow Efron (1977): the k-th of d tied events leaves the
    share k/d of the tied events' own sum out of its risk set; Breslow's approximation leaves out nothing.

    Attributes:
        z: covariates, shape (p, B, n), 0 where a position is padding.
        time_weeks: shape (B, n), descending; -inf where padding.
        event: shape (B, n); False where padding. Each model has at least one event.
        member: shape (B, n); False where padding.
        ties: how tied events are treated.
        event_at: flat position of each of the E events in (B, n), model by model.
        tie_start: first event of each of the G groups of tied events.
        tie_group: group of each event.
        risk_set_end: flat position in (B, n) at which each group's risk set is complete.
        model_start: first group of each model.
        left_out: share of the group's own sum that each event leaves out of its risk set.
        event_moments: the covariates of each event and their products, shape (p + p(p+1)/2, E).
    """

    z: FloatArray
    time_weeks: FloatArray
    event: BoolArray
    member: BoolArray
    ties: Ties
    event_at: IntArray
    tie_start: IntArray
    tie_group: IntArray
    risk_set_end: IntArray
    model_start: IntArray
    left_out: FloatArray
    event_moments: FloatArray

    @classmethod
    def of(
        cls, z: FloatArray, time_weeks: FloatArray, event: BoolArray, member: BoolArray, *, ties: Ties
    ) -> PartialLikelihood:
        """Work out risk sets and tie groups; shapes as in the class."""
        p, _, n = z.shape
        differs = np.ones(time_weeks.shape, dtype=np.bool_)
        differs[:, :-1] = time_weeks[:, 1:] != time_weeks[:, :-1]
        model, position = np.nonzero(event)
        event_end = (last_of_run(differs) + n * np.arange(len(time_weeks))[:, None])[model, position]
        new_tie = np.r_[True, event_end[1:] != event_end[:-1]]
        tie_start = np.flatnonzero(new_tie)
        tie_group = np.cumsum(new_tie) - 1
        rank = np.arange(len(model)) - tie_start[tie_group]
        tied = np.diff(np.r_[tie_start, len(model)])
        event_at = model * n + position
        z_of_event = z.reshape(p, -1)[:, event_at]
        return cls(
            z=np.ascontiguousarray(z),
            time_weeks=time_weeks,
            event=event,
            member=member,
            ties=ties,
            event_at=event_at,
            tie_start=tie_start,
            tie_group=tie_group,
            risk_set_end=event_end[tie_start],
            model_start=np.flatnonzero(np.r_[True, np.diff(model[tie_start]) != 0]),
            left_out=rank / tied[tie_group] if ties == "efron" else np.zeros(len(model)),
            event_moments=np.concatenate([z_of_event, np.stack([z_of_event[k] * z_of_event[m] for k, m in _upper(p)])]),
        )

    def take(self, models: BoolArray) -> PartialLikelihood:
        """The same for some of the models, given as a mask of shape (B,)."""
        return PartialLikelihood.of(
            self.z[:, models], self.time_weeks[models], self.event[models], self.member[models], ties=self.ties
        )

    def evaluate(self, coef: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Log partial likelihood (B,), its gradient (B, p) and the observed information (B, p, p) at `coef` (B, p).

        Values that overflow come back as inf or NaN; the caller shortens its step.

        With R the sums over a group's risk set and T those over its tied events, both divided by the group's sum of
        weights, the k-th event sees R - f_k T, f_k being the share it leaves out. Only c_k = 1 / (1 - f_k T_0) differs
        within a group, so all that is as wide as the covariates is computed once a group, from sums of c_k, f_k c_k,
        c_k^2, f_k c_k^2 and f_k^2 c_k^2.
        """
        p = len(self.z)
        linear = np.einsum("bk,kbn->bn", coef, self.z)
        linear -= linear.max(axis=1, keepdims=True)
        weight = np.exp(linear) * self.member
        at_risk = self._risk_set_sums(weight)
        own = np.empty((len(at_risk), len(self.event_at)))
        own[0] = weight.reshape(-1)[self.event_at]
        np.multiply(own[0], self.event_moments, out=own[1:])
        tied = np.add.reduceat(own, self.tie_start, axis=1)
        # As shares of the risk set's weight nothing below over- or underflows before that weight does.
        size = at_risk[0].copy()
        at_risk /= size
        tied /= size

        f = self.left_out
        seen = 1.0 - f * tied[0][self.tie_group]
        c = 1.0 / seen
        log_share = linear.reshape(-1)[self.event_at] - np.log(size)[self.tie_group] - np.log(seen)
        per_event = np.stack([log_share, c, f * c, c * c, f * c * c, f * f * c * c])
        value, c1, fc1, c2, fc2, ffc2 = np.add.reduceat(per_event, self.tie_start, axis=1)

        moments = c1 * at_risk[1:] - fc1 * tied[1:]
        for place, (k, m) in enumerate(_upper(p)):
            risk_k, risk_m, tied_k, tied_m = at_risk[1 + k], at_risk[1 + m], tied[1 + k], tied[1 + m]
            moments[p + place] -= c2 * risk_k * risk_m - fc2 * (risk_k * tied_m + tied_k * risk_m)
            moments[p + place] -= ffc2 * tied_k * tied_m
        total = np.add.reduceat(moments, self.model_start, axis=1)
        observed = np.add.reduceat(self.event_moments[:p], self.tie_start[self.model_start], axis=1)
        information = np.empty((len(coef), p, p))
        for place, (k, m) in enumerate(_upper(p)):
            information[:, k, m] = information[:, m, k] = total[p + place]
        return np.add.reduceat(value, self.model_start), (observed - total[:p]).T, information

    def fall_along(self, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
        """How far an event at most falls behind its own risk set along `direction` (B, p), and the patients' span.

        When no event falls behind, no term of the likelihood ever decreases along `direction`: there is no maximum
        (Albert A, Anderson JA. Biometrika 1984;71:1-10 say so of logistic models; here events face their risk sets).

        Returns:
            Fall (at least 0) and span, in units of the log hazard, each of shape (B,).
        """
        linear = np.where(self.member, np.einsum("bk,kbn->bn", direction, self.z), -np.inf)
        highest = np.maximum.accumulate(linear, axis=1).reshape(-1)[self.risk_set_end]
        lowest = np.minimum.reduceat(linear.reshape(-1)[self.event_at], self.tie_start)
        fall = np.maximum.reduceat(highest - lowest, self.model_start)
        span = linear.max(axis=1) - np.where(self.member, linear, np.inf).min(axis=1)
        return fall, span

    def _risk_set_sums(self, weight: FloatArray) -> FloatArray:
        """Sums of weight, weight z and weight z z over each group's risk set, shape (1 + p + p(p+1)/2, G)."""
        p = len(self.z)
        sums = np.empty((1 + p + p * (p + 1) // 2, *weight.shape))
        sums[0] = weight
        np.multiply(weight, self.z, out=sums[1 : 1 + p])
        for place, (k, m) in enumerate(_upper(p), start=1 + p):
            np.multiply(sums[1 + k], self.z[m], out=sums[place])
        np.cumsum(sums, axis=2, out=sums)
        return np.take(sums.reshape(len(sums), -1), self.risk_set_end, axis=1)


def without_information(information: FloatArray, n_events: IntArray) -> BoolArray:
    """Coefficients without information of their own: constant in every risk set, or a combination of earlier ones.

    Cholesky steps in the order of the columns, so of markers that repeat each other the first is kept.

    Args:
        information: at coefficient 0 of markers of unit variance, shape (B, p, p).
        n_events: shape (B,).

    Returns:
        Shape (B, p).
    """
    left = _unit_diagonal(information)
    dropped = diagonals(information) < SMALLEST_PIVOT * n_events[:, None]
    for k in range(left.shape[1]):
        pivot = left[:, k, k]
        dropped[:, k] |= pivot < SMALLEST_PIVOT
        share = np.where(dropped[:, k], 0.0, 1.0 / pivot)[:, None] * left[:, k]
        left -= share[:, :, None] * left[:, k, None, :]
    return dropped


def diagonals(matrices: FloatArray) -> FloatArray:
    """Diagonal of each matrix, shape (B, p), of matrices (B, p, p)."""
    return np.diagonal(matrices, axis1=1, axis2=2)


def _unit_diagonal(matrices: FloatArray) -> FloatArray:
    """Each matrix scaled to ones on its diagonal; zeros where a diagonal is zero, so it stays singular."""
    root = np.sqrt(np.maximum(diagonals(matrices), 0.0))
    root = np.where(root > 0, root, np.inf)
    scaled: FloatArray = matrices / (root[:, :, None] * root[:, None, :])
    return scaled


def _upper(p: int) -> list[tuple[int, int]]:
    """Index pairs of the upper triangle of a p by p matrix."""
    return [(k, m) for k in range(p) for m in range(k, p)]
