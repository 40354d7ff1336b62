"""Units of training, one by one: independent, repeatable, on as many processes as the machine has processors."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from raise_core.domain.device import DevicePlan, usable_processors
from raise_core.domain.errors import BusyError

Unit = TypeVar("Unit")
Work = TypeVar("Work")
Result = TypeVar("Result")


def computed_units(
    units: Sequence[Unit],
    compute: Callable[[Work], Result],
    *,
    work_of: Callable[[Unit], Work],
    device_plan: DevicePlan,
) -> Generator[tuple[Unit, Result], None, None]:
    """The result of every unit, yielded as it is finished.

    On the CPU each unit is computed by one single-threaded process, so that results do not depend on the number of
    threads and two units never wait for each other's; on a GPU one after the other in this process.

    Args:
        units: what to compute.
        compute: a function of a module, which itself keeps to one thread on the CPU.
        work_of: what `compute` is given for a unit; it travels to the process.
        device_plan: where to compute.

    Raises:
        BusyError: a worker process died; what was finished has been yielded.
    """
    workers = min(len(units), usable_processors())
    if device_plan.is_cuda or workers <= 1:
        for unit in units:
            yield unit, compute(work_of(unit))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
        waiting: dict[Future[Result], Unit] = {pool.submit(compute, work_of(unit)): unit for unit in units}
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
