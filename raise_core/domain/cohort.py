"""A study as one read-only value: its description and its tables, as they left the store."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from raise_core.domain.cohort_filter import EVERYBODY, CohortFilter


@dataclass(frozen=True)
class Study:
    """What a study is called and how it may be presented.

    Attributes:
        study_id: short name used in addresses and on the command line.
        snapshot_id: hexadecimal id of the immutable snapshot the tables come from.
        title: name for people.
        simulated: True when the patients are not real; every page and export must then say so.
        reference_arm: arm that hazard ratios are read against, None for a single-arm study.
        published_at: UTC time of publication, ISO 8601.
        after_baseline: patient columns that only the course of treatment shows; they describe, and predict nothing.
    """

    study_id: str
    snapshot_id: str
    title: str
    simulated: bool
    reference_arm: str | None
    published_at: str
    after_baseline: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Cohort:
    """All tables of one snapshot. Times are weeks from randomisation, diameters mm, ages years.

    Attributes:
        study: description.
        patients: one row a patient: `patient_id`, then baseline characteristics.
        outcomes: `patient_id`, `endpoint`, `time_weeks` (float), `event` (bool).
        labs: `patient_id`, `week`, `test`, `value`, `unit`, `lower_limit`, `upper_limit`.
        lesions: `patient_id`, `week`, `lesion_id`, `diameter_mm`, `organ`, `target` (bool),
            `status` ('measured', 'absent' or 'not evaluable').
        scans: `scan_id`, `patient_id`, `week`, `modality`, `phase`, `manufacturer`, `kernel`,
            `spacing_x_mm`, `spacing_y_mm`, `spacing_z_mm`, `size_x`, `size_y`, `size_z`,
            `content_sha256`, `file` (absolute path of the stored image).
        masks: `scan_id`, `kind` ('lesion' or 'liver'), `lesion_id`, `slice_index`, `label` (value in the mask file
            that belongs to the lesion, missing for any above zero), `content_sha256`, `file`.
        chosen: filter by which these patients were chosen from the study's.
        n_study: patients of the study before the filter; None when these are all of them.
    """

    study: Study
    patients: pd.DataFrame
    outcomes: pd.DataFrame
    labs: pd.DataFrame
    lesions: pd.DataFrame
    scans: pd.DataFrame
    masks: pd.DataFrame
    chosen: CohortFilter = EVERYBODY
    n_study: int | None = None

    @property
    def n_patients(self) -> int:
        """Number of patients here, whatever is known of them."""
        return len(self.patients)
