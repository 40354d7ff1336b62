"""The networks of a run, unit by unit: independent, repeatable, on as many processes as the machine has processors."""

from __future__ import annotations

import multiprocessing
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan, usable_processors
from raise_core.domain.errors import BusyError
from raise_core.evaluation.deep_risk import DeepRisk, DeepRiskUnit, compute_unit
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.unit_plan import UnitPlan


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
    """Train the networks of every unit, yielding each as it is finished.

    On the CPU each unit is computed by one single-threaded process, so that results do not depend on the number of
    threads and two units never wait for each other's; on a GPU one after the other in this process.

    Raises:
        BusyError: a worker process died; what was finished has been yielded.
    """
    workers = min(len(units), usable_processors())
    if device_plan.is_cuda or workers <= 1:
        for unit in units:
            yield unit, compute_unit(replace(unit.work, device=device_plan.device))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
        waiting: dict[Future[DeepRisk], DeepUnit] = {
            pool.submit(compute_unit, replace(unit.work, device=device_plan.device)): unit for unit in units
        }
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), future.result()
        except BrokenProcessPool as error:
            raise BusyError(
                "a worker process was ended from outside (out of memory?); what was finished is kept. "
                "Run again to go on."
            ) from error
        finally:
            for future in waiting:
                future.cancel()
