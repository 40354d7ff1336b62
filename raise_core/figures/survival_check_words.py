"""What checks of a survival comparison say in words and tables."""

from __future__ import annotations

from collections.abc import Sequence

from raise_core.domain.cut_results import CutStability, OutOfFoldGroups
from raise_core.domain.marker_name import plain_column_name
from raise_core.domain.sensitivity_results import IntervalSensitivity, MedianInterval
from raise_core.domain.subgroup_results import SubgroupForest
from raise_core.domain.survival_report import SurvivalReport
from raise_core.domain.survival_results import (
    HazardRatio,
    LogRankTest,
    LogRankWeight,
    ProportionalHazardsTest,
    SurvivalComparison,
)
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.marker_axis import in_sentence, measured
from raise_core.figures.survival_marks import group_names
from raise_core.figures.survival_tables import origin_of
from raise_core.figures.survival_words import median_words, ratio_words
from raise_core.figures.table_export import PrintedTable, TableRow

_WEIGHTS = {
    LogRankWeight.LOG_RANK: ("Log-rank", "all times alike"),
    LogRankWeight.PETO: ("Peto–Peto", "early times more, by survival so far"),
    LogRankWeight.GEHAN: ("Gehan", "early times most, by the number at risk"),
    LogRankWeight.TARONE_WARE: ("Tarone–Ware", "in between"),
}
_CLEAR = 0.05


def proportionality(test: ProportionalHazardsTest | None) -> str:
    """Whether one hazard ratio may stand for the whole time."""
    if test is None:
        return (
            "Whether the hazard ratio changes with time cannot be tested: it is not finite, or events fall at too few "
            "different times."
        )
    said = numbers.p_equals(test.p)
    if test.p < _CLEAR:
        return (
            f"The hazard ratio changes with time (p {said}): read it as an average, and the difference of the means or "
            "the shares at a time instead."
        )
    return (
        f"No sign that the hazard ratio changes with time (p {said}; Grambsch & Therneau, as R's cox.zph). With few "
        "events this test misses much."
    )


def tests_table(report: SurvivalReport, tests: Sequence[LogRankTest]) -> PrintedTable:
    """Tests that weigh times differently, side by side; raw p-values."""
    rows = []
    for test in tests:
        name, how = _WEIGHTS[test.weight]
        chi2 = numbers.MISSING if test.chi2 is None else f"{test.chi2:.2f}"
        rows.append(TableRow((name, how, chi2, test.df, numbers.p_value(test.p))))
    note = (
        "As if the groups had been fixed in advance. A threshold chosen by looking makes all of these too small."
        if report.threshold_chosen
        else "Choose the test before looking, not the smallest of these."
    )
    return PrintedTable(
        "Tests of a difference between the groups", ("Test", "Weighs", "Chi-squared", "Degrees of freedom", "p"),
        tuple(rows), (note,), origin_of(report.provenance, patients=report.n),
    )  # fmt: skip


def stratified(test: LogRankTest, column: str) -> str:
    """The test within the levels of a characteristic."""
    name = in_sentence(plain_column_name(column))
    if test.p is None:
        return f"Within the levels of {name} there is nothing to compare."
    return (
        f"Stratified by {name}: log-rank chi-squared {test.chi2 or 0:.2f}, p {numbers.p_equals(test.p)} (not adjusted)."
    )


def mean_words(report: SurvivalReport, *, unit: TimeUnit) -> str:
    """Difference of the restricted means."""
    found = report.mean_difference
    if found is None:
        return ""
    names = group_names(report)
    gain = found.difference_weeks
    value, low, high = (None if one is None else unit.of_weeks(one) for one in (gain.value, gain.low, gain.high))
    chosen = report.threshold_chosen
    p = "" if found.p_difference is None or chosen else f", p {numbers.p_equals(found.p_difference)}"
    raw = " (the interval does not allow for the choice of threshold)" if chosen else ""
    return (
        f"Mean time without the event up to {unit.of_weeks(found.horizon_weeks):.0f} {unit.value}: "
        f"{numbers.difference(value, low, high, digits=1)} {unit.value} with {names[1]} compared with "
        f"{names[0]}{p}{raw}."
    )


