"""The diagram shows every count of the flow, escapes what data say, and survives what is not there."""

from __future__ import annotations

import pytest

from raise_core.domain.participant_flow import Leaving
from raise_core.domain.time_unit import TimeUnit
from raise_core.evaluation.flow import participant_flow
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.figures import cohort_words
from raise_core.figures.arm_marks import arm_marks
from raise_core.figures.flow_diagram import MOST_WEEKS, flow_diagram, not_counted_lines
from raise_core.figures.identity import CONTROL_ARM, GUIDE, TREATMENT_ARM
from tests.evaluation.small_cohort import make_cohort, two_arms


def drawn(flow, **look) -> str:
    figure = flow_diagram(flow, marks=arm_marks(["Drug", "Placebo"], reference="Placebo"), **look)
    return " | ".join(note.text for note in figure.layout.annotations)


def flow_of(patients, **tables):
    weeks = (12, 24)
    endpoint = "PFS" if tables.get("outcomes") else None
    return participant_flow(MarkerSource(make_cohort(patients, **tables)), weeks, endpoint=endpoint)


def test_every_count_is_in_the_picture_and_in_its_text_alternative():
    flow = flow_of(
        two_arms(9),
        outcomes=[(f"p00{i}", 5 + 4 * i, i % 2 == 0) for i in range(9)],
        lesions=[(f"p00{i}", 0.0, "T1", 20.0, "liver") for i in range(7)],
    )
    text, spoken = drawn(flow), cohort_words.flow_alternative(flow, TimeUnit.WEEKS)
    for step in flow.steps:
        assert f"<b>{step.total}</b>" in text
        assert f"{step.total} {step.title}" in spoken
    for visit in flow.visits:
        assert f"<b>{sum(visit.at_risk)}</b> at risk" in text
        assert f"{sum(visit.at_risk)} at risk" in spoken
    assert "2</b> left out<br>no target lesion in the liver" in text
    assert TREATMENT_ARM in text
    assert CONTROL_ARM in text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_study_with_nothing_but_patients_is_one_box(theme):
    text = drawn(flow_of(two_arms(3)[["patient_id"]]), theme=theme)
    assert "<b>3</b> in the study" in text
    assert "at risk" not in text


def test_arms_from_data_cannot_be_markup():
    patients = two_arms(4).replace({"Drug": "<b>Drug</b>"})
    assert "<b>Drug" not in drawn(flow_of(patients))


def test_visits_are_named_in_the_unit_asked_for():
    flow = flow_of(two_arms(2), outcomes=[("p000", 50, True), ("p001", 50, False)])
    assert "Month 2.8" in drawn(flow, unit=TimeUnit.MONTHS)


def test_no_more_visits_than_fit_are_drawn():
    source = MarkerSource(make_cohort(two_arms(2), outcomes=[("p000", 90, True), ("p001", 90, False)]))
    flow = participant_flow(source, range(8, 80, 8), endpoint="PFS")
    assert drawn(flow).count("at risk") == MOST_WEEKS


def test_those_not_counted_add_up():
    flow = flow_of(two_arms(5), outcomes=[("p000", 5, True), ("p001", 6, False), ("p002", 50, True)])
    assert not_counted_lines(flow.visits[0]) == ["<b>4</b> left out", "1 event", "1 censored", "2 no outcome"]
    assert Leaving("x", (1, 2)).total == 3


def test_arms_keep_their_colour_whatever_a_filter_leaves():
    marks = arm_marks(["A", "B", "Placebo"], reference="Placebo")
    assert marks["A"].colour == TREATMENT_ARM
    assert marks["Placebo"].colour == CONTROL_ARM
    assert marks["Placebo"].dash == "dash"
    assert len({mark.colour for mark in marks.values()}) == len({mark.symbol for mark in marks.values()}) == 3
    assert marks["Arm not recorded"].colour == GUIDE
