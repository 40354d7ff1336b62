"""What is kept on the disk, in plain words; what may be cleared and what that costs; how much earlier runs saved."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from raise_core.domain.errors import BusyError
from raise_core.domain.job import JobState
from raise_core.figures.identity import encoder_name
from raise_core.jobs.log import FOLDER as LOGS
from raise_core.jobs.log import MOST_LOGS
from raise_core.store import ledger
from raise_core.store.artifact import ArtifactStore, Housekeeping
from raise_core.store.home import Home
from raise_core.store.lock import at_work
from raise_core.studies import prrt_runs
from raise_core.studies.runs import RUN_KIND, UNIT_KIND

FEATURES = "features-"
_PLACES = {RUN_KIND: 0, UNIT_KIND: 1, prrt_runs.RUN_KIND: 2, prrt_runs.FOLD_KIND: 3, prrt_runs.IMAGE_KIND: 4}
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Kept:
    """One sort of thing in a home.

    Attributes:
        code: short name.
        name: what people call it.
        purpose: what it is for, and what clearing it would cost.
        items: how many.
        size_bytes: on the disk.
        can_be_cleared: derived things can; data cannot, and logs go by themselves.
        is_data: nothing else holds it.
        newest: seconds since 1970 when the newest was made, None without any.
    """

    code: str
    name: str
    purpose: str
    items: int
    size_bytes: int
    can_be_cleared: bool
    newest: float | None
    is_data: bool = False


def kept(home: Home) -> tuple[Kept, ...]:
    """Everything a home holds: data first, then what can be made again."""
    rows = [
        _files(home.images, "images", "Scans and masks", "The imported images themselves; nothing else holds them."),
        _files(home.studies, "studies", "Study tables", "Every imported version of each study; each figure names its."),
    ]
    entries: dict[str, list[tuple[int, float]]] = {}
    for entry in ArtifactStore(home).entries():
        entries.setdefault(entry.kind, []).append((entry.size_bytes, entry.made_at))
    for kind, found in sorted(entries.items(), key=lambda item: _PLACES.get(item[0], len(_PLACES))):
        name, purpose = _named(kind)
        sizes, moments = zip(*found, strict=True)
        rows.append(Kept(kind, name, purpose, len(found), sum(sizes), can_be_cleared=True, newest=max(moments)))
    if (home.path / LOGS).is_dir():
        purpose = f"What jobs wrote while they ran. Those of the last {MOST_LOGS} jobs are kept, older ones go."
        rows.append(_files(home.path / LOGS, LOGS, "Logs", purpose, is_data=False))
    return tuple(rows)


def clear(
    home: Home, *, kinds: Collection[str], older_than_days: float, spare_runs: bool, dry_run: bool
) -> Housekeeping:
    """Remove derived things of some kinds, or say what would be removed.

    Args:
        home: where they are.
        kinds: codes of `kept`.
        older_than_days: only what was made longer ago.
        spare_runs: keep finished runs and the networks they consist of.
        dry_run: remove nothing.

    Raises:
        BusyError: work is under way that may need them.
    """
    if not dry_run:
        refuse_while_working(home)
    store = ArtifactStore(home)
    keep = _used_by_runs(store) if spare_runs else frozenset()
    found = [
        store.prune(kind=kind, older_than_days=older_than_days, keep=keep, dry_run=dry_run) for kind in sorted(kinds)
    ]
    return Housekeeping(
        sum(part.checked for part in found),
        tuple(entry for part in found for entry in part.removed),
        sum(part.freed_bytes for part in found),
    )


def refuse_while_working(home: Home) -> None:
    """Refuse to clear what running work may be about to read.

    Raises:
        BusyError: a job runs, or a run started in a terminal.
    """
    for job in ledger.jobs(home, only_open=True):
        if job.state in (JobState.RUNNING, JobState.CANCELLING):
            raise BusyError(
                f"job {job.job_id} is running and needs what is kept; wait for its end, or stop it with: "
                f"jobs cancel {job.job_id}"
            )
    for pid in at_work(home):
        raise BusyError(
            f"a run started in a terminal (process {pid}) needs what is kept; wait for its end, or stop it with Ctrl-C."
        )


def _used_by_runs(store: ArtifactStore) -> frozenset[str]:
    keys: set[str] = set()
    for entry in store.entries(RUN_KIND):
        run = store.read(RUN_KIND, entry.key)
        if run is not None:
            keys.add(entry.key)
            keys |= {key for week in run.document["weeks"] for key in week["units"].values()}
    for entry in store.entries(prrt_runs.RUN_KIND):
        run = store.read(prrt_runs.RUN_KIND, entry.key)
        if run is not None:
            keys |= {entry.key, *prrt_runs.parts_of(run.document)}
    return frozenset(keys)


def _named(kind: str) -> tuple[str, str]:
    if kind.startswith(FEATURES):
        if kind.startswith(FEATURES + prrt_runs.CT_SHELF):
            return "Features of whole CT scans", "Let the next PRRT run skip reading them with the pretrained network."
        encoder = kind.removeprefix(FEATURES)
        return (
            f"Image features, {encoder_name(encoder)}",
            "Let the next run skip the pictures it has in common with earlier ones; results on the pages need none.",
        )
    return {
        UNIT_KIND: ("Network outputs", "What deep learning says of each patient; the pages read them."),
        RUN_KIND: ("Finished runs", "The record of each run: settings, patients, times. The pages list them."),
        prrt_runs.RUN_KIND: ("Finished PRRT runs", "What each model said of each patient; the pages read it."),
        prrt_runs.FOLD_KIND: ("Networks of PRRT runs", "Their weights and features, for saliency and the map."),
        prrt_runs.IMAGE_KIND: (
            "Prepared PET and CT",
            "Let the next run skip preparing them; saliency is drawn on them.",
        ),
        "lab-importance": ("Importance of laboratory values", "What shuffling each costs; the lab page reads it."),
        "prrt-attention": ("What the PRRT networks looked at", "Shares and checks of each model; the page reads them."),
        "prrt-attention-map": ("Saliency of PET and CT", "One patient's maps each; the page draws them."),
        "prrt-map": (
            "Maps of fused features",
            "UMAP and principal components of the PRRT models; their page reads them.",
        ),
        "raise-attention": ("What the RAISE networks looked at", "Shares and components; the page reads them."),
        "raise-attention-part": ("Saliency of lesion pictures", "Some lesions' maps each; the page draws them."),
        "demo-cohort": ("Receipts of simulated cohorts", "Let the demonstration not be simulated twice."),
    }.get(kind, (kind.replace("-", " ").capitalize(), "Made again when it is needed."))


def _files(folder: Path, code: str, name: str, purpose: str, *, is_data: bool = True) -> Kept:
    stats = [file.stat() for file in folder.rglob("*") if file.is_file()]
    newest = max((stat.st_mtime for stat in stats), default=None)
    size = sum(stat.st_size for stat in stats)
    return Kept(code, name, purpose, len(stats), size, can_be_cleared=False, newest=newest, is_data=is_data)
