"""Accuracy by several horizons as a printed table."""

from __future__ import annotations

from raise_core.domain.accuracy_results import HorizonReport
from raise_core.domain.horizon_results import HorizonEstimate
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.identity import model_name
from raise_core.figures.survival_words import at_time
from raise_core.figures.table_export import Origin, PrintedTable, TableRow


def accuracy_by_horizon(report: HorizonReport, origin: Origin, *, unit: TimeUnit) -> PrintedTable:
    """One row a horizon: AUC, Brier score against knowing nothing, and their intervals."""
    rows = []
    for auc, brier in zip(report.auc, report.brier.horizons, strict=True):
        null = numbers.MISSING if brier.null is None else f"{brier.null:.3f}"
        rows.append(
            TableRow(
                (at_time(auc.horizon_weeks, unit), auc.cases, auc.controls, _estimate(auc.auc, 2),
                 _estimate(brier.brier, 3), null, _estimate(brier.scaled, 2))
            )
        )  # fmt: skip
    integrated = report.brier
    null = numbers.MISSING if integrated.integrated_null is None else f"{integrated.integrated_null:.3f}"
    rows.append(
        TableRow(("Mean over these times", "", "", "", _estimate(integrated.integrated, 3), null,
                  _estimate(integrated.integrated_scaled, 2)))
    )  # fmt: skip
    note = (
        f"Predictions of a Cox model fitted on the other {report.folds - 1} of {report.folds} folds (by patient), so "
        f"no patient is predicted by a model that saw them. Harrell's c {numbers.cindex(report.harrell)}, Uno's c "
        f"{numbers.cindex(report.uno)} up to {at_time(report.horizon_weeks, unit)}. AUC: cumulative cases, dynamic "
        "controls, weighted by the inverse probability of not being censored. Brier score: mean squared error, 0 is "
        "perfect; gained: share of the error that knowing nothing makes and the prediction does not. Times count from "
        "the curves' start."
    )
    return PrintedTable(
        f"How well {model_name(report.model)} predicts",
        ("By", "With the event", "Without", "AUC (95 % CI)", "Brier score (95 % CI)", "Knowing nothing",
         "Gained (95 % CI)"), tuple(rows), (note,), origin,
    )  # fmt: skip


def _estimate(estimate: HorizonEstimate, digits: int) -> str:
    if estimate.value is None:
        return numbers.MISSING
    value, low, high = (numbers.decimal(one, digits) for one in (estimate.value, estimate.low, estimate.high))
    return value if estimate.low is None or estimate.high is None else f"{value} ({low} to {high})"
