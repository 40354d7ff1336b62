"""One patient's course as a value: visits, lesions, sums with their RECIST reading, laboratory values, end.

Times are weeks from randomisation, diameters mm.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from raise_core.domain.outcome import FloatArray
from raise_core.domain.recist import RecistVersion, Response


@dataclass(frozen=True)
class Visit:
    """What was done at one visit.

    Attributes:
        week: its first day.
        done: what, such as 'CT portal', 'laboratory values'.
    """

    week: float
    done: tuple[str, ...]


@dataclass(frozen=True)
class ScanDate:
    """One scan.

    Attributes:
        week: date.
        kind: modality and phase in words, 'CT portal'.
        phase: contrast phase, None where it has none.
        annotated: a lesion mask belongs to it.
    """

    week: float
    kind: str
    phase: str | None
    annotated: bool


@dataclass(frozen=True, eq=False)
class LesionCourse:
    """One lesion over time.

    Attributes:
        lesion_id: name within the patient.
        organ: where it is, None when not said.
        target: a baseline target, or meant as one.
        new: first seen after the baseline.
        weeks: shape (k,).
        diameter_mm: shape (k,); 0 where it has vanished, NaN where it could not be evaluated.
    """

    lesion_id: str
    organ: str | None
    target: bool
    new: bool
    weeks: FloatArray = field(repr=False)
    diameter_mm: FloatArray = field(repr=False)


@dataclass(frozen=True)
class SizeVisit:
    """The sum of the target lesions at one visit.

    Attributes:
        week: date.
        sld_mm: sum of longest diameters, None when a baseline target was not measured.
        sldr: the sum over the baseline sum, None before and at baseline and where either is missing.
        nadir_mm: smallest sum from baseline to the visit before; None up to baseline.
        progression_mm: sum from which on the visit counts as progression, None up to baseline.
        new_lesions: lesions unknown at baseline that are seen here.
        response: RECIST response, None up to baseline or where it cannot be read.
    """

    week: float
    sld_mm: float | None
    sldr: float | None
    nadir_mm: float | None
    progression_mm: float | None
    new_lesions: tuple[str, ...]
    response: Response | None


@dataclass(frozen=True, eq=False)
class LabCourse:
    """One laboratory test over time.

    Attributes:
        test: name in upper case.
        unit: as in the data, empty when not said.
        weeks: shape (k,).
        value: shape (k,).
        lower_limit: shape (k,), limits of normal; NaN where not said.
        upper_limit: shape (k,).
        other_unit_values: values left out because they carry another unit.
    """

    test: str
    unit: str
    weeks: FloatArray = field(repr=False)
    value: FloatArray = field(repr=False)
    lower_limit: FloatArray = field(repr=False)
    upper_limit: FloatArray = field(repr=False)
    other_unit_values: int = 0


@dataclass(frozen=True)
class OutcomeAt:
    """How one endpoint ended.

    Attributes:
        endpoint: PFS, OS, PROGRESSION, DEATH, …
        week: event or censoring.
        event: the event was seen.
    """

    endpoint: str
    week: float
    event: bool


@dataclass(frozen=True, eq=False)
class PatientCourse:
    """Everything the tables say of one patient.

    Attributes:
        patient_id: who.
        characteristics: patient column to value, missing ones left out; without `patient_id` and `arm`.
        arm: treatment arm, None in a study without.
        outcomes: endpoint to how it ended.
        visits: in order of date.
        scans: in order of date.
        lesions: targets first.
        sizes: visits at which target lesions were recorded or a new lesion was seen.
        baseline_week: visit the sums are compared with, None when there is none.
        baseline_mm: sum at baseline.
        recist: edition read.
        labs: test to course.
    """

    patient_id: str
    characteristics: dict[str, object]
    arm: str | None
    outcomes: dict[str, OutcomeAt]
    visits: tuple[Visit, ...]
    scans: tuple[ScanDate, ...]
    lesions: tuple[LesionCourse, ...]
    sizes: tuple[SizeVisit, ...]
    baseline_week: float | None
    baseline_mm: float | None
    recist: RecistVersion
    labs: dict[str, LabCourse]

    @property
    def new_lesions(self) -> tuple[LesionCourse, ...]:
        """Lesions first seen after the baseline."""
        return tuple(lesion for lesion in self.lesions if lesion.new)

    @property
    def last_week(self) -> float:
        """The last date known of the patient, 0 when there is none."""
        dates = [visit.week for visit in self.visits] + [outcome.week for outcome in self.outcomes.values()]
        return max(dates, default=0.0)

    @property
    def first_week(self) -> float:
        """The first date known, at most 0."""
        return min([0.0, *(visit.week for visit in self.visits)])
