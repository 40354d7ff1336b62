"""Settings of the perceptrons, apart from the code that trains them, so that they can be read without torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from raise_core.domain.errors import BadUsageError

Activation = Literal["relu", "tanh"]
InputScaling = Literal["whiten", "first"]


@dataclass(frozen=True)
class PerceptronSettings:
    """Everything that determines a trained perceptron, besides data and seed.

    The defaults come from a simulation: 44 trials each of 116, 90 and 54 patients (52, 32, 9 events), 20 components of
    lesion features with a weak signal (risk from the true hazard c 0.76, reached 0.67, 0.66, 0.65), 10 splits each.
    Test c was flat from 10 to 20 epochs and fell after (60 epochs: 0.65, 0.63, 0.60; whitened inputs 0.03 lower).

    Attributes:
        hidden: units of the two hidden layers; with the output that makes three dense layers.
        activation: after each hidden layer.
        input_scaling: 'first' divides all inputs by the training standard deviation of the one that varies most, which
            keeps the components' order of size and so prefers the leading ones; 'whiten' divides each by its own. Both
            subtract the training mean.
        epochs: full-batch steps.
        learning_rate: of AdamW (Loshchilov & Hutter 2019), betas 0.9 and 0.999.
        weight_decay: of AdamW, decoupled: each step shrinks every parameter by learning_rate * weight_decay.
    """

    hidden: tuple[int, int] = (32, 16)
    activation: Activation = "tanh"
    input_scaling: InputScaling = "first"
    epochs: int = 20
    learning_rate: float = 0.003
    weight_decay: float = 1.0

    def __post_init__(self) -> None:
        problems = {
            "hidden": len(self.hidden) != 2 or min(self.hidden) < 1,
            "activation": self.activation not in ("relu", "tanh"),
            "input_scaling": self.input_scaling not in ("whiten", "first"),
            "epochs": self.epochs < 1,
            "learning_rate": not (math.isfinite(self.learning_rate) and self.learning_rate > 0),
            "weight_decay": not (math.isfinite(self.weight_decay) and self.weight_decay >= 0),
        }
        for name, wrong in problems.items():
            if wrong:
                raise BadUsageError(f"perceptron setting {name}={getattr(self, name)!r} cannot be used.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and for hashing."""
        values = asdict(self)
        values["hidden"] = list(self.hidden)
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PerceptronSettings:
        """The settings `to_dict` wrote.

        Raises:
            BadUsageError: a name is unknown or a value unusable.
        """
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise BadUsageError(f"unknown perceptron setting {', '.join(unknown)}.")
        given = dict(values)
        if "hidden" in given:
            given["hidden"] = tuple(int(units) for units in given["hidden"])
        return cls(**given)
