"""A perceptron with three dense layers trained on the Cox partial likelihood, for many training sets at once.

All fits are stacked: every layer is one batched matrix product over the fits, and the gradient is written out by hand
(an automatic one keeps and revisits every intermediate). Fits of equal (padded) size share a chunk; what is computed
for a fit does not depend on the chunk it is in.

Loss of one fit, with r the network's output, E the events and R(t) the training patients with time >= t:

    L = (1 / |E|) * (sum over i in E of  log sum_{j in R(t_i)} exp(r_j)  -  r_i)

the negative log partial likelihood with Breslow's handling of tied times (Breslow 1974; as a network loss Katzman et
al. 2018). Patients are sorted by falling time, so risk sets are running sums; tied patients share the risk set that
ends with their group, so the group's number of events stands at its end. Efron's correction, used wherever a Cox model
is *reported*, is not needed for a training loss. The output layer has no bias: the likelihood does not depend on it,
and an adaptive optimiser turns the rounding of a zero gradient into drift.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from raise_core.domain.device import one_thread
from raise_core.domain.errors import BadInputError
from raise_core.models.perceptron_settings import Activation, InputScaling, PerceptronSettings

NO_EVENTS = "no event among the training patients"
DIVERGED = "training diverged"

CPU_CHUNK = 128
"""Fits trained together on the CPU: their activations stay in its caches."""

CUDA_CHUNK = 4096
"""Fits trained together on a CUDA device."""

SIZE_STEP = 8
"""Training sets are padded to a multiple of this many patients, so that fits of nearly equal size share a chunk."""

UNIT_STEP = 16
"""Inputs and hidden units are padded with zeros to a multiple of this, so that each fit's matrices begin at a vector
boundary wherever they stand in the chunk: otherwise the last bits of a fit would depend on its neighbours."""

_FloatArray = NDArray[np.float32]
_BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PerceptronRisks:
    """Risk of all patients from each fit.

    Attributes:
        risk: shape (B, n), float64, higher = worse (a log relative hazard), with mean 0 over the fit's own training
            patients; NaN for a fit that failed.
        failures: how many fits failed, by reason.
        failed: shape (B,), whether the fit failed.
    """

    risk: NDArray[np.float64]
    failed: _BoolArray
    failures: dict[str, int]


@dataclass(frozen=True, eq=False)
class CoxBatch:
    """What the loss of c fits needs; patients stand in falling order of time, padding last.

    Attributes:
        x: inputs, shape (c, m, k).
        present: shape (c, m), False for padding.
        event_share: shape (c, m), 1/|E| for a patient with the event, else 0.
        tie_end_share: shape (c, m), number of events of a tie group divided by |E|, at the group's last patient.
    """

    x: torch.Tensor
    present: torch.Tensor
    event_share: torch.Tensor
    tie_end_share: torch.Tensor


Parameters = list[torch.Tensor]
"""Weights and biases of the stacked layers: (c,k,h1), (c,1,h1), (c,h1,h2), (c,1,h2), (c,h2,1)."""


def fit_perceptrons(
    x: _FloatArray,
    *,
    time_weeks: NDArray[np.float64],
    event: _BoolArray,
    train: _BoolArray,
    settings: PerceptronSettings,
    seed: int,
    device: torch.device | None = None,
    chunk: int | None = None,
) -> PerceptronRisks:
    """Train one perceptron per training set and give every patient's risk under each.

    Args:
        x: shape (B, n, k), inputs of all patients under fit b (they differ by fit: scaler and components do).
        time_weeks: shape (n,), times from the landmark.
        event: shape (n,), whether the time ended in the event.
        train: shape (B, n), the training patients of fit b. Only these influence the fit.
        settings: network and optimiser.
        seed: fit b starts from weights drawn from (seed, b), whatever else is computed.
        device: where to compute; the CPU when None, with one thread.
        chunk: fits trained together; changes the time taken, not the result.

    Raises:
        BadInputError: shapes disagree or an input is not finite.
    """
    _check(x, time_weeks, event, train)
    place = device or torch.device("cpu")
    fits, n, k = x.shape
    risk = np.full((fits, n), np.nan)
    failures: dict[str, int] = {}
    able = (train & event).any(axis=1)
    if not able.all():
        failures[NO_EVENTS] = int((~able).sum())

    # Falling time; within a tie the order does not matter to the loss, and is kept as given.
    order = np.argsort(-time_weeks, kind="stable")
    outcome = (time_weeks, event, order)
    inputs = _scale_inputs(x, train, settings.input_scaling)
    inputs = np.pad(inputs, ((0, 0), (0, _up(n, SIZE_STEP) - n), (0, _up(k, UNIT_STEP) - k)))
    size = -(-train.sum(axis=1) // SIZE_STEP) * SIZE_STEP
    step = chunk or (CPU_CHUNK if place.type == "cpu" else CUDA_CHUNK)
    with one_thread() if place.type == "cpu" else contextlib.nullcontext():
        for width in np.unique(size[able]):
            members = np.flatnonzero(able & (size == width))
            for start in range(0, len(members), step):
                chosen = members[start : start + step]
                if len(chosen) == 1:
                    chosen = np.repeat(chosen, 2)  # a lone product takes another path through the library
                batch = _batch(inputs[chosen], outcome, train[chosen], width=int(width), device=place)
                parameters = [p.to(place) for p in _initial(k, settings.hidden, seed, chosen)]
                _train(parameters, batch, settings)
                out = _forward(parameters, torch.as_tensor(inputs[chosen], device=place), settings.activation)[-1]
                risk[chosen] = out[:, :n, 0].to(torch.float64).cpu().numpy()

    diverged = able & ~np.isfinite(risk).all(axis=1)
    if diverged.any():
        failures[DIVERGED] = int(diverged.sum())
        risk[diverged] = np.nan
    centre = np.where(train, risk, 0.0).sum(axis=1) / np.maximum(train.sum(axis=1), 1)
    return PerceptronRisks(risk - centre[:, None], ~able | diverged, failures)


def loss_and_gradient(
    parameters: Parameters, batch: CoxBatch, activation: Activation
) -> tuple[torch.Tensor, Parameters]:
    """Loss of each fit, shape (c,), and the gradient of each loss with respect to its own parameters."""
    _w1, _b1, w2, _b2, w3 = parameters
    a1, a2, out = _forward(parameters, batch.x, activation)
    r = out.squeeze(-1).masked_fill(~batch.present, -math.inf)
    shift = r.amax(dim=1, keepdim=True)
    hazard = torch.exp(r - shift)
    at_risk = torch.cumsum(hazard, dim=1)
    weighted = torch.where(batch.tie_end_share > 0, batch.tie_end_share / at_risk, 0.0)
    known = r.masked_fill(~batch.present, 0.0)
    loss = (batch.tie_end_share * (torch.log(at_risk) + shift) - batch.event_share * known).sum(dim=1)

    # dL/dr_i = hazard_i * sum over tie groups ending at or after i of share / at_risk, minus the patient's own event.
    later = weighted.flip(1).cumsum(dim=1).flip(1)
    g_out = (hazard * later - batch.event_share).unsqueeze(-1)
    g_w3 = torch.bmm(a2.transpose(1, 2), g_out)
    g2 = _through(g_out * w3.transpose(1, 2), a2, activation)
    g_w2 = torch.bmm(a1.transpose(1, 2), g2)
    g1 = _through(torch.bmm(g2, w2.transpose(1, 2)), a1, activation)
    g_w1 = torch.bmm(batch.x.transpose(1, 2), g1)
    return loss, [g_w1, g1.sum(dim=1, keepdim=True), g_w2, g2.sum(dim=1, keepdim=True), g_w3]


def _forward(parameters: Parameters, x: torch.Tensor, activation: Activation) -> list[torch.Tensor]:
    w1, b1, w2, b2, w3 = parameters
    a1 = _activate(torch.baddbmm(b1, x, w1), activation)
    a2 = _activate(torch.baddbmm(b2, a1, w2), activation)
    return [a1, a2, torch.bmm(a2, w3)]


def _activate(z: torch.Tensor, activation: Activation) -> torch.Tensor:
    return z.relu_() if activation == "relu" else z.tanh_()


def _through(gradient: torch.Tensor, activated: torch.Tensor, activation: Activation) -> torch.Tensor:
    """Gradient before an activation from the gradient after it; uses up `gradient`."""
    if activation == "relu":
        return gradient.mul_(activated > 0)
    return gradient.mul_(1 - activated * activated)


def _train(parameters: Parameters, batch: CoxBatch, settings: PerceptronSettings) -> None:
    optimiser = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    with torch.no_grad():
        for _ in range(settings.epochs):
            _, gradients = loss_and_gradient(parameters, batch, settings.activation)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
            optimiser.step()


def _initial(k: int, hidden: tuple[int, int], seed: int, fits: NDArray[np.intp]) -> Parameters:
    """Weights uniform in +-1/sqrt(inputs) as torch's `Linear` has them, drawn per fit; biases 0."""
    shapes = [(k, hidden[0]), (hidden[0], hidden[1]), (hidden[1], 1)]
    drawn: list[list[_FloatArray]] = [[], [], []]
    for fit in fits:
        rng = np.random.default_rng(np.random.SeedSequence([seed, int(fit)]))
        for weights, shape in zip(drawn, shapes, strict=True):
            limit = 1 / math.sqrt(shape[0])
            padded = np.zeros(_padded_shape(shape, last=weights is drawn[-1]), dtype=np.float32)
            padded[: shape[0], : shape[1]] = rng.uniform(-limit, limit, size=shape)
            weights.append(padded)
    w1, w2, w3 = (torch.from_numpy(np.stack(weights)) for weights in drawn)
    return [w1, torch.zeros(len(fits), 1, w1.shape[2]), w2, torch.zeros(len(fits), 1, w2.shape[2]), w3]


