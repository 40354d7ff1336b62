"""Reading image files (NIfTI, NRRD, MetaImage and what else SimpleITK knows) into volumes."""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import SimpleITK

from raise_core.domain.errors import BadInputError
from raise_core.domain.volume import Geometry, Volume
from raise_core.imaging.integrity import complete_file

MAX_AXIS_VOXELS = 8192
"""No scanner makes a longer axis; a longer one is a damaged header."""

MAX_VOXELS = 2**31
"""A whole-body CT at 0.5 mm has about 2 * 10^9 voxels; more would only exhaust the memory."""

FORMATS = "NIfTI (.nii, .nii.gz), NRRD (.nrrd) or MetaImage (.mha)"

STDERR = 2

sitk: Any = SimpleITK  # the library carries no types
sitk.ProcessObject.SetGlobalWarningDisplay(False)  # noqa: FBT003 - ITK prints warnings past Python on standard error

_one_reader_of_messages = threading.Lock()


def read_geometry(path: Path | str) -> Geometry:
    """The grid of an image, from its header alone.

    Raises:
        BadInputError: no such file, not an image, not 3-D, more than one value a voxel, or an impossible size,
            spacing or orientation. The message names the file.
    """
    file = _existing(path)
    with _reader_messages(file):
        _, geometry = _open(file)
    return geometry


def read_volume(path: Path | str) -> Volume:
    """An image with its grid; voxels keep the file's type, or float64 where the file gives a scale.

    Raises:
        BadInputError: as `read_geometry`, or the file is cut off or damaged.
    """
    file = _existing(path)
    with _reader_messages(file):
        reader, geometry = _open(file)
        needed, offset = _voxel_bytes(reader, geometry), _voxel_offset(reader)
        with complete_file(file, voxel_bytes=needed, voxel_offset=offset) as whole:
            reader.SetFileName(str(whole))
            array = sitk.GetArrayFromImage(reader.Execute())
    array.setflags(write=False)
    return Volume(array, geometry)


def _existing(path: Path | str) -> Path:
    file = Path(path)
    if not file.exists():
        raise BadInputError(f"{file}: there is no such image file.")
    if not file.is_file():
        raise BadInputError(f"{file}: this is not a file; give one image file, {FORMATS}.")
    if file.stat().st_size == 0:
        raise BadInputError(f"{file}: the image file is empty; copy or export it again.")
    return file


def _open(file: Path) -> tuple[Any, Geometry]:
    """A SimpleITK reader that has read the header, and the grid; refuses what is not one 3-D image."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(file))
    reader.ReadImageInformation()
    size = reader.GetSize()
    if len(size) != 3:
        raise BadInputError(f"{file}: the image has {len(size)} dimensions {size}; give one 3-D image a file.")
    values = reader.GetNumberOfComponents()
    if values != 1:
        raise BadInputError(f"{file}: each voxel has {values} values (a colour image?); give an image with one.")
    if max(size) > MAX_AXIS_VOXELS or math.prod(size) > MAX_VOXELS:
        raise BadInputError(
            f"{file}: the header says {size} voxels; over {MAX_AXIS_VOXELS} a side or {MAX_VOXELS} in all is refused "
            "as a damaged header."
        )
    try:
        geometry = Geometry.of(
            size=size,
            spacing_mm=reader.GetSpacing(),
            origin_mm=reader.GetOrigin(),
            direction=reader.GetDirection(),
        )
    except BadInputError as error:
        raise BadInputError(f"{file}: {error}") from error
    return reader, geometry


def _voxel_bytes(reader: Any, geometry: Geometry) -> int:  # noqa: ANN401 - the library carries no types
    """Bytes the voxels take in the file. NIfTI says it itself, because a scale changes the type on reading."""
    if reader.HasMetaDataKey("bitpix"):
        bits = int(reader.GetMetaData("bitpix"))
    else:
        bits = sitk.Image([1, 1, 1], reader.GetPixelID()).GetSizeOfPixelComponent() * 8
    return math.prod(geometry.size) * bits // 8


def _voxel_offset(reader: Any) -> int:  # noqa: ANN401 - the library carries no types
    return int(float(reader.GetMetaData("vox_offset"))) if reader.HasMetaDataKey("vox_offset") else 0


@contextlib.contextmanager
def _reader_messages(file: Path) -> Iterator[None]:
    """Turn a failed read into a `BadInputError` that carries what the C libraries would print on standard error.

    They write to the file descriptor itself, so it is pointed at a scratch file while they run. After a read that
    succeeds, whatever arrived there (another thread may have written) is passed on.
    """
    with _one_reader_of_messages, tempfile.TemporaryFile() as scratch:
        kept = os.dup(STDERR)
        os.dup2(scratch.fileno(), STDERR)
        failure: RuntimeError | None = None
        try:
            yield
        except RuntimeError as error:
            failure = error
        finally:
            os.dup2(kept, STDERR)
            os.close(kept)
        scratch.seek(0)
        printed = scratch.read()
        if failure is None:
            if printed:
                os.write(STDERR, printed)
            return
        lines = [line.strip() for line in (printed.decode(errors="replace") + "\n" + str(failure)).splitlines()]
        reason = next((line for line in lines if line and "Exception thrown" not in line), "no reason given")
        raise BadInputError(
            f"{file}: this is not an image that can be read, or it is damaged ({reason[:200]}); give {FORMATS}."
        ) from failure
