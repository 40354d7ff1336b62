"""Who may see anything: the one gate every page passes before it reads a study.

The dashboard serves one user on their own machine. Reachable from elsewhere it shows nothing, since there is no login
yet; a login takes the place of `LOCAL_USER`.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class User:
    """Who looks.

    Attributes:
        name: under which views and cohorts are saved and jobs started.
    """

    name: str


LOCAL_USER = User("local user")


def admit() -> User:
    """The user, or a page that says why nothing is shown."""
    address = st.get_option("server.address")
    if address not in _THIS_MACHINE:
        st.title("This dashboard needs a login first")
        st.markdown(
            f"It listens on **{address or 'every address of this machine'}**, where others can reach it, and it has no "
            "login. Serve it on this machine only (server.address = 127.0.0.1, the default of `make demo`)."
        )
        st.stop()
    return LOCAL_USER
