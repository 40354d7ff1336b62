"""A simulated cohort as a canonical import folder: tables as CSV, images as NIfTI, drawn by one process or several."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import SimpleITK as sitk  # noqa: N813 -- the library's own abbreviation
from numpy.typing import NDArray

from raise_core.domain.device import usable_processors
from raise_core.domain.errors import BadUsageError
from raise_core.domain.progress import Progress

IMAGES = "images"
STAGE = "drawing scans"
SCAN_COLUMNS = ["patient_id", "week", "path", "modality", "phase", "manufacturer", "kernel"]
MASK_COLUMNS = ["scan_path", "path", "kind", "lesion_id", "slice_index", "label"]
COMPRESSION_LEVEL = 1
"""Noise hardly compresses; higher levels cost seconds and save a few per cent."""
SLOPE_OFFSET = 112
"""Where a NIfTI-1 header keeps the slope and intercept that turn stored numbers into values, in bytes."""

_Plan = TypeVar("_Plan")
_Result = TypeVar("_Result")


def prepare(folder: Path) -> None:
    """Make the folder.

    Raises:
        BadUsageError: it is not empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BadUsageError(f"{folder} is not empty; give an empty or new folder for the simulated trial.")


def processes_for(workers: int | None) -> int:
    """Number of drawing processes: as asked for, else one per CPU.

    Raises:
        BadUsageError: fewer than one.
    """
    processes = workers if workers is not None else usable_processors()
    if processes < 1:
        raise BadUsageError(f"workers is {workers}; give at least 1, or leave it out for one per CPU.")
    return processes


def draw_all(
    draw: Callable[[_Plan], _Result], plans: Sequence[_Plan], *, processes: int, progress: Progress
) -> list[_Result]:
    """Apply a function of a module to every patient's plan, in order; with one process everything happens in this one.

    Args:
        draw: draws and writes one patient's images.
        plans: one a patient.
        processes: how many draw at a time.
        progress: told of each finished patient.
    """
    drawn: list[_Result] = []
    progress(STAGE, 0, len(plans))
    for done, result in enumerate(_drawn(draw, plans, processes), start=1):
        drawn.append(result)
        progress(STAGE, done, len(plans))
    return drawn


def _drawn(draw: Callable[[_Plan], _Result], plans: Sequence[_Plan], processes: int) -> Iterator[_Result]:
    if processes == 1:
        yield from map(draw, plans)
        return
    # Spawned, not forked: a fork of a process with running threads (torch, duckdb) may hang.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(draw, plans)


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame], *, study: Mapping[str, Any]) -> None:
    """Write the tables as CSV and the description as `study.json`.

    Args:
        folder: where to.
        tables: canonical tables by name.
        study: entries of `study.json`.
    """
    for name, table in tables.items():
        flags = {flag: table[flag].map({True: "true", False: "false"}) for flag in table.select_dtypes(bool).columns}
        text = table.assign(**flags).to_csv(index=False, lineterminator="\n")
        (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="\n")
    (folder / "study.json").write_text(json.dumps(study, indent=2) + "\n", encoding="utf-8")


def write_nifti(
    path: Path,
    voxels: NDArray[Any],
    *,
    spacing_mm: tuple[float, float, float],
    origin_mm: tuple[float, float, float] | None = None,
    slope: float | None = None,
) -> None:
    """Write an image with its axes along the patient's (left, back, head), as `.nii.gz`.

    The header is the library's but for the slope; only the compression is ours, because it offers no faster level and
    the archive's time stamp would make equal images unequal files.

    Args:
        path: ending in `.nii.gz`.
        voxels: shape (slices, rows, columns).
        spacing_mm: along x, y and z.
        origin_mm: centre of the first voxel; None puts the image's middle at 0.
        slope: value of one step of the stored whole numbers; None for values that are stored as they are.
    """
    image: Any = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing_mm)
    middle = [-(size - 1) / 2 * step for size, step in zip(image.GetSize(), spacing_mm, strict=True)]
    image.SetOrigin(middle if origin_mm is None else origin_mm)
    plain = path.with_suffix("")
    sitk.WriteImage(image, str(plain))
    content = bytearray(plain.read_bytes())
    if slope is not None:
        struct.pack_into("<ff", content, SLOPE_OFFSET, slope, 0.0)
    path.write_bytes(gzip.compress(bytes(content), compresslevel=COMPRESSION_LEVEL, mtime=0))
    plain.unlink()
