"""Whether an image file holds all the bytes its header promises.

The NIfTI reader fills what is missing from a cut-off file with zeros, and the NRRD reader ignores failed checksums,
without an error: a scan that arrived by half would become water. So the bytes are counted, and compressed streams read
to their checksum, before the voxels are trusted.
"""

from __future__ import annotations

import contextlib
import gzip
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from raise_core.domain.errors import BadInputError

BLOCK_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
NRRD_MAGIC = b"NRRD"
NRRD_HEADER_LIMIT = 1 << 20
MOST_EXTRA_BYTES = 1 << 26
"""How much longer than its header says a compressed file may be, before it is taken for one made to fill the disk."""

REMEDY = "copy or export the file again."


@contextlib.contextmanager
def complete_file(path: Path, *, voxel_bytes: int, voxel_offset: int = 0) -> Iterator[Path]:
    """A file to read the voxels from, after refusing one that is cut off or damaged and whose reader would not notice.

    A gzipped file is unpacked into a temporary one: its checksum must be read to the end anyway, and reading the
    unpacked file is several times faster than leaving the unpacking to the image library.

    Args:
        path: single-file NIfTI (plain or .gz) or NRRD; other formats are left to their reader.
        voxel_bytes: bytes that the voxels take uncompressed.
        voxel_offset: bytes before the first voxel of a NIfTI file.

    Raises:
        BadInputError: bytes are missing, or a compressed stream fails its checksum.
    """
    needed = voxel_offset + voxel_bytes
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start[:2] == GZIP_MAGIC:
            with tempfile.NamedTemporaryFile(suffix=Path(path.stem).suffix) as plain:
                _require(path, _unpack(path, file, plain, most=needed + MOST_EXTRA_BYTES), needed)
                plain.flush()
                yield Path(plain.name)
            return
        if start == NRRD_MAGIC:
            length = _nrrd_voxel_bytes(path, file, most=voxel_bytes + MOST_EXTRA_BYTES)
            if length is not None:
                _require(path, length, voxel_bytes)
        elif path.suffix.lower() == ".nii":
            _require(path, path.stat().st_size, needed)
    yield path


def _require(path: Path, there: int, needed: int) -> None:
    if there < needed:
        raise BadInputError(f"{path}: the file is cut off: {there} of {needed} bytes are there; {REMEDY}")


def _unpack(path: Path, file: IO[bytes], target: IO[bytes] | None, *, most: int) -> int:
    """Length of a gzip stream, read to its end and checksum and copied to `target`."""
    length = 0
    try:
        with gzip.open(file, "rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                length += len(block)
                if length > most:
                    raise BadInputError(f"{path}: the compressed file holds far more than its header says; {REMEDY}")
                if target is not None:
                    target.write(block)
    except EOFError as error:
        raise BadInputError(f"{path}: the compressed file is cut off; {REMEDY}") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise BadInputError(f"{path}: the compressed file is damaged ({error}); {REMEDY}") from error
    return length


def _nrrd_voxel_bytes(path: Path, file: IO[bytes], *, most: int) -> int | None:
    """Bytes of voxels after an NRRD header; None where they lie in another file or another encoding."""
    encoding, read = b"raw", 0
    while (line := file.readline()) and line.strip():
        read += len(line)
        field, _, value = line.partition(b":")
        field = field.strip().lower()
        if field == b"encoding":
            encoding = value.strip().lower()
        if field in {b"data file", b"datafile"} or read > NRRD_HEADER_LIMIT:
            return None
    if encoding in {b"gzip", b"gz"}:
        return _unpack(path, file, None, most=most)
    return path.stat().st_size - file.tell() if encoding == b"raw" else None
