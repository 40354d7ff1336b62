"""What the cohort page says in words: headlines computed from what is on screen, footnotes, text alternatives."""

from __future__ import annotations

from raise_core.domain.characteristics import NO, YES, BaselineTable, CohortComparison, RowKind
from raise_core.domain.marker_results import LevelDistribution, NumberDistribution, Shift, Trajectories, TrajectoryPoint
from raise_core.domain.participant_flow import ParticipantFlow, VisitCount
from raise_core.domain.time_unit import TimeUnit
from raise_core.domain.week import BASELINE_GRACE_WEEKS, DEFAULT_TOLERANCE_WEEKS, DEFAULT_WINDOW_WEEKS
from raise_core.figures.cindex_words import event_words
from raise_core.figures.cohort_tables import duration, visit_note
from raise_core.figures.marker_axis import in_sentence, measured, reference_sentence
from raise_core.figures.table_export import Origin, source_line

LISTED_DIFFERENCES = 2


def flow_headline(flow: ParticipantFlow, unit: TimeUnit) -> str:
    """Who is in the study and how many can be used at the first and last visit shown."""
    first, last = flow.steps[0], flow.steps[-1]
    sentence = f"{first.total} patients {first.title}"
    if len(flow.steps) > 1:
        sentence += f", {last.total} {last.title}"
    used = [visit for visit in flow.visits if visit.imaged is not None]
    if used and flow.endpoint is not None:
        parts = [f"{_count(visit.imaged)} at {unit.visit(visit.week)}" for visit in _ends(used)]
        return f"{sentence}; at risk and imaged: {' and '.join(parts)}."
    counted = [visit for visit in flow.visits if visit.at_risk is not None]
    if counted:
        parts = [f"{_count(visit.at_risk)} at {unit.visit(visit.week)}" for visit in _ends(counted)]
        return f"{sentence}; still at risk: {' and '.join(parts)}."
    return f"{sentence}."


def _count(counts: tuple[int, ...] | None) -> int:
    return sum(counts or ())


def _ends(visits: list[VisitCount]) -> list[VisitCount]:
    return [visits[0], visits[-1]] if len(visits) > 1 else visits


def visit_headline(flow: ParticipantFlow, unit: TimeUnit) -> str:
    """How far the patients counted have come by the last visit with anyone at risk."""
    step = flow.steps[-1]
    told = [visit for visit in flow.visits if visit.at_risk is not None and _count(visit.at_risk)]
    if not told or flow.endpoint is None:
        return f"{step.total} patients {step.title}; how many are at risk at a visit cannot be said."
    visit = told[-1]
    sentence = (
        f"By {unit.visit(visit.week)}, {sum(visit.events)} of the {step.total} patients have had their event "
        f"({event_words(flow.endpoint)}) and {sum(visit.censored)} are censored; {_count(visit.at_risk)} are at risk"
    )
    used = "" if visit.imaged is None else f", {_count(visit.imaged)} of them used in imaging models"
    return f"{sentence}{used}."


def baseline_headline(table: BaselineTable) -> str:
    """Where the groups differ most, and what chance alone would do."""
    ranked = sorted(
        ((row.difference, row.label) for row in table.rows if row.difference is not None), reverse=True
    )  # fmt: skip
    if len(table.compared) < 2 or not ranked:
        return _one_group(table)
    named = " and ".join(
        f"{in_sentence(_without_unit(label))} ({'' if place else 'standardised difference '}{gap:.2f})"
        for place, (gap, label) in enumerate(ranked[:LISTED_DIFFERENCES])
    )
    sentence = f"The groups differ most in {named}"
    if table.chance_limit is None:
        return f"{sentence}."
    return f"{sentence}; chance alone keeps most differences below {table.chance_limit:.2f}."


def _one_group(table: BaselineTable) -> str:
    """A group that there is nothing to set against: its first number and its first category."""
    n = table.n if table.n is not None else sum(table.sizes)
    said = [f"{n} patients in one group"]
    row = next((row for row in table.rows if row.kind is RowKind.NUMBER and row.groups[0].n), None)
    if row is not None:
        said.append(f"median {in_sentence(row.label)} {measured(row.groups[0].median)}")
    row = next((row for row in table.rows if row.kind is not RowKind.NUMBER and row.groups[0].n), None)
    if row is not None:
        counts = row.groups[0].counts
        top = max(range(len(counts)), key=lambda place: counts[place])
        said.append(f"{in_sentence(row.label)}: {row.levels[top]} in {100 * counts[top] / row.groups[0].n:.0f} %")
    return ", ".join(said) + "."


