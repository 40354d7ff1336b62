"""Pictures of every page for the README: `make pictures`, on the home that `make demo` filled."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENT = "/patient?patient=SIM-0005"
PICTURES = {  # name: address, what must be there, what is scrolled to the top
    "home": ("/", "h1", None),
    "cohort": ("/cohort", ".js-plotly-plot .main-svg", None),
    "baseline": ("/cohort?tab=baseline", "table", None),
    "markers": ("/cohort?tab=markers", ".js-plotly-plot .main-svg", None),
    "patient": (PATIENT, ".js-plotly-plot .main-svg", None),
    "images": (f"{PATIENT}&side=1", ".viewer canvas[data-drawn]", "Scans"),
    "response": ("/response?show=time", ".js-plotly-plot .main-svg", None),
    "cindex": ("/cindex?show=added", ".js-plotly-plot .main-svg", None),
    "survival": ("/survival?by=marker&at-sldr=1.05&pin=sldr@1.02", ".js-plotly-plot .main-svg", None),
    "individual": ("/individual?patient=SIM-0005&v.sldr=1.15", ".js-plotly-plot .main-svg", None),
    "runs": ("/runs", "h1", None),
    "cache": ("/cache", "table", None),
    "prrt": ("/prrt?study=demo-prrt", ".js-plotly-plot .main-svg", None),
    "labs": ("/labs?study=demo-prrt&model=cox", ".js-plotly-plot .main-svg", None),
    "attention": ("/attention?study=demo-prrt&model=pet", ".js-plotly-plot .main-svg", None),
}
"""The last three need what is made on their pages: the PRRT run, the importance with the Cox model, the maps of PET."""
HIDE_FOLDER = """folder => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) walker.currentNode.textContent = walker.currentNode.textContent.replace(folder, 'cache');
}"""  # where the workspace lies on one machine is nothing for a README
SETTLE_MS = 1500  # fonts and the figure's last drawing


def main() -> None:
    """Serve the workspace, open each page and save it under docs/."""
    spec = importlib.util.spec_from_file_location("browser_support", Path(__file__).with_name("conftest.py"))
    support = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(support)
    home = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "cache"
    process, address = support.start_server(home)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=support.CHROMIUM, args=support.CHROMIUM_SWITCHES)
            for name, (path, ready, top) in PICTURES.items():
                page = browser.new_page(viewport={"width": 1280, "height": 800}, device_scale_factor=1.5)
                page.goto(address + path)
                page.wait_for_selector(ready, timeout=60_000)
                page.wait_for_selector("[data-test-script-state=notRunning]")
                page.wait_for_timeout(SETTLE_MS)
                if top is not None:
                    page.get_by_role("heading", name=top, exact=True).evaluate("e => e.scrollIntoView()")
                    page.wait_for_timeout(SETTLE_MS)
                page.evaluate(HIDE_FOLDER, str(home.resolve()))
                page.screenshot(path=REPOSITORY / "docs" / f"{name}.png")
            browser.close()
    finally:
        process.terminate()


if __name__ == "__main__":
    main()
