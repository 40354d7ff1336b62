# ruff: noqa: A002, ANN401 - arguments carry the names and types of the Streamlit widgets they are handed to
"""The address bar carries the view: every control of a page stands in it under a short, stable name.

Each function here draws one of Streamlit's widgets and keeps it and its parameter in step, both ways: a change writes
the address (which makes an entry in the browser's history), and a changed address (a link, back, forward) sets the
widget. Defaults are left out. What an address asks for that does not exist is said, and the default shown.

What a default depends on (the newest snapshot, the newest run) is pinned: it is written along with the first change,
so that a link opens the same picture after newer data have arrived.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from raise_core.ui.plain_text import plain

LONGEST_VALUE = 4000  # characters of one parameter that are looked at; longer ones are not ours
MOST_VALUES = 60
BETWEEN = "~"  # between several values of one parameter; browsers leave it unescaped
_SEEN, _PINS, _NOTICES = "_address_seen", "_address_pins", "_address_notices"
_PAGE, _VIEW = "_address_page", "_address_view"
_LINKED = "linked"  # marks a link from a page to itself; never stays in the address bar


def begin(page: str) -> None:
    """Start a page: nothing pinned, notices go to this place, and the parameters of the view are known.

    Streamlit hands over the browser's address with every message, also with one sent before the browser heard of the
    last change. So the address counts when a page is opened, after back and forward, and after a link; otherwise what
    the controls have written since is newer. It is said again at every run, because a link from a page to itself
    leaves the address bar behind.

    Args:
        page: which page.
    """
    state = st.session_state
    came = {key: st.query_params[key] for key in st.query_params}
    linked = came.pop(_LINKED, None) is not None
    if state.get(_PAGE) != page or linked or _is_back_or_forward():
        state[_VIEW] = came
    if state.get(_PAGE) != page:
        state[_PAGE], state[_SEEN] = page, {}
    state[_PINS], state[_NOTICES] = {}, st.container()
    replace(state[_VIEW])


def _is_back_or_forward() -> bool:
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def link_parameters(page: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Parameters for a link to `page`, which may be the one that it stands on.

    Args:
        page: page the link leads to.
        parameters: the view it opens.
    """
    return {**parameters, _LINKED: "1"} if st.session_state.get(_PAGE) == page else dict(parameters)


def pin(key: str, value: str) -> None:
    """Have `key` written along with whatever is changed next."""
    st.session_state[_PINS][key] = value


def put(**values: str | None) -> None:
    """Write parameters, None to remove one, as one step of the browser's history."""
    view = st.session_state[_VIEW]
    changed = {**view, **{key: value for key, value in values.items() if value is not None}}
    for key, value in values.items():
        if value is None:
            changed.pop(key, None)
    if changed != view:
        replace({**st.session_state[_PINS], **changed})
    st.session_state[_SEEN].update({key: get(key) for key in values})


def replace(parameters: Mapping[str, str]) -> None:
    """Write a whole address in place of the one there is."""
    st.session_state[_VIEW] = dict(parameters)
    st.query_params.from_dict(dict(parameters))


def keep_only(*keys: str) -> None:
    """Take every other parameter out of the address: another study has other patients, columns and snapshots."""
    replace({key: text for key, text in st.session_state[_VIEW].items() if key in keys})


def get(key: str) -> str | None:
    """What the address says of one parameter."""
    text: str | None = st.session_state[_VIEW].get(key)
    return text


def picked(key: str) -> str | None:
    """What a control holds just now, which the address may not say yet; None before it was drawn."""
    held = st.session_state.get(key)
    return held if isinstance(held, str) else None


def parameters() -> dict[str, str]:
    """What a link to the view on screen needs: the address and everything pinned."""
    return {**st.session_state[_PINS], **st.session_state[_VIEW]}


def notice(sentence: str) -> None:
    """Say under the title what could not be read from the address."""
    clean = "".join(character for character in sentence if character not in "[]`<>$:*_#\\")
    st.session_state[_NOTICES].warning(clean, icon=":material/link_off:")


def value(key: str, *, default: str, valid: Callable[[str], bool], what: str) -> str:
    """A parameter that no widget shows; the default, with a notice, when it is not valid.

    Args:
        key: parameter.
        default: when it is absent or not valid.
        valid: whether a text can be shown.
        what: its name in the notice.
    """
    text = get(key)
    if text is None or (len(text) <= LONGEST_VALUE and valid(text)):
        return default if text is None else text
    notice(f"The address asks for {what} “{text[:40]}”, which is not here; the default is shown.")
    return default


def segmented(
    label: str,
    options: Mapping[str, str],
    *,
    key: str,
    default: str,
    help: str,
    drawn: bool = True,
    **layout: Any,
) -> str:
    """One of a few, side by side; codes in the address, their labels on screen.

    Every control with `drawn` may stay undrawn, as behind a button nobody has pressed; it then only reads the address.
    """
    shown = {code: plain(text) for code, text in options.items()}  # these labels are read as Markdown
    layout = {"help": help, "required": True, **layout}
    return _one(st.segmented_control, label, shown, key=key, default=default, drawn=drawn, **layout)


def select(
    label: str,
    options: Mapping[str, str],
    *,
    key: str,
    default: str,
    help: str,
    drawn: bool = True,
    **layout: Any,
) -> str:
    """One of many."""
    return _one(st.selectbox, label, options, key=key, default=default, drawn=drawn, help=help, **layout)


