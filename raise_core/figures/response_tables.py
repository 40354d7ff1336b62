"""Responses as tables to be read and taken away: best response by arm, by visit, every patient, every reading."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from raise_core.domain.recist import Response
from raise_core.domain.response_results import CohortResponse, ExactShare, VisitResponses
from raise_core.domain.time_unit import TimeUnit
from raise_core.domain.week import DEFAULT_TOLERANCE_WEEKS, DEFAULT_WINDOW_WEEKS
from raise_core.figures import numbers
from raise_core.figures.cohort_tables import duration
from raise_core.figures.response_marks import response_name
from raise_core.figures.response_words import SHARE_OF_ALL, criteria
from raise_core.figures.table_export import SIMULATED, Cell, Origin, PrintedTable, TableRow

OBJECTIVE_RATE, CONTROL_RATE = "Objective response (CR, PR)", "Disease control (CR, PR, SD)"


def best_response_table(found: CohortResponse, origin: Origin, *, unit: TimeUnit) -> PrintedTable:
    """Best overall responses by arm with rates and their exact intervals.

    Args:
        found: responses of a cohort.
        origin: what they were made from.
        unit: unit of the intervals in the notes.
    """
    arms = [arm for arm in found.arms if arm.n]
    rows = [
        TableRow((response_name(response), *(_count(arm.counts[response], arm.n) for arm in arms)))
        for response in Response
    ]
    rows.append(TableRow((OBJECTIVE_RATE, *(_rate(arm.objective) for arm in arms))))
    rows.append(TableRow((CONTROL_RATE, *(_rate(arm.control) for arm in arms))))
    notes = (SHARE_OF_ALL, "Rates with exact 95 % intervals (Clopper-Pearson).", criteria(found, unit))
    title = f"Best overall response, RECIST {found.settings.version.value}"
    if found.settings.confirm:
        title += ", confirmed"
    return PrintedTable(
        title, ("Best response", *(f"{arm.arm} (n = {arm.n})" for arm in arms)), tuple(rows), notes, origin
    )


def _count(patients: int, of: int) -> str:
    return f"{patients} ({100 * patients / of:.0f} %)"


def _rate(found: ExactShare) -> str:
    if found.ci_low is None or found.ci_high is None:
        return numbers.MISSING
    return f"{numbers.percent(found.share)} ({100 * found.ci_low:.0f}–{100 * found.ci_high:.0f} %)"


def visit_response_table(
    counted: Sequence[VisitResponses], found: CohortResponse, origin: Origin, *, unit: TimeUnit
) -> PrintedTable:
    """Responses at the visits, a row an arm and visit; visits at which nobody was read are left out.

    Args:
        counted: responses at nominal weeks.
        found: the cohort's responses.
        origin: what they were made from.
        unit: unit of the visits.
    """
    several = len({at.arm for at in counted}) > 1
    rows = []
    for at in counted:
        if at.n:
            cells: tuple[Cell, ...] = (at.n, *(_count(at.counts[response], at.n) for response in Response))
            name = f"{unit.visit(at.week).capitalize()}{f', {at.arm}' if several else ''}"
            rows.append(TableRow((name, *cells)))
    who = (
        f"Each patient’s latest reading dated from {duration(DEFAULT_WINDOW_WEEKS, unit)} before the visit to "
        f"{duration(DEFAULT_TOLERANCE_WEEKS, unit)} after. Who left the study is not read later, so later visits "
        "describe those who stayed."
    )
    columns = ("Visit", "Patients read", *(response.value for response in Response))
    title = f"Response at each visit, RECIST {found.settings.version.value}"
    return PrintedTable(title, columns, tuple(rows), (who, criteria(found, unit)), origin)


def patients_download(found: CohortResponse, origin: Origin) -> pd.DataFrame:
    """Every patient's best response at full precision, with how it was read."""
    table = found.patients.rename(
        columns={
            "best": "best_overall_response",
            "visits": "follow_up_visits",
            "new_lesion": "progression_with_new_lesion",
            "response_week": "response_from_week",
            "response_end_week": "response_to_week",
        }
    )
    return _said(table, found, origin)


def visits_download(found: CohortResponse, origin: Origin) -> pd.DataFrame:
    """Every visit's sum, smallest sum before, new lesions and response at full precision."""
    columns = [
        "patient_id", "arm", "week", "since_baseline_weeks", "sld_mm", "sldr", "change_percent", "nadir_mm",
        "progression_mm", "new_lesions", "response",
    ]  # fmt: skip
    table = found.visits[columns].assign(new_lesions=[", ".join(names) for names in found.visits["new_lesions"]])
    return _said(table, found, origin)


def _said(table: pd.DataFrame, found: CohortResponse, origin: Origin) -> pd.DataFrame:
    rules = found.settings
    return table.assign(
        recist=rules.version.value,
        confirmed="yes" if rules.confirm else "no",
        confirmation_weeks=rules.confirmation_weeks if rules.confirm else None,
        minimum_stable_weeks=rules.minimum_stable_weeks,
        study=origin.study_id,
        snapshot=origin.snapshot_id,
        patients_shown=origin.shown,
        data=SIMULATED if origin.simulated else "patients",
    )
