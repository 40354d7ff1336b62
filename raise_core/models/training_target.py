"""What a network learns to predict, as a loss over chosen patients, and which training patients decide when to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from raise_core.domain.errors import BadInputError
from raise_core.domain.fusion_model import Head
from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.models.cox_loss import efron_loss

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From outputs (m,) and the rows (m,) they belong to, to a number."""

FEWEST = 2
"""Training patients of each class (or with the event) needed: one to learn from, one to stop by."""

TOO_FEW_OF_A_CLASS = "fewer than two training patients of a class"
TOO_FEW_EVENTS = "fewer than two training patients with the event"


@dataclass(frozen=True, eq=False)
class TrainingTarget:
    """What is known of n patients; only training patients are ever read.

    Attributes:
        head: what is predicted.
        long: shape (n,), the class.
        time_weeks: shape (n,).
        event: shape (n,), False where censored.
    """

    head: Head
    long: BoolArray
    time_weeks: FloatArray
    event: BoolArray

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together.

        Raises:
            BadInputError: lengths or types disagree.
        """
        n = len(self.long)
        if self.time_weeks.shape != (n,) or self.event.shape != (n,) or self.long.shape != (n,):
            raise BadInputError(
                f"long has shape {self.long.shape}, time_weeks {self.time_weeks.shape} and event {self.event.shape}; "
                "all must be (patients,)."
            )
        if self.long.dtype != np.bool_ or self.event.dtype != np.bool_:
            raise BadInputError("long and event must be boolean arrays.")

    @property
    def stratum(self) -> BoolArray:
        """What parts are balanced by: the class, or whether the event was seen."""
        return self.long if self.head is Head.CLASS else self.event

    def unfit_reason(self, train: BoolArray) -> str | None:
        """Why no network can be trained on these patients; None where one can."""
        chosen = self.stratum[train]
        if self.head is Head.COX:
            return TOO_FEW_EVENTS if chosen.sum() < FEWEST else None
        return TOO_FEW_OF_A_CLASS if min(chosen.sum(), (~chosen).sum()) < FEWEST else None

    def stopping_part(self, train: BoolArray, *, share: float, seed: int) -> BoolArray:
        """Training patients that only decide when to stop, drawn within each stratum, at least one of it on each side.

        Args:
            train: shape (n,).
            share: of the training patients, rounded in each stratum.
            seed: of the draw; the same for all networks of a fold.

        Returns:
            Shape (n,), a part of `train`.
        """
        rng = np.random.default_rng(np.random.SeedSequence(seed))
        rows = np.flatnonzero(train)
        drawn = rng.random(len(rows))
        part = np.zeros(len(train), dtype=np.bool_)
        for side in (True, False):
            own = np.flatnonzero(self.stratum[rows] == side)
            wanted = int(np.floor(share * len(own) + 0.5))
            taken = min(max(wanted, 1), len(own) - 1) if len(own) >= FEWEST else 0
            part[rows[own[np.argsort(drawn[own], kind="stable")[:taken]]]] = True
        return part

    def loss(self, learnt_from: BoolArray, device: torch.device) -> Loss:
        """The loss of this head.

        For classes the cross-entropy with each class weighted inversely to its number among the patients learnt from
        (mean weight 1); for hazards Efron's partial likelihood, with the given rows as the only patients.

        Args:
            learnt_from: shape (n,), patients whose class sizes set the weights.
            device: where outputs will be.
        """
        if self.head is Head.COX:
            return self._hazard_loss(device)
        share = float(self.long[learnt_from].mean())
        weight = np.where(self.long, 0.5 / share, 0.5 / (1.0 - share)).astype(np.float32)
        weights = torch.from_numpy(weight).to(device)
        classes = torch.from_numpy(self.long.astype(np.float32)).to(device)

        def cross_entropy(output: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            chosen = weights[rows]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                output.float(), classes[rows], weight=chosen, reduction="sum"
            )
            return loss / chosen.sum()

        return cross_entropy

    def _hazard_loss(self, device: torch.device) -> Loss:
        times = torch.from_numpy(np.array(self.time_weeks, dtype=np.float64)).to(device)
        events = torch.from_numpy(np.array(self.event)).to(device)
        return lambda output, rows: efron_loss(output.float(), times[rows], events[rows])


class EarlyStopping:
    """Keeps the weights of the best epoch, judged by the mean validation loss of the last few."""

    def __init__(self, network: torch.nn.Module, *, patience: int, least: int = 1, smoothed_over: int = 3) -> None:
        """Start before the first epoch.

        Args:
            network: what is trained.
            patience: epochs without a better loss after which training ends.
            least: epochs after which weights may be kept at the earliest: those of the first are near random, and a
                lucky loss on a dozen patients would keep them.
            smoothed_over: epochs whose losses are averaged; one epoch's on a dozen patients is mostly chance.
        """
        self._network = network
        self._patience = patience
        self._least = least
        self._smoothed_over = smoothed_over
        self._losses: list[float] = []
        self._best = float("inf")
        self._state: dict[str, torch.Tensor] = {}
        self.best_epoch = 0

    def stop_after(self, validation_loss: float) -> bool:
        """Take note of an epoch; whether training should end.

        A loss that is not a number ends it at once.
        """
        self._losses.append(validation_loss)
        recent = self._losses[-self._smoothed_over :]
        smoothed = sum(recent) / len(recent)
        epoch = len(self._losses)
        if epoch >= self._least and smoothed < self._best:
            self._best, self.best_epoch = smoothed, epoch
            self._state = {name: value.detach().clone() for name, value in self._network.state_dict().items()}
        waited = epoch - max(self.best_epoch, self._least)
        return not np.isfinite(validation_loss) or waited >= self._patience

    def restore(self) -> bool:
        """Give the network the weights of the best epoch; False where no epoch had a finite loss."""
        if not self._state:
            return False
        self._network.load_state_dict(self._state)
        return True
