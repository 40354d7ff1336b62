"""What a PRRT run would still have to do, found out without doing it and without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raise_core.domain.errors import WeightsMissingError
from raise_core.domain.fusion_model import Head
from raise_core.features.encoder import Encoder
from raise_core.features.registry import encoder_named
from raise_core.features.resnet152_ct import NAME as CT_BACKBONE
from raise_core.store.artifact import ArtifactStore
from raise_core.store.feature_shelf import FeatureShelf
from raise_core.store.home import Home
from raise_core.studies import prrt_plan
from raise_core.studies.opening import open_study
from raise_core.studies.prrt_material import PrrtMaterial, gather
from raise_core.studies.prrt_plan import PrrtPlans
from raise_core.studies.prrt_runs import FOLD_KIND, IMAGE_KIND, ct_shelf, is_whole
from raise_core.studies.prrt_settings import PrrtSettings


@dataclass(frozen=True)
class PrrtWork:
    """What a run needs, and what of it is kept from earlier ones.

    Attributes:
        run_id: the run, when it is finished already.
        patients: patients of the models with each head.
        excluded: reason to number, of the classifiers' (else the first head's) others.
        images: pairs of PET and CT to prepare.
        images_kept: of these, kept.
        scans_read: CT scans the pretrained network reads.
        scans_read_kept: of these, kept.
        folds: sets of networks, one a head, repeat and fold.
        folds_kept: of these, kept.
        weights_missing: what to do about weights that are not on this machine; None when they are here or not needed.
    """

    run_id: str | None
    patients: Mapping[Head, int]
    excluded: Mapping[str, int]
    images: int
    images_kept: int
    scans_read: int
    scans_read_kept: int
    folds: int
    folds_kept: int
    weights_missing: str | None


def existing_run(home: Home, study_id: str, settings: PrrtSettings, *, snapshot_id: str | None = None) -> str | None:
    """Id of the finished run with these settings, None when it has not been made or has lost a part.

    Raises:
        NotInStoreError: no such study, or an input that nobody has.
        BadInputError: too few patients.
    """
    return planned_work(home, study_id, settings, snapshot_id=snapshot_id).run_id


def planned_work(
    home: Home,
    study_id: str,
    settings: PrrtSettings,
    *,
    snapshot_id: str | None = None,
    half_precision: bool = False,
) -> PrrtWork:
    """What a run with these settings needs and what of it is kept.

    Args:
        home: where everything is kept.
        study_id: study to run on.
        settings: the plan.
        snapshot_id: data snapshot; the study's current one if none is named.
        half_precision: whether networks would run in half precision (on a graphics card).

    Raises:
        NotInStoreError: no such study, or an input that nobody has.
        BadInputError: too few patients.
    """
    source = open_study(home, study_id, snapshot_id)
    material = gather(source, settings)
    plans = PrrtPlans.of(settings)
    store = ArtifactStore(home)
    encoder, missing = _encoder(settings)
    weights_sha256 = "" if missing is not None else None if encoder is None else encoder.weights_sha256
    run_id = prrt_plan.run_key(prrt_plan.run_inputs(source, settings, plans, weights_sha256=weights_sha256))
    own = {head: material.for_head(head, folds=settings.folds) for head in prrt_plan.heads(settings)}
    volumes = _volume_keys(material, settings, plans)
    slices = _slice_keys(material, settings, plans, encoder, half_precision=half_precision)
    folds = [
        fold.key
        for part in own.values()
        for fold in prrt_plan.fold_plans(
            part,
            settings,
            plans,
            numbers=prrt_plan.fold_numbers(part, settings),
            labs=material.labs_of(part.patient_ids),
            image_keys=volumes,
            feature_keys=slices,
            initial_sha256=weights_sha256 if settings.fine_tune else None,
        )
    ]
    return PrrtWork(
        run_id=run_id if missing is None and is_whole(store, run_id) else None,
        patients={head: len(part.patient_ids) for head, part in own.items()},
        excluded=next(iter(own.values())).excluded,
        images=len(volumes),
        images_kept=sum(store.has(IMAGE_KIND, key) for key in volumes.values()),
        scans_read=len(material.patient_ids) if prrt_plan.reads_frozen(settings) else 0,
        scans_read_kept=len(FeatureShelf(store, ct_shelf(settings)).known_keys() & set(slices.values())),
        folds=len(folds),
        folds_kept=sum(store.has(FOLD_KIND, key) for key in folds),
        weights_missing=missing,
    )


def _encoder(settings: PrrtSettings) -> tuple[Encoder | None, str | None]:
    """The CT backbone where a model needs it and it is here, and the remedy where it is not; nothing is downloaded."""
    if not prrt_plan.needs_pretrained(settings):
        return None, None
    try:
        return encoder_named(CT_BACKBONE, download=False), None
    except WeightsMissingError as error:
        return None, str(error)


def _volume_keys(material: PrrtMaterial, settings: PrrtSettings, plans: PrrtPlans) -> dict[str, str]:
    if not prrt_plan.needs_images(settings):
        return {}
    return prrt_plan.volume_keys(prrt_plan.volume_requests(material, material.patient_ids, settings), plans)


def _slice_keys(
    material: PrrtMaterial, settings: PrrtSettings, plans: PrrtPlans, encoder: Encoder | None, *, half_precision: bool
) -> dict[str, str]:
    if encoder is None or not prrt_plan.reads_frozen(settings):
        return {}
    requests = prrt_plan.slice_requests(material, material.patient_ids)
    return prrt_plan.slice_keys(requests, plans, encoder, half_precision=half_precision)
