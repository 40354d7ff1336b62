"""The verb show prrt: how well the models of a finished PRRT run tell long from short progression-free survival."""

from __future__ import annotations

from typing import Any

import typer

from raise_core.cli import context as call
from raise_core.cli.context import StudyOption
from raise_core.cli.output import print_json, print_table, say
from raise_core.cli.show_km import document as km_document
from raise_core.domain.class_results import CHANCE_AUROC, ClassEstimate, ClassReport, Measure, RepeatedScore
from raise_core.domain.survival_report import SurvivalReport
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers, prrt_words
from raise_core.studies import prrt_protocol
from raise_core.studies.opening import open_study
from raise_core.studies.prrt_report import best_documented, class_report, pooled_patients, survival_by_prediction
from raise_core.studies.prrt_runs import PrrtRun, load_prrt_run, newest_prrt_run


def prrt(context: typer.Context, study: StudyOption) -> None:
    """AUROC and AUPRC of PET, CT and laboratory models, compared; survival by what was predicted."""
    options = call.of(context)
    source = open_study(options.home, study)
    summary = newest_prrt_run(options.home, study, source.cohort.study.snapshot_id)
    run = load_prrt_run(options.home, summary.run_id)
    report = class_report(run, source)
    model = best_documented(run)
    patients = pooled_patients(run, model, source)
    survival = survival_by_prediction(patients)
    if options.json:
        print_json(_document(run, report, survival, model, patients.fixed_threshold))
        return
    _print(report, survival, model)


def _document(
    run: PrrtRun, report: ClassReport, survival: SurvivalReport, model: str, threshold: float
) -> dict[str, Any]:
    return {
        "results": [_result(estimate) for estimate in report.estimates],
        "km": {**km_document(survival), "model": model, "threshold": threshold},
        "comparisons": report.comparisons,
        "concordance": [
            {"model": one.model, **_score("harrell", one.concordance), "n": one.n_all, "repeats": one.repeats}
            for one in report.estimates
            if one.concordance is not None
        ],
        "chance": {
            "auroc": CHANCE_AUROC,
            "auprc": [
                {"model": one.model, "prevalence": one.prevalence, "random_order": one.random_auprc}
                for one in report.estimates
            ],
        },
        "published": prrt_protocol.PUBLISHED,
        "excluded": report.excluded,
        "n_study": report.n_study,
        "settings": run.summary.settings.to_document(),
        "provenance": report.provenance,
    }


def _result(found: ClassEstimate) -> dict[str, Any]:
    return {
        "model": found.model,
        **_score("auroc", found.auroc),
        **_score("auprc", found.auprc),
        "n": found.n,
        "n_long": found.n_long,
        "repeats": found.repeats,
    }


def _score(name: str, score: RepeatedScore) -> dict[str, Any]:
    """A score, its spread over repeats and its interval over patients; null where there is none."""
    return {name: score.value, f"{name}_sd": score.sd, f"{name}_ci": [score.ci_low, score.ci_high]}


def _print(report: ClassReport, survival: SurvivalReport, model: str) -> None:
    say("Simulated data" if report.provenance.simulated else f"Study {report.provenance.study_title}")
    print_table(
        "Long against short progression-free survival (95 % interval over patients)",
        ["model", "patients", "long", "repeats", "AUROC", "± over repeats", "AUPRC", "± over repeats "],
        [
            [found.model, found.n, found.n_long, found.repeats]
            + [text for measure in Measure for text in _written(found.score(measure))]
            for found in report.estimates
        ],
    )
    for found in report.estimates:
        if found.concordance is not None:
            c = found.concordance
            value = numbers.interval(c.value, c.ci_low, c.ci_high)
            say(f"Harrell's c of {found.model}: {value}, {found.n_all} patients")
    compared = [pair for pair in report.comparisons if pair.measure is Measure.AUROC and not pair.reason]
    if compared:
        print_table(
            "Paired differences of AUROC on the same folds",
            ["A", "B", "A − B", "p corrected", "p Holm"],
            [
                [
                    pair.model_a,
                    pair.model_b,
                    numbers.difference(pair.difference, pair.ci_low, pair.ci_high),
                    numbers.p_value(pair.p_corrected),
                    numbers.p_value(pair.p_holm),
                ]
                for pair in compared
            ],
        )
    say(prrt_words.survival_headline(survival, model, unit=TimeUnit.WEEKS))
    for sentence in (*prrt_words.warnings(report), prrt_words.left_out(report), prrt_words.footnote(report)):
        if sentence:
            say(sentence)


def _written(score: RepeatedScore) -> tuple[str, str | None]:
    if score.value is None:
        return score.reason, None
    spread = None if score.sd is None else f"{score.sd:.2f}"
    return numbers.interval(score.value, score.ci_low, score.ci_high), spread
