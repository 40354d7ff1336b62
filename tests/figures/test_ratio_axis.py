"""Ticks of ratios."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raise_core.figures.ratio_axis import ratio_ticks


def test_wide_axes_have_round_ticks_of_each_decade():
    assert ratio_ticks(0.08, 12.0)[1] == ["0.1", "0.3", "1", "3", "10"]


def test_narrow_axes_have_even_ticks():
    assert ratio_ticks(0.79, 1.26)[1] == ["0.8", "0.9", "1.0", "1.1", "1.2"]


@given(st.floats(1e-3, 1e3), st.floats(1.01, 1e4))
def test_there_are_always_some_and_all_lie_within(low, wider):
    values, texts = ratio_ticks(low, low * wider)
    assert 2 <= len(values) == len(set(texts)) <= 14
    assert all(low * 0.999 <= value <= low * wider * 1.001 for value in values)
