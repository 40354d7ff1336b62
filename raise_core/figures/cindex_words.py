"""What the c-index figure says in words: headline, footnote, text alternative, warnings."""

from __future__ import annotations

from raise_core.domain.results import CindexEstimate, CindexReport
from raise_core.figures import numbers
from raise_core.figures.identity import model_name, sentence_name

AT_RISK_NOT_STATED = "At-risk definition not stated in the paper; hollow grey points are not directly comparable."
FEW_EVENTS = 10
PER_VARIABLE = "per variable"  # a warning that says less than the one on few events


def headline(report: CindexReport) -> str:
    """One sentence on the first model at the earliest week that could be estimated, and how the second compares."""
    scored = [e for e in report.estimates if e.mean is not None]
    if not scored:
        return "None of these models could be evaluated on this cohort; the reasons stand below."
    model = next(m for m in report.models if any(e.model == m for e in scored))
    first = next(e for e in scored if e.model == model)
    sentence = (
        f"At week {numbers.week(first.week)}, {100 * (first.mean or 0):.0f} of 100 patient pairs are ranked correctly "
        f"by {sentence_name(model)}"
    )
    if first.ci_low is not None and first.ci_high is not None:
        sentence += f" (95 % CI {100 * first.ci_low:.0f}–{100 * first.ci_high:.0f}; {_counts(first, report)})"
    pair = next((c for c in report.comparisons if c.week == first.week and c.model_a == model), None)
    other = None if pair is None else report.estimate(pair.model_b, pair.week)
    if pair is None or other is None or other.mean is None:
        return f"{sentence}."
    return (
        f"{sentence}, {100 * other.mean:.0f} by {sentence_name(pair.model_b)}; difference "
        f"{numbers.difference(pair.difference, pair.ci_low, pair.ci_high)}."
    )


def _counts(estimate: CindexEstimate, report: CindexReport) -> str:
    return f"{estimate.n} patients, {estimate.events} {event_words(report.settings.endpoint)} ahead"


def event_words(endpoint: str) -> str:
    """What an event of this endpoint is, in the plural."""
    return {"PFS": "progressions or deaths", "OS": "deaths", "PROGRESSION": "progressions", "DEATH": "deaths"}.get(
        endpoint, f"{endpoint} events"
    )


def footnote(report: CindexReport, *, naive_bars: bool) -> str:
    """Method, ties, interval kind, snapshot and run."""
    s, p = report.settings, report.provenance
    bars = (
        "bars are ± the naive standard error as in the paper, which is several times too small"
        if naive_bars
        else "bars are 95 % intervals with the corrected standard error (Nadeau & Bengio 2003)"
    )
    run = f" · run {p.run_id[:8]}, encoder {p.encoder}" if p.run_id else ""
    return (
        f"{s.endpoint}; patients at risk and events ahead: {_counts_by_week(report)}. Harrell's c (equal risks count "
        f"half), mean over {s.splits} Monte Carlo splits stratified by event ({100 * s.train_fraction:.0f} % training, "
        f"split by patient, the same splits for all models of a week); {bars}, cut at 0 and 1. Cox models: partial "
        f"likelihood, Efron ties. The clock starts at week + {s.tolerance_weeks:g} and only patients event-free then "
        f"count; values are dated from {s.window_weeks:g} weeks before the week to {s.tolerance_weeks:g} after. "
        f"Data snapshot {p.snapshot_id[:8]}, seed {s.seed}{run}."
    )


def _counts_by_week(report: CindexReport) -> str:
    first = {e.week: e for e in reversed(report.estimates)}
    return ", ".join(f"{first[w].n} and {first[w].events} (week {numbers.week(w)})" for w in report.weeks)


def warnings(report: CindexReport) -> list[str]:
    """What the reader must know before believing the figure, one sentence each."""
    found: list[str] = []
    for week in report.weeks:
        at_week = [e for e in report.estimates if e.week == week]
        events = at_week[0].events
        few = 0 < events < FEW_EVENTS
        if few:
            ahead = event_words(report.settings.endpoint)
            sentence = f"Only {events} {ahead} lie ahead of week {numbers.week(week)}"
            found.append(
                f"{sentence}: the models cannot be told apart here."
                if len(at_week) > 1
                else f"{sentence}: the estimate is little more than a guess."
            )
        for estimate in at_week:
            found.extend(
                f"Week {numbers.week(week)}, {sentence_name(estimate.model)}: {text}"
                for text in estimate.warnings
                if not (few and PER_VARIABLE in text)
            )
    return list(dict.fromkeys(found))


def text_alternative(report: CindexReport) -> str:
    """The figure for a screen reader: every point it shows."""
    lines = [
        f"{model_name(e.model)}, week {numbers.week(e.week)}: c-index {numbers.interval(e.mean, e.ci_low, e.ci_high)}, "
        f"{e.n} patients, {e.events} events"
        for e in report.estimates
    ]
    return "C-index by visit week. " + "; ".join(lines) + "."
