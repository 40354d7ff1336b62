"""Predictions come from the other folds only, and agree with fitting each fold by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from raise_core.domain.errors import BadUsageError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.horizon_report import horizon_report
from raise_core.evaluation.out_of_fold_risk import out_of_fold_survival
from raise_core.evaluation.resampling import inner_folds


def trial(n=160, seed=3, effect=0.8):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    time = rng.exponential(50 * np.exp(-effect * x[:, 0]))
    ends = rng.uniform(20, 100, n)
    return Outcome.of(time_weeks=np.minimum(time, ends), event=time <= ends), x, [f"P{i}" for i in range(n)]


def test_each_fold_is_predicted_by_a_model_of_the_others():
    outcome, x, ids = trial()
    found = out_of_fold_survival(outcome, x, [20.0, 40.0], patients=ids, folds=4)
    fold = inner_folds(np.ones((1, len(ids)), bool), outcome.event, folds=4, seed=0, keys=ids)[0]
    table = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "time": outcome.time_weeks, "event": outcome.event})
    for number in range(4):
        peer = CoxPHFitter().fit(table[fold != number], "time", "event", fit_options={"precision": 1e-12})
        steps = peer.predict_survival_function(table[fold == number])  # asked for times between, it interpolates
        last = np.searchsorted(steps.index, [20.0, 40.0], side="right") - 1
        expected = steps.to_numpy()[last].T
        assert found[fold == number] == pytest.approx(expected, abs=2e-6)


def test_a_patients_own_outcome_does_not_change_the_own_prediction():
    outcome, x, ids = trial()
    fold = inner_folds(np.ones((1, len(ids)), bool), outcome.event, folds=10, seed=0, keys=ids)[0]
    changed = outcome.time_weeks.copy()
    mine = np.flatnonzero(fold == 3)
    changed[mine] = changed[mine] * 0.5  # events stay events, so the folds stay
    other = Outcome.of(time_weeks=changed, event=outcome.event)
    before, after = (out_of_fold_survival(one, x, [30.0], patients=ids) for one in (outcome, other))
    assert np.array_equal(before[mine], after[mine])
    assert not np.array_equal(before, after)


def test_noise_predicts_nothing_and_a_signal_does():
    outcome, x, ids = trial(n=400)
    signal = horizon_report(outcome, x[:, :1], 40.0, model="sldr", patients=ids)
    noise = horizon_report(outcome, x[:, 1:], 40.0, model="age", patients=ids)
    assert signal.harrell > 0.65
    assert signal.auc[-1].auc.low > 0.6
    assert signal.brier.horizons[-1].scaled.value > 0.05
    assert noise.harrell < 0.6
    assert noise.brier.horizons[-1].scaled.value < 0.02
    assert signal.calibration.groups[0].predicted < signal.calibration.groups[-1].predicted


def test_a_model_that_cannot_be_fitted_says_so():
    outcome, x, ids = trial(n=60)
    with pytest.raises(BadUsageError, match="cannot be fitted"):
        out_of_fold_survival(outcome, np.column_stack([x[:, 0], x[:, 0]]), [30.0], patients=ids)
