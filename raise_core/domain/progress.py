"""How long work tells whoever watches it where it stands, without knowing who that is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives one call per finished piece of work."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that `done` of `total` units of `stage` (plain words) are finished."""


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""
