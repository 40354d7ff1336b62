"""The viewer as a Streamlit component: its scripts, put together, and the call that mounts it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent
_SCRIPTS = ("packet.js", "pane.js", "hands.js", "viewer.js")  # one module: what a later one uses stands before it


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


_mounted = st.components.v2.component(
    "raise_image_viewer",
    html=_text("viewer.html"),
    css=_text("viewer.css"),
    js="\n".join(_text(name) for name in _SCRIPTS),
)


def image_viewer(data: bytes, *, key: str, on_view_change: Callable[[], None]) -> dict[str, Any]:
    """Mount the viewer.

    Args:
        data: message made by `packet`.
        key: name in the session.
        on_view_change: called when the reader has moved on.

    Returns:
        What the browser last said: `sequence` (number of its message), `wanted` (pairs of scan key and slice it has
        not got), `slice` and `window` (what the reader settled on), empty before it has said anything.
    """
    said = _mounted(key=key, data=data, on_view_change=on_view_change)
    return dict(said.view or {})
