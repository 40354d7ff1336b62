"""How long a PRRT run will take, from the speed of earlier ones on this home; a wide range, said to be one, without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from raise_core.jobs.accelerator import graphics_card
from raise_core.jobs.estimate import MEASURED_MARGIN, START_SECONDS, Span
from raise_core.store.home import Home
from raise_core.studies.prrt_runs import (
    PREPARE_SECONDS,
    READ_SECONDS,
    TRAIN_SECONDS,
    PrrtRunSummary,
    all_prrt_runs,
)
from raise_core.studies.prrt_settings import PrrtSettings
from raise_core.studies.prrt_work import PrrtWork, planned_work

COARSE_SECONDS = {
    "cpu": {"images": (0.2, 3.0), "features": (0.5, 6.0), "folds": (20.0, 180.0)},
    "cuda": {"images": (0.2, 3.0), "features": (0.05, 1.0), "folds": (3.0, 40.0)},
}
"""Seconds apiece where nothing has been run yet: from many fast processors to two slow ones."""

_STAGES = {"images": PREPARE_SECONDS, "features": READ_SECONDS, "folds": TRAIN_SECONDS}
_LEAST = {"images": 20, "features": 20, "folds": 3}
"""Fewer say little of the speed: starting takes longer than doing."""


@dataclass(frozen=True)
class PrrtEstimate:
    """What a run will need.

    Attributes:
        work: what it needs, kept and missing.
        seconds: time it will take; None when it is finished already.
        measured: whether every rate behind it was measured on this home.
    """

    work: PrrtWork
    seconds: Span | None
    measured: bool

    @property
    def finished_run_id(self) -> str | None:
        """The run, when it is finished already."""
        return self.work.run_id


def estimate_prrt(home: Home, study_id: str, settings: PrrtSettings, *, snapshot_id: str, device: str) -> PrrtEstimate:
    """What a run needs, what of it is kept, and how long the rest will take. Computes and downloads nothing.

    Raises:
        UserFacingError: whatever the run itself would refuse.
    """
    kind = "cuda" if device != "cpu" and graphics_card() is not None else "cpu"
    work = planned_work(home, study_id, settings, snapshot_id=snapshot_id, half_precision=kind == "cuda")
    if work.run_id is not None:
        return PrrtEstimate(work, None, measured=True)
    earlier = [run for run in all_prrt_runs(home) if run.device == kind]
    amounts = {
        "images": work.images - work.images_kept,
        "features": work.scans_read - work.scans_read_kept,
        "folds": work.folds - work.folds_kept,
    }
    seconds, measured = Span(*START_SECONDS), True
    for part, amount in amounts.items():
        if not amount:
            continue
        apiece = _measured(earlier, part, settings)
        measured = measured and bool(apiece)
        low, high = (
            COARSE_SECONDS[kind][part]
            if not apiece
            else (
                min(apiece) / MEASURED_MARGIN,
                max(apiece) * MEASURED_MARGIN,
            )
        )
        seconds += Span(amount * low, amount * high)
    return PrrtEstimate(work, seconds, measured)


def _measured(earlier: Sequence[PrrtRunSummary], part: str, settings: PrrtSettings) -> list[float]:
    """Seconds apiece in earlier runs at the same resolution."""
    return [
        run.seconds[_STAGES[part]] / run.computed[part]
        for run in earlier
        if run.settings.side_voxels == settings.side_voxels
        and run.computed.get(part, 0) >= _LEAST[part]
        and run.seconds.get(_STAGES[part])
    ]
