"""One piece of work after another in several processes, with results as they get ready."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from raise_core.domain.errors import BusyError

Piece = TypeVar("Piece")
Result = TypeVar("Result")

AHEAD_PER_WORKER = 2
"""Pieces handed out ahead per process; they bound the memory, however large the cohort."""


def results_as_ready(
    pieces: Sequence[Piece],
    work: Callable[[Piece], Result],
    *,
    workers: int,
    start: Callable[[], None] | None = None,
) -> Generator[tuple[Piece, Result], None, None]:
    """Results of `work`, in the order in which they get ready.

    Closing the iterator (or an error in the caller's loop) ends the processes. Each has one thread, so that results do
    not depend on their number and processes do not fight over cores.

    Args:
        pieces: what is to be done; picklable.
        work: picklable, so a function of a module or a `functools.partial` of one.
        workers: processes; 0: all in this one.
        start: run once in each process before its first piece (in this one too, if there are no others).

    Raises:
        BusyError: a process died (most often: out of memory).
    """
    if workers == 0:
        if start is not None:
            start()
        for piece in pieces:
            yield piece, work(piece)
        return
    pool = ProcessPoolExecutor(
        max_workers=min(workers, max(1, len(pieces))),
        mp_context=multiprocessing.get_context("spawn"),  # forking a process that has threads can deadlock
        initializer=_start_worker,
        initargs=(start,),
    )
    todo = iter(pieces)
    waiting: dict[Future[Result], Piece] = {}
    try:
        while True:
            while len(waiting) < workers * AHEAD_PER_WORKER and (more := next(todo, None)) is not None:
                waiting[pool.submit(work, more)] = more
            if not waiting:
                return
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield waiting.pop(future), future.result()
    except BrokenProcessPool as error:
        raise BusyError(
            "a process that prepares images died, most likely for want of memory; what was finished is kept. "
            "Run again, with fewer workers if it happens again."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker(start: Callable[[], None] | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent ends the others
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import SimpleITK
    from threadpoolctl import threadpool_limits

    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)  # type: ignore[no-untyped-call]
    threadpool_limits(1)
    if start is not None:
        start()


def _end_with_parent() -> None:
    """A killed parent cannot tell its workers to stop: they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
