"""The leading eigenpairs of many symmetric positive semidefinite matrices, by Chebyshev-filtered subspace iteration.

A full decomposition spends its time on eigenvectors nobody asked for. Here a block of vectors is filtered by a
polynomial of the matrix that damps the unwanted part of the spectrum, which is nothing but matrix products (Zhou,
Saad, Tiago & Chelikowsky 2006), until the residuals are at the level of float32 rounding. What has not converged after
a few rounds (flat or very steep spectra) is handed to LAPACK, so every answer has the same accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass

import scipy.linalg
import torch

GUARD = 12
"""Vectors carried beside the wanted ones; they make the wanted ones converge."""

FILTER_DEGREES = (4, 4, 4, 4)
"""Degree of the polynomial in each round. A steeper filter converges in fewer, but loses the small components of steep
spectra (falling like 1/i^1.5 or with one giant) to float32 rounding."""

RESIDUAL_TOLERANCE = 1.5e-6
"""Largest |A v - value v| accepted, as a share of the largest eigenvalue: some ten times float32 rounding."""

SMALLEST_CUT = 1e-3
"""The damped interval reaches at least to this share of the largest eigenvalue."""

SMALL = 3
"""A matrix with less than this many rows for each vector carried is decomposed directly."""


@dataclass
class _Block:
    """Ritz values (c, b) ascending, Ritz vectors (c, m, b) and the matrix times them."""

    values: torch.Tensor
    vectors: torch.Tensor
    images: torch.Tensor


def leading_eigenpairs(matrices: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k largest eigenvalues and their vectors.

    Args:
        matrices: shape (c, m, m), float32, symmetric, positive semidefinite up to rounding.
        k: how many, 1 to m.

    Returns:
        Values (c, k), falling, and vectors (c, m, k) of length 1. Signs are arbitrary but reproducible. An answer does
        not depend on the other matrices of the call, as long as m is a multiple of 16 (see `perceptron.UNIT_STEP`).
    """
    c, m, _ = matrices.shape
    block = k + GUARD
    values = matrices.new_empty((c, k))
    vectors = matrices.new_empty((c, m, k))
    if m < SMALL * block:
        left = torch.arange(c, device=matrices.device)
    else:
        left = _iterate(matrices, k, block, values, vectors)
    # LAPACK takes the leading part of one matrix at a time; CUDA decomposes all of them whole.
    step = 1 if matrices.device.type == "cpu" else max(len(left), 1)
    for at in range(0, len(left), step):
        part = left[at : at + step]
        values[part], vectors[part] = _decompose(matrices[part], k)
    return values, vectors


def _iterate(matrices: torch.Tensor, k: int, block: int, values: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Fill in what converges; returns the positions of the rest."""
    c, m, _ = matrices.shape
    start = torch.randn(m, block, generator=torch.Generator().manual_seed(0)).to(matrices.device)
    left = torch.arange(c, device=matrices.device)
    # A lone product takes another path through the library, with other last bits: never fewer than two.
    active = matrices if c > 1 else matrices.expand(2, -1, -1).contiguous()
    ritz = _rayleigh_ritz(active, torch.linalg.qr(torch.bmm(active, start.expand(len(active), -1, -1))).Q)
    for degree in FILTER_DEGREES:
        ritz = _rayleigh_ritz(active, torch.linalg.qr(_filtered(active, ritz, degree)).Q)
        top, of_top = ritz.values[:, -k:], ritz.vectors[:, :, -k:]
        residual = torch.linalg.vector_norm(ritz.images[:, :, -k:] - of_top * top.unsqueeze(1), dim=1).amax(dim=1)
        done = (residual <= RESIDUAL_TOLERANCE * top[:, -1])[: len(left)]
        here = done.nonzero().squeeze(1)
        values[left[here]] = top[here].flip(1)
        vectors[left[here]] = of_top[here].flip(2)
        rest = (~done).nonzero().squeeze(1)
        left = left[rest]
        if not len(left):
            break
        if len(rest) < len(done):
            pair = rest if len(rest) > 1 else rest.expand(2)
            active = active[pair]
            ritz = _Block(ritz.values[pair], ritz.vectors[pair], ritz.images[pair])
    return left


def _rayleigh_ritz(matrices: torch.Tensor, basis: torch.Tensor) -> _Block:
    images = torch.bmm(matrices, basis)
    small = torch.bmm(basis.transpose(1, 2), images)
    # A filter that overflowed leaves NaN behind, which LAPACK refuses; 0 never passes for converged.
    small = torch.nan_to_num(small, nan=0.0, posinf=0.0, neginf=0.0)
    values, turn = torch.linalg.eigh(small)
    return _Block(values, torch.bmm(basis, turn), torch.bmm(images, turn))


def _filtered(matrices: torch.Tensor, ritz: _Block, degree: int) -> torch.Tensor:
    """Chebyshev polynomial of the matrix, small on [0, cut] and steep above, times the vectors; largest first."""
    cut = torch.maximum(ritz.values[:, :1], SMALLEST_CUT * ritz.values[:, -1:]).clamp_min(1e-30).unsqueeze(-1)
    before, now = ritz.vectors, ritz.images * (2 / cut) - ritz.vectors
    for _ in range(degree - 1):
        before, now = now, torch.bmm(matrices, now).mul_(4 / cut).sub_(now, alpha=2).sub_(before)
    now = now.flip(2)
    length: torch.Tensor = torch.linalg.vector_norm(now, dim=1, keepdim=True)
    return now / length.clamp_min(1e-30)


def _decompose(matrices: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Direct decomposition; on the CPU of a single matrix, the leading part alone."""
    if matrices.device.type != "cpu":
        values, vectors = torch.linalg.eigh(matrices)
        return values[:, -k:].flip(1), vectors[:, :, -k:].flip(2)
    m = matrices.shape[-1]
    w, v = scipy.linalg.eigh(matrices[0].numpy(), subset_by_index=[m - k, m - 1], driver="evr", check_finite=False)
    return torch.from_numpy(w[::-1].copy()).unsqueeze(0), torch.from_numpy(v[:, ::-1].copy()).unsqueeze(0)
