"""The command line, called in this process."""

from __future__ import annotations

import sys

import pytest

from raise_core.cli.app import main


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command line in this process: (exit code, standard output, standard error)."""

    def call_(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["raise_core", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return int(stopped.value.code or 0), captured.out, captured.err

    return call_
