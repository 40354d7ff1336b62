"""Distribution and course of a marker: what is drawn is what was computed, and a point leads to its patient."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.marker_name import parse_marker
from raise_core.domain.time_unit import TimeUnit
from raise_core.evaluation.distribution import level_distribution, number_distribution
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.trajectories import trajectories
from raise_core.figures import cohort_words
from raise_core.figures.arm_marks import arm_marks
from raise_core.figures.distribution import level_colours, level_figure, number_figure
from raise_core.figures.marker_axis import in_sentence, log_ticks, measured, reference_sentence
from raise_core.figures.table_export import Origin
from raise_core.figures.trajectories import trajectory_figure
from tests.evaluation.small_cohort import make_cohort, two_arms

MARKS = arm_marks(["Drug", "Placebo"], reference="Placebo")
ORIGIN = Origin("s", "A study", "0123456789abcdef", "", simulated=True, patients=12)
RATIO = parse_marker("ratio:CGA")


def source(n: int = 12) -> MarkerSource:
    rng = np.random.default_rng(0)
    labs = [
        (f"p{i:03d}", week, "CGA", float(np.exp(rng.normal(4.5, 2))), 98.0) for i in range(n) for week in (0, 12, 24)
    ]
    return MarkerSource(make_cohort(two_arms(n, columns={"sex": ["male", "female"] * (n // 2)}), labs=labs))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_patient_is_a_point_that_names_the_patient(theme):
    found = number_distribution(source(), RATIO, 12.0)
    figure = number_figure(found, marks=MARKS, theme=theme)
    points = [trace for trace in figure.data if trace.mode == "markers"]
    assert [trace.name for trace in points] == ["Drug", "Placebo"]
    for trace, arm in zip(points, found.arms, strict=True):
        assert [who[0] for who in trace.customdata] == list(arm.patient_ids)
        np.testing.assert_array_equal(trace.y, arm.values)
    assert figure.layout.yaxis.type == "log"
    assert any(note.text == "ULN" for note in figure.layout.annotations)
    low, high = figure.layout.yaxis.range
    assert 10**low <= min(arm.values.min() for arm in found.arms)
    assert 10**high >= max(arm.values.max() for arm in found.arms)


def test_points_do_not_move_from_one_drawing_to_the_next():
    found = number_distribution(source(), RATIO, 12.0)
    one, two = (number_figure(found, marks=MARKS).data[0].x for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one).max() <= 0.3


def test_medians_are_drawn_and_individual_lines_on_demand():
    found = trajectories(source(), RATIO, (12, 24))
    figure = trajectory_figure(found, marks=MARKS)
    median = next(trace for trace in figure.data if trace.name == "Drug")
    assert list(median.y) == [point.median for point in found.arms["Drug"]]
    assert not any(trace.customdata is not None for trace in figure.data)
    lines = trajectory_figure(found, marks=MARKS, individual=True)
    own = [trace for trace in lines.data if trace.customdata is not None]
    assert sum(value is not None for trace in own for value in trace.y) == 36
    assert {who[0] for trace in own for who in trace.customdata} == set(source().patient_ids)
    counts = [trace for trace in figure.data if trace.mode == "text"]
    assert [list(trace.text) for trace in counts] == [["6", "6", "6"]] * 2


def test_months_change_the_axis_and_nothing_else():
    found = trajectories(source(), RATIO, (12, 24))
    weeks, months = (trajectory_figure(found, marks=MARKS, unit=unit) for unit in TimeUnit)
    assert list(months.layout.xaxis.ticktext) == ["0", "2.8", "5.5"]
    assert list(weeks.layout.xaxis.ticktext) == ["0", "12", "24"]
    assert [list(trace.y) for trace in weeks.data] == [list(trace.y) for trace in months.data]


def test_bars_are_shares_of_the_known_with_their_counts():
    found = level_distribution(source(), parse_marker("sex"))
    figure = level_figure(found)
    assert [trace.name for trace in figure.data] == list(found.levels)
    assert [sum(trace.x[arm] for trace in figure.data) for arm in range(2)] == [100, 100]
    assert figure.data[1].text[0] == "6 (100 %)"


def test_degrees_are_a_ramp_and_kinds_are_hues():
    ramp = level_colours(("Low", "Intermediate", "High", "Unknown"))
    lightness = [int(ramp[level][1:3], 16) for level in ("Low", "Intermediate", "High")]
    assert lightness == sorted(lightness, reverse=True)
    kinds = level_colours(("Midgut", "Pancreas"))
    assert len(set(kinds.values())) == 2
    assert set(kinds.values()).isdisjoint(ramp.values())


def test_sentences_carry_n_and_the_interval_and_footnotes_the_source():
    found = number_distribution(source(), RATIO, 12.0)
    sentence = cohort_words.distribution_headline(found, TimeUnit.WEEKS)
    assert "at week 12" in sentence
    assert sentence.count("n = 6") == 2
    assert "95 % CI" in sentence
    note = cohort_words.distribution_footnote(found, ORIGIN, TimeUnit.WEEKS)
    for part in (
        "12 with a value",
        "Hodges-Lehmann",
        "Log scale",
        "snapshot 01234567",
        "Simulated data",
        "upper limit",
    ):
        assert part in note
    course = trajectories(source(), RATIO, (12, 24))
    assert "baseline" in cohort_words.trajectory_headline(course, TimeUnit.WEEKS)
    for point in course.arms["Drug"]:
        assert measured(point.median) in cohort_words.trajectory_alternative(course, TimeUnit.WEEKS)
    assert reference_sentence(course.scale) == "Dotted: ULN, upper limit of normal. "


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0.00"),
        (0.871, "0.87"),
        (-0.0583, "−0.058"),
        (12.34, "12.3"),
        (123.4, "123"),
        (1250, "1\u2009250"),
    ],
)
def test_values_have_three_digits_that_can_be_read(value, text):
    assert measured(value) == text


def test_log_ticks_are_plain_numbers():
    ticks, texts = log_ticks(0.08, 120)
    assert texts[ticks.index(1.0)] == "1"
    assert ticks[0] <= 0.08
    assert ticks[-1] >= 100
    assert in_sentence("Size ratio to baseline (SLDr)") == "size ratio to baseline (SLDr)"
    assert in_sentence("CgA / upper limit of normal").startswith("CgA")


def test_footnotes_say_which_value_counts_at_baseline():
    at_start, later = (
        cohort_words.distribution_footnote(number_distribution(source(), RATIO, week), ORIGIN, TimeUnit.WEEKS)
        for week in (0.0, 12.0)
    )
    assert "up to randomisation, else the first within 2 weeks after it" in at_start
    assert "before the visit" not in at_start
    assert "8 weeks before the visit to 1 week after" in later
    course = trajectories(source(), RATIO, (12, 24))
    note = cohort_words.trajectory_footnote(course, ORIGIN, TimeUnit.WEEKS, individual=False)
    assert "At baseline: latest value up to randomisation" in note
