"""Importance of laboratory values as background work: one visit or several, each kept as it is finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from raise_core.domain.errors import BadUsageError, BusyError, NotInStoreError
from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.domain.progress import Progress
from raise_core.domain.time_unit import TimeUnit
from raise_core.jobs.order import Order, Outcome

NAME = "importance"
MODEL_NAMES = {
    ImportanceModel.SURVIVAL_FOREST: "survival forest",
    ImportanceModel.COX: "Cox model",
    ImportanceModel.CLASS_FOREST: "forest of short against long",
}


def order_settings(settings: ImportanceSettings, weeks: Sequence[float], *, filter_text: str = "") -> dict[str, Any]:
    """What a job is asked for, as JSON can hold it: the settings, the visits, and which patients."""
    first = settings.at_week(weeks[0])
    return {**first.to_document(), "weeks": [float(week) for week in weeks], "filter": filter_text}


def _asked(document: Mapping[str, Any]) -> tuple[tuple[ImportanceSettings, ...], str]:
    kept = dict(document)
    weeks, filter_text = kept.pop("weeks", None), str(kept.pop("filter", ""))
    if not weeks:
        raise BadUsageError("no visit is named; give at least one week.")
    settings = ImportanceSettings.from_document(kept)
    return tuple(settings.at_week(week) for week in weeks), filter_text


def existing(order: Order) -> str | None:
    """The analysis of the first visit, when those of all visits are kept."""
    from raise_core.evaluation.lab_panel import lab_panel, require_possible
    from raise_core.studies.lab_importance import filtered_source, has_importance, importance_key

    asked, filter_text = _asked(order.settings)
    where = (order.study_id, order.snapshot_id)
    if all(has_importance(order.home, *where, one, filter_text=filter_text) for one in asked):
        return importance_key(*where, asked[0], filter_text=filter_text)
    source = filtered_source(order.home, *where, filter_text)
    require_possible(lab_panel(source, asked[0]), asked[0])
    return None


def run(order: Order, progress: Progress, should_stop: Callable[[], bool]) -> Outcome:
    """Compute what is not kept yet. A visit that cannot be analysed beside others is told of, not fatal."""
    from raise_core.studies.lab_importance import importance, importance_key

    asked, filter_text = _asked(order.settings)
    refused = []
    for place, settings in enumerate(asked):
        try:
            importance(
                order.home,
                order.study_id,
                settings,
                snapshot_id=order.snapshot_id,
                filter_text=filter_text,
                progress=_share(progress, should_stop, place=place, visits=len(asked)),
            )
        except NotInStoreError as error:
            if len(asked) == 1:
                raise
            refused.append(str(error))
    key = importance_key(order.study_id, order.snapshot_id, asked[0], filter_text=filter_text)
    left = f"; not possible at {len(refused)}: {refused[0]}" if refused else ""
    visits = "1 visit" if len(asked) == 1 else f"{len(asked)} visits"
    return Outcome(key, f"Importance of laboratory values is ready for {visits}{left}.")


def _share(progress: Progress, should_stop: Callable[[], bool], *, place: int, visits: int) -> Progress:
    """Progress of one visit as a part of the whole; ends the work when asked to."""

    def watched(stage: str, done: int, total: int) -> None:
        progress(stage, place * total + done, visits * total)
        if should_stop():
            raise BusyError("stopped; visits that were finished are kept.")

    return watched


def describe(settings: Mapping[str, Any], unit: TimeUnit) -> str:
    """The settings in a few words."""
    asked, filter_text = _asked(settings)
    times = ", ".join(unit.write(one.week) for one in asked)
    words = f"{MODEL_NAMES[asked[0].model]}; {asked[0].endpoint}; {unit.value} {times}"
    return f"{words}; chosen patients" if filter_text else words
