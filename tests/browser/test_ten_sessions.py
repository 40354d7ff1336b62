"""Ten people click at once for two minutes: nothing breaks, and nobody sees another one's patients."""

from __future__ import annotations

import asyncio
import os
import random
import re
import threading
import time
from pathlib import Path

import pytest
from playwright.async_api import Error, async_playwright, expect

from raise_core.domain.cohort_filter import parse_filter
from raise_core.evaluation.cohort_filter import matching
from raise_core.store.home import Home
from raise_core.studies.opening import open_study

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.alone]
SESSIONS = 10
SECONDS = float(os.environ.get("RAISE_CLICK_SECONDS", "120"))
PAGES = ("Home", "Cohort", "Patient", "C-index by week", "Runs", "Cache")
UNITS = ("weeks", "months")
WAIT_MS = 60_000
UNIT_AND_ADDRESS_AGREE = """() => {
    const unit = document.querySelector('[data-testid=stSidebar] [role=radio][aria-checked=true]');
    return unit && (unit.innerText === 'months') === location.search.includes('time=m');
}"""
IMPATIENT = 0.2  # share of clicks that do not wait for the page before


class Session:
    """One person with a cohort of their own."""

    def __init__(self, number: int, filter_text: str, n: int) -> None:
        self.filter_text, self.n = filter_text, n
        self.random = random.Random(number)
        self.clicks = 0
        self.lost = 0  # clicks on the switch that did not count
        self.errors: list[str] = []

    async def click_until(self, browser, address: str, deadline: float) -> None:
        """Wander through the pages; after every click one's own patients must be shown, and no error."""
        context = await browser.new_context(viewport={"width": 1280, "height": 720})
        page = await context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        await page.goto(f"{address}/?filter={self.filter_text.replace('=', '%3D').replace('>', '%3E')}")
        await self.check(page)
        while time.monotonic() < deadline:
            try:
                impatient = self.random.random() < IMPATIENT
                shown = await self.click(page)
                if impatient:  # either click may then count, as anywhere in a browser
                    await self.click(page)
                else:
                    await shown()
                    await self.agree(page)
                self.clicks += 1
                await self.check(page)
            except (Error, AssertionError) as error:  # which click failed says more than an event loop's traceback
                self.errors.append(f"click {self.clicks} on {page.url}: {str(error)[:600]}")
                break
            await asyncio.sleep(self.random.uniform(0.1, 0.8))
        await context.close()

    async def agree(self, page) -> None:
        """Switch and address say the same; a click that went under on a busy server is put right by the next page."""
        try:
            await page.wait_for_function(UNIT_AND_ADDRESS_AGREE, timeout=20_000)
        except Error:
            self.lost += 1
            other = "Home" if "/cache" in page.url else "Cache"
            await page.get_by_test_id("stSidebar").get_by_role("link", name=other, exact=True).click()
            await expect(page).to_have_title(f"{other} · RAISE", timeout=WAIT_MS)
            await page.wait_for_function(UNIT_AND_ADDRESS_AGREE)

    async def click(self, page):
        """Click a link or the unit of time; gives a function that waits for what has then to be seen."""
        sidebar = page.get_by_test_id("stSidebar")
        if self.random.random() < 0.6:
            name = self.random.choice(PAGES)
            await sidebar.get_by_role("link", name=name, exact=True).click()
            return lambda: expect(page).to_have_title(f"{name} · RAISE", timeout=WAIT_MS)
        unit = sidebar.get_by_role("radio", name=self.random.choice(UNITS))
        await unit.click()
        return lambda: expect(unit).to_be_checked(timeout=WAIT_MS)

    async def check(self, page) -> None:
        await expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached(timeout=WAIT_MS)
        mine = page.get_by_test_id("stSidebar").get_by_role("button", name=re.compile(r"patients$"))
        await expect(mine).to_have_text(re.compile(rf"(^|\D){self.n} of 90 patients$"), timeout=WAIT_MS)
        for error in await page.get_by_test_id("stException").all():
            self.errors.append(f"an error on {page.url}: {await error.inner_text()}")


async def _all_click(executable: str, switches: list[str], address: str, sessions: list[Session]) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=switches)
        deadline = time.monotonic() + SECONDS
        await asyncio.gather(*(session.click_until(browser, address, deadline) for session in sessions))
        await browser.close()


def test_ten_people_click_for_two_minutes(chromium, logged_server, browser_support, small_home):
    address, log = logged_server
    source = open_study(Home.at(small_home), "demo-raise")
    filters = [f"age>={43 + 3 * number}" for number in range(SESSIONS)]
    sizes = [len(matching(source, parse_filter(text)).patient_ids) for text in filters]
    assert len(set(sizes)) >= 8, "sessions must be told apart by their number of patients"
    sessions = [Session(number, text, size) for number, (text, size) in enumerate(zip(filters, sizes, strict=True))]
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_all_click(*browser_support, address, sessions))
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    # The synchronous Playwright of the other tests owns this thread's event loop.
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failures, failures[0]
    print(f"\nclicks by session: {[session.clicks for session in sessions]}")
    assert [error for session in sessions for error in session.errors] == []
    lost, clicks = (sum(getattr(session, what) for session in sessions) for what in ("lost", "clicks"))
    assert lost <= 0.1 * clicks, f"{lost} of {clicks} clicks on the switch did not count"
    assert all(session.clicks > 0 for session in sessions)
    assert sum(session.clicks for session in sessions) >= 3 * len(sessions)
    assert "Traceback" not in Path(log).read_text(encoding="utf-8", errors="replace")
