"""Text from data or an address, made safe to stand inside Markdown."""

from __future__ import annotations

_MEANINGFUL = frozenset("\\`*_[]<>#$~|")


def plain(text: str) -> str:
    """The text with every character that Markdown would read as formatting escaped."""
    return "".join(f"\\{character}" if character in _MEANINGFUL else character for character in text)
