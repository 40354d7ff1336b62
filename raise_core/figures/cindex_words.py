"""What the c-index figure says in words: headline, footnote, text alternative, warnings."""

from __future__ import annotations

from raise_core.domain.results import CindexEstimate, CindexReport
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.identity import model_name, sentence_name

AT_RISK_NOT_STATED = "At-risk definition not stated in the paper; hollow grey points are not directly comparable."
FEW_EVENTS = 10
PER_VARIABLE = "per variable"  # a warning that says less than the one on few events


def headline(report: CindexReport, *, unit: TimeUnit = TimeUnit.WEEKS) -> str:
    """One sentence on the first model at the earliest week that could be estimated, and how the second compares."""
    scored = [e for e in report.estimates if e.mean is not None]
    if not scored:
        return "None of these models could be evaluated on this cohort; the reasons stand below."
    model = next(m for m in report.models if any(e.model == m for e in scored))
    first = next(e for e in scored if e.model == model)
    pair = next((c for c in report.comparisons if c.week == first.week and c.model_a == model), None)
    other = None if pair is None else report.estimate(pair.model_b, pair.week)
    digits = 0 if other is None or other.mean is None else 1  # so that the two and their difference agree
    sentence = (
        f"At {unit.visit(first.week)}, {100 * (first.mean or 0):.{digits}f} of 100 patient pairs are ranked correctly "
        f"by {sentence_name(model)}"
    )
    if first.ci_low is not None and first.ci_high is not None:
        sentence += f" (95 % CI {100 * first.ci_low:.0f}–{100 * first.ci_high:.0f}; {_counts(first, report)})"
    if pair is None or other is None or other.mean is None:
        return f"{sentence}."
    in_pairs = [None if value is None else 100 * value for value in (pair.difference, pair.ci_low, pair.ci_high)]
    return (
        f"{sentence}, {100 * other.mean:.1f} by {sentence_name(pair.model_b)}; difference "
        f"{numbers.difference(*in_pairs, digits=1)}."
    )


def _counts(estimate: CindexEstimate, report: CindexReport) -> str:
    return f"{estimate.n} patients, {estimate.events} {event_words(report.settings.endpoint)} ahead"


def event_words(endpoint: str) -> str:
    """What an event of this endpoint is, in the plural."""
    return {"PFS": "progressions or deaths", "OS": "deaths", "PROGRESSION": "progressions", "DEATH": "deaths"}.get(
        endpoint, f"{endpoint} events"
    )


def event_noun(endpoint: str) -> str:
    """What an event of this endpoint is, in the singular."""
    return {"PFS": "progression or death", "OS": "death", "PROGRESSION": "progression", "DEATH": "death"}.get(
        endpoint, f"{endpoint} event"
    )


def footnote(report: CindexReport, *, naive_bars: bool, unit: TimeUnit = TimeUnit.WEEKS) -> str:
    """Method, ties, interval kind, snapshot and run."""
    s, p = report.settings, report.provenance
    bars = (
        "bars are ± the naive standard error as in the paper, which is several times too small"
        if naive_bars
        else "bars are 95 % intervals with the corrected standard error (Nadeau & Bengio 2003)"
    )
    run = f" · run {p.run_id[:8]}, encoder {p.encoder}" if p.run_id else ""
    return (
        f"{s.endpoint}; patients at risk and events ahead: {_counts_by_week(report, unit)}. Harrell's c (equal risks "
        f"count half), mean over {s.splits} Monte Carlo splits stratified by event ({100 * s.train_fraction:.0f} % "
        f"training, "
        f"split by patient, the same splits for all models of a week); {bars}, cut at 0 and 1. Cox models: partial "
        f"likelihood, Efron ties. The clock starts at week + {s.tolerance_weeks:g} and only patients event-free then "
        f"count; values are dated from {s.window_weeks:g} weeks before the week to {s.tolerance_weeks:g} after. "
        f"Data snapshot {p.snapshot_id[:8]}, seed {s.seed}{run}.{_chosen(report)}"
    )


def _chosen(report: CindexReport) -> str:
    """What a cohort filter means for the models, empty without one."""
    if not report.provenance.cohort_words:
        return ""
    networks = (
        " Network outputs and splits stay those of the whole-cohort run, cut to these patients."
        if report.provenance.run_id
        else ""
    )
    return f" Only {report.provenance.cohort_words}; Cox models are refitted on them.{networks}"


def _counts_by_week(report: CindexReport, unit: TimeUnit) -> str:
    first = {e.week: e for e in reversed(report.estimates)}
    return ", ".join(f"{first[w].n} and {first[w].events} ({unit.visit(w)})" for w in report.weeks)


def warnings(report: CindexReport, *, unit: TimeUnit = TimeUnit.WEEKS) -> list[str]:
    """What the reader must know before believing the figure, one sentence each."""
    found: list[str] = []
    for week in report.weeks:
        at_week = [e for e in report.estimates if e.week == week]
        events = at_week[0].events
        few = 0 < events < FEW_EVENTS
        if few:
            ahead = event_words(report.settings.endpoint)
            sentence = f"Only {events} {ahead} lie ahead of {unit.visit(week)}"
            found.append(
                f"{sentence}: the models cannot be told apart here."
                if len(at_week) > 1
                else f"{sentence}: the estimate is little more than a guess."
            )
        for estimate in at_week:
            found.extend(
                f"{unit.visit(week).capitalize()}, {sentence_name(estimate.model)}: {text}"
                for text in estimate.warnings
                if not (few and PER_VARIABLE in text)
            )
    return list(dict.fromkeys(found))


def text_alternative(report: CindexReport, *, unit: TimeUnit = TimeUnit.WEEKS) -> str:
    """The figure for a screen reader: every point it shows."""
    lines = [
        f"{model_name(e.model)}, {unit.visit(e.week)}: c-index {numbers.interval(e.mean, e.ci_low, e.ci_high)}, "
        f"{e.n} patients, {e.events} events"
        for e in report.estimates
    ]
    return "C-index by visit week. " + "; ".join(lines) + "."