def interval_table(report: SurvivalReport, found: IntervalSensitivity, *, unit: TimeUnit) -> PrintedTable:
    """The comparison with events dated at their scan, in the middle, and as intervals."""
    names = group_names(report)
    readings = (
        (found.at_detection, "At the scan that showed it (usual)"),
        (found.at_midpoint, "Halfway between scans"),
    )
    rows = []
    for comparison, name in readings:
        medians = [median_words(group.median_weeks, unit=unit) for group in comparison.groups]
        rows.append(
            TableRow((name, *medians, _ratios(comparison.hazard_ratios), numbers.p_value(comparison.log_rank.p)))
        )
    turnbull = [_between(curve.median(), unit) for curve in found.turnbull]
    rows.append(TableRow(("Only known to lie between (Turnbull)", *turnbull, numbers.MISSING, numbers.MISSING)))
    note = (
        f"{found.n_interval} events were found at a scan; the longest gap before one is "
        f"{unit.of_weeks(found.longest_interval_weeks):.0f} {unit.value}. Turnbull's estimate gives the times between "
        "which half of the patients have had the event, which is no confidence interval. p: log-rank test, "
        "not adjusted."
    )
    columns = ("Progression dated", *(f"Median, {name}" for name in names), "Hazard ratio (95 % CI)", "p")
    return PrintedTable(
        "Progression lies between two scans",
        columns,
        tuple(rows),
        (note,),
        origin_of(report.provenance, patients=report.n),
    )


def _ratios(ratios: Sequence[HazardRatio]) -> str:
    return "; ".join(ratio_words(ratio) for ratio in ratios)


def _between(median: MedianInterval, unit: TimeUnit) -> str:
    if median.earliest_weeks is None or median.latest_weeks is None:
        return "not reached"
    return f"{unit.of_weeks(median.earliest_weeks):.1f} to {unit.of_weeks(median.latest_weeks):.1f} {unit.value}"


def two_groups_words(comparison: SurvivalComparison, *, unit: TimeUnit) -> str:
    """Two groups in one sentence."""
    parts = [
        f"{group.label}: n {group.curve.n}, {group.curve.n_events} events, "
        f"median {median_words(group.median_weeks, unit=unit)}"
        for group in comparison.groups
    ]
    ratio = comparison.hazard_ratios[0]
    said = f"hazard ratio {ratio_words(ratio)}" if ratio.hr is not None else ratio.reason
    p = "" if comparison.log_rank.p is None else f", log-rank p {numbers.p_equals(comparison.log_rank.p)}"
    return f"{'; '.join(parts)}. {ratio.group} v {ratio.reference.lower()}: {said}{p}."


def forest_table(report: SurvivalReport, forest: SubgroupForest) -> PrintedTable:
    """The forest as numbers."""
    names = group_names(report)
    one = forest.overall
    rows = [TableRow(("All patients", f"{one.events[1]}/{one.n[1]}", f"{one.events[0]}/{one.n[0]}",
                      ratio_words(one.hazard_ratio), ""))]  # fmt: skip
    for covariate in forest.covariates:
        title = plain_column_name(covariate.name)
        test = covariate.interaction
        p = numbers.p_value(test.p) if test.p is not None else test.reason
        missing = f", {covariate.n_missing} not known" if covariate.n_missing else ""
        rows.append(TableRow((f"{title}{missing}", "", "", "", p), title, is_heading=True))
        rows += [
            TableRow(
                (level.level, f"{level.events[1]}/{level.n[1]}", f"{level.events[0]}/{level.n[0]}",
                 ratio_words(level.hazard_ratio), ""), title,
            )
            for level in covariate.subgroups
        ]  # fmt: skip
    columns = (
        "",
        f"{names[1]}: events/patients",
        f"{names[0]}: events/patients",
        "Hazard ratio (95 % CI)",
        "Interaction p",
    )
    return PrintedTable(
        f"Subgroups: {names[1]} v {names[0]}", columns, tuple(rows), (exploratory(forest),),
        origin_of(report.provenance, patients=report.n),
    )  # fmt: skip


def exploratory(forest: SubgroupForest) -> str:
    """How to read a forest."""
    if not forest.n_tests:
        return "Exploratory. No interaction could be tested: too few patients or events in the subgroups."
    return (
        f"Exploratory: nobody planned these {forest.n_tests} interaction tests, and they are not adjusted for their "
        f"number; one in twenty is below 0.05 by chance alone. A subgroup whose interval crosses 1 does not show that "
        "the difference is absent there; the interaction test asks whether the ratios differ (likelihood ratio, Efron "
        "ties)."
    )


def scan_words(stability: CutStability, folds: OutOfFoldGroups, *, marker: str) -> str:
    """How far the best cut can be trusted."""
    low, middle, high = (
        stability.quantiles[0],
        stability.quantiles[len(stability.quantiles) // 2],
        stability.quantiles[-1],
    )
    direction = "" if stability.same_direction > 0.975 else (
        f" In {100 * (1 - stability.same_direction):.0f} % of them the other side did worse."
    )  # fmt: skip
    out = (
        f"Chosen anew inside {len(folds.cut)} training folds and applied to the patients left out, the best cut "
        f"separates them with p {numbers.p_equals(folds.p_permutation)} ({folds.permutations} permutations through "
        "the same folds)."
    )
    return (
        f"Best cut of {marker} in these patients: {measured(stability.best)}. With patients drawn again "
        f"({stability.resamples} times), the best cut is {measured(float(middle))} in the middle and lies between "
        f"{measured(float(low))} and {measured(float(high))} in 95 %.{direction} {out}"
    )
