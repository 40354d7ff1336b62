"""The training behind `fusion_folds.compute_fold`: branches once, then blocks, then every fusion on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan, one_thread
from raise_core.domain.fusion_model import FusionModel, Head, ModelInput
from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.evaluation.fusion_folds import FoldResult, FoldWork
from raise_core.imaging.augment import augment
from raise_core.models.branch_training import FittedBranch, fit_branch
from raise_core.models.fold_network import (
    CENTRE,
    Block,
    LabBlock,
    block_arrays,
    fit_component_block,
    fit_standardised_block,
)
from raise_core.models.fusion_head import fit_fusion
from raise_core.models.lab_inputs import fit_lab_statistics
from raise_core.models.network_settings import NetworkSettings
from raise_core.models.pretrained_branch import pretrained_branch
from raise_core.models.training_target import TrainingTarget
from raise_core.models.volume_network import build_branch

STOPPING, BRANCH, FUSION = 0, 1, 2
"""Streams of the fold's seed."""


@dataclass(frozen=True, eq=False)
class _Fold:
    """A fold while it is trained; the dictionaries fill up."""

    work: FoldWork
    plan: DevicePlan
    target: TrainingTarget
    train: BoolArray
    stopping: BoolArray
    branches: dict[ModelInput, FittedBranch] = field(default_factory=dict)
    blocks: dict[ModelInput, NDArray[np.float32]] = field(default_factory=dict)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class _Beginning(TypedDict):
    """What differs between branches, as arguments of `fit_branch`."""

    settings: NetworkSettings
    initial: Mapping[str, NDArray[np.float32]] | None
    build: Callable[[NetworkSettings], torch.nn.Module]


@dataclass(frozen=True, eq=False)
class _Trained:
    """A model's output and fused features for all patients."""

    output: FloatArray
    fused: NDArray[np.float32]
    epochs: int
    failure: str | None


def train_fold(work: FoldWork, plan: DevicePlan) -> FoldResult:
    """Train everything of a fold; the work was checked by `compute_fold`."""
    train = ~work.test
    target = TrainingTarget(work.head, work.long, work.time_weeks, work.event)
    stopping = target.stopping_part(train, share=work.settings.validation_share, seed=_stream(work.seed, STOPPING, 0))
    fold = _Fold(work, plan, target, train, stopping)
    wanted = {each for model in work.models for each in model.inputs}
    for each in (each for each in ModelInput if each in wanted):
        _prepare_input(fold, each)

    value, fused, epochs, failures = {}, {}, {}, {}
    for model in dict.fromkeys(work.models):
        trained = _model(fold, model)
        fused[model.text] = trained.fused
        value[model.text] = trained.output[work.test]
        epochs[model.text] = trained.epochs
        if trained.failure is not None:
            failures[model.text] = trained.failure
            continue
        centre = 0.0 if work.head is Head.CLASS else float(trained.output[train].mean())
        fold.weights[f"{model.text}/{CENTRE}"] = np.array([centre])
        value[model.text] = _as_value(value[model.text] - centre, work.head)
    branch_epochs = {each.value: branch.epochs for each, branch in fold.branches.items()}
    return FoldResult(value, fused, fold.weights, {**branch_epochs, **epochs}, failures, fold.seconds)


def _prepare_input(fold: _Fold, name: ModelInput) -> None:
    """Train the input's branch if it has one, and fit what stands between it and the dense layers."""
    work, train = fold.work, fold.train
    began = time.monotonic()
    volumes = _volumes(work, name)
    block: Block
    if volumes is not None:
        branch = fit_branch(
            volumes,
            fold.target,
            train,
            stopping=fold.stopping,
            seed=_stream(work.seed, BRANCH, _number(name)),
            device_plan=fold.plan,
            augment=augment,
            **_beginning(work, name),
        )
        fold.branches[name] = branch
        if branch.failure is None:
            fold.weights.update({f"{name}.{each}": value for each, value in branch.weights.items()})
            block = fit_standardised_block(branch.features, train)
            _keep(fold, name, block, torch.from_numpy(branch.features))
        fold.seconds[f"branch {name}"] = time.monotonic() - began
    elif name is ModelInput.LAB and work.labs is not None:
        _keep(fold, name, LabBlock(fit_lab_statistics(work.labs, train)), torch.from_numpy(np.array(work.labs)))
    elif work.ct_features is not None:
        features = np.ascontiguousarray(work.ct_features, dtype=np.float32)
        block = fit_component_block(features, train, n_components=work.settings.ct_components)
        _keep(fold, name, block, torch.from_numpy(features))


def _keep(fold: _Fold, name: ModelInput, block: Block, inputs: torch.Tensor) -> None:
    fold.weights.update(block_arrays(name.value, block))
    with one_thread(), torch.inference_mode():
        fold.blocks[name] = block(inputs).numpy()


def _model(fold: _Fold, model: FusionModel) -> _Trained:
    """A branch's own output for a model of one trained branch, else a fusion."""
    only = fold.branches.get(model.inputs[0]) if len(model.inputs) == 1 else None
    if only is not None:
        return _Trained(only.output, only.features, only.epochs, only.failure)
    failed = [branch.failure for each, branch in fold.branches.items() if each in model.inputs and branch.failure]
    if failed:
        n, units = len(fold.train), fold.work.settings.fused_units
        return _Trained(np.full(n, np.nan), np.full((n, units), np.nan, dtype=np.float32), 0, failed[0])
    began = time.monotonic()
    fitted = fit_fusion(
        {each.value: fold.blocks[each] for each in model.inputs},
        fold.target,
        fold.train,
        stopping=fold.stopping,
        settings=fold.work.settings,
        seed=_stream(fold.work.seed, FUSION, sum(1 << _number(each) for each in model.inputs)),
    )
    if fitted.failure is None:
        fold.weights.update({f"{model.text}/{name}": value for name, value in fitted.weights.items()})
    fold.seconds[f"fusion {model.text}"] = time.monotonic() - began
    return _Trained(fitted.output, fitted.fused, fitted.epochs, fitted.failure)


def _volumes(work: FoldWork, name: ModelInput) -> NDArray[np.float32] | None:
    """What the input's own 3-D network reads; None where it has none."""
    if name is ModelInput.PET:
        return work.pet
    if name is ModelInput.CT or (name is ModelInput.CT_PRETRAINED and work.trains_pretrained):
        return work.ct
    return None


def _beginning(work: FoldWork, name: ModelInput) -> _Beginning:
    """The network a branch begins as: random, the user's checkpoint, or the pretrained CT network."""
    weights = work.ct_weights
    if name is not ModelInput.CT_PRETRAINED or weights is None:
        initial = work.ct_initial if name is ModelInput.CT_PRETRAINED else None
        return {"settings": work.settings, "initial": initial, "build": build_branch}
    careful = replace(work.settings, learning_rate=work.settings.fine_tune_learning_rate)
    return {"settings": careful, "initial": None, "build": lambda settings: pretrained_branch(weights, settings)}


def _as_value(output: FloatArray, head: Head) -> FloatArray:
    """Probability of long from its logit; a log hazard as it is."""
    return np.asarray(1.0 / (1.0 + np.exp(-output))) if head is Head.CLASS else output


def _number(name: ModelInput) -> int:
    return list(ModelInput).index(name)


def _stream(seed: int, stream: int, index: int) -> int:
    """A seed that depends on what is trained, not on what else the fold trains."""
    return int(np.random.SeedSequence([seed, stream, index]).generate_state(1)[0])
