"""Reading a folder of canonical files (CSV or Parquet): everything that is wrong with it in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from raise_core.domain.errors import BadInputError
from raise_core.domain.progress import Progress, silent
from raise_core.ingest.description import check_after_baseline, choose_reference_arm, read_description
from raise_core.ingest.issues import Findings, Issue
from raise_core.ingest.layout import (
    ALIASES,
    LAYOUTS,
    MASKS,
    PATIENTS,
    RESERVED_PATIENT_COLUMNS,
    SCANS,
    SUFFIXES,
    Layout,
)
from raise_core.ingest.parse import ParsedTable, parse_table
from raise_core.ingest.rules import check_values
from raise_core.ingest.scans import ImageFile, check_images
from raise_core.ingest.source import SourceTable, read_source
from raise_core.ingest.tables import check_tables, store_ready

_MAX_NAME_LENGTH = 100


@dataclass(frozen=True, eq=False)
class CanonicalStudy:
    """A study as its files give it, checked and ready for the store but for the copies of its images.

    Attributes:
        title: name for people, None when not given.
        simulated: True when the patients do not exist.
        reference_arm: arm that hazard ratios are read against, None without arms.
        tables: frames by store table (`patient`, `outcome`, `lab`, `lesion`).
        scans: columns of the scans file, `path` in one spelling.
        masks: columns of the masks file, likewise.
        scan_files: scans by path.
        mask_files: masks by path.
        warnings: what is odd but no reason to stop.
        after_baseline: columns of the patients file that are known only after baseline.
    """

    title: str | None
    simulated: bool
    reference_arm: str | None
    tables: Mapping[str, pd.DataFrame]
    scans: pd.DataFrame
    masks: pd.DataFrame
    scan_files: Mapping[str, ImageFile]
    mask_files: Mapping[str, ImageFile]
    warnings: tuple[Issue, ...]
    after_baseline: tuple[str, ...] = ()


def is_canonical(folder: Path) -> bool:
    """Whether a folder holds a canonical patients file."""
    return any((folder / (PATIENTS.name + suffix)).is_file() for suffix in SUFFIXES)


def read_canonical(folder: Path, *, progress: Progress = silent) -> CanonicalStudy:
    """Read and check a folder of canonical files; nothing is written anywhere.

    Raises:
        BadInputError: with every error found: file, row, column and remedy, one a line.
    """
    findings = Findings()
    files = _find_files(folder, findings)
    description = read_description(folder, findings)
    tables: dict[str, ParsedTable] = {}
    for count, layout in enumerate(LAYOUTS, start=1):
        if layout.name in files:
            table = _read_table(files[layout.name], layout, findings)
            if table is not None:
                tables[layout.name] = table
        progress("reading tables", count, len(LAYOUTS))
    if PATIENTS.name not in tables:
        findings.raise_errors()
    check_tables(tables, findings)
    scan_files, mask_files = check_images(folder, tables, findings, progress)
    reference_arm = choose_reference_arm(description.reference_arm, tables[PATIENTS.name].frame, findings)
    check_after_baseline(description.after_baseline, tables[PATIENTS.name].frame, findings)
    findings.raise_errors()
    return CanonicalStudy(
        title=description.title,
        simulated=description.simulated,
        reference_arm=reference_arm,
        tables=store_ready(tables),
        scans=tables[SCANS.name].frame if SCANS.name in tables else pd.DataFrame(),
        masks=tables[MASKS.name].frame if MASKS.name in tables else pd.DataFrame(),
        scan_files=scan_files,
        mask_files=mask_files,
        warnings=findings.warnings,
        after_baseline=description.after_baseline,
    )


def _find_files(folder: Path, findings: Findings) -> dict[str, Path]:
    """The file of each layout that is there; doubles are reported, strays warned of."""
    if not folder.exists():
        raise BadInputError(f"{folder}: there is no such folder. Give the folder that holds patients.csv.")
    if not folder.is_dir():
        raise BadInputError(f"{folder}: is not a folder. Give the folder that holds patients.csv, not one file.")
    files: dict[str, Path] = {}
    names = {layout.name for layout in LAYOUTS}
    for layout in LAYOUTS:
        there = [path for suffix in SUFFIXES if (path := folder / (layout.name + suffix)).is_file()]
        if len(there) > 1:
            findings.error(there[0].name, f"stands beside {there[1].name}.", "Keep one of the two.")
        if there:
            files[layout.name] = there[0]
    expected = ", ".join(name + ".csv" for name in sorted(names))
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and path not in files.values() and path.stem not in names:
            findings.warn(path.name, "is not read.", f"Files that are read are {expected} (or .parquet).")
        elif path.suffix not in SUFFIXES and path.suffix.lower() in SUFFIXES:
            findings.warn(path.name, "is not read.", "Write its name in lower case.")
    if PATIENTS.name not in files:
        findings.error("patients.csv", "is missing.", "Every study needs it: one row a patient, column patient_id.")
    return files


def _read_table(path: Path, layout: Layout, findings: Findings) -> ParsedTable | None:
    """One file, parsed and each cell checked; None when its columns cannot be relied on."""
    try:
        source = read_source(path, findings)
    except OSError as error:
        findings.error(path.name, f"cannot be read ({error.strerror}).", "Check the file and its permissions.")
        return None
    if source is None or not _check_columns(source, layout, findings):
        return None
    if len(source) == 0:
        if layout.needs_rows:
            findings.error(path.name, "has a header but no rows.", "Give one row a patient.", row=1)
            return None
        findings.warn(path.name, "has a header but no rows.", "Nothing to do if none are known.", row=1)
    frame = parse_table(source, layout, findings)
    check_values(frame, source, layout, findings)
    return ParsedTable(frame, source)


def _check_columns(source: SourceTable, layout: Layout, findings: Findings) -> bool:
    complete = True
    lower = {name.lower(): name for name in source.columns}
    for column in layout.columns:
        if column.name in source.columns:
            continue
        written = lower.get(column.name)
        if written is not None:
            findings.error(
                source.file,
                f"column {written!r} is written {column.name}.",
                "Write the name in lower case.",
                row=1,
                column=written,
            )
            complete = False
        elif column.required:
            there = ", ".join(source.columns)
            findings.error(
                source.file,
                f"the column {column.name} is missing (columns: {there}).",
                "Add it or rename the column that holds it.",
                row=1,
                column=column.name,
            )
            complete = False
    for name in source.columns:
        if name.lower() in layout.by_name:
            continue
        if layout.open_ended:
            complete &= _check_covariate_name(source.file, name, findings)
        else:
            findings.warn(
                source.file, "is not read.", "Only columns of the patients file are kept.", row=1, column=name
            )
    return complete


def _check_covariate_name(file: str, name: str, findings: Findings) -> bool:
    problem = ""
    if "+" in name or ":" in name:
        problem = "holds '+' or ':', which join and introduce markers."
    elif name.lower() in RESERVED_PATIENT_COLUMNS:
        problem = "is the name of a size marker."
    elif name.lower() in ALIASES:
        problem = f"is short for {ALIASES[name.lower()]}."
        remedy = f"Name it {ALIASES[name.lower()]} if it is that, else otherwise."
        findings.error(file, f"column {name!r} {problem}", remedy, row=1, column=name)
        return False
    elif len(name) > _MAX_NAME_LENGTH or not name.isprintable():
        problem = f"is longer than {_MAX_NAME_LENGTH} characters or holds signs that cannot be printed."
    if problem:
        findings.error(file, f"column {name!r} {problem}", "Rename it.", row=1, column=name)
    return not problem
