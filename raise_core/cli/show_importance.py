"""The verb show importance: which laboratory values a model uses."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from raise_core.cli import context as call
from raise_core.cli.context import EndpointOption, StudyOption
from raise_core.cli.output import print_json, print_table, say, terminal_progress
from raise_core.domain.importance_results import GroupImportance, ImportanceReport, LabImportance, LabRatio
from raise_core.domain.importance_settings import DEFAULT_MODEL, ImportanceModel, ImportanceSettings
from raise_core.domain.marker_name import plain_test_name
from raise_core.figures import importance_words, numbers
from raise_core.studies.lab_importance import importance as find_importance


def importance(
    context: typer.Context,
    study: StudyOption,
    endpoint: EndpointOption = "PFS",
    week: Annotated[float, typer.Option(help="Visit week; 0 is the baseline.")] = 0.0,
    model: Annotated[
        ImportanceModel,
        typer.Option(help="rsf: random survival forest; cox: Cox model; rf: forest of short against long at a year."),
    ] = DEFAULT_MODEL,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
) -> None:
    """Importance of each laboratory value on held-out folds, beside noise, with hazard ratios."""
    options = call.of(context)
    settings = ImportanceSettings(endpoint=endpoint, week=week, model=model, seed=seed)
    with terminal_progress() as progress:
        report = find_importance(options.home, study, settings, progress=progress)
    if options.json:
        print_json(_document(report))
        return
    _print(report)


def _document(report: ImportanceReport) -> dict[str, Any]:
    return {
        "labs": [_lab(lab) for lab in report.labs],
        "model": report.settings.model.value,
        "metric": report.metric,
        "metric_mean": report.metric_mean,
        "metric_ci": [report.metric_low, report.metric_high],
        "noise": report.noise,
        "groups": [_group(group) for group in report.groups],
        "n": report.n,
        "events": report.events,
        "excluded": report.excluded,
        "n_study": report.n_study,
        "scored_folds": report.scored_folds,
        "settings": report.settings.to_document(),
        "provenance": report.provenance,
    }


def _lab(lab: LabImportance) -> dict[str, Any]:
    effects = lab.effects
    return {
        "lab": lab.lab,
        "importance": lab.drop.importance,
        "ci_low": lab.drop.ci_low,
        "ci_high": lab.drop.ci_high,
        "rank": lab.rank,
        "rank_range": [lab.rank_low, lab.rank_high],
        "top3_share": lab.top_share,
        "above_noise": lab.is_seen,
        "above_noise_by": lab.above_noise.importance,
        "above_noise_ci": [lab.above_noise.ci_low, lab.above_noise.ci_high],
        "hazard_ratio_per_sd": effects.per_sd.hr,
        "hr_ci": [effects.per_sd.ci_low, effects.per_sd.ci_high],
        "hazard_ratio_per_doubling": _ratio(effects.per_doubling),
        "adjusted_hazard_ratio_per_sd": _ratio(effects.adjusted_per_sd),
        "adjusted_hazard_ratio_per_doubling": _ratio(effects.adjusted_per_doubling),
        "scale": "log" if lab.is_log else "linear",
        "sd": lab.sd,
        "unit": lab.unit,
        "missing_share": lab.missing_share,
        "n": lab.n,
        "events": lab.events,
        "correlated_with": list(lab.group),
        "reason": lab.reason or None,
    }


def _ratio(ratio: LabRatio) -> dict[str, Any]:
    return {
        "hr": ratio.hr,
        "ci_low": ratio.ci_low,
        "ci_high": ratio.ci_high,
        "p": ratio.p,
        "reason": ratio.reason or None,
    }


def _group(group: GroupImportance) -> dict[str, Any]:
    return {
        "labs": list(group.labs),
        "importance": group.drop.importance,
        "ci_low": group.drop.ci_low,
        "ci_high": group.drop.ci_high,
        "above_noise": group.is_seen,
        "least_correlation": group.least_correlation,
    }


def _print(report: ImportanceReport) -> None:
    say("Simulated data" if report.provenance.simulated else f"Study {report.provenance.study_title}")
    say(importance_words.headline(report))
    print_table(
        f"Drop of {report.metric} when shuffled among held-out patients (95 % interval)",
        ["lab", "rank", "drop", "above noise", "hazard ratio per sd", "missing", "n", "events", "not used because"],
        [
            [
                plain_test_name(lab.lab),
                lab.rank,
                numbers.difference(lab.drop.importance, lab.drop.ci_low, lab.drop.ci_high, digits=3),
                "yes" if lab.is_seen else "no",
                numbers.interval(lab.effects.per_sd.hr, lab.effects.per_sd.ci_low, lab.effects.per_sd.ci_high),
                numbers.percent(lab.missing_share),
                lab.n,
                lab.events,
                lab.reason or None,
            ]
            for lab in report.labs
        ],
    )
    say(importance_words.footnote(report))
