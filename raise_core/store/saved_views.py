"""Named views of the dashboard, and unnamed ones whose address was too long to pass around."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.store.home import Home
from raise_core.store.workspace import workspace

LONGEST_NAME = 80
LONGEST_QUERY = 200_000


@dataclass(frozen=True)
class SavedView:
    """A view that can be opened by its id.

    Attributes:
        view_id: short id that stands in addresses.
        name: what its maker calls it, None when it was stored only for its length.
        page: file of the page, relative to app.py.
        query: the address's parameters, URL-encoded.
        study_id: study it shows.
        created_by: user.
        created_at: UTC, ISO 8601.
    """

    view_id: str
    name: str | None
    page: str
    query: str
    study_id: str
    created_by: str
    created_at: str


def save_view(home: Home, *, name: str | None, page: str, query: str, study_id: str, user: str) -> SavedView:
    """Store a view; an unnamed one that is there already is returned, not stored twice.

    Raises:
        BadUsageError: an empty or too long name, or an absurdly long address.
    """
    if len(query) > LONGEST_QUERY:
        raise BadUsageError(f"the view's address has {len(query)} characters; at most {LONGEST_QUERY} can be stored.")
    named = None if name is None else _checked_name(name)
    with workspace(home) as connection:
        if named is None:
            known = connection.execute(
                "SELECT * FROM saved_view WHERE name IS NULL AND page = ? AND query = ?", (page, query)
            ).fetchone()
            if known is not None:
                return _view(known)
        view = SavedView(
            secrets.token_hex(4), named, page, query, study_id, user, datetime.now(UTC).isoformat(timespec="seconds")
        )
        connection.execute(
            "INSERT INTO saved_view VALUES (?, ?, ?, ?, ?, ?, ?)",
            (view.view_id, view.name, view.page, view.query, view.study_id, view.created_by, view.created_at),
        )
    return view


def read_view(home: Home, view_id: str) -> SavedView:
    """The view with this id.

    Raises:
        NotInStoreError: there is none.
    """
    with workspace(home, writes=False) as connection:
        row = connection.execute("SELECT * FROM saved_view WHERE view_id = ?", (view_id,)).fetchone()
    if row is None:
        raise NotInStoreError(f"no saved view has the id “{view_id[:40]}”; it may have been deleted.")
    return _view(row)


def named_views(home: Home) -> tuple[SavedView, ...]:
    """Views with a name, newest first."""
    with workspace(home, writes=False) as connection:
        rows = connection.execute(
            "SELECT * FROM saved_view WHERE name IS NOT NULL ORDER BY created_at DESC, rowid DESC"
        ).fetchall()
    return tuple(_view(row) for row in rows)


def rename_view(home: Home, view_id: str, name: str) -> None:
    """Give a view another name; its id and so its address stay.

    Raises:
        BadUsageError: an empty or too long name.
        NotInStoreError: no such view.
    """
    with workspace(home) as connection:
        done = connection.execute(
            "UPDATE saved_view SET name = ? WHERE view_id = ?", (_checked_name(name), view_id)
        ).rowcount
    if not done:
        raise NotInStoreError(f"no saved view has the id “{view_id[:40]}”; it may have been deleted.")


def delete_view(home: Home, view_id: str) -> None:
    """Forget a view; one that is not there is no mistake."""
    with workspace(home) as connection:
        connection.execute("DELETE FROM saved_view WHERE view_id = ?", (view_id,))


def _checked_name(name: str) -> str:
    clean = " ".join(name.split())
    if not clean:
        raise BadUsageError("a view needs a name.")
    if len(clean) > LONGEST_NAME:
        raise BadUsageError(f"the name has {len(clean)} characters; at most {LONGEST_NAME} fit.")
    return clean


def _view(row: sqlite3.Row) -> SavedView:
    return SavedView(*(row[column] for column in SavedView.__dataclass_fields__))
