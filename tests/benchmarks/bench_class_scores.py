"""AUROC and average precision of bootstrapped patients: ours in one pass, scikit-learn weight by weight.

Run from the project's root:  python tests/benchmarks/bench_class_scores.py
One model, 3 repeats of 3 folds, 1,000 bootstraps, at the size of the paper's cohort and at ten times it. Printed:
times, ratio, and the largest difference between the two.
"""

import sys
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from raise_core.evaluation.class_bootstrap import patient_weights
from raise_core.evaluation.class_scores import weighted_auroc_auprc
from raise_core.evaluation.fusion_folds import kfold_assignment

REPEATS, FOLDS, BOOTSTRAPS, PEER_BOOTSTRAPS = 3, 3, 1000, 100
"""The peer does a tenth, and its time is multiplied."""


def one_by_one(score, long, weights):
    return np.array(
        [
            (roc_auc_score(long, score, sample_weight=w), average_precision_score(long, score, sample_weight=w))
            for w in weights
        ]
    ).T


def main():
    for n in (116, 1160):
        rng = np.random.default_rng(7)
        long = rng.random(n) < 74 / 116
        score = np.round(rng.normal(size=(REPEATS, n)) + 0.6 * long, 2)
        fold = kfold_assignment(long, folds=FOLDS, repeats=REPEATS, seed=0, keys=range(n))
        weights = patient_weights(long, bootstraps=BOOTSTRAPS)
        parts = [np.flatnonzero(row == number) for row in fold for number in range(FOLDS)]
        rows = [repeat for repeat in range(REPEATS) for _ in range(FOLDS)]

        began = time.perf_counter()
        ours = [weighted_auroc_auprc(score[r, p], long[p], weights[:, p]) for r, p in zip(rows, parts, strict=True)]
        batched = time.perf_counter() - began

        few = weights[:PEER_BOOTSTRAPS]
        began = time.perf_counter()
        peer = [one_by_one(score[r, p], long[p], few[:, p]) for r, p in zip(rows, parts, strict=True)]
        loop = (time.perf_counter() - began) * BOOTSTRAPS / PEER_BOOTSTRAPS

        apart = max(np.abs(np.array(a)[:, :PEER_BOOTSTRAPS] - b).max() for a, b in zip(ours, peer, strict=True))
        print(
            f"{n:5d} patients: batched {1000 * batched:7.1f} ms, scikit-learn {loop:6.1f} s, "
            f"{loop / batched:6.0f} times, largest difference {apart:.1e}"
        )


if __name__ == "__main__":
    main()
