"""`run raise`: pictures → features → cross-fitted networks; each step is kept, so a second run is instant."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from raise_core import __version__
from raise_core.domain.device import DevicePlan, plan_for
from raise_core.domain.errors import BusyError, NotInStoreError
from raise_core.domain.progress import Progress, silent
from raise_core.evaluation.landmark import LandmarkSet, build_landmark_set
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.features.extraction import ExtractionReport, extract
from raise_core.features.plan import ImageRequest
from raise_core.features.registry import encoder_named
from raise_core.store.artifact import ArtifactStore, artifact_key
from raise_core.store.feature_shelf import FeatureShelf
from raise_core.store.home import Home
from raise_core.studies.deep_units import DEEP_RISK_VERSION, DeepUnit, compute_units, deep_unit
from raise_core.studies.opening import open_study
from raise_core.studies.raise_images import LesionPicture, lesion_pictures, slice_plan
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.runs import RUN_KIND, UNIT_KIND, RunSummary, list_runs

MOST_FAILURES_LISTED = 500


@dataclass(frozen=True, eq=False)
class _WeekPictures:
    """Who is at risk at a week, and each variant's pictures with their place in the list of requests."""

    at_risk: LandmarkSet
    rows: dict[str, tuple[tuple[LesionPicture, int], ...]]


