"""What is wrong or odd in the files of an import: every finding names file, row, column and remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import BadInputError

SHOWN_PER_KIND = 10
"""Findings of one kind in one file that are written out; the rest is counted."""

SHOWN_IN_MESSAGE = 60
"""Errors listed in the message of one failed import; the rest is counted."""


class Severity(Enum):
    """Whether an import can go on."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Issue:
    """One finding.

    Attributes:
        severity: an error stops the import, a warning is kept with the snapshot.
        file: path inside the import folder.
        row: line as an editor counts it, the header being line 1; None when it concerns the whole file.
        column: name of the column, None when it concerns no single one.
        message: what is wrong.
        remedy: what to do about it.
    """

    severity: Severity
    file: str
    row: int | None
    column: str | None
    message: str
    remedy: str

    def __str__(self) -> str:
        place = self.file
        if self.row is not None:
            place += f", row {self.row}"
        if self.column is not None:
            place += f", column {self.column}"
        return f"{place}: {self.message} {self.remedy}"


@dataclass(eq=False)
class Findings:
    """Collects what a check finds, so that one run tells everything that is wrong."""

    issues: list[Issue] = field(default_factory=list)
    error_count: int = 0

    def error(self, file: str, message: str, remedy: str, *, row: int | None = None, column: str | None = None) -> None:
        """Note one thing that stops the import."""
        self.error_count += 1
        self.issues.append(Issue(Severity.ERROR, file, row, column, message, remedy))

    def warn(self, file: str, message: str, remedy: str, *, row: int | None = None, column: str | None = None) -> None:
        """Note one thing that is odd but can be lived with."""
        self.issues.append(Issue(Severity.WARNING, file, row, column, message, remedy))

    def at_rows(
        self,
        severity: Severity,
        file: str,
        rows: NDArray[np.int64],
        *,
        column: str | None,
        message: Callable[[int], str],
        remedy: str,
    ) -> None:
        """Note the same kind of finding at many rows: the first few one by one, the rest as a count.

        Args:
            severity: of each of them.
            file: path inside the import folder.
            rows: lines in the file, ascending.
            column: column concerned.
            message: what is wrong at the n-th of `rows`.
            remedy: what to do.
        """
        if len(rows) == 0:
            return
        if severity is Severity.ERROR:
            self.error_count += len(rows)
        for n, row in enumerate(rows[:SHOWN_PER_KIND]):
            self.issues.append(Issue(severity, file, int(row), column, message(n), remedy))
        more = len(rows) - SHOWN_PER_KIND
        if more > 0:
            rest = f"{more} more rows like the one before, the last in row {int(rows[-1])}."
            self.issues.append(Issue(severity, file, None, column, rest, remedy))

    @property
    def errors(self) -> tuple[Issue, ...]:
        """What stops the import."""
        return tuple(issue for issue in self.issues if issue.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """What is kept with the snapshot."""
        return tuple(issue for issue in self.issues if issue.severity is Severity.WARNING)

    def raise_errors(self) -> None:
        """Stop here if anything so far stops the import.

        Raises:
            BadInputError: with all errors in its message, one a line.
        """
        errors = self.errors
        if not errors:
            return
        lines = [str(issue) for issue in errors[:SHOWN_IN_MESSAGE]]
        if len(errors) > SHOWN_IN_MESSAGE:
            lines.append(f"and {len(errors) - SHOWN_IN_MESSAGE} more; correct these first.")
        head = "1 problem" if self.error_count == 1 else f"{self.error_count} problems"
        raise BadInputError(f"{head}; nothing was imported.\n" + "\n".join(lines))
