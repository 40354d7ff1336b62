"""Writing so that a kill or a power cut leaves either the old state or the new one, never a half."""

from __future__ import annotations

import os
from pathlib import Path


def sync_file(path: Path) -> None:
    """Force the content of a file to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Force a directory's entries to the disk, so that a rename in it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create a directory with its parents and make the new entries durable."""
    missing = [path, *path.parents]
    missing = [folder for folder in missing if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(missing):
        sync_directory(folder.parent)


def write_synced(path: Path, content: bytes) -> None:
    """Write a new file and force it to the disk."""
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def move_into_place(source: Path, target: Path) -> None:
    """Rename a finished, synced file over `target` (same file system) and make the rename durable."""
    source.replace(target)
    sync_directory(target.parent)


def replace_text(target: Path, text: str, *, staging: Path) -> None:
    """Atomically give `target` the content `text`, by way of the unused file name `staging`."""
    write_synced(staging, text.encode("utf-8"))
    move_into_place(staging, target)
