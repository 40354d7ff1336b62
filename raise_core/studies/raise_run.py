"""`run raise`: pictures → features → cross-fitted networks; each step is kept, so a second run is instant."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from raise_core import __version__
from raise_core.domain.device import DevicePlan, plan_for
from raise_core.domain.errors import BusyError
from raise_core.domain.progress import Progress, silent
from raise_core.features.extraction import ExtractionReport, extract
from raise_core.features.registry import encoder_named
from raise_core.store.artifact import ArtifactStore
from raise_core.store.feature_shelf import FeatureShelf
from raise_core.store.home import Home
from raise_core.store.lock import under_way
from raise_core.studies import raise_plan
from raise_core.studies.deep_units import DeepUnit, compute_units, deep_unit
from raise_core.studies.opening import open_study
from raise_core.studies.raise_images import slice_plan
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.runs import RUN_KIND, UNIT_KIND, RunSummary, list_runs
from raise_core.studies.unit_plan import UnitPlan

MOST_FAILURES_LISTED = 500
TRAINING_STAGE = "Training networks"


def run_raise(
    home: Home,
    study_id: str,
    settings: RaiseSettings,
    *,
    snapshot_id: str | None = None,
    device: str = "auto",
    weights_file: Path | None = None,
    progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None,
) -> RunSummary:
    """Extract, train and cross-fit whatever of the plan is not in the store yet, and record the run.

    Args:
        home: where everything is kept.
        study_id: study to run on.
        settings: the plan.
        snapshot_id: data snapshot; the study's current one if none is named.
        device: 'auto', 'cpu' or 'cuda'.
        weights_file: encoder weights to use instead of looking for them.
        progress: told the stage and how far it is.
        should_stop: asked between units of work.

    Raises:
        NotInStoreError: no such study, no annotated scans, or nobody imaged at a week.
        BadInputError: too few patients with images at a week, or encoder weights missing.
        BusyError: asked to stop, a worker died, or somebody removed a part meanwhile; what was finished is kept.
    """
    source = open_study(home, study_id, snapshot_id)
    snapshot_id = source.cohort.study.snapshot_id
    encoder = encoder_named(settings.encoder, weights_file=weights_file)
    raise_plan.require_markers(source, settings)
    plan = slice_plan(source.cohort, input_px=settings.input_px or encoder.default_input_px)
    store = ArtifactStore(home)
    inputs = raise_plan.run_inputs(source, settings, plan=plan, weights_sha256=encoder.weights_sha256)
    run_id = raise_plan.run_key(inputs)
    if raise_plan.is_whole(store, run_id):
        return _summary_of(home, snapshot_id, run_id)
    with under_way(home):  # nobody clears what this run is about to read
        if store.has(RUN_KIND, run_id):
            store.remove(RUN_KIND, run_id)  # it has lost a part

        device_plan = plan_for(device)
        began = time.monotonic()
        requests, weeks = raise_plan.wanted_pictures(source, settings)
        extraction = extract(
            requests,
            plan=plan,
            encoder=encoder,
            device_plan=device_plan,
            shelf=FeatureShelf(store, settings.encoder),
            progress=progress,
            should_stop=should_stop,
        )
        extracted = time.monotonic()
        usable = ~np.isnan(extraction.vectors[:, 0])
        units = [
            unit
            for week in weeks
            for unit in raise_plan.planned_units(settings, week, keys=extraction.keys, usable=usable)
        ]
        missing = _missing(store, units)
        ready = [deep_unit(unit, extraction.vectors, settings) for unit in missing]
        _train(store, ready, device_plan=device_plan, progress=progress, should_stop=should_stop)
        seconds = {"extract features": extracted - began, "train networks": time.monotonic() - extracted}
        record = {
            **inputs,
            "variants": list(settings.variants),
            "weeks": [_week_record(week, units) for week in weeks],
            "extraction": _extraction_record(extraction),
            "networks": {"needed": len({unit.key for unit in units}), "computed": len(missing)},
            "seconds": {stage: round(value, 2) for stage, value in seconds.items()},
            "device": device_plan.device,
            "code_version": __version__,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        store.write(RUN_KIND, run_id, document=record)
        if not raise_plan.is_whole(store, run_id):
            raise BusyError("parts of the run were removed while it was made. Run again to make them anew.")
    return _summary_of(home, snapshot_id, run_id)


def _summary_of(home: Home, snapshot_id: str, run_id: str) -> RunSummary:
    return next(run for run in list_runs(home, snapshot_id) if run.run_id == run_id)


def _missing(store: ArtifactStore, units: Sequence[UnitPlan]) -> list[UnitPlan]:
    """Each unit once, of those whose networks are not kept."""
    return list({unit.key: unit for unit in units if not store.has(UNIT_KIND, unit.key)}.values())


def _train(
    store: ArtifactStore,
    units: Sequence[DeepUnit],
    *,
    device_plan: DevicePlan,
    progress: Progress,
    should_stop: Callable[[], bool] | None,
) -> None:
    progress(TRAINING_STAGE, 0, len(units))
    for done, (unit, result) in enumerate(compute_units(units, device_plan=device_plan), start=1):
        store.write(
            UNIT_KIND,
            unit.plan.key,
            arrays={"risk": result.risk, "train": unit.work.train.astype(np.uint8)},
            document={"patients": list(unit.plan.patients), "failures": dict(result.failures)},
        )
        progress(TRAINING_STAGE, done, len(units))
        if should_stop is not None and done < len(units) and should_stop():
            raise BusyError(
                f"stopped after {done} of {len(units)} sets of networks; they are kept. Run again to go on."
            )


def _week_record(week: raise_plan.WeekPictures, units: Sequence[UnitPlan]) -> dict[str, Any]:
    own = [unit for unit in units if unit.week == week.at_risk.week.week]
    return {
        "week": own[0].week,
        "at_risk": week.at_risk.n,
        "imaged": {variant: len({p.patient_id for p, _ in found}) for variant, found in week.rows.items()},
        "patients": list(own[0].patients),
        "events": own[0].events,
        "units": {unit.variant: unit.key for unit in own},
        "scan_weeks": {
            variant: [scanned[patient] for patient in own[0].patients]
            for variant, scanned in (
                (variant, {p.patient_id: p.scan_week for p, _ in found}) for variant, found in week.rows.items()
            )
        },
    }


def _extraction_record(extraction: ExtractionReport) -> dict[str, Any]:
    reasons = Counter(failure.reason for failure in extraction.failures)
    return {
        "requested": len(extraction.keys),
        "computed": extraction.computed,
        "reused": extraction.reused,
        "duplicates": extraction.duplicates,
        "failed": len(extraction.failures),
        "failed_by_reason": dict(reasons),
        "failures": [
            {
                "scan": failure.request.scan_sha256[:12],
                "variant": failure.request.variant.value,
                "reason": failure.reason,
            }
            for failure in extraction.failures[:MOST_FAILURES_LISTED]
        ],
        "images_per_second": extraction.images_per_second,
    }
