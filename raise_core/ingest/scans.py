"""Scans and masks of an import: their paths stay inside the folder, their grids agree. Only headers are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from raise_core.domain.errors import BadInputError
from raise_core.domain.progress import Progress
from raise_core.domain.volume import GRID_TOLERANCE_VOXELS, Geometry
from raise_core.imaging.read import FORMATS, read_geometry
from raise_core.ingest.issues import Findings, Severity
from raise_core.ingest.layout import LESIONS, MASKS, SCANS
from raise_core.ingest.parse import Parsed, ParsedTable
from raise_core.ingest.source import report_rows
from raise_core.ingest.tables import check_unique

IMAGE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
_DRIVE = re.compile(r"^[A-Za-z]:")
_PATH_REMEDY = "Give a path relative to the import folder, with '/', to a file inside it."


@dataclass(frozen=True)
class ImageFile:
    """One image of the import folder.

    Attributes:
        name: path inside the folder, '/' between parts; the scan id.
        path: the file itself, links resolved.
        geometry: its grid.
    """

    name: str
    path: Path
    geometry: Geometry

    @property
    def suffix(self) -> str:
        """'.nii.gz' and the like."""
        return suffix_of(self.name)


def suffix_of(name: str) -> str:
    """The image suffix of a file name, in lower case; empty when it is none of `IMAGE_SUFFIXES`."""
    return next((suffix for suffix in IMAGE_SUFFIXES if name.lower().endswith(suffix)), "")


def check_images(
    folder: Path, tables: Parsed, findings: Findings, progress: Progress
) -> tuple[Mapping[str, ImageFile], Mapping[str, ImageFile]]:
    """Check every scan and mask named in the tables.

    Path columns of the frames are brought to one spelling ('a/./b' becomes 'a/b') on the way.

    Returns:
        Scans and masks by their path in the folder; those with findings are left out.
    """
    scans: dict[str, ImageFile] = {}
    masks: dict[str, ImageFile] = {}
    if SCANS.name in tables:
        table = tables[SCANS.name]
        table.frame["path"] = _normalised(table.frame["path"])
        check_unique(table, SCANS, findings)
        scans = _readable(folder, table, "checking scans", findings, progress)
    if MASKS.name in tables:
        table = tables[MASKS.name]
        for name in ("path", "scan_path"):
            table.frame[name] = _normalised(table.frame[name])
        check_unique(table, MASKS, findings)
        masks = _readable(folder, table, "checking masks", findings, progress)
        known = set(tables[SCANS.name].frame["path"].dropna()) if SCANS.name in tables else set()
        report_rows(
            findings,
            table.source,
            (table.frame["scan_path"].notna() & ~table.frame["scan_path"].isin(known)).to_numpy(),
            column="scan_path",
            message="'{cell}' is not a scan of the scans file.",
            remedy="Write the path as it stands in the scans file, or add the scan there.",
        )
        _check_grids(table, scans, masks, findings)
        _check_lesion_ids(tables, findings)
    return scans, masks


def _normalised(paths: pd.Series) -> pd.Series:
    spelt: pd.Series = paths.map(lambda path: str(PurePosixPath(path)), na_action="ignore").astype(object)
    return spelt


def _readable(
    folder: Path, table: ParsedTable, stage: str, findings: Findings, progress: Progress
) -> dict[str, ImageFile]:
    """Images of the column `path` whose place and header are sound."""
    root = folder.resolve()
    found: dict[str, ImageFile] = {}
    refused: dict[str, list[tuple[int, str]]] = {}
    first_rows = table.frame["path"].dropna().drop_duplicates()
    for count, (position, name) in enumerate(first_rows.items(), start=1):
        try:
            found[name] = _image(root, name)
        except _RefusedImageError as refusal:
            refused.setdefault(refusal.remedy, []).append((int(str(position)), str(refusal)))
        progress(stage, count, len(first_rows))
    for remedy, places in refused.items():
        positions, messages = zip(*places, strict=True)
        findings.at_rows(
            Severity.ERROR,
            table.source.file,
            table.source.rows[list(positions)],
            column="path",
            message=messages.__getitem__,
            remedy=remedy,
        )
    return found


class _RefusedImageError(BadInputError):
    """Why one image cannot be taken, and what to do about it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def _image(root: Path, name: str) -> ImageFile:
    path = _place(root, name)
    if not path.exists():
        raise _RefusedImageError(f"there is no file '{name}'.", "Correct the path or add the file; case matters.")
    if not path.is_file():
        raise _RefusedImageError(f"'{name}' is not a file.", f"Give one image file, {FORMATS}.")
    if not suffix_of(name):
        raise _RefusedImageError(f"'{name}' is no image by its name.", f"Give {FORMATS}.")
    try:
        return ImageFile(name, path, read_geometry(path))
    except BadInputError as error:
        reason = str(error).replace(str(path), name)
        raise _RefusedImageError(reason, "Export the image again, or leave the row out.") from error


