"""PET and CT of a PRRT run, prepared once and kept: volumes on one grid, features of the pretrained network."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan, usable_processors
from raise_core.domain.errors import BusyError, NotInStoreError
from raise_core.domain.progress import Progress
from raise_core.domain.volume import Geometry
from raise_core.features.ct_volume import extract_ct_features
from raise_core.features.ct_volume_plan import CtVolumeRequest
from raise_core.features.encoder import Encoder
from raise_core.imaging.petct import PetCtImage
from raise_core.imaging.petct_batch import prepare_all
from raise_core.store.artifact import ArtifactStore
from raise_core.store.feature_shelf import FeatureShelf
from raise_core.studies import prrt_plan
from raise_core.studies.prrt_material import PrrtMaterial
from raise_core.studies.prrt_plan import PrrtPlans
from raise_core.studies.prrt_runs import IMAGE_KIND, PREPARE_SECONDS, READ_SECONDS, ct_shelf
from raise_core.studies.prrt_settings import PrrtSettings

PREPARING_STAGE = "Preparing PET and CT"
READING_STAGE = "Reading CT with the pretrained network"
SHELF_ROWS = 8
"""Patients whose features are kept together: what a kill loses at most."""

_LOG = logging.getLogger(__name__)
_Item = TypeVar("_Item")


@dataclass(frozen=True, eq=False)
class PreparedImages:
    """What is kept of the scans of a run's patients.

    Attributes:
        volume_keys: patient to artifact key of the prepared PET and CT; empty where no model needs a scan.
        feature_keys: patient to key of the pretrained network's features; empty where no model needs them.
        failures: patient to the reason the scans cannot be used.
        computed: pairs of scans prepared now.
        features_computed: CT scans read now.
        seconds: by stage.
    """

    volume_keys: Mapping[str, str]
    feature_keys: Mapping[str, str]
    failures: Mapping[str, str]
    computed: int
    features_computed: int
    seconds: Mapping[str, float]

    @property
    def usable_volume_keys(self) -> dict[str, str]:
        """Those of `volume_keys` that are kept."""
        return {patient: key for patient, key in self.volume_keys.items() if patient not in self.failures}


def prepare_images(
    store: ArtifactStore,
    material: PrrtMaterial,
    settings: PrrtSettings,
    plans: PrrtPlans,
    *,
    encoder: Encoder | None,
    device_plan: DevicePlan,
    progress: Progress,
    should_stop: Callable[[], bool] | None,
) -> PreparedImages:
    """Prepare and read whatever of the scans is not kept yet.

    Args:
        store: where it is kept.
        material: the patients and their scans.
        settings: what is asked for.
        plans: how it is done.
        encoder: the pretrained CT network; None where no model reads its frozen features.
        device_plan: where to compute.
        progress: told the stage and how far it is.
        should_stop: asked between patients.

    Raises:
        BusyError: asked to stop; what was finished is kept.
    """
    failures: dict[str, str] = {}
    if not prrt_plan.needs_images(settings):
        return PreparedImages({}, {}, failures, 0, 0, {})
    began = time.monotonic()
    volumes = prrt_plan.volume_requests(material, material.patient_ids, settings)
    keys = prrt_plan.volume_keys(volumes, plans)
    missing = [request for request in volumes if not store.has(IMAGE_KIND, keys[request.patient_id])]
    made = prepare_all(missing, plan=plans.volumes, workers=usable_processors())
    for request, image in _watched(made, len(missing), PREPARING_STAGE, progress, should_stop):
        if isinstance(image, str):
            failures[request.patient_id] = image
        else:
            write_image(store, keys[request.patient_id], image)
    prepared = time.monotonic()
    feature_keys: dict[str, str] = {}
    read = 0
    if encoder is not None:
        slices = prrt_plan.slice_requests(
            material, [patient for patient in material.patient_ids if patient not in failures]
        )
        feature_keys = prrt_plan.slice_keys(slices, plans, encoder, half_precision=device_plan.autocast)
        read = _read_slices(
            store,
            slices,
            feature_keys,
            failures,
            shelf_name=ct_shelf(settings),
            plans=plans,
            encoder=encoder,
            device_plan=device_plan,
            progress=progress,
            should_stop=should_stop,
        )
    for patient, reason in failures.items():
        _LOG.warning("scans of %s cannot be used: %s", patient, reason)
    seconds = {PREPARE_SECONDS: prepared - began}
    if encoder is not None:
        seconds[READ_SECONDS] = time.monotonic() - prepared
    return PreparedImages(
        keys,
        feature_keys,
        failures,
        len(missing),
        read,
        {stage: round(value, 2) for stage, value in seconds.items()},
    )


def write_image(store: ArtifactStore, key: str, image: PetCtImage) -> None:
    """Keep one patient's prepared volumes, in half precision: a 2000th of the range is finer than any noise."""
    arrays = {
        name: volume.astype(np.float16) for name, volume in (("pet", image.pet), ("ct", image.ct)) if volume is not None
    }
    lesion = {} if image.lesion is None else {"lesion": image.lesion.astype(np.uint8)}
    store.write(IMAGE_KIND, key, arrays={**arrays, **lesion}, document={"geometry": image.geometry.to_dict()})


