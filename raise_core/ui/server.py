"""The dashboard's server: Streamlit's own, with what the pages import read in while it starts.

Run as `python -m raise_core.ui.server app.py --server.port 8501`; options are those of `streamlit run`, which works as
well but lets the first visitor wait for the imports.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import threading

from streamlit.web import cli

from raise_core import ui


def read_in_pages() -> list[str]:
    """Import every module of the interface; their names."""
    names = [found.name for found in pkgutil.walk_packages(ui.__path__, f"{ui.__name__}.") if found.name != __name__]
    for name in names:
        importlib.import_module(name)
    return names


def main() -> None:
    """Serve until stopped."""
    threading.Thread(target=read_in_pages, name="read in pages", daemon=True).start()
    sys.argv = ["streamlit", "run", *sys.argv[1:]]
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
