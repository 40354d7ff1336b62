"""The demonstration cohorts: simulated into a folder, then imported like anybody's files."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from raise_core.demo.prrt_write import PRRT_SIMULATION_VERSION, simulate_prrt
from raise_core.demo.write import SIMULATION_VERSION, simulate_raise
from raise_core.domain.errors import NotInStoreError
from raise_core.domain.progress import Progress, silent
from raise_core.ingest.importer import ImportReport, import_study
from raise_core.store.artifact import ArtifactStore, artifact_key
from raise_core.store.home import Home
from raise_core.store.lock import work_folder
from raise_core.store.snapshot import current_snapshot, list_snapshots
from raise_core.studies.opening import HOME_VARIABLE

RAISE_STUDY = "demo-raise"
PRRT_STUDY = "demo-prrt"
RECEIPT_KIND = "demo-cohort"


class _Simulate(Protocol):
    """Writes a cohort into an empty folder."""

    def __call__(self, folder: Path, *, patients: int, seed: int, progress: Progress) -> None: ...


def make_raise(home: Home, *, patients: int = 204, seed: int = 0, progress: Progress = silent) -> ImportReport:
    """Simulate the trial and import it as study `demo-raise`; a cohort that is already there is not made again.

    Args:
        home: where to import it.
        patients: patients to randomise.
        seed: of the simulation; the same seed gives the same snapshot.
        progress: told how far it is.
    """
    recipe = {"patients": patients, "seed": seed, "version": SIMULATION_VERSION}
    return _make(home, RAISE_STUDY, simulate_raise, recipe, progress)


def make_prrt(home: Home, *, patients: int = 116, seed: int = 0, progress: Progress = silent) -> ImportReport:
    """Simulate the PRRT cohort and import it as study `demo-prrt`; one that is already there is not made again.

    Args:
        home: where to import it.
        patients: size of the cohort; 42 of 116 progress within a year, and the same share of any other number.
        seed: of the simulation; the same seed gives the same snapshot.
        progress: told how far it is.
    """
    recipe: dict[str, int | str] = {"patients": patients, "seed": seed, "version": PRRT_SIMULATION_VERSION}
    return _make(home, PRRT_STUDY, simulate_prrt, {"cohort": PRRT_STUDY, **recipe}, progress)


def _make(
    home: Home, study_id: str, simulate: _Simulate, recipe: Mapping[str, int | str], progress: Progress
) -> ImportReport:
    store = ArtifactStore(home)
    receipt = artifact_key(RECEIPT_KIND, recipe)
    known = store.read(RECEIPT_KIND, receipt)
    if known is not None and _is_current(home, study_id, known.document["snapshot_id"]):
        return ImportReport(study_id, known.document["snapshot_id"], known.document["counts"], (), 0.0)
    began = time.monotonic()
    with work_folder(home) as folder:
        cohort = folder / "cohort"
        cohort.mkdir()
        simulate(cohort, patients=int(recipe["patients"]), seed=int(recipe["seed"]), progress=progress)
        report = import_study(home, cohort, study_id, fmt="tables", progress=progress)
    store.write(RECEIPT_KIND, receipt, document={"snapshot_id": report.snapshot_id, "counts": dict(report.counts)})
    return ImportReport(report.study_id, report.snapshot_id, report.counts, report.issues, time.monotonic() - began)


def _is_current(home: Home, study_id: str, snapshot_id: str) -> bool:
    try:
        return current_snapshot(home, study_id) == snapshot_id and snapshot_id in list_snapshots(home, study_id)
    except NotInStoreError:
        return False


def serving_environment(home: Home) -> dict[str, str]:
    """Environment of the dashboard's process: it serves this home."""
    return {**os.environ, HOME_VARIABLE: str(Path(home.path))}
