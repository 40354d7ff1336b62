"""The paper's Tables 1 and 2, and cohorts side by side, as printed tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from raise_core.domain.characteristics import (
    NEGLIGIBLE_DIFFERENCE,
    BaselineRow,
    BaselineTable,
    CohortComparison,
    GroupSummary,
    RowKind,
)
from raise_core.domain.participant_flow import ParticipantFlow
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.cindex_words import event_words
from raise_core.figures.table_export import Origin, PrintedTable, TableRow

ALL = "All"
DIFFERENCE = "Standardised difference"
MISSING_ROW = "Not known"
ABBREVIATIONS = (
    "Percentages are of the patients with a known value; SD: standard deviation; IQR: 25 % to 75 % quantile. "
    "Laboratory values and sizes are those at baseline."
)
NO_P_VALUES = (
    "No p-values: patients were assigned to the arms by chance, so a test would ask whether chance made a difference "
    "that only chance can have made; what matters is its size (CONSORT 2010, item 15)."
)
METHOD = (
    "Standardised difference: for numbers the difference of the means divided by the root of the mean of the two "
    "variances, for categories the distance of the two sets of proportions over all levels (Yang & Dalton 2012); below "
    f"{NEGLIGIBLE_DIFFERENCE:g} it is commonly called negligible (Austin 2009)."
)


def visit_table(flow: ParticipantFlow, origin: Origin, *, unit: TimeUnit = TimeUnit.WEEKS) -> PrintedTable:
    """Table 1: at risk, used in imaging models, censored and events at each visit, by arm.

    Args:
        flow: of `visit_counts`: its one step is the patients counted.
        origin: what it was made from.
        unit: how visits are named.
    """
    step = flow.steps[-1]
    with_all = len(flow.arms) > 1
    columns = ["Visit", *(f"{arm} (n = {n})" for arm, n in zip(flow.arms, step.counts, strict=True))]
    if with_all:
        columns.append(f"{ALL} (n = {step.total})")
    events = event_words(flow.endpoint) if flow.endpoint else "events"
    rows: list[TableRow] = []
    for visit in flow.visits:
        name = unit.visit(visit.week)
        section = name[:1].upper() + name[1:]
        rows.append(TableRow((section, *("" for _ in columns[1:])), section, is_heading=True))
        shown: list[tuple[str, Sequence[str | int]]] = []
        if visit.at_risk is not None and visit.imaged is not None:
            both = [*zip(visit.at_risk, visit.imaged, strict=True)]
            both += [(sum(visit.at_risk), sum(visit.imaged))] if with_all else []
            shown.append(("At risk (used in imaging models)", [f"{risk} ({used})" for risk, used in both]))
        elif visit.at_risk is not None:
            shown.append(("At risk", _totalled(visit.at_risk, with_all=with_all)))
        elif visit.imaged is not None:
            shown.append(("Annotated scan", _totalled(visit.imaged, with_all=with_all)))
        if flow.endpoint is not None:
            shown.append(("Censored", _totalled(visit.censored, with_all=with_all)))
            shown.append((events[:1].upper() + events[1:], _totalled(visit.events, with_all=with_all)))
        if sum(visit.unknown):
            shown.append(("No outcome recorded", _totalled(visit.unknown, with_all=with_all)))
        rows.extend(TableRow((label, *cells), section) for label, cells in shown)
    return PrintedTable(
        "Patients at risk, used in imaging models, censored and past the event at each visit",
        tuple(columns),
        tuple(rows),
        (visit_note(flow, unit),),
        origin,
    )


def visit_note(flow: ParticipantFlow, unit: TimeUnit) -> str:
    """How the counts of a visit are made."""
    sentence = (
        f"Counts are cumulative and add up to n at every visit. At risk at a visit: the outcome ({flow.endpoint}) lies "
        f"more than {duration(flow.tolerance_weeks, unit)} after it"
        if flow.endpoint
        else "No outcome is recorded"
    )
    if any(visit.imaged is not None for visit in flow.visits):
        phases = " and ".join(flow.phases)
        scan = f"one annotated CT scan of each phase ({phases})" if flow.phases else "an annotated CT scan"
        sentence += (
            f"; used in imaging models: at risk and with {scan} from "
            f"{duration(flow.window_weeks, unit)} before the visit to {duration(flow.tolerance_weeks, unit)} after"
        )
    return f"{sentence}."


def duration(weeks: float, unit: TimeUnit) -> str:
    """A length of time with its unit: 1 week, 8 weeks, 1.8 months."""
    text = unit.write(weeks)
    return f"{text} {unit.value.removesuffix('s') if text == '1' else unit.value}"


def _totalled(counts: Sequence[int], *, with_all: bool) -> list[int]:
    return [*counts, sum(counts)] if with_all else list(counts)


def characteristics_table(
    table: BaselineTable, origin: Origin, *, title: str = "Baseline characteristics", randomised: bool = True
) -> PrintedTable:
    """Table 2: characteristics by group with missing counts and standardised differences.

    Args:
        table: characteristics.
        origin: what it was made from.
        title: of the table.
        randomised: the groups are randomised arms; the note then says why there are no p-values.
    """
    with_difference = len(table.compared) > 1
    with_all = table.n is not None and len(table.groups) > 1
    columns = ["Characteristic", *(f"{name} (n = {n})" for name, n in zip(table.groups, table.sizes, strict=True))]
    if with_all:
        columns.append(f"{ALL} (n = {table.n})")
    if with_difference:
        columns.append(DIFFERENCE)
    rows: list[TableRow] = []
    for row in table.rows:
        summaries = [*row.groups, row.overall] if with_all and row.overall is not None else list(row.groups)
        rows += _row_block(row, summaries, with_difference=with_difference)
    return PrintedTable(title, tuple(columns), tuple(rows), _notes(table, randomised=randomised), origin)


def _row_block(row: BaselineRow, summaries: Sequence[GroupSummary], *, with_difference: bool) -> list[TableRow]:
    """The lines of one characteristic; the difference stands in the first."""
    gap: tuple[str, ...] = (difference(row.difference),) if with_difference else ()
    blank: tuple[str, ...] = ("",) if with_difference else ()
    lines: list[TableRow] = []
    if row.kind is RowKind.YES_NO:
        label = f"{row.label}, n (%)"
        lines.append(TableRow((label, *(_share(summary, 0) for summary in summaries), *gap)))
    elif row.kind is RowKind.CATEGORY:
        label = f"{row.label}, n (%)"
        lines.append(TableRow((label, *("" for _ in summaries), *gap), label, is_heading=True))
        lines += [
            TableRow((level, *(_share(summary, place) for summary in summaries), *blank), label)
            for place, level in enumerate(row.levels)
        ]
    else:
        label, decimals = row.label, _decimals(row)
        lines.append(TableRow((label, *("" for _ in summaries), *gap), label, is_heading=True))
        lines.append(TableRow(("Mean (SD)", *(_mean(summary, decimals) for summary in summaries), *blank), label))
        lines.append(TableRow(("Median [IQR]", *(_median(summary, decimals) for summary in summaries), *blank), label))
    if any(summary.missing for summary in summaries):
        section = "" if row.kind is RowKind.YES_NO else label
        name = f"{row.label}: {MISSING_ROW.lower()}" if row.kind is RowKind.YES_NO else MISSING_ROW
        lines.append(TableRow((name, *(summary.missing for summary in summaries), *blank), section))
    return lines


def difference(value: float | None) -> str:
    """A standardised difference: two decimals."""
    return numbers.MISSING if value is None else f"{value:.2f}"


def _share(summary: GroupSummary, place: int) -> str:
    if not summary.n:
        return numbers.MISSING
    count = summary.counts[place]
    return f"{count} ({100 * count / summary.n:.0f})"


def _decimals(row: BaselineRow) -> int:
    """Digits that a reader can use: about two significant ones of the standard deviation, one for millimetres."""
    if "(mm)" in row.label:
        return 1
    spreads = [summary.sd for summary in row.groups if summary.sd]
    return min(3, max(0, 1 - math.floor(math.log10(min(spreads))))) if spreads else 1


def _mean(summary: GroupSummary, decimals: int) -> str:
    if summary.mean is None:
        return numbers.MISSING
    sd = numbers.MISSING if summary.sd is None else f"{summary.sd:.{decimals}f}"
    return f"{summary.mean:.{decimals}f} ({sd})".replace("-", "−")


def _median(summary: GroupSummary, decimals: int) -> str:
    if summary.median is None or summary.lower_quartile is None or summary.upper_quartile is None:
        return numbers.MISSING
    between = "–" if summary.lower_quartile >= 0 else " to "
    quartiles = f"{summary.lower_quartile:.{decimals}f}{between}{summary.upper_quartile:.{decimals}f}"
    return f"{summary.median:.{decimals}f} [{quartiles}]".replace("-", "−")


def _notes(table: BaselineTable, *, randomised: bool) -> tuple[str, ...]:
    notes = [ABBREVIATIONS]
    if len(table.compared) > 1:
        notes.append(METHOD)
    if len(table.compared) > 2:
        notes.append("With more than two groups the largest difference of any two is given.")
    if table.chance_limit is not None:
        one, two = table.sizes[:2]
        notes.append(
            f"In groups of {one} and {two} chance alone keeps the difference of a number or of a two-level "
            f"characteristic below {table.chance_limit:.2f} in 95 % of randomisations; more levels allow more."
        )
    if randomised and len(table.compared) > 1:
        notes.append(NO_P_VALUES)
    return tuple(notes)


def comparison_table(comparison: CohortComparison, origin: Origin) -> PrintedTable:
    """Cohorts side by side."""
    return characteristics_table(comparison.table, origin, title="Cohorts side by side", randomised=False)


def overlap_table(comparison: CohortComparison, origin: Origin) -> PrintedTable:
    """How many patients each two cohorts share."""
    return PrintedTable(
        "Patients the cohorts share",
        ("Cohorts", "In both", "Only in the first", "Only in the second"),
        tuple(
            TableRow((f"{pair.first} and {pair.second}", pair.both, pair.only_first, pair.only_second))
            for pair in comparison.overlaps
        ),
        ("A patient in both cohorts counts in both columns, so they are not independent groups.",),
        origin,
    )


def flow_table(flow: ParticipantFlow, origin: Origin, *, unit: TimeUnit = TimeUnit.WEEKS) -> PrintedTable:
    """Every count of the flow diagram by arm."""
    with_all = len(flow.arms) > 1
    columns = ("Step", *flow.arms, *((ALL,) if with_all else ()))
    rows: list[TableRow] = []
    for step in flow.steps:
        rows += [
            TableRow((f"left out: {part.reason}", *_totalled(part.counts, with_all=with_all)), step.title)
            for part in step.left
        ]
        rows.append(TableRow((step.title[:1].upper() + step.title[1:], *_totalled(step.counts, with_all=with_all))))
    for visit in flow.visits:
        name = unit.visit(visit.week)
        section = name[:1].upper() + name[1:]
        rows.append(TableRow((section, *("" for _ in columns[1:])), section, is_heading=True))
        parts: list[tuple[str, Sequence[int]]] = []
        if visit.at_risk is not None:
            parts.append(("At risk", visit.at_risk))
        if visit.imaged is not None:
            parts.append(("At risk and imaged" if visit.at_risk is not None else "Imaged", visit.imaged))
        parts += [(f"Not imaged: {part.reason}", part.counts) for part in visit.not_imaged]
        if flow.endpoint is not None:
            parts += [("Past the event", visit.events), ("Censored", visit.censored)]
        if sum(visit.unknown):
            parts.append(("No outcome recorded", visit.unknown))
        rows += [TableRow((label, *_totalled(counts, with_all=with_all)), section) for label, counts in parts]
    return PrintedTable("Flow of participants", columns, tuple(rows), (visit_note(flow, unit), *flow.notes), origin)
