"""The cohort filter in the address: itself while it is short, else the id under which it is stored."""

from __future__ import annotations

from raise_core.domain.cohort_filter import EVERYBODY, CohortFilter, parse_filter
from raise_core.domain.errors import BadUsageError
from raise_core.store.home import Home
from raise_core.store.saved_views import read_view, save_view
from raise_core.ui import address

LONGEST_IN_ADDRESS = 1200  # characters; a longer filter, of many single patients say, is stored
_STORED = "!"  # no condition begins with it
_PAGE = "filter"  # what is stored is no page's view


def read(home_path: str) -> CohortFilter:
    """The filter the address asks for; everybody when it asks for none.

    Raises:
        BadUsageError: it cannot be understood.
        NotInStoreError: it is stored under an id that is not there.
    """
    asked = address.get("filter")
    if not asked:
        return EVERYBODY
    if asked.startswith(_STORED):
        return parse_filter(read_view(Home.at(home_path), asked.removeprefix(_STORED)).query)
    if len(asked) > address.LONGEST_VALUE:
        raise BadUsageError("It is too long.")
    return parse_filter(asked)


def apply(home_path: str, chosen: CohortFilter, *, study_id: str, user: str) -> None:
    """Write the filter into the address, stored under an id when it is long."""
    text = chosen.text
    if len(text) > LONGEST_IN_ADDRESS:
        stored = save_view(Home.at(home_path), name=None, page=_PAGE, query=text, study_id=study_id, user=user)
        text = f"{_STORED}{stored.view_id}"
    address.put(filter=text or None)
