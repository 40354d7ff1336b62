"""What a PRRT run is made of before anything is computed: its name, its scans, its folds. No torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import BadUsageError
from raise_core.domain.fusion_model import FusionModel, Head, ModelInput
from raise_core.evaluation.fusion_folds import FOLD_VERSION, kfold_assignment
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.features.ct_volume_plan import CtForm, CtSlicesPlan, CtVolumeRequest, ct_feature_key
from raise_core.features.encoder import FeatureEncoder
from raise_core.imaging.petct_plan import PetCtPlan
from raise_core.imaging.petct_request import LesionFile, PetCtRequest, petct_key
from raise_core.models.network_settings import NetworkSettings
from raise_core.store.artifact import artifact_key
from raise_core.studies.prrt_material import CT, PET, HeadMaterial, PrrtMaterial, Record
from raise_core.studies.prrt_runs import FOLD_KIND, RUN_KIND
from raise_core.studies.prrt_settings import PrrtSettings

LAB_VERSION = 1
"""Raise this whenever the same laboratory values and folds would give other forests."""


@dataclass(frozen=True)
class PrrtPlans:
    """How scans are prepared and networks trained.

    Attributes:
        volumes: PET and CT on one grid, for the networks trained here.
        slices: CT slices for the pretrained network.
        network: how networks are trained.
    """

    volumes: PetCtPlan
    slices: CtSlicesPlan
    network: NetworkSettings

    @classmethod
    def of(cls, settings: PrrtSettings) -> PrrtPlans:
        """The plans that settings ask for."""
        slices = CtSlicesPlan.in_3d() if settings.ct_form == CtForm.VOLUME else CtSlicesPlan()
        return cls(PetCtPlan(side_voxels=settings.side_voxels), slices, NetworkSettings())

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "volumes": self.volumes.to_dict(),
            "slices": self.slices.to_dict(),
            "network": self.network.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class FoldPlan:
    """One fold of one repeat, for all image models with one head.

    Attributes:
        key: artifact key.
        head: what the models predict.
        repeat: from 0.
        fold: from 0.
        test: shape (n,), the patients left out.
    """

    key: str
    head: Head
    repeat: int
    fold: int
    test: NDArray[np.bool_]


def run_inputs(
    source: MarkerSource, settings: PrrtSettings, plans: PrrtPlans, *, weights_sha256: str | None
) -> dict[str, Any]:
    """Everything that determines a run's result, as JSON can hold it.

    Args:
        source: the study.
        settings: what is asked for.
        plans: how it is done.
        weights_sha256: of the pretrained CT network; None where no model has one.
    """
    study = source.cohort.study
    return {
        "study_id": study.study_id,
        "snapshot_id": study.snapshot_id,
        "settings": settings.to_document(),
        "plans": plans.to_document(),
        "weights_sha256": weights_sha256,
        "versions": [FOLD_VERSION, LAB_VERSION],
    }


def run_key(inputs: Mapping[str, Any]) -> str:
    """Artifact key of the run with these inputs."""
    return artifact_key(RUN_KIND, inputs)


def needs_pretrained(settings: PrrtSettings) -> bool:
    """Whether any of the models reads CT through the pretrained network."""
    return any(ModelInput.CT_PRETRAINED in model.inputs for model in settings.parsed_models)


def reads_frozen(settings: PrrtSettings) -> bool:
    """Whether the pretrained network's features are computed once and kept."""
    return needs_pretrained(settings) and not settings.fine_tune


def needs_images(settings: PrrtSettings) -> bool:
    """Whether any of the models needs a scan."""
    return any(model.image_inputs for model in settings.parsed_models)


def image_models(settings: PrrtSettings, head: Head) -> tuple[FusionModel, ...]:
    """The models with this head that are trained fold by fold."""
    return tuple(model for model in settings.models_with(head) if model.image_inputs)


def heads(settings: PrrtSettings) -> tuple[Head, ...]:
    """Heads that any model has."""
    return tuple(head for head in Head if settings.models_with(head))


def volume_requests(material: PrrtMaterial, patients: Sequence[str], settings: PrrtSettings) -> list[PetCtRequest]:
    """What is to be prepared for each patient: of PET and CT what the models need, and the lesions marked on either.

    CT is prepared for models of the pretrained branch too: what they looked at is drawn on it.
    """
    needed = {each for model in settings.parsed_models for each in model.inputs}
    with_ct = bool({ModelInput.CT, ModelInput.CT_PRETRAINED} & needed)
    return [
        _volume_request(
            material,
            patient,
            pet=material.scans[PET][patient] if ModelInput.PET in needed else None,
            ct=material.scans[CT][patient] if with_ct else None,
        )
        for patient in patients
    ]


