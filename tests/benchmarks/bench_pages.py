"""Latency of every page: what it imports, a cold start, a warm change of page, and its main interaction.

Run as `python tests/benchmarks/bench_pages.py [--home DIR] [--repeats 5]` on a home that holds a study (`make demo`
makes one). Prints a table; a page changes when its script has ended and its last element is drawn.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
IDLE = "[data-test-script-state=notRunning]"
PAGES = {
    "Home": ("app.py", "/"),
    "Cohort": ("pages/cohort.py", "/cohort"),
    "Patient": ("pages/patient.py", "/patient"),
    "Response": ("pages/response.py", "/response"),
    "C-index by week": ("pages/cindex.py", "/cindex"),
    "Survival": ("pages/survival.py", "/survival?by=marker"),
    "What if": ("pages/individual.py", "/individual"),
    "Runs": ("pages/runs.py", "/runs"),
    "Cache": ("pages/cache.py", "/cache"),
}
IMPORTS = """
import ast, json, sys, time, importlib
tree = ast.parse(open(sys.argv[1]).read())
began = time.perf_counter()
for node in tree.body:
    if isinstance(node, ast.ImportFrom):
        module = importlib.import_module(node.module)
        for name in node.names:
            if not hasattr(module, name.name):
                importlib.import_module(f"{node.module}.{name.name}")
print(json.dumps([time.perf_counter() - began, "torch" in sys.modules]))
"""


def import_seconds(file: str) -> tuple[float, bool]:
    """Time to import what a page imports in a fresh process, and whether torch came with it."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, file], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    seconds, torch = json.loads(done.stdout.splitlines()[-1])
    return float(seconds), bool(torch)


def settled(page: Page) -> None:
    page.wait_for_selector(IDLE)
    page.wait_for_function(
        "() => document.querySelector('h1') && !document.querySelector('[data-testid=stSkeleton]')", timeout=60_000
    )


def cold_seconds(support, home: Path, playwright, path: str) -> tuple[float, float]:
    """From starting the server, and from opening its first page, to a page that can be used."""
    began = time.perf_counter()
    process, address = support.start_server(home)
    answered = time.perf_counter()
    browser = playwright.chromium.launch(executable_path=support.CHROMIUM, args=support.CHROMIUM_SWITCHES)
    try:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{address}/_stcore/health")  # a browser that is open, without anything of the dashboard in its cache
        opened = time.perf_counter()
        page.goto(address + path)
        page.wait_for_selector("h1")
        settled(page)
        usable = time.perf_counter()
    finally:
        browser.close()
        process.terminate()
        process.wait(timeout=20)
    return answered - began + (usable - opened), usable - opened


def change_seconds(page: Page, name: str) -> float:
    """A click in the navigation to the page drawn."""
    link = page.get_by_test_id("stSidebar").get_by_role("link", name=name, exact=True)
    before = page.locator("h1").inner_text()
    began = time.perf_counter()
    link.click()
    page.wait_for_function(
        "before => document.querySelector('h1') && document.querySelector('h1').innerText !== before", arg=before
    )
    settled(page)
    return time.perf_counter() - began


def unit_seconds(page: Page, unit: str) -> float:
    """Weeks to months on the page on screen: every figure and table redrawn."""
    began = time.perf_counter()
    page.get_by_test_id("stSidebar").get_by_role("radio", name=unit).click()
    page.wait_for_function(f"() => location.search.includes('time=m') === {str(unit == 'months').lower()}")
    settled(page)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=REPOSITORY / "cache")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    spec = importlib.util.spec_from_file_location("support", REPOSITORY / "tests" / "browser" / "conftest.py")
    support = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(support)
    there = {name: place for name, place in PAGES.items() if (REPOSITORY / place[0]).is_file()}
    imports = {name: import_seconds(file) for name, (file, _) in there.items()}
    with sync_playwright() as playwright:
        cold = {name: cold_seconds(support, asked.home, playwright, path) for name, (_, path) in there.items()}
        process, address = support.start_server(asked.home)
        browser = playwright.chromium.launch(executable_path=support.CHROMIUM, args=support.CHROMIUM_SWITCHES)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(address)
        settled(page)
        names = list(there)
        for name in [*names[1:], names[0]]:
            change_seconds(page, name)  # warms every cache once
        warm: dict[str, list[float]] = {name: [] for name in names}
        redrawn: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(asked.repeats):
            for name in [*names[1:], names[0]]:
                warm[name].append(change_seconds(page, name))
                redrawn[name].extend(unit_seconds(page, unit) for unit in ("months", "weeks"))
        browser.close()
        process.terminate()
        process.wait(timeout=20)
    print("| page | imports (s) | torch | from server start (s) | first opening (s) | change, warm (s) | redraw (s) |")
    print("|---|---|---|---|---|---|---|")
    for name in there:
        seconds, torch = imports[name]
        print(
            f"| {name} | {seconds:.2f} | {'yes' if torch else 'no'} | {cold[name][0]:.1f} | {cold[name][1]:.1f} | "
            f"{statistics.median(warm[name]):.2f} | {statistics.median(redrawn[name]):.2f} |"
        )


if __name__ == "__main__":
    main()
