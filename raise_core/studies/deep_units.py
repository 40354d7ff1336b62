"""The networks of a run, unit by unit: independent, repeatable, on as many processes as the machine has processors."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan
from raise_core.evaluation.deep_risk import DeepRisk, DeepRiskUnit, compute_unit
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.unit_plan import UnitPlan
from raise_core.studies.unit_processes import computed_units


@dataclass(frozen=True, eq=False)
class DeepUnit:
    """A planned unit together with the features it needs.

    Attributes:
        plan: what it is, and its name.
        work: what is to be computed.
    """

    plan: UnitPlan
    work: DeepRiskUnit


def deep_unit(plan: UnitPlan, vectors: NDArray[np.float32], settings: RaiseSettings) -> DeepUnit:
    """Give a unit its features.

    Args:
        plan: the unit.
        vectors: shape (n_requests, d), float32: the run's whole feature matrix.
        settings: of the run.
    """
    work = DeepRiskUnit(
        features=vectors[plan.rows],
        patient_of_row=plan.patient_of_row,
        time_weeks=np.array(plan.outcome.time_weeks),
        event=np.array(plan.outcome.event),
        train=plan.train,
        folds=plan.folds,
        seed=settings.seed,
        settings=settings.perceptron,
    )
    return DeepUnit(plan, work)


def compute_units(
    units: Sequence[DeepUnit], *, device_plan: DevicePlan
) -> Generator[tuple[DeepUnit, DeepRisk], None, None]:
    """Train the networks of every unit, yielding each as it is finished; see `computed_units`.

    Raises:
        BusyError: a worker process died; what was finished has been yielded.
    """
    yield from computed_units(
        units,
        compute_unit,
        work_of=lambda unit: replace(unit.work, device=device_plan.device),
        device_plan=device_plan,
    )
