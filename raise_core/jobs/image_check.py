"""Comparing imported images with the checksums they are named by.

Damaged ones are told of, never removed: only their owner has another copy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from raise_core.domain.progress import Progress, silent
from raise_core.store.home import Home
from raise_core.studies.opening import open_study, snapshots, studies

IMAGE_STAGE = "Reading imported images against their checksums"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class DamagedImage:
    """An image whose bytes are not those that were imported.

    Attributes:
        file: where it lies, in the home.
        study_ids: studies with a version that shows it.
    """

    file: str
    study_ids: tuple[str, ...]


@dataclass(frozen=True)
class ImageCheck:
    """What was found: images read, and those that have changed."""

    checked: int
    damaged: tuple[DamagedImage, ...]

    @property
    def remedy(self) -> str:
        """What to do about the damaged ones; empty when all are whole."""
        if not self.damaged:
            return ""
        names = sorted({study_id for image in self.damaged for study_id in image.study_ids})
        which = f"study {' and study '.join(names)}" if names else "the study they are of"
        files = ", ".join(image.file for image in self.damaged[:3])
        more = f" and {len(self.damaged) - 3} more" if len(self.damaged) > 3 else ""
        return f"Damaged: {files}{more}. Import {which} again from its own files; whole copies then take their place."


def check_images(home: Home, *, progress: Progress = silent) -> ImageCheck:
    """Read every imported image against the SHA-256 in its name; nothing is changed.

    `progress` is told after each; an error it raises ends the check.
    """
    files = sorted(_images(home))
    changed: list[Path] = []
    for done, file in enumerate(files, start=1):
        with file.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != _named(file):
                changed.append(file)
        progress(IMAGE_STAGE, done, len(files))
    users = _users(home) if changed else {}
    return ImageCheck(
        len(files),
        tuple(
            DamagedImage(file.relative_to(home.path).as_posix(), tuple(sorted(users.get(_named(file), ()))))
            for file in changed
        ),
    )


def _images(home: Home) -> Iterator[Path]:
    """Files named by a checksum; what an import under way has not put into place yet has no such name."""
    return (file for file in home.images.glob("*/*") if file.is_file() and _SHA256.fullmatch(_named(file)))


def _named(file: Path) -> str:
    return file.name.partition(".")[0]


def _users(home: Home) -> dict[str, set[str]]:
    """Studies by the checksum of each image that any of their versions shows."""
    users: dict[str, set[str]] = {}
    for study in studies(home):
        for version in snapshots(home, study.study_id):
            cohort = open_study(home, study.study_id, version.snapshot_id).cohort
            for table in (cohort.scans, cohort.masks):
                for content_sha256 in table["content_sha256"].unique():
                    users.setdefault(str(content_sha256), set()).add(study.study_id)
    return users