def _padded_shape(shape: tuple[int, int], *, last: bool) -> tuple[int, int]:
    """Room for padding units and inputs; a unit whose weights are all 0 has no gradient and stays 0."""
    return _up(shape[0], UNIT_STEP), shape[1] if last else _up(shape[1], UNIT_STEP)


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


def _scale_inputs(x: _FloatArray, train: _BoolArray, scaling: InputScaling) -> _FloatArray:
    """Centre and scale on the training patients; an input that does not vary among them becomes 0."""
    count = np.maximum(train.sum(axis=1), 1)[:, None]
    weight = train.astype(np.float64) / count
    values = x.astype(np.float64)
    mean = np.matmul(weight[:, None, :], values)
    values -= mean
    sd = np.sqrt(np.matmul(weight[:, None, :], values**2))
    still = sd <= 1e-7 * np.maximum(np.abs(mean), np.finfo(np.float64).tiny)
    unit = np.broadcast_to(sd.max(axis=2, keepdims=True), sd.shape) if scaling == "first" else sd
    scale = np.divide(1.0, unit, out=np.zeros_like(sd), where=~still & (unit > 0))
    scaled: _FloatArray = (values * scale).astype(np.float32)
    return scaled


def _batch(
    x: _FloatArray,
    outcome: tuple[NDArray[np.float64], _BoolArray, NDArray[np.intp]],
    train: _BoolArray,
    *,
    width: int,
    device: torch.device,
) -> CoxBatch:
    """Training patients of each fit in falling order of time, padded to `width`; outcome: times, events, that order."""
    time_weeks, event, order = outcome
    fits = len(x)
    count = train.sum(axis=1)
    # Positions (in `order`) of the training patients first, in order; the rest is padding.
    first = np.argsort(~train[:, order], axis=1, kind="stable")
    first = np.concatenate([first, np.zeros((fits, max(width - first.shape[1], 0)), dtype=first.dtype)], axis=1)
    patient = order[first[:, :width]]
    present = np.arange(width)[None, :] < count[:, None]
    events = event[patient] & present
    total = events.sum(axis=1, keepdims=True)

    times = np.where(present, time_weeks[patient], -np.inf)
    last = np.ones_like(present)
    last[:, :-1] = times[:, 1:] != times[:, :-1]
    last &= present
    cumulative = np.cumsum(events, axis=1)
    at_ends = np.where(last, cumulative, 0)
    before = np.zeros_like(at_ends)
    before[:, 1:] = np.maximum.accumulate(at_ends, axis=1)[:, :-1]
    ties = np.where(last, cumulative - before, 0)

    inputs = np.take_along_axis(x, patient[:, :, None], axis=1) * present[:, :, None]
    return CoxBatch(
        x=torch.as_tensor(inputs.astype(np.float32), device=device),
        present=torch.as_tensor(present, device=device),
        event_share=torch.as_tensor((events / total).astype(np.float32), device=device),
        tie_end_share=torch.as_tensor((ties / total).astype(np.float32), device=device),
    )


def _check(x: _FloatArray, time_weeks: NDArray[np.float64], event: _BoolArray, train: _BoolArray) -> None:
    if x.ndim != 3 or time_weeks.shape != (x.shape[1],) or event.shape != (x.shape[1],) or train.shape != x.shape[:2]:
        raise BadInputError(
            f"x has shape {x.shape}, time_weeks {time_weeks.shape}, event {event.shape}, train {train.shape}; "
            "they must be (fits, patients, inputs), (patients,), (patients,) and (fits, patients)."
        )
    if not np.isfinite(x).all() or not np.isfinite(time_weeks).all():
        raise BadInputError("inputs and times of a perceptron must be finite; leave incomplete patients out.")
    if event.dtype != np.bool_ or train.dtype != np.bool_:
        raise BadInputError("event and train must be boolean arrays.")
