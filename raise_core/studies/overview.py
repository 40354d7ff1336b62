"""What a study holds: counts from the store, patients at risk, characteristics, markers."""

from __future__ import annotations

from dataclasses import dataclass

from raise_core.domain.cohort import Study
from raise_core.domain.marker_name import DEEP_VARIANTS, parse_marker
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.overview import (
    AtRiskCount,
    Characteristic,
    MarkerCompleteness,
    at_risk_counts,
    characteristics,
    completeness,
)
from raise_core.store.home import Home
from raise_core.store.summary import ArmCount, EndpointCount, LabCount, LesionCount, MaskCount, ScanCount, summarise
from raise_core.studies.opening import open_study
from raise_core.studies.runs import RunSummary, list_runs

__all__ = ["Characteristic", "CohortOverview", "MarkerOverview", "cohort_overview", "marker_overview"]


@dataclass(frozen=True)
class CohortOverview:
    """Who is in a study and what is known of them.

    Attributes:
        study: description and snapshot.
        patients: number of patients.
        arms: patients by arm.
        endpoints: patients, events and follow-up by endpoint and arm.
        visit_weeks: weeks after baseline around which patients were commonly seen.
        at_risk: endpoint to counts after each visit week, by arm.
        characteristics: baseline characteristics by arm.
        labs: laboratory tests.
        lesions: lesion measurements.
        scans: scans by modality and phase.
        masks: masks by kind.
        import_warnings: warnings kept from the import.
    """

    study: Study
    patients: int
    arms: tuple[ArmCount, ...]
    endpoints: tuple[EndpointCount, ...]
    visit_weeks: tuple[int, ...]
    at_risk: dict[str, tuple[AtRiskCount, ...]]
    characteristics: tuple[Characteristic, ...]
    labs: tuple[LabCount, ...]
    lesions: LesionCount
    scans: tuple[ScanCount, ...]
    masks: tuple[MaskCount, ...]
    import_warnings: int


@dataclass(frozen=True)
class MarkerLine:
    """One marker that can be used, and where it is known.

    Attributes:
        marker: as it stands in a model.
        label: in words.
        kind: characteristic, size, lab or dl.
        weeks: patients at risk with a value, by week; a baseline characteristic has week 0 only.
    """

    marker: str
    label: str
    kind: str
    weeks: tuple[MarkerCompleteness, ...]


@dataclass(frozen=True)
class MarkerOverview:
    """Every marker of a study; `endpoint` says who counts as at risk (None: all patients)."""

    study_id: str
    endpoint: str | None
    markers: tuple[MarkerLine, ...]


def cohort_overview(home: Home, study_id: str, snapshot_id: str | None = None) -> CohortOverview:
    """Counts and characteristics of a snapshot, the study's current one if none is named.

    Raises:
        NotInStoreError: no such study.
    """
    counted = summarise(home, study_id, snapshot_id)
    source = open_study(home, study_id, counted.study.snapshot_id)
    weeks = (0, *source.visit_weeks)
    names = sorted({row.endpoint for row in counted.endpoints})
    return CohortOverview(
        study=counted.study,
        patients=counted.patients,
        arms=counted.arms,
        endpoints=counted.endpoints,
        visit_weeks=source.visit_weeks,
        at_risk={name: at_risk_counts(source, weeks, endpoint=name) for name in names},
        characteristics=characteristics(source),
        labs=counted.labs,
        lesions=counted.lesions,
        scans=counted.scans,
        masks=counted.masks,
        import_warnings=counted.import_warnings,
    )


def marker_overview(home: Home, study_id: str) -> MarkerOverview:
    """Every marker of a study with its weeks and completeness, deep-learning ones from finished runs included.

    Raises:
        NotInStoreError: no such study.
    """
    source = open_study(home, study_id)
    endpoint = main_endpoint(source)
    found = completeness(source, (0, *source.visit_weeks), endpoint=endpoint)
    lines = [MarkerLine(name, parse_marker(name).label, parse_marker(name).kind.value, found[name]) for name in found]
    runs = list_runs(home, source.cohort.study.snapshot_id)
    lines += _deep_lines(runs)
    return MarkerOverview(study_id, endpoint, tuple(lines))


def _deep_lines(runs: tuple[RunSummary, ...]) -> list[MarkerLine]:
    lines = []
    for variant in DEEP_VARIANTS:
        run = next((run for run in runs if variant in run.variants), None)
        if run is not None:
            marker = parse_marker(f"dl:{variant}")
            weeks = tuple(
                MarkerCompleteness(week, run.patients_by_week[week], run.at_risk_by_week[week]) for week in run.weeks
            )
            lines.append(MarkerLine(marker.text, marker.label, marker.kind.value, weeks))
    return lines


def main_endpoint(source: MarkerSource) -> str | None:
    """PFS where there is one, else the endpoint of most patients, None without outcomes."""
    counts = source.cohort.outcomes["endpoint"].value_counts()
    if counts.empty:
        return None
    return "PFS" if "PFS" in counts.index else str(counts.index[0])
