"""How fast a stage goes and how sure that is, from its own signs of progress; never from a guess at its start."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

LEAST_REPORTS = 3
LEAST_SECONDS = 2.0
RECENT_SECONDS = 60.0
LEAST_SPREAD = 0.1


@dataclass(frozen=True)
class Speed:
    """Units per second with its uncertainty as a share of it; both None until measured.

    `counted` units took `seconds`: those after the first report, because a stage's first units also wait for
    processes and networks to start; all of them where there was one report only.
    """

    rate: float | None
    spread: float | None
    counted: int
    seconds: float


class Speedometer:
    """Watches one stage. Times are seconds of any steady clock."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._reports = 0
        self._first: tuple[float, int] | None = None
        self._recent: deque[tuple[float, int]] = deque()

    def note(self, moment: float, done: int) -> None:
        """Take in that `done` units were finished at `moment`."""
        if done <= 0:
            return
        self._reports += 1
        if self._first is None:
            self._first = (moment, done)
        self._recent.append((moment, done))
        while len(self._recent) > 2 and moment - self._recent[1][0] >= RECENT_SECONDS:
            self._recent.popleft()

    def speed(self) -> Speed:
        """The speed so far: of the last minute; its spread grows with few reports and with a changing pace."""
        if self._first is None:
            return Speed(None, None, 0, 0.0)
        (first_at, first_done), (last_at, last_done) = self._first, self._recent[-1]
        counted, seconds = last_done - first_done, last_at - first_at
        if counted <= 0 or seconds <= 0:
            return Speed(None, None, last_done, last_at - self._started)
        if self._reports < LEAST_REPORTS or seconds < LEAST_SECONDS:
            return Speed(None, None, counted, seconds)
        whole = counted / seconds
        recent_at, recent_done = self._recent[0]
        lately = (last_done - recent_done) / (last_at - recent_at) if last_at > recent_at else whole
        rate = lately or whole
        spread = max(LEAST_SPREAD, 1 / math.sqrt(self._reports), abs(whole - rate) / rate)
        return Speed(rate, min(spread, 0.9), counted, seconds)
