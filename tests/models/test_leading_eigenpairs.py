from __future__ import annotations

import numpy as np
import pytest
import torch

from raise_core.models import leading_eigenpairs as module
from raise_core.models.leading_eigenpairs import leading_eigenpairs


def with_spectrum(spectrum, fits=4, seed=0):
    """Symmetric matrices of known eigenvalues and random eigenvectors."""
    rng = np.random.default_rng(seed)
    m = len(spectrum)
    bases = [np.linalg.qr(rng.normal(size=(m, m)))[0] for _ in range(fits)]
    return torch.from_numpy(np.stack([(b * spectrum) @ b.T for b in bases]).astype(np.float32)), bases


SPECTRA = {
    "power": 1 / np.arange(1, 129.0),
    "steep": 0.5 ** np.arange(128.0),
    "one giant": np.r_[1e5, 1 / np.arange(1, 128.0)],
    "flat": np.linspace(1.0, 0.8, 128),
    "rank 10": np.r_[np.linspace(2, 1, 10), np.zeros(118)],
    "nothing": np.zeros(128),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_values_and_vectors_solve_the_problem(name):
    matrices, _ = with_spectrum(SPECTRA[name])
    values, vectors = leading_eigenpairs(matrices, 20)
    largest = SPECTRA[name][0]
    np.testing.assert_allclose(values, np.tile(SPECTRA[name][:20], (4, 1)), atol=3e-6 * largest)
    residual = torch.bmm(matrices, vectors) - vectors * values.unsqueeze(1)
    assert float(torch.linalg.vector_norm(residual, dim=1).max()) <= 5e-6 * largest
    gram = torch.bmm(vectors.transpose(1, 2), vectors)
    np.testing.assert_allclose(gram, np.tile(np.eye(20), (4, 1, 1)), atol=2e-5)


def test_separated_vectors_are_the_true_ones():
    matrices, bases = with_spectrum(SPECTRA["power"])
    _, vectors = leading_eigenpairs(matrices, 20)
    for found, true in zip(vectors.numpy(), bases, strict=True):
        np.testing.assert_allclose(np.abs((found * true[:, :20]).sum(axis=0)), 1.0, atol=1e-5)


def test_ordinary_spectra_need_no_decomposition_and_hard_ones_fall_back(monkeypatch):
    fallen = []
    direct = module._decompose
    monkeypatch.setattr(module, "_decompose", lambda matrices, k: fallen.append(len(matrices)) or direct(matrices, k))
    leading_eigenpairs(with_spectrum(SPECTRA["power"])[0], 20)
    assert fallen == []
    leading_eigenpairs(with_spectrum(SPECTRA["flat"])[0], 20)
    assert sum(fallen) == 4


def test_an_answer_does_not_depend_on_its_neighbours():
    ordinary, _ = with_spectrum(SPECTRA["power"], fits=5)
    hard, _ = with_spectrum(SPECTRA["flat"], fits=3, seed=1)
    mixed = torch.cat([ordinary[:2], hard, ordinary[2:]])
    values, vectors = leading_eigenpairs(mixed, 20)
    for position in range(8):
        alone = leading_eigenpairs(mixed[position : position + 1], 20)
        assert torch.equal(alone[0][0], values[position])
        assert torch.equal(alone[1][0], vectors[position])


def test_small_matrices_are_decomposed():
    matrices, _ = with_spectrum(np.array([3.0, 2.0, 1.0]))
    values, vectors = leading_eigenpairs(matrices, 3)
    np.testing.assert_allclose(values, np.tile([3.0, 2.0, 1.0], (4, 1)), rtol=1e-5)
    assert vectors.shape == (4, 3, 3)