def read_image(store: ArtifactStore, key: str) -> PetCtImage:
    """What `write_image` kept.

    Raises:
        NotInStoreError: it was removed.
    """
    found = store.read(IMAGE_KIND, key)
    if found is None:
        raise NotInStoreError("a patient's prepared PET and CT were removed; run the PRRT study again to make them.")
    volumes = {name: found.arrays[name].astype(np.float32) for name in ("pet", "ct") if name in found.arrays}
    lesion = found.arrays.get("lesion")
    return PetCtImage(
        Geometry.from_dict(found.document["geometry"]),
        volumes.get("pet"),
        volumes.get("ct"),
        None if lesion is None else lesion.astype(np.bool_),
    )


def stacked(store: ArtifactStore, keys: Sequence[str], name: str) -> NDArray[np.float32]:
    """One modality of several patients, shape (n, side, side, side), in the order of `keys`.

    Raises:
        NotInStoreError: one was removed.
    """
    volumes = []
    for key in keys:
        found = store.read(IMAGE_KIND, key)
        if found is None:
            raise NotInStoreError("a patient's prepared PET and CT were removed meanwhile; run again to make them.")
        volumes.append(found.arrays[name].astype(np.float32))
    return np.stack(volumes)


def _read_slices(
    store: ArtifactStore,
    requests: Sequence[CtVolumeRequest],
    keys: Mapping[str, str],
    failures: dict[str, str],
    *,
    shelf_name: str,
    plans: PrrtPlans,
    encoder: Encoder,
    device_plan: DevicePlan,
    progress: Progress,
    should_stop: Callable[[], bool] | None,
) -> int:
    """Features of the scans that have none yet; how many that were."""
    shelf = FeatureShelf(store, shelf_name)
    known = shelf.known_keys()
    missing = [request for request in requests if keys[request.patient_id] not in known]
    waiting: dict[str, NDArray[np.float32]] = {}

    def keep() -> None:
        if waiting:
            shelf.put(list(waiting), np.stack(list(waiting.values())))
            waiting.clear()

    made = extract_ct_features(missing, plan=plans.slices, encoder=encoder, device_plan=device_plan)
    try:
        for request, vector in _watched(made, len(missing), READING_STAGE, progress, should_stop):
            if isinstance(vector, str):
                failures[request.patient_id] = vector
                continue
            waiting[keys[request.patient_id]] = vector
            if len(waiting) >= SHELF_ROWS:
                keep()
    finally:
        keep()
    return len(missing)


def _watched(
    made: Iterable[_Item], total: int, stage: str, progress: Progress, should_stop: Callable[[], bool] | None
) -> Iterator[_Item]:
    """The same items, each counted once it has been dealt with.

    Raises:
        BusyError: asked to stop.
    """
    progress(stage, 0, total)
    for done, item in enumerate(made, start=1):
        yield item
        progress(stage, done, total)
        if should_stop is not None and done < total and should_stop():
            raise BusyError(f"stopped after {done} of {total} patients; they are kept. Run again to go on.")
