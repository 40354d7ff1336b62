from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.errors import BadUsageError
from raise_core.imaging.window import ABDOMEN_SOFT_TISSUE, LIVER, WINDOWS, HounsfieldWindow, apply_window


def test_grey_at_the_limits_of_the_published_windows():
    assert (ABDOMEN_SOFT_TISSUE.low_hu, ABDOMEN_SOFT_TISSUE.high_hu) == (-150.0, 250.0)
    assert (LIVER.low_hu, LIVER.high_hu) == (-45.0, 105.0)
    grey = apply_window([-1024, -150, 50, 150, 250, 3000], ABDOMEN_SOFT_TISSUE)
    assert grey.tolist() == [0.0, 0.0, 0.5, 0.75, 1.0, 1.0]
    assert all(WINDOWS[name].name == name for name in WINDOWS)


def test_whole_numbers_do_not_overflow():
    assert apply_window(np.array([[-32768, 32767]], dtype=np.int16), LIVER).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("width", [0.0, -10.0, float("nan")])
def test_a_window_needs_a_width(width):
    with pytest.raises(BadUsageError, match="width"):
        HounsfieldWindow("none", level_hu=40.0, width_hu=width)
