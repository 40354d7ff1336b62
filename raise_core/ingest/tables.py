"""Checks within and between the canonical tables: keys, patients, units, coherence of lesions and outcomes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from raise_core.domain.week import DAYS_PER_WEEK
from raise_core.ingest.issues import Findings, Severity
from raise_core.ingest.layout import LABS, LESIONS, OUTCOMES, PATIENTS, SCANS, Layout
from raise_core.ingest.oddities import warn_of_oddities
from raise_core.ingest.parse import Parsed, ParsedTable, missing_cells
from raise_core.ingest.source import report_rows

_MARKER_SIGNS = ("+", ":")


def check_tables(tables: Parsed, findings: Findings) -> None:
    """Report what single cells cannot show. Frames stay as they are."""
    for layout in (PATIENTS, OUTCOMES, LABS, LESIONS):
        if layout.name in tables:
            check_unique(tables[layout.name], layout, findings)
    known = tables[PATIENTS.name].frame["patient_id"].dropna()
    for layout in (OUTCOMES, LABS, LESIONS, SCANS):
        if layout.name in tables:
            _check_known_patients(tables[layout.name], known, findings)
    if OUTCOMES.name in tables:
        _check_outcomes(tables[OUTCOMES.name], findings)
    if LABS.name in tables:
        _check_labs(tables[LABS.name], findings)
    if LESIONS.name in tables:
        _check_lesions(tables[LESIONS.name], findings)
    warn_of_oddities(tables, findings)


def check_unique(table: ParsedTable, layout: Layout, findings: Findings) -> None:
    """Report rows whose key stands further up already, naming the first."""
    key = [name for name in layout.key if name in table.frame.columns]
    keys = table.frame[key].copy()
    if "test" in keys:
        keys["test"] = _upper(keys["test"])
    complete = keys[[name for name in key if layout.by_name[name].filled]].notna().all(axis=1)
    again = (keys.duplicated(keep="first") & complete).to_numpy()
    if not again.any():
        return
    group = keys.groupby(key, sort=False, dropna=False).ngroup().to_numpy()
    first_line = pd.Series(table.source.rows).groupby(group).transform("first").to_numpy()
    positions = np.flatnonzero(again)

    def message(n: int) -> str:
        values = ", ".join(f"{name} {_shown(keys[name].iloc[positions[n]])}" for name in key)
        return f"{values} stands in row {int(first_line[positions[n]])} already."

    findings.at_rows(
        Severity.ERROR,
        table.source.file,
        table.source.rows[positions],
        column=key[-1] if len(key) > 1 else key[0],
        message=message,
        remedy="Keep one of the rows.",
    )


def store_ready(tables: Parsed) -> dict[str, pd.DataFrame]:
    """Frames as the store takes them: times in weeks, tests in upper case, every lesion with a status and target.

    Call it once nothing is wrong any more.
    """
    ready = {"patient": tables[PATIENTS.name].frame}
    if OUTCOMES.name in tables:
        frame = tables[OUTCOMES.name].frame.copy()
        if "time_days" in frame:
            frame["time_weeks"] = frame.pop("time_days") / DAYS_PER_WEEK
        ready["outcome"] = frame
    if LABS.name in tables:
        ready["lab"] = tables[LABS.name].frame.assign(test=_upper(tables[LABS.name].frame["test"]))
    if LESIONS.name in tables:
        frame = tables[LESIONS.name].frame.copy()
        frame["target"] = frame["target"].astype(bool) if "target" in frame else True
        status = _status(frame)
        frame["diameter_mm"] = frame["diameter_mm"].mask((status == "absent").to_numpy(), 0.0)
        frame["status"] = status
        ready["lesion"] = frame
    return ready


def _check_known_patients(table: ParsedTable, known: pd.Series, findings: Findings) -> None:
    ids = table.frame["patient_id"]
    unknown = (ids.notna() & ~ids.isin(known)).to_numpy()
    report_rows(
        findings,
        table.source,
        unknown,
        column="patient_id",
        message="patient '{cell}' is not in the patients file.",
        remedy="Add the patient there or correct the id; ids are compared exactly, leading zeros and case included.",
    )


def _check_outcomes(table: ParsedTable, findings: Findings) -> None:
    frame, file = table.frame, table.source.file
    both = [name for name in ("time_weeks", "time_days") if name in frame]
    if len(both) != 1:
        found = "both time_weeks and time_days" if both else "neither time_weeks nor time_days"
        findings.error(file, f"has {found}.", "Give the time in exactly one of the two columns.", row=1)
    else:
        report_rows(
            findings,
            table.source,
            missing_cells(table.frame, table.source, both[0]),
            column=both[0],
            message="is empty.",
            remedy="Give the time of the event or of the last visit without it, or leave the row out.",
        )
    _check_spelling(table, "endpoint", findings)


def _check_labs(table: ParsedTable, findings: Findings) -> None:
    frame, source = table.frame, table.source
    names = frame["test"].dropna().unique()
    for sign in _MARKER_SIGNS:
        report_rows(
            findings,
            source,
            frame["test"].isin([name for name in names if sign in name]).to_numpy(),
            column="test",
            message=f"'{{cell}}' holds '{sign}', which joins or introduces markers.",
            remedy="Rename the test.",
        )
    if "lower_limit" in frame and "upper_limit" in frame:
        report_rows(
            findings,
            source,
            (frame["lower_limit"] > frame["upper_limit"]).to_numpy(),
            column="lower_limit",
            message="{cell} is above the upper limit.",
            remedy="Exchange or correct the two limits.",
        )
    test = _upper(frame["test"])
    if "unit" in frame:
        _check_units(table, test, findings)
    with_limit = frame["upper_limit"].notna().to_numpy() if "upper_limit" in frame else np.zeros(len(frame), dtype=bool)
    limited = set(test[with_limit])
    for name in sorted(set(test.dropna()) - limited):
        findings.warn(
            source.file,
            f"test {name} has no upper limit of normal.",
            f"ratio:{name} cannot be had.",
            column="upper_limit",
        )
    respelt = sorted(name for name in names if name != name.upper())
    if respelt:
        findings.warn(
            source.file, f"tests are kept in upper case: {', '.join(respelt)}.", "Nothing to do.", column="test"
        )


def _check_units(table: ParsedTable, test: pd.Series, findings: Findings) -> None:
    unit = table.frame["unit"]
    first = unit.groupby(test).transform("first")
    differs = (unit.notna() & test.notna() & (unit != first)).to_numpy()
    positions = np.flatnonzero(differs)
    findings.at_rows(
        Severity.ERROR,
        table.source.file,
        table.source.rows[positions],
        column="unit",
        message=lambda n: (
            f"test {test.iloc[positions[n]]} is in {unit.iloc[positions[n]]} here and in "
            f"{first.iloc[positions[n]]} elsewhere."
        ),
        remedy="Convert all values (and limits) of a test to one unit.",
    )
    partly = (unit.isna() & first.notna()).to_numpy()
    report_rows(
        findings,
        table.source,
        partly,
        column="unit",
        message="is empty though other rows of the test have a unit; taken to be the same.",
        remedy="Fill it in to be sure.",
        severity=Severity.WARNING,
    )


def _check_lesions(table: ParsedTable, findings: Findings) -> None:
    frame, source = table.frame, table.source
    empty = missing_cells(table.frame, table.source, "diameter_mm")
    status = frame["status"] if "status" in frame else pd.Series(np.full(len(frame), None, dtype=object))
    said_absent = (status == "absent").to_numpy()
    not_evaluable = (status == "not evaluable").to_numpy()
    for where, message, remedy in (
        (
            empty & ~said_absent & ~not_evaluable,
            "is empty though the lesion is not said to be absent or not evaluable.",
            "Give the diameter, 0 if the lesion has vanished, or set the column status.",
        ),
        (
            said_absent & (frame["diameter_mm"] > 0).to_numpy(),
            "{cell} mm, though the status is absent.",
            "Set the diameter to 0 or the status to measured.",
        ),
        (
            not_evaluable & frame["diameter_mm"].notna().to_numpy(),
            "{cell} mm, though the status is not evaluable.",
            "Empty the diameter or set the status to measured.",
        ),
    ):
        report_rows(findings, source, where, column="diameter_mm", message=message, remedy=remedy)
    by_lesion = [frame["patient_id"], frame["lesion_id"]]
    if "target" in frame:
        first = frame["target"].groupby(by_lesion).transform("first")
        report_rows(
            findings,
            source,
            (frame["target"] != first).fillna(value=False).to_numpy(dtype=bool),
            column="target",
            message="{cell}, but the same lesion is otherwise marked in an earlier row.",
            remedy="A lesion is a target lesion at all visits or at none.",
        )
    else:
        findings.warn(source.file, "there is no column target: all lesions count as target lesions.", "Add it if not.")
    if "organ" in frame:
        first = frame["organ"].groupby(by_lesion).transform("first")
        report_rows(
            findings,
            source,
            (frame["organ"].notna() & (frame["organ"] != first)).to_numpy(),
            column="organ",
            message="'{cell}', but the same lesion lies elsewhere in an earlier row.",
            remedy="Correct the organ or the lesion id.",
            severity=Severity.WARNING,
        )


def _check_spelling(table: ParsedTable, name: str, findings: Findings) -> None:
    """Report values that differ from an earlier one only by upper and lower case."""
    values = table.frame[name]
    first: dict[str, str] = {}
    for value in values.dropna().unique():
        first.setdefault(value.lower(), value)
    report_rows(
        findings,
        table.source,
        (values.notna() & ~values.isin(first.values())).to_numpy(),
        column=name,
        message="'{cell}' is spelt in another case in an earlier row.",
        remedy="Spell it one way.",
    )


def _status(frame: pd.DataFrame) -> pd.Series:
    """Status of each lesion: as given, else absent at 0 mm and measured above."""
    vanished = pd.Series(np.where(frame["diameter_mm"] == 0, "absent", "measured"), index=frame.index, dtype=object)
    return frame["status"].where(frame["status"].notna(), vanished) if "status" in frame else vanished


def _upper(test: pd.Series) -> pd.Series:
    """Tests in upper case; there are few of them however many rows, so each is converted once."""
    spelt = {name: name.upper() for name in test.dropna().unique()}
    if all(name == upper for name, upper in spelt.items()):
        return test
    return test.map(spelt, na_action="ignore")


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
