"""The dashboard's server: Streamlit's own, which gets ready for the first visitor while it starts.

Run as `python -m raise_core.ui.server app.py --server.port 8501`; options are those of `streamlit run`, which works as
well but lets the first visitor wait for imports and for what the home page shows.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import pkgutil
import sys
import threading
import time

from streamlit import runtime
from streamlit.web import cli

from raise_core import ui
from raise_core.domain.errors import UserFacingError

ATTEMPTS, SECONDS_BETWEEN = 400, 0.05  # to see whether the server is up


def read_in_pages() -> list[str]:
    """Import every module of the interface; their names."""
    names = [found.name for found in pkgutil.walk_packages(ui.__path__, f"{ui.__name__}.") if found.name != __name__]
    for name in names:
        importlib.import_module(name)
    return names


def prepare_home_page() -> None:
    """Fill the caches of the home page, as soon as the server that keeps them is there."""
    # Streamlit notes at every cached function that no visitor is there to see a spinner.
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").setLevel(logging.ERROR)
    for _ in range(ATTEMPTS):
        if runtime.exists():
            break
        time.sleep(SECONDS_BETWEEN)
    from raise_core.ui import home_view, reading

    with contextlib.suppress(UserFacingError):  # the page itself says what is wrong
        home_view.prepare(str(reading.home().path))


def _get_ready() -> None:
    read_in_pages()
    prepare_home_page()


def main() -> None:
    """Serve until stopped."""
    threading.Thread(target=_get_ready, name="get ready", daemon=True).start()
    sys.argv = ["streamlit", "run", *sys.argv[1:]]
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
