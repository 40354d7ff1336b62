"""Where everything the program keeps lies: one home directory, its parts and the names allowed in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from raise_core.domain.errors import BadUsageError

STUDY_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""Study ids stand in addresses, file names and commands: lower case, digits, '-' and '_', at most 64 characters."""


def validate_study_id(study_id: str) -> str:
    """Return `study_id` unchanged when it may name a study.

    Raises:
        BadUsageError: it is empty, too long or holds other characters than a-z, 0-9, '-' and '_'.
    """
    if STUDY_ID.fullmatch(study_id) is None:
        raise BadUsageError(
            f"{study_id!r} cannot name a study: use 1 to 64 of a-z, 0-9, '-' and '_', beginning with a letter or "
            "digit, for example 'crc-2005'."
        )
    return study_id


@dataclass(frozen=True)
class Home:
    """One directory that holds cohorts, images and artifacts. Making the value creates nothing.

    Attributes:
        path: absolute path of the directory.
    """

    path: Path

    @classmethod
    def at(cls, path: str | Path) -> Home:
        """The home at `path` ('~' and relative paths are resolved)."""
        return cls(Path(path).expanduser().absolute())

    @property
    def studies(self) -> Path:
        """Folder with one sub-folder a study."""
        return self.path / "studies"

    @property
    def images(self) -> Path:
        """Content-addressed copies of scans and masks. They are data: nothing else holds them."""
        return self.path / "images"

    @property
    def artifacts(self) -> Path:
        """Derived things. Deleting them loses time, never data."""
        return self.path / "artifacts"

    @property
    def temporary(self) -> Path:
        """Work in progress and locks."""
        return self.path / "tmp"

    def study(self, study_id: str) -> Path:
        """Folder of one study.

        Raises:
            BadUsageError: `study_id` cannot name a study.
        """
        return self.studies / validate_study_id(study_id)

    def snapshot(self, study_id: str, snapshot_id: str) -> Path:
        """Database file of one snapshot."""
        return self.study(study_id) / f"{snapshot_id}.duckdb"

    def image(self, content_sha256: str, suffix: str) -> Path:
        """Stored copy of the image with this content hash; `suffix` as in '.nii.gz'."""
        return self.images / content_sha256[:2] / f"{content_sha256}{suffix}"
