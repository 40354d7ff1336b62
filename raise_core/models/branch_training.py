"""Training of one 3-D branch on the training patients of a fold, with early stopping inside them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan, one_thread
from raise_core.domain.errors import BadInputError
from raise_core.domain.fusion_model import Head
from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.models.network_settings import NetworkSettings
from raise_core.models.training_target import EarlyStopping, Loss, TrainingTarget
from raise_core.models.volume_network import build_branch, load_weights

DIVERGED = "training diverged"

VOLUME_DIMENSIONS = 4
"""Patients, depth, height, width."""


class Augment(Protocol):
    """Randomly changed copies of volumes (n, channels, D, H, W), as `raise_core.imaging.augment.augment` makes them."""

    def __call__(self, volumes: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:
        """Changed copies of the same shape."""
        ...


@dataclass(frozen=True, eq=False)
class FittedBranch:
    """A trained branch and what it says of all patients.

    Attributes:
        weights: parameter names to arrays, as trained; the first weights where training failed.
        features: shape (n, branch_features), float32; NaN where training failed.
        output: shape (n,), logit of long or log hazard (not centred); NaN where training failed.
        epochs: passes until the weights that were kept; 0 where training failed.
        failure: why there is no trained branch; None where there is.
    """

    weights: Mapping[str, NDArray[np.float32]]
    features: NDArray[np.float32]
    output: FloatArray
    epochs: int
    failure: str | None = None


def fit_branch(
    volumes: NDArray[np.float32],
    target: TrainingTarget,
    train: BoolArray,
    *,
    stopping: BoolArray,
    settings: NetworkSettings,
    seed: int,
    device_plan: DevicePlan,
    augment: Augment | None = None,
    initial: Mapping[str, NDArray[np.float32]] | None = None,
    build: Callable[[NetworkSettings], torch.nn.Module] = build_branch,
) -> FittedBranch:
    """Train a branch and give every patient's features and output under it.

    On the CPU one thread is used and the result is the same bit for bit whatever else runs.

    Args:
        volumes: shape (n, D, H, W), 0 to 1.
        target: what to learn.
        train: shape (n,), the fold's training patients; only these influence the weights.
        stopping: shape (n,), those of them that only decide when to stop.
        settings: network and optimiser.
        seed: of first weights, batches, dropout and augmentation.
        device_plan: where to compute and how.
        augment: makes changed copies of training volumes; None trains on the volumes as they are.
        initial: weights to begin from, see `load_weights`.
        build: makes the network from the settings: volumes (n, 1, D, H, W) to features and output.

    Raises:
        BadInputError: shapes disagree, a volume is not finite, stopping patients are not training patients, or the
            initial weights do not fit.
    """
    _check(volumes, train, stopping)
    with seeded(seed, device_plan):
        network = build(settings)
        if initial is not None:
            load_weights(network, initial, source="the checkpoint")
        network = _placed(network, device_plan)
        reason = target.unfit_reason(train)
        if reason is None:
            fit = _Fit(volumes, train & ~stopping, stopping, settings, device_plan, augment, seed)
            epochs = fit.run(network, target)
            reason = None if epochs else DIVERGED
        if reason is not None:
            features, output = branch_outputs(network, volumes[:1], device_plan=device_plan, settings=settings)
            empty = np.full((len(volumes), features.shape[1]), np.nan, dtype=np.float32)
            return FittedBranch(as_arrays(network), empty, np.full(len(volumes), np.nan), 0, reason)
        features, output = branch_outputs(network, volumes, device_plan=device_plan, settings=settings)
    return FittedBranch(as_arrays(network), features, output, epochs)


def branch_outputs(
    network: torch.nn.Module,
    volumes: NDArray[np.float32],
    *,
    device_plan: DevicePlan,
    settings: NetworkSettings,
) -> tuple[NDArray[np.float32], FloatArray]:
    """Features (n, d) and outputs (n,) of volumes (n, D, H, W) under a branch that is no longer trained."""
    network.eval()
    found = []
    with torch.inference_mode():
        for rows in np.array_split(np.arange(len(volumes)), -(-len(volumes) // _batch_size(settings, device_plan))):
            batch = to_device(torch.from_numpy(volumes[rows, None]), device_plan)
            with device_plan.autocast_context():
                features, output = network(batch)
            found.append((features.float().cpu().numpy(), output.float().cpu().numpy()))
    return np.concatenate([one for one, _ in found]), np.concatenate([two for _, two in found]).astype(np.float64)


def to_device(tensor: torch.Tensor, plan: DevicePlan) -> torch.Tensor:
    """Volumes (n, 1, D, H, W) where the plan wants them, from page-locked memory and channel by channel if it says."""
    pinned = tensor.pin_memory() if plan.pin_memory else tensor
    placed = pinned.to(plan.torch_device(), non_blocking=plan.non_blocking)
    return placed.contiguous(memory_format=torch.channels_last_3d) if plan.channels_last else placed


def as_arrays(network: torch.nn.Module) -> dict[str, NDArray[np.float32]]:
    """Parameters of a network as contiguous arrays, by name."""
    return {
        name: np.ascontiguousarray(value.detach().float().cpu().numpy()) for name, value in network.state_dict().items()
    }


@contextlib.contextmanager
def seeded(seed: int, plan: DevicePlan) -> Iterator[None]:
    """Inside, torch draws from `seed`, and computes on the CPU with one thread; outside nothing is changed."""
    devices = [torch.cuda.current_device()] if plan.is_cuda else []
    with contextlib.nullcontext() if plan.is_cuda else one_thread(), torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


@dataclass(frozen=True, eq=False)
class _Fit:
    """One training: its patients, and how batches come about."""

    volumes: NDArray[np.float32]
    learnt_from: BoolArray
    stopping: BoolArray
    settings: NetworkSettings
    plan: DevicePlan
    augment: Augment | None
    seed: int

    def run(self, network: torch.nn.Module, target: TrainingTarget) -> int:
        """Train in place until the validation loss no longer falls; epochs of the weights kept, 0 where none."""
        settings, place = self.settings, self.plan.torch_device()
        loss = target.loss(self.learnt_from, place)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        scaler = torch.amp.GradScaler(self.plan.device, enabled=_needs_scaling(self.plan))
        early = EarlyStopping(network, patience=settings.patience, least=min(settings.least_epochs, settings.epochs))
        generator = torch.Generator(device=place).manual_seed(self.seed)
        rows = np.flatnonzero(self.learnt_from)
        views = self.volumes[rows]
        for epoch in range(settings.epochs):
            if self.augment is not None and not self.plan.is_cuda and epoch % settings.epochs_per_view == 0:
                views = _changed(self.volumes[rows], self.augment, generator, step=settings.batch_size)
            network.train()
            for part in self._batches(len(rows), target.head):
                batch = to_device(torch.from_numpy(views[part, None]), self.plan)
                if self.augment is not None and self.plan.is_cuda:
                    batch = self.augment(batch, generator=generator)
                optimiser.zero_grad(set_to_none=True)
                with self.plan.autocast_context():
                    _, output = network(batch)
                step = loss(output, torch.from_numpy(rows[part]).to(place))
                torch.autograd.backward(scaler.scale(step))
                scaler.step(optimiser)
                scaler.update()
            if early.stop_after(self._validation_loss(network, loss)):
                break
        return early.best_epoch if early.restore() else 0

    def _batches(self, n: int, head: Head) -> list[NDArray[np.intp]]:
        """Positions of this epoch's batches: shuffled, of nearly equal size."""
        size = _batch_size(self.settings, self.plan, head)
        order = torch.randperm(n).numpy()
        return np.array_split(order, -(-n // size))

    def _validation_loss(self, network: torch.nn.Module, loss: Loss) -> float:
        rows = np.flatnonzero(self.stopping)
        _, output = branch_outputs(network, self.volumes[rows], device_plan=self.plan, settings=self.settings)
        place = self.plan.torch_device()
        return float(loss(torch.from_numpy(output).to(place), torch.from_numpy(rows).to(place)))


def _changed(
    volumes: NDArray[np.float32], augment: Augment, generator: torch.Generator, *, step: int
) -> NDArray[np.float32]:
    """Changed copies (m, D, H, W), made in batches so that a large cohort needs no further copy on the way."""
    changed = np.empty_like(volumes)
    for start in range(0, len(volumes), step):
        part = torch.from_numpy(volumes[start : start + step, None])
        changed[start : start + step] = augment(part, generator=generator)[:, 0].numpy()
    return changed


def _batch_size(settings: NetworkSettings, plan: DevicePlan, head: Head = Head.CLASS) -> int:
    if plan.is_cuda:
        return settings.cuda_batch_size
    return settings.batch_size if head is Head.CLASS else settings.cox_batch_size


def _needs_scaling(plan: DevicePlan) -> bool:
    """Float16 gradients underflow unless the loss is scaled up; bfloat16 has float32's range."""
    return plan.autocast and plan.is_cuda and not torch.cuda.is_bf16_supported()


def _placed(network: torch.nn.Module, plan: DevicePlan) -> torch.nn.Module:
    network = network.to(plan.torch_device())
    if plan.channels_last:
        for parameter in network.parameters():
            if parameter.ndim == VOLUME_DIMENSIONS + 1:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
    return network


def _check(volumes: NDArray[np.float32], train: BoolArray, stopping: BoolArray) -> None:
    n = len(volumes)
    if volumes.ndim != VOLUME_DIMENSIONS or train.shape != (n,) or stopping.shape != (n,):
        raise BadInputError(
            f"volumes have shape {volumes.shape}, train {train.shape} and stopping {stopping.shape}; they must be "
            "(patients, depth, height, width), (patients,) and (patients,)."
        )
    if (stopping & ~train).any():
        raise BadInputError("patients that decide when to stop must be training patients.")
    bad = ~np.isfinite(volumes.reshape(n, -1).sum(axis=1, dtype=np.float64))
    if bad.any():
        raise BadInputError(
            f"the volume at position {int(np.flatnonzero(bad)[0])} is not finite; prepare that patient's images again."
        )
