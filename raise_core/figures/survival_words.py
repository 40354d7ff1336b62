"""What a survival figure says in words: headline, footnote, warnings, text alternative."""

from __future__ import annotations

from raise_core.domain.survival_report import SurvivalReport
from raise_core.domain.survival_results import Estimate, HazardRatio, IntervalScale
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.cindex_words import event_noun
from raise_core.figures.identity import endpoint_name
from raise_core.figures.marker_axis import in_sentence
from raise_core.figures.survival_marks import divider_words, group_names

NOT_REACHED = "not reached"
FEW_EVENTS = 10
NOT_COVERED = "It does not cover having chosen the marker, the week, the patients or the outcome by looking."
_ADJUSTED = (
    "p adjusted for having chosen the threshold: maximally selected log-rank statistic over the cuts that leave at "
    "least a tenth of the patients on either side, 1,000 permutations up to 20,000 patients, beyond that the bound of "
    "Lausen et al. (1994)"
)
_ADJUSTED_TWO = (
    "p adjusted for having chosen both thresholds: largest three-group log-rank statistic over the pairs that leave at "
    "least a tenth of the patients in each group (at most 120 thresholds, evenly spread), 1,000 permutations, beyond "
    "20,000 patients draws from its normal limit"
)


def headline(report: SurvivalReport, *, unit: TimeUnit) -> str:
    """One sentence: how much more often the event comes in one group, with its uncertainty, and the medians."""
    risky = any(cut.is_risk for cut in report.question.cuts)
    names = [in_sentence(name) if risky else name for name in group_names(report)]
    groups = report.comparison.groups
    event = event_noun(report.question.endpoint)
    if len(groups) == 1:
        median = median_words(groups[0].median_weeks, unit=unit)
        return f"{names[0]}: median time without {event} {median}; {_counts(report)}."
    if len(groups) > 2:
        divider = divider_words(report)
        return f"{_difference(report)} between the {len(groups)} groups by {divider}; {_counts(report)}."
    ratio = report.comparison.hazard_ratios[0]
    medians = " v ".join(_short_median(group.median_weeks, unit) for group in reversed(groups))
    if ratio.hr is None:
        return f"{names[1]} and {names[0]} cannot be compared by a hazard ratio: {ratio.reason}; {_counts(report)}."
    return (
        f"{event.capitalize()} comes at {ratio.hr:.2f} times the rate with {names[1]} than with {names[0]} "
        f"(hazard ratio, 95 % CI {ratio.ci_low:.2f}–{ratio.ci_high:.2f}; {p_words(report)}; {_counts(report)}); "
        f"median {medians}."
    )


def _difference(report: SurvivalReport) -> str:
    p = report.p.value
    if p is None:
        return "No p-value can be given for the difference"
    how = ", adjusted for the choice" if report.p.is_adjusted else ""
    return f"Log-rank p {numbers.p_equals(p)}{how}"


def p_words(report: SurvivalReport) -> str:
    """The p-value that may be shown, with what it is."""
    p = report.p
    if p.value is None:
        return f"no p-value: {p.reason}" if p.reason else "no p-value"
    if p.is_adjusted:
        return f"p {numbers.p_equals(p.value)}, adjusted for the choice of threshold"
    fixed = " at a threshold fixed in advance" if p.reason else ""
    return f"log-rank p {numbers.p_equals(p.value)}{fixed}"


def _counts(report: SurvivalReport) -> str:
    patients = "1 patient" if report.n == 1 else f"{report.n} patients"
    return f"{patients}, {report.n_events} {'event' if report.n_events == 1 else 'events'}"


def median_words(median: Estimate, *, unit: TimeUnit) -> str:
    """'72.1 weeks (48.3 to not reached)'."""
    if median.value is None:
        low = "" if median.low is None else f" (95 % CI from {unit.of_weeks(median.low):.1f} {unit.value})"
        return f"{NOT_REACHED}{low}"
    low = "unknown" if median.low is None else _limit(median.low, unit)
    return f"{unit.of_weeks(median.value):.1f} {unit.value} ({low} to {_limit(median.high, unit)})"


