"""An analysis of laboratory values as an artifact holds it, and back."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.importance_results import (
    Drop,
    GroupImportance,
    ImportanceReport,
    LabEffects,
    LabExplanations,
    LabImportance,
    LabRatio,
)
from raise_core.domain.importance_settings import ImportanceSettings
from raise_core.domain.results import Provenance
from raise_core.store.artifact import Artifact

_TEXTS = ("patient_ids", "labs")


def to_document(report: ImportanceReport) -> dict[str, Any]:
    """Everything but the arrays, as JSON can hold it."""
    return {
        "settings": report.settings.to_document(),
        "provenance": asdict(report.provenance),
        "labs": [asdict(lab) for lab in report.labs],
        "groups": [asdict(group) for group in report.groups],
        "noise": asdict(report.noise),
        "metric": [report.metric_mean, report.metric_low, report.metric_high],
        "n": report.n,
        "events": report.events,
        "events_followed": report.events_followed,
        "excluded": report.excluded,
        "n_study": report.n_study,
        "scored_folds": report.scored_folds,
        "seconds": report.seconds,
        "explained": {name: list(getattr(report.explanations, name)) for name in _TEXTS},
    }


def to_arrays(report: ImportanceReport) -> dict[str, NDArray[Any]]:
    """The explanations' arrays by name."""
    found = report.explanations
    return {field.name: np.asarray(getattr(found, field.name)) for field in fields(found) if field.name not in _TEXTS}


def from_artifact(artifact: Artifact) -> ImportanceReport:
    """The report that `to_document` and `to_arrays` wrote."""
    kept = artifact.document
    mean, low, high = kept["metric"]
    explained: dict[str, Any] = {name: tuple(kept["explained"][name]) for name in _TEXTS}
    explained |= artifact.arrays
    return ImportanceReport(
        ImportanceSettings.from_document(kept["settings"]),
        Provenance(**kept["provenance"]),
        tuple(_lab(lab) for lab in kept["labs"]),
        tuple(_group(group) for group in kept["groups"]),
        Drop(**kept["noise"]),
        metric_mean=mean,
        metric_low=low,
        metric_high=high,
        n=kept["n"],
        events=kept["events"],
        events_followed=kept["events_followed"],
        excluded=kept["excluded"],
        n_study=kept["n_study"],
        scored_folds=kept["scored_folds"],
        explanations=LabExplanations(**explained),
        seconds=kept["seconds"],
    )


def _lab(kept: dict[str, Any]) -> LabImportance:
    parts = {
        "drop": Drop(**kept["drop"]),
        "above_noise": Drop(**kept["above_noise"]),
        "effects": LabEffects(**{name: LabRatio(**ratio) for name, ratio in kept["effects"].items()}),
        "group": tuple(kept["group"]),
    }
    return LabImportance(**{**kept, **parts})


def _group(kept: dict[str, Any]) -> GroupImportance:
    parts = {"labs": tuple(kept["labs"]), "drop": Drop(**kept["drop"]), "above_noise": Drop(**kept["above_noise"])}
    return GroupImportance(**{**kept, **parts})
