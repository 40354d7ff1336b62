"""One patient's risk by models that never saw the patient, against the cohort's at the same week.

In every train/test split the model is fitted on the training patients and read on the test patients, exactly as for
the c-index. A risk has no unit of its own that splits share, so each split's is put on the scale of its training
patients: 0 is their mean, 1 their standard deviation. A patient's risk is the mean over the splits that test the
patient; the range over those splits says how much it hangs on who else was in training.

The patient is compared with everybody at risk within the same split, by the same fit, so that patients with equal
markers stay equal. Where the others were in training, a network's risk of them is the one cross-fitted inside the
split; a Cox model has too few coefficients for it to matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from raise_core.domain.outcome import BoolArray, FloatArray
from raise_core.domain.patient_risk import QUANTILES, RANGE_PERCENT, PatientRisk
from raise_core.evaluation.cindex import Design
from raise_core.models.cox import fit_cox


def split_risks(design: Design) -> FloatArray:
    """Risk of every patient in every split, from the model fitted on that split's training patients.

    A Cox model gives its linear predictor, a network its log relative hazard, both centred on the training patients
    and higher = worse.

    Returns:
        Shape (J, n); a whole row is NaN where the c-index is not scored for want of a fit or of a network's output.
    """
    lacking = design.lacks_risk
    risk = _cox_risks(design, lacking) if design.risk is None else design.risk
    return np.asarray(np.where(lacking[:, None], np.nan, risk), dtype=np.float64)


def _cox_risks(design: Design, lacking: BoolArray) -> FloatArray:
    x = np.asarray(design.x, dtype=np.float64)
    x = np.where(np.isnan(x), 0.0, x)
    fits = fit_cox(
        x,
        design.time_weeks,
        design.event,
        rows=design.train & ~lacking[:, None],
        source=np.arange(design.splits) if x.ndim == 3 else np.zeros(design.splits, dtype=np.intp),
    )
    return fits.risk(x)


def standardised(risk: FloatArray, train: BoolArray) -> FloatArray:
    """Risks in standard deviations (ddof 0) from the mean of the split's training patients, shape (J, n).

    Training patients without a risk are passed over. A split whose training patients all have the same risk is NaN.
    """
    known = train & ~np.isnan(risk)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.where(known, risk, 0.0).sum(axis=1, keepdims=True) / count
    sd = np.sqrt((np.where(known, risk - mean, 0.0) ** 2).sum(axis=1, keepdims=True) / count)
    scaled: FloatArray = np.divide(risk - mean, sd, out=np.full(risk.shape, np.nan), where=sd > 0)
    return scaled


def percentile_among(value: float, others: FloatArray) -> float:
    """Share of `others` below a value, in percent; equal ones count half. NaN without others.

    Args:
        value: finite.
        others: shape (m,), finite.
    """
    if len(others) == 0:
        return float("nan")
    return float(100.0 * ((others < value).mean() + 0.5 * (others == value).mean()))


@dataclass(frozen=True, eq=False)
class HeldOutRisks:
    """One model's risks of all patients at risk at one week, split by split.

    Attributes:
        week: nominal landmark week.
        patient_ids: shape (n,).
        events: events ahead among them.
        risk: shape (J, n), standardised in each split; a whole row is NaN where the split has no risk.
        train: bool, shape (J, n); True where a patient trains the model of that split.
    """

    week: float
    patient_ids: tuple[str, ...]
    events: int
    risk: FloatArray = field(repr=False)
    train: BoolArray = field(repr=False)

    @property
    def n(self) -> int:
        """Patients at risk and complete."""
        return len(self.patient_ids)

    @property
    def splits(self) -> int:
        """Splits asked for."""
        return int(self.risk.shape[0])

    @cached_property
    def unscored(self) -> int:
        """Splits without a risk for any test patient."""
        return int((np.isnan(self.risk) | self.train).all(axis=1).sum())

    @cached_property
    def quantiles(self) -> tuple[float, ...]:
        """Quantiles over the patients, one for each of `QUANTILES`, mean over the splits; NaN without a risk."""
        rows = [row[~np.isnan(row)] for row in self.risk]
        found = [np.quantile(row, QUANTILES) for row in rows if len(row)]
        if not found:
            return (float("nan"),) * len(QUANTILES)
        return tuple(float(value) for value in np.mean(found, axis=0))

    @cached_property
    def mean_held_out(self) -> FloatArray:
        """Mean risk of each patient over the splits that test the patient, shape (n,); NaN where none does."""
        tested = ~self.train & ~np.isnan(self.risk)
        count = tested.sum(axis=0)
        total = np.where(tested, self.risk, 0.0).sum(axis=0)
        mean: FloatArray = np.divide(total, count, out=np.full(self.n, np.nan), where=count > 0)
        return mean

    def of(self, patient_id: str) -> PatientRisk | None:
        """One patient's risk; None when the patient is not at risk, or no split tests the patient."""
        if patient_id not in self.patient_ids:
            return None
        column = self.patient_ids.index(patient_id)
        tested = self.risk[~self.train[:, column] & ~np.isnan(self.risk[:, column])]
        if len(tested) == 0:
            return None
        own, others = tested[:, column], np.delete(tested, column, axis=1)
        percentiles = [
            percentile_among(value, row[~np.isnan(row)]) for value, row in zip(own.tolist(), others, strict=True)
        ]
        low, high = np.percentile(own, RANGE_PERCENT)
        percentile_low, percentile_high = np.percentile(percentiles, RANGE_PERCENT)
        return PatientRisk(
            week=self.week,
            risk=float(own.mean()),
            low=float(low),
            high=float(high),
            percentile=float(np.mean(percentiles)),
            percentile_low=float(percentile_low),
            percentile_high=float(percentile_high),
            test_splits=len(own),
        )


def held_out_risks(design: Design, patient_ids: Sequence[str]) -> HeldOutRisks:
    """Fit and read one model at one week in all of its splits.

    Args:
        design: the model, its patients and splits.
        patient_ids: shape (n,), in the order of the design.

    Raises:
        ValueError: the ids and the design differ in patients.
    """
    if len(patient_ids) != len(design.time_weeks):
        raise ValueError(f"{len(patient_ids)} patient ids for {len(design.time_weeks)} patients.")
    scaled = standardised(split_risks(design), design.train)
    return HeldOutRisks(
        week=float(design.week),
        patient_ids=tuple(patient_ids),
        events=design.n_events,
        risk=scaled,
        train=design.train,
    )
