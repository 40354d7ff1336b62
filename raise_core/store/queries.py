"""Reading a study out of the store as one value."""

from __future__ import annotations

import inspect
from dataclasses import replace

import duckdb
import pandas as pd

from raise_core.domain.cohort import Cohort, Study
from raise_core.store.home import Home
from raise_core.store.snapshot import open_snapshot, quoted

_STUDY = "SELECT study_id, snapshot_id, title, simulated, reference_arm, published_at FROM study"

_AFTER_BASELINE = "SELECT unnest(after_baseline) FROM study"
_SINCE_AFTER_BASELINE = 2
"""Schema version of the first snapshots that have it."""

_OUTCOMES = "SELECT patient_id, endpoint, time_weeks, event FROM outcome ORDER BY patient_id, endpoint"

_LABS = """
    SELECT patient_id, week, test, value, unit, lower_limit, upper_limit
    FROM lab ORDER BY patient_id, week, test
"""

_LESIONS = """
    SELECT patient_id, week, lesion_id, diameter_mm, organ, target, status
    FROM lesion ORDER BY patient_id, week, lesion_id
"""

_SCANS = """
    SELECT scan_id, patient_id, week, modality, phase, manufacturer, kernel, spacing_x_mm, spacing_y_mm, spacing_z_mm,
           size_x, size_y, size_z, content_sha256, $home || '/' || file AS file
    FROM scan ORDER BY patient_id, week, scan_id
"""

_MASKS = """
    SELECT scan_id, kind, lesion_id, slice_index, label, content_sha256, $home || '/' || file AS file
    FROM mask ORDER BY scan_id, kind, lesion_id NULLS FIRST, slice_index NULLS FIRST, label NULLS FIRST, file
"""

_ISSUES = """
    SELECT severity, file, row_number, column_name, message, remedy
    FROM import_issue ORDER BY file, row_number NULLS FIRST, column_name NULLS FIRST, message
"""


_PATIENTS = "SELECT {columns} FROM patient ORDER BY patient_id"


def cohort_sql(*tables: str) -> dict[str, str]:
    """The queries by which `load_cohort` reads these tables, for people to read; `patient` with all columns."""
    queries = {
        "patient": _PATIENTS.format(columns="*"), "outcome": _OUTCOMES, "lab": _LABS, "lesion": _LESIONS,
        "scan": _SCANS, "mask": _MASKS,
    }  # fmt: skip
    return {table: inspect.cleandoc(queries[table]) for table in tables}


def load_study(home: Home, study_id: str, snapshot_id: str | None = None) -> Study:
    """Description of a study.

    Raises:
        NotInStoreError: no such study or snapshot.
    """
    with open_snapshot(home, study_id, snapshot_id) as connection:
        return _study(connection)


def load_cohort(home: Home, study_id: str, snapshot_id: str | None = None) -> Cohort:
    """All tables of a snapshot (the current one if none is named), sorted by their keys.

    Text columns are `object` with None where nothing is known, numbers float64 with NaN, `event` and `target` bool.
    Patient columns without a single value are left out; true/false covariates with gaps are pandas 'boolean'.
    `slice_index` and `label` of masks are 'Int64'.

    Raises:
        NotInStoreError: no such study or snapshot; the message names those there are.
        BadInputError: the snapshot file is damaged.
    """
    with open_snapshot(home, study_id, snapshot_id) as connection:
        place = {"home": str(home.path)}
        return Cohort(
            study=_study(connection),
            patients=_patients(connection),
            outcomes=_frame(connection, _OUTCOMES),
            labs=_frame(connection, _LABS),
            lesions=_frame(connection, _LESIONS),
            scans=_frame(connection, _SCANS, place).astype({"size_x": "int64", "size_y": "int64", "size_z": "int64"}),
            masks=_frame(connection, _MASKS, place).astype({"slice_index": "Int64", "label": "Int64"}),
        )


def load_issues(home: Home, study_id: str, snapshot_id: str | None = None) -> pd.DataFrame:
    """What the import found odd but let pass: `severity`, `file`, `row_number`, `column_name`, `message`, `remedy`."""
    with open_snapshot(home, study_id, snapshot_id) as connection:
        return _frame(connection, _ISSUES).astype({"row_number": "Int64"})


def _study(connection: duckdb.DuckDBPyConnection) -> Study:
    (described,) = connection.execute(_STUDY).fetchall()
    study = Study(*described)
    ((version,),) = connection.execute("SELECT schema_version FROM study").fetchall()
    if version < _SINCE_AFTER_BASELINE:
        return study
    late = connection.execute(_AFTER_BASELINE).fetchall()
    return replace(study, after_baseline=tuple(str(column) for (column,) in late))


def _patients(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    columns = [row[0] for row in connection.execute("SELECT column_name FROM (DESCRIBE patient)").fetchall()]
    counted = ", ".join(f"count({quoted(name)})" for name in columns)
    (counts,) = connection.execute(f"SELECT {counted} FROM patient").fetchall()  # noqa: S608 quoted names
    filled = [name for name, n in zip(columns, counts, strict=True) if n > 0 or name == "patient_id"]
    listed = ", ".join(quoted(name) for name in filled)
    return _frame(connection, _PATIENTS.format(columns=listed))


def _frame(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, str] | None = None) -> pd.DataFrame:
    frame: pd.DataFrame = connection.sql(sql, params=parameters).df()
    return frame
