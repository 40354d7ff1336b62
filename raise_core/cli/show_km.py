"""The verb show km: survival by groups."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from raise_core.cli import context as call
from raise_core.cli.context import EndpointOption, StudyOption
from raise_core.cli.output import print_json, print_table, say
from raise_core.domain.errors import BadUsageError
from raise_core.domain.survival_report import SurvivalReport
from raise_core.domain.survival_results import HazardRatio, SurvivalGroup
from raise_core.domain.week import LandmarkWeek
from raise_core.figures import numbers
from raise_core.studies.opening import open_study
from raise_core.studies.survival import MEDIAN, survival_by_column, survival_by_marker


def km(
    context: typer.Context,
    study: StudyOption,
    endpoint: EndpointOption = "PFS",
    by: Annotated[str | None, typer.Option(help="Patient column whose levels are compared.")] = None,
    marker: Annotated[str | None, typer.Option(help="Marker that is cut; needs --week and --threshold.")] = None,
    week: Annotated[float | None, typer.Option(help="Landmark week of the marker's value.")] = None,
    threshold: Annotated[str | None, typer.Option(help="Value that divides the patients, or: median.")] = None,
    window: Annotated[float, typer.Option(help="How old a value may be, weeks.")] = 8.0,
    tolerance: Annotated[float, typer.Option(help="How late a visit may be, weeks.")] = 1.0,
) -> None:
    """Kaplan-Meier by a column or by a marker's threshold, with log-rank test and hazard ratio."""
    options = call.of(context)
    if (by is None) == (marker is None):
        raise BadUsageError("give either --by COLUMN or --marker M --week W --threshold X.")
    if by is not None and (week is not None or threshold is not None):
        raise BadUsageError("--by counts from randomisation; --week and --threshold go with --marker.")
    if marker is not None and (week is None or threshold is None):
        raise BadUsageError("--marker needs --week and --threshold, a number or: median.")
    source = open_study(options.home, study)
    if by is not None:
        report = survival_by_column(source, by, endpoint=endpoint)
    else:
        rule = LandmarkWeek(week or 0.0, window, tolerance)
        report = survival_by_marker(source, marker or "", rule, threshold=_number(threshold or ""), endpoint=endpoint)
    if options.json:
        print_json(document(report))
        return
    _print(report)


def _number(text: str) -> float | None:
    """None for the median."""
    if text.strip().lower() == MEDIAN:
        return None
    try:
        return float(text)
    except ValueError:
        raise BadUsageError(f"--threshold is {text!r}; give a number or: median.") from None


def document(report: SurvivalReport) -> dict[str, Any]:
    """A comparison of groups as `--json` prints it."""
    found = report.comparison
    ratios = [_ratio(ratio) for ratio in found.hazard_ratios]
    return {
        "groups": [_group(group, found.at_risk_weeks.tolist()) for group in found.groups],
        "logrank": {"chi2": found.log_rank.chi2, "df": found.log_rank.df, "p": found.log_rank.p},
        "hazard_ratio": ratios[0] if len(ratios) == 1 else None,
        "hazard_ratios": ratios,
        "rmst_horizon_weeks": found.rmst_horizon_weeks,
        "p_adjusted": report.p.value if report.p.is_adjusted else None,
        "cut": _cut(report),
        "excluded": report.excluded,
        "n_study": report.n_study,
        "endpoint": report.question.endpoint,
        "landmark_weeks": report.landmark_weeks,
        "provenance": report.provenance,
    }


def _cut(report: SurvivalReport) -> dict[str, Any] | None:
    if not report.cuts:
        return None
    cut = report.cuts[0]
    return {
        "marker": cut.model,
        "week": cut.week,
        "threshold": cut.thresholds[0],
        "fixed_in_advance": cut.fixed_in_advance or None,
    }


def _group(group: SurvivalGroup, weeks: list[float]) -> dict[str, Any]:
    curve = group.curve
    return {
        "label": group.label,
        "n": curve.n,
        "events": curve.n_events,
        "median_weeks": group.median_weeks.value,
        "median_ci": [group.median_weeks.low, group.median_weeks.high],
        "rmst_weeks": None if group.restricted_mean is None else group.restricted_mean.weeks,
        "rmst_se": None if group.restricted_mean is None else group.restricted_mean.std_error,
        "at_risk": [{"week": at, "n": int(n)} for at, n in zip(weeks, group.at_risk, strict=True)],
        "curve": {
            "weeks": curve.time_weeks.tolist(),
            "survival": curve.survival.tolist(),
            "ci_low": curve.low.tolist(),
            "ci_high": curve.high.tolist(),
            "at_risk": curve.at_risk.tolist(),
            "events": curve.events.tolist(),
            "censored": curve.censored.tolist(),
        },
    }


def _ratio(ratio: HazardRatio) -> dict[str, Any]:
    return {
        "hr": ratio.hr,
        "ci_low": ratio.ci_low,
        "ci_high": ratio.ci_high,
        "group": ratio.group,
        "reference": ratio.reference,
        "reason": ratio.reason or None,
    }


def _print(report: SurvivalReport) -> None:
    found = report.comparison
    say("Simulated data" if report.provenance.simulated else f"Study {report.provenance.study_title}")
    print_table(
        f"{report.question.endpoint}, weeks from {'randomisation' if not report.landmark_weeks else 'the landmark'}",
        ["group", "patients", "events", "median (95 % CI)", f"mean up to {found.rmst_horizon_weeks:.0f}"],
        [
            [
                group.label,
                group.curve.n,
                group.curve.n_events,
                _median(group),
                None if group.restricted_mean is None else f"{group.restricted_mean.weeks:.1f}",
            ]
            for group in found.groups
        ],
    )
    for ratio in found.hazard_ratios:
        value = ratio.reason if ratio.hr is None else numbers.interval(ratio.hr, ratio.ci_low, ratio.ci_high)
        say(f"Hazard of {ratio.group} against {ratio.reference}: {value}")
    if report.p.value is None:
        say(f"No p-value: {report.p.reason or 'fewer than two groups can be compared'}.")
    elif report.p.is_adjusted:
        say(f"p = {numbers.p_value(report.p.value)}, {report.p.reason}.")
    else:
        fixed = f"; the threshold was fixed in advance ({report.p.reason})" if report.p.reason else ""
        say(f"Log-rank p = {numbers.p_value(report.p.value)}{fixed}.")
    say(
        f"{report.n} patients, {report.n_events} events. Kaplan-Meier, {found.groups[0].curve.scale.value} limits; "
        f"hazard ratio: Cox model, Efron ties. Data snapshot {report.provenance.snapshot_id[:8]}."
    )
    for reason, count in report.excluded.items():
        say(f"Left out, {reason}: {count}")


def _median(group: SurvivalGroup) -> str:
    def shown(weeks: float | None, unknown: str) -> str:
        return unknown if weeks is None else f"{weeks:.1f}"

    median = group.median_weeks
    low = "unknown" if median.value is not None else "not reached"
    return f"{shown(median.value, 'not reached')} ({shown(median.low, low)} to {shown(median.high, 'not reached')})"
