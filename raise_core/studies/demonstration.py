"""The demonstration cohort: simulated into a folder, then imported like anybody's files."""

from __future__ import annotations

import os
import time
from pathlib import Path

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
RECEIPT_KIND = "demo-cohort"


def make_raise(home: Home, *, patients: int = 204, seed: int = 0, progress: Progress = silent) -> ImportReport:
    """Simulate the trial and import it as study `demo-raise`; a cohort that is already there is not made again.

    Args:
        home: where to import it.
        patients: patients to randomise.
        seed: of the simulation; the same seed gives the same snapshot.
        progress: told how far it is.
    """
    store = ArtifactStore(home)
    receipt = artifact_key(RECEIPT_KIND, {"patients": patients, "seed": seed, "version": SIMULATION_VERSION})
    known = store.read(RECEIPT_KIND, receipt)
    if known is not None and _is_current(home, known.document["snapshot_id"]):
        return ImportReport(RAISE_STUDY, known.document["snapshot_id"], known.document["counts"], (), 0.0)
    began = time.monotonic()
    with work_folder(home) as folder:
        cohort = folder / "cohort"
        cohort.mkdir()
        simulate_raise(cohort, patients=patients, seed=seed, progress=progress)
        report = import_study(home, cohort, RAISE_STUDY, fmt="tables", progress=progress)
    store.write(RECEIPT_KIND, receipt, document={"snapshot_id": report.snapshot_id, "counts": dict(report.counts)})
    return ImportReport(report.study_id, report.snapshot_id, report.counts, report.issues, time.monotonic() - began)


def _is_current(home: Home, snapshot_id: str) -> bool:
    try:
        return current_snapshot(home, RAISE_STUDY) == snapshot_id and snapshot_id in list_snapshots(home, RAISE_STUDY)
    except NotInStoreError:
        return False


def serving_environment(home: Home) -> dict[str, str]:
    """Environment of the dashboard's process: it serves this home."""
    return {**os.environ, HOME_VARIABLE: str(Path(home.path))}
