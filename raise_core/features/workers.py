"""Worker processes that make pictures, and on the CPU their feature vectors too.

On the CPU every process reads, prepares and encodes its own pictures with few threads: measured as fast as one encoder
with all threads, without a queue between them and without the stalls of many threads on a busy machine. With a GPU the
processes prepare pictures and the one network runs in the calling process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.device import DevicePlan, usable_processors
from raise_core.domain.errors import BusyError
from raise_core.features.encoder import FeatureEncoder
from raise_core.features.network_run import NetworkRun
from raise_core.features.pictures import pictures
from raise_core.features.plan import ImageRequest
from raise_core.imaging.plan import SliceImagePlan

MOST_WORKERS = 8
"""Each process holds its own copy of torch and, on the CPU, of the network (0.4 to 0.8 GB)."""

UNITS_PER_WORKER = 2
"""Units handed out ahead per process; together they bound the memory, however large the cohort."""


@dataclass(frozen=True)
class UnitRequest:
    """One unit of work: pictures that share their files."""

    positions: tuple[int, ...]
    requests: tuple[ImageRequest, ...]


@dataclass(frozen=True, eq=False)
class UnitResult:
    """Pictures or vectors of one unit, and what failed.

    Attributes:
        positions: of the requests that succeeded, one a row of `values`.
        values: pictures (n, px, px) or vectors (n, feature_count), float32.
        failed: (position, reason) of the others.
    """

    positions: tuple[int, ...]
    values: NDArray[np.float32]
    failed: tuple[tuple[int, str], ...]


def default_workers() -> int:
    """Processes for this machine: one a core that may be used, at most `MOST_WORKERS`."""
    cores = usable_processors()
    return max(1, min(cores, MOST_WORKERS))


def prepare(unit: UnitRequest, plan: SliceImagePlan) -> UnitResult:
    """Pictures of one unit."""
    pixels: list[NDArray[np.float32]] = []
    positions: list[int] = []
    failed: list[tuple[int, str]] = []
    for picture in pictures(unit.requests, plan=plan):
        position = unit.positions[picture.position]
        if picture.pixels is None:
            failed.append((position, picture.reason or "unknown"))
        else:
            positions.append(position)
            pixels.append(picture.pixels)
    stacked = np.stack(pixels) if pixels else np.empty((0, plan.input_px, plan.input_px), dtype=np.float32)
    return UnitResult(tuple(positions), stacked, tuple(failed))


def encode(unit: UnitResult, network: NetworkRun) -> UnitResult:
    """Vectors of the pictures of one unit; a vector that is not finite counts as failed."""
    vectors = network.vectors(unit.values)
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(vectors).all(axis=1))
    failed = [
        (position, "the encoder gave values that are not finite numbers for this picture")
        for position, good in zip(unit.positions, finite, strict=True)
        if not good
    ]
    positions = tuple(position for position, good in zip(unit.positions, finite, strict=True) if good)
    return UnitResult(positions, vectors[finite], unit.failed + tuple(failed))


def results_in_this_process(
    units: Sequence[UnitRequest], *, plan: SliceImagePlan, network: NetworkRun
) -> Iterator[UnitResult]:
    """Vectors unit by unit, without other processes."""
    for unit in units:
        yield encode(prepare(unit, plan), network)


def results_of_workers(
    units: Sequence[UnitRequest],
    *,
    plan: SliceImagePlan,
    encoder: FeatureEncoder,
    device_plan: DevicePlan,
    workers: int,
    batch_size: int | None,
) -> Iterator[UnitResult]:
    """Vectors unit by unit as they get ready, in any order, from `workers` processes.

    Raises:
        BusyError: a process died (most often: out of memory).
    """
    network = NetworkRun(encoder, device_plan, batch_size=batch_size) if device_plan.is_cuda else None
    setup = None if network is not None else (encoder, device_plan, batch_size)
    threads = max(1, default_workers() // workers)
    pool = ProcessPoolExecutor(
        max_workers=workers,
        mp_context=multiprocessing.get_context("spawn"),  # forking a process that has threads can deadlock
        initializer=_start_worker,
        initargs=(plan, setup, threads),
    )
    try:
        for prepared in _ready_units(pool, units, ahead=workers * UNITS_PER_WORKER):
            yield prepared if network is None else encode(prepared, network)
    except BrokenProcessPool as error:
        raise BusyError(
            "a process that prepares images died, most likely for want of memory; what was finished is kept. "
            "Run again, with fewer workers if it happens again."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ready_units(pool: ProcessPoolExecutor, units: Sequence[UnitRequest], *, ahead: int) -> Iterator[UnitResult]:
    waiting: set[Future[UnitResult]] = set()
    todo = iter(units)
    while True:
        while len(waiting) < ahead and (unit := next(todo, None)) is not None:
            waiting.add(pool.submit(_work, unit))
        if not waiting:
            return
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


_Setup = tuple[FeatureEncoder, DevicePlan, int | None]


@dataclass
class _WorkerState:
    """What a worker process keeps between units."""

    plan: SliceImagePlan
    network: NetworkRun | None


_state: list[_WorkerState] = []  # one entry, set when the process starts


def _start_worker(plan: SliceImagePlan, setup: _Setup | None, threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent ends the others
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import SimpleITK
    from threadpoolctl import threadpool_limits

    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)  # type: ignore[no-untyped-call]
    threadpool_limits(1)
    network = None
    if setup is not None:
        import torch

        torch.set_num_threads(threads)
        encoder, device_plan, batch_size = setup
        network = NetworkRun(encoder, device_plan, batch_size=batch_size)
    _state.append(_WorkerState(plan, network))


def _end_with_parent() -> None:
    """A killed parent cannot tell its workers to stop: they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(unit: UnitRequest) -> UnitResult:
    state = _state[0]
    prepared = prepare(unit, state.plan)
    return prepared if state.network is None else encode(prepared, state.network)
