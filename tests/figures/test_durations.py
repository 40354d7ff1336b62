"""Times and sizes as people say them."""

from __future__ import annotations

import pytest

from raise_core.figures import durations


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (0.4, "0 s"), (59.4, "59 s"), (125, "2 min 5 s"), (59.6, "1 min"), (740, "12 min"),
     (4320, "1 h 12 min"), (7200, "2 h")],
)  # fmt: skip
def test_durations(seconds, words):
    assert durations.duration(seconds) == words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1, 8, "a few seconds"),
        (18, 42, "20–40 s"),
        (1, 42, "up to 40 s"),
        (100, 297, "2–5 min"),
        (160, 170, "about 3 min"),
        (3500, 11000, "1–3 h"),
        (20, 5000, "up to 83 min"),
        (20, 6000, "up to 2 h"),
    ],
)
def test_ranges_are_no_finer_than_they_are_known(low, high, words):
    assert durations.duration_range(low, high) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(None, "–"), (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (12_345, "12 kB"), (3_440_000, "3.4 MB"),
     (344e6, "344 MB"), (1.2e9, "1.2 GB"), (999_600, "1.0 MB")],
)  # fmt: skip
def test_sizes(number, words):
    assert durations.size(number) == words


def test_moments_are_utc():
    assert durations.moment("2026-11-22T15:05:59+01:00") == "2026-11-22 14:05"
    assert durations.moment(None) == "–"