def _short_median(median: Estimate, unit: TimeUnit) -> str:
    return NOT_REACHED if median.value is None else f"{unit.of_weeks(median.value):.0f} {unit.value}"


def _limit(weeks: float | None, unit: TimeUnit) -> str:
    return NOT_REACHED if weeks is None else f"{unit.of_weeks(weeks):.1f}"


def at_time(weeks: float, unit: TimeUnit) -> str:
    """A time after the start as people say it: 'week 52', 'month 12'."""
    return f"{unit.value.removesuffix('s')} {unit.of_weeks(weeks):.0f}"


def ratio_words(ratio: HazardRatio) -> str:
    """'0.47 (0.30–0.73)', or why there is none."""
    return ratio.reason if ratio.hr is None else numbers.interval(ratio.hr, ratio.ci_low, ratio.ci_high)


def footnote(report: SurvivalReport, *, unit: TimeUnit, scale: IntervalScale) -> str:
    """Method, ties, interval kind, clock, p-value and data."""
    p, question = report.provenance, report.question
    if question.week is None:
        clock = "Time counts from randomisation."
    else:
        rule = question.week
        clock = (
            f"Landmark analysis: time counts from {unit.visit(rule.week)} + {unit.write(rule.tolerance_weeks)}, and "
            f"only patients without the event then are at risk; values are dated from {unit.write(rule.window_weeks)} "
            f"{unit.value} before the visit to {unit.write(rule.tolerance_weeks)} after."
        )
    risk = (
        " Risks are out of fold: the mean over the splits in which the patient was not in training."
        if any(cut.is_risk for cut in question.cuts)
        else ""
    )
    tested = _tested(report)
    run = f" · run {p.run_id[:8]}, encoder {p.encoder}" if p.run_id else ""
    chosen = f" Only {p.cohort_words}." if p.cohort_words else ""
    return (
        f"{endpoint_name(question.endpoint)}, n {report.n}, {report.n_events} events. Kaplan–Meier, bands: pointwise "
        f"95 % intervals ({scale.value}); hazard ratio: Cox model, Efron ties; {tested}. {clock}{risk} Data snapshot "
        f"{p.snapshot_id[:8]}{run}.{chosen}"
    )


def _tested(report: SurvivalReport) -> str:
    """Which test the p-value shown is of."""
    if report.p.value is None:
        return "no p-value"
    if not report.p.is_adjusted:
        return "log-rank test"
    two = any(len(cut.thresholds) > 1 for cut in report.cuts)
    return _ADJUSTED_TWO if two else _ADJUSTED


def warnings(report: SurvivalReport) -> tuple[str, ...]:
    """What must be known before believing the figure."""
    found = []
    if report.p.is_adjusted:
        what = "thresholds were" if sum(len(cut.thresholds) for cut in report.cuts) > 1 else "threshold was"
        found.append(f"The {what} chosen by looking, so the p-value is adjusted for that. {NOT_COVERED}")
    elif report.p.value is None and report.p.reason:
        found.append(f"No p-value: {report.p.reason}.")
    elif report.p.reason:
        found.append(
            f"The p-value is not adjusted: the threshold was fixed in advance ({report.p.reason}). {NOT_COVERED}"
        )
    names = group_names(report)
    few = [
        f"{name} ({group.curve.n_events})"
        for name, group in zip(names, report.comparison.groups, strict=True)
        if group.curve.n_events < FEW_EVENTS
    ]
    if few:
        found.append(
            f"Fewer than {FEW_EVENTS} events in {', '.join(few)}: the curve's end and the ratio are uncertain."
        )
    return tuple(found)


def text_alternative(report: SurvivalReport, *, unit: TimeUnit) -> str:
    """The figure for those who cannot see it."""
    parts = [
        f"{name}: {group.curve.n} patients, {group.curve.n_events} events, "
        f"median {median_words(group.median_weeks, unit=unit)}"
        for name, group in zip(group_names(report), report.comparison.groups, strict=True)
    ]
    endpoint = endpoint_name(report.question.endpoint)
    return f"Kaplan-Meier curves of {endpoint}. {'; '.join(parts)}. {headline(report, unit=unit)}"
