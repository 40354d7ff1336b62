"""The one SQLite file of a home that changes as people work: jobs, saved views, saved cohorts. It is data, not cache.

Write-ahead logging lets any number of processes read while one writes; a writer waits its turn for a while instead of
failing at once. Every use opens and closes its own connection, so threads share nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources

from raise_core.domain.errors import BadInputError, BusyError
from raise_core.store.home import Home

FILE_NAME = "workspace.sqlite"
SCHEMA_VERSION = 1
SECONDS_TO_WAIT = 10.0
_POLL_SECONDS = 0.02


@contextmanager
def workspace(home: Home, *, writes: bool = True) -> Iterator[sqlite3.Connection]:
    """A connection within one transaction: committed at the end, rolled back on any error, then closed.

    Rows can be read by column name. The file and its tables are made at the first use. With `writes` false the
    connection only reads, and waits for nobody.

    Raises:
        BusyError: another process kept the file locked for longer than ten seconds.
        BadInputError: the file was written by a newer version of the program, or is no database.
    """
    home.path.mkdir(parents=True, exist_ok=True)
    file = home.path / FILE_NAME
    connection = sqlite3.connect(file, timeout=SECONDS_TO_WAIT, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        _prepare(connection, str(file))
        connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise BusyError(
                f"{file} has been locked by another process for {SECONDS_TO_WAIT:g} s; try again."
            ) from error
        raise
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection, file: str) -> None:
    """Journal mode, foreign keys and, in a new file, the tables."""
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise BadInputError(f"{file} is not a workspace file ({error}); move it away and a new one is made.") from error
    if version > SCHEMA_VERSION:
        raise BadInputError(
            f"{file} has layout {version}, this program knows up to {SCHEMA_VERSION}; use the newer program."
        )
    connection.execute("PRAGMA foreign_keys = ON")
    if version == SCHEMA_VERSION:
        return
    _turn_on_write_ahead_log(connection)
    script = resources.files("raise_core.store").joinpath("workspace.sql").read_text(encoding="utf-8")
    connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;")


def _turn_on_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Needs the file for itself and, unlike all else, does not wait for it by itself: processes meet at the first use.

    Raises:
        sqlite3.OperationalError: locked by others for all of `SECONDS_TO_WAIT`.
    """
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return
