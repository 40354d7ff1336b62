"""Pages opened by Streamlit's own test runner."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def open_app(monkeypatch):
    """Function that opens a page of the dashboard on a home, with an address."""

    def open_(page: str, home: Path, **address: str) -> AppTest:
        monkeypatch.setenv("RAISE_HOME", str(home))
        test = AppTest.from_file(str(REPOSITORY / "app.py"), default_timeout=60)
        if page != "app.py":
            test.switch_page(page)
        for name, value in address.items():
            test.query_params[name] = value
        test.run()
        assert not test.exception
        return test

    return open_
