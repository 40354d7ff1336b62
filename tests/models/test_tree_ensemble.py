"""Forests as bare trees: they predict as their library does, and SHAP values add up."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sksurv.ensemble import RandomSurvivalForest
from sksurv.util import Surv

from raise_core.domain.outcome import Outcome
from raise_core.models.class_forest import SMALLEST_LEAF, fit_class_forest
from raise_core.models.survival_forest import fit_survival_forest, grouped_times


@pytest.fixture
def data():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((120, 4))
    time = rng.exponential(20 * np.exp(-x[:, 0])) + 1
    return x, Outcome.of(time_weeks=time, event=rng.random(120) < 0.8)


def test_the_survival_forest_is_that_of_scikit_survival(data):
    x, outcome = data
    ours = fit_survival_forest(x, outcome, trees=8, seed=3)
    grouped = Surv.from_arrays(outcome.event, grouped_times(outcome.time_weeks, outcome.event))
    theirs = RandomSurvivalForest(
        8, min_samples_leaf=6, min_samples_split=12, max_features="sqrt", random_state=3, low_memory=True
    ).fit(x, grouped)
    np.testing.assert_allclose(ours.risk(x), theirs.predict(x))
    assert np.corrcoef(ours.risk(x), x[:, 0])[0, 1] > 0.5, "higher is worse"


def test_the_classifier_is_that_of_scikit_learn(data):
    x, outcome = data
    short = outcome.time_weeks < 20
    ours = fit_class_forest(x, short, trees=8, seed=3)
    theirs = RandomForestClassifier(8, min_samples_leaf=SMALLEST_LEAF, max_features="sqrt", random_state=3)
    np.testing.assert_allclose(ours.risk(x), theirs.fit(x, short).predict_proba(x)[:, 1])


@pytest.mark.parametrize("kind", ["survival", "class"])
def test_shap_values_add_up_and_find_the_column(data, kind):
    x, outcome = data
    if kind == "survival":
        forest = fit_survival_forest(x, outcome, trees=20, seed=0)
    else:
        forest = fit_class_forest(x, outcome.time_weeks < 20, trees=20, seed=0)
    shares, start = forest.shap(x)
    assert shares.shape == x.shape
    np.testing.assert_allclose(shares.sum(axis=1) + start, forest.risk(x), atol=1e-10)
    assert np.abs(shares).mean(axis=0).argmax() == 0


def test_grouped_times_keep_their_order_and_are_few(data):
    _, outcome = data
    groups = grouped_times(outcome.time_weeks, outcome.event, most=10)
    order = np.argsort(outcome.time_weeks, kind="stable")
    assert (np.diff(groups[order]) >= 0).all()
    assert len(np.unique(groups)) <= 11
    assert groups.min() == 1.0
