"""Settings of the PRRT study's networks, apart from the code that trains them: readable without torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from raise_core.domain.errors import BadUsageError

NORM_GROUPS = 4
"""Groups of channels that are normalised together; every stage has a multiple of this many channels."""


@dataclass(frozen=True)
class NetworkSettings:
    """Everything that determines a fold's networks, besides data and seed.

    The defaults come from simulated volumes (116 patients, side 24, a ball whose brightness carries a weak signal), not
    from any cohort. In 8 of them the rank correlation of a branch's output with that brightness, in patients left out,
    was 0.25 with these; 0.19 where the first epoch's weights might be kept; 0.07 at a learning rate of 0.005, and there
    0.03 with a dropout of 0.1 or without normalisation in the first stage. Fusions were tried in 25 cohorts of
    simulated laboratory values and branch features learnt partly by heart: mean AUROC of labs alone 0.61 with these,
    0.59 where the first step's weights might be kept (ridge regression 0.62); with images 0.58, 0.55. Dropout, weight
    decay, learning rate, units and an average of five networks changed it by less than a standard error (0.02).

    Attributes:
        channels: of the stages of a 3-D branch; each stage halves the volume's sides.
        branch_features: features a branch hands to the fusion.
        dropout: share of features left out at random while training, in branches and fusions.
        epochs: passes of a branch at most.
        least_epochs: epochs before which no weights are kept: the validation part is small, and its loss can be low by
            luck while the weights are still near random.
        patience: epochs without a better validation loss after which a branch stops.
        batch_size: patients a step on the CPU.
        cox_batch_size: the same for the Cox loss, whose risk sets are those of the batch.
        cuda_batch_size: patients a step on a GPU, with either loss.
        learning_rate: of AdamW (Loshchilov & Hutter 2019) for branches.
        weight_decay: of the same.
        fine_tune_learning_rate: in place of `learning_rate` for a branch that begins from trained weights of the
            pretrained CT network.
        epochs_per_view: on the CPU a randomly changed copy of the volumes serves for this many epochs, because making
            it takes longer than training on it; on a GPU each batch is changed anew.
        validation_share: share of the training patients that only decide when to stop.
        ct_components: principal components kept of the frozen features of a pretrained CT network.
        block_units: units each input is brought to before the inputs are joined.
        fused_units: units of the dense layer behind the joined inputs: the fused features.
        fusion_epochs: full-batch steps of a fusion at most.
        fusion_least_epochs: as `least_epochs`.
        fusion_patience: steps without a better validation loss after which it stops.
        fusion_learning_rate: of AdamW for fusions.
        fusion_weight_decay: of the same.
    """

    channels: tuple[int, ...] = (8, 16, 32)
    branch_features: int = 16
    dropout: float = 0.3
    epochs: int = 30
    least_epochs: int = 15
    patience: int = 8
    batch_size: int = 16
    cox_batch_size: int = 32
    cuda_batch_size: int = 64
    learning_rate: float = 0.002
    weight_decay: float = 0.05
    fine_tune_learning_rate: float = 0.0001
    epochs_per_view: int = 3
    validation_share: float = 0.2
    ct_components: int = 20
    block_units: int = 8
    fused_units: int = 16
    fusion_epochs: int = 200
    fusion_least_epochs: int = 30
    fusion_patience: int = 25
    fusion_learning_rate: float = 0.003
    fusion_weight_decay: float = 0.1

    def __post_init__(self) -> None:
        """Refuse settings no network can have.

        Raises:
            BadUsageError: a setting is out of its range.
        """
        counts = (
            "branch_features", "epochs", "least_epochs", "patience", "batch_size", "cox_batch_size", "cuda_batch_size",
            "epochs_per_view", "ct_components", "block_units", "fused_units", "fusion_epochs", "fusion_least_epochs",
            "fusion_patience",
        )  # fmt: skip
        rates = ("learning_rate", "fine_tune_learning_rate", "fusion_learning_rate")
        decays = ("weight_decay", "fusion_weight_decay")
        problems = {
            "channels": not self.channels or any(each < 1 or each % NORM_GROUPS for each in self.channels),
            "dropout": not 0 <= self.dropout < 1,
            "validation_share": not 0 < self.validation_share < 1,
            **{name: getattr(self, name) < 1 for name in counts},
            **{name: not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0) for name in rates},
            **{name: not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0) for name in decays},
        }
        for name, wrong in problems.items():
            if wrong:
                raise BadUsageError(f"network setting {name}={getattr(self, name)!r} cannot be used.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and for hashing."""
        return {**asdict(self), "channels": list(self.channels)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkSettings:
        """The settings `to_dict` wrote.

        Raises:
            BadUsageError: a name is unknown or a value unusable.
        """
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise BadUsageError(f"unknown network setting {', '.join(unknown)}.")
        given = dict(values)
        if "channels" in given:
            given["channels"] = tuple(int(each) for each in given["channels"])
        return cls(**given)
