"""A RAISE run as background work. What it needs is imported when it is needed: the worker only hands it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raise_core.domain.device import plan_for
from raise_core.domain.progress import Progress
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures.identity import encoder_name
from raise_core.jobs.order import Order, Outcome

NAME = "raise"


def existing(order: Order) -> str | None:
    """The finished run with these settings, if there is one."""
    from raise_core.studies.raise_settings import RaiseSettings
    from raise_core.studies.raise_work import existing_run

    return existing_run(
        order.home, order.study_id, RaiseSettings.from_document(order.settings), snapshot_id=order.snapshot_id
    )


def run(order: Order, progress: Progress, should_stop: Callable[[], bool]) -> Outcome:
    """Extract, train, record."""
    progress("Loading the program", 0, 0)
    plan_for(order.device)  # imports torch, and refuses a graphics card that is not there before anything is read
    from raise_core.studies.raise_run import run_raise
    from raise_core.studies.raise_settings import RaiseSettings

    progress("Reading the study and the encoder's weights", 0, 0)
    finished = run_raise(
        order.home,
        order.study_id,
        RaiseSettings.from_document(order.settings),
        snapshot_id=order.snapshot_id,
        device=order.device,
        progress=progress,
        should_stop=should_stop,
    )
    failed = f"; {finished.failed_images} pictures could not be used" if finished.failed_images else ""
    return Outcome(finished.run_id, f"Run {finished.run_id[:8]} is ready{failed}.")


def describe(settings: Mapping[str, Any], unit: TimeUnit) -> str:
    """The settings in a few words."""
    from raise_core.studies.raise_settings import RaiseSettings

    found = RaiseSettings.from_document(dict(settings))
    times = ", ".join(unit.write(week) for week in found.weeks)
    variants = "1 image variant" if len(found.variants) == 1 else f"{len(found.variants)} image variants"
    return f"{encoder_name(found.encoder)}; {unit.value} {times}; {variants}; {found.splits} splits"
