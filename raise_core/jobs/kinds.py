"""The kinds of background work there are, as data: what each is called, what it makes, how it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from raise_core.domain.errors import BadUsageError
from raise_core.domain.job import Job
from raise_core.domain.progress import Progress
from raise_core.domain.time_unit import TimeUnit
from raise_core.jobs import attention_job, importance_job, prrt_job, raise_job, verify_job
from raise_core.jobs.order import Order, Outcome

StopQuestion = Callable[[], bool]


@dataclass(frozen=True)
class JobKind:
    """One kind of background work.

    Attributes:
        name: stands in the ledger.
        label: what people call it.
        existing: the result that is there already, None where the work must be done. Raises what the work would
            raise, so that a mistake is said before anything is queued. Imports no torch.
        run: does the work in the process of the job. Raises `BusyError` when asked to stop.
        describe: the settings in a few words, times in the reader's unit.
    """

    name: str
    label: str
    existing: Callable[[Order], str | None]
    run: Callable[[Order, Progress, StopQuestion], Outcome]
    describe: Callable[[Mapping[str, Any], TimeUnit], str]


KINDS: dict[str, JobKind] = {
    kind.name: kind
    for kind in (
        JobKind(raise_job.NAME, "Image features and networks", raise_job.existing, raise_job.run, raise_job.describe),
        JobKind(prrt_job.NAME, "PET, CT and laboratory models", prrt_job.existing, prrt_job.run, prrt_job.describe),
        JobKind(
            importance_job.NAME,
            "Importance of laboratory values",
            importance_job.existing,
            importance_job.run,
            importance_job.describe,
        ),
        JobKind(
            attention_job.NAME,
            "Maps of what networks looked at",
            attention_job.existing,
            attention_job.run,
            attention_job.describe,
        ),
        JobKind(verify_job.NAME, "Check of everything kept", verify_job.existing, verify_job.run, verify_job.describe),
    )
}


def kind_named(name: str) -> JobKind:
    """A kind by its name.

    Raises:
        BadUsageError: there is no such kind, for example in a ledger that a newer program wrote.
    """
    found = KINDS.get(name)
    if found is None:
        raise BadUsageError(f"work of the kind {name!r} is not known; there are {', '.join(KINDS)}.")
    return found


def label_of(job: Job) -> str:
    """What people call the work of a job, also of one that another version of the program wrote."""
    kind = KINDS.get(job.kind)
    return job.kind if kind is None else kind.label


def description_of(job: Job, *, unit: TimeUnit = TimeUnit.WEEKS) -> str:
    """The settings of a job in a few words; empty where its kind is not known."""
    kind = KINDS.get(job.kind)
    return "" if kind is None else kind.describe(job.settings, unit)
