"""Distances from the patients a model was fitted on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from raise_core.domain.errors import BadUsageError
from raise_core.evaluation.extrapolation import Reach

RNG = np.random.default_rng(4)
TWO = RNG.multivariate_normal([50.0, 1.0], [[100.0, 1.8], [1.8, 0.04]], 200)  # correlation 0.9


def test_it_is_scipys_distance():
    reach = Reach.of(TWO)
    inverse = np.linalg.inv(np.cov(TWO.T))
    theirs = [mahalanobis(row, TWO.mean(axis=0), inverse) for row in TWO]
    assert [reach.distance(row) for row in TWO] == pytest.approx(theirs)
    assert reach.largest == pytest.approx(max(theirs))


def test_a_combination_nobody_has_is_further_than_anybody_though_each_value_is_common():
    reach = Reach.of(TWO)
    odd = [65.0, 0.7]  # 1.5 standard deviations each, against the correlation
    assert (TWO.min(axis=0) < odd).all()
    assert (odd < TWO.max(axis=0)).all()
    assert reach.distance(odd) > reach.largest
    assert reach.distance([65.0, 1.3]) < reach.largest


def test_units_do_not_matter():
    units = np.array([1e6, 1e-6])
    assert Reach.of(TWO * units).distance(np.array([65.0, 0.7]) * units) == pytest.approx(
        Reach.of(TWO).distance([65.0, 0.7])
    )


def test_one_patient_has_no_spread():
    with pytest.raises(BadUsageError, match="at least two patients"):
        Reach.of([[1.0, 2.0]])
