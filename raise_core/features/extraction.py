"""Feature vectors for any number of pictures: streamed, resumable, none computed twice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan
from raise_core.domain.errors import BusyError
from raise_core.domain.progress import Progress, silent
from raise_core.features.encoder import FeatureEncoder
from raise_core.features.network_run import NetworkRun
from raise_core.features.pictures import UNIT_PICTURES, units_by_scan
from raise_core.features.plan import ImageRequest, feature_key
from raise_core.features.shelf import FeatureShelf
from raise_core.features.workers import (
    UnitRequest,
    UnitResult,
    default_workers,
    results_in_this_process,
    results_of_workers,
)
from raise_core.imaging.plan import SliceImagePlan

STAGE = "Extracting image features"
FLUSH_VECTORS = 256
"""Vectors kept in memory before they are put on the shelf: what a kill can lose, about 2 s of work on a laptop."""

WORKERS_PAY_FROM = 200
"""Fewer pictures are done in this process: starting others costs more (each imports torch, 3 to 5 s)."""


class ExtractionStoppedError(BusyError):
    """Extraction was asked to stop; what was finished is on the shelf."""


@dataclass(frozen=True)
class ImageFailure:
    """A picture that could not be made, and why."""

    request: ImageRequest
    reason: str


@dataclass(frozen=True, eq=False)
class ExtractionReport:
    """What an extraction gave.

    Attributes:
        vectors: (n_requests, feature_count), float32, in the order of the requests; NaN where the picture failed.
        keys: key of each request.
        failures: requests that failed, in their order, with reasons; they are tried again in the next run.
        computed: vectors computed now.
        reused: vectors that were on the shelf.
        duplicates: requests whose vector another request of this run also asked for.
        seconds: wall time.
        images_per_second: computed / seconds; None when nothing was computed.
    """

    vectors: NDArray[np.float32]
    keys: tuple[str, ...]
    failures: tuple[ImageFailure, ...]
    computed: int
    reused: int
    duplicates: int
    seconds: float
    images_per_second: float | None


def extract(
    requests: Sequence[ImageRequest],
    *,
    plan: SliceImagePlan,
    encoder: FeatureEncoder,
    device_plan: DevicePlan,
    shelf: FeatureShelf,
    workers: int | None = None,
    batch_size: int | None = None,
    progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None,
) -> ExtractionReport:
    """Feature vectors of all requests; only what is not on the shelf is computed.

    Vectors go to the shelf every `FLUSH_VECTORS`, so a kill at any moment loses no more than that. They do not depend
    on the number of workers, the batch size or the order of the requests, but for rounding.

    Args:
        requests: pictures wanted; the same picture may be asked for more than once.
        plan: how pictures are made.
        encoder: with checked weights.
        device_plan: where the network runs.
        shelf: where vectors are kept.
        workers: processes; 0: all in this one; None: by the size of the job and the machine.
        batch_size: pictures the network sees at a time; None: what suits the device.
        progress: told after each unit how many pictures of those to compute are done, failed ones included.
        should_stop: asked after each unit; True ends the run.

    Raises:
        ExtractionStoppedError: `should_stop` said so. What was finished is on the shelf.
        BusyError: a worker process died. What was finished is on the shelf.
        ValueError: a negative number of workers, or a batch size below 1.
    """
    if (workers is not None and workers < 0) or (batch_size is not None and batch_size < 1):
        raise ValueError(f"workers is {workers} and batch_size {batch_size}; at least 0 and 1 are needed.")
    started = time.monotonic()
    keys = tuple(
        feature_key(request, plan=plan, encoder=encoder, half_precision=device_plan.autocast) for request in requests
    )
    first_with: dict[str, int] = {}
    for position, key in enumerate(keys):
        first_with.setdefault(key, position)
    known = shelf.known_keys() & first_with.keys()
    missing = [position for key, position in first_with.items() if key not in known]

    gathered = _Gathered(keys, shelf, progress, len(missing))
    if missing:
        units = _units([requests[position] for position in missing], missing)
        results = _results(
            units,
            plan=plan,
            encoder=encoder,
            device_plan=device_plan,
            workers=_worker_count(workers, len(missing)),
            batch_size=batch_size,
        )
        with contextlib.closing(results), gathered:
            for result in results:
                gathered.add(result)
                if should_stop is not None and gathered.done < len(missing) and should_stop():
                    raise ExtractionStoppedError(
                        f"stopped after {gathered.done} of {len(missing)} images; the finished ones are kept. "
                        "Run again to go on."
                    )
    vectors = np.full((len(requests), encoder.feature_count), np.nan, dtype=np.float32)
    available = {key: row for row, key in enumerate([*known, *gathered.finished])}
    if available:
        table = shelf.get(list(available))
        rows = [available.get(key) for key in keys]
        there = [position for position, row in enumerate(rows) if row is not None]
        vectors[there] = table[[row for row in rows if row is not None]]
    seconds = time.monotonic() - started
    return ExtractionReport(
        vectors=vectors,
        keys=keys,
        failures=tuple(
            ImageFailure(request, gathered.failed[key])
            for request, key in zip(requests, keys, strict=True)
            if key in gathered.failed
        ),
        computed=len(gathered.finished),
        reused=len(known),
        duplicates=len(keys) - len(first_with),
        seconds=seconds,
        images_per_second=len(gathered.finished) / seconds if gathered.finished else None,
    )


class _Gathered:
    """Finished vectors on their way to the shelf; leaving the `with` puts down what is still in hand."""

    def __init__(self, keys: Sequence[str], shelf: FeatureShelf, progress: Progress, total: int) -> None:
        self._keys = keys
        self._shelf = shelf
        self._progress = progress
        self._total = total
        self._held_keys: list[str] = []
        self._held: list[NDArray[np.float32]] = []
        self.finished: list[str] = []
        self.failed: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._progress(STAGE, 0, self._total)
        return self

    def __exit__(self, *_: object) -> None:
        self._put()

    @property
    def done(self) -> int:
        """Pictures that are through, whether they succeeded or not."""
        return len(self.finished) + len(self.failed)

    def add(self, result: UnitResult) -> None:
        """Take in a unit; to the shelf once there are enough."""
        names = [self._keys[position] for position in result.positions]
        self.finished += names
        self._held_keys += names
        self._held.append(result.values)
        self.failed |= {self._keys[position]: reason for position, reason in result.failed}
        if len(self._held_keys) >= FLUSH_VECTORS:
            self._put()
        self._progress(STAGE, self.done, self._total)

    def _put(self) -> None:
        if self._held_keys:
            self._shelf.put(self._held_keys, np.concatenate(self._held))
        self._held_keys, self._held = [], []


def _units(requests: Sequence[ImageRequest], positions: Sequence[int]) -> list[UnitRequest]:
    return [
        UnitRequest(tuple(positions[n] for n in unit), tuple(requests[n] for n in unit))
        for unit in units_by_scan(requests, unit_pictures=UNIT_PICTURES)
    ]


def _worker_count(asked: int | None, pictures: int) -> int:
    if asked is not None:
        return asked
    return default_workers() if pictures >= WORKERS_PAY_FROM else 0


def _results(
    units: Sequence[UnitRequest],
    *,
    plan: SliceImagePlan,
    encoder: FeatureEncoder,
    device_plan: DevicePlan,
    workers: int,
    batch_size: int | None,
) -> Generator[UnitResult, None, None]:
    if workers == 0:
        network = NetworkRun(encoder, device_plan, batch_size=batch_size)
        yield from results_in_this_process(units, plan=plan, network=network)
        return
    yield from results_of_workers(
        units, plan=plan, encoder=encoder, device_plan=device_plan, workers=workers, batch_size=batch_size
    )
