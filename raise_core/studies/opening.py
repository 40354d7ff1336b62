"""From a home directory to the cohort in it: the door through which the command line and the pages come."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from raise_core.domain.cohort import Study
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.store.home import Home
from raise_core.store.queries import load_cohort, load_study
from raise_core.store.snapshot import current_snapshot, list_snapshots, list_studies

HOME_VARIABLE = "RAISE_HOME"


def default_home() -> Path:
    """`$RAISE_HOME`, else the folder `cache` beside `app.py`."""
    named = os.environ.get(HOME_VARIABLE)
    return Path(named) if named else Path(__file__).resolve().parents[2] / "cache"


def studies(home: Home) -> tuple[Study, ...]:
    """Every study of the home with its current snapshot, ordered by id."""
    return tuple(_described(home, study_id, current_snapshot(home, study_id)) for study_id in list_studies(home))


def snapshots(home: Home, study_id: str) -> tuple[Study, ...]:
    """Every snapshot of a study, newest first.

    Raises:
        NotInStoreError: no such study.
    """
    found = [_described(home, study_id, snapshot_id) for snapshot_id in list_snapshots(home, study_id)]
    return tuple(sorted(found, key=lambda study: study.published_at, reverse=True))


@lru_cache(maxsize=1024)
def _described(home: Home, study_id: str, snapshot_id: str) -> Study:
    """Description of a snapshot, read once: a snapshot never changes."""
    return load_study(home, study_id, snapshot_id)


def open_study(home: Home, study_id: str, snapshot_id: str | None = None) -> MarkerSource:
    """The cohort of a snapshot (the current one if none is named), ready to be asked for markers.

    Raises:
        NotInStoreError: no such study or snapshot.
    """
    return MarkerSource(load_cohort(home, study_id, snapshot_id))
