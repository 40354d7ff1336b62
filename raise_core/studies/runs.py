"""Finished runs in the store: listing them, finding the one that matches a question, reading its predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.marker_name import Model
from raise_core.domain.results import CindexSettings
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.studies.deep_predictions import DeepPredictions, WeekSplits

RUN_KIND = "raise-run"
UNIT_KIND = "deep-risk"


@dataclass(frozen=True)
class RunSummary:
    """One finished run.

    Attributes:
        run_id: artifact key.
        study_id: study it was made on.
        snapshot_id: data snapshot.
        encoder: image encoder.
        weeks: weeks with predictions.
        variants: image variants.
        models: models it was asked for.
        settings: evaluation settings its splits belong to.
        finished_at: UTC, ISO 8601.
        seconds: stage to seconds, of the time the run was computed.
        failed_images: pictures that could not be used.
        images_computed: pictures the encoder was run on.
        device: where it was computed.
        patients_by_week: patients with predictions at each week.
        at_risk_by_week: patients at risk at each week, imaged or not.
    """

    run_id: str
    study_id: str
    snapshot_id: str
    encoder: str
    weeks: tuple[float, ...]
    variants: tuple[str, ...]
    models: tuple[str, ...]
    settings: CindexSettings
    finished_at: str
    seconds: dict[str, float]
    failed_images: int
    images_computed: int
    device: str
    patients_by_week: dict[float, int]
    at_risk_by_week: dict[float, int]


def list_runs(home: Home, snapshot_id: str) -> tuple[RunSummary, ...]:
    """Finished runs on a snapshot, newest first."""
    store = ArtifactStore(home)
    found = []
    for entry in store.entries(RUN_KIND):
        artifact = store.read(RUN_KIND, entry.key)
        if artifact is not None and artifact.document["snapshot_id"] == snapshot_id:
            found.append(_summary(entry.key, artifact.document))
    return tuple(sorted(found, key=lambda run: (run.finished_at, run.run_id), reverse=True))


def _summary(run_id: str, document: dict[str, Any]) -> RunSummary:
    settings = document["settings"]
    return RunSummary(
        run_id=run_id,
        study_id=document["study_id"],
        snapshot_id=document["snapshot_id"],
        encoder=settings["encoder"],
        weeks=tuple(week["week"] for week in document["weeks"]),
        variants=tuple(document["variants"]),
        models=tuple(settings["models"]),
        settings=CindexSettings(
            endpoint=settings["endpoint"],
            splits=settings["splits"],
            train_fraction=settings["train_fraction"],
            seed=settings["seed"],
            window_weeks=settings["window_weeks"],
            tolerance_weeks=settings["tolerance_weeks"],
        ),
        finished_at=document["finished_at"],
        seconds=document["seconds"],
        failed_images=document["extraction"]["failed"],
        images_computed=document["extraction"]["computed"],
        device=document["device"],
        patients_by_week={week["week"]: len(week["patients"]) for week in document["weeks"]},
        at_risk_by_week={week["week"]: week["at_risk"] for week in document["weeks"]},
    )


def matching_run(
    runs: Sequence[RunSummary],
    models: Sequence[Model],
    weeks: Sequence[float],
    settings: CindexSettings,
    *,
    study_id: str,
    encoder: str | None = None,
) -> RunSummary | None:
    """The newest run with the predictions these models need, None when no model needs any.

    Raises:
        NotInStoreError: no run matches; the message has the command that makes it.
    """
    wanted = {variant for model in models for variant in model.deep_variants}
    if not wanted:
        return None
    for run in runs:
        if (
            wanted <= set(run.variants)
            and set(weeks) <= set(run.weeks)
            and run.settings == settings
            and encoder in (None, run.encoder)
        ):
            return run
    raise NotInStoreError(
        f"no finished run holds {', '.join('dl:' + variant for variant in sorted(wanted))} for these weeks and splits. "
        f"Make it with: python -m raise_core {run_command(models, weeks, settings, study_id=study_id, encoder=encoder)}"
    )


def run_command(
    models: Sequence[Model],
    weeks: Sequence[float],
    settings: CindexSettings,
    *,
    study_id: str,
    encoder: str | None = None,
) -> str:
    """The command that makes the predictions these models need; settings at their default are left out."""
    default = CindexSettings()
    parts = ["run raise", f"--study {study_id}", f"--weeks {','.join(f'{week:g}' for week in sorted(set(weeks)))}"]
    parts += [f"--models {','.join(model.text for model in models if model.deep_variants)}"]
    parts += [f"--encoder {encoder}"] if encoder else []
    for option in ("endpoint", "splits", "train_fraction", "seed"):
        value = getattr(settings, option)
        parts += [f"--{option.replace('_', '-')} {value}"] if value != getattr(default, option) else []
    for option in ("window", "tolerance"):
        value = getattr(settings, f"{option}_weeks")
        parts += [f"--{option} {value:g}"] if value != getattr(default, f"{option}_weeks") else []
    return " ".join(parts)


def load_predictions(home: Home, run_id: str) -> DeepPredictions:
    """Network outputs of a run.

    Raises:
        NotInStoreError: the run, or a part of it, is gone or damaged; run it again, what is left is reused.
    """
    store = ArtifactStore(home)
    run = store.read(RUN_KIND, run_id)
    if run is None:
        raise NotInStoreError(f"run {run_id[:8]} is not in the store; make it again with: run raise")
    weeks: dict[float, WeekSplits] = {}
    risks = {}
    scan_weeks = {}
    for week in run.document["weeks"]:
        for variant, key in week["units"].items():
            unit = store.read(UNIT_KIND, key)
            if unit is None:
                raise NotInStoreError(
                    f"run {run_id[:8]} has lost its predictions of {variant} at week {week['week']:g}; "
                    f"make them again with: run raise --study {run.document['study_id']}"
                )
            weeks[week["week"]] = WeekSplits(tuple(week["patients"]), unit.arrays["train"].astype(np.bool_))
            risks[(week["week"], variant)] = unit.arrays["risk"].astype(np.float64)
            scan_weeks[(week["week"], variant)] = np.array(week["scan_weeks"][variant], dtype=np.float64)
    return DeepPredictions(run_id, run.document["settings"]["encoder"], weeks, risks, scan_weeks)