def _volume_request(material: PrrtMaterial, patient: str, *, pet: Record | None, ct: Record | None) -> PetCtRequest:
    lesions = [
        LesionFile(Path(str(mask["file"])), str(mask["content_sha256"]), _whole(mask["label"]))
        for scan in (pet, ct)
        if scan is not None
        for mask in material.masks.get(str(scan["scan_id"]), ())
    ]
    return PetCtRequest(
        patient_id=patient,
        pet_file=None if pet is None else Path(str(pet["file"])),
        pet_sha256=None if pet is None else str(pet["content_sha256"]),
        ct_file=None if ct is None else Path(str(ct["file"])),
        ct_sha256=None if ct is None else str(ct["content_sha256"]),
        lesions=tuple(lesions),
    )


def slice_requests(material: PrrtMaterial, patients: Sequence[str]) -> list[CtVolumeRequest]:
    """The CT of each patient for the pretrained network."""
    scans = [material.scans[CT][patient] for patient in patients]
    return [
        CtVolumeRequest(patient, Path(str(scan["file"])), str(scan["content_sha256"]))
        for patient, scan in zip(patients, scans, strict=True)
    ]


def volume_keys(requests: Sequence[PetCtRequest], plans: PrrtPlans) -> dict[str, str]:
    """Patient to the key of the prepared PET and CT."""
    return {request.patient_id: petct_key(request, plan=plans.volumes) for request in requests}


def slice_keys(
    requests: Sequence[CtVolumeRequest], plans: PrrtPlans, encoder: FeatureEncoder, *, half_precision: bool
) -> dict[str, str]:
    """Patient to the key of the frozen CT features."""
    return {
        request.patient_id: ct_feature_key(request, plan=plans.slices, encoder=encoder, half_precision=half_precision)
        for request in requests
    }


def fold_numbers(head: HeadMaterial, settings: PrrtSettings) -> NDArray[np.int8]:
    """Fold of each patient in each repeat, shape (repeats, n); as many repeats as any model has."""
    repeats = max(settings.lab_repeats, settings.network_repeats)
    return kfold_assignment(
        head.stratum, folds=settings.folds, repeats=repeats, seed=settings.seed, keys=head.patient_ids
    )


def fold_plans(
    head: HeadMaterial,
    settings: PrrtSettings,
    plans: PrrtPlans,
    *,
    numbers: NDArray[np.int8],
    labs: NDArray[np.float64],
    image_keys: Mapping[str, str],
    feature_keys: Mapping[str, str],
    initial_sha256: str | None,
) -> list[FoldPlan]:
    """Every fold of every repeat that networks are trained in, by repeat and fold.

    Args:
        head: the patients.
        settings: what is asked for.
        plans: how it is done.
        numbers: from `fold_numbers`.
        labs: shape (n, p), of these patients.
        image_keys: from `volume_keys`.
        feature_keys: from `slice_keys`; empty where no model needs them.
        initial_sha256: of the user's checkpoint of the CT branch.
    """
    models = image_models(settings, head.head)
    if not models:
        return []
    determined_by = {
        "version": FOLD_VERSION,
        "models": [model.text for model in models],
        "head": head.head.value,
        "patients": list(head.patient_ids),
        "images": [image_keys.get(patient) for patient in head.patient_ids],
        "features": [feature_keys.get(patient) for patient in head.patient_ids],
        "labs": hashlib.sha256(np.ascontiguousarray(labs).tobytes()).hexdigest(),
        "time_weeks": head.outcome.time_weeks.tolist(),
        "event": head.outcome.event.astype(int).tolist(),
        "horizon_weeks": head.classes.horizon_weeks,
        "network": plans.network.to_dict(),
        "initial": initial_sha256,
        "seed": settings.seed,
    }
    return [
        FoldPlan(
            artifact_key(
                FOLD_KIND,
                {**determined_by, "repeat": repeat, "fold": fold, "numbers": numbers[repeat].tolist()},
            ),
            head.head,
            repeat,
            fold,
            numbers[repeat] == fold,
        )
        for repeat in range(settings.network_repeats)
        for fold in range(settings.folds)
    ]


def require_device(settings: PrrtSettings, device: str) -> None:
    """Refuse what only a graphics card can do.

    Raises:
        BadUsageError: the 3-D form of the pretrained network, or training it further, was asked for on a processor.
    """
    in_3d = settings.ct_form == CtForm.VOLUME or settings.fine_tune
    if needs_pretrained(settings) and in_3d and device != "cuda":
        raise BadUsageError(
            "the pretrained CT network has 117 million weights in 3-D and needs a graphics card (--device cuda); on a "
            "processor use its 2-D form: --ct-form slices, without --fine-tune."
        )


def _whole(value: object) -> int | None:
    return None if value is None or value != value else int(str(value).removesuffix(".0"))  # noqa: PLR0124 - NaN
