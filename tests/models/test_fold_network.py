from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from raise_core.domain.errors import BadInputError
from raise_core.models.fold_network import (
    LARGEST_STANDARDISED,
    LabBlock,
    fit_component_block,
    fit_standardised_block,
)
from raise_core.models.lab_inputs import fit_lab_statistics
from raise_core.models.principal_components import principal_component_scores


def features(n=40, d=120, seed=0):
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(n, 6)) @ rng.normal(size=(6, d)) + 0.3 * rng.normal(size=(n, d)) + 5).astype(np.float32)
    values[:, 3] = 2.0
    return values, np.arange(n) < 28


def test_components_are_those_of_scikit_learn_and_of_the_lesion_networks():
    values, train = features()
    block = fit_component_block(values, train, n_components=5)
    found = block(torch.from_numpy(values)).numpy()
    scaler = StandardScaler().fit(values[train].astype(float))
    pca = PCA(5, svd_solver="full").fit(scaler.transform(values[train].astype(float)))
    scores = pca.transform(scaler.transform(values.astype(float)))
    np.testing.assert_allclose(np.abs(found), np.abs(scores / scores[train].std(axis=0)), atol=2e-4)
    ours = principal_component_scores(values, train[None], n_components=5).scores[0]
    np.testing.assert_allclose(np.abs(found), np.abs(ours / ours[train].std(axis=0)), atol=2e-3)


def test_there_are_no_more_components_than_training_patients_determine():
    values, train = features()
    train = np.arange(len(train)) < 4
    block = fit_component_block(values, train, n_components=20)
    found = block(torch.from_numpy(values)).numpy()
    assert found.shape == (40, 3)
    np.testing.assert_allclose(found[train].std(axis=0), 1, atol=1e-4)


def test_equal_training_rows_give_components_of_zero():
    values = np.ones((10, 5), dtype=np.float32)
    assert not fit_component_block(values, np.arange(10) < 6, n_components=3)(torch.from_numpy(values)).any()


def test_features_are_standardised_on_training_rows_and_cut():
    values, train = features()
    values[-1] = 1e6
    found = fit_standardised_block(values, train)(torch.from_numpy(values)).numpy()
    np.testing.assert_allclose(found[train].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(found[train].std(axis=0)[np.arange(120) != 3], 1, atol=1e-4)
    assert not found[:-1, 3].any()
    assert np.abs(found).max() == LARGEST_STANDARDISED


def test_lab_inputs_are_imputed_logged_and_standardised():
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(40, 4, 60), rng.lognormal(5, 1.5, 60)])
    values[:12, 0] = np.nan
    values[-1, 1] = -3.0  # a negative value of a logged test, seen in nobody of training
    train = np.arange(60) < 40
    block = LabBlock(fit_lab_statistics(values, train))
    found = block(torch.from_numpy(values)).numpy()
    assert found.shape == (60, 3) == (60, block.width)
    seen = np.where(np.isnan(values[:, 0]), np.nanmedian(values[train, 0]), values[:, 0])
    np.testing.assert_allclose(found[:, 0], (seen - seen[train].mean()) / seen[train].std(), atol=1e-5)
    logs = np.log(values[:-1, 1])
    np.testing.assert_allclose(found[:-1, 1], (logs - logs[:40].mean()) / logs[:40].std(), atol=1e-5)
    assert np.isfinite(found[-1]).all()
    assert found[-1, 1] < found[train, 1].min()
    np.testing.assert_array_equal(found[:, 2], np.isnan(values[:, 0]))


def test_gradients_reach_the_laboratory_values():
    values = torch.tensor([[1.0, 2.0], [2.0, float("nan")], [4.0, 9.0]], dtype=torch.float64, requires_grad=True)
    block = LabBlock(fit_lab_statistics(values.detach().numpy(), np.array([True, True, True])))
    torch.autograd.backward(block(values).sum())
    assert torch.isfinite(values.grad).all()
    assert bool((values.grad[:, 0] > 0).all())


def test_missing_features_are_refused():
    values, train = features()
    values[0, 0] = np.nan
    with pytest.raises(BadInputError, match="all finite"):
        fit_component_block(values, train, n_components=3)
