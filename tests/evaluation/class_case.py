"""Out-of-fold outputs made from arrays: planted signal or noise, with stratified folds."""

from __future__ import annotations

import numpy as np

from raise_core.domain.fusion_model import parse_fusion_model
from raise_core.domain.out_of_fold import OutOfFold
from raise_core.domain.outcome import Outcome
from raise_core.domain.week import WEEKS_PER_YEAR

N, N_SHORT = 116, 42


def outcome_of(rng, *, n=N, n_short=N_SHORT, censored=0):
    """Times on either side of a year; the last `censored` patients leave before it without progression."""
    time = np.r_[rng.uniform(5, WEEKS_PER_YEAR - 1, n_short), rng.uniform(WEEKS_PER_YEAR + 1, 200, n - n_short)]
    event = np.ones(n, dtype=bool)
    if censored:
        time[-censored:] = rng.uniform(5, WEEKS_PER_YEAR - 1, censored)
        event[-censored:] = False
    return Outcome.of(time_weeks=time, event=event)


def folds_of(rng, long, *, repeats, folds=3):
    """Stratified folds, shape (repeats, n)."""
    found = np.empty((repeats, len(long)), dtype=np.int8)
    for repeat in range(repeats):
        for level in (False, True):
            members = rng.permutation(np.flatnonzero(long == level))
            found[repeat, members] = np.arange(len(members)) % folds
    return found


def output_of(rng, outcome, *, model="lab", signal=0.0, repeats=3, fold=None, patient=None):
    """Predictions whose logit is `signal` times the class, plus each patient's own noise and a little by repeat."""
    long = outcome.time_weeks > WEEKS_PER_YEAR
    fold = folds_of(rng, long, repeats=repeats) if fold is None else fold
    own = rng.normal(size=len(long)) if patient is None else patient
    logit = signal * (long - 0.5) + own + 0.2 * rng.normal(size=fold.shape)
    parsed = parse_fusion_model(model)
    value = -logit if parsed.head == "cox" else 1 / (1 + np.exp(-logit))
    return OutOfFold(parsed, tuple(f"P{i:03d}" for i in range(len(long))), value, fold)
