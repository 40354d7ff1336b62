"""Speed of a stage from its own reports: nothing before it is measured, a range that holds the truth after."""

from __future__ import annotations

import pytest

from raise_core.domain.errors import BusyError
from raise_core.jobs.reporter import Reporter
from raise_core.jobs.speed import LEAST_SPREAD, Speedometer


def test_nothing_is_said_before_it_is_measured():
    meter = Speedometer(0.0)
    assert meter.speed().rate is None
    meter.note(8.0, 5)
    assert (meter.speed().rate, meter.speed().counted, meter.speed().seconds) == (None, 5, 8.0)
    meter.note(8.5, 6)
    assert meter.speed().rate is None, "two reports half a second apart say nothing"


def test_a_steady_pace_is_found_whatever_the_start_took():
    meter = Speedometer(0.0)
    for number in range(1, 201):
        meter.note(30.0 + number, 10 * number)
    speed = meter.speed()
    assert speed.rate == pytest.approx(10.0)
    assert speed.spread == LEAST_SPREAD
    assert (speed.counted, speed.seconds) == (1990, 199.0)


def test_the_last_minute_counts_and_a_changed_pace_widens_the_range():
    meter = Speedometer(0.0)
    done = 0
    for moment in range(1, 601):
        done += 10 if moment <= 500 else 2
        meter.note(float(moment), done)
    speed = meter.speed()
    assert speed.rate == pytest.approx(2.0)
    assert speed.spread == 0.9


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_ledger_is_written_four_times_a_second_at_most_and_at_the_end():
    clock, told = Clock(), []
    reporter = Reporter(told.append, clock=clock)
    for done in range(1001):
        reporter("Stage", done, 1000)
        clock.now += 0.01
    assert len(told) == pytest.approx(10 / 0.25, abs=3)
    assert (told[0].done, told[-1].done) == (0, 1000)
    reporter("Next", 0, 5)
    assert (told[-1].stage, told[-1].rate) == ("Next", None), "each stage is measured anew"


def test_a_ledger_that_is_busy_does_not_end_the_work():
    def busy(_):
        raise BusyError("locked")

    Reporter(busy)("Stage", 1, 2)
