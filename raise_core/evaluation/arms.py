"""The arms of a cohort, in the order in which they are listed, and counting by them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from raise_core.evaluation.marker_values import MarkerSource

ARM_NOT_RECORDED = "Arm not recorded"
EVERYBODY = "All patients"


@dataclass(frozen=True, eq=False)
class Arms:
    """Groups that divide a cohort: each patient is in exactly one.

    Attributes:
        names: arms under study in alphabetical order, then the reference arm, then those without an arm; one group
            of everybody in a study without arms.
        of_patient: index `patient_id`, the name of each patient's arm.
        reference: the arm others are read against, None where there is none among `names`.
    """

    names: tuple[str, ...]
    of_patient: pd.Series[str]
    reference: str | None

    @property
    def compared(self) -> tuple[str, ...]:
        """The arms that can be set against each other; those of unknown arm are not among them."""
        return tuple(name for name in self.names if name != ARM_NOT_RECORDED)

    def count(self, members: pd.Series[bool]) -> tuple[int, ...]:
        """Number of members in each arm, in the order of `names`."""
        found = self.of_patient[members.reindex(self.of_patient.index, fill_value=False)].value_counts()
        return tuple(int(found.get(name, 0)) for name in self.names)

    def members(self, name: str) -> pd.Series[bool]:
        """Who is in an arm; index `patient_id`."""
        return self.of_patient == name


def arms_of(source: MarkerSource) -> Arms:
    """The arms of a cohort."""
    patients = source.cohort.patients
    if "arm" not in patients.columns or patients["arm"].isna().all():
        return Arms((EVERYBODY,), pd.Series(EVERYBODY, index=source.patient_ids, dtype=object), None)
    arm = patients.set_index("patient_id")["arm"].astype(object)
    reference = source.cohort.study.reference_arm
    known = sorted({str(name) for name in arm.dropna()}, key=lambda name: (name == reference, name))
    names = [*known, ARM_NOT_RECORDED] if arm.isna().any() else known
    of_patient = arm.where(arm.notna(), ARM_NOT_RECORDED).astype(str)
    return Arms(tuple(names), of_patient, reference if reference in known else None)
