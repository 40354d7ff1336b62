"""A RAISE run as a serialised plan: everything that determines its result, hashed for the cache."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from raise_core.domain.errors import BadUsageError
from raise_core.domain.marker_name import DEEP_VARIANTS, Model, parse_model
from raise_core.domain.results import CindexSettings
from raise_core.domain.week import DEFAULT_TOLERANCE_WEEKS, DEFAULT_WINDOW_WEEKS, LandmarkWeek
from raise_core.models.perceptron_settings import PerceptronSettings
from raise_core.studies import raise_protocol


@dataclass(frozen=True)
class RaiseSettings:
    """What a run is asked for.

    Attributes:
        weeks: landmark weeks, ascending.
        models: models to evaluate; their `dl:` markers say which networks are trained.
        encoder: image encoder.
        endpoint: outcome.
        splits: Monte Carlo splits.
        train_fraction: share of the patients in training.
        seed: seed of splits, folds and networks.
        window_weeks: how old a scan or value may be.
        tolerance_weeks: how late a visit may be.
        inner_folds: folds of the cross-fitting inside each training split.
        input_px: side of the pictures; None for the encoder's own.
        perceptron: how the networks are trained.
    """

    weeks: tuple[float, ...] = raise_protocol.WEEKS
    models: tuple[str, ...] = raise_protocol.DEFAULT_MODELS
    encoder: str = raise_protocol.ENCODER
    endpoint: str = raise_protocol.ENDPOINT
    splits: int = raise_protocol.SPLITS
    train_fraction: float = raise_protocol.TRAIN_FRACTION
    seed: int = 0
    window_weeks: float = DEFAULT_WINDOW_WEEKS
    tolerance_weeks: float = DEFAULT_TOLERANCE_WEEKS
    inner_folds: int = raise_protocol.INNER_FOLDS
    input_px: int | None = None
    perceptron: PerceptronSettings = field(default_factory=PerceptronSettings)

    def __post_init__(self) -> None:
        if not self.weeks:
            raise BadUsageError("name at least one week, for example --weeks 12,24.")
        if not 0.0 < self.train_fraction < 1.0:
            raise BadUsageError(f"--train-fraction is {self.train_fraction:g}; it must lie between 0 and 1.")
        if self.splits < 2 or self.seed < 0 or self.inner_folds < 2:
            raise BadUsageError("--splits must be at least 2, --seed not negative, and inner folds at least 2.")
        for week in self.weeks:
            self.landmark(week)
        if not self.variants:
            raise BadUsageError(
                "no model of the run has a dl: marker, so there is nothing to extract or train; "
                "evaluate marker models at once with: show cindex --model …"
            )

    @property
    def parsed_models(self) -> tuple[Model, ...]:
        """The models, parsed."""
        return tuple(parse_model(text) for text in self.models)

    @property
    def variants(self) -> tuple[str, ...]:
        """Image variants the models need, in the order of the marker list."""
        used = {variant for model in self.parsed_models for variant in model.deep_variants}
        return tuple(variant for variant in DEEP_VARIANTS if variant in used)

    def landmark(self, week: float) -> LandmarkWeek:
        """The landmark rule at a week."""
        return LandmarkWeek(week, self.window_weeks, self.tolerance_weeks)

    @property
    def cindex(self) -> CindexSettings:
        """The evaluation settings that match this run."""
        return CindexSettings(
            self.endpoint, self.splits, self.train_fraction, self.seed, self.window_weeks, self.tolerance_weeks
        )

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold it; equal settings give equal documents."""
        document = asdict(self)
        document["weeks"] = [float(week) for week in self.weeks]
        document["models"] = [model.text for model in self.parsed_models]
        document["perceptron"] = self.perceptron.to_dict()
        return document

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> RaiseSettings:
        """The settings that `to_document` wrote."""
        values = dict(document)
        values["weeks"] = tuple(values["weeks"])
        values["models"] = tuple(values["models"])
        values["perceptron"] = PerceptronSettings.from_dict(values["perceptron"])
        return cls(**values)