def _one(
    widget: Callable[..., Any],
    label: str,
    options: Mapping[str, str],
    *,
    key: str,
    default: str,
    drawn: bool,
    **layout: Any,
) -> str:
    def parse(text: str) -> str:
        if text not in options:
            raise ValueError("is not here")
        return text

    if not drawn:
        return str(_undrawn(label, key, default, parse))
    _restore(label, key, default, parse, still_good=lambda shown: shown in options)
    picked = widget(label, list(options), key=key, format_func=lambda code: options.get(code, code), **layout)
    chosen = default if picked is None else str(picked)
    _record(key, chosen, is_default=chosen == default)
    return chosen


def multiselect(
    label: str,
    options: Mapping[str, str],
    *,
    key: str,
    default: Sequence[str],
    help: str,
    accept_new: bool = False,
    max_selections: int | None = None,
    **layout: Any,
) -> tuple[str, ...]:
    """Any number of several; with `accept_new` also texts that are not among the options."""

    def parse(text: str) -> list[str]:
        codes = [unquote(part) for part in text.split(BETWEEN) if part]
        unknown = [code for code in codes if code not in options]
        if (unknown and not accept_new) or len(codes) > (max_selections or MOST_VALUES):
            raise ValueError("is not here" if unknown else "holds more than can be shown")
        return list(dict.fromkeys(codes))

    _set_from_address(
        label, key, list(default), parse, still_good=lambda shown: accept_new or all(code in options for code in shown)
    )
    shown = st.session_state[key]
    picked = st.multiselect(
        label,
        list(dict.fromkeys([*options, *shown])),
        key=key,
        format_func=lambda code: options.get(code, code),
        accept_new_options=accept_new,
        max_selections=max_selections,
        help=help,
        **layout,
    )
    chosen = tuple(str(code) for code in picked)
    written = BETWEEN.join(code.replace("%", "%25").replace(BETWEEN, "%7E") for code in chosen)
    _record(key, written, is_default=chosen == tuple(default))
    return chosen


def switch(label: str, *, key: str, default: bool, help: str, drawn: bool = True, **layout: Any) -> bool:
    """On or off: '1' or '0' in the address."""

    def parse(text: str) -> bool:
        if text not in {"0", "1"}:
            raise ValueError("is neither 1 nor 0")
        return text == "1"

    if not drawn:
        return bool(_undrawn(label, key, default, parse))
    _restore(label, key, default, parse)
    chosen = bool(st.toggle(label, key=key, help=help, **layout))
    _record(key, str(int(chosen)), is_default=chosen == default)
    return chosen


def slider(
    label: str,
    *,
    key: str,
    minimum: float,
    maximum: float,
    default: float,
    step: float,
    help: str,
    drawn: bool = True,
    **layout: Any,
) -> float:
    """A number in a range."""

    def parse(text: str) -> float:
        number = float(text)
        if not (math.isfinite(number) and minimum <= number <= maximum):
            raise ValueError(f"lies outside {minimum:g} to {maximum:g}")
        return number

    if not drawn:
        return float(_undrawn(label, key, default, parse))
    _set_from_address(label, key, default, parse, still_good=lambda shown: minimum <= shown <= maximum)
    chosen = float(st.slider(label, minimum, maximum, step=step, key=key, help=help, **layout))
    _record(key, f"{chosen:.12g}", is_default=chosen == default)
    return chosen


def text(label: str, *, key: str, default: str, help: str, **layout: Any) -> str:
    """A line of text."""
    _set_from_address(label, key, default, str, still_good=lambda _: True)
    chosen = str(st.text_input(label, key=key, help=help, **layout) or "")
    _record(key, chosen, is_default=chosen == default)
    return chosen


def _restore(
    label: str,
    key: str,
    default: Any,
    parse: Callable[[str], Any],
    *,
    still_good: Callable[[Any], bool] = lambda _: True,
) -> None:
    """Set a choice from the address when that has changed, before it is drawn, and say its value in every run.

    A run that the next click cuts short may take what it set along before the browser heard of it, and what it did say
    may reach the browser after that click. So every run says what it took the choice for, and the last one is right.
    Sliders and texts are not said again: that would undo a quick second move.
    """
    _set_from_address(label, key, default, parse, still_good=still_good)
    st.session_state[key] = st.session_state[key]


def _set_from_address(
    label: str, key: str, default: Any, parse: Callable[[str], Any], *, still_good: Callable[[Any], bool]
) -> None:
    asked = get(key)
    seen = st.session_state[_SEEN]
    if key in st.session_state and key in seen and seen[key] == asked:
        if not still_good(st.session_state[key]):
            st.session_state[key] = default
        return
    seen[key] = asked
    st.session_state[key] = _read(label, key, default, parse)


def _undrawn(label: str, key: str, default: Any, parse: Callable[[str], Any]) -> Any:
    """The value of a control that is not drawn; what cannot be shown is taken out of the address, so said once."""
    asked = get(key)
    found = _read(label, key, default, parse)
    if asked is not None and found == default:
        put(**{key: None})
    return found


def _read(label: str, key: str, default: Any, parse: Callable[[str], Any]) -> Any:
    """What the address says of one control, the default where it says nothing or nothing that can be shown."""
    asked = get(key)
    if asked is None:
        return default
    if len(asked) > LONGEST_VALUE:
        notice(f"The address holds a value for {label} that is too long; the default is shown.")
        return default
    try:
        return parse(asked)
    except ValueError as error:
        reason = "cannot be read" if "could not convert" in str(error) else str(error)
        notice(f"The address asks for {label} “{asked[:40]}”, which {reason}; the default is shown.")
        return default


def _record(key: str, written: str, *, is_default: bool) -> None:
    """Write the address when the widget says something else than it; a default that is spelt out may stay."""
    asked = get(key)
    if asked == written or (asked is None and is_default):
        st.session_state[_SEEN][key] = asked
        return
    put(**{key: None if is_default else written})
