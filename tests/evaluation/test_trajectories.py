"""A marker over the visits."""

from __future__ import annotations

import pytest

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.marker_name import parse_marker
from raise_core.domain.week import LandmarkWeek
from raise_core.evaluation.marker_history import known_weeks
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.trajectories import trajectories
from tests.evaluation.small_cohort import make_cohort, two_arms


def source() -> MarkerSource:
    values = [
        ("p000", 0, 10),
        ("p000", 11.5, 20),
        ("p000", 30, 50),
        ("p001", 0, 30),
        ("p002", 12, 40),
        ("p002", 24, 60),
    ]
    labs = [(who, week, "CGA", float(value), 98.0) for who, week, value in values]
    return MarkerSource(make_cohort(two_arms(4), labs=labs))


def test_medians_by_visit_and_arm_are_those_of_the_landmark_rule():
    found = trajectories(source(), parse_marker("lab:CGA"), (12, 24, 48))
    assert found.weeks == (0.0, 12.0, 24.0), "nobody has a value at week 48"
    drug, placebo = found.arms["Drug"], found.arms["Placebo"]
    assert [(point.week, point.n, point.median) for point in drug] == [(0, 1, 10.0), (12, 2, 30.0), (24, 1, 60.0)]
    assert [point.n for point in placebo] == [1, 0, 0]
    for week in found.weeks:
        values = source().at(parse_marker("lab:CGA"), LandmarkWeek(week)).by_patient.iloc[:, 0]
        assert sum(point.n for points in found.arms.values() for point in points if point.week == week) == (
            values.notna().sum()
        )


def test_every_patient_keeps_the_actual_dates():
    found = trajectories(source(), parse_marker("lab:CGA"), (12, 24))
    line = next(line for line in found.patients if line.patient_id == "p000")
    assert line.arm == "Drug"
    assert line.weeks.tolist() == [0.0, 11.5, 30.0]
    assert line.values.tolist() == [10.0, 20.0, 50.0]


def test_what_does_not_change_or_is_not_there_is_refused():
    data = MarkerSource(make_cohort(two_arms(2, columns={"age_years": [1.0, 2.0]}), labs=[("p000", 90, "X", 1.0, 2.0)]))
    with pytest.raises(BadUsageError, match="known once"):
        trajectories(data, parse_marker("age"), (12,))
    with pytest.raises(NotInStoreError, match="no test"):
        trajectories(data, parse_marker("lab:CGA"), (12,))
    with pytest.raises(NotInStoreError, match="at baseline or at a visit week"):
        trajectories(data, parse_marker("lab:X"), (12,))
    assert known_weeks(data, parse_marker("age"), (12,)) == ()


def test_the_first_point_is_the_baseline_not_the_landmark_rule_at_week_0():
    labs = [("p000", -20, "CGA", 10.0, 98.0), ("p001", 1.5, "CGA", 40.0, 98.0), ("p000", 0.5, "CGA", 30.0, 98.0)]
    found = trajectories(MarkerSource(make_cohort(two_arms(2), labs=labs)), parse_marker("lab:CGA"), (12,))
    assert {name: [point.median for point in points] for name, points in found.arms.items()} == {
        "Drug": [10.0],
        "Placebo": [40.0],
    }
