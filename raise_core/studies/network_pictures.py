"""Exactly what the image network was given of a lesion: the run's own code, plan and files, before normalisation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.cohort import Cohort
from raise_core.domain.errors import BadInputError, NotInStoreError
from raise_core.domain.week import LandmarkWeek
from raise_core.features.registry import DEFAULT_ENCODER, ENCODERS
from raise_core.imaging.plan import SliceImagePlan, Variant
from raise_core.imaging.slices import network_image
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.studies.patient_scans import PatientScan
from raise_core.studies.raise_images import LesionPicture, lesion_pictures, slice_plan
from raise_core.studies.runs import RUN_KIND
from raise_core.studies.scan_viewing import OpenScan

PHASES = ("portal", "arterial")
_ONE_DAY_WEEKS = 1e-6  # a window so narrow that only the scan's own date falls into it


@dataclass(frozen=True)
class PicturePlan:
    """How pictures are made, and for which run.

    Attributes:
        plan: settings of the pictures.
        encoder: network they are made for.
        run_id: run whose settings these are; None where there is no run and the defaults apply.
        uses: (patient, variant, scan week, landmark week) of every picture series that trained or was scored.
    """

    plan: SliceImagePlan
    encoder: str
    run_id: str | None
    uses: frozenset[tuple[str, str, float, float]]


@dataclass(frozen=True, eq=False)
class NetworkPicture:
    """One picture.

    Attributes:
        variant: what it shows.
        pixels: (input_px, input_px), 0..1; None where there is none.
        reason: why there is none.
        side_mm: side of the square it shows.
        weeks: landmark weeks at which the run used it.
    """

    variant: Variant
    pixels: NDArray[np.float32] | None
    reason: str | None
    side_mm: float
    weeks: tuple[float, ...]


def picture_plan(home: Home, cohort: Cohort, run_id: str | None) -> PicturePlan:
    """The plan of a run, or the default encoder's where there is none.

    Raises:
        NotInStoreError: the run is gone, or no CT scan has an annotated lesion.
    """
    if run_id is None:
        kind = ENCODERS[DEFAULT_ENCODER]
        return PicturePlan(slice_plan(cohort, input_px=kind.default_input_px), kind.name, None, frozenset())
    artifact = ArtifactStore(home).read(RUN_KIND, run_id)
    if artifact is None:
        raise NotInStoreError(f"run {run_id[:8]} is no longer in the store; start it again.")
    record = artifact.document
    uses = frozenset(
        (patient, variant, float(scan_week), float(week["week"]))
        for week in record["weeks"]
        for variant, scan_weeks in week["scan_weeks"].items()
        for patient, scan_week in zip(week["patients"], scan_weeks, strict=True)
    )
    return PicturePlan(SliceImagePlan.from_dict(record["plan"]), record["settings"]["encoder"], run_id, uses)


def network_pictures(
    cohort: Cohort, opened: OpenScan, lesion: str, picture_plan: PicturePlan
) -> tuple[NetworkPicture, ...]:
    """Lesion, binary mask and whole liver of one lesion, each a picture or the reason why there is none."""
    return tuple(_picture(cohort, opened, lesion, picture_plan, variant) for variant in Variant)


def _picture(cohort: Cohort, opened: OpenScan, lesion: str, settings: PicturePlan, variant: Variant) -> NetworkPicture:
    plan, scan = settings.plan, opened.scan
    side_mm = plan.crop_pixels(variant) * plan.pixel_spacing_mm
    name = f"{variant.value}-{scan.contrast}"
    weeks = tuple(
        sorted(
            week
            for patient, used, scan_week, week in settings.uses
            if (patient, used, scan_week) == (scan.patient_id, name, scan.week)
        )
    )
    wanted = _requested(cohort, scan, lesion, name)
    if isinstance(wanted, str):
        return NetworkPicture(variant, None, wanted, side_mm, ())
    request = wanted.request
    if variant is Variant.LIVER and request.liver_mask_file is None:
        return NetworkPicture(variant, None, "The liver is not outlined on this scan.", side_mm, ())
    masks = opened.masks_as_read
    if request.lesion_mask_file not in masks:
        return NetworkPicture(variant, None, "The lesion's outline cannot be read.", side_mm, ())
    try:
        pixels = network_image(
            request.variant,
            plan=plan,
            scan=opened.volume,
            lesion=masks[request.lesion_mask_file],
            label=request.lesion_label,
            liver=masks.get(request.liver_mask_file) if request.liver_mask_file else None,
            liver_label=request.liver_label,
            slice_index=request.slice_index,
        )
    except BadInputError as error:
        return NetworkPicture(variant, None, _sentence(str(error)), side_mm, weeks)
    return NetworkPicture(variant, pixels, None, side_mm, weeks)


def _requested(cohort: Cohort, scan: PatientScan, lesion: str, name: str) -> LesionPicture | str:
    """The request a run would make for this lesion on this scan, or why it would make none."""
    if scan.modality != "CT" or scan.contrast not in PHASES:
        return "The network is given portal and arterial CT scans only."
    day = LandmarkWeek(scan.week, window_weeks=_ONE_DAY_WEEKS, tolerance_weeks=0.0)
    found = lesion_pictures(_of_patient(cohort, scan.patient_id), day, name, [scan.patient_id])
    same_scan = [picture for picture in found if picture.request.scan_file == scan.file]
    if found and not same_scan:
        return "Another scan of the same day and phase is given to the network."
    return next(
        (picture for picture in same_scan if picture.lesion_id == lesion),
        "The network is given target lesions with an outline on CT; this is not one.",
    )


def _of_patient(cohort: Cohort, patient_id: str) -> Cohort:
    """The same tables with one patient's rows: what is chosen for a patient depends on nobody else."""
    scans = cohort.scans[cohort.scans["patient_id"] == patient_id]
    masks = cohort.masks[cohort.masks["scan_id"].isin(scans["scan_id"])]
    lesions = cohort.lesions[cohort.lesions["patient_id"] == patient_id]
    return replace(cohort, scans=scans, masks=masks, lesions=lesions)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
