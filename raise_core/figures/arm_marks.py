"""Which colour, line and mark each arm keeps on every page, whatever filter leaves of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raise_core.figures.identity import CONTROL_ARM, GUIDE, TREATMENT_ARM

_FURTHER = ("#B0568C", "#2F8F8F", "#8C7A2E", "#8A6FBF")  # third to sixth arm
_FURTHER_SYMBOLS = ("diamond", "triangle-up", "square", "pentagon")
_FURTHER_GLYPHS = ("◆", "▲", "■", "⬟")
_FURTHER_DASHES = ("dot", "dashdot", "longdash", "longdashdot")


@dataclass(frozen=True)
class ArmMark:
    """How one arm is drawn.

    Attributes:
        colour: hexadecimal colour, at least 3:1 on both themes.
        dash: Plotly line dash.
        symbol: Plotly marker symbol.
        glyph: the symbol as a character, for text.
    """

    colour: str
    dash: str
    symbol: str
    glyph: str


_TREATMENT = ArmMark(TREATMENT_ARM, "solid", "circle", "●")
_CONTROL = ArmMark(CONTROL_ARM, "dash", "circle-open", "○")
_NO_ARM = ArmMark(GUIDE, "dot", "x", "×")


def arm_marks(study_arms: Sequence[str], *, reference: str | None) -> Mapping[str, ArmMark]:
    """The mark of each arm of a study and, under any other name, that of patients without one.

    Args:
        study_arms: arms of the whole study, in their order; not those a filter leaves, or colours would change hands.
        reference: the control arm; without one the last of two arms counts as control.
    """
    if reference is None and len(study_arms) == 2:
        reference = study_arms[-1]
    marks = _WithDefault(_NO_ARM)
    others = [arm for arm in study_arms if arm != reference]
    for position, arm in enumerate(others):
        marks[arm] = _TREATMENT if position == 0 else _further(position - 1)
    if reference is not None:
        marks[reference] = _CONTROL
    return marks


def _further(position: int) -> ArmMark:
    place = position % len(_FURTHER)
    return ArmMark(_FURTHER[place], _FURTHER_DASHES[place], _FURTHER_SYMBOLS[place], _FURTHER_GLYPHS[place])


class _WithDefault(dict[str, ArmMark]):
    """A mapping that answers for patients without an arm, too."""

    def __init__(self, default: ArmMark) -> None:
        super().__init__()
        self._default = default

    def __missing__(self, key: str) -> ArmMark:
        return self._default
