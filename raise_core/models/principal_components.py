"""Column scaling and principal components fitted on many overlapping training sets at once.

Each fit standardises the columns on its own training rows (mean 0, standard deviation 1 with ddof 0, columns that do
not vary become 0) and rotates to the leading principal components of those rows, exactly what scikit-learn's
`StandardScaler` followed by `PCA` does. There are far fewer rows than columns, so the components come from the
eigenvectors of the rows' Gram matrix Z Z' instead of a singular value decomposition of Z: the same subspace at a
fraction of the work (the snapshot method, Sirovich 1987).

Sums run in float32. The k-th component is therefore known to about eps * l1 / (lk - l(k+1)) with l the eigenvalues and
eps = 6e-8: 1e-6 to 1e-4 of its spread for components that are at all separated, arbitrary (as in any implementation)
within a group of equal eigenvalues.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from raise_core.domain.device import one_thread
from raise_core.domain.errors import BadInputError
from raise_core.models.leading_eigenpairs import leading_eigenpairs

MAX_COMPONENTS = 20
"""Components kept by the published protocol."""

RANK_TOLERANCE = 1e-6
"""Eigenvalues under this share of the largest are rounding: their components are left at 0."""

SMALLEST_VARIANCE = 1e-11
"""A column whose variance is under this share of its squared mean does not vary: float32 holds no more of it."""

ROW_STEP = 16
"""Training rows are padded with zeros to a multiple of this many, so that fits of like size form one batch and every
matrix begins at a vector boundary wherever it stands in the batch."""

CPU_CHUNK = 8
"""Fits computed together on the CPU."""

CUDA_CHUNK_BYTES = 2 * 1024**3
"""Standardised copies of the rows held on a CUDA device at a time."""

_FloatArray = NDArray[np.float32]
_BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PrincipalComponentScores:
    """Scores of the same rows under many fits.

    Attributes:
        scores: shape (B, S, k), float32. Sign: the loading of largest absolute value is positive in every component
            (scikit-learn's convention). Components that the training rows do not determine are 0.
        n_components: shape (B,), how many components each fit determined (at most its training rows - 1).
    """

    scores: _FloatArray
    n_components: NDArray[np.int64]


def principal_component_scores(
    features: _FloatArray,
    training_rows: _BoolArray,
    *,
    n_components: int = MAX_COMPONENTS,
    scored: _FloatArray | None = None,
    device: torch.device | None = None,
) -> PrincipalComponentScores:
    """Fit a scaler and principal components on each row set, and score rows with each fit.

    Scaling and rotation are affine, so an average of rows may be scored instead of averaging the rows' scores.

    Args:
        features: shape (R, d), finite; one row a lesion slice.
        training_rows: shape (B, R), True for the rows fit b may see. Only these influence fit b, bit for bit.
        n_components: components asked for.
        scored: shape (S, d), what to score; the features themselves when None.
        device: where to compute; the CPU when None, with one thread.

    Raises:
        BadInputError: shapes disagree or a feature is not finite.
    """
    _check(features, training_rows, n_components)
    place = device or torch.device("cpu")
    rows = torch.as_tensor(np.ascontiguousarray(features, dtype=np.float32), device=place)
    targets = rows
    if scored is not None:
        if scored.ndim != 2 or scored.shape[1] != features.shape[1]:
            raise BadInputError(f"scored rows have shape {scored.shape}; {features.shape[1]} columns are needed.")
        targets = torch.as_tensor(np.ascontiguousarray(scored, dtype=np.float32), device=place)

    fits = len(training_rows)
    widths = -(-training_rows.sum(axis=1) // ROW_STEP) * ROW_STEP
    scores = np.zeros((fits, targets.shape[0], n_components), dtype=np.float32)
    determined = np.zeros(fits, dtype=np.int64)
    work = _Workspace(place)
    with one_thread() if place.type == "cpu" else contextlib.nullcontext():
        shift, scale = _standardisers(features, training_rows)
        for chunk in _chunks(widths, columns=features.shape[1], device=place):
            if not widths[chunk[0]]:
                continue  # no training rows, no components
            standardiser = (torch.as_tensor(shift[chunk], device=place), torch.as_tensor(scale[chunk], device=place))
            chunk_scores, chunk_determined = _fit_and_score(
                rows,
                training_rows[chunk],
                standardiser,
                width=int(widths[chunk[0]]),
                targets=targets,
                k=n_components,
                work=work,
            )
            scores[chunk] = chunk_scores.cpu().numpy()
            determined[chunk] = chunk_determined.cpu().numpy()
    return PrincipalComponentScores(scores, determined)


class _Workspace:
    """Two stretches of memory used again for every chunk: fresh ones would cost as much as the arithmetic."""

    def __init__(self, device: torch.device) -> None:
        self._memory = [torch.empty(0, device=device), torch.empty(0, device=device)]

    def first(self, shape: tuple[int, ...]) -> torch.Tensor:
        return self._take(0, shape)

    def second(self, shape: tuple[int, ...]) -> torch.Tensor:
        return self._take(1, shape)

    def _take(self, which: int, shape: tuple[int, ...]) -> torch.Tensor:
        size = math.prod(shape)
        if self._memory[which].numel() < size:
            self._memory[which] = torch.empty(size, device=self._memory[which].device)
        return self._memory[which][:size].view(shape)


def _check(features: _FloatArray, training_rows: _BoolArray, n_components: int) -> None:
    if features.ndim != 2 or training_rows.ndim != 2 or training_rows.shape[1] != features.shape[0]:
        raise BadInputError(
            f"features have shape {features.shape} and training_rows {training_rows.shape}; "
            "they must be (rows, columns) and (fits, rows)."
        )
    if n_components < 1:
        raise BadInputError(f"n_components is {n_components}; at least one component is needed.")
    if not np.isfinite(features).all():
        row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise BadInputError(f"row {row} of the features is not finite; leave that image out or extract it again.")


def _standardisers(features: _FloatArray, training_rows: _BoolArray) -> tuple[_FloatArray, _FloatArray]:
    """Shift and scale of each fit's columns, (B, 1, d) each: standardised = feature * scale + shift.

    Moments are summed in float64, where the difference of mean square and squared mean is safe; rows outside the
    training set enter with weight 0, exactly.
    """
    wide = features.astype(np.float64)
    weight = training_rows / np.maximum(training_rows.sum(axis=1), 1)[:, None]
    mean = weight @ wide
    variance = weight @ wide**2 - mean**2
    varies = variance > SMALLEST_VARIANCE * mean**2
    scale = np.divide(
        1.0, np.sqrt(variance, where=varies, out=np.ones_like(variance)), where=varies, out=np.zeros_like(variance)
    )
    return (-mean * scale).astype(np.float32)[:, None, :], scale.astype(np.float32)[:, None, :]


def _chunks(widths: NDArray[np.int64], *, columns: int, device: torch.device) -> list[NDArray[np.int64]]:
    """Fits of equal padded size, so many together as suit the device."""
    chunks = []
    for width in np.unique(widths):
        members = np.flatnonzero(widths == width)
        per_fit = max(int(width), 1) * columns * 4 * 3
        size = CPU_CHUNK if device.type == "cpu" else max(CUDA_CHUNK_BYTES // per_fit, 1)
        chunks += [members[i : i + size] for i in range(0, len(members), size)]
    return chunks


def _fit_and_score(
    rows: torch.Tensor,
    training_rows: _BoolArray,
    standardiser: tuple[torch.Tensor, torch.Tensor],
    *,
    width: int,
    targets: torch.Tensor,
    k: int,
    work: _Workspace,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (c, S, k) and number of determined components (c,) of c fits, each padded to `width` rows."""
    fits, columns = len(training_rows), rows.shape[1]
    count = training_rows.sum(axis=1)
    index = np.zeros((fits, width), dtype=np.int64)
    for fit, seen in enumerate(training_rows):
        index[fit, : count[fit]] = np.flatnonzero(seen)
    z = torch.index_select(
        rows, 0, torch.as_tensor(index.reshape(-1), device=rows.device), out=work.first((fits * width, columns))
    ).view(fits, width, columns)
    shift, scale = standardiser
    torch.addcmul(shift, z, scale, out=z)
    for fit in range(fits):
        z[fit, count[fit] :] = 0.0

    found = min(k, width, columns)
    values, vectors = leading_eigenpairs(_gram(z), found)
    # A component carries training variance, and there are at most rows - 1 of them.
    most = torch.as_tensor(count, device=rows.device).unsqueeze(1) - 1
    rank = torch.arange(found, device=rows.device).unsqueeze(0)
    kept = (values > RANK_TOLERANCE * values[:, :1].clamp_min(0)) & (rank < most) & (values > 0)
    inverse = torch.where(kept, values.clamp_min(torch.finfo(values.dtype).tiny).rsqrt(), 0.0)
    loadings = torch.bmm(vectors.transpose(1, 2), z) * inverse.unsqueeze(-1)
    turned = loadings.amax(dim=2, keepdim=True) < -loadings.amin(dim=2, keepdim=True)
    loadings.mul_(1 - 2 * turned.to(loadings.dtype))

    standardised = torch.addcmul(shift, targets, scale, out=work.second((fits, *targets.shape)))
    scores = rows.new_zeros((fits, targets.shape[0], k))
    scores[:, :, :found] = torch.bmm(standardised, loadings.transpose(1, 2))
    return scores, kept.sum(dim=1)


def _gram(z: torch.Tensor) -> torch.Tensor:
    """Products of all rows with each other, (c, m, m)."""
    if z.device.type == "cpu":
        return torch.from_numpy(np.stack([one @ one.T for one in z.numpy()]))  # numpy computes one triangle of A A'
    return torch.bmm(z, z.transpose(1, 2))
