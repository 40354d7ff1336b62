"""Finished runs and ended jobs as tables for reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from raise_core.domain.cohort import Study
from raise_core.domain.job import Job
from raise_core.domain.marker_name import DEEP_VARIANTS
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import durations, job_words, numbers
from raise_core.figures.identity import encoder_name, endpoint_name
from raise_core.figures.table_export import safe_text
from raise_core.jobs.kinds import description_of, label_of
from raise_core.studies.prrt_runs import PrrtRunSummary
from raise_core.studies.run_record import FEATURE_SECONDS, NETWORK_SECONDS, RunRecord

ID_LETTERS = 8
_PLACES = {"cpu": "processor", "cuda": "graphics card"}


def runs_table(records: Sequence[RunRecord], *, snapshot_id: str, unit: TimeUnit) -> pd.DataFrame:
    """One row a run, newest first."""
    return pd.DataFrame(
        [
            {
                "Run": record.run_id[:ID_LETTERS],
                "Finished (UTC)": durations.moment(record.finished_at),
                "Took": durations.duration(record.total_seconds),
                "Splits": record.settings.splits,
                "Encoder": encoder_name(record.settings.encoder),
                "Image variants": len(record.variants),
                "Pictures": record.pictures,
                "Reused": record.pictures_reused,
                "Unusable": record.pictures_failed,
                "On": _PLACES.get(record.device, record.device),
                "Data": "this snapshot" if record.snapshot_id == snapshot_id else record.snapshot_id[:ID_LETTERS],
                "Code": record.code_version,
                f"Patients by visit ({unit.value}: patients)": _by_visit(record.patients_by_week, unit),
            }
            for record in records
        ]
    )


def runs_download(records: Sequence[RunRecord], study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """The table of `runs_table` with what each line was made from, in full."""
    return table.assign(
        **{
            "Run": [record.run_id for record in records],
            "Study": study.study_id,
            "Snapshot": [record.snapshot_id for record in records],
            "Simulated data": "yes" if study.simulated else "no",
        }
    )


def prrt_runs_table(records: Sequence[PrrtRunSummary], *, snapshot_id: str) -> pd.DataFrame:
    """One row a PRRT run, newest first."""
    return pd.DataFrame(
        [
            {
                "Run": record.run_id[:ID_LETTERS],
                "Finished (UTC)": durations.moment(record.finished_at),
                "Took": durations.duration(record.total_seconds),
                "Patients": record.n_patients,
                "Models": len(record.settings.models),
                "Repeats × folds": f"{record.settings.network_repeats} × {record.settings.folds}",
                "On": _PLACES.get(record.device, record.device),
                "Data": "this snapshot" if record.snapshot_id == snapshot_id else record.snapshot_id[:ID_LETTERS],
                "Code": record.code_version,
                "Time by stage": "; ".join(
                    f"{stage} {durations.duration(seconds)}" for stage, seconds in record.seconds.items()
                ),
            }
            for record in records
        ]
    )


def prrt_runs_download(records: Sequence[PrrtRunSummary], study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """The table of `prrt_runs_table` with what each line was made from, in full."""
    return table.assign(
        **{
            "Run": [record.run_id for record in records],
            "Models": ["; ".join(record.settings.models) for record in records],
            "Random seed": [str(record.settings.seed) for record in records],
            "Study": study.study_id,
            "Snapshot": [record.snapshot_id for record in records],
            "Simulated data": "yes" if study.simulated else "no",
        }
    )


def aspects(unit: TimeUnit) -> dict[str, Callable[[RunRecord], str]]:
    """What runs are set side by side by: a plain name and how it is written."""
    return {
        "Data snapshot": lambda r: r.snapshot_id[:ID_LETTERS],
        "Code version": lambda r: r.code_version,
        "Image encoder": lambda r: encoder_name(r.settings.encoder),
        "Picture size (pixels)": lambda r: f"{r.input_px}",
        "What the networks see": lambda r: "; ".join(
            DEEP_VARIANTS[name].removeprefix("Deep learning, ") for name in r.variants
        ),
        "Outcome": lambda r: endpoint_name(r.settings.endpoint),
        f"Visits ({unit.value})": lambda r: ", ".join(unit.write(week) for week in r.settings.weeks),
        "Monte Carlo splits": lambda r: f"{r.settings.splits}",
        "Share in training": lambda r: numbers.percent(r.settings.train_fraction),
        "Random seed": lambda r: f"{r.settings.seed}",
        "Scans may be so old (weeks)": lambda r: f"{r.settings.window_weeks:g}",
        "Visits may be so late (weeks)": lambda r: f"{r.settings.tolerance_weeks:g}",
        f"Patients with all images ({unit.value}: patients of those at risk)": lambda r: ", ".join(
            f"{unit.write(week)}: {count} of {r.at_risk_by_week[week]}" for week, count in r.patients_by_week.items()
        ),
        f"Events ahead ({unit.value}: events)": lambda r: _by_visit(r.events_by_week, unit),
        "Pictures needed": lambda r: f"{r.pictures:,}",
        "Pictures made · reused": lambda r: f"{r.pictures_computed:,} · {r.pictures_reused:,}",
        "Pictures not usable": _failures,
        "Sets of networks trained": lambda r: (
            "not recorded" if r.networks is None else f"{r.networks_computed} of {r.networks}"
        ),
        "Time for pictures": lambda r: durations.duration(r.seconds.get(FEATURE_SECONDS)),
        "Time for networks": lambda r: durations.duration(r.seconds.get(NETWORK_SECONDS)),
        "Computed on": lambda r: _PLACES.get(r.device, r.device),
        "Finished (UTC)": lambda r: durations.moment(r.finished_at),
    }


def comparison_table(
    records: Sequence[RunRecord], *, unit: TimeUnit, results: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """One row an aspect, one column a run; with two runs a column says where they differ.

    Args:
        records: one or two runs.
        unit: unit of times.
        results: further rows, a text for each run; estimates always differ, so nothing is said of that.
    """
    rows = []
    aspect_texts = {name: [write(record) for record in records] for name, write in aspects(unit).items()}
    for name, written in {**aspect_texts, **results}.items():
        row = {"": name} | {f"Run {r.run_id[:ID_LETTERS]}": text for r, text in zip(records, written, strict=True)}
        if len(records) > 1:
            row[" "] = "differs" if name in aspect_texts and len(set(written)) > 1 else ""
        rows.append(row)
    return pd.DataFrame(rows)


def failures_table(record: RunRecord) -> pd.DataFrame:
    """Pictures of a run that could not be used."""
    return pd.DataFrame(
        [
            {"Scan (first letters of its checksum)": scan, "Shown": variant, "Reason": reason}
            for scan, variant, reason in record.failures
        ]
    )


def ended_jobs_table(jobs: Sequence[Job], *, unit: TimeUnit) -> pd.DataFrame:
    """One row a job that is over, newest first."""
    return pd.DataFrame(
        [
            {
                "Job": job.job_id,
                "Ended (UTC)": durations.moment(job.ended_at),
                "How": job_words.STATES[job.state],
                "Work": label_of(job),
                "What came of it": job.message or "",
                "Settings": description_of(job, unit=unit),
                "Most memory": durations.size(job.peak_memory_bytes),
                "Begun": job.attempts,
                "Started by": job.requested_by,
            }
            for job in jobs
        ]
    )


def as_csv(table: pd.DataFrame) -> bytes:
    """A table for a spreadsheet: UTF-8 with a byte-order mark, and no cell that would be taken for a formula."""
    safe = table.map(lambda cell: safe_text(cell) if isinstance(cell, str) else cell)
    text: str = safe.rename(columns=safe_text).to_csv(index=False, lineterminator="\n")
    return text.encode("utf-8-sig")


def _by_visit(values: Mapping[float, int], unit: TimeUnit) -> str:
    return ", ".join(f"{unit.write(week)}: {value}" for week, value in values.items())


def _failures(record: RunRecord) -> str:
    if not record.pictures_failed:
        return "none"
    reasons = "; ".join(f"{reason}: {count}" for reason, count in record.failures_by_reason.items())
    return f"{record.pictures_failed} ({reasons})"
