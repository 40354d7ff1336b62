from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from raise_core.domain.errors import BadInputError
from raise_core.models.lab_inputs import fit_lab_statistics


def labs(n=80, seed=0):
    rng = np.random.default_rng(seed)
    values = np.column_stack([rng.normal(40, 4, n), rng.lognormal(5, 1.5, n), np.full(n, 7.0), rng.normal(0, 1, n)])
    values[rng.random(n) < 0.2, 0] = np.nan
    return values, rng.random(n) < 0.7


def test_statistics_are_those_of_the_training_rows():
    values, train = labs()
    found = fit_lab_statistics(values, train)
    seen = values[train]
    np.testing.assert_allclose(found.median, np.nanmedian(seen, axis=0))
    assert found.logged.tolist() == [False, True, False, False]
    assert found.indicated.tolist() == [True, False, False, False]
    assert found.n_inputs == 5
    np.testing.assert_allclose(found.mean[1], np.log(seen[:, 1]).mean())
    np.testing.assert_allclose(1 / found.scale[1], np.log(seen[:, 1]).std())
    np.testing.assert_allclose(found.floor[1], seen[:, 1].min() / 2)
    assert found.scale[2] == 0.0


def test_imputed_rows_hold_medians_and_indicators():
    values, train = labs()
    found = fit_lab_statistics(values, train)
    filled = found.impute(values)
    gone = np.isnan(values[:, 0])
    assert (filled[gone, 0] == found.median[0]).all()
    np.testing.assert_array_equal(filled[:, 4], gone)
    np.testing.assert_array_equal(filled[~gone, :4], values[~gone])


def test_rows_outside_training_change_nothing():
    values, train = labs()
    changed = values.copy()
    changed[~train] = np.where(np.arange(4) == 1, -1e30, np.nan)
    one, two = fit_lab_statistics(values, train), fit_lab_statistics(changed, train)
    for each in fields(one):
        np.testing.assert_array_equal(getattr(one, each.name), getattr(two, each.name))


def test_a_test_never_seen_in_training_becomes_a_constant():
    values, train = labs()
    values[train, 3] = np.nan
    found = fit_lab_statistics(values, train)
    assert (found.median[3], found.scale[3], found.indicated[3]) == (0.0, 0.0, False)


def test_what_cannot_be_used_is_refused():
    values, train = labs()
    with pytest.raises(BadInputError, match="no training patient"):
        fit_lab_statistics(values, np.zeros_like(train))
    with pytest.raises(BadInputError, match="must be"):
        fit_lab_statistics(values, train[:-1])
    values[3, 1] = np.inf
    with pytest.raises(BadInputError, match="row 3, column 1"):
        fit_lab_statistics(values, train)
