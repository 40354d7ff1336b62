"""Derived things under the hash of all that determines them: tables, arrays and a document, checked on every read."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import re
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from raise_core.domain.errors import BadUsageError
from raise_core.domain.progress import Progress, silent
from raise_core.store import durable
from raise_core.store.home import Home
from raise_core.store.lock import work_folder

VERIFY_STAGE = "Reading what is kept against its checksums"
_LOG = logging.getLogger(__name__)
_KIND = re.compile(r"[a-z0-9][a-z0-9_-]{0,127}")
_KEY = re.compile(r"[0-9a-f]{32,64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_MANIFEST = "manifest.json"
_DOCUMENT = "document.json"
_ARRAYS = "arrays.safetensors"
_TABLE_SUFFIX = ".parquet"


def artifact_key(kind: str, inputs: Mapping[str, Any], *, code_version: int = 1) -> str:
    """Hash of everything an artifact depends on.

    Args:
        kind: what it is, for example 'features'.
        inputs: all that determines the content, as JSON can hold it (no NaN); the order of names does not matter.
        code_version: version of the step that makes this kind. Raise it whenever the step gives another result for
            the same inputs, and old artifacts are no longer found.

    Returns:
        64 hexadecimal characters.

    Raises:
        TypeError, ValueError: an input that JSON cannot hold exactly.
    """
    content = {"kind": _checked_kind(kind), "code_version": code_version, "inputs": inputs}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Artifact:
    """A whole artifact, its checksums verified.

    Attributes:
        kind: what it is.
        key: hash of its inputs.
        document: JSON content (None if it has none).
        tables: Arrow tables by name.
        arrays: NumPy arrays by name.
    """

    kind: str
    key: str
    document: Any
    tables: Mapping[str, pa.Table]
    arrays: Mapping[str, NDArray[Any]]

    def frame(self, name: str) -> pd.DataFrame:
        """One table as a pandas frame."""
        frame: pd.DataFrame = self.tables[name].to_pandas()
        return frame


@dataclass(frozen=True)
class ArtifactEntry:
    """One stored artifact as a listing shows it: size in bytes and seconds since 1970 when it was made."""

    kind: str
    key: str
    size_bytes: int
    made_at: float


@dataclass(frozen=True)
class Housekeeping:
    """What `verify` or `prune` found: artifacts looked at, those removed, and the bytes that freed."""

    checked: int
    removed: tuple[ArtifactEntry, ...]
    freed_bytes: int


@dataclass(eq=False)
class ArtifactStore:
    """Artifacts of one home. Any number of processes may read and write at once: the same key is the same content.

    Attributes:
        home: where they lie.
        damaged: kind and key of the artifacts this object found damaged and removed, to be made anew.
    """

    home: Home
    damaged: list[tuple[str, str]] = field(default_factory=list)

    def folder(self, kind: str, key: str) -> Path:
        """Where an artifact lies or would lie."""
        if _KEY.fullmatch(key) is None:
            raise BadUsageError(f"{key!r} is not an artifact key (32 to 64 hexadecimal characters).")
        return self.home.artifacts / _checked_kind(kind) / key[:2] / key

    def has(self, kind: str, key: str) -> bool:
        """Whether an artifact is there, without checking its content."""
        return (self.folder(kind, key) / _MANIFEST).is_file()

    def write(
        self,
        kind: str,
        key: str,
        *,
        tables: Mapping[str, pa.Table | pd.DataFrame] | None = None,
        arrays: Mapping[str, NDArray[Any]] | None = None,
        document: Any = None,  # noqa: ANN401 JSON has no narrower type
    ) -> None:
        """Store an artifact under its key, whole or not at all; one that is already there stays as it is.

        Args:
            kind: what it is.
            key: from `artifact_key`.
            tables: Arrow tables or frames by name, stored as Parquet (a frame's index is not kept).
            arrays: NumPy arrays by name, stored as safetensors.
            document: anything JSON can hold.

        Raises:
            ValueError: a name that cannot be a file name, or NaN in the document.
        """
        target = self.folder(kind, key)
        if self.has(kind, key):
            return
        with work_folder(self.home) as work:
            staging = work / key
            staging.mkdir()
            files = _serialised(tables or {}, arrays or {}, document)
            sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            manifest = {"kind": kind, "key": key, "files": sums}
            files[_MANIFEST] = json.dumps(manifest, sort_keys=True, indent=1).encode()
            for name, content in files.items():
                durable.write_synced(staging / name, content)
            durable.sync_directory(staging)
            durable.make_directory(target.parent)
            try:
                staging.rename(target)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                return  # another process stored the same thing first
            durable.sync_directory(target.parent)

    def read(self, kind: str, key: str) -> Artifact | None:
        """An artifact with verified checksums, or None when it is not there.

        One that is damaged is removed, counted in `damaged` and logged, and None returned: make it again.
        """
        folder = self.folder(kind, key)
        try:
            files = _verified_files(folder, kind, key)
            if files is None:
                return None
            document = json.loads(files.pop(_DOCUMENT))
            arrays = load_arrays(files.pop(_ARRAYS)) if _ARRAYS in files else {}
            tables = {
                name.removesuffix(_TABLE_SUFFIX): pq.read_table(pa.BufferReader(content))
                for name, content in files.items()
            }
        except (DamagedArtifactError, SafetensorError, pa.ArrowException, KeyError, json.JSONDecodeError) as error:
            self._discard(kind, key, str(error))
            return None
        return Artifact(kind, key, document, tables, arrays)

    def entries(self, kind: str | None = None) -> tuple[ArtifactEntry, ...]:
        """All artifacts (of one kind), with size and age, ordered by kind and key."""
        return tuple(self._entries(kind))

    def sizes(self) -> dict[str, int]:
        """Bytes held by each kind."""
        total: dict[str, int] = {}
        for entry in self._entries(None):
            total[entry.kind] = total.get(entry.kind, 0) + entry.size_bytes
        return total

    def verify(self, kind: str | None = None, *, progress: Progress = silent) -> Housekeeping:
        """Read every artifact (of one kind) against its checksums and remove the damaged ones.

        `progress` is told after each; an error it raises ends the check.
        """
        entries = self.entries(kind)
        removed = []
        for done, entry in enumerate(entries, start=1):
            try:
                _verified_files(self.folder(entry.kind, entry.key), entry.kind, entry.key)
            except DamagedArtifactError as error:
                self._discard(entry.kind, entry.key, str(error))
                removed.append(entry)
            progress(VERIFY_STAGE, done, len(entries))
        return Housekeeping(len(entries), tuple(removed), sum(entry.size_bytes for entry in removed))

    def prune(
        self,
        *,
        kind: str | None = None,
        older_than_days: float = 0.0,
        keep: Collection[str] = (),
        dry_run: bool = False,
    ) -> Housekeeping:
        """Remove artifacts (of one kind) made more than `older_than_days` ago, except those whose key is in `keep`.

        A dry run removes nothing and says what would be removed.
        """
        limit = time.time() - older_than_days * 86_400
        entries = self.entries(kind)
        removed = tuple(entry for entry in entries if entry.made_at <= limit and entry.key not in keep)
        for entry in () if dry_run else removed:
            self.remove(entry.kind, entry.key)
        return Housekeeping(len(entries), removed, sum(entry.size_bytes for entry in removed))

    def _entries(self, kind: str | None) -> Iterator[ArtifactEntry]:
        kinds = [_checked_kind(kind)] if kind is not None else sorted(_names(self.home.artifacts))
        for name in kinds:
            for prefix in sorted(_names(self.home.artifacts / name)):
                for key in sorted(_names(self.home.artifacts / name / prefix)):
                    entry = _entry(self.home.artifacts / name / prefix / key, name, key)
                    if entry is not None:
                        yield entry

    def _discard(self, kind: str, key: str, reason: str) -> None:
        _LOG.warning("artifact %s/%s is damaged (%s) and will be made again", kind, key, reason)
        self.damaged.append((kind, key))
        self.remove(kind, key)

    def remove(self, kind: str, key: str) -> None:
        """Take a folder out of sight in one step, then delete it, so that no reader meets half of it."""
        with work_folder(self.home) as work:
            try:
                self.folder(kind, key).rename(work / key)
            except FileNotFoundError:
                return


class DamagedArtifactError(RuntimeError):
    """A stored artifact whose bytes are not those that were written."""


def _checked_kind(kind: str) -> str:
    if _KIND.fullmatch(kind) is None:
        raise BadUsageError(f"{kind!r} cannot name a kind of artifact: use a-z, 0-9, '-' and '_'.")
    return kind


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(child.name for child in folder.iterdir() if child.is_dir()) if folder.is_dir() else ()


def _entry(folder: Path, kind: str, key: str) -> ArtifactEntry | None:
    try:
        stats = [file.stat() for file in folder.iterdir()]
        made_at = max((stat.st_mtime for stat in stats), default=folder.stat().st_mtime)
    except FileNotFoundError:  # removed by another process meanwhile
        return None
    return ArtifactEntry(kind, key, sum(stat.st_size for stat in stats), made_at)


def _serialised(
    tables: Mapping[str, pa.Table | pd.DataFrame],
    arrays: Mapping[str, NDArray[Any]],
    document: Any,  # noqa: ANN401 JSON has no narrower type
) -> dict[str, bytes]:
    files = {_DOCUMENT: json.dumps(document, allow_nan=False, sort_keys=True).encode()}
    if arrays:
        files[_ARRAYS] = save_arrays({name: np.asarray(array, order="C") for name, array in arrays.items()})
    for name, table in tables.items():
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} cannot name a table of an artifact")
        arrow = pa.Table.from_pandas(table, preserve_index=False) if isinstance(table, pd.DataFrame) else table
        sink = pa.BufferOutputStream()
        pq.write_table(arrow, sink, compression="zstd")
        files[name + _TABLE_SUFFIX] = sink.getvalue().to_pybytes()
    return files


def _verified_files(folder: Path, kind: str, key: str) -> dict[str, bytes] | None:
    """Content of every file of an artifact, None when the artifact is not there.

    Raises:
        DamagedArtifactError: a file is missing, added or changed.
    """
    if not folder.is_dir():
        return None
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
        sums = manifest["files"]
        if (manifest["kind"], manifest["key"]) != (kind, key):
            raise DamagedArtifactError("the manifest is another artifact's")
        if any(Path(name).name != name for name in sums):
            raise DamagedArtifactError("the manifest names files outside its folder")
        files = {name: (folder / name).read_bytes() for name in sums}
        present = {file.name for file in folder.iterdir()}
    except FileNotFoundError as error:
        if not folder.is_dir():  # removed by another process meanwhile
            return None
        raise DamagedArtifactError(f"{Path(error.filename).name} is missing") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedArtifactError("the manifest cannot be read") from error
    if present != {_MANIFEST, *sums}:
        raise DamagedArtifactError("files and manifest do not match")
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != sums[name]:
            raise DamagedArtifactError(f"{name} has changed")
    return files
