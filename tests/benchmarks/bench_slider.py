"""From a hand on the slider to the new picture, at 138, 10,000 and 100,000 patients, beside lifelines.

Run as `python tests/benchmarks/bench_slider.py [--sizes 138,10000,100000] [--repeats 7]`. Each size is a simulated
study with one marker known at baseline, imported like anybody's files. Columns: what one move computes here (both
curves, table, log-rank test, hazard ratio, adjusted p), what it draws (figure and its JSON), the same computation by
lifelines, and the time in Chromium from the key press until the new curves are on the screen.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import logrank_test
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from raise_core.domain.survival_question import ByCut, SurvivalQuestion
from raise_core.domain.time_unit import TimeUnit
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.cut_points import CutScan
from raise_core.evaluation.survival_groups import SurvivalMaterial
from raise_core.figures.survival_curves import survival_figure
from raise_core.figures.survival_marks import group_marks
from raise_core.ingest.importer import import_study
from raise_core.store.home import Home
from raise_core.studies.opening import open_study
from raise_core.studies.survival import scan_of, survival_report
from raise_core.studies.survival_material import survival_material

REPOSITORY = Path(__file__).resolve().parents[2]
WEEK = LandmarkWeek(0.0)
PORT = 8697
WATCH = """() => {
    window.drawn = []; window.pressed = 0; let last = '';
    document.addEventListener('keydown', () => { window.pressed = performance.now(); window.drawn = []; }, true);
    setInterval(() => {
        const now = [...document.querySelectorAll('.js-plotly-plot .annotation-text')].map(t => t.textContent).join();
        if (now !== last) { last = now; window.drawn.push(performance.now()); }
    }, 4);
}"""


def simulated_home(folder: Path, patients: int) -> Home:
    """A study of `patients` with a continuous baseline marker and follow-up to the day."""
    rng = np.random.default_rng(patients)
    age = rng.normal(62, 11, patients).clip(20, 95).round(1)
    days = np.ceil(rng.exponential(700 * np.exp(-0.03 * (age - 62)))) + 8
    ends = rng.integers(400, 1100, patients)
    ids = [f"P{number:06d}" for number in range(patients)]
    source = folder / "source"
    source.mkdir(parents=True)
    pd.DataFrame({"patient_id": ids, "age_years": age}).to_csv(source / "patients.csv", index=False)
    pd.DataFrame(
        {
            "patient_id": ids, "endpoint": "PFS", "time_days": np.minimum(days, ends).astype(int),
            "event": (days <= ends).astype(int),
        }
    ).to_csv(source / "outcomes.csv", index=False)  # fmt: skip
    home = Home.at(folder / "home")
    import_study(home, source, study_id="slider")
    return home


def median_ms(work: Callable[[int], object], repeats: int) -> float:
    times = []
    for number in range(repeats):
        began = time.perf_counter()
        work(number)
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def lifelines_once(material: SurvivalMaterial, threshold: float) -> None:
    """Both curves, the log-rank test and the hazard ratio of one cut."""
    above = material.marker_values["age"] > threshold
    time_weeks, event = material.outcome.time_weeks, material.outcome.event
    for side in (above, ~above):
        KaplanMeierFitter().fit(time_weeks[side], event[side])
    logrank_test(time_weeks[above], time_weeks[~above], event[above], event[~above])
    CoxPHFitter().fit(pd.DataFrame({"high": above.astype(float), "t": time_weeks, "e": event}), "t", "e")


def measured(home: Home, repeats: int) -> tuple[float, float, float, float]:
    """Milliseconds to compute, to draw, of lifelines, and of the one scan that all moves share."""
    source = open_study(home, "slider")
    thresholds = [60.0 + 0.5 * number for number in range(repeats)]
    first = SurvivalQuestion("PFS", (ByCut("age", (thresholds[0],)),), WEEK)
    material = survival_material(source, first)
    began = time.perf_counter()
    scan = scan_of(material, "age")
    scanned = 1000 * (time.perf_counter() - began)
    assert isinstance(scan, CutScan)

    def report(number: int):
        question = SurvivalQuestion("PFS", (ByCut("age", (thresholds[number],)),), WEEK)
        return survival_report(material, question, scan=scan)

    found = report(0)

    def draw(_: int) -> str:
        return survival_figure(found, group_marks(found), theme="light", unit=TimeUnit.WEEKS).to_json()

    draw(0)
    peer = median_ms(lambda number: lifelines_once(material, thresholds[number]), min(repeats, 3))
    return median_ms(report, repeats), median_ms(draw, repeats), peer, scanned


def in_the_browser(home: Home, repeats: int) -> tuple[float, float]:
    """Median and largest milliseconds from a key press on the slider to new curves on the screen."""
    server = subprocess.Popen(
        [sys.executable, "-m", "raise_core.ui.server", "app.py", "--server.port", str(PORT)],
        cwd=REPOSITORY, env={**os.environ, "RAISE_HOME": str(home.path)}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/_stcore/health", timeout=2)
                break
            except OSError:
                time.sleep(0.2)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
                                                 args=["--no-sandbox"])  # fmt: skip
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(f"http://127.0.0.1:{PORT}/survival?by=marker&marker=age&week=0&at-age=60")
            page.wait_for_selector(".js-plotly-plot .annotation-text", timeout=120_000)
            page.wait_for_timeout(3000)
            page.evaluate(WATCH)
            slider = page.get_by_role("slider").first
            slider.focus()
            page.wait_for_timeout(500)
            times = []
            for _ in range(repeats + 2):
                slider.press("ArrowRight")
                page.wait_for_timeout(1500)  # nothing is asked of the page meanwhile: that would slow it down
                times.append(page.evaluate("window.drawn[0] - window.pressed"))
            browser.close()
            return statistics.median(times[2:]), max(times[2:])
    finally:
        server.terminate()
        server.wait(timeout=20)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", default="138,10000,100000")
    arguments.add_argument("--repeats", type=int, default=7)
    given = arguments.parse_args()
    print("| patients | compute ms | draw ms | lifelines ms | ratio | scan once ms | screen ms (median, largest) |")
    print("|---|---|---|---|---|---|---|")
    for size in (int(text) for text in given.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            home = simulated_home(Path(folder), size)
            compute, draw, peer, scanned = measured(home, given.repeats)
            middle, largest = in_the_browser(home, given.repeats)
        print(
            f"| {size:,} | {compute:.1f} | {draw:.0f} | {peer:.0f} | {peer / compute:.0f} | {scanned:.0f} | "
            f"{middle:.0f}, {largest:.0f} |", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
