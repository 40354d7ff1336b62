"""A marker's dated values, its baseline, its name with unit and the values it is read against."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.marker_name import parse_marker
from raise_core.evaluation.marker_history import baseline, history, is_category, marker_scale, titled
from raise_core.evaluation.marker_values import MarkerSource
from tests.evaluation.small_cohort import make_cohort, two_arms

LESIONS = [("p000", 0, "a", 20.0, "liver"), ("p000", 12, "a", 14.0, "liver"), ("p001", 0, "a", 30.0, "liver")]
LABS = [("p000", 0, "ALBUMIN", 40.0, 52.0), ("p001", 12, "ALBUMIN", 42.0, 52.0)]


def source() -> MarkerSource:
    return MarkerSource(make_cohort(two_arms(2, columns={"sex": ["m", "f"]}), labs=LABS, lesions=LESIONS))


def test_dated_values():
    assert history(source(), parse_marker("sldr")).to_numpy().tolist() == [["p000", 12.0, 0.7]]
    assert history(source(), parse_marker("sex")).empty
    assert len(history(source(), parse_marker("log:ALBUMIN"))) == 2


def test_baseline_is_the_latest_before_or_soon_after():
    values = baseline(source(), parse_marker("lab:ALBUMIN"))
    assert values["p000"] == 40.0
    assert np.isnan(values["p001"]), "week 12 is no baseline"
    assert baseline(source(), parse_marker("sld")).tolist() == [20.0, 30.0]


def test_names_carry_their_unit():
    assert titled(source(), parse_marker("lab:ALBUMIN")) == "Albumin (µg/L)"
    assert titled(source(), parse_marker("ratio:ALBUMIN")) == "Albumin / upper limit of normal"
    assert titled(source(), parse_marker("sldr")) == "Size ratio to baseline (SLDr)"


def test_thresholds_of_recist_and_of_normal():
    assert [r.value for r in marker_scale(source(), parse_marker("sldr")).references] == pytest.approx([0.7, 1.0])
    assert [r.value for r in marker_scale(source(), parse_marker("sldn")).references] == pytest.approx([1.2])
    assert [r.value for r in marker_scale(source(), parse_marker("log:ALBUMIN")).references] == [np.log(52.0)]
    varied = MarkerSource(make_cohort(two_arms(2), labs=[("p000", 0, "X", 1.0, 5.0), ("p001", 0, "X", 1.0, 6.0)]))
    assert marker_scale(varied, parse_marker("lab:X")).references == (), "limits that differ are no one line"


def test_categories_are_told_from_numbers():
    assert is_category(source(), parse_marker("sex"))
    assert not is_category(source(), parse_marker("lab:ALBUMIN"))
