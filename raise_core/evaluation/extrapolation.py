"""How far a patient's values lie from those a model was fitted on, all markers together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raise_core.domain.errors import BadUsageError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reach:
    """Centre and spread of the patients a model was fitted on.

    Attributes:
        centre: shape (p,), means.
        inverse: shape (p, p), inverse of their covariance.
        largest: Mahalanobis distance of the patient furthest out.
    """

    centre: FloatArray
    inverse: FloatArray
    largest: float

    @classmethod
    def of(cls, x: ArrayLike) -> Reach:
        """Of n patients' covariates, shape (n, p), no column constant or a combination of others.

        Raises:
            BadUsageError: fewer than two patients.

        Source: Mahalanobis PC. On the generalised distance in statistics. Proc Natl Inst Sci India 1936;2:49-55.
        """
        values = np.asarray(x, dtype=np.float64)
        if values.ndim != 2 or len(values) < 2:
            raise BadUsageError(f"a spread needs at least two patients; got values of shape {values.shape}.")
        centre, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
        scale = np.where(sd > 0, sd, 1.0)  # units differ by many orders of magnitude
        scaled = (values - centre) / scale
        inverse = np.linalg.pinv(scaled.T @ scaled / (len(values) - 1), hermitian=True) / np.outer(scale, scale)
        own = np.sqrt(np.einsum("ij,jk,ik->i", values - centre, inverse, values - centre).max())
        return cls(centre, inverse, float(own))

    def distance(self, covariates: ArrayLike) -> float:
        """Mahalanobis distance of one patient, shape (p,), from the centre: in standard deviations."""
        away = np.asarray(covariates, dtype=np.float64) - self.centre
        return float(np.sqrt(max(float(away @ self.inverse @ away), 0.0)))
