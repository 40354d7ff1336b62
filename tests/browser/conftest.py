"""A real dashboard server and a real Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECONDS_TO_START = 60
CHROMIUM_SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def start_server(home: Path, *, log: Path | None = None) -> tuple[subprocess.Popen, str]:
    """A fresh dashboard on a free port; waits until it answers. What it prints goes to `log`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (log or Path(os.devnull)).open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "raise_core.ui.server", "app.py", "--server.port", str(port)],
            cwd=REPOSITORY,
            env={**os.environ, "RAISE_HOME": str(home)},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return process, address
        except OSError:
            time.sleep(0.2)
    process.kill()
    pytest.fail("the dashboard did not start")


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium; absent, the test is skipped, or fails where RAISE_REQUIRE_BROWSER is set."""
    if CHROMIUM is None:
        if os.environ.get("RAISE_REQUIRE_BROWSER"):
            pytest.fail("no Chromium found, and RAISE_REQUIRE_BROWSER is set")
        pytest.skip("no Chromium on this machine; install it to run the browser tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=CHROMIUM_SWITCHES,
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(small_home):
    """Address of a dashboard on the small home."""
    process, address = start_server(small_home)
    yield address
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture
def fresh_server(small_home):
    """Address of a dashboard that nobody has opened yet."""
    process, address = start_server(small_home)
    yield address
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture
def logged_server(small_home, tmp_path):
    """Address of a fresh dashboard, and the file with what it prints."""
    log = tmp_path / "server.log"
    process, address = start_server(small_home, log=log)
    yield address, log
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture
def browser_support():
    """Chromium's path and switches, for tests that start one of their own."""
    return CHROMIUM, CHROMIUM_SWITCHES


class Watched:
    """A page that notes console errors and requests to anywhere but the dashboard."""

    def __init__(self, page, address: str) -> None:
        self.page = page
        self.errors: list[str] = []
        self.outside: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)
        page.on("request", lambda request: self._request(request, address))

    def _console(self, message) -> None:
        # Streamlit looks for its own server below the page's path first; those 404s are part of its start.
        probing = "_stcore/" in str(message.location.get("url", ""))
        if message.type == "error" and not probing:
            self.errors.append(message.text)

    def _request(self, request, address: str) -> None:
        local = request.url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))
        if not local:
            self.outside.append(request.url)


@pytest.fixture
def open_page(chromium):
    """Function that opens an address in a fresh browser session."""
    contexts = []

    def open_(address: str, path: str, *, dark: bool = False, width: int = 1280, height: int = 720) -> Watched:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        watched = Watched(page, address)
        page.goto(address + path)
        return watched

    yield open_
    for context in contexts:
        context.close()