def _without_unit(label: str) -> str:
    return label.split(" (", maxsplit=1)[0]


def comparison_headline(comparison: CohortComparison) -> str:
    """How many patients the first two cohorts share, and where the cohorts differ most."""
    first = comparison.overlaps[0]
    shared = f"{first.both} patients are in both {first.first} and {first.second}"
    return f"{shared}. {baseline_headline(comparison.table).replace('The groups', 'The cohorts')}"


def distribution_headline(found: NumberDistribution, unit: TimeUnit) -> str:
    """The medians, and how far the arms lie apart with its interval."""
    when = "" if found.week is None else f" at {_visit(found.week, unit)}"
    medians = ", ".join(f"{measured(arm.median)} in {arm.arm} (n = {arm.n})" for arm in found.arms)
    if len(found.arms) == 1:
        medians = f"{measured(found.arms[0].median)} (n = {found.arms[0].n})"
    sentence = f"Median {in_sentence(found.scale.title)}{when}: {medians}"
    return f"{sentence}; {_apart(found.shift)}." if found.shift is not None else f"{sentence}."


def _apart(shift: Shift) -> str:
    limits = (
        ""
        if shift.ci_low is None or shift.ci_high is None
        else f" (95 % CI {measured(shift.ci_low)} to {measured(shift.ci_high)})"
    )
    if shift.is_ratio:
        return f"{shift.first} is {measured(shift.estimate)} times {shift.second}{limits}"
    return f"{shift.first} minus {shift.second}: {measured(shift.estimate)}{limits}"


def level_headline(found: LevelDistribution) -> str:
    """How often yes, or the most frequent level of each arm, and how far the arms lie apart."""
    parts = []
    yes_no = found.levels == (YES, NO)
    for arm, counts in zip(found.arms, found.counts, strict=True):
        if sum(counts):
            top = 0 if yes_no else max(range(len(counts)), key=lambda place: counts[place])
            level = "yes" if yes_no else found.levels[top]
            who = f" ({arm})" if len(found.arms) > 1 else ""
            parts.append(f"{level} in {100 * counts[top] / sum(counts):.0f} % of {sum(counts)} patients{who}")
    sentence = f"{found.title}{':' if yes_no else ', most often:'} {'; '.join(parts)}."
    return sentence if found.difference is None else f"{sentence} Standardised difference {found.difference:.2f}."


def trajectory_headline(found: Trajectories, unit: TimeUnit) -> str:
    """The median of each arm at its first and last visit."""
    parts = []
    for arm, points in found.arms.items():
        known = [point for point in points if point.n]
        first, last = known[0], known[-1]
        who = f"{arm}: " if len(found.arms) > 1 else ""
        start = f"{who}{measured(first.median)} at {_visit(first.week, unit)} (n = {first.n})"
        parts.append(start if first is last else f"{start}, {_later(last, unit)}")
    return f"Median {in_sentence(found.scale.title)} – {'; '.join(parts)}."


def _later(point: TrajectoryPoint, unit: TimeUnit) -> str:
    return f"{measured(point.median)} at {_visit(point.week, unit)} (n = {point.n})"


def _visit(week: float, unit: TimeUnit) -> str:
    return "baseline" if week == 0 else unit.visit(week)


def distribution_footnote(found: NumberDistribution, origin: Origin, unit: TimeUnit) -> str:
    """What a point, the box and the interval are."""
    without = sum(arm.without for arm in found.arms)
    when = "" if found.week is None else f"{_rule(found.week, unit)}; patients at risk or not. "
    method = ""
    if found.shift is not None:
        kind = "ratio" if found.shift.is_ratio else "difference"
        method = (
            f"Interval: Hodges-Lehmann {kind} with limits from the rank-sum test. After baseline it describes the "
            "patients still seen; it is no treatment effect. "
        )
    scale = "Log scale. " if found.scale.logarithmic else ""
    return (
        f"One point a patient: {found.n} with a value, {without} without. Box: 25 % to 75 % quantile, thick line: "
        f"median. {when}{method}{scale}{reference_sentence(found.scale)}{source_line(origin)}"
    )


def _rule(week: float, unit: TimeUnit) -> str:
    """Which value counts at a visit, or at baseline."""
    if week == 0:
        return (
            f"Latest value up to randomisation, else the first within {duration(BASELINE_GRACE_WEEKS, unit)} after it"
        )
    return (
        f"Latest value from {duration(DEFAULT_WINDOW_WEEKS, unit)} before the visit to "
        f"{duration(DEFAULT_TOLERANCE_WEEKS, unit)} after"
    )


