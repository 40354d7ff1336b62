"""What is odd between the tables but no reason to refuse them: kept with the snapshot as warnings."""

from __future__ import annotations

import pandas as pd

from raise_core.domain.week import BASELINE_GRACE_WEEKS, DAYS_PER_WEEK
from raise_core.ingest.issues import Findings, Severity
from raise_core.ingest.layout import LABS, LESIONS, OUTCOMES, PATIENTS, SCANS
from raise_core.ingest.parse import Parsed
from raise_core.ingest.source import report_rows

VISIT_AFTER_END_WEEKS = 1.0
"""A visit this much after a patient's last outcome time is odd: the patient was still followed."""


def warn_of_oddities(tables: Parsed, findings: Findings) -> None:
    """Warn of patients without outcome or baseline, and of visits after the end of follow-up."""
    patients = tables[PATIENTS.name]
    if OUTCOMES.name not in tables:
        findings.warn("outcomes.csv", "is not there: no model can be fitted.", "Add outcomes when they are known.")
    else:
        outcomes = tables[OUTCOMES.name].frame
        report_rows(
            findings,
            patients.source,
            ~patients.frame["patient_id"].isin(outcomes["patient_id"]).to_numpy(),
            column="patient_id",
            message="patient {cell} has no outcome.",
            remedy="The patient is left out of every model until one is there.",
            severity=Severity.WARNING,
        )
        _warn_late_visits(tables, findings)
    if LESIONS.name in tables:
        lesions = tables[LESIONS.name]
        frame = lesions.frame
        targets = frame[frame["target"].fillna(value=False).to_numpy(dtype=bool)] if "target" in frame else frame
        first = targets.groupby("patient_id")["week"].transform("min")
        late = pd.Series(data=False, index=frame.index)
        late[targets.index] = (first > BASELINE_GRACE_WEEKS) & ~targets["patient_id"].duplicated()
        report_rows(
            findings,
            lesions.source,
            late.to_numpy(dtype=bool),
            column="week",
            message=f"the first target lesions of this patient are at week {{cell}}, after {BASELINE_GRACE_WEEKS:g}.",
            remedy="Without a baseline there is no change in size; add it if it was measured.",
            severity=Severity.WARNING,
        )


def _warn_late_visits(tables: Parsed, findings: Findings) -> None:
    outcomes = tables[OUTCOMES.name].frame
    weeks = outcomes.get("time_weeks")
    if weeks is None and "time_days" in outcomes:
        weeks = outcomes["time_days"] / DAYS_PER_WEEK
    if weeks is None:
        return
    longest = weeks.groupby(outcomes["patient_id"]).max()
    for layout in (LABS, LESIONS, SCANS):
        if layout.name in tables:
            table = tables[layout.name]
            end = table.frame["patient_id"].map(longest)
            report_rows(
                findings,
                table.source,
                (table.frame["week"] > end + VISIT_AFTER_END_WEEKS).to_numpy(),
                column="week",
                message="week {cell} lies after the patient's last outcome time.",
                remedy="Check whether the outcome was followed up to the last visit.",
                severity=Severity.WARNING,
            )
