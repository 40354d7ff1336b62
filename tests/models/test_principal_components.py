from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from raise_core.domain.errors import BadInputError
from raise_core.models import principal_components as module
from raise_core.models.principal_components import principal_component_scores

# Relative to a component's own spread. Float32 rounding moves a component by about 6e-8 * l1 / (lk - l(k+1)); the
# features below have l1 / l20 near 13 and gaps of about 1 %.
TOLERANCE = 3e-4


def image_like_features(rows=120, columns=300, seed=0):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(rows, 40)) / np.sqrt(np.arange(1, 41))
    mixed = factors @ rng.normal(size=(40, columns)) + 0.3 * rng.normal(size=(rows, columns)) + 0.2
    return np.maximum(mixed, 0).astype(np.float32)


def random_rows(fits, rows, seed=1, share=0.7):
    return np.random.default_rng(seed).random((fits, rows)) < share


def by_scikit_learn(features, mask, k=20, scored=None):
    wide = features.astype(np.float64)
    scaler = StandardScaler().fit(wide[mask])
    pca = PCA(k, svd_solver="full").fit(scaler.transform(wide[mask]))
    return pca.transform(scaler.transform(wide if scored is None else scored.astype(np.float64)))


def largest_difference(ours, theirs):
    return float((np.abs(ours - theirs) / theirs.std(axis=0)).max())


def test_equals_scaler_and_pca_of_scikit_learn_signs_included():
    features = image_like_features()
    masks = random_rows(6, len(features))
    found = principal_component_scores(features, masks)
    for scores, mask in zip(found.scores, masks, strict=True):
        assert largest_difference(scores, by_scikit_learn(features, mask)) < TOLERANCE
    assert (found.n_components == 20).all()


def test_scoring_averages_equals_averaging_scores():
    features = image_like_features()
    masks = random_rows(3, len(features))
    averages = features.reshape(40, 3, -1).mean(axis=1)
    of_averages = principal_component_scores(features, masks, scored=averages).scores
    averaged = principal_component_scores(features, masks).scores.reshape(3, 40, 3, 20).mean(axis=2)
    np.testing.assert_allclose(of_averages, averaged, atol=2e-5)


def test_rows_outside_the_training_set_change_nothing_bit_for_bit():
    features = image_like_features()
    masks = random_rows(4, len(features))
    masks[:, :10] = False
    changed = features.copy()
    changed[:10] = 1e6
    before = principal_component_scores(features, masks).scores
    after = principal_component_scores(changed, masks).scores
    np.testing.assert_array_equal(before[:, 10:], after[:, 10:])


def test_a_fit_does_not_depend_on_the_fits_beside_it():
    features = image_like_features()
    masks = random_rows(7, len(features))
    together = principal_component_scores(features, masks).scores
    for b in (0, 3, 6):
        np.testing.assert_array_equal(principal_component_scores(features, masks[b : b + 1]).scores[0], together[b])


def test_more_padding_and_the_products_used_on_cuda_change_only_rounding(monkeypatch):
    features = image_like_features()
    masks = random_rows(9, len(features))
    masks[0, 15:] = False  # far fewer rows than the others: mostly padding
    single = principal_component_scores(features, masks)
    widest = -(-len(features) // module.ROW_STEP) * module.ROW_STEP
    monkeypatch.setattr(module, "ROW_STEP", widest)
    monkeypatch.setattr(module, "_gram", lambda z: torch.bmm(z, z.transpose(1, 2)))
    batched = principal_component_scores(features, masks)
    np.testing.assert_array_equal(single.n_components, batched.n_components)
    spread = single.scores.std(axis=1, keepdims=True) + 1e-12
    assert float((np.abs(single.scores - batched.scores) / spread).max()) < TOLERANCE


def test_chunks_on_cuda_hold_every_fit_once():
    widths = np.random.default_rng(0).integers(6, 18, size=5000) * 16
    chunks = module._chunks(widths, columns=2048, device=torch.device("cuda"))
    assert sorted(np.concatenate(chunks).tolist()) == list(range(5000))
    assert 12 <= len(chunks) < 500
    assert all(len(set(widths[chunk])) == 1 for chunk in chunks)


def test_columns_that_do_not_vary_in_training_are_ignored():
    features = image_like_features()
    masks = random_rows(2, len(features))
    masks[:, :5] = False
    features[:, 7] = 0.1
    features[:5, 7] = 99.0  # varies outside the training rows only
    without = np.delete(features, 7, axis=1)
    ours = principal_component_scores(features, masks).scores
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(ours, principal_component_scores(without, masks).scores, atol=2e-3)


def test_fewer_rows_than_components_leave_the_rest_at_zero():
    features = image_like_features()
    masks = np.zeros((3, len(features)), dtype=bool)
    masks[0, :8] = True
    masks[1, :1] = True
    found = principal_component_scores(features, masks)
    assert found.n_components.tolist() == [7, 0, 0]
    assert largest_difference(found.scores[0, :, :7], by_scikit_learn(features, masks[0], k=7)) < TOLERANCE
    assert (found.scores[0, :, 7:] == 0).all()
    assert (found.scores[1:] == 0).all()


def test_duplicated_rows_add_no_components():
    features = np.repeat(image_like_features(rows=6), 10, axis=0)
    found = principal_component_scores(features, np.ones((1, 60), dtype=bool))
    assert found.n_components.tolist() == [5]


def test_unusable_features_are_refused():
    features = image_like_features()
    features[17, 3] = np.nan
    with pytest.raises(BadInputError, match="row 17"):
        principal_component_scores(features, random_rows(1, len(features)))
    with pytest.raises(BadInputError, match="training_rows"):
        principal_component_scores(image_like_features(), random_rows(1, 5))
