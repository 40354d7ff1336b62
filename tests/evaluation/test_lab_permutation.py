"""Shuffling in a batch, its metrics, and what is learnt from training patients alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.domain.outcome import Outcome
from raise_core.evaluation import lab_permutation
from raise_core.evaluation.lab_models import fold_models
from raise_core.evaluation.lab_panel import lab_panel
from raise_core.evaluation.lab_permutation import auroc_score, concordance_score, permutation_drops
from raise_core.evaluation.lab_preparation import LabColumns, Preparation
from tests.evaluation.lab_cohort import cohort_of, normal_labs


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize("most_rows", [1, 60_000])
def test_the_batch_is_the_loop(rng, monkeypatch, most_rows):
    monkeypatch.setattr(lab_permutation, "MOST_ROWS", most_rows)
    x = rng.standard_normal((30, 4))
    outcome = Outcome.of(time_weeks=rng.exponential(20, 30) + 1, event=rng.random(30) < 0.7)
    units = [np.array([0]), np.array([1, 3]), np.array([2])]
    orders = np.stack([rng.permutation(30) for _ in range(6)])

    def predict(columns):
        return columns @ np.array([1.0, 0.5, -0.3, 0.8]) + columns[:, 1] * columns[:, 3]

    score = concordance_score(outcome)
    whole, falls = permutation_drops(x, units, predict, score, orders)
    assert whole == score(predict(x)[None])[0]
    for place, unit in enumerate(units):
        by_hand = []
        for order in orders:
            copy = x.copy()
            copy[:, unit] = x[order][:, unit]
            by_hand.append(whole - score(predict(copy)[None])[0])
        assert falls[place] == pytest.approx(np.mean(by_hand))


def test_the_concordance_is_higher_when_higher_risk_fails_earlier(rng):
    time = np.arange(1.0, 21.0)
    score = concordance_score(Outcome.of(time_weeks=time, event=np.ones(20, dtype=bool)))
    np.testing.assert_allclose(score(np.stack([-time, time, np.zeros(20)])), [1.0, 0.0, 0.5])


def test_the_auroc_is_that_of_scikit_learn_with_ties(rng):
    short = rng.random(40) < 0.4
    risk = np.round(rng.standard_normal((3, 40)) + short, 1)
    wanted = [roc_auc_score(short, one) for one in risk]
    np.testing.assert_allclose(auroc_score(short)(risk), wanted)
    assert np.isnan(auroc_score(np.zeros(4, dtype=bool))(np.zeros((1, 4)))).all()


def test_a_value_and_its_indicator_are_one_unit(rng):
    values = rng.standard_normal((10, 3))
    values[[1, 4], 2] = np.nan
    columns = LabColumns.of(values)
    assert [unit.tolist() for unit in columns.units] == [[0], [1], [2, 3], [4]]
    learnt = Preparation.learn(values, np.arange(10) < 8, columns)
    table = learnt.apply(values, np.zeros(10))
    assert table.shape == (10, columns.width)
    assert table[[1, 4], 2] == pytest.approx(np.nanmedian(values[:8, 2]))
    np.testing.assert_array_equal(np.flatnonzero(table[:, 3]), [1, 4])


@pytest.mark.parametrize("model", list(ImportanceModel))
def test_nothing_is_learnt_from_test_patients(model):
    """Test patients' values and outcomes may be anything: the model of their fold stays the same."""
    labs = normal_labs(90, 3)
    labs["L1"] = np.where(np.arange(90) % 9 == 0, np.nan, labs["L1"])
    source = cohort_of(labs, labs["L0"] - 10.0)
    settings = ImportanceSettings(model=model, trees=5, repeats=1)
    panel = lab_panel(source, settings)
    columns = LabColumns.of(panel.values)
    fold_of = (np.arange(panel.n) % 5).astype(np.int8)
    before = next(fold_models(panel, settings, columns, fold_of, 0))
    changed = panel.values.copy()
    changed[before.test] = np.where(np.isnan(changed[before.test]), np.nan, 1e3 * changed[before.test] - 7)
    time, event = panel.outcome.time_weeks.copy(), panel.outcome.event.copy()
    time[before.test], event[before.test] = 1.0, True
    short = panel.short ^ (before.test & panel.short.any())
    other = type(panel)(
        **{**vars(panel), "values": changed, "short": short, "outcome": Outcome.of(time_weeks=time, event=event)}
    )
    after = next(fold_models(other, settings, columns, fold_of, 0))
    np.testing.assert_array_equal(before.preparation.fill, after.preparation.fill)
    x = np.random.default_rng(0).standard_normal((50, columns.width)) + 10
    np.testing.assert_allclose(before.predict(x), after.predict(x), rtol=0, atol=1e-10)
