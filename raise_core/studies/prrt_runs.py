"""Finished PRRT runs in the store: listing them, and reading what they predicted. No torch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.fusion_model import Head, parse_fusion_model
from raise_core.domain.out_of_fold import OutOfFold
from raise_core.domain.outcome import Outcome
from raise_core.store.artifact import Artifact, ArtifactStore
from raise_core.store.home import Home
from raise_core.studies.prrt_settings import PrrtSettings

_LOG = logging.getLogger(__name__)
RUN_KIND = "prrt-run"
FOLD_KIND = "prrt-fold"
"""Everything trained and predicted with one fold of one repeat left out, for one head."""
IMAGE_KIND = "petct-image"
"""PET and CT of one patient on the networks' grid."""


@dataclass(frozen=True)
class PrrtRunSummary:
    """One finished run.

    Attributes:
        run_id: artifact key.
        study_id: study it was made on.
        snapshot_id: data snapshot.
        settings: the plan.
        n_patients: patients its classifiers were trained and tested on.
        finished_at: UTC, ISO 8601.
        seconds: stage to seconds.
        computed: what was not kept from earlier runs: pairs of scans prepared (`images`), CT scans read by the
            pretrained network (`features`), sets of networks trained (`folds`).
        device: where it was computed.
        code_version: of the program.
    """

    run_id: str
    study_id: str
    snapshot_id: str
    settings: PrrtSettings
    n_patients: int
    finished_at: str
    seconds: dict[str, float]
    computed: dict[str, int]
    device: str
    code_version: str

    @property
    def total_seconds(self) -> float:
        """Time it took."""
        return sum(self.seconds.values())


@dataclass(frozen=True, eq=False)
class HeadPatients:
    """The patients whom the models with one head were trained and tested on, the same for all of them.

    Attributes:
        patient_ids: sorted.
        outcome: of these patients, from baseline.
        excluded: reason to number, of the study's other patients.
    """

    patient_ids: tuple[str, ...]
    outcome: Outcome
    excluded: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class PrrtRun:
    """What a finished run says.

    Attributes:
        summary: what it is.
        patients: of each head the run has models for.
        outputs: model text to its out-of-fold outputs.
        fold_keys: head to artifact keys of kind `FOLD_KIND`, by repeat and fold: `fold_keys[head][repeat][fold]`.
        images: patient to artifact key of the prepared PET and CT.
        labs: names of the laboratory tests used.
    """

    summary: PrrtRunSummary
    patients: Mapping[Head, HeadPatients]
    outputs: Mapping[str, OutOfFold]
    fold_keys: Mapping[Head, tuple[tuple[str, ...], ...]]
    images: Mapping[str, str]
    labs: tuple[str, ...]

    def output(self, model: str) -> OutOfFold:
        """The out-of-fold outputs of a model.

        Raises:
            NotInStoreError: the run has no such model.
        """
        found = self.outputs.get(parse_fusion_model(model).text)
        if found is None:
            raise NotInStoreError(
                f"run {self.summary.run_id[:8]} has no model {model!r}; it has {', '.join(self.outputs)}."
            )
        return found


CT_SHELF = "whole-ct-"
"""What stands before the form in the name of the shelf with the pretrained network's features."""

PREPARE_SECONDS, READ_SECONDS = "prepare PET and CT", "read CT"
LAB_SECONDS, TRAIN_SECONDS = "laboratory models", "train networks"


def all_prrt_runs(home: Home, *, study_id: str | None = None) -> tuple[PrrtRunSummary, ...]:
    """Finished runs (of one study, on any of its snapshots), newest first.

    A run whose settings this version of the program does not know is left out, which the log tells.
    """
    store = ArtifactStore(home)
    runs = []
    for artifact in (store.read(RUN_KIND, entry.key) for entry in store.entries(RUN_KIND)):
        if artifact is None:
            continue
        try:
            runs.append(_summary(artifact.key, artifact.document))
        except BadUsageError as error:
            _LOG.warning("run %s was written by another version of the program: %s", artifact.key[:8], error)
    own = [run for run in runs if study_id in (None, run.study_id)]
    return tuple(sorted(own, key=lambda run: (run.finished_at, run.run_id), reverse=True))


def list_prrt_runs(home: Home, snapshot_id: str) -> tuple[PrrtRunSummary, ...]:
    """Finished runs on a snapshot, newest first."""
    return tuple(run for run in all_prrt_runs(home) if run.snapshot_id == snapshot_id)


