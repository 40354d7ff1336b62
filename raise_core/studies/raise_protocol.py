"""The RAISE study as data: weeks, models, comparisons and what the paper reported.

Source: Pavel M, et al. The use of deep learning models to predict progression-free survival in patients with
neuroendocrine tumors. Future Oncol. 2023. The paper does not state who counts as at risk at a week.
"""

from __future__ import annotations

from dataclasses import dataclass

from raise_core.domain.marker_name import DEEP_VARIANTS, THREE_VARIABLE_MODEL, TWO_VARIABLE_MODEL
from raise_core.domain.results import PublishedPoint
from raise_core.features.registry import DEFAULT_ENCODER

WEEKS: tuple[float, ...] = (12.0, 24.0, 36.0, 48.0, 72.0)
SPLITS = 100
TRAIN_FRACTION = 0.8
INNER_FOLDS = 3
ENDPOINT = "PFS"
ENCODER = DEFAULT_ENCODER
SOURCE = "Pavel et al. 2023"

TWO_VARIABLE = TWO_VARIABLE_MODEL
THREE_VARIABLE = THREE_VARIABLE_MODEL
DEFAULT_MODELS: tuple[str, ...] = (*(f"dl:{variant}" for variant in DEEP_VARIANTS), TWO_VARIABLE, THREE_VARIABLE)


@dataclass(frozen=True)
class Comparison:
    """Models the paper sets side by side in one figure.

    Attributes:
        key: short name that stands in addresses.
        question: the question it answers, in plain words.
        figure: number in the paper.
        models: models compared, the main one first.
    """

    key: str
    question: str
    figure: str
    models: tuple[str, ...]


COMPARISONS: tuple[Comparison, ...] = (
    Comparison(
        "texture",
        "Does the inside of the lesion say more than its outline?",
        "4A",
        ("dl:lesion-portal", "dl:binary-portal"),
    ),
    Comparison("region", "Is the lesion enough, or the whole liver?", "4B", ("dl:lesion-portal", "dl:liver-portal")),
    Comparison("phase", "Which contrast phase says more?", "4C", ("dl:lesion-portal", "dl:lesion-arterial")),
    Comparison("added", "Does deep learning add to size and CgA?", "5", (TWO_VARIABLE, THREE_VARIABLE)),
)

_REPORTED: dict[str, dict[float, float]] = {
    "dl:lesion-portal": {12.0: 0.66, 24.0: 0.70, 72.0: 0.70},
    "dl:binary-portal": {24.0: 0.66, 72.0: 0.58},
    "dl:liver-portal": {12.0: 0.58, 24.0: 0.67, 72.0: 0.49},
    "dl:lesion-arterial": {12.0: 0.69, 24.0: 0.61, 72.0: 0.61},
    TWO_VARIABLE: {12.0: 0.78, 72.0: 0.86},
    THREE_VARIABLE: {12.0: 0.80, 72.0: 0.87},
}


def published_points(models: tuple[str, ...]) -> tuple[PublishedPoint, ...]:
    """What the paper reported for those of `models` it has."""
    return tuple(
        PublishedPoint(model, week, value, SOURCE)
        for model in models
        for week, value in _REPORTED.get(model, {}).items()
    )
