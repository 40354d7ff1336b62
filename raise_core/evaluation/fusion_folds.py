"""Repeated stratified k-fold cross-validation of the PRRT study's models: everything trained with one fold left out.

With a fold left out, each branch (PET, CT) is trained once, and every fusion of that fold reads its features. Nothing
is fitted outside the training patients: weights, imputation, scales, principal components and the decision when to
stop all come from them. Free of torch until something is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.device import plan_for
from raise_core.domain.errors import BadInputError, BadUsageError
from raise_core.domain.fusion_model import FusionModel, Head, ModelInput
from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.domain.progress import Progress, silent
from raise_core.evaluation.resampling import inner_folds
from raise_core.models.network_settings import NetworkSettings

if TYPE_CHECKING:
    from raise_core.features.encoder import Weights
    from raise_core.models.fold_network import FoldNetwork

FOLD_VERSION = 1
"""Raise this whenever the same fold would give other results: stored folds are found by it."""


@dataclass(frozen=True, eq=False)
class FoldWork:
    """A fold left out, and the patients: plain arrays and words, so that it travels to another process.

    Attributes:
        models: what to train, all with the same head, each with at least one image.
        pet: shape (n, D, H, W), 0 to 1; needed where a model reads it, as are the others.
        ct: likewise.
        ct_features: shape (n, d): the pretrained CT network's features, frozen.
        labs: shape (n, p), NaN where missing.
        long: shape (n,), the class; read for the class head.
        time_weeks: shape (n,); read for the Cox head, as is `event`.
        event: shape (n,), False where censored.
        test: shape (n,), the fold left out.
        head: what is predicted.
        seed: of everything random in this fold.
        settings: of the networks.
        device: 'auto', 'cpu' or 'cuda'. On the CPU one thread is used; run several folds in several processes.
        ct_initial: weights (names as in a branch's state_dict) from which a 3-D CT branch of 'ct-pretrained' is
            trained further, instead of frozen features.
        ct_weights: the pretrained CT network itself, to be trained further in 3-D on `ct`, instead of frozen features;
            for a GPU.
    """

    models: tuple[FusionModel, ...]
    pet: NDArray[np.float32] | None
    ct: NDArray[np.float32] | None
    ct_features: NDArray[np.float32] | None
    labs: FloatArray | None
    long: BoolArray
    time_weeks: FloatArray
    event: BoolArray
    test: BoolArray
    head: Head
    seed: int
    settings: NetworkSettings = field(default_factory=NetworkSettings)
    device: str = "auto"
    ct_initial: Mapping[str, NDArray[np.float32]] | None = None
    ct_weights: Weights | None = None

    @property
    def trains_pretrained(self) -> bool:
        """Whether the pretrained CT branch is a 3-D network that is trained further, and no frozen features."""
        return self.ct_initial is not None or self.ct_weights is not None


@dataclass(frozen=True, eq=False)
class FoldResult:
    """What was trained with one fold left out.

    Attributes:
        value: model text to the output of the test patients in row order, shape (n_test,): the probability of long, or
            the log hazard less its mean over the training patients; NaN where training failed.
        fused: model text to the fused features of all patients, shape (n, h): those of the branch itself for a model
            of one branch; NaN where training failed.
        weights: arrays to rebuild the networks from: '<input>.<parameter>' of a branch, '<input>-block.<statistic>' of
            what was fitted to an input, '<model text>/<parameter>' of dense layers, '<model text>/centre'.
        epochs: branch name or model text to the epochs until the weights that were kept.
        failures: model text to why it could not be trained.
        seconds: stage to seconds.
    """

    value: Mapping[str, FloatArray]
    fused: Mapping[str, NDArray[np.float32]]
    weights: Mapping[str, NDArray[Any]]
    epochs: Mapping[str, int]
    failures: Mapping[str, str]
    seconds: Mapping[str, float]


def compute_fold(work: FoldWork) -> FoldResult:
    """Train everything of a fold; a module-level function of one argument, for pools of spawned processes.

    Raises:
        BadUsageError: models that do not share the head or need no image, or the device cannot be used.
        BadInputError: an input that a model reads is missing, or shapes disagree.
    """
    _check(work)
    plan = plan_for(work.device)
    from raise_core.evaluation.fold_training import train_fold

    return train_fold(work, plan)


def fold_network(weights: Mapping[str, NDArray[Any]], model: FusionModel, settings: NetworkSettings) -> FoldNetwork:
    """One model of a fold as a torch module, to be explained; see `raise_core.models.fold_network.FoldNetwork`.

    Raises:
        BadUsageError: the fold has no such model, or its training failed.
    """
    from raise_core.models.fold_network import fold_network as rebuild

    return rebuild(weights, model, settings)


def kfold_assignment(
    stratum: ArrayLike, *, folds: int, repeats: int, seed: int, keys: Sequence[object] | NDArray[np.generic]
) -> NDArray[np.int8]:
    """The fold in which each patient is tested, in each repeat; sizes, and strata, differ by at most one.

    Repeat r is the same however many repeats are asked for, and belongs to patients and not to rows.

    Args:
        stratum: bool, shape (n,): the class for classifiers, the event for hazards.
        folds: how many, from 2.
        repeats: how many, from 1.
        seed: not negative.
        keys: patient ids, shape (n,), all different.

    Returns:
        Shape (repeats, n), 0 to folds - 1.

    Raises:
        BadUsageError: an argument is out of range, a patient id comes twice, or there are fewer patients than folds.
    """
    if repeats < 1:
        raise BadUsageError(f"repeats is {repeats}; ask for at least 1.")
    strata = np.asarray(stratum, dtype=np.bool_)
    if len(strata) < folds:
        raise BadUsageError(f"{len(strata)} patients cannot be divided into {folds} folds; ask for fewer (--folds).")
    everyone = np.ones((repeats, len(strata)), dtype=np.bool_)
    return inner_folds(everyone, strata, folds=folds, seed=seed, keys=keys)


def fold_seed(seed: int, *, repeat: int, fold: int) -> int:
    """A seed for one fold of one repeat."""
    return int(np.random.SeedSequence([seed, repeat, fold]).generate_state(1)[0])


def lab_out_of_fold(
    values: FloatArray,
    long: BoolArray,
    time_weeks: FloatArray,
    event: BoolArray,
    *,
    fold: NDArray[np.int8],
    head: Head,
    seed: int,
    progress: Progress = silent,
) -> FloatArray:
    """Out-of-fold outputs of the forest on laboratory values, for all repeats and folds, in this process.

    Args:
        values: shape (n, p), NaN where missing.
        long: shape (n,), the class.
        time_weeks: shape (n,).
        event: shape (n,), False where censored.
        fold: shape (repeats, n), the fold each patient is tested in.
        head: what is predicted.
        seed: of the forests; each fold of each repeat has its own stream.
        progress: told how many forests are done.

    Returns:
        Shape (repeats, n): probability of long, or centred log expected events; NaN where no forest could be fitted
        (training patients of one class, or without an event).

    Raises:
        BadInputError: shapes disagree or a value is infinite.
    """
    from raise_core.models.lab_forest import fit_lab_forest, fit_lab_survival_forest

    if fold.ndim != 2 or fold.shape[1] != len(values):
        raise BadInputError(f"fold has shape {fold.shape}; (repeats, {len(values)}) is needed.")
    out = np.full(fold.shape, np.nan)
    folds = int(fold.max()) + 1
    for repeat, row in enumerate(fold):
        for left_out in range(folds):
            test = np.asarray(row == left_out)
            own = fold_seed(seed, repeat=repeat, fold=left_out)
            if head is Head.CLASS:
                if len(np.unique(long[~test])) == 2:
                    out[repeat, test] = fit_lab_forest(values, long, ~test, seed=own)[test]
            elif event[~test].any():
                out[repeat, test] = fit_lab_survival_forest(values, time_weeks, event, ~test, seed=own)[test]
            progress("Laboratory forests", repeat * folds + left_out + 1, folds * len(fold))
    return out


def _check(work: FoldWork) -> None:
    heads = {model.head for model in work.models}
    if heads != {work.head} or any(not model.image_inputs for model in work.models):
        raise BadUsageError(
            f"a fold's models must share its head ({work.head}) and read an image each; these are "
            f"{', '.join(model.text for model in work.models) or 'none'}."
        )
    n = len(work.test)
    if work.test.dtype != np.bool_ or work.test.all() or not work.test.any():
        raise BadInputError("test must be a boolean array with test patients and training patients.")
    if sum(each is not None for each in (work.ct_features, work.ct_initial, work.ct_weights)) > 1:
        raise BadUsageError("give frozen features of the pretrained CT network or weights to begin from, not both.")
    pretrained = work.ct if work.trains_pretrained else work.ct_features
    given = {
        ModelInput.PET: ("PET volumes", work.pet),
        ModelInput.CT: ("CT volumes", work.ct),
        ModelInput.CT_PRETRAINED: ("features of the pretrained CT network", pretrained),
        ModelInput.LAB: ("laboratory values", work.labs),
    }
    for model in work.models:
        for each in model.inputs:
            words, array = given[each]
            if array is None or len(array) != n:
                shape = "none" if array is None else f"shape {array.shape}"
                raise BadInputError(f"model {model.text!r} reads {words} of {n} patients; given: {shape}.")
