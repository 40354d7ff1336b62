"""Reading everything that is kept against its checksums, as background work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raise_core.domain.errors import BusyError
from raise_core.domain.progress import Progress
from raise_core.domain.time_unit import TimeUnit
from raise_core.jobs.order import Order, Outcome

NAME = "verify"


def existing(order: Order) -> str | None:  # noqa: ARG001 - the shape all kinds share
    """A check is never there already: bytes may have changed since."""
    return None


def run(order: Order, progress: Progress, should_stop: Callable[[], bool]) -> Outcome:
    """Check every artifact and image. Damaged artifacts are removed and made again when needed; images are told of."""
    from raise_core.jobs.image_check import check_images
    from raise_core.store.artifact import ArtifactStore

    def watched(stage: str, done: int, total: int) -> None:
        progress(stage, done, total)
        if should_stop():
            raise BusyError(f"stopped after {done} of {total}; damaged ones met so far have been removed.")

    found = ArtifactStore(order.home).verify(progress=watched)
    images = check_images(order.home, progress=watched)
    checked = f"{found.checked} kept items and {images.checked} imported images checked"
    words = []
    if found.removed:
        words.append(f"{len(found.removed)} had changed and were removed; they are made again when needed.")
    if images.damaged:
        words.append(f"{len(images.damaged)} imported images are damaged. {images.remedy}")
    return Outcome(None, f"{checked}: {' '.join(words) or 'all are as they were written.'}")


def describe(settings: Mapping[str, Any], unit: TimeUnit) -> str:  # noqa: ARG001 - the shape all kinds share
    """There is nothing to set."""
    return "every image feature, network, run and imported image"
