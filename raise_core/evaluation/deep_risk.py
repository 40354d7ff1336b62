"""Risk from image features, cross-fitted inside every training split so that a Cox model may take it as a column.

For each train/test split the training patients are divided into inner folds. A training patient's risk comes from the
fit that saw the other folds; a test patient's from the fit on the whole training split. Each fit is scaler, principal
components and perceptron, all from its own training patients, and its risk is centred on them, because the offset of a
Cox risk is arbitrary and would differ between folds. In-sample risks would drown the other markers of the Cox model
(cross-fitting as in stacked generalisation, Wolpert 1992; Chernozhukov et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.device import choose_device, one_thread
from raise_core.domain.errors import BadInputError
from raise_core.domain.progress import Progress, silent
from raise_core.models.perceptron import fit_perceptrons
from raise_core.models.perceptron_settings import PerceptronSettings
from raise_core.models.principal_components import MAX_COMPONENTS, principal_component_scores

TEST = -1
"""Fold number of a patient outside the training split."""

PROGRESS_STEPS = 4
"""How many times one call reports how far the components are."""

_BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DeepRisk:
    """One out-of-sample risk a patient and split.

    Attributes:
        risk: shape (J, n), float64, higher = worse (log relative hazard); NaN where the fit it needs failed.
        fits: how many fits were asked for, J * (1 + folds).
        failures: how many of them failed, by reason.
        n_components: components asked for.
        settings: of the perceptrons.
        seed: of the perceptrons' first weights.
    """

    risk: NDArray[np.float64]
    fits: int
    failures: dict[str, int]
    n_components: int
    settings: PerceptronSettings
    seed: int


@dataclass(frozen=True, eq=False)
class DeepRiskUnit:
    """Everything `compute_unit` needs: plain arrays and words, so that it travels to another process.

    Attributes:
        features: shape (R, d), float32; one row a lesion slice.
        patient_of_row: shape (R,), position of the row's patient, 0 to n - 1.
        time_weeks: shape (n,), weeks from the landmark.
        event: shape (n,), bool.
        train: shape (J, n), bool.
        folds: shape (J, n), int8: inner fold of each training patient, -1 for test patients.
        seed: of the perceptrons' first weights.
        settings: of the perceptrons.
        n_components: principal components kept.
        device: 'auto', 'cpu' or 'cuda'.
    """

    features: NDArray[np.float32]
    patient_of_row: NDArray[np.int64]
    time_weeks: NDArray[np.float64]
    event: _BoolArray
    train: _BoolArray
    folds: NDArray[np.int8]
    seed: int
    settings: PerceptronSettings = field(default_factory=PerceptronSettings)
    n_components: int = MAX_COMPONENTS
    device: str = "auto"


def compute_unit(unit: DeepRiskUnit) -> DeepRisk:
    """Risks of one week and image variant; a module-level function of one argument, for pools of spawned processes."""
    return cross_fitted_risk(
        unit.features,
        unit.patient_of_row,
        time_weeks=unit.time_weeks,
        event=unit.event,
        train=unit.train,
        folds=unit.folds,
        settings=unit.settings,
        seed=unit.seed,
        n_components=unit.n_components,
        device=unit.device,
    )


def cross_fitted_risk(
    features: NDArray[np.float32],
    patient_of_row: NDArray[np.int64],
    *,
    time_weeks: NDArray[np.float64],
    event: _BoolArray,
    train: _BoolArray,
    folds: NDArray[np.int8],
    seed: int,
    settings: PerceptronSettings | None = None,
    n_components: int = MAX_COMPONENTS,
    device: str = "auto",
    progress: Progress = silent,
) -> DeepRisk:
    """Out-of-sample risk of every patient in every split, all fits in one batch.

    Lesions are averaged after the components, which for an affine map equals averaging the features first; scaler and
    components are fitted on the lesions themselves.

    Args:
        features: shape (R, d), finite; one row a lesion slice.
        patient_of_row: shape (R,), position of the row's patient, 0 to n - 1; every patient has a row.
        time_weeks: shape (n,), weeks from the landmark.
        event: shape (n,), bool.
        train: shape (J, n), bool; the training patients of each split.
        folds: shape (J, n), int8; inner fold (0, 1, …) of each training patient, -1 for test patients. Draw them
            stratified by event, as the splits, or a fold may be left without one.
        seed: of the perceptrons' first weights.
        settings: of the perceptrons; the defaults when None.
        n_components: principal components kept.
        device: 'auto', 'cpu' or 'cuda'. On the CPU one thread is used; run several units in several processes.
        progress: told how far the components and perceptrons are.

    Raises:
        BadInputError: shapes disagree, a patient has no row, folds and splits contradict each other, or a feature is
            not finite.
        BadUsageError: the device cannot be used.
    """
    _check(features, patient_of_row, (time_weeks, event), train, folds)
    chosen = settings or PerceptronSettings()
    place = choose_device(device)
    n_folds = int(folds.max(initial=TEST)) + 1
    splits, n = train.shape
    # Fits stand as (split, 0 = whole training split | 1 + inner fold left out).
    seen = np.stack([train, *(train & (folds != fold) for fold in range(n_folds))], axis=1)
    fits = seen.reshape(-1, n)

    with one_thread():
        pooled = _average_by_patient(features, patient_of_row, n)
        inputs = np.empty((len(fits), n, n_components), dtype=np.float32)
        for part in np.array_split(np.arange(len(fits)), min(PROGRESS_STEPS, len(fits))):
            rows = fits[part][:, patient_of_row]
            components = principal_component_scores(
                features, rows, n_components=n_components, scored=pooled, device=place
            )
            inputs[part] = components.scores
            progress("image components", int(part[-1]) + 1, len(fits))
        fitted = fit_perceptrons(
            inputs, time_weeks=time_weeks, event=event, train=fits, settings=chosen, seed=seed, device=place
        )
        progress("image risk", len(fits), len(fits))

    by_fit = fitted.risk.reshape(splits, 1 + n_folds, n)
    source = np.where(train, folds.astype(np.intp) + 1, 0)
    risk = np.take_along_axis(by_fit, source[:, None, :], axis=1)[:, 0, :]
    return DeepRisk(risk, len(fits), fitted.failures, n_components, chosen, seed)


def _average_by_patient(
    features: NDArray[np.float32], patient_of_row: NDArray[np.int64], n: int
) -> NDArray[np.float32]:
    """Mean feature row of each patient, shape (n, d)."""
    order = np.argsort(patient_of_row, kind="stable")
    starts = np.searchsorted(patient_of_row[order], np.arange(n))
    sums = np.add.reduceat(features[order].astype(np.float64), starts, axis=0)
    means: NDArray[np.float32] = (sums / np.bincount(patient_of_row, minlength=n)[:, None]).astype(np.float32)
    return means


def _check(
    features: NDArray[np.float32],
    patient_of_row: NDArray[np.int64],
    outcome: tuple[NDArray[np.float64], _BoolArray],
    train: _BoolArray,
    folds: NDArray[np.int8],
) -> None:
    time_weeks, event = outcome
    if features.ndim != 2 or patient_of_row.shape != (features.shape[0],):
        raise BadInputError(
            f"features have shape {features.shape} and patient_of_row {patient_of_row.shape}; "
            "they must be (rows, columns) and (rows,)."
        )
    n = time_weeks.shape[0]
    if event.shape != (n,) or train.ndim != 2 or train.shape[1] != n or folds.shape != train.shape or not train.size:
        raise BadInputError(
            f"time_weeks has shape {time_weeks.shape}, event {event.shape}, train {train.shape}, folds {folds.shape}; "
            "they must be (n,), (n,), (splits, n) and (splits, n)."
        )
    if len(patient_of_row) and not 0 <= patient_of_row.min() <= patient_of_row.max() < n:
        raise BadInputError(f"patient_of_row must lie between 0 and {n - 1}.")
    rows = np.bincount(patient_of_row, minlength=n)
    if (rows == 0).any():
        raise BadInputError(
            f"patient at position {int(np.argmin(rows))} has no row of features; leave patients without images out."
        )
    if ((folds >= 0) != train).any():
        raise BadInputError("folds must be 0 or more exactly for training patients, and -1 for test patients.")
    n_folds = int(folds.max()) + 1
    counts = [int((folds == fold).sum(axis=1).min()) for fold in range(n_folds)]
    if n_folds < 2 or min(counts) == 0:
        raise BadInputError(
            f"each split needs at least two inner folds with patients in each; the smallest folds hold {counts}."
        )
