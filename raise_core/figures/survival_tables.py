"""Survival results as printed tables, and the curves as data at full precision."""

from __future__ import annotations

import pandas as pd

from raise_core.domain.results import Provenance
from raise_core.domain.survival_report import SurvivalReport
from raise_core.domain.survival_results import Estimate
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.identity import endpoint_name
from raise_core.figures.survival_curves import table_counts
from raise_core.figures.survival_marks import divider_words, group_names
from raise_core.figures.survival_words import at_time, median_words, p_words, ratio_words
from raise_core.figures.table_export import Origin, PrintedTable, TableRow

REFERENCE = "reference"


def origin_of(provenance: Provenance, *, patients: int) -> Origin:
    """What a table was made from."""
    return Origin(
        provenance.study_id, provenance.study_title, provenance.snapshot_id, provenance.cohort_words,
        provenance.simulated, patients,
    )  # fmt: skip


def _title(report: SurvivalReport) -> str:
    return f"{endpoint_name(report.question.endpoint)} by {divider_words(report)}"


def groups_table(report: SurvivalReport, *, unit: TimeUnit) -> PrintedTable:
    """One row a group: patients, events, median, mean up to a horizon, hazard ratio."""
    found = report.comparison
    mean = f"Mean {unit.value} without event, up to {unit.of_weeks(found.rmst_horizon_weeks):.0f} (95 % CI)"
    columns = ["Group", "Patients", "Events", f"Median, {unit.value} (95 % CI)"]
    if found.horizon_weeks is not None:
        columns.append(f"Without event at {at_time(found.horizon_weeks, unit)} (95 % CI)")
    columns += [mean, "Hazard ratio (95 % CI)"]
    ratios = {ratio.group: ratio for ratio in found.hazard_ratios}
    rows = []
    for name, group in zip(group_names(report), found.groups, strict=True):
        cells: list[str | int] = [
            name,
            group.curve.n,
            group.curve.n_events,
            median_words(group.median_weeks, unit=unit),
        ]
        if found.horizon_weeks is not None:
            cells.append(share_words(group.at_horizon))
        ratio = ratios.get(group.label)
        cells += [_mean_words(report, group.label, unit), REFERENCE if ratio is None else ratio_words(ratio)]
        rows.append(TableRow(tuple(cells)))
    tested = p_words(report)
    note = (
        f"{tested[:1].upper()}{tested[1:]}. Kaplan–Meier; limits of the median where the curve's limits pass one half; "
        "mean: area under the curve up to the smallest group's longest time; hazard ratio: Cox model, Efron ties."
    )
    return PrintedTable(
        _title(report), tuple(columns), tuple(rows), (note,), origin_of(report.provenance, patients=report.n)
    )


def _mean_words(report: SurvivalReport, label: str, unit: TimeUnit) -> str:
    group = next(group for group in report.comparison.groups if group.label == label)
    mean = group.restricted_mean
    if mean is None:
        return numbers.MISSING
    low, high = mean.weeks - 1.96 * mean.std_error, mean.weeks + 1.96 * mean.std_error
    return f"{unit.of_weeks(mean.weeks):.1f} ({unit.of_weeks(low):.1f}–{unit.of_weeks(high):.1f})"


def share_words(share: Estimate) -> str:
    """'63 % (48–77)'."""
    if share.value is None:
        return "not followed so long"
    if share.low is None or share.high is None:
        return f"{100 * share.value:.0f} %"
    return f"{100 * share.value:.0f} % ({100 * share.low:.0f}–{100 * share.high:.0f})"


def risk_table(report: SurvivalReport, *, unit: TimeUnit) -> PrintedTable:
    """At risk, censored, events and the share without the event at round times, group by group."""
    found = report.comparison
    weeks = found.at_risk_weeks
    columns = ("", *(at_time(week, unit) for week in weeks.tolist()))
    rows: list[TableRow] = []
    for name, group in zip(group_names(report), found.groups, strict=True):
        rows.append(TableRow((name, *("" for _ in weeks)), name, is_heading=True))
        for kind, counts in table_counts(group.curve, weeks).items():
            rows.append(TableRow((kind, *(int(count) for count in counts)), name))
        rows.append(TableRow(("Without event (95 % CI)", *(share_words(share) for share in group.survival)), name))
    note = "At risk just before the time; censored and events before it, so that the three add up to the group."
    return PrintedTable(
        f"Patients at risk: {_title(report)}", columns, tuple(rows), (note,),
        origin_of(report.provenance, patients=report.n),
    )  # fmt: skip


def excluded_table(report: SurvivalReport) -> PrintedTable:
    """Who is not in the figure and why; with those who are it adds up to the patients looked at."""
    rows = [TableRow(("In the figure", report.n))]
    rows += [TableRow((reason[:1].upper() + reason[1:], count)) for reason, count in report.excluded.items()]
    rows.append(TableRow(("All patients looked at", report.n_study)))
    return PrintedTable(
        "Who is counted", ("", "Patients"), tuple(rows), (), origin_of(report.provenance, patients=report.n_study)
    )


def curves_download(report: SurvivalReport) -> pd.DataFrame:
    """Every step of every curve at full precision, with what it was made from."""
    frames = []
    for name, group in zip(group_names(report), report.comparison.groups, strict=True):
        curve = group.curve
        frames.append(
            pd.DataFrame(
                {
                    "group": name,
                    "time_weeks": curve.time_weeks,
                    "at_risk": curve.at_risk,
                    "events": curve.events,
                    "censored": curve.censored,
                    "survival": curve.survival,
                    "ci_low": curve.low,
                    "ci_high": curve.high,
                }
            )
        )
    table = pd.concat(frames, ignore_index=True)
    table["interval"] = report.comparison.groups[0].curve.scale.value
    table["counted_from_week"] = report.landmark_weeks
    return with_origin(table, report)


def with_origin(table: pd.DataFrame, report: SurvivalReport) -> pd.DataFrame:
    """A table to take away, each line saying what it was made from and whether the patients are simulated."""
    provenance = report.provenance
    return table.assign(
        endpoint=report.question.endpoint,
        study=provenance.study_id,
        snapshot=provenance.snapshot_id,
        patients_shown=provenance.cohort_words or "all",
        simulated="yes" if provenance.simulated else "no",
    )
