"""What goes to standard output (one JSON document, or text) and what to standard error (progress, messages)."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Remaining
from rich.table import Table

from raise_core.jobs.speed import Speedometer

ERROR_CONSOLE = Console(stderr=True, highlight=False, soft_wrap=True)
PAGE_WIDTH = 160  # where there is no terminal to ask
LINE_SECONDS = 10.0  # between progress lines where there is no terminal


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """A result as JSON can hold it: dataclasses to objects, NaN and infinity to null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    elif isinstance(value, np.generic):
        value = value.item()
    elif isinstance(value, Enum):
        value = value.value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def print_json(document: Any) -> None:  # noqa: ANN401 - as above
    """The one document of a `--json` call."""
    sys.stdout.write(json.dumps(plain(document), ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table for reading; numbers to the right."""
    table = Table(title=title, title_justify="left")
    for place, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[place], (int, float)) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*("–" if cell is None else str(cell) for cell in row))
    console = Console()
    (console if console.is_terminal else Console(width=PAGE_WIDTH)).print(table)


def say(message: str) -> None:
    """A line for people, on standard error."""
    ERROR_CONSOLE.print(message, markup=False)


class TerminalProgress:
    """Progress bars in a terminal, a line now and then elsewhere; both on standard error."""

    def __init__(self, bars: Progress | None) -> None:
        self._bars = bars
        self._tasks: dict[str, Any] = {}
        self._started: dict[str, float] = {}
        self._speed: dict[str, Speedometer] = {}
        self._last_line = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report one finished piece of work."""
        if self._bars is None:
            self._line(stage, done, total)
            return
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)

    def _line(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        started = self._started.setdefault(stage, now)
        speedometer = self._speed.setdefault(stage, Speedometer(now))
        speedometer.note(now, done)
        if now - max(started, self._last_line) < LINE_SECONDS and not (done == total and self._last_line > started):
            return
        self._last_line = now
        rate = speedometer.speed().rate  # None until measured: a stage's first units also wait for processes to start
        left = f", about {(total - done) / rate:.0f} s left" if rate and done < total else ""
        say(f"{stage}: {done} of {total}{left}")


@contextmanager
def terminal_progress() -> Generator[TerminalProgress, None, None]:
    """Progress on standard error for the length of a piece of work."""
    if not ERROR_CONSOLE.is_terminal:
        yield TerminalProgress(None)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), Remaining(), console=ERROR_CONSOLE) as bars:
        yield TerminalProgress(bars)
