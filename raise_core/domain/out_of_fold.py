"""Out-of-fold outputs of a model over repeats of k-fold cross-validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.fusion_model import FusionModel, Head
from raise_core.domain.outcome import FloatArray


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What a model said of each patient when that patient's fold was left out of its training.

    Attributes:
        model: which model.
        patient_ids: sorted, n of them; those the model could be asked about.
        value: shape (repeats, n): the probability of long progression-free survival (higher is better) for a
            classifier, the log relative hazard (higher is worse), centred on the training patients, for a Cox head.
            NaN where the fit failed.
        fold: shape (repeats, n), int8, the fold each patient was tested in. Repeat r has the same folds for every
            model of a run on the same patients, so models can be compared in pairs.
    """

    model: FusionModel
    patient_ids: tuple[str, ...]
    value: FloatArray
    fold: NDArray[np.int8]

    @property
    def repeats(self) -> int:
        """Repeats of the cross-validation."""
        return int(self.value.shape[0])

    @property
    def folds(self) -> int:
        """Folds of each repeat."""
        return int(self.fold.max()) + 1

    @property
    def risk(self) -> FloatArray:
        """The same, higher is worse: 1 - probability of long for a classifier, the value itself for a Cox head."""
        return self.value if self.model.head is Head.COX else np.asarray(1.0 - self.value)

    @property
    def mean_risk(self) -> FloatArray:
        """Shape (n,): the mean of `risk` over the repeats, one out-of-fold risk a patient."""
        return np.asarray(self.risk.mean(axis=0))
