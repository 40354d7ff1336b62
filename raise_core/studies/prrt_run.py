"""`run prrt`: scans → one grid → cross-validated networks and forests; each step is kept, so a rerun is instant."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raise_core import __version__
from raise_core.domain.device import DevicePlan, plan_for
from raise_core.domain.errors import BusyError
from raise_core.domain.fusion_model import Head
from raise_core.domain.out_of_fold import OutOfFold
from raise_core.domain.progress import Progress, silent
from raise_core.evaluation.fusion_folds import lab_out_of_fold
from raise_core.features.encoder import Encoder, Weights
from raise_core.features.registry import encoder_named
from raise_core.features.resnet152_ct import NAME as CT_BACKBONE
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.store.lock import under_way
from raise_core.studies import prrt_plan
from raise_core.studies.opening import open_study
from raise_core.studies.prrt_folds import FoldData, compute_folds, fold_arrays, fold_document, gather_fold_data
from raise_core.studies.prrt_images import PreparedImages, prepare_images
from raise_core.studies.prrt_material import HeadMaterial, PrrtMaterial, gather
from raise_core.studies.prrt_plan import FoldPlan, PrrtPlans
from raise_core.studies.prrt_runs import (
    FOLD_KIND,
    LAB_SECONDS,
    RUN_KIND,
    TRAIN_SECONDS,
    PrrtRunSummary,
    is_whole,
    list_prrt_runs,
    output_arrays,
)
from raise_core.studies.prrt_settings import PrrtSettings

TRAINING_STAGE = "Training networks"


def run_prrt(
    home: Home,
    study_id: str,
    settings: PrrtSettings,
    *,
    snapshot_id: str | None = None,
    device: str = "auto",
    weights_file: Path | None = None,
    checkpoint_file: Path | None = None,
    progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None,
) -> PrrtRunSummary:
    """Prepare, extract, train and predict whatever of the plan is not in the store yet, and record the run.

    Args:
        home: where everything is kept.
        study_id: study to run on.
        settings: the plan.
        snapshot_id: data snapshot; the study's current one if none is named.
        device: 'auto', 'cpu' or 'cuda'.
        weights_file: weights of the CT backbone to use instead of looking for them.
        checkpoint_file: the user's weights of the CT branch, from which `ct-pretrained` then starts.
        progress: told the stage and how far it is.
        should_stop: asked between units of work.

    Raises:
        NotInStoreError: no such study, or an input that nobody has.
        BadInputError: too few patients, weights missing, or a checkpoint that does not fit.
        BusyError: asked to stop, a worker died, or somebody removed a part meanwhile; what was finished is kept.
    """
    source = open_study(home, study_id, snapshot_id)
    material = gather(source, settings)
    device_plan = plan_for(device)
    prrt_plan.require_device(settings, device_plan.device)
    initial = None if checkpoint_file is None else _initial_weights(checkpoint_file)
    pretrained = prrt_plan.needs_pretrained(settings) and initial is None
    encoder = encoder_named(CT_BACKBONE, weights_file=weights_file) if pretrained else None
    plans = PrrtPlans.of(settings)
    store = ArtifactStore(home)
    inputs = prrt_plan.run_inputs(source, settings, plans, weights_sha256=_weights_sha256(encoder, checkpoint_file))
    run_id = prrt_plan.run_key(inputs)
    if is_whole(store, run_id):
        return _summary_of(home, source.cohort.study.snapshot_id, run_id)
    with under_way(home):  # nobody clears what this run is about to read
        if store.has(RUN_KIND, run_id):
            store.remove(RUN_KIND, run_id)  # it has lost a part
        clock = _Clock()
        images = prepare_images(
            store,
            material,
            settings,
            plans,
            encoder=None if settings.fine_tune else encoder,
            device_plan=device_plan,
            progress=progress,
            should_stop=should_stop,
        )
        clock.skip()
        clock.seconds |= images.seconds
        heads = [
            _planned(
                head,
                material,
                settings,
                plans,
                images=images,
                initial_sha256=(
                    _weights_sha256(encoder, checkpoint_file) if settings.fine_tune else _sha256(checkpoint_file)
                ),
                progress=progress,
            )
            for head in prrt_plan.heads(settings)
        ]
        clock.lap(LAB_SECONDS)
        trained = _train(
            store,
            heads,
            settings,
            plans,
            images=images,
            initial=initial,
            weights=encoder.weights if encoder is not None and settings.fine_tune else None,
            device_plan=device_plan,
            progress=progress,
            should_stop=should_stop,
        )
        clock.lap(TRAIN_SECONDS)
        outputs = {text: output for head in heads for text, output in _outputs(store, head, settings).items()}
        record = {
            **inputs,
            "patients": {found.own.head.value: _patients_record(found.own) for found in heads},
            "fold_keys": {found.own.head.value: _nested(found.folds, settings) for found in heads},
            "images": images.usable_volume_keys,
            "failures": [list(failure) for failure in sorted(images.failures.items())],
            "labs": list(material.tests),
            "computed": {
                "images": images.computed,
                "features": images.features_computed,
                "folds": trained,
            },
            "seconds": clock.seconds,
            "device": device_plan.device,
            "code_version": __version__,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        store.write(
            RUN_KIND,
            run_id,
            document=record,
            arrays=output_arrays({text: outputs[text] for text in settings.models}),
        )
        if not is_whole(store, run_id):
            raise BusyError("parts of the run were removed while it was made. Run again to make them anew.")
    return _summary_of(home, source.cohort.study.snapshot_id, run_id)


@dataclass(frozen=True, eq=False)
class _HeadPlan:
    """All models with one head: whom they are about, their folds, and what the forests said already."""

    own: HeadMaterial
    numbers: NDArray[np.int8]
    labs: NDArray[np.float64]
    folds: list[FoldPlan]
    lab_outputs: dict[str, OutOfFold]


def _planned(
    head: Head,
    material: PrrtMaterial,
    settings: PrrtSettings,
    plans: PrrtPlans,
    *,
    images: PreparedImages,
    initial_sha256: str | None,
    progress: Progress,
) -> _HeadPlan:
    own = material.for_head(head, not_usable=images.failures, folds=settings.folds)
    numbers = prrt_plan.fold_numbers(own, settings)
    labs = material.labs_of(own.patient_ids)
    folds = prrt_plan.fold_plans(
        own,
        settings,
        plans,
        numbers=numbers,
        labs=labs,
        image_keys=images.volume_keys,
        feature_keys=images.feature_keys,
        initial_sha256=initial_sha256,
    )
    return _HeadPlan(own, numbers, labs, folds, _lab_outputs(own, labs, settings, numbers, progress=progress))


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.seconds: dict[str, float] = {}

    def skip(self) -> None:
        """What passed since the last call is counted elsewhere."""
        self._last = time.monotonic()

    def lap(self, stage: str) -> None:
        """What passed since the last call belongs to `stage`."""
        now = time.monotonic()
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + now - self._last, 2)
        self._last = now


def _summary_of(home: Home, snapshot_id: str, run_id: str) -> PrrtRunSummary:
    return next(run for run in list_prrt_runs(home, snapshot_id) if run.run_id == run_id)


def _initial_weights(file: Path) -> Mapping[str, Any]:
    from raise_core.features.branch_checkpoint import branch_checkpoint

    return branch_checkpoint(file)


def _sha256(file: Path | None) -> str | None:
    return None if file is None else hashlib.sha256(file.read_bytes()).hexdigest()


def _weights_sha256(encoder: Encoder | None, checkpoint_file: Path | None) -> str | None:
    return _sha256(checkpoint_file) if encoder is None else encoder.weights_sha256


def _lab_outputs(
    own: HeadMaterial,
    labs: NDArray[np.float64],
    settings: PrrtSettings,
    numbers: NDArray[np.int8],
    *,
    progress: Progress,
) -> dict[str, OutOfFold]:
    """Out-of-fold outputs of the model of laboratory values alone."""
    found = {}
    for model in settings.models_with(own.head):
        if model.image_inputs:
            continue
        fold = numbers[: settings.repeats_of(model)]
        value = lab_out_of_fold(
            labs,
            np.array(own.classes.long),
            np.array(own.outcome.time_weeks),
            np.array(own.outcome.event),
            fold=fold,
            head=own.head,
            seed=settings.seed,
            progress=progress,
        )
        found[model.text] = OutOfFold(model, own.patient_ids, value, fold)
    return found


def _train(
    store: ArtifactStore,
    heads: Sequence[_HeadPlan],
    settings: PrrtSettings,
    plans: PrrtPlans,
    *,
    images: PreparedImages,
    initial: Mapping[str, NDArray[np.float32]] | None,
    weights: Weights | None,
    device_plan: DevicePlan,
    progress: Progress,
    should_stop: Callable[[], bool] | None,
) -> int:
    """Train every fold that is not kept; how many that were."""
    missing: list[tuple[FoldPlan, FoldData]] = []
    for head in heads:
        folds = [fold for fold in head.folds if not store.has(FOLD_KIND, fold.key)]
        if folds:
            data = gather_fold_data(
                store, head.own, settings, plans, labs=head.labs, images=images, initial=initial, weights=weights
            )
            missing += [(fold, data) for fold in folds]
    if missing:
        progress(TRAINING_STAGE, 0, len(missing))
    for done, ((fold, data), result) in enumerate(compute_folds(missing, device_plan=device_plan), start=1):
        store.write(FOLD_KIND, fold.key, arrays=fold_arrays(result), document=fold_document(result, data, fold))
        progress(TRAINING_STAGE, done, len(missing))
        if should_stop is not None and done < len(missing) and should_stop():
            raise BusyError(f"stopped after {done} of {len(missing)} folds; they are kept. Run again to go on.")
    return len(missing)


def _outputs(store: ArtifactStore, head: _HeadPlan, settings: PrrtSettings) -> dict[str, OutOfFold]:
    """What every model with a head said of the patients it was not trained on."""
    patients, models = head.own.patient_ids, prrt_plan.image_models(settings, head.own.head)
    values = {model.text: np.full((settings.network_repeats, len(patients)), np.nan) for model in models}
    for fold in head.folds:
        kept = store.read(FOLD_KIND, fold.key)
        if kept is None:
            raise BusyError("parts of the run were removed while it was made. Run again to make them anew.")
        for model in models:
            values[model.text][fold.repeat, fold.test] = kept.arrays[f"value/{model.text}"]
    return head.lab_outputs | {
        model.text: OutOfFold(model, patients, values[model.text], head.numbers[: settings.network_repeats])
        for model in models
    }


def _nested(folds: Sequence[FoldPlan], settings: PrrtSettings) -> list[list[str]]:
    by_place = {(fold.repeat, fold.fold): fold.key for fold in folds}
    if not by_place:
        return []
    return [[by_place[repeat, fold] for fold in range(settings.folds)] for repeat in range(settings.network_repeats)]


def _patients_record(own: HeadMaterial) -> dict[str, Any]:
    return {
        "patient_ids": list(own.patient_ids),
        "time_weeks": own.outcome.time_weeks.tolist(),
        "event": own.outcome.event.astype(int).tolist(),
        "excluded": dict(own.excluded),
    }
