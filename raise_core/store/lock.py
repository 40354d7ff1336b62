"""Locks between processes that vanish with their holder, and the work folders they protect."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raise_core.domain.errors import BusyError
from raise_core.store.home import Home

_POLL_SECONDS = 0.05
_RUN = "run-"


def _try_lock(path: Path) -> int | None:
    """Open and lock `path`; the descriptor, or None when somebody else holds it.

    The kernel drops the lock when its holder dies, so no lock is ever stale. Holders delete the file before they let
    go; whoever waited on the deleted file notices by its inode and starts again.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        try:
            same = path.stat().st_ino == os.fstat(descriptor).st_ino
        except FileNotFoundError:
            same = False
        if same:
            return descriptor
        os.close(descriptor)


def _release(path: Path, descriptor: int) -> None:
    path.unlink(missing_ok=True)
    os.close(descriptor)


@contextmanager
def held(path: Path, *, wait_seconds: float, busy: str) -> Iterator[None]:
    """Hold the lock file `path` for the duration of a `with` block.

    Raises:
        BusyError: somebody else held it for `wait_seconds`; the message is `busy` and the holder's process id.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_seconds
    while (descriptor := _try_lock(path)) is None:
        if time.monotonic() >= deadline:
            holder = _holder(path)
            raise BusyError(f"{busy}{holder} Wait for it to end and try again.")
        time.sleep(_POLL_SECONDS)
    try:
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        _release(path, descriptor)


def _holder(path: Path) -> str:
    try:
        pid = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    return f" (process {pid})." if pid else ""


@contextmanager
def under_way(home: Home) -> Iterator[None]:
    """Say for the duration of a `with` block that this process needs what is kept; see `at_work`."""
    lock = home.temporary / f"{_RUN}{os.getpid()}-{secrets.token_hex(4)}.lock"
    with held(lock, wait_seconds=10.0, busy=f"{lock.name} is taken."):  # only ever by somebody who looks if it is
        yield


def at_work(home: Home) -> tuple[int, ...]:
    """Ids of the processes that are `under_way` in this home, this one included; what killed ones left is removed."""
    found = []
    for lock in sorted(home.temporary.glob(f"{_RUN}*.lock")):
        descriptor = _try_lock(lock)
        if descriptor is None:
            found.append(int(lock.name.removeprefix(_RUN).partition("-")[0]))
        else:
            _release(lock, descriptor)
    return tuple(found)


@contextmanager
def work_folder(home: Home) -> Iterator[Path]:
    """An empty folder of one's own under the home, removed at the end; a kill leaves it for `clean_leftovers`."""
    home.temporary.mkdir(parents=True, exist_ok=True)
    while True:
        folder = home.temporary / f"work-{secrets.token_hex(8)}"
        lock = folder.with_suffix(".lock")
        descriptor = _try_lock(lock)
        if descriptor is not None:
            break
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _release(lock, descriptor)


def clean_leftovers(home: Home) -> int:
    """Remove work folders and locks whose process is gone; the number removed."""
    removed = 0
    if not home.temporary.is_dir():
        return removed
    for folder in sorted(home.temporary.glob("work-*")):
        if folder.suffix == ".lock" or not folder.is_dir():
            continue
        lock = folder.with_suffix(".lock")
        descriptor = _try_lock(lock)
        if descriptor is None:
            continue
        if folder.exists():
            shutil.rmtree(folder)
            removed += 1
        _release(lock, descriptor)
    for lock in sorted(home.temporary.glob("*.lock")):
        descriptor = _try_lock(lock)
        if descriptor is not None:
            _release(lock, descriptor)
    return removed