def _place(root: Path, name: str) -> Path:
    """The file a name stands for, refused when it lies anywhere but inside `root`."""
    if "\\" in name or "\x00" in name:
        raise _RefusedImageError(f"'{name}' holds a backslash or NUL.", _PATH_REMEDY)
    if PurePosixPath(name).is_absolute() or _DRIVE.match(name) or name.startswith("~"):
        raise _RefusedImageError(f"'{name}' is not relative to the import folder.", _PATH_REMEDY)
    if ".." in PurePosixPath(name).parts:
        raise _RefusedImageError(f"'{name}' leaves the import folder.", _PATH_REMEDY)
    try:
        path = (root / name).resolve()
    except (OSError, RuntimeError) as error:
        raise _RefusedImageError(f"'{name}' cannot be followed ({error}).", _PATH_REMEDY) from error
    if not path.is_relative_to(root):
        raise _RefusedImageError(f"'{name}' leaves the import folder through a link.", _PATH_REMEDY)
    return path


def _check_grids(
    table: ParsedTable, scans: Mapping[str, ImageFile], masks: Mapping[str, ImageFile], findings: Findings
) -> None:
    """Report masks that do not lie on their scan's grid, and slices outside it."""
    frame = table.frame
    apart = np.zeros(len(frame), dtype=bool)
    reasons: dict[int, str] = {}
    depth = np.full(len(frame), np.inf)
    for position, (scan_path, path) in enumerate(zip(frame["scan_path"], frame["path"], strict=True)):
        if scan_path not in scans or path not in masks:
            continue
        scan, mask = scans[scan_path].geometry, masks[path].geometry
        depth[position] = mask.size[2]
        if not scan.same_grid(mask):
            apart[position] = True
            reasons[position] = _difference(scan, mask)
    positions = np.flatnonzero(apart)
    findings.at_rows(
        Severity.ERROR,
        table.source.file,
        table.source.rows[positions],
        column="path",
        message=lambda n: f"the mask's grid is not the scan's: {reasons[int(positions[n])]}.",
        remedy="Draw or resample the mask on the scan it belongs to.",
    )
    if "slice_index" in frame:
        report_rows(
            findings,
            table.source,
            (frame["slice_index"] >= depth).to_numpy(),
            column="slice_index",
            message="{cell} lies beyond the last slice.",
            remedy="Slices are counted from 0 along the file's third axis.",
        )


def _difference(scan: Geometry, mask: Geometry) -> str:
    if scan.size != mask.size:
        return f"it has {mask.size} voxels, the scan {scan.size}"
    apart = scan.distance_in_voxels(mask)
    return f"it lies up to {apart:.2g} voxels beside the scan, more than {GRID_TOLERANCE_VOXELS:g}"


def _check_lesion_ids(tables: Parsed, findings: Findings) -> None:
    table = tables[MASKS.name]
    frame = table.frame
    lesion = (frame["kind"] == "lesion").to_numpy()
    ids = frame["lesion_id"] if "lesion_id" in frame else pd.Series(np.full(len(frame), None, dtype=object))
    report_rows(
        findings,
        table.source,
        lesion & ids.isna().to_numpy(),
        column="lesion_id",
        message="the lesion mask names no lesion; all it shows counts as one lesion.",
        remedy="Name the lesion as in the lesions file.",
        severity=Severity.WARNING,
    )
    if LESIONS.name not in tables or SCANS.name not in tables:
        return
    scans = tables[SCANS.name].frame.drop_duplicates("path").set_index("path")["patient_id"]
    measured = tables[LESIONS.name].frame
    known = pd.MultiIndex.from_frame(measured[["patient_id", "lesion_id"]].drop_duplicates())
    named = pd.MultiIndex.from_arrays([frame["scan_path"].map(scans), ids])
    report_rows(
        findings,
        table.source,
        lesion & ids.notna().to_numpy() & ~named.isin(known),
        column="lesion_id",
        message="lesion '{cell}' is not in the lesions file for this patient.",
        remedy="Correct the id, or add its diameters.",
        severity=Severity.WARNING,
    )
