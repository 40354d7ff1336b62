"""Progress of the process that does a job: into the ledger a few times a second at most, into the log at times."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from raise_core.domain.errors import BusyError
from raise_core.jobs.speed import Speedometer
from raise_core.store.ledger import Progressed

_LOG = logging.getLogger(__name__)
PROCESSOR = "processor"
"""How the ledger calls the CPU; graphics cards stand there by their names."""

SECONDS_BETWEEN_WRITES = 0.25
SECONDS_BETWEEN_LINES = 10.0


@dataclass(frozen=True)
class Whereabouts:
    """Where the process computes, in words, and the graphics memory it holds; None until known, or without a card."""

    device: str | None
    gpu_memory_bytes: int | None


def whereabouts() -> Whereabouts:
    """What torch says, if the work has imported it; it is not imported for this."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "cuda"):  # not there, or half imported
        return Whereabouts(None, None)
    if not torch.cuda.is_initialized():
        return Whereabouts(PROCESSOR, None)
    return Whereabouts(str(torch.cuda.get_device_name()), int(torch.cuda.memory_reserved()))


class Reporter:
    """Receives every finished piece of work (see `raise_core.domain.progress`)."""

    def __init__(self, tell: Callable[[Progressed], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._stage: str | None = None
        self._speedometer = Speedometer(clock())
        self._last_write = -SECONDS_BETWEEN_WRITES
        self._last_line = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that `done` of `total` units of `stage` are finished; a total of 0 cannot be counted."""
        moment = self._clock()
        if stage != self._stage:
            self._stage, self._speedometer = stage, Speedometer(moment)
            self._last_write = moment - SECONDS_BETWEEN_WRITES
            self._last_line = moment - SECONDS_BETWEEN_LINES
        self._speedometer.note(moment, done)
        at_end = 0 < total == done
        if at_end or moment - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = moment
            _LOG.info("%s: %d of %d" if total else "%s", *((stage, done, total) if total else (stage,)))
        if at_end or moment - self._last_write >= SECONDS_BETWEEN_WRITES:
            self._last_write = moment
            self._write(stage, done, total)

    def _write(self, stage: str, done: int, total: int) -> None:
        speed = self._speedometer.speed()
        place = whereabouts()
        try:
            self._tell(
                Progressed(
                    stage=stage,
                    done=done,
                    total=total,
                    counted=speed.counted,
                    seconds=speed.seconds,
                    rate=speed.rate,
                    rate_spread=speed.spread,
                    device=place.device,
                    gpu_memory_bytes=place.gpu_memory_bytes,
                )
            )
        except BusyError as error:  # one sign of progress is lost, the next comes in a moment; the work goes on
            _LOG.warning("progress could not be written: %s", error)
