"""What the PRRT study's models are called and how they are drawn, the same on every page.

Single inputs have a colour each; whatever joins several is drawn in the text's colour and told apart by its dash.
"""

from __future__ import annotations

from collections.abc import Sequence

from raise_core.domain.fusion_model import FusionModel, Head, ModelInput, parse_fusion_model
from raise_core.figures.identity import LABS, TEXT, Mark, Theme

PET, CT = "#2E96D2", "#8C6D31"
LONG, SHORT = "#2F8F8F", "#B0568C"
"""Long and short progression-free survival, what was predicted and what was seen alike."""

_COLOURS = {ModelInput.PET: PET, ModelInput.CT: CT, ModelInput.CT_PRETRAINED: CT, ModelInput.LAB: LABS}
_SYMBOLS = {
    ModelInput.PET: "circle", ModelInput.CT: "square", ModelInput.CT_PRETRAINED: "square", ModelInput.LAB: "diamond",
}  # fmt: skip
_WORDS = {
    ModelInput.PET: "PET", ModelInput.CT: "CT", ModelInput.CT_PRETRAINED: "CT (pretrained)", ModelInput.LAB: "labs",
}  # fmt: skip
_FUSION_MARKS = {
    "pet+ct": ("dash", "triangle-up"),
    "pet+ct+lab": ("dot", "triangle-down"),
    "pet+ct-pretrained": ("dashdot", "pentagon"),
    "pet+ct-pretrained+lab": ("solid", "star"),
}
_OTHER_FUSION = ("longdash", "hexagon")
CENSORING_AWARE = "censoring-aware"


def fusion_name(text: str) -> str:
    """A model in words: 'Laboratory values', 'PET + CT (pretrained) + labs', 'CT, censoring-aware'."""
    model = parse_fusion_model(text)
    name = "Laboratory values" if model.inputs == (ModelInput.LAB,) else " + ".join(_WORDS[one] for one in model.inputs)
    return f"{name}, {CENSORING_AWARE}" if model.head is Head.COX else name


def fusion_in_sentence(text: str) -> str:
    """A model as it stands in a sentence: 'PET, CT (pretrained) and laboratory values'."""
    model = parse_fusion_model(text)
    words = ["laboratory values" if one is ModelInput.LAB else _WORDS[one] for one in model.inputs]
    joined = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return f"{joined} ({CENSORING_AWARE})" if model.head is Head.COX else joined


def fusion_mark(text: str, *, theme: Theme) -> Mark:
    """Colour, symbol and dash of a model; a Cox head has its classifier's, the symbol open."""
    model = parse_fusion_model(text)
    colour, dash, symbol = _drawn(model, theme)
    if model.head is Head.COX:
        symbol, dash = f"{symbol}-open", "longdashdot" if len(model.inputs) == 1 else dash
    return Mark(colour, symbol, dash, fusion_name(text))


def fusion_marks(models: Sequence[str], *, theme: Theme) -> dict[str, Mark]:
    """The mark of each model."""
    return {text: fusion_mark(text, theme=theme) for text in models}


def _drawn(model: FusionModel, theme: Theme) -> tuple[str, str, str]:
    if len(model.inputs) == 1:
        only = model.inputs[0]
        return _COLOURS[only], "dash" if only is ModelInput.CT_PRETRAINED else "solid", _SYMBOLS[only]
    return TEXT[theme], *_FUSION_MARKS.get("+".join(model.inputs), _OTHER_FUSION)
