"""The folds of a PRRT run as units of work, and what is kept of each."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan
from raise_core.domain.fusion_model import ModelInput
from raise_core.evaluation.fusion_folds import FoldResult, FoldWork, compute_fold, fold_seed
from raise_core.features.encoder import Weights
from raise_core.store.artifact import ArtifactStore
from raise_core.store.feature_shelf import FeatureShelf
from raise_core.studies.prrt_images import PreparedImages, stacked
from raise_core.studies.prrt_material import HeadMaterial
from raise_core.studies.prrt_plan import FoldPlan, PrrtPlans, image_models
from raise_core.studies.prrt_runs import ct_shelf
from raise_core.studies.prrt_settings import PrrtSettings
from raise_core.studies.unit_processes import computed_units

PRETRAINED_PART = "encoder."
"""What the names of the large network's weights begin with inside its branch."""


@dataclass(frozen=True, eq=False)
class FoldData:
    """What every fold of one head reads.

    Attributes:
        head: the patients.
        settings: what is asked for.
        plans: how it is done.
        pet: shape (n, side, side, side), or None where no model reads it, as are the others.
        ct: likewise.
        ct_features: shape (n, d).
        labs: shape (n, p).
        initial: the user's weights of the CT branch.
        weights: the pretrained CT network, to be trained further.
    """

    head: HeadMaterial
    settings: PrrtSettings
    plans: PrrtPlans
    pet: NDArray[np.float32] | None
    ct: NDArray[np.float32] | None
    ct_features: NDArray[np.float32] | None
    labs: NDArray[np.float64]
    initial: Mapping[str, NDArray[np.float32]] | None
    weights: Weights | None

    def work(self, fold: FoldPlan, *, device: str) -> FoldWork:
        """One fold as a unit of work."""
        return FoldWork(
            models=image_models(self.settings, self.head.head),
            pet=self.pet,
            ct=self.ct,
            ct_features=self.ct_features,
            labs=self.labs,
            long=np.array(self.head.classes.long),
            time_weeks=np.array(self.head.outcome.time_weeks),
            event=np.array(self.head.outcome.event),
            test=fold.test,
            head=self.head.head,
            seed=fold_seed(self.settings.seed, repeat=fold.repeat, fold=fold.fold),
            settings=self.plans.network,
            device=device,
            ct_initial=self.initial,
            ct_weights=self.weights,
        )


def gather_fold_data(
    store: ArtifactStore,
    head: HeadMaterial,
    settings: PrrtSettings,
    plans: PrrtPlans,
    *,
    labs: NDArray[np.float64],
    images: PreparedImages,
    initial: Mapping[str, NDArray[np.float32]] | None,
    weights: Weights | None,
) -> FoldData:
    """Read what was prepared for these patients.

    Args:
        store: where it is kept.
        head: the patients.
        settings: what is asked for.
        plans: how it is done.
        labs: shape (n, p), of these patients.
        images: what was prepared.
        initial: the user's weights of the CT branch.
        weights: the pretrained CT network, to be trained further.

    Raises:
        NotInStoreError: a part was removed meanwhile.
    """
    needed = {each for model in image_models(settings, head.head) for each in model.inputs}
    keys = [images.volume_keys[patient] for patient in head.patient_ids]
    trained = initial is not None or weights is not None
    own_ct = ModelInput.CT in needed or (ModelInput.CT_PRETRAINED in needed and trained)
    frozen = ModelInput.CT_PRETRAINED in needed and not trained
    return FoldData(
        head,
        settings,
        plans,
        pet=stacked(store, keys, "pet") if ModelInput.PET in needed else None,
        ct=stacked(store, keys, "ct") if own_ct else None,
        ct_features=(
            FeatureShelf(store, ct_shelf(settings)).get([images.feature_keys[patient] for patient in head.patient_ids])
            if frozen
            else None
        ),
        labs=labs,
        initial=initial,
        weights=weights,
    )


def compute_folds(
    folds: Sequence[tuple[FoldPlan, FoldData]], *, device_plan: DevicePlan
) -> Generator[tuple[tuple[FoldPlan, FoldData], FoldResult], None, None]:
    """Train every fold, yielding each as it is finished; see `computed_units`.

    Raises:
        BusyError: a worker process died; what was finished has been yielded.
    """
    yield from computed_units(
        folds,
        compute_fold,
        work_of=lambda fold: fold[1].work(fold[0], device=device_plan.device),
        device_plan=device_plan,
    )


def fold_arrays(result: FoldResult) -> dict[str, NDArray[Any]]:
    """What is kept of a fold: outputs as `value/<model>`, fused features as `fused/<model>`, weights by their names.

    Weights of a large network that was trained further are not kept: half a gigabyte a fold.
    """
    further = f"{ModelInput.CT_PRETRAINED}."
    large = any(name.startswith(f"{further}{PRETRAINED_PART}") for name in result.weights)
    return {
        **{f"value/{text}": value for text, value in result.value.items()},
        **{f"fused/{text}": fused for text, fused in result.fused.items()},
        **{name: value for name, value in result.weights.items() if not (large and name.startswith(further))},
    }


def fold_document(result: FoldResult, data: FoldData, fold: FoldPlan) -> dict[str, Any]:
    """What is said of a fold beside its arrays."""
    return {
        "patients": list(data.head.patient_ids),
        "repeat": fold.repeat,
        "fold": fold.fold,
        "test": [int(each) for each in np.flatnonzero(fold.test)],
        "network": data.plans.network.to_dict(),
        "epochs": dict(result.epochs),
        "failures": dict(result.failures),
        "seconds": {stage: round(value, 2) for stage, value in result.seconds.items()},
    }
