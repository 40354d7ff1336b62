"""Which colour, mark and line each model keeps on every page.

Okabe-Ito hues; two are darkened so that all have at least 3:1 contrast on white and on the dark page (#0E1117).
Colour never carries the meaning alone: the mark, or the line's dash, goes with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from raise_core.domain.marker_name import (
    THREE_VARIABLE_MODEL,
    TWO_VARIABLE_MODEL,
    MarkerKind,
    MarkerName,
    Model,
    parse_model,
    plain_test_name,
)

Theme = Literal["light", "dark"]

LESION = "#009E73"
OUTLINE = "#CC79A7"
LIVER = "#B87A00"
TREATMENT_ARM = "#0072B2"
CONTROL_ARM = "#D55E00"
TWO_VARIABLE = "#777777"
LABS = "#7B61A8"
PUBLISHED = "#8A8F94"
GUIDE = "#8A8F94"  # chance, thresholds, landmarks
TEXT: dict[Theme, str] = {"light": "#16202A", "dark": "#F1F4F7"}
PAGE: dict[Theme, str] = {"light": "#FFFFFF", "dark": "#0E1117"}

_REGION_MARKS = {"lesion": (LESION, "circle"), "binary": (OUTLINE, "square"), "liver": (LIVER, "diamond")}
OTHER_HUES = ("#2E7FC1", "#C4562F", "#8A6FBF", "#8C7A2E", "#B0568C", "#2F8F8F")
_OTHER_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon")


@dataclass(frozen=True)
class Mark:
    """How one series is drawn.

    Attributes:
        colour: hexadecimal colour.
        symbol: Plotly marker symbol.
        dash: Plotly line dash.
        name: plain name for labels.
    """

    colour: str
    symbol: str
    dash: str
    name: str


def model_name(text: str) -> str:
    """Plain name of a model: the paper's name where it has one, else its markers in words."""
    if text == TWO_VARIABLE_MODEL:
        return "Two-variable: SLDr + change in log CgA"
    if text == THREE_VARIABLE_MODEL:
        return "Three-variable: + deep learning"
    return parse_model(text).label


def endpoint_name(endpoint: str) -> str:
    """An outcome in words; unknown ones stay as in the data."""
    return _ENDPOINTS.get(endpoint, endpoint)


def encoder_name(encoder: str) -> str:
    """An image encoder as its makers write it."""
    return _ENCODERS.get(encoder, encoder)


_ENDPOINTS = {
    "PFS": "Progression-free survival", "OS": "Overall survival", "PROGRESSION": "Progression", "DEATH": "Death",
}  # fmt: skip
_ENCODERS = {
    "resnet50-imagenet": "ResNet50 (ImageNet)", "resnet152-ct": "ResNet152 (CT)",
    "efficientnet-lite0-imagenet": "EfficientNet-Lite0 (ImageNet)",
}  # fmt: skip


def short_model_name(text: str) -> str:
    """A name short enough to stand at the end of a line."""
    if text == TWO_VARIABLE_MODEL:
        return "Two-variable"
    if text == THREE_VARIABLE_MODEL:
        return "Three-variable"
    model = parse_model(text)
    if model.is_network_alone:
        region, phase = model.markers[0].key.split("-")
        words = {"lesion": "Lesion", "binary": "Outline only", "liver": "Whole liver"}
        return f"{words[region]}, {phase}"
    return " + ".join(_short_marker_name(marker) for marker in model.markers)


def _short_marker_name(marker: MarkerName) -> str:
    if marker.text in _SHORT:
        return _SHORT[marker.text]
    if marker.kind is MarkerKind.LAB:
        form = {"lab": "{}", "log": "log {}", "dlog": "Δ log {}", "ratio": "{} / ULN"}[marker.transform]
        return form.format(plain_test_name(marker.key))
    if marker.kind is MarkerKind.DEEP:
        return f"network ({marker.key.replace('-', ', ')})"
    return marker.label.split(" (")[0]


def sentence_name(text: str) -> str:
    """A model as it stands in the middle of a sentence."""
    if text == TWO_VARIABLE_MODEL:
        return "size and CgA"
    if text == THREE_VARIABLE_MODEL:
        return "size, CgA and deep learning"
    return " and ".join(_SPOKEN.get(marker.key, _lower_first(marker.label)) for marker in parse_model(text).markers)


def _lower_first(label: str) -> str:
    """A label without its capital, unless its first word is an abbreviation (ALT, Ki-67, SLDr)."""
    first = label.split(" ", maxsplit=1)[0]
    ordinary = first.isalpha() and first[1:].islower()
    return label[:1].lower() + label[1:] if ordinary and first != "CgA" else label


_SPOKEN = {
    "lesion-portal": "the network on the lesion in the portal phase",
    "lesion-arterial": "the network on the lesion in the arterial phase",
    "binary-portal": "the network on the lesion's outline alone",
    "binary-arterial": "the network on the lesion's outline alone in the arterial phase",
    "liver-portal": "the network on the whole liver",
    "liver-arterial": "the network on the whole liver in the arterial phase",
}
_SHORT = {
    "sldr": "SLDr", "sld": "SLD", "sldn": "SLD / nadir", "tgr": "growth rate", "tgr0": "growth before",
    "heterogeneity": "lesion spread",
}  # fmt: skip


def model_marks(models: tuple[str, ...], *, theme: Theme) -> dict[str, Mark]:
    """The mark of each model; named models keep theirs everywhere, others take the next hue in the order given."""
    marks: dict[str, Mark] = {}
    free = 0
    for text in models:
        fixed = _fixed_mark(text, theme=theme)
        if fixed is None:
            hue, symbol = OTHER_HUES[free % len(OTHER_HUES)], _OTHER_SYMBOLS[free % len(_OTHER_SYMBOLS)]
            fixed = Mark(hue, symbol, "solid" if free < len(OTHER_HUES) else "dash", model_name(text))
            free += 1
        marks[text] = fixed
    return marks


def _fixed_mark(text: str, *, theme: Theme) -> Mark | None:
    if text == TWO_VARIABLE_MODEL:
        return Mark(TWO_VARIABLE, "triangle-up", "dash", model_name(text))
    if text == THREE_VARIABLE_MODEL:
        return Mark(TEXT[theme], "star", "solid", model_name(text))
    model: Model = parse_model(text)
    if not model.is_network_alone:
        return None
    region, phase = model.markers[0].key.split("-")
    colour, symbol = _REGION_MARKS[region]
    if phase == "arterial":
        return Mark(colour, f"{symbol}-open", "dash", model_name(text))
    return Mark(colour, symbol, "solid", model_name(text))
