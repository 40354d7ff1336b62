"""Everything a finished run says of itself: settings, data, code, time, what was reused and what failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.studies.raise_settings import RaiseSettings
from raise_core.studies.runs import RUN_KIND

FEATURE_SECONDS, NETWORK_SECONDS = "extract features", "train networks"


@dataclass(frozen=True)
class RunRecord:
    """One finished run.

    Attributes:
        run_id: artifact key.
        study_id: study it was made on.
        snapshot_id: data snapshot.
        settings: the plan.
        variants: image variants.
        input_px: side of the pictures.
        patients_by_week: patients with predictions at each week.
        at_risk_by_week: patients at risk at each week, imaged or not.
        events_by_week: events after each week among those with predictions.
        pictures: different pictures it needed.
        pictures_computed: of these, computed by it.
        pictures_reused: of these, kept from earlier.
        pictures_failed: of these, not usable.
        failures_by_reason: reason to number.
        failures: (scan, image variant, reason) of the failed, the first few hundred.
        networks: sets of networks it needed; None in records that do not say.
        networks_computed: of these, trained by it; None likewise.
        seconds: stage to seconds.
        device: cpu or cuda.
        code_version: of the program.
        finished_at: UTC, ISO 8601.
    """

    run_id: str
    study_id: str
    snapshot_id: str
    settings: RaiseSettings
    variants: tuple[str, ...]
    input_px: int
    patients_by_week: dict[float, int]
    at_risk_by_week: dict[float, int]
    events_by_week: dict[float, int]
    pictures: int
    pictures_computed: int
    pictures_reused: int
    pictures_failed: int
    failures_by_reason: dict[str, int]
    failures: tuple[tuple[str, str, str], ...]
    networks: int | None
    networks_computed: int | None
    seconds: dict[str, float]
    device: str
    code_version: str
    finished_at: str

    @property
    def total_seconds(self) -> float:
        """Time it took."""
        return sum(self.seconds.values())


def run_records(home: Home, *, study_id: str | None = None) -> tuple[RunRecord, ...]:
    """Finished runs (of one study, on any of its snapshots), newest first."""
    store = ArtifactStore(home)
    found = [store.read(RUN_KIND, entry.key) for entry in store.entries(RUN_KIND)]
    records = [_record(artifact.key, artifact.document) for artifact in found if artifact is not None]
    records = [record for record in records if study_id in (None, record.study_id)]
    return tuple(sorted(records, key=lambda record: (record.finished_at, record.run_id), reverse=True))


def _record(run_id: str, document: dict[str, Any]) -> RunRecord:
    extraction, networks, weeks = document["extraction"], document.get("networks", {}), document["weeks"]
    return RunRecord(
        run_id=run_id,
        study_id=document["study_id"],
        snapshot_id=document["snapshot_id"],
        settings=RaiseSettings.from_document(document["settings"]),
        variants=tuple(document["variants"]),
        input_px=document["plan"]["input_px"],
        patients_by_week={week["week"]: len(week["patients"]) for week in weeks},
        at_risk_by_week={week["week"]: week["at_risk"] for week in weeks},
        events_by_week={week["week"]: week["events"] for week in weeks},
        pictures=extraction["requested"] - extraction["duplicates"],
        pictures_computed=extraction["computed"],
        pictures_reused=extraction["reused"],
        pictures_failed=extraction["failed"],
        failures_by_reason=extraction["failed_by_reason"],
        failures=tuple((row["scan"], row["variant"], row["reason"]) for row in extraction["failures"]),
        networks=networks.get("needed"),
        networks_computed=networks.get("computed"),
        seconds=document["seconds"],
        device=document["device"],
        code_version=document["code_version"],
        finished_at=document["finished_at"],
    )
