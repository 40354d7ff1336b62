from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sksurv.metrics import concordance_index_censored

from raise_core.domain.errors import BadInputError
from raise_core.models import lab_forest as module
from raise_core.models.lab_forest import fit_lab_forest, fit_lab_survival_forest


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(module, "TREES", 50)


def cohort(n=150, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 6))
    long = values[:, 0] + 0.5 * rng.normal(size=n) > -0.4
    time = rng.exponential(40 * np.exp(1.5 * values[:, 0]))
    event = rng.random(n) < 0.7
    values[rng.random(values.shape) < 0.1] = np.nan
    return values, long, time, event, rng.random(n) < 0.67


def test_a_planted_test_is_learnt_and_noise_is_not():
    values, long, _, _, train = cohort()
    probability = fit_lab_forest(values, long, train, seed=0)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert roc_auc_score(long[~train], probability[~train]) > 0.75
    noise = fit_lab_forest(values[:, 1:], long, train, seed=0)
    assert roc_auc_score(long[~train], noise[~train]) < 0.7


def test_forest_is_scikit_learns_on_imputed_training_rows():
    values, long, _, _, train = cohort()
    median = np.nanmedian(values[train], axis=0)
    filled = np.column_stack([np.where(np.isnan(values), median, values), np.isnan(values)])
    forest = RandomForestClassifier(50, min_samples_leaf=module.SMALLEST_LEAF, class_weight="balanced", random_state=4)
    expected = forest.fit(filled[train], long[train]).predict_proba(filled)[:, 1]
    np.testing.assert_allclose(fit_lab_forest(values, long, train, seed=4), expected, atol=1e-12)


def test_survival_forest_ranks_and_is_centred():
    values, _, time, event, train = cohort()
    risk = fit_lab_survival_forest(values, time, event, train, seed=0)
    assert concordance_index_censored(event[~train], time[~train], risk[~train])[0] > 0.65
    assert abs(risk[train].mean()) < 1e-12


def test_censored_patients_take_part_in_the_survival_forest():
    values, _, time, event, train = cohort()
    without = fit_lab_survival_forest(values, time, event, train & event, seed=0)
    assert not np.allclose(without, fit_lab_survival_forest(values, time, event, train, seed=0))


def test_test_patients_influence_nothing():
    values, long, time, event, train = cohort()
    row = int(np.flatnonzero(~train)[0])
    others = np.arange(len(long)) != row
    changed, other_long, other_time = values.copy(), long.copy(), time.copy()
    changed[row], other_long[row], other_time[row] = 1e30, not long[row], 1.0
    one, two = fit_lab_forest(values, long, train, seed=1), fit_lab_forest(changed, other_long, train, seed=1)
    np.testing.assert_array_equal(one[others], two[others])
    one = fit_lab_survival_forest(values, time, event, train, seed=1)
    two = fit_lab_survival_forest(changed, other_time, event, train, seed=1)
    np.testing.assert_array_equal(one[others], two[others])


def test_a_forest_without_two_classes_or_events_is_refused():
    values, long, time, event, train = cohort()
    with pytest.raises(BadInputError, match="one class"):
        fit_lab_forest(values, np.ones_like(long), train, seed=0)
    with pytest.raises(BadInputError, match="no event"):
        fit_lab_survival_forest(values, time, np.zeros_like(event), train, seed=0)
