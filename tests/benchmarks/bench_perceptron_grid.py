"""Time of the image-risk grid: all fits of a week and variant at once, against the same fits one by one.

The peer does what most people would write: scikit-learn's StandardScaler and PCA(svd_solver="full") on the training
lesions, a torch module trained by autograd on the same loss with the same optimiser. It is timed on a random sample of
the fits and multiplied up. Both use one thread. Sizes are those of the published weeks, 3 lesions a patient.

    python tests/benchmarks/bench_perceptron_grid.py [--columns 1280] [--splits 100] [--sample 20] [--grid]

`--grid` also runs the whole default grid (6 variants x 5 weeks) in --processes processes.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from raise_core.domain.device import one_thread
from raise_core.evaluation.deep_risk import DeepRisk, DeepRiskUnit, compute_unit
from raise_core.evaluation.resampling import inner_folds, monte_carlo_splits
from raise_core.models import perceptron
from raise_core.models.perceptron_settings import PerceptronSettings

PATIENTS_BY_WEEK = {12: 116, 24: 105, 36: 90, 48: 78, 72: 54}
VARIANTS = 6
LESIONS = 3
FOLDS = 3


def simulated_unit(n: int, *, columns: int, splits: int, seed: int) -> DeepRiskUnit:
    """Features with a spectrum like a network's: many correlated factors, rectified."""
    rng = np.random.default_rng([seed, n])
    patient = np.repeat(np.arange(n), LESIONS)
    hidden = rng.normal(size=n)
    factors = rng.normal(size=(n * LESIONS, 60)) + 0.8 * hidden[patient, None]
    mixed = (factors / np.sqrt(np.arange(1, 61))) @ rng.normal(size=(60, columns))
    features = np.maximum(mixed + 0.5 * rng.normal(size=mixed.shape), 0).astype(np.float32)
    times = np.ceil(rng.exponential(60 * np.exp(-hidden)) / 12) * 12
    event = rng.random(n) < 0.5
    keys = np.arange(n)
    train = monte_carlo_splits(event, splits=splits, train_fraction=0.8, seed=seed, keys=keys)
    folds = inner_folds(train, event, folds=FOLDS, seed=seed, keys=keys)
    return DeepRiskUnit(features, patient, times, event, train, folds, seed=seed, device="cpu")


def one_fit(unit: DeepRiskUnit, fit: int) -> np.ndarray:
    """Risk of all patients from one fit of the unit, the usual way."""
    split, part = divmod(fit, 1 + FOLDS)
    seen = unit.train[split] & (unit.folds[split] != part - 1) if part else unit.train[split]
    rows = seen[unit.patient_of_row]
    scaler = StandardScaler().fit(unit.features[rows])
    pca = PCA(unit.n_components, svd_solver="full").fit(scaler.transform(unit.features[rows]))
    scores = pca.transform(scaler.transform(unit.features))
    x = np.zeros((len(seen), unit.n_components))
    np.add.at(x, unit.patient_of_row, scores)
    x /= np.bincount(unit.patient_of_row)[:, None]
    x = (x - x[seen].mean(0)) / x[seen].std(0).max()

    settings: PerceptronSettings = unit.settings
    k, (h1, h2) = unit.n_components, settings.hidden
    first = [w[0] for w in perceptron._initial(k, settings.hidden, unit.seed, np.array([fit]))]
    act = torch.nn.Tanh if settings.activation == "tanh" else torch.nn.ReLU
    net = torch.nn.Sequential(
        torch.nn.Linear(k, h1), act(), torch.nn.Linear(h1, h2), act(), torch.nn.Linear(h2, 1, bias=False)
    )
    with torch.no_grad():
        for layer, start in ((net[0], first[0][:k, :h1]), (net[2], first[2][:h1, :h2]), (net[4], first[4][:h2])):
            layer.weight.copy_(start.T)
        net[0].bias.zero_()
        net[2].bias.zero_()
    inputs = torch.from_numpy(x.astype(np.float32))
    order = np.flatnonzero(seen)[np.argsort(-unit.time_weeks[seen], kind="stable")]
    z, event = inputs[order], torch.from_numpy(unit.event[order])
    t = unit.time_weeks[order]
    last = torch.from_numpy(np.searchsorted(-t, -t, side="right") - 1)
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    for _ in range(settings.epochs):
        optimiser.zero_grad()
        r = net(z).squeeze(1)
        loss = (torch.logcumsumexp(r, dim=0)[last] - r)[event].mean()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        risk = net(inputs).squeeze(1).numpy().astype(np.float64)
    return risk - risk[seen].mean()


def compare(unit: DeepRiskUnit, *, sample: int) -> None:
    """Print both times for one unit and how far the sampled risks agree."""
    fits = unit.train.shape[0] * (1 + FOLDS)
    chosen = np.random.default_rng(0).choice(fits, size=min(sample, fits), replace=False)
    with one_thread():
        one_fit(unit, 0)  # imports and first-call costs are nobody's
        compute_unit(simulated_unit(30, columns=50, splits=1, seed=0))
        start = time.perf_counter()
        batched: DeepRisk = compute_unit(unit)
        together = time.perf_counter() - start
        start = time.perf_counter()
        risks = [one_fit(unit, int(fit)) for fit in chosen]
        each = (time.perf_counter() - start) / len(chosen)
    worst = 0.0
    for fit, risk in zip(chosen, risks, strict=True):
        split, part = divmod(int(fit), 1 + FOLDS)
        mine = unit.folds[split] == part - 1
        worst = max(worst, float(np.abs(risk[mine] - batched.risk[split, mine]).max() / risk.std()))
    alone = each * fits
    print(
        f"n={unit.train.shape[1]} rows={len(unit.features)} columns={unit.features.shape[1]} fits={fits}: "
        f"together {together:.2f} s ({1e3 * together / fits:.2f} ms a fit); one by one {alone:.0f} s "
        f"({1e3 * each:.0f} ms a fit, extrapolated from {len(chosen)}); ratio {alone / together:.0f}; "
        f"largest difference of a risk {worst:.1e} sd"
    )


def main() -> None:
    """Run the comparison, and the whole grid when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--columns", type=int, default=1280)
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    compare(simulated_unit(116, columns=chosen.columns, splits=chosen.splits, seed=0), sample=chosen.sample)
    if chosen.grid:
        units = [
            simulated_unit(n, columns=chosen.columns, splits=chosen.splits, seed=variant)
            for n in PATIENTS_BY_WEEK.values()
            for variant in range(VARIANTS)
        ]
        start = time.perf_counter()
        with ProcessPoolExecutor(chosen.processes, mp_context=get_context("spawn")) as pool:
            results = list(pool.map(compute_unit, units))
        fits = sum(result.fits for result in results)
        took = time.perf_counter() - start
        print(f"grid: {len(units)} units, {fits} fits in {chosen.processes} processes: {took:.1f} s, start-up included")


if __name__ == "__main__":
    main()
