"""Which pictures a RAISE run needs: for each week, phase and patient the latest annotated scan and its lesions."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from raise_core.domain.annotation import annotated_lesions
from raise_core.domain.cohort import Cohort
from raise_core.domain.errors import NotInStoreError
from raise_core.domain.week import LandmarkWeek
from raise_core.features.plan import ImageRequest
from raise_core.imaging.plan import SliceImagePlan, Variant

Record = Mapping[Hashable, Any]


@dataclass(frozen=True)
class LesionPicture:
    """One row of a patient's features at a week.

    Attributes:
        patient_id: whose lesion.
        lesion_id: which lesion.
        scan_week: date of the scan it was annotated on.
        request: the picture to extract.
    """

    patient_id: str
    lesion_id: str
    scan_week: float
    request: ImageRequest


def split_variant(name: str) -> tuple[Variant, str]:
    """`lesion-portal` to what is shown and the contrast phase."""
    region, phase = name.split("-", maxsplit=1)
    return Variant(region), phase


def slice_plan(cohort: Cohort, *, input_px: int) -> SliceImagePlan:
    """How pictures of this cohort are made: at the lowest in-plane pixel spacing of its annotated CT scans.

    Raises:
        NotInStoreError: no CT scan has a lesion mask.
    """
    scans = annotated_lesions(cohort)
    if scans.empty:
        raise NotInStoreError(
            f"study {cohort.study.study_id} has no CT scan with an annotated lesion; import scans.csv and masks.csv."
        )
    lowest = float(scans[["spacing_x_mm", "spacing_y_mm"]].to_numpy(dtype=float).min())
    return SliceImagePlan(pixel_spacing_mm=lowest, input_px=input_px)


def lesion_pictures(
    cohort: Cohort, week: LandmarkWeek, variant: str, patients: Collection[str]
) -> tuple[LesionPicture, ...]:
    """Every annotated lesion on the latest scan of the variant's phase dated in the week's window.

    Of several scans on one day the last by scan id counts. Ordered by patient and lesion.

    Args:
        cohort: the study.
        week: landmark rule.
        variant: for example `lesion-portal`.
        patients: whom to look at (those at risk).
    """
    return LesionPictures(cohort).at(week, variant, patients)


class LesionPictures:
    """The pictures of one cohort; what every week and variant needs is looked up once."""

    def __init__(self, cohort: Cohort) -> None:
        self._lesions = annotated_lesions(cohort)  # by scan id, as `latest` needs it
        livers = cohort.masks[cohort.masks["kind"] == "liver"].drop_duplicates("scan_id")
        self._livers: dict[str, Record] = {str(mask["scan_id"]): mask for mask in livers.to_dict("records")}

    def at(self, week: LandmarkWeek, variant: str, patients: Collection[str]) -> tuple[LesionPicture, ...]:
        """As `lesion_pictures`."""
        shown, phase = split_variant(variant)
        lesions = self._lesions[(self._lesions["phase"] == phase) & self._lesions["patient_id"].isin(patients)]
        chosen = week.latest(lesions, value="scan_id")["value"]
        rows = lesions[lesions["scan_id"].isin(chosen)].sort_values(["patient_id", "lesion_id"], kind="stable")
        records: Sequence[Record] = rows.to_dict("records")
        return tuple(
            LesionPicture(
                patient_id=str(row["patient_id"]),
                lesion_id=str(row["lesion_id"]),
                scan_week=float(row["week"]),
                request=_request(row, self._livers, shown),
            )
            for row in records
        )


def _request(row: Record, livers: Mapping[str, Record], shown: Variant) -> ImageRequest:
    liver = livers.get(str(row["scan_id"]))
    return ImageRequest(
        scan_file=Path(str(row["file_scan"])),
        scan_sha256=str(row["content_sha256_scan"]),
        lesion_mask_file=Path(str(row["file_mask"])),
        lesion_mask_sha256=str(row["content_sha256_mask"]),
        variant=shown,
        lesion_label=_whole(row["label"]),
        liver_mask_file=None if liver is None else Path(str(liver["file"])),
        liver_mask_sha256=None if liver is None else str(liver["content_sha256"]),
        liver_label=None if liver is None else _whole(liver["label"]),
        slice_index=_whole(row["slice_index"]),
    )


def _whole(value: object) -> int | None:
    return None if value is None or value is pd.NA or value != value else int(str(value).removesuffix(".0"))  # noqa: PLR0124
