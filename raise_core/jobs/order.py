"""What a piece of background work is asked for, and what it gives back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from raise_core.domain.job import Job
from raise_core.store.home import Home

STOP = b"stop\n"
"""What a worker writes to the process of a job so that it ends soon."""


@dataclass(frozen=True)
class Order:
    """Work to be done.

    Attributes:
        home: where everything is kept.
        kind: name of the kind of work.
        study_id: study worked on; empty for housekeeping.
        snapshot_id: data snapshot worked on; empty for housekeeping.
        settings: of the work, as JSON can hold them.
        device: auto, cpu or cuda; no part of the identity, results do not depend on it.
    """

    home: Home
    kind: str
    study_id: str
    snapshot_id: str
    settings: dict[str, Any]
    device: str

    @property
    def identity(self) -> str:
        """Hash of what will be computed: orders with the same identity are one job."""
        content = [self.kind, self.study_id, self.snapshot_id, self.settings]
        return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()

    @classmethod
    def of(cls, home: Home, job: Job) -> Order:
        """The order behind a line of the ledger."""
        return cls(home, job.kind, job.study_id, job.snapshot_id, job.settings, job.device_asked)


@dataclass(frozen=True)
class Outcome:
    """What finished work gave: the id of its result, if it has one, and how it went, for people."""

    result_id: str | None
    message: str
