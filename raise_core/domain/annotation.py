"""Which lesions of a cohort were annotated on CT: the pictures there can be, and who has any."""

from __future__ import annotations

import pandas as pd

from raise_core.domain.cohort import Cohort

CT, LESION_MASK = "CT", "lesion"


def annotated_lesions(cohort: Cohort) -> pd.DataFrame:
    """Lesion masks of CT scans joined with their scan, one row a lesion.

    Lesions that the lesions table calls non-target are left out; of several masks of one lesion on a scan the first
    by file counts.

    Returns:
        Columns of the masks and scans tables; those that both have carry the suffix `_mask` or `_scan`. Sorted by
        scan and mask file.
    """
    masks = cohort.masks[cohort.masks["kind"] == LESION_MASK]
    scans = cohort.scans[cohort.scans["modality"] == CT]
    lesions = masks.merge(scans, on="scan_id", suffixes=("_mask", "_scan"))
    other = cohort.lesions.loc[~cohort.lesions["target"].astype(bool), ["patient_id", "lesion_id"]]
    not_target = pd.MultiIndex.from_frame(lesions[["patient_id", "lesion_id"]]).isin(pd.MultiIndex.from_frame(other))
    lesions = lesions[~not_target].sort_values(["scan_id", "file_mask"], kind="stable")
    again = lesions["lesion_id"].notna() & lesions.duplicated(["scan_id", "lesion_id"])
    return lesions[~again]
