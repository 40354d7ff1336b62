"""What the networks of a finished run looked at, as background work: maps, checks, galleries, patient maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raise_core.domain.device import plan_for
from raise_core.domain.errors import BusyError
from raise_core.domain.progress import Progress
from raise_core.domain.time_unit import TimeUnit
from raise_core.jobs.order import Order, Outcome

NAME = "attention"
PRRT, MAP, RAISE = "prrt", "map", "raise"
MAP_STAGE = "Laying patients out by their fused features"


def prrt_settings(run_id: str, models: tuple[str, ...]) -> dict[str, Any]:
    """Settings of the work for models of a PRRT run."""
    return {"of": PRRT, "run_id": run_id, "models": list(models)}


def map_settings(run_id: str, models: tuple[str, ...]) -> dict[str, Any]:
    """Settings of the work for the patient maps alone."""
    return {"of": MAP, "run_id": run_id, "models": list(models)}


def raise_settings(run_id: str, variant: str, week: float) -> dict[str, Any]:
    """Settings of the work for one week and image variant of a RAISE run."""
    return {"of": RAISE, "run_id": run_id, "variant": variant, "week": float(week)}


def existing(order: Order) -> str | None:
    """The run, when everything asked for is there. Raises when there is no such run."""
    settings = order.settings
    if settings["of"] == RAISE:
        from raise_core.studies.raise_attention_store import lesions_with_maps

        there = lesions_with_maps(order.home, settings["run_id"], [settings["variant"]], [settings["week"]])
        return settings["run_id"] if there else None
    from raise_core.studies.attention_store import models_with_maps
    from raise_core.studies.prrt_map import has_feature_maps
    from raise_core.studies.prrt_runs import load_prrt_run

    run = load_prrt_run(order.home, settings["run_id"])
    folds = run.summary.settings.folds
    run_id, models = settings["run_id"], settings["models"]
    mapped = settings["of"] == MAP or len(models_with_maps(order.home, run_id, models)) == len(models)
    whole = mapped and all(has_feature_maps(order.home, run_id, model, folds=folds) for model in models)
    return run_id if whole else None


def run(order: Order, progress: Progress, should_stop: Callable[[], bool]) -> Outcome:
    """Ask every patient's networks, patient by patient; what is finished is kept."""
    progress("Loading the program", 0, 0)
    plan_for("cpu")  # imports torch
    settings = order.settings
    if settings["of"] == RAISE:
        from raise_core.studies.raise_attention import explain_lesions

        explain_lesions(
            order.home, settings["run_id"], variant=settings["variant"], week=settings["week"], progress=progress,
            should_stop=should_stop,
        )  # fmt: skip
        return Outcome(settings["run_id"], "The lesion maps are ready.")
    _prrt(order, progress, should_stop)
    return Outcome(settings["run_id"], "The maps of what the networks looked at are ready.")


def _prrt(order: Order, progress: Progress, should_stop: Callable[[], bool]) -> None:
    from raise_core.studies.attention import explain_model
    from raise_core.studies.attention_material import open_networks
    from raise_core.studies.prrt_map import make_feature_maps
    from raise_core.studies.prrt_runs import load_prrt_run

    settings, models = order.settings, order.settings["models"]
    folds = load_prrt_run(order.home, settings["run_id"]).summary.settings.folds
    for model in models if settings["of"] == PRRT else []:
        networks = open_networks(order.home, settings["run_id"], model)
        explain_model(order.home, networks, progress=progress, should_stop=should_stop)
    for done, model in enumerate(models):
        progress(MAP_STAGE, done, len(models))
        make_feature_maps(order.home, open_networks(order.home, settings["run_id"], model), folds=folds)
        if should_stop():
            raise BusyError(f"stopped after {done + 1} of {len(models)} patient maps; they are kept.")
    progress(MAP_STAGE, len(models), len(models))


def describe(settings: Mapping[str, Any], unit: TimeUnit) -> str:
    """The settings in a few words."""
    run_id = str(settings["run_id"])[:8]
    if settings["of"] == RAISE:
        return f"run {run_id}; {settings['variant'].replace('-', ', ')}; {unit.value} {unit.write(settings['week'])}"
    models = "1 model" if len(settings["models"]) == 1 else f"{len(settings['models'])} models"
    return f"run {run_id}; {'patient map of ' if settings['of'] == MAP else ''}{models} with images"
