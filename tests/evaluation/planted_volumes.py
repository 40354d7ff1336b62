"""Small cohorts of volumes with a bright ball whose intensity tells the class, and laboratory values beside them."""

from __future__ import annotations

import numpy as np

from raise_core.domain.fusion_model import Head, parse_fusion_model
from raise_core.evaluation.fusion_folds import FoldWork, kfold_assignment
from raise_core.models.network_settings import NetworkSettings

QUICK = NetworkSettings(channels=(4, 8), branch_features=8, epochs=30, patience=10, learning_rate=0.01)


def planted_volumes(signal, *, side=24, seed=0):
    """A noisy body with a ball at a varying place; brightness rises with `signal` (n,), 0 to 1."""
    rng = np.random.default_rng(seed)
    volumes = rng.uniform(0, 0.1, size=(len(signal), side, side, side)).astype(np.float32)
    axis = np.linspace(-1, 1, side)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"))
    volumes += 0.3 * ((grid**2).sum(axis=0) < 0.7)
    for row, strength in enumerate(signal):
        centre = rng.uniform(-0.35, 0.35, 3)[:, None, None, None]
        volumes[row] += (0.05 + 0.55 * strength) * (((grid - centre) ** 2).sum(axis=0) < 0.08)
    return volumes.clip(0, 1)


def planted_work(texts=("pet",), *, n=60, seed=0, side=24, head=Head.CLASS, settings=QUICK, noise=0.1, fold=0, **more):
    """A fold of a cohort whose PET tells class and hazard; CT, its features and labs are noise unless given."""
    rng = np.random.default_rng(seed)
    long = rng.permutation(np.arange(n) < round(0.6 * n))
    signal = np.clip(np.where(long, 0.2, 0.8) + noise * rng.normal(size=n), 0, 1)
    time = np.where(long, 53 + rng.exponential(40, n), rng.uniform(2, 52, n))
    event = np.ones(n, dtype=bool) if head is Head.CLASS else rng.random(n) < 0.75
    labs = rng.normal(size=(n, 4))
    labs[rng.random(labs.shape) < 0.1] = np.nan
    folds = kfold_assignment(long, folds=3, repeats=1, seed=seed, keys=range(n))[0]
    values = {
        "pet": planted_volumes(signal, side=side, seed=seed),
        "ct": planted_volumes(rng.permutation(signal), side=side, seed=seed + 1),
        "ct_features": rng.normal(size=(n, 40)).astype(np.float32),
        "labs": labs,
        "long": long,
        "time_weeks": time,
        "event": event,
        "test": folds == fold,
        "seed": 5,
    }
    models = tuple(parse_fusion_model(text) for text in texts)
    return FoldWork(models=models, head=head, settings=settings, device="cpu", **{**values, **more})
