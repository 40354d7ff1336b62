"""Whether this machine is ready: versions, device, encoder weights, studies, sizes."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from raise_core import __version__
from raise_core.domain.device import choose_device, usable_processors
from raise_core.features.registry import EncoderStatus, encoder_status
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.store.snapshot import list_studies
from raise_core.store.summary import summarise

_PACKAGES = (
    "streamlit",
    "plotly",
    "torch",
    "torchvision",
    "SimpleITK",
    "lifelines",
    "scikit-survival",
    "duckdb",
    "pandas",
)


@dataclass(frozen=True)
class StudyLine:
    """One study: its current snapshot and size."""

    study_id: str
    title: str
    snapshot_id: str
    patients: int
    simulated: bool


@dataclass(frozen=True)
class Health:
    """State of this machine and home.

    Attributes:
        versions: package to version.
        device: what `--device auto` computes on.
        processors: processors this process may use.
        encoders: every encoder and whether its weights are here.
        home: the home.
        studies: what it holds.
        bytes_by_kind: disk use of data and of each kind of artifact.
    """

    versions: dict[str, str]
    device: str
    processors: int
    encoders: tuple[EncoderStatus, ...]
    home: str
    studies: tuple[StudyLine, ...]
    bytes_by_kind: dict[str, int]


def examine(home: Home) -> Health:
    """Look at versions, device, weights and store; nothing is downloaded or changed."""
    lines = []
    for study_id in list_studies(home):
        found = summarise(home, study_id)
        study = found.study
        lines.append(StudyLine(study_id, study.title, study.snapshot_id, found.patients, study.simulated))
    return Health(
        versions={"raise": __version__, "python": platform.python_version()}
        | {name: metadata.version(name) for name in _PACKAGES},
        device=choose_device("auto").type,
        processors=usable_processors(),
        encoders=encoder_status(),
        home=str(home.path),
        studies=tuple(lines),
        bytes_by_kind={
            "studies": _bytes_under(home.studies),
            "images": _bytes_under(home.images),
            **{f"artifacts: {kind}": size for kind, size in ArtifactStore(home).sizes().items()},
        },
    )


def _bytes_under(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
