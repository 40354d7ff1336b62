"""Patients laid out in a plane: groups that are there stay together, and nothing depends on chance."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from raise_core.domain.errors import BadInputError
from raise_core.evaluation.feature_map import feature_map, principal_plane


def groups(n=40, d=16):
    """Two groups of patients that differ in every feature."""
    rng = np.random.default_rng(0)
    group = np.arange(n) % 2
    return rng.normal(size=(n, d)) + 4 * group[:, None], group


def test_the_plane_is_that_of_scikit_learn():
    features, _ = groups()
    standardised = StandardScaler().fit_transform(features)
    scores, explained = principal_plane(standardised)
    reference = PCA(2, svd_solver="full").fit(standardised)
    np.testing.assert_allclose(np.abs(scores), np.abs(reference.transform(standardised)), atol=1e-9)
    np.testing.assert_allclose(explained, reference.explained_variance_ratio_, rtol=1e-9)
    assert (scores[np.abs(scores).argmax(axis=0), [0, 1]] > 0).all(), "the sign is fixed"


@pytest.mark.slow
def test_groups_stay_together_and_the_seed_decides():
    features, group = groups()
    patients = [f"P{number}" for number in range(len(group))]
    tested = np.arange(len(group)) % 3 == 0
    found = feature_map(features, patients, tested)
    assert found.umap.shape == found.components.shape == (40, 2)
    assert found.patient_ids == tuple(patients)
    assert (found.tested == tested).all()
    distance = np.linalg.norm(found.umap[:, None] - found.umap[None], axis=2) + np.where(np.eye(40), np.inf, 0)
    assert (group[distance.argmin(axis=1)] == group).all(), "everybody's neighbour is of the same group"
    again = feature_map(features, patients, tested)
    np.testing.assert_array_equal(found.umap, again.umap)
    few = feature_map(features[:8], patients[:8], tested[:8])
    assert few.neighbours == 7


def test_what_has_no_map_is_refused():
    features, group = groups()
    patients = [str(number) for number in range(len(group))]
    tested = np.zeros(len(group), dtype=bool)
    with pytest.raises(BadInputError, match="no feature varies"):
        feature_map(np.ones((40, 3)), patients, tested)
    with pytest.raises(BadInputError, match="at least 5"):
        feature_map(features[:4], patients[:4], tested[:4])
    with pytest.raises(BadInputError, match="do not go with"):
        feature_map(features, patients[:-1], tested)
    with pytest.raises(BadInputError, match="finite"):
        feature_map(np.full((40, 3), np.nan), patients, tested)
