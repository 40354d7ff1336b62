"""Publishing a study as an immutable snapshot, and finding the one that is current."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from raise_core.domain.errors import BadInputError, BusyError, NotInStoreError
from raise_core.store import durable
from raise_core.store.home import STUDY_ID, Home, validate_study_id
from raise_core.store.lock import held, work_folder

SCHEMA_VERSION = 2
"""Stored with every snapshot: raise it with every change of `schema.sql`. Older snapshots must stay readable."""

IDENTITY_VERSION = 1
"""Part of every snapshot id: raise it when equal tables must no longer give equal ids."""

TABLES = ("patient", "outcome", "lab", "lesion", "scan", "mask", "import_issue")
ID_LENGTH = 32
LOCK_WAIT_SECONDS = 10.0

CONNECTION_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
"""Nothing is fetched from the network and no Python variable is taken for a table."""

_COVARIATE_TYPES = {
    "string": "VARCHAR",
    "large_string": "VARCHAR",
    "double": "DOUBLE",
    "int64": "BIGINT",
    "bool": "BOOLEAN",
}


@dataclass(frozen=True, eq=False)
class StudyContent:
    """What one import puts into the store.

    Attributes:
        title: name for people.
        simulated: True when the patients do not exist.
        reference_arm: arm that hazard ratios are read against, None without arms.
        tables: the tables of `schema.sql` by name, columns by name; what is missing stays empty. Columns of `patient`
            that the schema does not know become covariates (text, double or bool).
        after_baseline: columns of `patient` that are known only after baseline.
    """

    title: str
    simulated: bool
    reference_arm: str | None
    tables: Mapping[str, pa.Table]
    after_baseline: tuple[str, ...] = ()


@contextmanager
def study_lock(home: Home, study_id: str, *, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Be the only one who imports into a study.

    Raises:
        BusyError: another process imports into it and does not end within `wait_seconds`.
    """
    lock = home.temporary / f"import-{validate_study_id(study_id)}.lock"
    with held(lock, wait_seconds=wait_seconds, busy=f"Study {study_id!r} is being imported by another process"):
        yield


def publish(home: Home, study_id: str, content: StudyContent) -> str:
    """Write a snapshot beside the old ones and make it the current one.

    The caller holds `study_lock`. The same content gives the same id, however its rows were ordered: then nothing is
    written but the pointer. A kill at any instant leaves the former snapshot current and whole.

    Returns:
        The snapshot id, hexadecimal.

    Raises:
        BadInputError: a table breaks a rule of `schema.sql`.
    """
    folder = home.study(study_id)
    with work_folder(home) as work:
        file = work / "snapshot.duckdb"
        snapshot_id = _build(file, study_id, content)
        durable.make_directory(folder)
        target = home.snapshot(study_id, snapshot_id)
        if not _is_whole(target, snapshot_id):
            durable.sync_file(file)
            file.chmod(0o444)
            durable.move_into_place(file, target)
        durable.replace_text(folder / "current", snapshot_id + "\n", staging=work / "current")
    return snapshot_id


def current_snapshot(home: Home, study_id: str) -> str:
    """Id of the snapshot a study stands at.

    Raises:
        NotInStoreError: the store has no such study.
    """
    try:
        return (home.study(study_id) / "current").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        there = ", ".join(list_studies(home)) or "none yet"
        raise NotInStoreError(
            f"there is no study {study_id!r} in {home.path} (studies: {there}). "
            f"Import it: python -m raise_core import SOURCE --study {study_id}"
        ) from None


def list_studies(home: Home) -> tuple[str, ...]:
    """Ids of the studies with a published snapshot, in alphabetical order."""
    if not home.studies.is_dir():
        return ()
    published = (pointer.parent.name for pointer in home.studies.glob("*/current"))
    return tuple(sorted(name for name in published if STUDY_ID.fullmatch(name)))


def list_snapshots(home: Home, study_id: str) -> tuple[str, ...]:
    """Ids of all snapshots of a study, oldest first.

    Raises:
        NotInStoreError: the store has no such study.
    """
    current_snapshot(home, study_id)
    files = sorted(home.study(study_id).glob("*.duckdb"), key=lambda file: (file.stat().st_mtime_ns, file.name))
    return tuple(file.stem for file in files)


