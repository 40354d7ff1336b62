"""A PRRT run as a serialised plan: everything that determines its result, hashed for the cache."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from raise_core.domain.errors import BadUsageError
from raise_core.domain.fusion_model import FusionModel, Head, parse_fusion_model
from raise_core.features.ct_volume_plan import CtForm
from raise_core.studies import prrt_protocol


@dataclass(frozen=True)
class PrrtSettings:
    """What a run is asked for.

    Attributes:
        models: texts of the models.
        endpoint: outcome.
        horizon_weeks: what divides short from long.
        folds: folds of each repeat.
        lab_repeats: repeats for models of laboratory values alone.
        network_repeats: repeats for models with images.
        seed: of folds, forests and networks.
        side_voxels: voxels along each side of the volumes the networks see.
        ct_form: how the pretrained network reads CT: 'slices' with its 2-D form, or 'volume' with its 3-D form (on a
            graphics card only).
        fine_tune: train the pretrained network further in every fold, in 3-D, instead of taking its frozen features;
            on a graphics card only.
    """

    models: tuple[str, ...] = prrt_protocol.DEFAULT_MODELS
    endpoint: str = prrt_protocol.ENDPOINT
    horizon_weeks: float = prrt_protocol.HORIZON_WEEKS
    folds: int = prrt_protocol.FOLDS
    lab_repeats: int = prrt_protocol.LAB_REPEATS
    network_repeats: int = prrt_protocol.NETWORK_REPEATS
    seed: int = 0
    side_voxels: int = 48
    ct_form: str = CtForm.SLICES.value
    fine_tune: bool = False

    def __post_init__(self) -> None:
        if not self.models:
            raise BadUsageError(f"name at least one model, for example --models {prrt_protocol.DEFAULT_MODELS[-1]}.")
        if self.folds < 2 or self.lab_repeats < 1 or self.network_repeats < 1 or self.seed < 0:
            raise BadUsageError("--folds must be at least 2, repeats at least 1, and --seed not negative.")
        if self.horizon_weeks <= 0:
            raise BadUsageError(f"the horizon is {self.horizon_weeks:g} weeks; it must be greater than 0.")
        if not 16 <= self.side_voxels <= 256:
            raise BadUsageError(f"side_voxels is {self.side_voxels}; it must be 16 to 256.")
        if self.ct_form not in set(CtForm):
            raise BadUsageError(f"ct_form is {self.ct_form!r}; it must be one of {', '.join(CtForm)}.")
        object.__setattr__(self, "models", tuple(dict.fromkeys(parse_fusion_model(each).text for each in self.models)))

    @property
    def parsed_models(self) -> tuple[FusionModel, ...]:
        """The models, parsed."""
        return tuple(parse_fusion_model(text) for text in self.models)

    def models_with(self, head: Head) -> tuple[FusionModel, ...]:
        """Those of the models that have this head."""
        return tuple(model for model in self.parsed_models if model.head is head)

    def repeats_of(self, model: FusionModel) -> int:
        """Repeats of the cross-validation of one model."""
        return self.network_repeats if model.image_inputs else self.lab_repeats

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold it; equal settings give equal documents."""
        return {**asdict(self), "models": list(self.models)}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> PrrtSettings:
        """The settings that `to_document` wrote.

        Raises:
            BadUsageError: a setting is not known, as in what another version of the program wrote.
        """
        unknown = sorted(set(document) - set(cls.__dataclass_fields__))
        if unknown:
            raise BadUsageError(f"unknown setting of a PRRT run: {', '.join(unknown)}.")
        return cls(**{**document, "models": tuple(document["models"])})
