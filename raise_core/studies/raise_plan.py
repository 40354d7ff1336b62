"""What a RAISE run is made of before anything is computed: its name, its pictures, its units of networks. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import NotInStoreError
from raise_core.evaluation.landmark import LandmarkSet, build_landmark_set
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.features.plan import ImageRequest
from raise_core.imaging.plan import SliceImagePlan
from raise_core.store.artifact import ArtifactStore, artifact_key
from raise_core.studies.raise_images import LesionPicture, LesionPictures
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.runs import RUN_KIND, UNIT_KIND
from raise_core.studies.unit_plan import DEEP_RISK_VERSION, UnitPlan, plan_unit


@dataclass(frozen=True, eq=False)
class WeekPictures:
    """Who is at risk at a week, and each variant's pictures with their place in the list of requests."""

    at_risk: LandmarkSet
    rows: dict[str, tuple[tuple[LesionPicture, int], ...]]


def require_markers(source: MarkerSource, settings: RaiseSettings) -> None:
    """Refuse models whose table markers the study does not have, before hours of work.

    Raises:
        NotInStoreError: a marker is not there.
    """
    for model in settings.parsed_models:
        for marker in model.markers:
            source.require_predictor(marker)


def run_inputs(
    source: MarkerSource, settings: RaiseSettings, *, plan: SliceImagePlan, weights_sha256: str
) -> dict[str, Any]:
    """Everything that determines a run's result, as JSON can hold it."""
    study = source.cohort.study
    return {
        "study_id": study.study_id,
        "snapshot_id": study.snapshot_id,
        "settings": settings.to_document(),
        "plan": plan.to_dict(),
        "weights_sha256": weights_sha256,
        "deep_risk_version": DEEP_RISK_VERSION,
    }


def run_key(inputs: dict[str, Any]) -> str:
    """Artifact key of the run with these inputs."""
    return artifact_key(RUN_KIND, inputs)


def is_whole(store: ArtifactStore, run_id: str) -> bool:
    """Whether the record of a run and all its networks are there."""
    found = store.read(RUN_KIND, run_id)
    if found is None:
        return False
    return all(store.has(UNIT_KIND, key) for week in found.document["weeks"] for key in week["units"].values())


def wanted_pictures(source: MarkerSource, settings: RaiseSettings) -> tuple[list[ImageRequest], list[WeekPictures]]:
    """Every picture a run asks for, week by week; the same picture may be asked for more than once.

    Raises:
        NotInStoreError: nobody at risk at a week has an annotated scan for a variant.
    """
    requests: list[ImageRequest] = []
    weeks = []
    pictures = LesionPictures(source.cohort)
    for number in settings.weeks:
        week = settings.landmark(number)
        at_risk = build_landmark_set(source, (), week, endpoint=settings.endpoint)
        rows: dict[str, tuple[tuple[LesionPicture, int], ...]] = {}
        for variant in settings.variants:
            found = pictures.at(week, variant, at_risk.patient_ids)
            if not found:
                raise NotInStoreError(
                    f"nobody at risk has an annotated scan for dl:{variant} at week {number:g}; leave the week out "
                    "with --weeks or the variant with --models."
                )
            rows[variant] = tuple((picture, len(requests) + place) for place, picture in enumerate(found))
            requests.extend(picture.request for picture in found)
        weeks.append(WeekPictures(at_risk, rows))
    return requests, weeks


def planned_units(
    settings: RaiseSettings, week: WeekPictures, *, keys: Sequence[str], usable: NDArray[np.bool_]
) -> list[UnitPlan]:
    """The units of one week: the same patients and splits for every variant, those with a usable picture of each.

    Args:
        settings: of the run.
        week: the week's pictures.
        keys: feature key of every request of the run.
        usable: shape (n_requests,), whether the picture has a feature vector.

    Raises:
        BadInputError: too few patients with images.
    """
    rows = {variant: [(p.patient_id, row) for p, row in found if usable[row]] for variant, found in week.rows.items()}
    complete = frozenset.intersection(*(frozenset(patient for patient, _ in found) for found in rows.values()))
    patients = sorted(complete)
    place = {patient: position for position, patient in enumerate(patients)}
    kept = [position for position, patient in enumerate(week.at_risk.patient_ids) if patient in complete]
    outcome = week.at_risk.outcome.take(kept)
    units = []
    for variant, found in rows.items():
        used = [(place[patient], row) for patient, row in found if patient in place]
        units.append(
            plan_unit(
                week=week.at_risk.week.week,
                variant=variant,
                patients=patients,
                outcome=outcome,
                rows=[row for _, row in used],
                feature_keys=[keys[row] for _, row in used],
                patient_of_row=np.array([position for position, _ in used], dtype=np.int64),
                settings=settings,
            )
        )
    return units
