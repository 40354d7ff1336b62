"""What a finished run says of each patient: cross-fitted network risks by week, image variant and split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import NotInStoreError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class WeekSplits:
    """The patients imaged at a week and the run's splits of them.

    Attributes:
        patient_ids: sorted, the columns of `train`.
        train: shape (splits, n); True where the patient is in training.
    """

    patient_ids: tuple[str, ...]
    train: BoolArray


@dataclass(frozen=True, eq=False)
class DeepPredictions:
    """Network outputs of one run.

    Attributes:
        run_id: artifact key of the run.
        encoder: image encoder.
        weeks: week to its patients and splits.
        risks: (week, variant) to risks, shape (splits, n): out-of-fold for training patients, from the model refitted
            on the whole training split for test patients, centred on that model's training patients.
        scan_weeks: (week, variant) to the dates of the scans used, shape (n,).
    """

    run_id: str
    encoder: str
    weeks: Mapping[float, WeekSplits]
    risks: Mapping[tuple[float, str], FloatArray]
    scan_weeks: Mapping[tuple[float, str], FloatArray]

    def imaged_patients(self, week: float) -> dict[str, frozenset[str]]:
        """Image variant to the patients with a prediction at `week`."""
        splits = self.weeks.get(week)
        if splits is None:
            return {}
        patients = frozenset(splits.patient_ids)
        return {variant: patients for at, variant in self.risks if at == week}

    def scan_week(self, week: float, variant: str, patient_ids: list[str]) -> FloatArray:
        """Dates of the scans used, weeks from randomisation, in the order of `patient_ids`."""
        return self.scan_weeks[(week, variant)][self._columns(self.weeks[week], patient_ids)]

    def train_mask(self, week: float, patient_ids: list[str]) -> BoolArray:
        """The run's splits, columns in the order of `patient_ids`."""
        splits = self.weeks[week]
        return splits.train[:, self._columns(splits, patient_ids)]

    def risk(self, week: float, variant: str, patient_ids: list[str]) -> FloatArray:
        """Risks of one variant, shape (splits, len(patient_ids)).

        Raises:
            NotInStoreError: the run has no such week or variant.
        """
        found = self.risks.get((week, variant))
        if found is None:
            raise NotInStoreError(f"run {self.run_id[:8]} has no predictions of {variant} at week {week:g}.")
        return found[:, self._columns(self.weeks[week], patient_ids)]

    @staticmethod
    def _columns(splits: WeekSplits, patient_ids: list[str]) -> list[int]:
        place = {patient: column for column, patient in enumerate(splits.patient_ids)}
        return [place[patient] for patient in patient_ids]
