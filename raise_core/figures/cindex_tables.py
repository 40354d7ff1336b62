"""The c-index results as tables with plain column names, for the page and for download."""

from __future__ import annotations

import re

import pandas as pd

from raise_core.domain.marker_name import MarkerKind, parse_marker
from raise_core.domain.results import CindexReport
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.identity import model_name


def estimates_table(report: CindexReport, *, unit: TimeUnit = TimeUnit.WEEKS) -> pd.DataFrame:
    """One row a model and week, formatted for reading."""
    return pd.DataFrame(
        [
            {
                "Model": model_name(e.model),
                "Visit": unit.visit(e.week).capitalize(),
                "Patients at risk": e.n,
                "Events ahead": e.events,
                "c-index (95 % CI)": numbers.interval(e.mean, e.ci_low, e.ci_high),
                "Naive SE": e.se_naive,
                "Corrected SE": e.se_corrected,
                "Uno's c": e.uno,
                f"Uno's c counts to ({unit.value} after landmark)": (
                    None if e.uno_tau_weeks is None else unit.of_weeks(e.uno_tau_weeks)
                ),
                "Splits not scored": _not_scored(e.nan_splits, e.nan_reasons),
            }
            for e in report.estimates
        ]
    )


def _not_scored(count: int, reasons: dict[str, int]) -> str:
    if count == 0:
        return "0"
    return f"{count} (" + "; ".join(f"{reason}: {times}" for reason, times in sorted(reasons.items())) + ")"


def comparisons_table(report: CindexReport, *, unit: TimeUnit = TimeUnit.WEEKS) -> pd.DataFrame:
    """Paired differences of the models on the same splits, formatted for reading."""
    return pd.DataFrame(
        [
            {
                "Visit": unit.visit(c.week).capitalize(),
                "Model A": model_name(c.model_a),
                "Model B": model_name(c.model_b),
                "A − B (95 % CI)": numbers.difference(c.difference, c.ci_low, c.ci_high),
                "p (corrected test)": numbers.p_value(c.p_corrected),
                "p (Holm, all comparisons shown)": numbers.p_value(c.p_holm),
            }
            for c in report.comparisons
        ],
        columns=[
            "Visit",
            "Model A",
            "Model B",
            "A − B (95 % CI)",
            "p (corrected test)",
            "p (Holm, all comparisons shown)",
        ],
    )


def excluded_table(report: CindexReport, *, unit: TimeUnit = TimeUnit.WEEKS) -> pd.DataFrame:
    """Who is not in the estimates and why, one row a week and reason; with those used they add up to the study."""
    rows = []
    for week in report.weeks:
        visit = unit.visit(week).capitalize()
        used = next(e.n for e in report.estimates if e.week == week)
        rows.append({"Visit": visit, "Patients": used, "": "used: at risk and complete"})
        rows.extend(
            {"Visit": visit, "Patients": count, "": f"left out: {plain_reason(reason, unit)}"}
            for reason, count in sorted(report.excluded.get(week, {}).items())
        )
    return pd.DataFrame(rows).rename(columns={"": "Used or left out, and why"})


def plain_reason(reason: str, unit: TimeUnit) -> str:
    """A reason with its markers in words and its week in the unit shown."""
    if (ended := re.fullmatch(r"(event|censored) by week ([\d.]+)", reason)) is not None:
        return f"{ended[1]} by {unit.visit(float(ended[2]))}"
    head, colon, names = reason.partition(": ")
    if not colon:
        return reason
    return f"{head}: " + "; ".join(_plain_marker(name) for name in names.split("; "))


def _plain_marker(name: str) -> str:
    marker = parse_marker(name)
    return name if marker.kind is MarkerKind.CHARACTERISTIC and " " in name else marker.label


def download_table(report: CindexReport) -> pd.DataFrame:
    """Full-precision numbers with what they came from, for a CSV file."""
    rows = [
        {
            "study": report.provenance.study_id,
            "simulated_data": report.provenance.simulated,
            "snapshot": report.provenance.snapshot_id,
            "run": report.provenance.run_id,
            "encoder": report.provenance.encoder,
            "endpoint": report.settings.endpoint,
            "model": e.model,
            "week": e.week,
            "n": e.n,
            "events": e.events,
            "cindex_mean": e.mean,
            "sd": e.sd,
            "se_naive": e.se_naive,
            "se_corrected": e.se_corrected,
            "ci_low": e.ci_low,
            "ci_high": e.ci_high,
            "uno": e.uno,
            "uno_tau_weeks_after_landmark": e.uno_tau_weeks,
            "splits": e.splits,
            "splits_not_scored": e.nan_splits,
            "train_fraction": report.settings.train_fraction,
            "seed": report.settings.seed,
            "window_weeks": report.settings.window_weeks,
            "tolerance_weeks": report.settings.tolerance_weeks,
        }
        for e in report.estimates
    ]
    return pd.DataFrame(rows)


def comparisons_download(report: CindexReport) -> pd.DataFrame:
    """Paired differences at full precision, for a CSV file."""
    columns = ["week", "model_a", "model_b", "difference", "ci_low", "ci_high", "p_corrected", "p_holm"]
    rows = [{name: getattr(comparison, name) for name in columns} for comparison in report.comparisons]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(0, "snapshot", report.provenance.snapshot_id)
    table.insert(0, "simulated_data", report.provenance.simulated)
    table.insert(0, "study", report.provenance.study_id)
    return table
