"""Concatenation fusion: each input standardised, brought to a few units, joined, and read by dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan
from raise_core.domain.errors import BadInputError
from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.models.branch_training import DIVERGED, as_arrays, seeded
from raise_core.models.network_settings import NetworkSettings
from raise_core.models.training_target import EarlyStopping, TrainingTarget


class FusionHead(torch.nn.Module):
    """Blocks of inputs to one output.

    Attributes:
        embed: a dense layer for each block, all to the same number of units, so that a wide block does not outvote a
            narrow one.
        join: the joined units to the fused features.
        output: fused features to the logit of long or the log hazard.
    """

    def __init__(self, widths: Mapping[str, int], settings: NetworkSettings) -> None:
        """Build it with random weights from torch's own generator.

        Args:
            widths: block name to its number of columns; the order is that of joining.
            settings: units and dropout.
        """
        super().__init__()
        self.embed = torch.nn.ModuleDict(
            {
                name: torch.nn.Sequential(
                    torch.nn.Dropout(settings.dropout), torch.nn.Linear(width, settings.block_units), torch.nn.Tanh()
                )
                for name, width in widths.items()
            }
        )
        self.join = torch.nn.Sequential(
            torch.nn.Linear(settings.block_units * len(widths), settings.fused_units), torch.nn.Tanh()
        )
        self.drop = torch.nn.Dropout(settings.dropout)
        self.output = torch.nn.Linear(settings.fused_units, 1)

    def forward(self, blocks: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Fused features (n, fused_units) and output (n,) of standardised blocks (n, width)."""
        joined = torch.cat([layer(blocks[name]) for name, layer in self.embed.items()], dim=1)
        fused = self.join(joined)
        return fused, self.output(self.drop(fused)).squeeze(1)


@dataclass(frozen=True, eq=False)
class FittedFusion:
    """A trained fusion and what it says of all patients; attributes as in `FittedBranch`.

    Attributes:
        weights: parameter names to arrays.
        fused: shape (n, fused_units), float32; NaN where training failed.
        output: shape (n,), logit of long or log hazard (not centred); NaN where training failed.
        epochs: steps until the weights that were kept; 0 where training failed.
        failure: why there is no trained fusion; None where there is.
    """

    weights: Mapping[str, NDArray[np.float32]]
    fused: NDArray[np.float32]
    output: FloatArray
    epochs: int
    failure: str | None = None


def fit_fusion(
    blocks: Mapping[str, NDArray[np.float32]],
    target: TrainingTarget,
    train: BoolArray,
    *,
    stopping: BoolArray,
    settings: NetworkSettings,
    seed: int,
) -> FittedFusion:
    """Train the dense layers on standardised blocks and give every patient's output. Always on the CPU: it is tiny.

    Args:
        blocks: name to shape (n, width), finite, standardised on the training rows.
        target: what to learn.
        train: shape (n,), the fold's training patients; only these influence the weights.
        stopping: shape (n,), those of them that only decide when to stop, the same as for the branches: their branch
            features were not learnt by heart.
        settings: units and optimiser.
        seed: of first weights and dropout.

    Raises:
        BadInputError: there is no block, or one does not have the target's patients or is not finite.
    """
    n = len(target.long)
    wrong = [name for name, block in blocks.items() if block.ndim != 2 or len(block) != n or not _finite(block)]
    if not blocks or wrong:
        raise BadInputError(
            f"fusion needs finite blocks of shape ({n}, width); "
            + (f"{wrong[0]!r} has shape {blocks[wrong[0]].shape} or holds missing values." if wrong else "got none.")
        )
    plan = DevicePlan("cpu", autocast=False, pin_memory=False, non_blocking=False, channels_last=False, compile=False)
    with seeded(seed, plan):
        head = FusionHead({name: block.shape[1] for name, block in blocks.items()}, settings)
        reason = target.unfit_reason(train)
        epochs = 0
        if reason is None:
            epochs = _train(head, blocks, target, learnt_from=train & ~stopping, stopping=stopping, settings=settings)
            reason = None if epochs else DIVERGED
        if reason is not None:
            empty = np.full((n, settings.fused_units), np.nan, dtype=np.float32)
            return FittedFusion(as_arrays(head), empty, np.full(n, np.nan), 0, reason)
        head.eval()
        with torch.inference_mode():
            fused, output = head({name: torch.from_numpy(block) for name, block in blocks.items()})
        return FittedFusion(as_arrays(head), fused.numpy(), output.double().numpy(), epochs)


def _train(
    head: FusionHead,
    blocks: Mapping[str, NDArray[np.float32]],
    target: TrainingTarget,
    *,
    learnt_from: BoolArray,
    stopping: BoolArray,
    settings: NetworkSettings,
) -> int:
    """Full-batch steps until the validation loss no longer falls; steps of the weights kept, 0 where none."""
    rows = {part: torch.from_numpy(np.flatnonzero(mask)) for part, mask in (("fit", learnt_from), ("stop", stopping))}
    inputs = {
        part: {name: torch.from_numpy(block)[index] for name, block in blocks.items()} for part, index in rows.items()
    }
    loss = target.loss(learnt_from, torch.device("cpu"))
    optimiser = torch.optim.AdamW(
        head.parameters(), lr=settings.fusion_learning_rate, weight_decay=settings.fusion_weight_decay, fused=True
    )
    early = EarlyStopping(
        head,
        patience=settings.fusion_patience,
        least=min(settings.fusion_least_epochs, settings.fusion_epochs),
    )
    for _ in range(settings.fusion_epochs):
        head.train()
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss(head(inputs["fit"])[1], rows["fit"]))
        optimiser.step()
        head.eval()
        with torch.no_grad():
            validation = float(loss(head(inputs["stop"])[1], rows["stop"]))
        if early.stop_after(validation):
            break
    return early.best_epoch if early.restore() else 0


def _finite(block: NDArray[np.float32]) -> bool:
    return bool(np.isfinite(block).all())
