"""One week and image variant of a run as a unit of work, named by all that determines it, before anything is computed.

Apart from the networks themselves (`deep_units.py`), so that what a run would need can be said without torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import BadInputError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.resampling import inner_folds, monte_carlo_splits
from raise_core.store.artifact import artifact_key
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.runs import UNIT_KIND

DEEP_RISK_VERSION = 1
"""Raise this whenever the same features and splits would give other risks: stored units are found by it."""


@dataclass(frozen=True, eq=False)
class UnitPlan:
    """The networks of one week and variant: every split, every inner fold.

    Attributes:
        key: artifact key.
        week: landmark week.
        variant: image variant.
        patients: sorted ids, n of them.
        outcome: of the patients, the clock starting at the landmark.
        rows: shape (R,), rows of the run's feature matrix that belong to the unit.
        patient_of_row: shape (R,), position of each row's patient, 0 to n - 1.
        train: shape (splits, n), True where the patient is in training.
        folds: shape (splits, n), inner fold of each training patient, -1 for test patients.
    """

    key: str
    week: float
    variant: str
    patients: tuple[str, ...]
    outcome: Outcome
    rows: NDArray[np.int64]
    patient_of_row: NDArray[np.int64]
    train: NDArray[np.bool_]
    folds: NDArray[np.int8]

    @property
    def events(self) -> int:
        """Events after the landmark."""
        return self.outcome.n_events


def plan_unit(
    *,
    week: float,
    variant: str,
    patients: Sequence[str],
    outcome: Outcome,
    rows: Sequence[int],
    feature_keys: Sequence[str],
    patient_of_row: NDArray[np.int64],
    settings: RaiseSettings,
) -> UnitPlan:
    """Divide the patients, and name the unit.

    Args:
        week: landmark week.
        variant: image variant.
        patients: sorted ids.
        outcome: of the patients.
        rows: rows of the run's feature matrix.
        feature_keys: key of the feature vector of each row.
        patient_of_row: position of each row's patient.
        settings: of the run.

    Raises:
        BadInputError: too few patients, or no event, to divide into training and test sets.
    """
    n_train = int(settings.train_fraction * len(patients))
    if outcome.n_events < 2 or n_train < 2 * settings.inner_folds or n_train >= len(patients):
        raise BadInputError(
            f"week {week:g} has {len(patients)} patients at risk with all images and {outcome.n_events} events: too "
            f"few to train on {settings.train_fraction:g} of them; leave this week out with --weeks, or ask for fewer "
            "image variants with --models."
        )
    train = monte_carlo_splits(
        outcome.event,
        splits=settings.splits,
        train_fraction=settings.train_fraction,
        seed=settings.seed,
        keys=patients,
    )
    folds = inner_folds(train, outcome.event, folds=settings.inner_folds, seed=settings.seed, keys=patients)
    key = artifact_key(
        UNIT_KIND,
        {
            "version": DEEP_RISK_VERSION,
            "features": list(feature_keys),
            "rows": patient_of_row.tolist(),
            "patients": list(patients),
            "time_weeks": outcome.time_weeks.tolist(),
            "event": outcome.event.astype(int).tolist(),
            "splits": hashlib.sha256(np.packbits(train).tobytes() + folds.tobytes()).hexdigest(),
            "perceptron": settings.perceptron.to_dict(),
            "seed": settings.seed,
        },
    )
    return UnitPlan(
        key=key,
        week=week,
        variant=variant,
        patients=tuple(patients),
        outcome=outcome,
        rows=np.array(rows, dtype=np.int64),
        patient_of_row=patient_of_row,
        train=train,
        folds=folds,
    )
