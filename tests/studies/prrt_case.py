"""A small imported study with a finished PRRT run whose predictions are drawn from the outcome, with planted signal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from raise_core.domain.fusion_model import Head
from raise_core.domain.out_of_fold import OutOfFold
from raise_core.domain.outcome import Outcome
from raise_core.domain.progression_class import progression_class
from raise_core.ingest.importer import import_study
from raise_core.store.artifact import ArtifactStore, artifact_key
from raise_core.store.home import Home
from raise_core.studies.prrt_protocol import DEFAULT_MODELS
from raise_core.studies.prrt_runs import RUN_KIND, HeadPatients, PrrtRun, PrrtRunSummary, output_arrays
from raise_core.studies.prrt_settings import PrrtSettings

STUDY = "petct"
N, N_SHORT, N_CENSORED, N_WITHOUT_PET = 116, 42, 6, 4
SIGNALS = {
    "lab": 0.5, "pet": -0.1, "ct": 0.2, "pet+ct": 0.5, "pet+ct+lab": 0.8, "pet+ct-pretrained": 0.9,
    "pet+ct-pretrained+lab": 1.3, "cox:pet+ct-pretrained+lab": 1.2,
}  # fmt: skip
CENSORED, NO_PET = "censored before a year", "no PET"


def settings_of(models=(*DEFAULT_MODELS, "cox:pet+ct-pretrained+lab")) -> PrrtSettings:
    return PrrtSettings(models=tuple(models))


def tables(seed: int = 1) -> dict[str, pd.DataFrame]:
    """Patients, outcomes and labs: CgA is higher where progression comes early."""
    rng = np.random.default_rng(seed)
    total = N + N_CENSORED + N_WITHOUT_PET
    ids = [f"P{place:03d}" for place in rng.permutation(total)]
    time = np.r_[rng.uniform(6, 51, N_SHORT), rng.uniform(53, 190, N - N_SHORT), rng.uniform(8, 50, N_CENSORED)]
    time = np.round(np.r_[time, rng.uniform(20, 150, N_WITHOUT_PET)], 1)
    event = np.r_[np.ones(N), np.zeros(N_CENSORED), np.ones(N_WITHOUT_PET)].astype(int)
    patients = pd.DataFrame(
        {"patient_id": ids, "age_years": rng.integers(35, 85, total), "sex": rng.choice(["F", "M"], total)}
    )
    cga = np.round(np.exp(5 - 0.006 * time + rng.normal(0, 0.8, total)), 1)
    labs = pd.DataFrame({"patient_id": ids, "week": 0, "test": "CGA", "value": cga, "unit": "ug/L", "upper_limit": 100})
    outcomes = pd.DataFrame({"patient_id": ids, "endpoint": "PFS", "time_weeks": time, "event": event})
    return {"patients": patients, "outcomes": outcomes, "labs": labs}


def run_of(
    found: dict[str, pd.DataFrame], snapshot_id: str, *, settings: PrrtSettings | None = None, signals=SIGNALS, seed=2
) -> PrrtRun:
    """A run on these tables: the last patients have no PET, those censored early have no class."""
    settings = settings or settings_of()
    rng = np.random.default_rng(seed)
    rows = found["outcomes"].iloc[: N + N_CENSORED].sort_values("patient_id")
    outcome = Outcome.of(time_weeks=rows["time_weeks"].to_numpy(float), event=rows["event"].to_numpy(int))
    classes = progression_class(outcome, horizon_weeks=settings.horizon_weeks)
    ids = np.array(rows["patient_id"], dtype=object)
    patients, outputs = {}, {}
    own = rng.normal(size=len(ids))
    for head in dict.fromkeys(model.head for model in settings.parsed_models):
        kept = classes.known if head is Head.CLASS else np.ones(len(ids), dtype=bool)
        excluded = {NO_PET: N_WITHOUT_PET} | ({CENSORED: int((~kept).sum())} if head is Head.CLASS else {})
        patients[head] = HeadPatients(tuple(ids[kept]), outcome.take(kept), excluded)
        folds = _folds(rng, classes.long[kept], settings)
        for model in settings.models_with(head):
            fold = folds[: settings.repeats_of(model)]
            noise = 0.6 * own[kept] + 0.8 * rng.normal(size=int(kept.sum())) + 0.2 * rng.normal(size=fold.shape)
            logit = 0.4 + signals.get(model.text, 0.0) * (classes.long[kept] - 0.5) + noise
            value = -logit if head is Head.COX else 1 / (1 + np.exp(-logit))
            outputs[model.text] = OutOfFold(model, patients[head].patient_ids, value, fold)
    summary = PrrtRunSummary(
        run_id=artifact_key(RUN_KIND, {"snapshot": snapshot_id, "settings": settings.to_document(), "seed": seed}),
        study_id=STUDY,
        snapshot_id=snapshot_id,
        settings=settings,
        n_patients=max(len(part.patient_ids) for part in patients.values()),
        finished_at="2026-01-01T12:00:00+00:00",
        seconds={"train": 1.0},
        computed={"folds": 0},
        device="cpu",
        code_version="0",
    )
    ordered = {text: outputs[text] for text in settings.models}
    return PrrtRun(summary, patients, ordered, dict.fromkeys(patients, ()), {}, ("CGA",))


def _folds(rng, long, settings):
    repeats = max(settings.lab_repeats, settings.network_repeats)
    folds = np.empty((repeats, len(long)), dtype=np.int8)
    for repeat in range(repeats):
        for level in (False, True):
            members = rng.permutation(np.flatnonzero(long == level))
            folds[repeat, members] = np.arange(len(members)) % settings.folds
    return folds


def store_run(home: Home, run: PrrtRun) -> None:
    """Write a run's record as a finished run leaves it."""
    document = {
        "study_id": run.summary.study_id,
        "snapshot_id": run.summary.snapshot_id,
        "settings": run.summary.settings.to_document(),
        "patients": {
            head.value: {
                "patient_ids": list(part.patient_ids),
                "time_weeks": part.outcome.time_weeks.tolist(),
                "event": part.outcome.event.astype(int).tolist(),
                "excluded": dict(part.excluded),
            }
            for head, part in run.patients.items()
        },
        "fold_keys": {head.value: [list(row) for row in rows] for head, rows in run.fold_keys.items()},
        "images": dict(run.images),
        "labs": list(run.labs),
        "finished_at": run.summary.finished_at,
        "seconds": dict(run.summary.seconds),
        "computed": dict(run.summary.computed),
        "device": run.summary.device,
        "code_version": run.summary.code_version,
    }
    ArtifactStore(home).write(RUN_KIND, run.summary.run_id, arrays=output_arrays(run.outputs), document=document)


def make_home(path: Path, *, with_run: bool = True) -> Home:
    """A home with the study and, if wanted, its run."""
    home, source = Home.at(path / "home"), path / "source"
    source.mkdir(parents=True)
    found = tables()
    for name, table in found.items():
        table.to_csv(source / f"{name}.csv", index=False)
    imported = import_study(home, source, STUDY, fmt="tables")
    if with_run:
        store_run(home, run_of(found, imported.snapshot_id))
    return home
