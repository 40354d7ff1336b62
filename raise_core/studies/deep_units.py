"""One week and image variant of a run as a unit of work: independent, repeatable, named by all that determines it."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan, usable_processors
from raise_core.domain.errors import BadInputError, BusyError
from raise_core.domain.outcome import Outcome
from raise_core.evaluation.deep_risk import DeepRisk, DeepRiskUnit, compute_unit
from raise_core.evaluation.resampling import inner_folds, monte_carlo_splits
from raise_core.store.artifact import artifact_key
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.runs import UNIT_KIND

DEEP_RISK_VERSION = 1
"""Raise this whenever the same features and splits would give other risks: stored units are found by it."""


@dataclass(frozen=True, eq=False)
class DeepUnit:
    """The networks of one week and variant: every split, every inner fold.

    Attributes:
        key: artifact key.
        week: landmark week.
        variant: image variant.
        patients: sorted ids.
        work: what is to be computed.
    """

    key: str
    week: float
    variant: str
    patients: tuple[str, ...]
    work: DeepRiskUnit

    @property
    def events(self) -> int:
        """Events after the landmark."""
        return int(self.work.event.sum())


def deep_unit(
    *,
    week: float,
    variant: str,
    patients: Sequence[str],
    outcome: Outcome,
    features: NDArray[np.float32],
    feature_keys: Sequence[str],
    patient_of_row: NDArray[np.int64],
    settings: RaiseSettings,
) -> DeepUnit:
    """Put a unit together and name it.

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
    work = DeepRiskUnit(
        features=features,
        patient_of_row=patient_of_row,
        time_weeks=np.array(outcome.time_weeks),
        event=np.array(outcome.event),
        train=train,
        folds=folds,
        seed=settings.seed,
        settings=settings.perceptron,
    )
    return DeepUnit(key, week, variant, tuple(patients), work)


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
