"""How a cohort's tumours responded, as results: every visit read, every patient's best, and rates by arm.

Times are weeks from randomisation, diameters and sums mm, changes % of the baseline sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from raise_core.domain.marker_results import NumberDistribution
from raise_core.domain.recist import CONFIRMATION_WEEKS, MINIMUM_STABLE_WEEKS, RecistVersion, Response

OBJECTIVE = (Response.COMPLETE, Response.PARTIAL)
"""Responses that count as objective response."""

CONTROLLED = (*OBJECTIVE, Response.STABLE)
"""Responses that count as disease control."""


@dataclass(frozen=True)
class ResponseSettings:
    """How responses are read.

    Attributes:
        version: edition of the criteria.
        confirm: a best response of CR or PR must be confirmed.
        confirmation_weeks: least interval of the confirming visit.
        minimum_stable_weeks: least time from baseline at which stable disease counts.
    """

    version: RecistVersion = RecistVersion.V1_0
    confirm: bool = False
    confirmation_weeks: float = CONFIRMATION_WEEKS
    minimum_stable_weeks: float = MINIMUM_STABLE_WEEKS


@dataclass(frozen=True)
class ExactShare:
    """A share of patients with its exact 95 % interval (Clopper & Pearson 1934); limits are None for nobody."""

    patients: int
    of: int
    ci_low: float | None
    ci_high: float | None

    @property
    def share(self) -> float | None:
        """The share itself, None for nobody."""
        return self.patients / self.of if self.of else None


@dataclass(frozen=True)
class ArmResponse:
    """Best overall responses of one arm.

    Attributes:
        arm: name.
        n: patients whose response can be read: with a positive sum at baseline, seen again or not.
        counts: patients by best response; those never seen again are not evaluable.
        objective: CR or PR among `n`.
        control: CR, PR or SD among `n`.
    """

    arm: str
    n: int
    counts: dict[Response, int]
    objective: ExactShare
    control: ExactShare


@dataclass(frozen=True, eq=False)
class CohortResponse:
    """Responses of a cohort.

    Attributes:
        settings: how they were read.
        visits: one row a patient and visit with a sum or a new lesion, sorted: `patient_id`, `arm`, `week`,
            `since_baseline_weeks`, `sld_mm`, `sldr`, `change_percent` (the sums missing where a baseline target was
            not measured), `nadir_mm`, `progression_mm`, `new_lesions` (tuple of names), `response` ('CR' … 'NE', None
            up to baseline or where nothing can be read).
        patients: one row a patient: `patient_id`, `arm`, `baseline_week`, `baseline_mm` (missing where there is none),
            `visits` (follow-up visits read), `best` (response, None without a baseline), `best_change_percent`,
            `best_change_week` (smallest sum up to progression), `response_week` (first CR or PR of those whose best is
            one), `response_end_week` (progression, else the last visit), `progression_week` (first PD read),
            `new_lesion` (progression came with one).
        arms: best responses by arm, in the order of the cohort's.
        other_lesions: patients with lesions besides targets at baseline, whose course is read too.
        small_nodes: patients with a target lymph node below 15 mm at baseline, which 1.1 would not have chosen.
    """

    settings: ResponseSettings
    visits: pd.DataFrame
    patients: pd.DataFrame
    arms: tuple[ArmResponse, ...]
    other_lesions: int
    small_nodes: int

    @property
    def n(self) -> int:
        """Patients whose response can be read."""
        return sum(arm.n for arm in self.arms)

    @property
    def without_baseline(self) -> int:
        """Patients without a positive sum at baseline."""
        return int(self.patients["best"].isna().sum())

    @property
    def never_seen_again(self) -> int:
        """Patients with a baseline but no visit after it."""
        return int((self.patients["best"].notna() & (self.patients["visits"] == 0)).sum())

    def counts(self) -> dict[Response, int]:
        """Patients by best response over all arms."""
        return {response: sum(arm.counts[response] for arm in self.arms) for response in Response}


@dataclass(frozen=True)
class VisitResponses:
    """Responses of one arm at one nominal week: of patients with a reading dated around it."""

    arm: str
    week: float
    counts: dict[Response, int]

    @property
    def n(self) -> int:
        """Patients read at that week."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Lane:
    """One patient's time on study.

    Attributes:
        patient_id: who.
        arm: arm.
        best: best overall response, None where it cannot be read.
        end_week: event or censoring of the endpoint, else the last visit.
        event: the endpoint was reached; None without outcomes.
        response: first and last week of the response, None without one.
        progression_week: first visit read as progression.
        death_week: death, None when not seen.
        known_alive_week: last date known alive where that lies after `end_week`, else None.
    """

    patient_id: str
    arm: str
    best: Response | None
    end_week: float
    event: bool | None
    response: tuple[float, float] | None
    progression_week: float | None
    death_week: float | None
    known_alive_week: float | None


@dataclass(frozen=True)
class MedianChange:
    """Median of paired differences with its distribution-free 95 % interval (order statistics of the sign test)."""

    n: int
    median: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, eq=False)
class GrowthChange:
    """Tumour growth rate before and during treatment.

    Attributes:
        before: growth rate from the visit before baseline to baseline, by arm; None where nobody has one.
        during: growth rate from baseline to a week, by arm; None where nobody has one.
        week: that week.
        paired: arm to the change (during minus before) of the patients with both.
    """

    before: NumberDistribution | None
    during: NumberDistribution | None
    week: float
    paired: dict[str, MedianChange]
