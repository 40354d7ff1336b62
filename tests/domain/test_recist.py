"""RECIST read from sums and new lesions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.errors import BadInputError
from raise_core.domain.recist import RecistVersion, Response, read_recist

BOTH = list(RecistVersion)


def responses(
    baseline: float, sums: list[float], version: RecistVersion = RecistVersion.V1_0, new: list[bool] | None = None
):
    flags = new if new is not None else [False] * len(sums)
    return list(read_recist(baseline_mm=baseline, sld_mm=sums, new_lesion=flags, version=version).responses)


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("baseline", "sums", "expected"),
    [
        (100.0, [119.9], ["SD"]),
        (100.0, [120.0], ["PD"]),
        (100.0, [70.1], ["SD"]),
        (100.0, [70.0], ["PR"]),
        (100.0, [0.0], ["CR"]),
        (100.0, [60.0, 71.9, 72.0], ["PR", "SD", "PD"]),  # against the smallest sum, not against baseline
        (100.0, [0.0, 6.0], ["CR", "PD"]),  # seen again after vanishing
        (100.0, [110.0, 121.0], ["SD", "PD"]),  # the nadir may be the baseline itself
    ],
)
def test_thresholds(version, baseline, sums, expected):
    assert responses(baseline, sums, version) == expected


def test_small_sums_need_five_millimetres_in_1_1_only():
    assert responses(20.0, [24.0], RecistVersion.V1_0) == [Response.PROGRESSIVE]
    assert responses(20.0, [24.0], RecistVersion.V1_1) == [Response.STABLE]
    assert responses(20.0, [25.0], RecistVersion.V1_1) == [Response.PROGRESSIVE]
    assert responses(100.0, [110.0], RecistVersion.V1_1) == [Response.STABLE]  # 10 mm, but 10 %
    assert responses(30.0, [1.0, 4.0], RecistVersion.V1_1) == [Response.PARTIAL, Response.PARTIAL]


def test_thresholds_hold_despite_binary_rounding():
    for baseline in np.arange(10.0, 200.0, 1.3):
        assert responses(baseline, [baseline * 1.2], RecistVersion.V1_0) == [Response.PROGRESSIVE]
        assert responses(baseline, [baseline * 0.7], RecistVersion.V1_0) == [Response.PARTIAL]


def test_new_lesion_is_progression_whatever_the_sum():
    assert responses(100.0, [0.0, 50.0, np.nan], new=[True, True, True]) == [Response.PROGRESSIVE] * 3


def test_missing_sum_is_not_evaluable_and_leaves_the_nadir():
    reading = read_recist(baseline_mm=100.0, sld_mm=[80.0, np.nan, 96.0], new_lesion=[False] * 3)
    assert reading.responses == (Response.STABLE, Response.NOT_EVALUABLE, Response.PROGRESSIVE)
    assert reading.nadir_mm.tolist() == [100.0, 80.0, 80.0]
    assert reading.first_progression == 2


def test_no_follow_up_and_no_progression():
    assert read_recist(baseline_mm=50.0, sld_mm=[], new_lesion=[]).first_progression is None
    assert read_recist(baseline_mm=50.0, sld_mm=[50.0], new_lesion=[False]).first_progression is None


@pytest.mark.parametrize(
    ("baseline", "sums", "new", "named"),
    [
        (0.0, [1.0], [False], "baseline_mm"),
        (np.nan, [1.0], [False], "baseline_mm"),
        (10.0, [-1.0], [False], "sld_mm"),
        (10.0, [np.inf], [False], "sld_mm"),
        (10.0, [1.0, 2.0], [False], "new_lesion"),
    ],
)
def test_refusals_name_the_argument(baseline, sums, new, named):
    with pytest.raises(BadInputError, match=named):
        read_recist(baseline_mm=baseline, sld_mm=sums, new_lesion=new)


def test_limits_of_the_two_versions():
    assert (RecistVersion.V1_0.max_targets, RecistVersion.V1_0.max_targets_per_organ) == (10, 5)
    assert (RecistVersion.V1_1.max_targets, RecistVersion.V1_1.max_targets_per_organ) == (5, 2)


def by_the_book(baseline: float, sums: list[float], new: list[bool], version: RecistVersion) -> list[str]:
    """The criteria as prose, one visit after the other."""
    nadir, found = baseline, []
    vanished = False  # a complete response before: whatever is seen again is progression
    for total, appeared in zip(sums, new, strict=True):
        grown = total > nadir and total - nadir >= 0.2 * nadir - 1e-7
        if version is RecistVersion.V1_1 and total - nadir < 5.0 - 1e-7:
            grown = False
        if appeared or grown or (vanished and total > 0):
            found.append("PD")
        elif total == 0:
            found.append("CR")
            vanished = True
        elif baseline - total >= 0.3 * baseline - 1e-7:
            found.append("PR")
        else:
            found.append("SD")
        nadir = min(nadir, total)
    return found


tenths = st.integers(min_value=0, max_value=3000).map(lambda n: n / 10)
visits = st.lists(st.tuples(tenths, st.booleans()), max_size=8)


@given(baseline=tenths.filter(lambda n: n >= 1), follow_up=visits, version=st.sampled_from(BOTH))
def test_agrees_with_the_criteria_read_visit_by_visit(baseline, follow_up, version):
    sums, new = [total for total, _ in follow_up], [flag for _, flag in follow_up]
    assert responses(baseline, sums, version, new) == by_the_book(baseline, sums, new, version)


@given(baseline=tenths.filter(lambda n: n >= 1), follow_up=visits)
def test_1_1_never_progresses_where_1_0_does_not(baseline, follow_up):
    sums, new = [total for total, _ in follow_up], [flag for _, flag in follow_up]
    older, newer = (responses(baseline, sums, version, new) for version in BOTH)
    assert all(old == "PD" for old, young in zip(older, newer, strict=True) if young == "PD")


@given(baseline=tenths.filter(lambda n: n >= 1), follow_up=visits, factor=st.sampled_from([0.5, 2.0, 4.0]))
def test_1_0_does_not_depend_on_the_unit(baseline, follow_up, factor):
    sums, new = [total for total, _ in follow_up], [flag for _, flag in follow_up]
    assert responses(baseline, sums, new=new) == responses(baseline * factor, [s * factor for s in sums], new=new)


@given(baseline=tenths.filter(lambda n: n >= 1), follow_up=visits)
def test_nadir_falls_and_looks_only_back(baseline, follow_up):
    sums = [total for total, _ in follow_up]
    nadir = read_recist(baseline_mm=baseline, sld_mm=sums, new_lesion=[False] * len(sums)).nadir_mm
    assert (np.diff(nadir) <= 0).all()
    for visit in range(len(sums)):
        assert nadir[visit] == min([baseline, *sums[:visit]])
