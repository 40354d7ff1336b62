"""A marker's dated values, its baseline, its name with unit and the values it is read against."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.errors import NotInStoreError
from raise_core.domain.marker_name import parse_marker
from raise_core.evaluation.marker_history import (
    baseline,
    history,
    is_category,
    known_weeks,
    marker_scale,
    titled,
    values_at,
)
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


def test_week_0_is_the_baseline_of_changes_and_a_change_has_none():
    labs = [("p000", -20, "CGA", 10.0, 98.0), ("p000", 0.5, "CGA", 30.0, 98.0), ("p001", 1.5, "CGA", 40.0, 98.0)]
    lesions = [("p000", -3, "a", 20.0, "liver"), ("p000", 0.5, "a", 10.0, "liver")]
    data = MarkerSource(make_cohort(two_arms(2), labs=labs, lesions=lesions))
    assert values_at(data, parse_marker("lab:CGA"), 0.0).tolist() == [10.0, 40.0]
    assert known_weeks(data, parse_marker("lab:CGA"), (12.0,)) == (0.0,)
    for change in ("dlog:CGA", "sldr"):
        assert len(history(data, parse_marker(change))) == 1, "a value soon after the baseline"
        assert known_weeks(data, parse_marker(change), (12.0,)) == ()
        with pytest.raises(NotInStoreError, match="change from baseline"):
            values_at(data, parse_marker(change), 0.0)
    assert known_weeks(data, parse_marker("lab:NOPE"), (12.0,)) == ()
