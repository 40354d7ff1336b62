"""The process that does one job and nothing else: when it ends, all memory it held, graphics memory too, is free.

Its standard input is a line to the worker: the word `stop` asks it to end soon, the end of the line means that the
worker is gone, and then it ends itself and its children at once, so that the job can be taken up by another worker.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, BinaryIO

from raise_core.domain.errors import BusyError, UserFacingError
from raise_core.jobs.kinds import kind_named
from raise_core.jobs.order import STOP, Order
from raise_core.jobs.reporter import Reporter
from raise_core.store import ledger
from raise_core.store.home import Home

if TYPE_CHECKING:
    from raise_core.domain.job import Job

_LOG = logging.getLogger(__name__)
FINISHED, FAILED, STOPPED = 0, 1, 5
POLITENESS = 10  # of 19: pages that people look at go first


def do(home: Home, job_id: str, line: BinaryIO) -> int:
    """Do the job that the ledger holds under this id; the exit code.

    Args:
        home: where everything is kept.
        job_id: a running job, claimed by the worker that started this process.
        line: the worker's end of standard input.
    """
    os.nice(POLITENESS)
    stop = threading.Event()
    threading.Thread(target=_listen, args=(line, stop), daemon=True).start()
    job = ledger.find(home, job_id)
    order = Order.of(home, job)
    reporter = Reporter(lambda report: ledger.progressed(home, job, report))
    try:
        outcome = kind_named(job.kind).run(order, reporter, stop.is_set)
    except BusyError as error:
        return _stopped(home, job, error, asked=stop.is_set())
    except UserFacingError as error:
        _LOG.error("%s", error)
        ledger.fail(home, job, str(error))
        return FAILED
    except Exception as error:  # noqa: BLE001 - the reason must reach the ledger, whatever it is
        _LOG.exception("the job failed")
        ledger.fail(
            home, job, f"The program failed unexpectedly ({type(error).__name__}: {error}). The log has the details."
        )
        return FAILED
    _LOG.info("%s", outcome.message)
    ledger.finish(home, job, outcome.result_id, outcome.message)
    return FINISHED


def _stopped(home: Home, job: Job, error: BusyError, *, asked: bool) -> int:
    """Asked to stop: the worker knows what for. Not asked: a process was lost, and another attempt may go well."""
    _LOG.warning("%s", error)
    if not asked:
        ledger.interrupt(home, job, str(error), counts=True)
    return STOPPED


def _listen(line: BinaryIO, stop: threading.Event) -> None:
    for word in iter(line.readline, b""):
        if word == STOP:
            stop.set()
    _LOG.warning("the worker is gone; this process ends, what is finished is kept")
    sys.stderr.flush()
    os.killpg(0, signal.SIGKILL)
