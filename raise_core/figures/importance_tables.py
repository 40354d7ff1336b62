"""Importance of laboratory values as tables to be read and taken away."""

from __future__ import annotations

import numpy as np
import pandas as pd

from raise_core.domain.importance_results import NOISE, ImportanceReport, LabImportance
from raise_core.domain.time_unit import TimeUnit
from raise_core.figures import numbers
from raise_core.figures.cindex_tables import plain_reason
from raise_core.figures.importance_words import (
    NOISE_NAME,
    digits,
    direction,
    drop_words,
    footnote,
    lab_name,
    model_line,
)
from raise_core.figures.table_export import Origin, PrintedTable, TableRow

RANKS_AND_RATIOS = (
    "Ranks in the folds: 10th to 90th percentile. HR: hazard ratio of a Cox model with 95 % limits; adjusted: with all "
    "other laboratory values in the model."
)
COLUMNS = (
    "Laboratory value", "Rank", "Fall when shuffled (95 % CI)", "Told from noise", "Ranks in the folds",
    "In first three", "Direction", "HR per sd", "HR per doubling", "HR per sd, adjusted", "Patients", "Events",
    "Missing",
)  # fmt: skip


def importance_table(report: ImportanceReport, origin: Origin, *, unit: TimeUnit = TimeUnit.WEEKS) -> PrintedTable:
    """Every laboratory value of the study, noise and groups; values that were not used say why."""
    places = digits(report)
    rows = [_row(lab, places) for lab in report.labs]
    blank = (None,) * (len(COLUMNS) - 3)
    rows.append(TableRow((NOISE_NAME, None, drop_words(report.noise, places), *blank)))
    for group in report.groups:
        name = " + ".join(lab_name(lab) for lab in group.labs)
        seen = "yes" if group.is_seen else "no"
        cells = (f"{name}, shuffled together", None, drop_words(group.drop, places), seen, *blank[1:])
        rows.append(TableRow(cells))
    return PrintedTable(
        "Importance of laboratory values",
        COLUMNS,
        tuple(rows),
        (
            model_line(report),
            footnote(report, unit=unit),
            RANKS_AND_RATIOS,
            *(f"{lab_name(lab.lab)} was not used: {lab.reason}." for lab in report.labs if not lab.used),
        ),
        origin,
    )


def _row(lab: LabImportance, places: int) -> TableRow:
    effects = lab.effects
    ratios = (effects.per_sd, effects.per_doubling, effects.adjusted_per_sd)
    ranks = None if lab.rank_low is None else f"{lab.rank_low:.0f}–{lab.rank_high:.0f}"
    return TableRow(
        (
            lab_name(lab.lab),
            lab.rank,
            drop_words(lab.drop, places),
            ("yes" if lab.is_seen else "no") if lab.used else "not used",
            ranks,
            None if lab.top_share is None else numbers.percent(lab.top_share),
            direction(lab) if lab.used else None,
            *(numbers.interval(ratio.hr, ratio.ci_low, ratio.ci_high) for ratio in ratios),
            lab.n,
            lab.events,
            numbers.percent(lab.missing_share),
        )
    )


def excluded_table(report: ImportanceReport, *, unit: TimeUnit) -> pd.DataFrame:
    """Patients used and left out, by reason."""
    rows = [("used: at risk", report.n), *((plain_reason(why, unit), n) for why, n in report.excluded.items())]
    return pd.DataFrame(rows, columns=["Used, or left out and why", "Patients"])


def explanations_frame(report: ImportanceReport) -> pd.DataFrame:
    """Values, SHAP values and prediction of every patient, for a program."""
    found = report.explanations
    values = pd.DataFrame(found.values, columns=[f"{lab} value" for lab in found.labs])
    shap = pd.DataFrame(found.shap, columns=[f"{lab} SHAP" for lab in (*found.labs, NOISE)])
    frame = pd.concat([values, shap], axis=1)
    frame.insert(0, "patient_id", found.patient_ids)
    frame["average_prediction"], frame["prediction"] = found.base, found.prediction
    return frame.assign(
        fold=found.fold.astype(np.int64),
        endpoint=report.settings.endpoint,
        week=report.settings.week,
        model=report.settings.model.value,
        snapshot=report.provenance.snapshot_id,
        simulated=report.provenance.simulated,
    )
