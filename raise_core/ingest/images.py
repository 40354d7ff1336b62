"""Copying scans and masks into the home under the hash of their content."""

from __future__ import annotations

import filecmp
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from raise_core.domain.errors import BadInputError
from raise_core.domain.progress import Progress
from raise_core.ingest.scans import ImageFile
from raise_core.store import durable
from raise_core.store.home import Home

_CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class StoredImage:
    """An image in the home.

    Attributes:
        content_sha256: hash of the file.
        file: path relative to the home.
    """

    content_sha256: str
    file: str


def store_images(home: Home, images: Iterable[ImageFile], staging: Path, progress: Progress) -> dict[str, StoredImage]:
    """Copy images into the home; one that is there whole is not kept twice, a damaged one is replaced.

    All are copied and hashed in `staging` (on the home's file system) first and moved into place only when every copy
    succeeded, so a failure leaves the home as it was.

    Args:
        home: where to.
        images: what to copy.
        staging: empty folder of the caller's, removed by them.
        progress: one call an image.

    Returns:
        Where each image lies, by its name in the import folder.

    Raises:
        BadInputError: a file cannot be read.
    """
    wanted = {image.name: image for image in images}
    stored: dict[str, StoredImage] = {}
    copies: dict[Path, Path] = {}
    for count, image in enumerate(wanted.values(), start=1):
        copy = staging / f"{count}{image.suffix}"
        content_sha256 = _copy(image, copy)
        target = home.image(content_sha256, image.suffix)
        stored[image.name] = StoredImage(content_sha256, target.relative_to(home.path).as_posix())
        if target in copies or (target.is_file() and filecmp.cmp(target, copy, shallow=False)):
            copy.unlink()
        else:
            durable.sync_file(copy)
            copy.chmod(0o444)
            copies[target] = copy
        progress("copying images", count, len(wanted))
    for target, copy in copies.items():
        durable.make_directory(target.parent)
        copy.replace(target)
    for folder in sorted({target.parent for target in copies}):
        durable.sync_directory(folder)
    return stored


def _copy(image: ImageFile, target: Path) -> str:
    digest = hashlib.sha256()
    try:
        source = image.path.open("rb")
    except OSError as error:
        raise BadInputError(f"{image.name}: cannot be read ({error.strerror}). Check its permissions.") from error
    with source, target.open("wb") as copy:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            copy.write(chunk)
    return digest.hexdigest()
