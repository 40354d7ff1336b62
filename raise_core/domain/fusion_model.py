"""Models of the PRRT study as data: which inputs, whether the CT branch is pretrained, and what the head predicts.

A model's text is its inputs joined by '+', with `cox:` before it where the head predicts a hazard and not a class:
`pet+ct-pretrained+lab`, `cox:pet+ct+lab`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from raise_core.domain.errors import BadUsageError


class ModelInput(enum.StrEnum):
    """What a model is shown of a patient before treatment; the order is the order in a model's text."""

    PET = "pet"
    """Somatostatin-receptor PET, SUV."""
    CT = "ct"
    """CT, through a network trained on this cohort alone."""
    CT_PRETRAINED = "ct-pretrained"
    """CT, through a network that was trained on other patients' CT before."""
    LAB = "lab"
    """Laboratory values at baseline."""

    @property
    def is_image(self) -> bool:
        """Whether it needs a scan."""
        return self is not ModelInput.LAB


class Head(enum.StrEnum):
    """What is predicted."""

    CLASS = "class"
    """Long against short progression-free survival; patients censored before a year have no class."""
    COX = "cox"
    """The hazard of progression, from every patient, censored or not."""


@dataclass(frozen=True)
class FusionModel:
    """One model of the study.

    Attributes:
        inputs: what it is shown, in the order of `ModelInput`, at least one.
        head: what it predicts.
    """

    inputs: tuple[ModelInput, ...]
    head: Head = Head.CLASS

    def __post_init__(self) -> None:
        """Refuse what is no model.

        Raises:
            BadUsageError: no input, one that comes twice, or both forms of CT.
        """
        if not self.inputs or len(set(self.inputs)) != len(self.inputs):
            raise BadUsageError(f"a model needs at least one input, each once; this has {[*map(str, self.inputs)]}.")
        if {ModelInput.CT, ModelInput.CT_PRETRAINED} <= set(self.inputs):
            raise BadUsageError("a model reads CT either as 'ct' or as 'ct-pretrained', not as both.")
        object.__setattr__(self, "inputs", tuple(each for each in ModelInput if each in self.inputs))

    @property
    def text(self) -> str:
        """How the model is written."""
        joined = "+".join(self.inputs)
        return joined if self.head is Head.CLASS else f"{self.head}:{joined}"

    @property
    def image_inputs(self) -> tuple[ModelInput, ...]:
        """Those of its inputs that need a scan."""
        return tuple(each for each in self.inputs if each.is_image)

    @property
    def with_cox_head(self) -> FusionModel:
        """The same inputs with the censoring-aware head."""
        return FusionModel(self.inputs, Head.COX)


def parse_fusion_model(text: str) -> FusionModel:
    """The model that `text` writes; inputs may stand in any order.

    Raises:
        BadUsageError: an input is not known, or the combination is none.
    """
    head, _, rest = text.strip().rpartition(":")
    if head not in {"", Head.COX}:
        raise BadUsageError(f"model {text!r} begins with {head!r}; only '{Head.COX}:' may stand before the inputs.")
    names = [name.strip() for name in rest.split("+")]
    unknown = [name for name in names if name not in set(ModelInput)]
    if unknown:
        raise BadUsageError(
            f"model {text!r} has the input {unknown[0]!r}; inputs are {', '.join(ModelInput)}, joined by '+'."
        )
    return FusionModel(tuple(ModelInput(name) for name in names), Head.COX if head else Head.CLASS)
