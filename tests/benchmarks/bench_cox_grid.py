"""The Cox part of the default grid, batched and fit by fit with scikit-survival: times, ratio and largest difference.

Run from the project's root:  python tests/benchmarks/bench_cox_grid.py
Five weeks of the sizes of the paper's imaging set, 100 splits, a two- and a three-variable model; visits every twelve
weeks, so ties are heavy. The batch also computes Uno's c, intervals and comparisons; the peer only Harrell's c.
"""

import sys
import time
from pathlib import Path

import numpy as np
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import concordance_index_censored
from sksurv.util import Surv

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from raise_core.evaluation.cindex import Design, evaluate
from raise_core.evaluation.resampling import monte_carlo_splits

WEEKS = ((12, 116, 56), (24, 105, 48), (36, 90, 34), (48, 78, 22), (72, 54, 8))
"""Week, patients, events ahead."""
SPLITS = 100
REPEATS = 5


def designs_of(columns):
    rng = np.random.default_rng(2023)
    made = []
    for week, n, n_events in WEEKS:
        x = rng.normal(size=(n, 3))
        waited = rng.exponential(60.0 / np.exp(x @ [0.8, 0.4, 0.2]))
        order = np.argsort(waited)
        event = np.zeros(n, dtype=bool)
        event[order[:n_events]] = True
        visit = np.ceil(np.minimum(waited, 96.0) / 12.0) * 12.0
        visit[order[n_events:]] = np.maximum(visit[order[n_events:]], visit[order[n_events - 1]])
        train = monte_carlo_splits(event, splits=SPLITS, train_fraction=0.8, seed=0, keys=range(n))
        names = ("sldr", "dlog:CGA", "dl:lesion-portal")[:columns]
        made.append(Design("+".join(names), week, visit, event, train, names, x[:, :columns]))
    return made


def fit_by_fit(design):
    coefficients, scores = [], []
    for train in design.train:
        fit = CoxPHSurvivalAnalysis(ties="efron", n_iter=100, tol=1e-9)
        fit.fit(design.x[train], Surv.from_arrays(design.event[train], design.time_weeks[train]))
        test = ~train
        risk = fit.predict(design.x[test])
        scores.append(concordance_index_censored(design.event[test], design.time_weeks[test], risk)[0])
        coefficients.append(fit.coef_)
    return np.array(coefficients), np.array(scores)


def main():
    total_batched = total_peer = 0.0
    for columns in (2, 3):
        designs = designs_of(columns)
        evaluate(designs)
        batched = min(timed(lambda designs=designs: evaluate(designs))[0] for _ in range(REPEATS))
        found = evaluate(designs)
        peer, results = timed(lambda designs=designs: [fit_by_fit(design) for design in designs])
        both = [~np.isnan(c).any(axis=1) for c in found.coefficients]
        coefficient = max(
            np.abs(ours[kept] - theirs[kept]).max()
            for ours, (theirs, _), kept in zip(found.coefficients, results, both, strict=True)
        )
        score = max(
            np.nanmax(np.abs(ours[kept] - theirs[kept]))
            for ours, (_, theirs), kept in zip(found.harrell, results, both, strict=True)
        )
        fits = len(designs) * SPLITS
        print(f"{columns} variables, {fits} fits of which {fits - sum(map(np.sum, both))} named as failed")
        print(f"  batched {batched:7.3f} s   scikit-survival {peer:7.3f} s   ratio {peer / batched:6.1f}")
        print(f"  largest difference: coefficient {coefficient:.1e}, c {score:.1e}")
        total_batched += batched
        total_peer += peer
    together = [design for columns in (2, 3) for design in designs_of(columns)]
    evaluate(together)
    one_call = min(timed(lambda: evaluate(together))[0] for _ in range(REPEATS))
    print(f"both models in one call, with their comparisons: {one_call:.3f} s")
    ratio = total_peer / total_batched
    print(f"whole grid: batched {total_batched:.3f} s, scikit-survival {total_peer:.3f} s, ratio {ratio:.1f}")


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    main()
