"""What is in a study, counted where the data lie: arms, endpoints, visits, laboratory tests, scans, masks."""

from __future__ import annotations

from dataclasses import dataclass

from raise_core.domain.cohort import Study
from raise_core.store.home import Home
from raise_core.store.queries import load_study
from raise_core.store.snapshot import open_snapshot

_ARMS = "SELECT arm, count(*) FROM patient GROUP BY arm ORDER BY arm NULLS LAST"

# Median follow-up by the reverse Kaplan-Meier estimate (Schemper & Smith 1996): censoring is what is waited for, and an
# event ends the waiting. Where the curve runs exactly at one half, the middle of that stretch, as R's survfit does.
_ENDPOINTS = """
    WITH chosen AS (
        SELECT outcome.endpoint, patient.arm, outcome.time_weeks, outcome.event
        FROM outcome JOIN patient USING (patient_id)
        UNION ALL
        SELECT endpoint, '*', time_weeks, event FROM outcome
    ),
    at_time AS (
        SELECT endpoint, arm, time_weeks, count(*) FILTER (NOT event) AS censored, count(*) AS leaving
        FROM chosen GROUP BY ALL
    ),
    at_risk AS (
        SELECT *, sum(leaving) OVER (PARTITION BY endpoint, arm ORDER BY time_weeks DESC) AS waiting FROM at_time
    ),
    curve AS (
        SELECT endpoint, arm, time_weeks,
               product(1 - censored / waiting) OVER (PARTITION BY endpoint, arm ORDER BY time_weeks) AS share
        FROM at_risk
    ),
    middle AS (
        SELECT endpoint, arm, min(time_weeks) AS reached,
               min(time_weeks) FILTER (share < 0.5 - 1e-9) AS passed,
               arg_min(share, time_weeks) AS share_there
        FROM curve WHERE share <= 0.5 + 1e-9 GROUP BY ALL
    ),
    counts AS (
        SELECT endpoint, arm, count(*) AS n, count(*) FILTER (event) AS events, max(time_weeks) AS longest
        FROM chosen GROUP BY ALL
    )
    SELECT counts.endpoint, counts.arm, n, events,
           CASE WHEN abs(share_there - 0.5) <= 1e-9 AND passed IS NOT NULL THEN (reached + passed) / 2 ELSE reached END,
           longest
    FROM counts LEFT JOIN middle ON counts.endpoint = middle.endpoint AND counts.arm IS NOT DISTINCT FROM middle.arm
    ORDER BY counts.endpoint, counts.arm = '*' DESC, counts.arm NULLS LAST
"""

_LABS = """
    SELECT test, any_value(unit), count(*), count(DISTINCT patient_id), min(week), max(week),
           count(*) FILTER (upper_limit IS NOT NULL)
    FROM lab GROUP BY test ORDER BY test
"""

_LESIONS = """
    SELECT count(DISTINCT patient_id), count(DISTINCT (patient_id, lesion_id)), count(DISTINCT (patient_id, week)),
           min(week), max(week)
    FROM lesion
"""

_SCANS = """
    SELECT modality, phase, count(*), count(DISTINCT patient_id), min(week), max(week)
    FROM scan GROUP BY modality, phase ORDER BY modality NULLS LAST, phase NULLS LAST
"""

_MASKS = "SELECT kind, count(*), count(DISTINCT scan_id) FROM mask GROUP BY kind ORDER BY kind"

ALL_ARMS = "*"


@dataclass(frozen=True)
class ArmCount:
    """Patients of one arm; `arm` is None for patients without one."""

    arm: str | None
    patients: int


@dataclass(frozen=True)
class EndpointCount:
    """One endpoint in one arm, or in all (`arm` is '*').

    Attributes:
        endpoint: PFS, OS, …
        arm: arm, '*' for all patients, None for patients without an arm.
        patients: patients with this outcome.
        events: events among them.
        median_follow_up_weeks: reverse Kaplan-Meier median; None when half were never censored.
        longest_weeks: longest time.
    """

    endpoint: str
    arm: str | None
    patients: int
    events: int
    median_follow_up_weeks: float | None
    longest_weeks: float


@dataclass(frozen=True)
class LabCount:
    """Values of one laboratory test."""

    test: str
    unit: str | None
    values: int
    patients: int
    first_week: float
    last_week: float
    with_upper_limit: int


@dataclass(frozen=True)
class LesionCount:
    """Lesion measurements of the study; weeks are None without any."""

    patients: int
    lesions: int
    visits: int
    first_week: float | None
    last_week: float | None


@dataclass(frozen=True)
class ScanCount:
    """Scans of one modality and phase (None where not stated)."""

    modality: str | None
    phase: str | None
    scans: int
    patients: int
    first_week: float
    last_week: float


@dataclass(frozen=True)
class MaskCount:
    """Masks of one kind."""

    kind: str
    masks: int
    scans: int


@dataclass(frozen=True)
class CohortSummary:
    """What one snapshot holds."""

    study: Study
    patients: int
    arms: tuple[ArmCount, ...]
    endpoints: tuple[EndpointCount, ...]
    labs: tuple[LabCount, ...]
    lesions: LesionCount
    scans: tuple[ScanCount, ...]
    masks: tuple[MaskCount, ...]
    import_warnings: int


def summarise(home: Home, study_id: str, snapshot_id: str | None = None) -> CohortSummary:
    """Count what a snapshot (the current one if none is named) holds.

    Raises:
        NotInStoreError: no such study or snapshot.
    """
    study = load_study(home, study_id, snapshot_id)
    with open_snapshot(home, study_id, study.snapshot_id) as connection:

        def rows(sql: str) -> list[tuple[object, ...]]:
            return connection.execute(sql).fetchall()

        arms = tuple(ArmCount(*row) for row in rows(_ARMS))  # type: ignore[arg-type]
        return CohortSummary(
            study=study,
            patients=sum(arm.patients for arm in arms),
            arms=arms,
            endpoints=tuple(EndpointCount(*row) for row in rows(_ENDPOINTS)),  # type: ignore[arg-type]
            labs=tuple(LabCount(*row) for row in rows(_LABS)),  # type: ignore[arg-type]
            lesions=LesionCount(*rows(_LESIONS)[0]),  # type: ignore[arg-type]
            scans=tuple(ScanCount(*row) for row in rows(_SCANS)),  # type: ignore[arg-type]
            masks=tuple(MaskCount(*row) for row in rows(_MASKS)),  # type: ignore[arg-type]
            import_warnings=int(str(rows("SELECT count(*) FROM import_issue")[0][0])),
        )
