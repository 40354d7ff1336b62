"""A PRRT run as background work. What it needs is imported when it is needed: the worker only hands it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raise_core.domain.device import plan_for
from raise_core.domain.progress import Progress
from raise_core.domain.time_unit import TimeUnit
from raise_core.jobs.order import Order, Outcome

NAME = "prrt"
LAST_STAGE = "Training networks"


def existing(order: Order) -> str | None:
    """The finished run with these settings, if there is one."""
    from raise_core.studies.prrt_settings import PrrtSettings
    from raise_core.studies.prrt_work import existing_run

    return existing_run(
        order.home, order.study_id, PrrtSettings.from_document(order.settings), snapshot_id=order.snapshot_id
    )


def run(order: Order, progress: Progress, should_stop: Callable[[], bool]) -> Outcome:
    """Prepare, train, record."""
    progress("Loading the program", 0, 0)
    plan_for(order.device)  # imports torch, and refuses a graphics card that is not there before anything is read
    from raise_core.studies.prrt_run import run_prrt
    from raise_core.studies.prrt_settings import PrrtSettings

    progress("Reading the study", 0, 0)
    finished = run_prrt(
        order.home,
        order.study_id,
        PrrtSettings.from_document(order.settings),
        snapshot_id=order.snapshot_id,
        device=order.device,
        progress=progress,
        should_stop=should_stop,
    )
    return Outcome(finished.run_id, f"PRRT run {finished.run_id[:8]} on {finished.n_patients} patients is ready.")


def describe(settings: Mapping[str, Any], unit: TimeUnit) -> str:  # noqa: ARG001 - the shape all kinds share
    """The settings in a few words."""
    from raise_core.studies.prrt_settings import PrrtSettings

    found = PrrtSettings.from_document(dict(settings))
    models = "1 model" if len(found.models) == 1 else f"{len(found.models)} models"
    return f"{models}; {found.network_repeats} × {found.folds} folds ({found.lab_repeats} × for laboratory values)"
