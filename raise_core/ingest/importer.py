"""Importing a study: read and check everything, then copy, then publish. Until the last step nothing has happened."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from raise_core.domain.errors import BadInputError, BadUsageError
from raise_core.domain.progress import Progress, silent
from raise_core.ingest.canonical import CanonicalStudy, is_canonical, read_canonical
from raise_core.ingest.images import StoredImage, store_images
from raise_core.ingest.issues import Issue
from raise_core.store.home import Home, validate_study_id
from raise_core.store.lock import clean_leftovers, work_folder
from raise_core.store.snapshot import LOCK_WAIT_SECONDS, StudyContent, publish, study_lock

FORMATS = ("auto", "tables")
"""Source formats that can be imported; 'auto' recognises them."""


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes:
        study_id: the study.
        snapshot_id: id of the published snapshot, None after a dry run.
        counts: rows by table.
        issues: warnings; with an error there would be no report.
        seconds: time taken.
    """

    study_id: str
    snapshot_id: str | None
    counts: Mapping[str, int]
    issues: tuple[Issue, ...]
    seconds: float


def import_study(
    home: Home,
    source: Path,
    study_id: str,
    *,
    fmt: str = "auto",
    dry_run: bool = False,
    progress: Progress = silent,
    wait_seconds: float = LOCK_WAIT_SECONDS,
) -> ImportReport:
    """Import a folder as a study, or check whether it could be.

    When anything is wrong, and after a dry run, the store is byte for byte what it was.

    Args:
        home: where to.
        source: folder of files.
        study_id: name of the study; one that is there gets a new snapshot.
        fmt: one of `FORMATS`.
        dry_run: check everything, write nothing.
        progress: told of stages and counts.
        wait_seconds: how long to wait for another import into the study.

    Raises:
        BadUsageError: unknown format or an id that cannot name a study.
        BadInputError: the source is missing or wrong; the message lists every finding.
        BusyError: another process is importing into the study.
    """
    started = time.perf_counter()
    validate_study_id(study_id)
    _check_format(source, fmt)
    study = read_canonical(source, progress=progress)
    if dry_run:
        snapshot_id = None
    else:
        with study_lock(home, study_id, wait_seconds=wait_seconds):
            clean_leftovers(home)
            with work_folder(home) as work:
                images = (*study.scan_files.values(), *study.mask_files.values())
                stored = store_images(home, images, work, progress)
            progress("publishing", 0, 1)
            snapshot_id = publish(home, study_id, _content(study, study_id, stored))
            progress("publishing", 1, 1)
    counts = {name: len(frame) for name, frame in study.tables.items()}
    counts |= {"scan": len(study.scans), "mask": len(study.masks)}
    return ImportReport(study_id, snapshot_id, counts, study.warnings, time.perf_counter() - started)


def _check_format(source: Path, fmt: str) -> None:
    if fmt not in FORMATS:
        raise BadUsageError(f"format {fmt!r} is not known; there are {', '.join(FORMATS)}.")
    if fmt == "auto" and source.is_dir() and not is_canonical(source):
        raise BadInputError(
            f"{source}: no format is recognised here. Canonical tables ('tables') need patients.csv "
            "or patients.parquet."
        )


def _content(study: CanonicalStudy, study_id: str, stored: Mapping[str, StoredImage]) -> StudyContent:
    frames = dict(study.tables)
    if len(study.scans):
        frames["scan"] = _scan_frame(study, stored)
    if len(study.masks):
        frames["mask"] = _mask_frame(study.masks, stored)
    tables = {name: pa.Table.from_pandas(frame, preserve_index=False) for name, frame in frames.items()}
    tables["import_issue"] = pa.table(
        {
            "severity": pa.array([issue.severity.value for issue in study.warnings], pa.string()),
            "file": pa.array([issue.file for issue in study.warnings], pa.string()),
            "row_number": pa.array([issue.row for issue in study.warnings], pa.int64()),
            "column_name": pa.array([issue.column for issue in study.warnings], pa.string()),
            "message": pa.array([issue.message for issue in study.warnings], pa.string()),
            "remedy": pa.array([issue.remedy for issue in study.warnings], pa.string()),
        }
    )
    title = study.title or study_id
    return StudyContent(title, study.simulated, study.reference_arm, tables, study.after_baseline)


def _scan_frame(study: CanonicalStudy, stored: Mapping[str, StoredImage]) -> pd.DataFrame:
    frame = study.scans.rename(columns={"path": "scan_id"})
    grids = [study.scan_files[scan_id].geometry for scan_id in frame["scan_id"]]
    for axis, name in enumerate("xyz"):
        frame[f"spacing_{name}_mm"] = [grid.spacing_mm[axis] for grid in grids]
        frame[f"size_{name}"] = [grid.size[axis] for grid in grids]
    return _with_copies(frame, frame["scan_id"], stored)


def _mask_frame(masks: pd.DataFrame, stored: Mapping[str, StoredImage]) -> pd.DataFrame:
    frame = masks.rename(columns={"scan_path": "scan_id"})
    return _with_copies(frame, frame.pop("path"), stored)


def _with_copies(frame: pd.DataFrame, paths: pd.Series, stored: Mapping[str, StoredImage]) -> pd.DataFrame:
    frame["content_sha256"] = [stored[path].content_sha256 for path in paths]
    frame["file"] = [stored[path].file for path in paths]
    return frame
