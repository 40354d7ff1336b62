"""What every verb knows of its call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from raise_core.domain.errors import BadUsageError
from raise_core.store.home import Home


@dataclass(frozen=True)
class CallContext:
    """Options that stand before the verb.

    Attributes:
        home: where everything is kept.
        json: whether standard output is one JSON document.
    """

    home: Home
    json: bool


def of(context: typer.Context) -> CallContext:
    """The call's options."""
    found = context.obj
    if not isinstance(found, CallContext):
        raise TypeError("the command line was not started through its main function")
    return found


def week_list(text: str) -> tuple[float, ...]:
    """`12,24` to numbers.

    Raises:
        BadUsageError: a part is not a number.
    """
    weeks = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        try:
            weeks.append(float(part))
        except ValueError as error:
            raise BadUsageError(f"--weeks: '{part}' is not a number of weeks; write for example 12,24,36.") from error
    if not weeks:
        raise BadUsageError("--weeks names no week; write for example 12,24,36.")
    return tuple(sorted(set(weeks)))


StudyOption = Annotated[str, typer.Option("--study", help="Study id, as listed by: doctor.")]
EndpointOption = Annotated[str, typer.Option(help="Outcome: PFS, OS, …")]
