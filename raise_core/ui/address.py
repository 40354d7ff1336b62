"""The address bar carries the view: what it asked for that does not exist is said, never guessed silently."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import streamlit as st

LONGEST_VALUE = 400  # characters of one parameter that are looked at; longer ones are not ours


def unknown_values(allowed: Mapping[str, Collection[str] | None]) -> list[str]:
    """Sentences on parameters of the address that cannot be shown; call before the widgets are made.

    Args:
        allowed: parameter to its possible values, None where any text is valid.
    """
    found: list[str] = []
    for name, options in allowed.items():
        for value in st.query_params.get_all(name):
            if len(value) > LONGEST_VALUE:
                found.append(f"The address has a value for “{name}” that is too long; the default is shown.")
            elif options is not None and value not in options:
                found.append(f"The address asks for {name} “{value[:40]}”, which is not here; the default is shown.")
    return found


def announce(sentences: list[str]) -> None:
    """Show what could not be read from the address."""
    for sentence in sentences:
        st.warning(sentence.replace("[", "").replace("]", "").replace("`", ""), icon=":material/link_off:")