@contextmanager
def open_snapshot(home: Home, study_id: str, snapshot_id: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection of one's own to a snapshot (the current one if none is named).

    Raises:
        NotInStoreError: no such study or snapshot.
        BadInputError: the file is damaged.
        BusyError: another program has the file open for writing.
    """
    chosen = snapshot_id or current_snapshot(home, study_id)
    file = home.snapshot(study_id, chosen)
    if not file.is_file():
        kept = ", ".join(list_snapshots(home, study_id))
        raise NotInStoreError(f"study {study_id!r} has no snapshot {chosen!r}; it has {kept}.")
    try:
        connection = duckdb.connect(file, read_only=True, config=CONNECTION_CONFIG)
    except duckdb.Error as error:
        if "lock" in str(error).lower():
            raise BusyError(f"{file} is open for writing in another program; close it and try again.") from error
        raise BadInputError(
            f"{file} is damaged and cannot be opened ({_first_line(error)}). Import study {study_id!r} again."
        ) from error
    try:
        yield connection
    finally:
        connection.close()


def _build(file: Path, study_id: str, content: StudyContent) -> str:
    """Write the database and return its id, computed from what DuckDB holds."""
    schema = resources.files("raise_core.store").joinpath("schema.sql").read_text(encoding="utf-8")
    described: dict[str, object] = {
        "title": content.title, "simulated": content.simulated, "reference_arm": content.reference_arm
    }  # fmt: skip
    if content.after_baseline:  # studies without keep the ids they had before there was such an entry
        described["after_baseline"] = sorted(content.after_baseline)
    with duckdb.connect(file, config=CONNECTION_CONFIG) as connection:
        connection.execute(schema)
        digest = hashlib.sha256(json.dumps([IDENTITY_VERSION, study_id, described], sort_keys=True).encode())
        for name in TABLES:
            if name in content.tables:
                _insert(connection, name, content.tables[name])
            stored = connection.sql(f"SELECT * FROM {name} ORDER BY ALL").to_arrow_table()  # noqa: S608 constant name
            _update_digest(digest, name, stored)
        snapshot_id = digest.hexdigest()[:ID_LENGTH]
        connection.execute(
            "INSERT INTO study VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                study_id,
                snapshot_id,
                content.title,
                content.simulated,
                content.reference_arm,
                datetime.now(UTC).isoformat(timespec="seconds"),
                SCHEMA_VERSION,
                list(content.after_baseline),
            ],
        )
    return snapshot_id


def _insert(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    known = {row[0] for row in connection.execute(f"SELECT column_name FROM (DESCRIBE {name})").fetchall()}  # noqa: S608
    for field in table.schema:
        if field.name in known:
            continue
        if name != "patient" or str(field.type) not in _COVARIATE_TYPES:
            raise TypeError(f"table {name} has no column {field.name!r} of type {field.type}")
        connection.execute(f"ALTER TABLE patient ADD COLUMN {quoted(field.name)} {_COVARIATE_TYPES[str(field.type)]}")
    if table.num_rows == 0:
        return
    connection.register("incoming", table)
    try:
        connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM incoming ORDER BY ALL")  # noqa: S608
    except (duckdb.ConstraintException, duckdb.ConversionException) as error:
        raise BadInputError(f"table {name} breaks a rule of the store: {_first_line(error)}") from error
    finally:
        connection.unregister("incoming")


def quoted(identifier: str) -> str:
    """A column name as SQL takes it whatever it holds."""
    return '"' + identifier.replace('"', '""') + '"'


def _update_digest(digest: hashlib._Hash, name: str, table: pa.Table) -> None:
    """Feed names, types, missingness and values in an encoding of our own, so that ids outlive library versions."""
    digest.update(json.dumps([name, table.num_rows, table.num_columns]).encode())
    for column_name, chunked in zip(table.column_names, table.columns, strict=True):
        column = chunked.combine_chunks()
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        is_number = pa.types.is_floating(column.type)
        digest.update(json.dumps([column_name, "text" if is_text else "number" if is_number else "whole"]).encode())
        digest.update(np.packbits(np.asarray(column.is_valid())).tobytes())
        if is_text:
            encoded = [text.encode() for text in column.fill_null("").to_pylist()]
            digest.update(np.array([len(text) for text in encoded], dtype="<i8").tobytes())
            digest.update(b"".join(encoded))
        elif is_number:
            numbers = np.asarray(column.fill_null(0.0), dtype="<f8")
            digest.update((numbers + 0.0).tobytes())  # + 0.0 makes -0 and 0 one number
        else:
            digest.update(np.asarray(column.cast(pa.int64()).fill_null(0), dtype="<i8").tobytes())


def _is_whole(file: Path, snapshot_id: str) -> bool:
    """Whether a snapshot of this id is already published and readable."""
    if not file.is_file():
        return False
    try:
        with duckdb.connect(file, read_only=True, config=CONNECTION_CONFIG) as connection:
            rows = connection.execute("SELECT snapshot_id FROM study").fetchall()
    except duckdb.Error:
        return False
    return bool(rows == [(snapshot_id,)])


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
