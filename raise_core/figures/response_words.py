"""What the response page says in words: headlines computed from what is on screen, definitions, footnotes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from raise_core.domain.lesion import SMALLEST_READABLE_MM
from raise_core.domain.marker_results import NumberDistribution
from raise_core.domain.response_results import CohortResponse, ExactShare, GrowthChange, Lane, MedianChange
from raise_core.domain.time_unit import TimeUnit
from raise_core.domain.week import DEFAULT_TOLERANCE_WEEKS, DEFAULT_WINDOW_WEEKS
from raise_core.figures import numbers
from raise_core.figures.cohort_tables import duration
from raise_core.figures.identity import endpoint_name
from raise_core.figures.response_marks import MINUS, percent_change
from raise_core.figures.spider import lines_of
from raise_core.figures.swimmer import LONGEST, RESPONDERS, SHORTEST, SPREAD
from raise_core.figures.table_export import Origin, source_line
from raise_core.figures.waterfall import bars_of

GROWTH_DEFINITION = (
    "Tumour growth rate: change of tumour volume in % per month, volume taken as the third power of the sum of target "
    "diameters D: 100 × (exp(3 × ln(D ÷ D₀) ÷ months) − 1), a month being 30.4 days (Dromain et al. 2019). Before "
    "treatment D₀ is the last sum before baseline and D the baseline; during treatment D₀ is the baseline. Sums of "
    "0 mm have none."
)
SPREAD_DEFINITION = (
    "Spread between lesions: for every target lesion of a patient the natural logarithm of its size at the visit ÷ its "
    f"size at baseline (sizes below {SMALLEST_READABLE_MM:.0f} mm count as {SMALLEST_READABLE_MM:.0f} mm), and of "
    "these the standard deviation (divisor: lesions − 1). It needs at least two lesions. 0: all lesions changed alike; "
    "0.2: they typically lie about 20 % from the patient’s average change, some growing more, some shrinking more."
)
CLICK = "Click a patient to open the patient’s page. "
_CHOSEN = {
    SPREAD: "taken at equal steps from the longest to the shortest time on study",
    RESPONDERS: "those with CR or PR",
    LONGEST: "the longest on study",
    SHORTEST: "the shortest on study",
}
SHARE_OF_ALL = "Percentages are of patients with a measured baseline; those never measured again count as NE."


def share(found: ExactShare) -> str:
    """A share with its interval and counts: 52 % (95 % CI 40–63 %; 40 of 77)."""
    return f"{numbers.percent(found.share)}{_limits(found)}"


def _limits(found: ExactShare) -> str:
    if found.ci_low is None or found.ci_high is None:
        return ""
    return f" (95 % CI {100 * found.ci_low:.0f}–{100 * found.ci_high:.0f} %; {found.patients} of {found.of})"


def waterfall_headline(found: CohortResponse) -> str:
    """How many shrank by how much, and the rate of objective response by arm."""
    bars = bars_of(found)["best_change_percent"]
    partial = int((bars <= -30 + 1e-9).sum())
    rates = " and ".join(
        f"{share(arm.objective)}{f' in {arm.arm}' if len(found.arms) > 1 else ''}" for arm in found.arms if arm.n
    )
    kind = "Confirmed objective response" if found.settings.confirm else "Objective response"
    return (
        f"{kind} (CR or PR): {rates}. The sum of target lesions fell in {int((bars < 0).sum())} of {len(bars)} "
        f"patients measured again, by 30 % or more in {partial}."
    )


def spider_headline(found: CohortResponse, unit: TimeUnit) -> str:
    """When the smallest sum was reached, and how many had progressed on images."""
    seen = found.patients[found.patients["visits"] > 0]
    progressed = seen[seen["progression_week"].notna()]
    smallest = seen["best_change_week"].dropna()
    new = int(progressed["new_lesion"].sum())
    with_new = f" ({new} with a new lesion)" if new else ""
    return (
        f"{len(progressed)} of {len(seen)} patients progressed on images{with_new}. Up to then the best change was "
        f"{percent_change(_median_change(found))} in the median patient, reached at a median of "
        f"{_date(float(smallest.median()), unit)}."
    )


def _median_change(found: CohortResponse) -> float:
    return float(found.patients["best_change_percent"].dropna().median())


def swimmer_headline(lanes: Sequence[Lane], unit: TimeUnit) -> str:
    """How many responded and how soon, and how many responses lasted to the last visit; of everybody, drawn or not."""
    responding = [lane for lane in lanes if lane.response is not None]
    if not responding:
        return f"None of {len(lanes)} patients responded (CR or PR)."
    first = median(lane.response[0] for lane in responding if lane.response is not None)
    lasting = sum(lane.progression_week is None for lane in responding)
    end = "none of them had progressed" if lasting == len(responding) else f"{lasting} of them had not progressed"
    return (
        f"{len(responding)} of {len(lanes)} patients responded (CR or PR), first seen at a median of "
        f"{_date(first, unit)}; {end} on images at their last visit."
    )


def growth_headline(found: GrowthChange, unit: TimeUnit) -> str:
    """Median growth rate before and during by arm, and the paired change with its interval."""
    parts = []
    for arm, change in found.paired.items():
        before, during = _median(found.before, arm), _median(found.during, arm)
        if before is None and during is None:
            continue
        who = f"{arm} " if len(found.paired) > 1 else ""
        known = [
            f"{_rate(value)} {when}"
            for value, when in ((before, "before"), (during, f"at {unit.visit(found.week)}"))
            if value is not None
        ]
        parts.append(f"{who}{', '.join(known)}{_paired(change)}")
    said = f"Median tumour growth rate (% per month): {'; '.join(parts)}."
    return f"{said} No sum was measured before baseline." if found.before is None else said


def _median(found: NumberDistribution | None, arm: str) -> float | None:
    return None if found is None else next((group.median for group in found.arms if group.arm == arm), None)


def _rate(value: float) -> str:
    return numbers.difference(value, digits=1)


def _paired(change: MedianChange) -> str:
    if change.median is None:
        return ""
    limits = ""
    if change.ci_low is not None and change.ci_high is not None:
        limits = f"95 % CI {_plain(change.ci_low, 1)} to {_plain(change.ci_high, 1)}; "
    return f", change {_rate(change.median)} ({limits}n = {change.n})"


def spread_headline(found: NumberDistribution, unit: TimeUnit) -> str:
    """The median spread between lesions by arm, and how far the arms lie apart with its interval."""
    medians = ", ".join(
        f"{_plain(arm.median, 2)}{f' in {arm.arm}' if len(found.arms) > 1 else ''} (n = {arm.n})"
        for arm in found.arms
        if arm.median is not None
    )
    when = "" if found.week is None else f" at {unit.visit(found.week)}"
    said = f"Median spread of size change between a patient’s lesions{when}: {medians}"
    shift = found.shift
    if shift is None:
        return f"{said}."
    limits = ""
    if shift.ci_low is not None and shift.ci_high is not None:
        limits = f" (95 % CI {_plain(shift.ci_low, 2)} to {_plain(shift.ci_high, 2)})"
    return f"{said}; {shift.first} minus {shift.second}: {_plain(shift.estimate, 2)}{limits}."


def _plain(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return (text.lstrip("-") if float(text) == 0 else text).replace("-", MINUS)


def criteria(found: CohortResponse, unit: TimeUnit) -> str:
    """How responses were read: edition, thresholds, confirmation, what is not read."""
    rules, version = found.settings, found.settings.version.value
    newer = version == "1.1"
    nodes, growth = (" (lymph nodes below 10 mm)", " and 5 mm") if newer else ("", "")
    said = [
        (
            f"RECIST {version}: CR all target lesions gone{nodes}, PR the sum at least 30 % below baseline, PD at "
            f"least 20 %{growth} above the smallest sum so far, or a new lesion, or disease seen again after CR."
        ),
        f"Best response up to progression; SD counts from {duration(rules.minimum_stable_weeks, unit)} after baseline.",
    ]
    if rules.confirm:
        said.append(
            f"CR and PR confirmed by another at least {duration(rules.confirmation_weeks, unit)} later; without it "
            "they count as SD."
        )
    else:
        said.append("CR and PR need no confirmation.")
    if found.other_lesions:
        said.append(
            f"Other lesions known at baseline ({found.other_lesions} patients) keep a CR at PR while they are seen; "
            "their progression is a judgement that no diameter makes, and is not read."
        )
    else:
        said.append("The data hold no other lesions at baseline: response rests on target and new lesions.")
    if newer and found.small_nodes:
        said.append(
            f"{found.small_nodes} patients have a target lymph node below 15 mm at baseline, which 1.1 would not have "
            "chosen; it is read as recorded."
        )
    return " ".join(said)


def left_out(found: CohortResponse) -> str:
    """Who is counted and has no bar or line, with the reason."""
    never, without = found.never_seen_again, found.without_baseline
    bars = len(bars_of(found))
    unmeasured = found.n - never - bars
    said = [f"{bars} patients drawn"]
    if never:
        said.append(f"{never} without a visit after baseline (not evaluable, NE)")
    if unmeasured:
        said.append(f"{unmeasured} seen again but never with every target measured up to progression")
    if without:
        said.append(f"{without} without a measured baseline (in no rate)")
    return f"{'; '.join(said)}."


def waterfall_footnote(found: CohortResponse, origin: Origin, unit: TimeUnit) -> str:
    """Who is drawn, how it was read, where it comes from."""
    return (
        f"Best change: smallest sum up to progression. {left_out(found)} {SHARE_OF_ALL} Intervals: Clopper-Pearson. "
        f"{CLICK}{criteria(found, unit)} {source_line(origin)}"
    )


def spider_footnote(found: CohortResponse, origin: Origin, unit: TimeUnit) -> str:
    """Who is drawn, how it was read, where it comes from."""
    points, total = lines_of(found)
    drawn = points["patient_id"].nunique()
    choice = (
        f"{drawn} of {total} patients measured after baseline are drawn, at equal steps through the order of their "
        "best change. "
        if drawn < total
        else f"{total} patients measured after baseline. "
    )
    cross = "Cross: a new lesion. " if (points["new_lesions"].map(len) > 0).any() else ""
    return (
        f"{choice}{cross}A visit at which a baseline target was not measured has no point. +20 % is drawn from "
        f"baseline; progression is read from the smallest sum so far. {CLICK}{criteria(found, unit)} "
        f"{source_line(origin)}"
    )


def swimmer_footnote(
    found: CohortResponse,
    lanes: Sequence[Lane],
    *,
    shown: int,
    chosen: str,
    endpoint: str | None,
    origin: Origin,
    unit: TimeUnit,
) -> str:
    """How many are drawn, what ends a bar, how responses were read, where it comes from."""
    never = len(found.patients) - len(lanes)
    absent = f" {never} patients have no time after randomisation." if never else ""
    how = f", {_CHOSEN[chosen]}" if shown < len(lanes) else ""
    events = sum(bool(lane.event) for lane in lanes)
    ends = (
        f"Bars end at the event ({events}) or censoring of {endpoint_name(endpoint).lower()}; a thin line goes on to "
        "the last date known alive."
        if endpoint
        else "No outcomes are recorded: bars end at the last visit with measurements."
    )
    return (
        f"{shown} of {len(lanes)} patients shown{how}.{absent} {ends} A response lasts from the first CR or PR to the "
        f"visit of progression, else to the last visit. {CLICK}{criteria(found, unit)} {source_line(origin)}"
    )


def growth_footnote(found: GrowthChange, beyond: int, origin: Origin, unit: TimeUnit) -> str:
    """What points and boxes are, how the change is estimated, and how many points lie outside the axis."""
    known = [(words, part) for words, part in (("before", found.before), ("during", found.during)) if part is not None]
    counts = ", ".join(f"{part.n} {words}" for words, part in known)
    outside = f"{beyond} points lie outside the axis; double-click the figure to see them. " if beyond else ""
    return (
        f"One point a patient ({counts}). {outside}Box: 25 % to 75 % quantile, thick line: median. During: the value "
        "dated from "
        f"{duration(DEFAULT_WINDOW_WEEKS, unit)} before the visit to {duration(DEFAULT_TOLERANCE_WEEKS, unit)} after. "
        "Change: during minus before in patients with both, median with the interval of the sign test; it also holds "
        "regression to the mean and whatever chose who is still seen. "
        f"{CLICK}{source_line(origin)}"
    )


def waterfall_alternative(found: CohortResponse) -> str:
    """The bars for a screen reader."""
    bars = bars_of(found)["best_change_percent"]
    counts = ", ".join(f"{response.value} {n}" for response, n in found.counts().items())
    return (
        f"Waterfall of the best change from baseline, from {percent_change(float(bars.max()))} to "
        f"{percent_change(float(bars.min()))}. Best responses: {counts}. {waterfall_headline(found)}"
    )


def spider_alternative(found: CohortResponse, unit: TimeUnit) -> str:
    """The lines for a screen reader."""
    parts = []
    for arm in found.arms:
        own = found.patients.loc[found.patients["arm"] == arm.arm, "best_change_percent"].dropna()
        if len(own):
            parts.append(f"{arm.arm}: median best change {percent_change(float(own.median()))} (n = {len(own)})")
    return f"Change of the sum of target lesions over time. {'; '.join(parts)}. {spider_headline(found, unit)}"


def swimmer_alternative(shown: Sequence[Lane], lanes: Sequence[Lane], unit: TimeUnit) -> str:
    """The bars for a screen reader."""
    longest, shortest = shown[0], shown[-1]
    return (
        f"Time on study of {len(shown)} patients, from {_date(longest.end_week, unit)} ({longest.patient_id}) to "
        f"{_date(shortest.end_week, unit)} ({shortest.patient_id}). {swimmer_headline(lanes, unit)}"
    )


def _date(week: float, unit: TimeUnit) -> str:
    return unit.visit(round(week) if unit is TimeUnit.WEEKS else week)
