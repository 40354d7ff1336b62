"""The PRRT models' results as printed tables, and at full precision for download."""

from __future__ import annotations

import pandas as pd

from raise_core.domain.class_accuracy import Confusion
from raise_core.domain.class_results import OTHER_FOLDS, ClassReport, Measure, RepeatedScore
from raise_core.figures import horizon_words, numbers
from raise_core.figures.fusion_marks import fusion_name
from raise_core.figures.survival_tables import origin_of
from raise_core.figures.table_export import Origin, PrintedTable, TableRow

_SPREAD_NOTE = (
    "±: standard deviation over repeats, as in the paper; it is no interval for other patients. 95 % CI: percentile "
    "bootstrap over patients."
)


def _origin(report: ClassReport) -> Origin:
    return origin_of(report.provenance, patients=report.n_study)


def scores_table(report: ClassReport) -> PrintedTable:
    """One row a model: both scores with both uncertainties, counts."""
    concordance = any(one.concordance is not None for one in report.estimates)
    columns = ["Model", "Patients", "Long", "Repeats", "AUROC ±", "95 % CI", "AUPRC ±", "95 % CI "]
    columns += ["Random order", "Harrell’s c (95 % CI)"] if concordance else ["Random order"]
    rows = []
    for one in report.estimates:
        cells: list[str | int | float | None] = [
            fusion_name(one.model), one.n, one.n_long, f"{one.repeats} × {one.folds} folds", _with_spread(one.auroc),
            _interval(one.auroc), _with_spread(one.auprc), _interval(one.auprc), numbers.cindex(one.random_auprc),
        ]  # fmt: skip
        if concordance:
            c = one.concordance
            cells.append("" if c is None else numbers.interval(c.value, c.ci_low, c.ci_high))
        rows.append(TableRow(tuple(cells)))
    notes = [_SPREAD_NOTE, "Random order: average precision expected of a score without meaning in such folds."]
    return PrintedTable("AUROC and AUPRC by model", tuple(columns), tuple(rows), tuple(notes), _origin(report))


def _with_spread(score: RepeatedScore) -> str:
    if score.value is None:
        return score.reason
    return f"{score.value:.2f}" if score.sd is None else f"{score.value:.2f} ± {score.sd:.2f}"


def _interval(score: RepeatedScore) -> str:
    return f"{numbers.cindex(score.ci_low)}–{numbers.cindex(score.ci_high)}"


def comparisons_table(report: ClassReport, measure: Measure) -> PrintedTable:
    """Every pair of models by one measure."""
    rows = [
        TableRow(
            (
                fusion_name(c.model_a), fusion_name(c.model_b),
                c.reason or numbers.difference(c.difference, c.ci_low, c.ci_high), c.folds_scored,
                numbers.p_value(c.p_corrected), numbers.p_value(c.p_holm),
            )
        )
        for c in report.comparisons
        if c.measure is measure and c.reason != OTHER_FOLDS
    ]  # fmt: skip
    note = (
        "Paired over the same folds of the repeats both models have; corrected t-test (Nadeau & Bengio 2003), folds − "
        "1 degrees of freedom; Holm over all pairs of this table. A difference whose interval spans 0 has not been "
        "shown."
    )
    apart = sum(c.measure is measure and c.reason == OTHER_FOLDS for c in report.comparisons)
    notes = [note]
    if apart:
        notes.append(
            f"{apart} further pairs are not compared: classifiers and censoring-aware models were not tested on the "
            "same patients in the same folds."
        )
    return PrintedTable(
        f"Are the models different? {measure.value.upper()}",
        ("Model A", "Model B", "A − B (95 % CI)", "Folds", "p (corrected test)", "p (Holm)"),
        tuple(rows), tuple(notes), _origin(report),
    )  # fmt: skip


def confusion_table(report: ClassReport, found: Confusion, model: str, *, is_probability: bool) -> PrintedTable:
    """Sensitivity, specificity and predictive values at a threshold, with the patients behind each."""
    at = numbers.percent(found.threshold) if is_probability else numbers.decimal(found.threshold, 2)
    long, short = found.long_called_long + found.long_called_short, found.short_called_long + found.short_called_short
    called_long = found.long_called_long + found.short_called_long
    rows = (
        ("Long patients called long (sensitivity)", found.long_called_long, long, found.sensitivity),
        ("Short patients called short (specificity)", found.short_called_short, short, found.specificity),
        ("Called long, truly long (PPV)", found.long_called_long, called_long, found.ppv),
        ("Called short, truly short (NPV)", found.short_called_short, found.n - called_long, found.npv),
    )
    return PrintedTable(
        f"{fusion_name(model)}, called long from {at}",
        ("", "Patients", "Share (95 % CI)"),
        tuple(
            TableRow((name, f"{count} of {of}", share.reason or horizon_words.share(share)))
            for name, count, of, share in rows
        ),
        ("Wilson limits. Long is the positive class.",),
        origin_of(report.provenance, patients=found.n),
    )


def excluded_table(report: ClassReport) -> PrintedTable:
    """Who is in the classifiers and who is not."""
    inside = report.n_study - sum(report.excluded.values())
    rows = [TableRow(("In the classifiers", inside))]
    rows += [TableRow((reason[:1].upper() + reason[1:], count)) for reason, count in report.excluded.items()]
    rows.append(TableRow(("All patients looked at", report.n_study)))
    return PrintedTable("Who is counted", ("", "Patients"), tuple(rows), (), _origin(report))


def scores_download(report: ClassReport) -> pd.DataFrame:
    """Every estimate at full precision with what it came from."""
    return _with_origin(
        pd.DataFrame(
            [
                {
                    "model": one.model,
                    "measure": measure.value,
                    "value": score.value,
                    "sd_over_repeats": score.sd,
                    "ci_low": score.ci_low,
                    "ci_high": score.ci_high,
                    "folds_scored": score.scored,
                    "folds": score.folds,
                    "n": one.n,
                    "n_long": one.n_long,
                    "repeats": one.repeats,
                    "random_auprc": one.random_auprc,
                }
                for one in report.estimates
                for measure, score in [(each, one.score(each)) for each in Measure]
            ]
        ),
        report,
    )


def folds_download(report: ClassReport) -> pd.DataFrame:
    """The scores of every repeat and fold."""
    frames = []
    for one in report.estimates:
        repeats, folds = one.by_fold.auroc.shape
        frames.append(
            pd.DataFrame(
                {
                    "model": one.model,
                    "repeat": [repeat for repeat in range(repeats) for _ in range(folds)],
                    "fold": list(range(folds)) * repeats,
                    "auroc": one.by_fold.auroc.ravel(),
                    "auprc": one.by_fold.auprc.ravel(),
                }
            )
        )
    return _with_origin(pd.concat(frames, ignore_index=True), report)


def _with_origin(table: pd.DataFrame, report: ClassReport) -> pd.DataFrame:
    p = report.provenance
    return table.assign(
        endpoint=report.endpoint,
        study=p.study_id,
        snapshot=p.snapshot_id,
        run=p.run_id,
        patients_shown=p.cohort_words or "all",
        simulated="yes" if p.simulated else "no",
    )