def level_footnote(found: LevelDistribution, origin: Origin) -> str:
    """Who is counted."""
    known = sum(map(sum, found.counts))
    return (
        f"{known} patients with a known value, {sum(found.without)} without. Standardised difference over all levels: "
        f"Yang & Dalton 2012. {source_line(origin)}"
    )


def trajectory_footnote(found: Trajectories, origin: Origin, unit: TimeUnit, *, individual: bool) -> str:
    """What the line, the band and the numbers under the axis are."""
    band = "Thin lines: patients on their actual dates; click a point to open the patient. " if individual else ""
    scale = "Log scale. " if found.scale.logarithmic else ""
    start = f" At baseline: {in_sentence(_rule(0.0, unit))}." if 0.0 in found.weeks else ""
    return (
        f"Thick line: median; {'' if individual else 'band: 25 % to 75 % quantile; '}n: patients with a value dated "
        f"from {duration(DEFAULT_WINDOW_WEEKS, unit)} before the visit to {duration(DEFAULT_TOLERANCE_WEEKS, unit)} "
        f"after.{start} Who progresses or leaves is not seen later, so later medians describe those who stayed. "
        f"{band}{scale}{reference_sentence(found.scale)}{source_line(origin)}"
    )


def flow_footnote(flow: ParticipantFlow, origin: Origin, unit: TimeUnit) -> str:
    """How the boxes are counted, what the study does not hold, and what it was made from."""
    last = flow.steps[-1]
    short = f" (“no {flow.phases[-1]}”: a scan, none annotated in that phase)" if len(flow.phases) > 1 else ""
    boxes = (
        f"Each visit counts the {last.total} patients {last.title} anew; dotted boxes: who is left out there{short}. "
        if flow.visits
        else ""
    )
    notes = "".join(f"{note} " for note in flow.notes)
    return f"{boxes}{visit_note(flow, unit)} {notes}{source_line(origin)}"


def flow_alternative(flow: ParticipantFlow, unit: TimeUnit) -> str:
    """The diagram for a screen reader: every count of it."""
    parts = []
    for step in flow.steps:
        parts += [f"{part.total} left out: {part.reason}" for part in step.left]
        parts.append(f"{step.total} {step.title}{_arms(flow, step.counts)}")
    for visit in flow.visits:
        said = [unit.visit(visit.week)]
        if visit.at_risk is not None:
            said.append(f"{sum(visit.at_risk)} at risk{_arms(flow, visit.at_risk)}")
        if visit.imaged is not None:
            said.append(f"{sum(visit.imaged)} imaged{_arms(flow, visit.imaged)}")
        said += [f"{sum(counts)} {words}" for counts, words in _left(visit) if sum(counts)]
        parts.append(", ".join(said))
    return "Flow of participants. " + "; ".join(parts) + "."


def _left(visit: VisitCount) -> list[tuple[tuple[int, ...], str]]:
    return [
        (visit.events, "past the event"),
        (visit.censored, "censored"),
        (visit.unknown, "without outcome"),
        *((part.counts, part.reason) for part in visit.not_imaged),
    ]


def _arms(flow: ParticipantFlow, counts: tuple[int, ...]) -> str:
    if len(flow.arms) < 2:
        return ""
    return f" ({', '.join(f'{arm} {count}' for arm, count in zip(flow.arms, counts, strict=True))})"


def distribution_alternative(found: NumberDistribution, unit: TimeUnit) -> str:
    """The figure for a screen reader."""
    return f"{found.scale.title} by arm. {distribution_headline(found, unit)}"


def level_alternative(found: LevelDistribution) -> str:
    """The bars for a screen reader: every count."""
    parts = [
        f"{arm}: " + ", ".join(f"{level} {count}" for level, count in zip(found.levels, counts, strict=True))
        for arm, counts in zip(found.arms, found.counts, strict=True)
    ]
    return f"{found.title} by arm. {'; '.join(parts)}."


def trajectory_alternative(found: Trajectories, unit: TimeUnit) -> str:
    """The lines for a screen reader: every median with its n."""
    parts = [
        f"{arm}: "
        + ", ".join(
            f"{_visit(point.week, unit)} {measured(point.median)} (n = {point.n})" for point in points if point.n
        )
        for arm, points in found.arms.items()
    ]
    return f"{found.scale.title} over the visits, medians. {'; '.join(parts)}."