def run_raise(
    home: Home,
    study_id: str,
    settings: RaiseSettings,
    *,
    device: str = "auto",
    weights_file: Path | None = None,
    progress: Progress = silent,
    should_stop: Callable[[], bool] | None = None,
) -> RunSummary:
    """Extract, train and cross-fit whatever of the plan is not in the store yet, and record the run.

    Args:
        home: where everything is kept.
        study_id: study to run on, its current snapshot.
        settings: the plan.
        device: 'auto', 'cpu' or 'cuda'.
        weights_file: encoder weights to use instead of looking for them.
        progress: told the stage and how far it is.
        should_stop: asked between units of work.

    Raises:
        NotInStoreError: no such study, no annotated scans, or nobody imaged at a week.
        BadInputError: too few patients with images at a week, or encoder weights missing.
        BusyError: asked to stop, or a worker died; what was finished is kept.
    """
    source = open_study(home, study_id)
    snapshot_id = source.cohort.study.snapshot_id
    encoder = encoder_named(settings.encoder, weights_file=weights_file)
    _require_markers(source, settings)
    plan = slice_plan(source.cohort, input_px=settings.input_px or encoder.default_input_px)
    store = ArtifactStore(home)
    inputs = {
        "study_id": study_id,
        "snapshot_id": snapshot_id,
        "settings": settings.to_document(),
        "plan": plan.to_dict(),
        "weights_sha256": encoder.weights_sha256,
        "deep_risk_version": DEEP_RISK_VERSION,
    }
    run_id = artifact_key(RUN_KIND, inputs)
    if _is_whole(store, run_id):
        return _summary_of(home, snapshot_id, run_id)

    device_plan = plan_for(device)
    began = time.monotonic()
    requests, weeks = _pictures(source, settings)
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
    units = [unit for week in weeks for unit in _units(settings, week, extraction)]
    _train(store, units, device_plan=device_plan, progress=progress, should_stop=should_stop)
    seconds = {"extract features": extracted - began, "train networks": time.monotonic() - extracted}
    record = {
        **inputs,
        "variants": list(settings.variants),
        "weeks": [_week_record(week, units) for week in weeks],
        "extraction": _extraction_record(extraction),
        "seconds": {stage: round(value, 2) for stage, value in seconds.items()},
        "device": device_plan.device,
        "code_version": __version__,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    store.write(RUN_KIND, run_id, document=record)
    return _summary_of(home, snapshot_id, run_id)


def _require_markers(source: MarkerSource, settings: RaiseSettings) -> None:
    """Refuse models whose table markers the study does not have, before hours of work."""
    for model in settings.parsed_models:
        for marker in model.markers:
            source.require(marker)


def _summary_of(home: Home, snapshot_id: str, run_id: str) -> RunSummary:
    return next(run for run in list_runs(home, snapshot_id) if run.run_id == run_id)


def _is_whole(store: ArtifactStore, run_id: str) -> bool:
    """Whether the run and all its parts are there; the record of a run that has lost a part is removed."""
    found = store.read(RUN_KIND, run_id)
    if found is None:
        return False
    if all(store.has(UNIT_KIND, key) for week in found.document["weeks"] for key in week["units"].values()):
        return True
    store.remove(RUN_KIND, run_id)
    return False


def _pictures(source: MarkerSource, settings: RaiseSettings) -> tuple[list[ImageRequest], list[_WeekPictures]]:
    requests: list[ImageRequest] = []
    weeks = []
    for number in settings.weeks:
        week = settings.landmark(number)
        at_risk = build_landmark_set(source, (), week, endpoint=settings.endpoint)
        rows: dict[str, tuple[tuple[LesionPicture, int], ...]] = {}
        for variant in settings.variants:
            found = lesion_pictures(source.cohort, week, variant, at_risk.patient_ids)
            if not found:
                raise NotInStoreError(
                    f"nobody at risk has an annotated scan for dl:{variant} at week {number:g}; leave the week out "
                    "with --weeks or the variant with --models."
                )
            rows[variant] = tuple((picture, len(requests) + place) for place, picture in enumerate(found))
            requests.extend(picture.request for picture in found)
        weeks.append(_WeekPictures(at_risk, rows))
    return requests, weeks


def _units(settings: RaiseSettings, week: _WeekPictures, extraction: ExtractionReport) -> list[DeepUnit]:
    """The units of one week: the same patients and splits for every variant, those with a usable picture of each."""
    usable = ~np.isnan(extraction.vectors[:, 0])
    rows = {variant: [(p.patient_id, row) for p, row in found if usable[row]] for variant, found in week.rows.items()}
    complete = frozenset.intersection(*(frozenset(patient for patient, _ in found) for found in rows.values()))
    patients = sorted(complete)
    place = {patient: position for position, patient in enumerate(patients)}
    kept = [position for position, patient in enumerate(week.at_risk.patient_ids) if patient in complete]
    units = []
    for variant, found in rows.items():
        used = [(place[patient], row) for patient, row in found if patient in place]
        units.append(
            deep_unit(
                week=week.at_risk.week.week,
                variant=variant,
                patients=patients,
                outcome=week.at_risk.outcome.take(kept),
                features=extraction.vectors[[row for _, row in used]],
                feature_keys=[extraction.keys[row] for _, row in used],
                patient_of_row=np.array([position for position, _ in used], dtype=np.int64),
                settings=settings,
            )
        )
    return units


def _train(
    store: ArtifactStore,
    units: Sequence[DeepUnit],
    *,
    device_plan: DevicePlan,
    progress: Progress,
    should_stop: Callable[[], bool] | None,
) -> None:
    missing = list({unit.key: unit for unit in units if not store.has(UNIT_KIND, unit.key)}.values())
    progress("Training networks", 0, len(missing))
    for done, (unit, result) in enumerate(compute_units(missing, device_plan=device_plan), start=1):
        store.write(
            UNIT_KIND,
            unit.key,
            arrays={"risk": result.risk, "train": unit.work.train.astype(np.uint8)},
            document={"patients": list(unit.patients), "failures": dict(result.failures)},
        )
        progress("Training networks", done, len(missing))
        if should_stop is not None and done < len(missing) and should_stop():
            raise BusyError(
                f"stopped after {done} of {len(missing)} sets of networks; they are kept. Run again to go on."
            )


def _week_record(week: _WeekPictures, units: Sequence[DeepUnit]) -> dict[str, Any]:
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