def newest_prrt_run(home: Home, study_id: str, snapshot_id: str) -> PrrtRunSummary:
    """The newest finished run on a snapshot.

    Raises:
        NotInStoreError: there is none; the message has the command that makes one.
    """
    runs = list_prrt_runs(home, snapshot_id)
    if not runs:
        raise NotInStoreError(
            f"study {study_id} has no finished PRRT run on its current data; make one with: "
            f"python -m raise_core run prrt --study {study_id}"
        )
    return runs[0]


def load_prrt_run(home: Home, run_id: str) -> PrrtRun:
    """Everything a finished run predicted.

    Raises:
        NotInStoreError: no such run, or a part of it was removed.
    """
    store = ArtifactStore(home)
    record = store.read(RUN_KIND, run_id)
    if record is None:
        raise NotInStoreError(f"there is no PRRT run {run_id[:8]}; list them with: python -m raise_core jobs list")
    document = record.document
    patients = {
        Head(name): HeadPatients(
            tuple(part["patient_ids"]),
            Outcome.of(time_weeks=part["time_weeks"], event=np.array(part["event"], dtype=np.bool_)),
            part["excluded"],
        )
        for name, part in document["patients"].items()
    }
    outputs = {}
    for text in document["settings"]["models"]:
        model = parse_fusion_model(text)
        outputs[text] = OutOfFold(
            model,
            patients[model.head].patient_ids,
            np.asarray(record.arrays[f"value.{_array_name(text)}"], dtype=np.float64),
            np.asarray(record.arrays[f"fold.{_array_name(text)}"], dtype=np.int8),
        )
    return PrrtRun(
        _summary(run_id, document),
        patients,
        outputs,
        {Head(name): tuple(tuple(keys) for keys in rows) for name, rows in document["fold_keys"].items()},
        document["images"],
        tuple(document["labs"]),
    )


def is_whole(store: ArtifactStore, run_id: str) -> bool:
    """Whether the record of a run and everything it builds on are there."""
    found = store.read(RUN_KIND, run_id)
    if found is None:
        return False
    document = found.document
    folds = (key for rows in document["fold_keys"].values() for keys in rows for key in keys)
    return all(store.has(FOLD_KIND, key) for key in folds) and all(
        store.has(IMAGE_KIND, key) for key in document["images"].values()
    )


def ct_shelf(settings: PrrtSettings) -> str:
    """Name of the shelf with the pretrained network's features: vectors of another form have another length."""
    return f"{CT_SHELF}{settings.ct_form}"


def parts_of(document: Mapping[str, Any]) -> frozenset[str]:
    """Keys of the artifacts that a run's record builds on: its networks and its prepared images."""
    folds = {key for rows in document["fold_keys"].values() for keys in rows for key in keys}
    return frozenset(folds | set(document["images"].values()))


def output_arrays(outputs: Mapping[str, OutOfFold]) -> dict[str, NDArray[Any]]:
    """The arrays of a run's record, as `load_prrt_run` reads them."""
    arrays: dict[str, NDArray[Any]] = {}
    for text, found in outputs.items():
        arrays[f"value.{_array_name(text)}"] = found.value
        arrays[f"fold.{_array_name(text)}"] = found.fold
    return arrays


def fold_artifact(home: Home, key: str) -> Artifact:
    """What was trained with one fold left out: network weights and features as arrays.

    Raises:
        NotInStoreError: it was removed.
    """
    found = ArtifactStore(home).read(FOLD_KIND, key)
    if found is None:
        raise NotInStoreError("a part of the PRRT run was removed; run it again to make it anew.")
    return found


def _array_name(text: str) -> str:
    return text.replace("+", "_").replace(":", ".")


def _summary(run_id: str, document: dict[str, Any]) -> PrrtRunSummary:
    patients = document["patients"]
    return PrrtRunSummary(
        run_id=run_id,
        study_id=document["study_id"],
        snapshot_id=document["snapshot_id"],
        settings=PrrtSettings.from_document(document["settings"]),
        n_patients=max(len(part["patient_ids"]) for part in patients.values()),
        finished_at=document["finished_at"],
        seconds=document["seconds"],
        computed=document["computed"],
        device=document["device"],
        code_version=document["code_version"],
    )
