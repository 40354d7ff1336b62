"""Cohort filters kept under a name, by study."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from raise_core.domain.cohort_filter import parse_filter
from raise_core.domain.errors import BadUsageError
from raise_core.store.home import Home
from raise_core.store.workspace import workspace

LONGEST_NAME = 80


@dataclass(frozen=True)
class SavedCohort:
    """A named cohort filter.

    Attributes:
        cohort_id: short id.
        name: what its maker calls it; one of its kind in a study.
        study_id: study.
        filter_text: address form of the filter, empty for everybody.
        created_by: user.
        created_at: UTC, ISO 8601.
    """

    cohort_id: str
    name: str
    study_id: str
    filter_text: str
    created_by: str
    created_at: str


def save_cohort(home: Home, *, name: str, study_id: str, filter_text: str, user: str) -> SavedCohort:
    """Keep a filter under a name; a name that is there already gets the new filter.

    Raises:
        BadUsageError: an empty or too long name, or a filter that cannot be read.
    """
    clean = " ".join(name.split())
    if not clean or len(clean) > LONGEST_NAME:
        raise BadUsageError(f"a cohort needs a name of 1 to {LONGEST_NAME} characters.")
    text = parse_filter(filter_text).text
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with workspace(home) as connection:
        connection.execute(
            "INSERT INTO saved_cohort VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (study_id, name) DO UPDATE SET "
            "filter_text = excluded.filter_text, created_by = excluded.created_by, created_at = excluded.created_at",
            (secrets.token_hex(4), clean, study_id, text, user, now),
        )
        row = connection.execute(
            "SELECT * FROM saved_cohort WHERE study_id = ? AND name = ?", (study_id, clean)
        ).fetchone()
    return _cohort(row)


def saved_cohorts(home: Home, study_id: str) -> tuple[SavedCohort, ...]:
    """Saved cohorts of a study, by name."""
    with workspace(home, writes=False) as connection:
        rows = connection.execute(
            "SELECT * FROM saved_cohort WHERE study_id = ? ORDER BY name COLLATE NOCASE", (study_id,)
        ).fetchall()
    return tuple(_cohort(row) for row in rows)


def delete_cohort(home: Home, cohort_id: str) -> None:
    """Forget a saved cohort; one that is not there is no mistake."""
    with workspace(home) as connection:
        connection.execute("DELETE FROM saved_cohort WHERE cohort_id = ?", (cohort_id,))


def _cohort(row: sqlite3.Row) -> SavedCohort:
    return SavedCohort(*(row[column] for column in SavedCohort.__dataclass_fields__))
