"""Passing a view on: its link, and views kept under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

import streamlit as st

from raise_core.domain.errors import NotInStoreError, UserFacingError
from raise_core.store.home import Home
from raise_core.store.saved_views import SavedView, delete_view, named_views, read_view, rename_view, save_view
from raise_core.ui import address, navigation
from raise_core.ui.navigation import HOME, PAGES, Page

if TYPE_CHECKING:
    from raise_core.ui.shell import PageContext

LONGEST_LINK = 1500  # characters that mail programs and chats leave whole


def follow_saved_view(home_path: str, page: Page) -> None:
    """When the address names a saved view, show that view; a notice when it is not there."""
    view_id = address.get("view")
    if view_id is None:
        return
    try:
        view = read_view(Home.at(home_path), view_id)
    except NotInStoreError as error:
        address.notice(str(error))
        address.put(view=None)
        return
    parameters = dict(parse_qsl(view.query, keep_blank_values=True))
    if view.page != page.file and view.page in {known.file for known in PAGES}:
        st.switch_page(view.page, query_params=parameters)
    address.replace(parameters)


def open_button(page: PageContext, place: Page) -> None:
    """Button that opens the dialog on links and saved views."""
    if st.button(
        "Share or save view",
        icon=":material/link:",
        key="open_sharing",
        width="stretch",
        help="A link that opens exactly this view, and views kept under a name.",
    ):
        _sharing(page, place)


@st.dialog("Share or save this view", width="large")
def _sharing(page: PageContext, place: Page) -> None:
    home, query = Home.at(page.home_path), urlencode(address.parameters())
    st.markdown(
        "This link opens the same picture, on the same data snapshot, in any browser that reaches this dashboard:"
    )
    st.code(_link(home, page, place, query), language=None, wrap_lines=True)
    # A form sends the name together with the click, however fast the one follows the other.
    with st.form("save_view_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", key="view_name", max_chars=80, help="How the view is listed.")
        wanted = st.form_submit_button("Save view", icon=":material/bookmark_add:", help="Keep it under this name.")
    if wanted:
        try:
            save_view(home, name=name, page=place.file, query=query, study_id=page.study.study_id, user=page.user.name)
        except UserFacingError as error:
            st.warning(str(error))
        else:
            st.rerun(scope="fragment")
    views = named_views(home)
    if not views:
        st.caption("No view has been saved yet.")
    for view in views:
        _listed(home, view)


def _link(home: Home, page: PageContext, place: Page, query: str) -> str:
    base = _address_of(place)
    if len(base) + len(query) <= LONGEST_LINK:
        return f"{base}?{query}"
    stored = save_view(home, name=None, page=place.file, query=query, study_id=page.study.study_id, user=page.user.name)
    return f"{base}?view={stored.view_id}"


def _address_of(place: Page) -> str:
    here = urlsplit(st.context.url or "")
    root = f"{here.scheme}://{here.netloc}" if here.netloc else ""
    return f"{root}/{'' if place is HOME else place.file.removeprefix('pages/').removesuffix('.py')}"


def _listed(home: Home, view: SavedView) -> None:
    """One saved view with what can be done with it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        navigation.saved_view_link(view)
        st.text_input(
            "New name",
            value=view.name or "",
            key=f"rename_{view.view_id}",
            max_chars=80,
            label_visibility="collapsed",
            help="Change it and press Enter to rename the view; its link stays.",
            on_change=_rename,
            args=(home, view.view_id),
        )
        if st.button("Delete", key=f"delete_{view.view_id}", icon=":material/delete:", help="Forget this view."):
            delete_view(home, view.view_id)
            st.rerun(scope="fragment")


def _rename(home: Home, view_id: str) -> None:
    """Give the view the name typed; only a change made here does it, never one made by somebody else meanwhile."""
    try:
        rename_view(home, view_id, st.session_state[f"rename_{view_id}"])
    except UserFacingError as error:
        st.toast(str(error), icon=":material/help:")
